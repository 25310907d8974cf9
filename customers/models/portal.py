"""Models of customers who sign in to the portal: sessions, mailed links, and requests to be deleted."""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from circe.db.audit_trigger import AuditTrigger
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from customers.models.customer import Customer
from customers.models.outgoing import Outgoing
from tenants.accounts import tokens
from tenants.models import SessionQuerySet, Staff, TenantModel, TokenFamily, tenant_constraints
from tenants.scope import TenantManager

PORTAL_LIFETIMES: dict[tokens.Kind, dt.timedelta] = {
    "access": dt.timedelta(minutes=15),
    "refresh": dt.timedelta(days=30),
}
DELETION_PERIOD = dt.timedelta(days=30)


class CustomerSession(TenantModel, TokenFamily):
    """A session of a customer in the portal. A trigger ends it when the customer's password changes."""

    customer_column = "customer_id"

    customer = TenantForeignKey(Customer, models.CASCADE, db_index=True, related_name="sessions")

    objects = TenantManager.from_queryset(SessionQuerySet)()

    class Meta(TenantModel.Meta):
        constraints = [
            *tenant_constraints(subject_column="customer_id", subject_commands=["SELECT", "UPDATE"]),
            SameTenant(field="customer", name="%(class)s_customer"),
        ]

    @classmethod
    @transaction.atomic
    def start(cls, customer: Customer) -> "CustomerSession":
        """Starts a session of the customer, in the scope of their business, and deletes their expired ones.

        Raises Customer.DoesNotExist if the password has changed since it was checked.
        """
        # A change of the password ends all sessions. With the lock, this session starts before the change or not at
        # all.
        Customer.objects.select_for_update(no_key=True).only("pk").get(pk=customer.pk, password=customer.password)
        now = timezone.now()
        cls.objects.filter(customer=customer.pk, rotated_at__lte=now - PORTAL_LIFETIMES["refresh"]).delete()
        return cls.objects.create(
            tenant_id=customer.tenant_id, customer=customer, current_jti=uuid.uuid4().hex, rotated_at=now
        )

    @classmethod
    def lock(cls, claims: dict[str, Any]) -> "CustomerSession | None":
        """Locks and returns the live session of a token's claims with its customer, or None. Needs the scope of the
        business.
        """
        return cls.live(claims).select_for_update(of=("self",)).select_related("customer").first()

    @property
    def owner(self) -> Customer:
        return self.customer

    def token_pair(self) -> dict[str, str]:
        """Returns the current tokens of the session: `{"access", "refresh"}`."""
        return self.create_token_pair(
            PORTAL_LIFETIMES,
            sub=self.customer_id,
            email=self.customer.email,
            role="customer",
            tenant_id=self.tenant_id,
        )


class MailedLink(TenantModel, Outgoing):
    """A request for a mail with a link, and the link itself once the mail was sent.

    A request is stored whether or not its address is known. So neither the answer nor its time tells who is a customer.
    Later the sender looks up who has the address and chooses the mail accordingly. It makes the token of the link, but
    stores only a hash of it. A link can be opened once, until `expires_at`, and only while the address and the password
    of its customer or member of staff are the same as when it was made: `bound_to` is a hash of both. For REGISTER and
    RESET the sender sets `customer`, which stays None for a person who is not a customer yet. The other kinds for
    customers are requested with it. `details` are the fields of a registration.
    """

    class Kind(models.TextChoices):
        """The kind of link that was asked for. EMAIL_CHANGED is a mail without a link, for which nobody asks: it tells the
        former address of a customer that the address was changed. INVITATION and STAFF_RESET are for a member of staff,
        who chooses a password with the link.
        """

        REGISTER = "register"
        RESET = "reset"
        CHANGE_EMAIL = "change_email"
        CONFIRM_MARKETING = "confirm_marketing"
        EMAIL_CHANGED = "email_changed"
        INVITATION = "invitation"
        STAFF_RESET = "staff_reset"

    kind = models.CharField(max_length=20, choices=Kind)
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=254)
    details = models.JSONField(default=dict)
    customer = TenantForeignKey(Customer, models.CASCADE, null=True, db_index=True, related_name="+")
    staff = TenantForeignKey(Staff, models.CASCADE, null=True, db_index=True, related_name="+")
    client_address = models.GenericIPAddressField(null=True)
    token_hash = models.CharField(max_length=64, null=True)
    bound_to = models.CharField(max_length=64, null=True)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        # Mailed links are not audited: the trail would keep the addresses of people who never became customers.
        constraints = [
            *tenant_constraints(),
            SameTenant(field="customer", name="%(class)s_customer"),
            SameTenant(field="staff", name="%(class)s_staff"),
            models.UniqueConstraint(fields=["tenant", "token_hash"], name="%(class)s_token"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="queued"), name="mailedlink_due"),
            models.Index(fields=["email_key", "created_at"], name="mailedlink_address"),
            models.Index(fields=["client_address", "created_at"], name="mailedlink_client"),
        ]


class DeletionRequest(TenantModel):
    """A customer's request to be deleted. Staff have until `due_at` to delete them. `handled_at` is None while the
    request is open.
    """

    customer_column = "customer_id"

    customer = TenantForeignKey(Customer, models.CASCADE, related_name="deletion_requests")
    requested_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        ordering = ["-requested_at", "-id"]
        constraints = [
            AuditTrigger(name="%(class)s_audit", subject_column="customer_id"),
            *tenant_constraints(subject_column="customer_id", subject_commands=["SELECT", "INSERT"]),
            SameTenant(field="customer", name="%(class)s_customer"),
            models.UniqueConstraint(
                fields=["tenant", "customer"], condition=models.Q(handled_at=None), name="%(class)s_open"
            ),
        ]

    @classmethod
    def get_or_create_open(cls, customer: Customer) -> tuple["DeletionRequest", bool]:
        """Returns the customer's open request, which is created if there is none, and whether it was created now."""
        due_at = timezone.now() + DELETION_PERIOD
        return cls.objects.get_or_create(customer=customer, handled_at=None, defaults={"due_at": due_at})


def links_to(customers: Collection[Customer]) -> models.QuerySet[MailedLink]:
    """Returns the mailed links of the customers, and the links that anybody has requested to their e-mail addresses."""
    ids, addresses = [customer.pk for customer in customers], {customer.email_key for customer in customers} - {None}
    tenants = {customer.tenant_id for customer in customers}
    about_them = models.Q(customer__in=ids) | models.Q(email_key__in=addresses)
    return MailedLink.objects.filter(about_them, tenant__in=tenants)


def delete_links(customers: Collection[Customer]) -> dict[str, int]:
    """Deletes the links to the customers, as a step of their purge. It keeps none, so it returns an empty dict."""
    links_to(customers).delete()
    return {}
