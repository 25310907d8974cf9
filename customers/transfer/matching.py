"""Matches the rows of a file with the customers of the tenant, decides what to do with each row, and writes the result."""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator
from copy import copy
from typing import Any, NamedTuple

from django.db import models

from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from customers.models import (
    CONTACT_FLAGS,
    PREFERENCE_MODELS,
    Channel,
    Consent,
    ConsentSource,
    ConsentState,
    Customer,
    Purpose,
)
from customers.models.consent import CONSENT_BOOLEANS, find_consent_boolean
from customers.transfer.columns import COLUMN_BY_NAME, COLUMNS, CONSENT_COLUMNS
from customers.transfer.inserting import insert_rows
from customers.transfer.reading import ImportRow, InvalidRow, validate_customer
from tenants.identity import email_key
from tenants.scope import ALL_TENANTS, tenant_scope

KEY_LABELS = {"id": "id", "email": "e-mail address", "phone": "phone number"}
# The notice of a row whose consent is not imported. With it, the business might write to somebody who has not agreed.
NOT_CONSENTED = (
    "marketing_consent: this person is or was a customer already, and has not consented to marketing. An import gives their "
    "consent only with consent_source and consent_at in the row."
)
WITHDRAWAL_KEPT = (
    "{name}: the customer has withdrawn it, and an import never grants it again. "
    "If they want it now, set it on their page."
)
# The fields that an update writes. `password` is neither imported nor exported.
UPDATED_FIELDS = [
    field.name
    for field in Customer._meta.concrete_fields
    if not field.generated and field.name not in {"id", "tenant", "password"}
]


# --- keys -----------------------------------------------------------------------------------------------------------


class CustomerKey(NamedTuple):
    """A value that only one customer may have. `column` is `id`, `email` or `phone`.

    A deleted customer's contacts are keys of their own kind: another customer may have the same ones.
    """

    column: str
    value: str
    is_deleted: bool = False


def contact_keys(customer: Customer) -> Iterator[CustomerKey]:
    """Yields the keys of the e-mail address and of the phone number, in the form in which they are compared."""
    for column, value in (("email", customer.email_key), ("phone", customer.phone)):
        if value:
            yield CustomerKey(column, value, customer.is_deleted)


