"""Customers: their fields and constraints, queries, and the ways to change, delete, restore and purge them."""

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext, suppress
from typing import Any, Self

from django.contrib.auth.hashers import make_password
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import F, Func, Q
from django.db.models.constants import OnConflict
from django.db.models.functions import Coalesce
from django.utils import timezone

from circe.db.audit_trigger import AuditTrigger
from circe.db.constraints import violated_constraint
from circe.db.fields import ValidatedCharField, ValidatedDateField
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from customers.contact_conflicts import DuplicateCustomer, find_contact_conflicts, lock_contacts
from customers.extensions import run_purge_steps
from customers.models.choices import Gender, PreferredChannel, tenant_language
from customers.models.consent import block_marketing, find_stale_grants, withdraw_granted_marketing
from customers.models.imports import CustomerImport
from customers.models.preferences import PREFERENCE_MODELS
from customers.models.querysets import CustomerQuerySet
from customers.tags import MAX_TAGS, clean_tags, validate_tag
from customers.validators import validate_date_of_birth, validate_source
from tenants.characters import validate_name, without_unseen_characters
from tenants.identity import clean_email, clean_phone, email_key, validate_email_address, validate_phone
from tenants.models import (
    IdempotencyRecord,
    LoginFailure,
    Outlet,
    TenantModel,
    portal_failure_account,
    tenant_constraints,
    validate_language,
)
from tenants.scope import TenantManager

FOLDED_NAME = Func("first_name", "last_name", function="circe_folded_name")
# By field of a contact that only one customer has: the flag that becomes false when the contact changes.
CONTACT_FLAGS = {"email_key": "email_verified", "phone": "phone_verified"}


