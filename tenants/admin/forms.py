"""The base form of a tenant's row in the back office."""

import re
from typing import Any

from django import forms
from django.contrib.admin.utils import display_for_field
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils.html import format_html

from tenants.models import Tenant
from tenants.scope import current_tenant, enter_scope


class TenantForm(forms.ModelForm):
    """The form of a row of the tenant in scope. A super_admin chooses the tenant, which is then in scope.

    If others changed a value while the form was open, their value stays unless the form changed it too. In that case the
    field has an error with their value, and saving again replaces it. To compare, the form also sends the values with
    which it was opened (`initial-…`). A form without them replaces everything.

    `ask` asks about an unlikely value: the question is an error of the form. The form then sends in `confirmed` what was
    asked, and saving it again answers yes.
    """

    # The model validates neither these fields nor the constraints that name them: the form does it itself.
    unvalidated_fields: frozenset[str] = frozenset()
    # The row that this form has already added, with other contents: somebody has saved it, gone back in the browser, and
    # saved again.
    added_before: models.Model | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        adding = self.instance._state.adding
        if adding and hasattr(self.instance, "tenant_id"):
            self.instance.tenant = current_tenant()
        sends_initial = any(name.startswith(self.add_initial_prefix("")) for name in self.data)
        for field in self.fields.values():
            field.show_hidden_initial = not adding and (sends_initial or not self.is_bound)
        # A question that was answered stays answered while the person corrects other errors.
        self.asked = " ".join(sorted(self.confirmed))

    @property
    def confirmed(self) -> set[str]:
        """The questions that were asked when the form was shown. By saving it, the person has answered yes."""
        return {*self.data.get("confirmed", "").split()}

    def ask(self, field: str, question: str, sentence: str) -> None:
        """Makes `sentence` an error of the field, unless `question`, a word that names what is asked, was confirmed."""
        if question not in self.confirmed:
            self.asked = " ".join(sorted({*self.confirmed, *self.asked.split(), question}))
            self.add_error(field, ValidationError(sentence, code="confirm"))

    def clean_tenant(self) -> Tenant | None:
        tenant = self.cleaned_data["tenant"]
        if tenant:
            enter_scope(tenant)
        return tenant

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.added_before:
            self.add_error(None, self._added_already())
        for name in [name for name in self.fields if name in values and self._was_changed_by_others(name)]:
            if name not in self.changed_data:
                # A field that the row does not have, such as a list, is saved only if the form changed it.
                values[name] = getattr(self.instance, name, None)
            elif self.fields[name].has_changed(self[name].initial, self[name].data):
                self.add_error(name, self._changed_meanwhile(name))
        return values

    def _added_already(self) -> ValidationError:
        added = self.added_before
        url = reverse(f"admin:{added._meta.app_label}_{added._meta.model_name}_change", args=[added.pk])
        sentence = (
            'This form was saved already, as <a href="{}">{}</a>. Open it to change it. Save again to add another.'
        )
        return ValidationError(format_html(sentence, url, added), code="added_before")

    def _was_changed_by_others(self, name: str) -> bool:
        """Returns whether the row has another value than when the form was opened."""
        field, bound = self.fields[name], self[name]
        if not field.show_hidden_initial:
            return False
        now, seen = (
            bound.initial,
            field.hidden_widget().value_from_datadict(self.data, self.files, bound.html_initial_name),
        )
        # Browsers send a line end as two characters.
        return field.has_changed(re.sub(r"\r\n?|\n", "\r\n", now).strip() if isinstance(now, str) else now, seen)

    def _changed_meanwhile(self, name: str) -> ValidationError:
        """Returns the error with the others' value. The form now counts as opened with that value."""
        bound = self[name]
        self.data = self.data.copy()
        many = bound.field.hidden_widget is forms.MultipleHiddenInput
        self.data.setlist(bound.html_initial_name, bound.initial if many else [bound.initial])
        theirs = ""
        if hasattr(self.instance, name):
            value = display_for_field(getattr(self.instance, name), self.instance._meta.get_field(name), "nothing")
            theirs = f", to “{value}”"
        return ValidationError(
            f"Meanwhile somebody changed this{theirs}. Save again to have yours instead.", code="stale"
        )

    # Private to Django, which has no public hook for it. The model's constraints are within the tenant, which is seldom
    # a field of the form: without it Django would check none of them, and a duplicate would be no error of the form.
    # Test: test_a_name_is_unique_within_the_tenant.
    def _get_validation_exclusions(self) -> set[str]:
        exclusions = super()._get_validation_exclusions()
        return (exclusions if "tenant" in self.errors else exclusions - {"tenant"}) | self.unvalidated_fields
