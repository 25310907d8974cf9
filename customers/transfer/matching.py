"""Which customer each row of a batch is about, and what becomes of both."""

from collections.abc import Collection, Iterator
from copy import copy

import orjson
from django.db import connection, models

from customers.models import CONTACT_FLAGS, PREFERRED, Customer
from customers.transfer.claims import Claims, Key
from customers.transfer.columns import BY_NAME, COLUMNS
from customers.transfer.rows import Refused, Row, check
from tenants.scope import ALL_TENANTS, tenant_scope

WHAT = {"id": "id", "email": "e-mail address", "phone": "phone number"}
# What an update writes: `password` is neither imported nor exported.
STORED = [
    field.name
    for field in Customer._meta.concrete_fields
    if not field.generated and field.name not in {"id", "tenant", "password"}
]


class Batch:
    """Decides about rows one after the other, then writes them all. To be used within a transaction.

    `outcomes` has for each row `created`, `updated`, `unchanged`, or the reasons why it is refused by column; `taken` the
    lines of the ids, addresses and numbers of those not refused.
    """

    def __init__(self, rows: list[Row], claims: Claims, *, update: bool) -> None:
        self.update = update
        self.outcomes: list[tuple[Row, str | dict[str, str]]] = []
        self.taken: dict[Key, int] = {}
        self.new: list[Customer] = []
        self.changed: list[tuple[Customer, Collection[str]]] = []
        sound = [row.customer for row in rows if not row.reasons]
        self.ids = {row.customer.pk for row in rows if "id" in row.given and not row.reasons}
        self.people = self._people(sound)
        self.owners = {key: person.pk for person in self.people.values() for key in contacts(person)}
        with tenant_scope(ALL_TENANTS):
            self.used = set(Customer.objects.filter(pk__in=self.ids - self.people.keys()).values_list("pk", flat=True))
        everyone = [*sound, *self.people.values()]
        self.before = claims.lines({key for person in everyone for key in (Key("id", person.pk), *contacts(person))})
        for row in rows:
            self.outcomes.append((row, self._outcome(row)))

    def _people(self, sound: list[Customer]) -> dict[str, Customer]:
        """The tenant's customers with an id, an e-mail address or a phone number of the rows."""
        customers: models.QuerySet[Customer] = Customer.objects.with_preferred().order_by("pk")
        if self.update:
            customers = customers.select_for_update(of=("self",))
        found = {customer.pk: customer for customer in customers.filter(pk__in=self.ids)}
        for name in ("email_key", "phone"):
            # Nobody else can have what one of these has.
            settled = {getattr(customer, name) for customer in found.values() if not customer.is_deleted}
            wanted = {getattr(customer, name) for customer in sound} - settled - {None}
            found |= {customer.pk: customer for customer in customers.filter(**{f"{name}__in": wanted})}
        return found

    # --- deciding ---------------------------------------------------------------------------------------------------

    def _outcome(self, row: Row) -> str | dict[str, str]:
        try:
            if row.reasons:
                raise Refused(row.reasons)
            self._refuse_repeated(row)
            existing = self._existing(row)
            outcome, customer = self._merged(row, existing) if existing else ("created", self._created(row))
        except Refused as refused:
            return refused.reasons
        self.taken |= dict.fromkeys([Key("id", customer.pk), *contacts(customer)], row.record.line)
        return outcome

    def _line(self, key: Key) -> int | None:
        return self.taken.get(key) or self.before.get(key)

    def _refuse_repeated(self, row: Row) -> None:
        """Refuse what a row before was about, or has."""
        keys = [] if row.customer.is_deleted else [*contacts(row.customer)]
        for key in [Key("id", row.customer.pk), *keys]:
            if line := self._line(key):
                raise Refused({key.what: f"Line {line:,} has the same {WHAT[key.what]}."})

    def _existing(self, row: Row) -> Customer | None:
        """The customer whom the row is about: the one with its id, else with its e-mail address, else with its phone number
        unless both have addresses.
        """
        if "id" in row.given:
            if row.customer.pk in self.used:
                raise Refused({"id": "This id can't be used."})
            existing = self.people.get(row.customer.pk)
        else:
            existing = self._by_contact(row.customer)
        if not row.customer.is_deleted:
            self._refuse_contacts_of_others(row, existing)
        elif "id" not in row.given:
            raise Refused({"id": "A deleted customer needs an id."})
        return existing

    def _by_contact(self, customer: Customer) -> Customer | None:
        owners = {key.what: self._owner(key) for key in contacts(customer)}
        email, phone = owners.get("email"), owners.get("phone")
        return email or (phone if phone and not (phone.email_key and customer.email_key) else None)

    def _owner(self, key: Key) -> Customer | None:
        """Who has it by the database, unless a row before was about them: then what they have is in the claims."""
        pk = self.owners.get(key)
        return None if pk is None or self._line(Key("id", pk)) else self.people[pk]

    def _refuse_contacts_of_others(self, row: Row, existing: Customer | None) -> None:
        is_new = existing is None and "id" not in row.given
        reasons = {}
        for key in contacts(row.customer):
            what, gone = WHAT[key.what], key._replace(is_deleted=True)
            if (owner := self._owner(key)) and owner is not existing:
                reasons[key.what] = f"Customer {owner.pk} has this {what}."
            elif is_new and (line := self._line(gone)):
                reasons[key.what] = f"The deleted customer of line {line:,} has this {what}."
            elif is_new and (owner := self._owner(gone)):
                reasons[key.what] = f"Customer {owner.pk}, who was deleted, has this {what}: restore them instead."
        if reasons:
            raise Refused(reasons)

    def _created(self, row: Row) -> Customer:
        if row.lacks:
            raise Refused(row.lacks)
        self.new.append(row.customer)
        return row.customer

    def _merged(self, row: Row, existing: Customer) -> tuple[str, Customer]:
        """What becomes of a customer who is there, and the customer as they will be."""
        values = {column.name: column.value(row.customer) for column in COLUMNS if column.name in row.given}
        changes = {name: value for name, value in values.items() if value != BY_NAME[name].value(existing)}
        if not changes:
            return "unchanged", existing
        if existing.is_deleted:
            raise Refused({"": f"Customer {existing.pk} was deleted: restore them first."})
        if row.customer.is_deleted:
            raise Refused({"deleted_at": f"Customer {existing.pk} is here, and an import deletes nobody."})
        if not self.update:
            reason = (
                f"Customer {existing.pk} is here already, and differs. Updating existing customers would change them."
            )
            raise Refused(dict.fromkeys(changes, reason))
        customer = copy(existing)
        for name, value in changes.items():
            setattr(customer, name, value)
        if lacks := check(customer):
            raise Refused(lacks)
        for name, flag in CONTACT_FLAGS.items():
            if flag not in row.given and getattr(customer, name) != getattr(existing, name):
                setattr(customer, flag, False)
        self.changed.append((customer, changes.keys()))
        return "updated", customer

    # --- writing ----------------------------------------------------------------------------------------------------

    def pretend(self) -> None:
        """For a dry run: take out of the way what rows before had taken already, in batches that were taken back."""
        moved = [pk for pk in self.people if Key("id", pk) in self.before]
        if moved:
            Customer.objects.filter(pk__in=moved).update(is_deleted=True, is_active=False)

    def write(self) -> None:
        """Write what was decided. Raises IntegrityError where the database has another opinion."""
        # First the changed ones, who may have given up what a new one has.
        changed = [customer for customer, _ in self.changed]
        Customer.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=STORED)
        insert(Customer, self.new)
        for name, (model, column) in PREFERRED.items():
            renewed = [customer for customer, names in self.changed if name in names]
            if renewed:
                model.objects.filter(customer__in=renewed).delete()
            entries = [
                model(tenant_id=customer.tenant_id, customer_id=customer.pk, position=position, **{column: pk})
                for customer in [*renewed, *self.new]
                for position, pk in enumerate(getattr(customer, name))
            ]
            insert(model, entries)


def contacts(customer: Customer) -> Iterator[Key]:
    """The e-mail address and the phone number, as they are compared."""
    for what, value in (("email", customer.email_key), ("phone", customer.phone)):
        if value:
            yield Key(what, value, customer.is_deleted)


def insert(model: type[models.Model], instances: Collection[models.Model]) -> None:
    """Insert new rows as one document, which takes a third of what `bulk_create` does; COPY the wall refuses."""
    if not instances:
        return
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    rows = [{field.column: field.pre_save(instance, add=True) for field in fields} for instance in instances]
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    document = f"json_populate_recordset(NULL::{table}, %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {document}",  # noqa: S608
            [orjson.dumps(rows).decode()],
        )
