"""Invites people and lets them choose their password by a mailed link: nobody types another's password."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from rest_framework.exceptions import Throttled

from circe.db.ids import is_id
from tenants.admin.forms import TenantForm
from tenants.admin.remaining_bookings import DeactivatableAdmin
from tenants.models import Outlet, Role, Service, ServiceStaff, Staff
from tenants.scope import enter_scope


class LinkFunctions(NamedTuple):
    """Functions of the app that sends mails. They send, withdraw and find a person's links."""

    send: Callable[[Any], None]
    withdraw: Callable[[Any], bool]
    find_open: Callable[[Any], Any]


_link_functions: list[LinkFunctions] = []
# Returns the URL of the page of a person's week, with the outlet filled in. A higher app registers it.
_hours_url: list[Callable[[str, str], str]] = []


def register_links(**functions: Any) -> None:
    """Registers the functions of LinkFunctions."""
    _link_functions[:] = [LinkFunctions(**functions)]


def register_hours_url(url: Callable[[str, str], str]) -> None:
    """Registers the function that returns the URL of the page of working hours. `url` takes the ids of the person and
    the outlet.
    """
    _hours_url[:] = [url]


class InvitationForm(TenantForm):
    """The form of a new account: who it is for, and what they do. They choose the password themselves."""

    outlet = forms.ModelChoiceField(
        Outlet.objects.none(),
        required=False,
        help_text="Where they will work. Next you enter their working hours there.",
    )
    services = forms.ModelMultipleChoiceField(
        Service.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The services that only some people offer. They also offer every service that everybody offers.",
    )

    class Meta:
        model = Staff
        fields = ["email", "first_name", "last_name", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_name"].required = True
        # Most people who are hired are Staff, and a wrong choice should give too few rights, not too many.
        self.initial.setdefault("role", Role.STAFF)
        if self.instance.tenant_id is None:
            # A super_admin chooses the business in this form.
            del self.fields["outlet"], self.fields["services"]
            return
        self.fields["outlet"].queryset = Outlet.objects.filter(is_active=True)
        named = Exists(ServiceStaff.objects.filter(service=OuterRef("pk")))
        self.fields["services"].queryset = Service.objects.filter(named, is_active=True)

    def save(self, commit: bool = True) -> Any:
        """Saves an account with which nobody can sign in yet."""
        self.instance.set_unusable_password()
        return super().save(commit)


class InvitingAdmin(DeactivatableAdmin):
    """The pages of accounts, with the buttons that send and withdraw links."""

    def get_urls(self) -> list[URLPattern]:
        views = {"invite": self.invite_view, "withdraw": self.withdraw_view}
        return [
            *(
                path(
                    f"<str:staff_id>/{name}/",
                    self.admin_site.admin_view(require_POST(view)),
                    name=f"tenants_staff_{name}",
                )
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self._add_to_services_and_invite(request, obj, form)

    def _add_to_services_and_invite(self, request: HttpRequest, staff: Any, form: Any) -> None:
        """Adds the new person to the services, and invites them."""
        services = form.cleaned_data.get("services") or []
        ServiceStaff.objects.bulk_create(
            ServiceStaff(tenant_id=staff.tenant_id, service=service, staff_id=staff.pk) for service in services
        )
        self._send(request, staff)
        outlet = form.cleaned_data.get("outlet")
        if outlet and _hours_url:
            url = _hours_url[0](staff.pk, outlet.pk)
            words = '<a href="{}">Enter the working hours of {} at {}</a>: nobody can book this person until then.'
            messages.info(request, format_html(words, url, staff, outlet))

    def invite_view(self, request: HttpRequest, staff_id: str) -> HttpResponse:
        """Sends the person a link by which they choose their password, and leads back to their page."""
        staff = self._find(request, staff_id)
        if staff.is_active:
            self._send(request, staff)
        else:
            messages.error(request, f"{staff} is deactivated. Activate the account first.")
        return self._back(staff)

    def withdraw_view(self, request: HttpRequest, staff_id: str) -> HttpResponse:
        """Makes the links of the person useless, and leads back to their page."""
        staff = self._find(request, staff_id)
        if _link_functions[0].withdraw(staff):
            messages.success(request, f"The link that was sent to {staff.email} is withdrawn.")
        return self._back(staff)

    def _find(self, request: HttpRequest, staff_id: str) -> Any:
        if not self.has_change_permission(request):
            raise PermissionDenied
        people = self.get_queryset(request).filter(tenant__isnull=False).select_related("tenant")
        staff = get_object_or_404(people, pk=staff_id if is_id(staff_id) else None)
        enter_scope(staff.tenant)
        return staff

    def _send(self, request: HttpRequest, staff: Any) -> None:
        if staff.role == Role.SUPER_ADMIN:
            words = f"A super admin’s password is set on the server: manage.py changepassword {staff.email}"
            messages.warning(request, words)
            return
        try:
            _link_functions[0].send(staff)
        except Throttled:
            messages.error(request, f"{staff.email} has been sent too many mails in the last hour. Try again later.")
        else:
            messages.success(request, f"A link by which {staff} chooses a password is sent to {staff.email}.")

    def _back(self, staff: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tenants_staff_change", args=[staff.pk]))


def describe_password(staff: Any) -> str:
    """Returns a sentence: whether the person has a password, and until when their link is valid."""
    if staff.tenant_id is None:
        return f"Set on the server: manage.py changepassword {staff.email}"
    state = "Has one, which nobody else knows." if staff.has_usable_password() else "Has none yet: was invited."
    link = _link_functions[0].find_open(staff).first()
    if link is None:
        return state
    until = f"good until {date_format(link.expires_at, 'DATETIME_FORMAT')}" if link.expires_at else "about to be sent"
    return f"{state} A link to choose one is {until}."


def has_open_link(staff: Any) -> bool:
    """Returns whether there is a link that can be withdrawn."""
    return _link_functions[0].find_open(staff).exists()
