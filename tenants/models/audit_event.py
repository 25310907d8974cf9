"""The events of the audit trail. Triggers write those of changed rows, and `tenants.audit.events` the others."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.text import capfirst

from circe.backoffice.regional import format_amount, format_clock, format_number
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from circe.db.tenant_key import TenantPrimaryKey
from tenants.models.tenant import validate_amount
from tenants.scope import TenantManager, current_tenant


class Change(NamedTuple):
    """The change of one column. `field` is the column's name. In `readable_changes` it is a label for people."""

    field: str
    before: Any
    after: Any


class RecordedActor(NamedTuple):
    """The person who acted, as the event stored them."""

    id: str
    email: str
    full_name: str


class AuditEvent(models.Model):
    """A row created, changed or deleted, a customer soft-deleted, restored or erased, or something refused.

    `table` is the name of the row's model, such as `customer`, or the name of the refused URL, such as `login`.
    `before` and `after` hold the columns that changed, by name. A new row's columns are all in `after`, a deleted row's in
    `before`. For a password they only tell that it was set or changed. `customer_id` names the customer to whose history the
    event belongs.
    `actor_email` and `actor_name` are what the account of `actor_id` was called at that moment (a trigger copies them), so
    that an event names who acted whatever becomes of the account, and whoever reads it.
    When a customer's row is deleted, triggers remove all personal data from the customer's events: each app has one for its
    own tables.
    """

    class Action(models.TextChoices):
        """The kinds of events."""

        CREATED = "created"
        UPDATED = "updated"
        SOFT_DELETED = "soft_deleted", "Soft-deleted"
        RESTORED = "restored"
        DELETED = "deleted"
        REFUSED = "refused"
        ERASED = "erased"

    at = models.DateTimeField("time", editable=False)
    # References without a constraint, since events outlive the rows that they name. An event of no tenant has the id
    # NO_TENANT. The column is never NULL. With `null=True` Django uses an outer join, which keeps the events of no tenant
    # and of a deleted business.
    tenant = models.ForeignKey(
        "tenants.Tenant",
        models.DO_NOTHING,
        verbose_name="business",
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    action = models.CharField(max_length=20, choices=Action)
    table = models.CharField(max_length=50)
    row_id = IdField(null=True, default=None)
    customer_id = IdField(null=True, default=None)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    actor_email = models.CharField(max_length=254, null=True)
    actor_name = models.CharField(max_length=201, null=True)
    command = models.CharField(max_length=100, null=True)
    request_id = models.CharField(max_length=64, null=True)
    address = models.GenericIPAddressField(null=True)

    # By id: the names of rows to which the event refers, where a page has looked them up.
    names: Mapping[str, str] = {}

    objects = TenantManager()

    class Meta:
        # On a cluster each node numbers its events, so that ids alone are in no order.
        ordering = ["-at", "-id"]
        indexes = [
            # A super_admin reads the newest events of all businesses, and one event by its id alone.
            models.Index(fields=["at", "id"], name="auditevent_newest"),
            models.Index(fields=["id"], name="auditevent_by_id"),
            models.Index(fields=["tenant", "-at", "-id"], name="auditevent_of_tenant"),
            models.Index(
                fields=["tenant", "customer_id", "-at", "-id"],
                condition=models.Q(customer_id__isnull=False),
                name="auditevent_customer",
            ),
            models.Index(fields=["tenant", "row_id", "-at", "-id"], name="auditevent_row"),
            # Bulk writes of commands have neither an actor nor a request.
            models.Index(
                fields=["tenant", "actor", "-at", "-id"],
                condition=models.Q(actor__isnull=False),
                name="auditevent_actor",
            ),
            models.Index(
                fields=["tenant", "request_id"],
                condition=models.Q(request_id__isnull=False),
                name="auditevent_request",
            ),
            # Most events are about customers. The events of the business itself are found by their table.
            models.Index(
                fields=["tenant", "table", "-at", "-id"],
                condition=models.Q(customer_id__isnull=True),
                name="auditevent_business",
            ),
        ]
        constraints = [RowLevelSecurity(name="auditevent_rls"), TenantPrimaryKey(name="auditevent_tenant_id")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.table} {self.row_id or ''}".strip()

    @property
    def recorded_actor(self) -> "RecordedActor | None":
        """The person who acted, or None for a command, for the database itself, or if nobody was known."""
        if self.actor_id is None or self.actor_email is None:
            return None
        return RecordedActor(self.actor_id, self.actor_email, self.actor_name or "")

    @property
    def who(self) -> str:
        """The one who acted, for people to read: a name, an e-mail address, how a customer acted, a command or an id."""
        command = CUSTOMER_ACCESS_LABELS.get(self.command or "", self.command)
        return self.actor_name or self.actor_email or command or self.actor_id or "–"

    @cached_property
    def changes(self) -> list[Change]:
        """The columns that changed. Columns that are empty in a new or deleted row are left out."""
        before, after = self.before or {}, self.after or {}
        changes = [Change(name, before.get(name), after.get(name)) for name in sorted({**before, **after})]
        return [change for change in changes if change.before != change.after]

    @property
    def readable_changes(self) -> list[Change]:
        """The changes for people to read, without columns that repeat what the event already says."""
        is_whole_row = self.before is None or self.after is None
        is_deletion_or_restoration = self.action in {self.Action.SOFT_DELETED, self.Action.RESTORED}
        left_out = WHOLE_ROW_COLUMNS if is_whole_row else SOFT_DELETION_COLUMNS if is_deletion_or_restoration else set()
        fields = audited_fields(self.table)
        return [
            self._readable_change(change, fields.get(change.field))
            for change in self.changes
            if change.field not in left_out and (change.before or change.after or not is_whole_row)
        ]

    def _readable_change(self, change: Change, field: models.Field | None) -> Change:
        label = field.verbose_name if field else change.field
        before, after = (
            self.names[value]
            if isinstance(field, models.ForeignKey) and value in self.names
            else self._readable_amount(value)
            if field and validate_amount in field.validators and value is not None
            else _readable_value(field, value)
            for value in (change.before, change.after)
        )
        return Change(str(capfirst(label)), before, after)

    def _readable_amount(self, value: Any) -> str:
        business = current_tenant() or self.tenant
        return format_amount(value, business.currency if business else "")


# By the value of `command`: how a customer acted. Customers have no account that an event could name.
CUSTOMER_ACCESS_LABELS = {"link": "by a mailed link", "portal": "in the portal"}

# Columns that every new or deleted row has, and columns that a soft deletion or a restoration changes. People need not read
# them.
WHOLE_ROW_COLUMNS = {"id", "tenant_id", "created_at"}
SOFT_DELETION_COLUMNS = {"deleted_at", "deleted_by", "is_active", "is_deleted", "was_active"}


def audited_model(table: str) -> type[models.Model] | None:
    """Returns the model with the name in an event's column `table`, None if it no longer exists."""
    return next((model for model in apps.get_models() if model._meta.model_name == table), None)


def audited_fields(table: str) -> dict[str, models.Field]:
    """Returns the fields of the model with this name, by column. It is empty if the model no longer exists."""
    model = audited_model(table)
    return {field.column: field for field in model._meta.concrete_fields} if model else {}


def _readable_value(field: models.Field | None, value: Any) -> str:
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and not (field and field.flatchoices):
        return format_number(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(field, models.DateTimeField) and (at := parse_datetime(str(value))):
        # A local time has no zone.
        return date_format(timezone.localtime(at) if timezone.is_aware(at) else at, "DATETIME_FORMAT")
    if isinstance(field, models.DateField) and (day := parse_date(str(value))):
        return date_format(day)
    if isinstance(field, models.TimeField) and (clock := parse_time(str(value))):
        return format_clock(clock)
    return str(dict(field.flatchoices).get(value, value) if field else value)