class Customer(TenantModel):
    """A person whom a tenant serves.

    `email_key` is the e-mail address in the form in which it is compared; `phone` is E.164. Both are unique within the
    tenant among customers who are not soft-deleted. Without `password` (a hash) the customer is a walk-in.
    `pending_phone` is a number that the customer gave in the portal and that another customer has: staff decide whose
    it is. `was_active` is the `is_active` of a soft-deleted customer before the deletion.
    """

    customer_column = "id"

    first_name = ValidatedCharField(max_length=100, validators=[validate_name])
    last_name = ValidatedCharField(max_length=100, null=True, blank=True, validators=[validate_name])
    email = ValidatedCharField("e-mail", max_length=254, null=True, blank=True, validators=[validate_email_address])
    email_key = models.CharField(max_length=254, null=True, editable=False)
    email_verified = models.BooleanField("e-mail verified", default=False)
    phone = ValidatedCharField(max_length=32, null=True, blank=True, validators=[validate_phone])
    phone_verified = models.BooleanField(default=False)
    pending_phone = models.CharField(max_length=32, null=True, editable=False)
    password = models.CharField(max_length=255, null=True, editable=False)
    gender = models.CharField(max_length=20, null=True, blank=True, choices=Gender)
    date_of_birth = ValidatedDateField(null=True, blank=True, validators=[validate_date_of_birth])
    address = models.CharField(max_length=500, null=True, blank=True)
    tags = ArrayField(
        ValidatedCharField(max_length=50, validators=[validate_tag]), size=MAX_TAGS, default=list, blank=True
    )
    source = ValidatedCharField(max_length=50, null=True, blank=True, validators=[validate_source])
    loyalty_points = models.IntegerField(default=0, validators=[MinValueValidator(0)])

    is_active = models.BooleanField("active", default=True)
    is_deleted = models.BooleanField(default=False, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # The id of the user. It is no foreign key, since the customer may outlive the account.
    deleted_by = models.CharField(max_length=24, null=True, editable=False)
    was_active = models.BooleanField(null=True, editable=False)

    accepts_email = models.BooleanField("accepts e-mail", default=True)
    accepts_sms = models.BooleanField("accepts SMS", default=True)
    accepts_push = models.BooleanField("accepts push notifications", default=True)
    accepts_whatsapp = models.BooleanField("accepts WhatsApp", default=False)
    marketing_consent = models.BooleanField(default=False)
    language = ValidatedCharField(max_length=35, default=tenant_language, validators=[validate_language])
    preferred_outlet = TenantForeignKey(Outlet, models.SET_NULL, null=True, blank=True, related_name="+")
    preferred_categories = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    preferred_channel = models.CharField(
        "preferred way of contact", max_length=10, null=True, blank=True, choices=PreferredChannel
    )
    accessibility_needs = models.CharField(max_length=500, null=True, blank=True)
    notes = models.CharField(max_length=2000, null=True, blank=True)

    # A trigger sets this at every write, by the clock of the database. Changes are listed in this order
    # (circe/db/changes.py).
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    search_text = models.GeneratedField(
        expression=Func("first_name", "last_name", "email", "phone", function="circe_search_text"),
        output_field=models.TextField(),
        db_persist=True,
    )

    objects = TenantManager.from_queryset(CustomerQuerySet)()

    class Meta(TenantModel.Meta):
        ordering = ["-created_at", "-id"]
        constraints = [
            # The database derives both columns from others.
            AuditTrigger(name="%(class)s_audit", subject_column="id", unrecorded_columns=["email_key", "search_text"]),
            *tenant_constraints(subject_column="id", subject_commands=["SELECT", "UPDATE"]),
            SameTenant(field="preferred_outlet", name="%(class)s_preferred_outlet"),
            models.UniqueConstraint(
                fields=["tenant", "email_key"],
                condition=Q(is_deleted=False),
                name="customer_email",
                violation_error_message="Another customer has this e-mail address.",
            ),
            models.UniqueConstraint(
                fields=["tenant", "phone"],
                condition=Q(is_deleted=False),
                name="customer_phone",
                violation_error_message="Another customer has this phone number.",
            ),
            models.CheckConstraint(
                condition=Q(email_key__isnull=False) | Q(phone__isnull=False), name="customer_email_or_phone"
            ),
            models.CheckConstraint(
                condition=Q(email__isnull=True, email_key__isnull=True)
                | Q(email__isnull=False, email_key__isnull=False),
                name="customer_email_has_key",
            ),
            models.CheckConstraint(condition=Q(phone__regex=r"^\+[0-9]{7,15}$"), name="customer_phone_e164"),
            models.CheckConstraint(
                condition=Q(password__isnull=True) | Q(email_key__isnull=False), name="customer_password_needs_email"
            ),
            models.CheckConstraint(
                condition=Q(is_deleted=False) | Q(is_active=False), name="customer_deleted_is_inactive"
            ),
            models.CheckConstraint(condition=~Q(first_name=""), name="customer_first_name"),
            models.CheckConstraint(
                condition=Q(preferred_channel__in=PreferredChannel.values), name="customer_preferred_channel"
            ),
            models.CheckConstraint(condition=Q(loyalty_points__gte=0), name="customer_loyalty_points"),
        ]
        indexes = [
            models.Index(fields=["id"], name="customer_by_id"),  # for a super_admin, in all businesses
            models.Index(
                fields=["tenant", "-created_at", "-id"], condition=Q(is_deleted=False), name="customer_newest"
            ),
            # The indexes of the unique constraints leave out deleted customers, but contact conflicts are looked for
            # among these too.
            models.Index(fields=["tenant", "email_key"], name="customer_any_email"),
            models.Index(fields=["tenant", "phone"], name="customer_any_phone"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="customer_search"),
            GinIndex(fields=["tags"], name="customer_tags"),
            models.Index(fields=["tenant", "changed_at", "id"], name="customer_changes"),
            models.Index("tenant", FOLDED_NAME, "id", condition=Q(is_deleted=False), name="customer_name"),
        ]

    def __str__(self) -> str:
        return self.full_name

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any]) -> Self:
        customer = super().from_db(db, field_names, values)
        customer._snapshot_contacts()
        return customer

    def _snapshot_contacts(self) -> None:
        """Remembers the stored contacts, so that `save` sees which of them have changed."""
        self._stored = {name: self.__dict__.get(name) for name in CONTACT_FLAGS}

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name or ''}".strip()

    @property
    def contact_advice(self) -> str:
        """How the customer likes to be reached, in words for staff. "" if that is not known."""
        return PreferredChannel(self.preferred_channel).advice if self.preferred_channel else ""

    @property
    def has_password(self) -> bool:
        return self.password is not None

    @property
    def may_sign_in(self) -> bool:
        """Whether the customer may use the portal. `CustomerQuerySet.able_to_sign_in` filters by the same rule."""
        return self.has_password and self.email_verified and self.is_active and not self.is_deleted

    def clean(self) -> None:
        """Brings every value into its canonical form. Raises ValidationError if values contradict each other."""
        for name in ("first_name", "last_name", "address", "notes", "accessibility_needs"):
            text = unicodedata.normalize("NFC", getattr(self, name) or "").strip()
            setattr(self, name, (without_unseen_characters(text).strip() if name.endswith("_name") else text) or None)
        self.first_name, self.gender, self.source = self.first_name or "", self.gender or None, self.source or None
        self.preferred_channel = self.preferred_channel or None
        # A malformed value stays: the validators of the fields report it.
        with suppress(ValidationError):
            self.email = clean_email(self.email) if self.email else None
        with suppress(ValidationError):
            self.phone = clean_phone(self.phone) if self.phone else None
        self.tags = clean_tags(self.tags)
        self.preferred_categories = [unicodedata.normalize("NFC", name).strip() for name in self.preferred_categories]
        if len(self.tags) > MAX_TAGS:
            raise ValidationError({"tags": f"A customer has at most {MAX_TAGS} tags."})
        if not (self.email or self.phone):
            raise ValidationError({"email": "A customer needs an e-mail address or a phone number."})
        if self.has_password and not self.email:
            raise ValidationError({"email": "A customer with a password needs an e-mail address."})

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Saves the customer in canonical form. A new customer gets tags that tell how they came; a new e-mail or phone is
        unverified.

        Raises DuplicateCustomer if another customer has the e-mail or the phone, and ValidationError as `clean` does.
        """
        if self._state.adding:
            origin_tags = ["self-registered"] if self.has_password else ["staff-created", "walk-in"]
            self.tags = [*origin_tags, *self.tags]
        self.clean()
        self.email_key = email_key(self.email) if self.email else None
        if not self._state.adding:
            changed = [name for name in CONTACT_FLAGS if self._stored[name] != getattr(self, name)]
            for name in changed:
                setattr(self, CONTACT_FLAGS[name], False)
            # A new phone number takes the place of the pending one.
            settled = ["pending_phone"] if "phone" in changed else []
            self.pending_phone = None if settled else self.pending_phone
            if update_fields is not None:
                update_fields = {*update_fields, *changed, *settled, *(CONTACT_FLAGS[name] for name in changed)}
        adding = self._state.adding
        try:
            # An insert of a duplicate raises nothing, see `_do_insert`, so it needs no savepoint of two round trips.
            with transaction.atomic(savepoint=not adding):
                self._lock_contacts(update_fields)
                super().save(*args, update_fields=update_fields, **kwargs)
        except IntegrityError as error:
            if _is_duplicate(error):
                raise DuplicateCustomer(self.conflicts()) from error
            raise
        if adding:
            self.possible_duplicates, is_stored = self._contact_conflicts()
            if not is_stored:
                self._state.adding = True
                raise DuplicateCustomer(self.possible_duplicates)
        self._snapshot_contacts()

    # Private to Django, whose save() cannot insert with ON CONFLICT. If Django no longer calls it, a create needs a
    # savepoint; without one, a duplicate ends the whole transaction. Test:
    # test_of_50_concurrent_creates_of_one_person_one_is_201_and_the_rest_409.
    def _do_insert(self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: bool) -> list[Any]:
        """Inserts the row as Django does, but inserts nothing if another customer has a unique value of it."""
        # The manager would compile a filter by the scope, which an INSERT does not use.
        rows: models.QuerySet = models.QuerySet(type(self))
        # Private to Django: bulk_create() is public and returns no generated fields. If it goes, no customer can be
        # created. Test: test_a_create_is_seven_round_trips.
        return rows._insert([self], fields=fields, using=using, raw=raw, on_conflict=OnConflict.IGNORE)

    def _lock_contacts(self, update_fields: Iterable[str] | None) -> None:
        """Locks the contacts that the customer takes or gives up, so that two customers who swap contacts do not
        deadlock.
        """
        if not {*CONTACT_FLAGS, "is_deleted"} & {*(update_fields or CONTACT_FLAGS)}:
            return
        stored = {} if self._state.adding else self._stored
        contacts = {*stored.values(), *(getattr(self, name) for name in CONTACT_FLAGS)} - {None}
        lock_contacts(self.tenant_id, contacts)

    def change(self, changes: dict[str, Any], *, seen_at: dt.datetime | None = None) -> None:
        """Sets the values of `changes` and saves only these, so that two changes of different values both survive.

        `seen_at` is the `updated_at` that a client read. A consent that the customer has withdrawn after it is not granted
        again. `marketing_consent` false withdraws every channel, also if only some were granted.

        Beside fields `changes` may hold `password` (in clear; None removes it), `preferred_services` and
        `preferred_staff_ids` (lists of ids, in order of preference), and `tags_add` and `tags_remove`. For these two
        the caller must have locked the row. Raises what `save` raises.
        """
        stale = find_stale_grants(self, changes, seen_at)
        changes = {name: value for name, value in changes.items() if name not in stale}
        lists = {name: changes[name] for name in PREFERENCE_MODELS if name in changes}
        fields = {name: value for name, value in changes.items() if name not in PREFERENCE_MODELS}
        added, removed = (clean_tags(fields.pop(name, ())) for name in ("tags_add", "tags_remove"))
        if added or removed:
            fields["tags"] = [tag for tag in [*self.tags, *added] if tag not in removed]
        if "password" in fields:
            fields["password"] = make_password(fields["password"]) if fields["password"] else None
        for name, value in fields.items():
            setattr(self, name, value)
        withdraws_marketing = fields.get("marketing_consent") is False and not self._state.adding
        with transaction.atomic() if lists or withdraws_marketing else nullcontext():
            self.save(update_fields=None if self._state.adding else {*fields, *(["updated_at"] if lists else [])})
            for name, ids in lists.items():
                model, column = PREFERENCE_MODELS[name]
                model.objects.filter(customer=self).delete()
                model.objects.bulk_create(
                    model(tenant_id=self.tenant_id, customer=self, position=position, **{column: pk})
                    for position, pk in enumerate(ids)
                )
            if withdraws_marketing:
                withdraw_granted_marketing(self)

    def conflicts(self) -> list[dict[str, Any]]:
        """Returns the other customers with the e-mail, then those with the phone: `[{"field", "customer_id",
        "is_deleted"}]`.
        """
        return self._contact_conflicts()[0]

    def _contact_conflicts(self) -> tuple[list[dict[str, Any]], bool]:
        return find_contact_conflicts(
            customer_id=self.pk,
            tenant_id=self.tenant_id,
            email_key=email_key(self.email) if self.email else None,
            phone=self.phone,
        )

    def soft_delete(self, *, by: str) -> None:
        """Soft-deletes the customer: every list leaves them out, and all their data is kept. `by` is the id of the
        user.
        """
        self.was_active, self.is_active = self.is_active, False
        self.is_deleted, self.deleted_at, self.deleted_by = True, timezone.now(), by
        self.save(update_fields=DELETION_FIELDS)

    def restore(self) -> None:
        """Restores a customer who is soft-deleted. Raises DuplicateCustomer if another has the e-mail or the phone now."""
        if self.is_deleted:
            self.is_active, self.was_active = bool(self.was_active), None
            self.is_deleted, self.deleted_at, self.deleted_by = False, None, None
            self.save(update_fields=DELETION_FIELDS)

    def purge(self) -> None:
        purge_all([self])


DELETION_FIELDS = {"is_deleted", "is_active", "was_active", "deleted_at", "deleted_by"}


def restore_all(customers: Sequence[Customer]) -> dict[str, DuplicateCustomer]:
    """Restores soft-deleted customers. Returns the error of each customer who was not restored, by id. One statement
    restores all. If another customer has an e-mail or a phone of one of them, each half is restored alone, and so on
    down to one customer. So if two have the same contact, the first is restored.
    """
    try:
        with transaction.atomic():
            Customer.objects.filter(pk__in=[customer.pk for customer in customers]).update(
                is_deleted=False,
                is_active=Coalesce(F("was_active"), False),
                was_active=None,
                deleted_at=None,
                deleted_by=None,
                updated_at=timezone.now(),
            )
    except IntegrityError as error:
        if not _is_duplicate(error):
            raise
        if len(customers) == 1:
            return {customers[0].pk: DuplicateCustomer(customers[0].conflicts())}
        middle = len(customers) // 2
        return restore_all(customers[:middle]) | restore_all(customers[middle:])
    return {}


def _is_duplicate(error: IntegrityError) -> bool:
    return violated_constraint(error) in {"customer_email", "customer_phone"}


def failed_logins(customers: Collection[Customer]) -> models.QuerySet[LoginFailure]:
    """Returns the failed log-ins with the customers' e-mail addresses: in the portal, and at the log-in of staff."""
    accounts = {customer.email_key for customer in customers}
    accounts |= {portal_failure_account(customer.tenant_id, customer.email_key) for customer in customers}
    return LoginFailure.objects.filter(account__in=accounts)


@transaction.atomic
def purge_all(customers: Collection[Customer]) -> Counter[str]:
    """Removes the customers from every table. A trigger removes their data from the audit trail. Marketing stays
    blocked to the addresses at which they have withdrawn it. Rows of other apps that count in figures stay without the
    person. Returns the number of these rows by customer's id.
    """
    block_marketing(customers, only_refused=True)
    ids = [customer.pk for customer in customers]
    tenants = {customer.tenant_id for customer in customers}
    kept = run_purge_steps(customers)
    failed_logins(customers).delete()
    IdempotencyRecord.objects.filter(Q(row_id__in=ids) | Q(customer_id__in=ids)).delete()
    # An uploaded file that waits for its import may hold the customers too.
    CustomerImport.objects.idle().filter(tenant__in=tenants).delete()
    Customer.objects.filter(pk__in=ids).delete()
    return kept