class SeenKeys:
    """Remembers the keys of the rows that were not refused, each with its line.

    The keys are hashes in a temporary SQLite file, so that a file of many million rows needs little memory.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA cache_size = -65536")
        self._database.execute("CREATE TABLE seen_key (digest BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def add(self, lines: dict[CustomerKey, int]) -> None:
        """Adds keys with their lines. A key that was added before keeps its line."""
        rows = ((_digest(key), line) for key, line in lines.items())
        self._database.executemany("INSERT OR IGNORE INTO seen_key VALUES (?, ?)", rows)

    def find_lines(self, keys: Collection[CustomerKey]) -> dict[CustomerKey, int]:
        """Returns the line of each of the keys that was added."""
        digests = {_digest(key): key for key in keys}
        marks = ", ".join("?" * len(digests))
        found = self._database.execute(
            f"SELECT digest, line FROM seen_key WHERE digest IN ({marks})",  # noqa: S608
            list(digests),
        )
        return {digests[digest]: line for digest, line in found}

    def close(self) -> None:
        """Closes the temporary file, which removes it."""
        self._database.close()


def _digest(key: CustomerKey) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=16).digest()


# --- batches --------------------------------------------------------------------------------------------------------


class ImportBatch:
    """Decides about each row of a batch in the order of the file; then `write` writes them. Used in a transaction.

    `outcomes` has for each row `created`, `updated` or `unchanged`, or the reasons of a refusal by column. `lines` has the
    line of each key of the rows that are not refused.
    """

    def __init__(self, rows: list[ImportRow], seen_keys: SeenKeys, *, update: bool) -> None:
        self.update = update
        self.outcomes: list[tuple[ImportRow, str | dict[str, str]]] = []
        self.lines: dict[CustomerKey, int] = {}
        self.new: list[Customer] = []
        self.changed: list[tuple[Customer, Collection[str]]] = []
        # The customers who consent to marketing by this file with evidence or by some channels only, and those who refuse it
        # and had granted it by some channels. An existing customer consents only with `consent_source` and `consent_at`.
        self.consenting: list[tuple[Customer, ImportRow]] = []
        valid = [row.customer for row in rows if not row.errors]
        self.given_ids = {row.customer.pk for row in rows if "id" in row.given and not row.errors}
        self.existing = self._find_existing(valid)
        self.owner_ids = {key: customer.pk for customer in self.existing.values() for key in contact_keys(customer)}
        self.ids_of_other_tenants = self._find_ids_of_other_tenants()
        # By customer's id: the consent booleans that are withdrawn on any channel, and the channels of marketing granted.
        self.withdrawn: dict[str, set[str]] = defaultdict(set)
        self.marketing_channels: dict[str, set[str]] = defaultdict(set)
        self._read_ledger()
        customers = [*valid, *self.existing.values()]
        self.earlier_lines = seen_keys.find_lines(
            {key for customer in customers for key in (CustomerKey("id", customer.pk), *contact_keys(customer))}
        )
        self.outcomes += ((row, self._decide(row)) for row in rows)

    def _find_existing(self, valid: list[Customer]) -> dict[str, Customer]:
        """Returns the tenant's customers with an id, an e-mail address or a phone number of the rows, by id."""
        customers: models.QuerySet[Customer] = Customer.objects.with_preferred().order_by("pk")
        if self.update:
            customers = customers.select_for_update(of=("self",))
        found = {customer.pk: customer for customer in customers.filter(pk__in=self.given_ids)}
        for name in ("email_key", "phone"):
            # Only one undeleted customer can have a contact. So a contact whose undeleted owner was found already is
            # not searched for again.
            owned = {getattr(customer, name) for customer in found.values() if not customer.is_deleted}
            wanted = {getattr(customer, name) for customer in valid} - owned - {None}
            found |= {customer.pk: customer for customer in customers.filter(**{f"{name}__in": wanted})}
        return found

    def _find_ids_of_other_tenants(self) -> set[str]:
        unknown = self.given_ids - self.existing.keys()
        if not unknown:
            return set()
        # No constraint of the database refuses an id that a customer of another tenant has. So imports with given ids
        # wait for each other.
        lock_in_turn(AdvisoryLock.GIVEN_IDS, "customers")
        with tenant_scope(ALL_TENANTS):
            return set(Customer.objects.filter(pk__in=unknown).values_list("pk", flat=True))

    def _read_ledger(self) -> None:
        for entry in Consent.objects.filter(customer__in=self.existing).latest_per_channel():
            if entry.state == ConsentState.WITHDRAWN:
                self.withdrawn[entry.customer_id].add(find_consent_boolean(entry.purpose, entry.channel))
            elif entry.purpose == Purpose.MARKETING:
                self.marketing_channels[entry.customer_id].add(entry.channel)

    # --- deciding ---------------------------------------------------------------------------------------------------

    def _decide(self, row: ImportRow) -> str | dict[str, str]:
        try:
            if row.errors:
                raise InvalidRow(row.errors)
            self._refuse_repeated_keys(row)
            existing = self._match(row)
            outcome, customer = self._merge(row, existing) if existing else ("created", self._create(row))
        except InvalidRow as invalid:
            return invalid.errors
        self.lines |= dict.fromkeys([CustomerKey("id", customer.pk), *contact_keys(customer)], row.record.line)
        return outcome

    def _find_line(self, key: CustomerKey) -> int | None:
        return self.lines.get(key) or self.earlier_lines.get(key)

    def _refuse_repeated_keys(self, row: ImportRow) -> None:
        """Raises InvalidRow if an earlier row was about the same customer, or has the same contact."""
        contacts = [] if row.customer.is_deleted else [*contact_keys(row.customer)]
        for key in [CustomerKey("id", row.customer.pk), *contacts]:
            if line := self._find_line(key):
                raise InvalidRow({key.column: f"Line {line:,} has the same {KEY_LABELS[key.column]}."})

    def _match(self, row: ImportRow) -> Customer | None:
        """Returns the existing customer that the row describes, None for a new customer. Raises InvalidRow.

        A row with an id is about the customer with this id. A row without an id is about the customer with its e-mail
        address. If there is none, it is about the customer with its phone number, unless both the row and this customer
        have an e-mail address.
        """
        if "id" in row.given:
            if row.customer.pk in self.ids_of_other_tenants:
                raise InvalidRow({"id": "This id can't be used."})
            existing = self.existing.get(row.customer.pk)
        else:
            existing = self._match_by_contact(row.customer)
        if not row.customer.is_deleted:
            self._refuse_contacts_of_others(row, existing)
        elif "id" not in row.given:
            raise InvalidRow({"id": "A deleted customer needs an id."})
        return existing

    def _match_by_contact(self, customer: Customer) -> Customer | None:
        owners = {key.column: self._find_owner(key) for key in contact_keys(customer)}
        email, phone = owners.get("email"), owners.get("phone")
        return email or (phone if phone and not (phone.email_key and customer.email_key) else None)

    def _find_owner(self, key: CustomerKey) -> Customer | None:
        """Returns the customer who has the key in the database.

        If an earlier row was about this customer, the database may be out of date, and SeenKeys has the customer's keys.
        """
        pk = self.owner_ids.get(key)
        return None if pk is None or self._find_line(CustomerKey("id", pk)) else self.existing[pk]

    def _refuse_contacts_of_others(self, row: ImportRow, existing: Customer | None) -> None:
        is_new = existing is None and "id" not in row.given
        errors = {}
        for key in contact_keys(row.customer):
            label, deleted_key = KEY_LABELS[key.column], key._replace(is_deleted=True)
            if (owner := self._find_owner(key)) and owner is not existing:
                errors[key.column] = f"Customer {owner.pk} has this {label}."
            elif is_new and (line := self._find_line(deleted_key)):
                errors[key.column] = f"The deleted customer of line {line:,} has this {label}."
            elif is_new and (owner := self._find_owner(deleted_key)):
                errors[key.column] = f"Customer {owner.pk}, who was deleted, has this {label}: restore them instead."
        if errors:
            raise InvalidRow(errors)

    def _create(self, row: ImportRow) -> Customer:
        if row.errors_if_new:
            raise InvalidRow(row.errors_if_new)
        deleted_keys = [key._replace(is_deleted=True) for key in contact_keys(row.customer)]
        # Deleted customers with the same contacts: the person may be one of them.
        before = [owner for owner in map(self._find_owner, deleted_keys) if owner]
        for name in CONSENT_BOOLEANS:
            if getattr(row.customer, name) and not all(
                self._may_grant_or_add_notice(row, owner, name) for owner in before
            ):
                setattr(row.customer, name, False)
        if row.customer.marketing_consent and (row.consent or row.marketing_channels != {*Channel}):
            self.consenting.append((row.customer, row))
        self.new.append(row.customer)
        return row.customer

    def _may_grant_or_add_notice(self, row: ImportRow, existing: Customer, name: str) -> bool:
        """Returns whether the row may grant the consent of the boolean `name` to an existing customer. Adds a notice to
        the row if it may not.
        """
        if getattr(existing, name):
            return True
        if name in self.withdrawn[existing.pk]:
            row.notices.append(WITHDRAWAL_KEPT.format(name=name))
            return False
        if name == "marketing_consent" and len(row.consent) < len(CONSENT_COLUMNS):
            row.notices.append(NOT_CONSENTED)
            return False
        return True

    def _merge(self, row: ImportRow, existing: Customer) -> tuple[str, Customer]:
        """Returns the outcome for an existing customer, and the customer with the row's values. Raises InvalidRow."""
        values = {column.name: column.get_value(row.customer) for column in COLUMNS if column.name in row.given}
        changes = {
            name: value
            for name, value in values.items()
            if not _is_same(name, value, COLUMN_BY_NAME[name].get_value(existing))
        }
        if changes.get("marketing_consent") and row.marketing_channels <= self.marketing_channels[existing.pk]:
            del changes["marketing_consent"]
        refused = row.marketing_channels if values.get("marketing_consent") is False else set()
        if not (existing.marketing_consent or self.marketing_channels[existing.pk].isdisjoint(refused)):
            changes["marketing_consent"] = False
        for name in [name for name in CONSENT_BOOLEANS if changes.get(name)]:
            if not self._may_grant_or_add_notice(row, existing, name):
                del changes[name]
        if not changes:
            return "unchanged", existing
        self._refuse_forbidden_changes(row, existing, changes)
        customer = copy(existing)
        for name, value in changes.items():
            setattr(customer, name, value)
        if errors := validate_customer(customer):
            raise InvalidRow(errors)
        for name, flag in CONTACT_FLAGS.items():
            if flag not in row.given and getattr(customer, name) != getattr(existing, name):
                setattr(customer, flag, False)
        self.changed.append((customer, changes.keys()))
        if "marketing_consent" in changes and not existing.marketing_consent:
            self.consenting.append((customer, row))
        return "updated", customer

    def _refuse_forbidden_changes(self, row: ImportRow, existing: Customer, changes: Collection[str]) -> None:
        if existing.is_deleted:
            raise InvalidRow({"": f"Customer {existing.pk} was deleted: restore them first."})
        if row.customer.is_deleted:
            raise InvalidRow({"deleted_at": f"Customer {existing.pk} is here, and an import deletes nobody."})
        if not self.update:
            reason = (
                f"Customer {existing.pk} is here already, and differs. Updating existing customers would change them."
            )
            raise InvalidRow(dict.fromkeys(changes, reason))

    # --- writing ----------------------------------------------------------------------------------------------------

    def hide_for_dry_run(self) -> None:
        """Soft-deletes, within the dry run, the existing customers of earlier batches, whose changes were rolled back.
        Otherwise a row of this batch could conflict with a contact that its owner has lost by an earlier row.
        """
        described_before = [pk for pk in self.existing if CustomerKey("id", pk) in self.earlier_lines]
        if described_before:
            Customer.objects.filter(pk__in=described_before).update(is_deleted=True, is_active=False)

    def write(self) -> None:
        """Writes the new and the changed customers. Raises IntegrityError if a constraint of the database refuses one."""
        entries = [entry for customer, row in self.consenting for entry in _ledger_entries(customer, row)]
        for customer, _ in self.consenting:
            # A trigger sets it when the entries of the ledger are inserted. They hold the channels and the evidence.
            customer.marketing_consent = False
        # The changed customers are written first: a new customer may have a contact that a changed customer gave up.
        changed = [customer for customer, _ in self.changed]
        Customer.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["tenant", "id"], update_fields=UPDATED_FIELDS
        )
        insert_rows(Customer, self.new)
        for name, (model, column) in PREFERENCE_MODELS.items():
            replaced = [customer for customer, names in self.changed if name in names]
            if replaced:
                model.objects.filter(customer__in=replaced).delete()
            preferred = [
                model(tenant_id=customer.tenant_id, customer_id=customer.pk, position=position, **{column: pk})
                for customer in [*replaced, *self.new]
                for position, pk in enumerate(getattr(customer, name))
            ]
            insert_rows(model, preferred)
        insert_rows(Consent, entries)


def _is_same(name: str, new: Any, old: Any) -> bool:
    """Returns whether a value of the file and the stored value mean the same. The case of an e-mail address or a
    language tag does not matter.
    """
    if name == "email" and new and old:
        return email_key(new) == email_key(old)
    if name == "language":
        return new.lower() == old.lower()
    return new == old


def _ledger_entries(customer: Customer, row: ImportRow) -> Iterator[Consent]:
    """Yields the entries of a customer who consents to marketing by a file, with the row's evidence, or who refuses it."""
    is_granted, source = row.customer.marketing_consent, row.consent.get("consent_source")
    for channel in sorted(row.marketing_channels):
        yield Consent(
            tenant_id=customer.tenant_id,
            customer_id=customer.pk,
            channel=channel,
            purpose=Purpose.MARKETING,
            state=ConsentState.GRANTED if is_granted else ConsentState.WITHDRAWN,
            source=ConsentSource.IMPORT,
            evidence=source and f"consent_source: {source}",
            at=row.consent.get("consent_at") if is_granted else None,
        )
