"""Exports all data about one person."""

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.utils import timezone
from rest_framework import serializers

from appointments.models import Message
from appointments.portal.export.serializers import ExportedDeletionRequestSerializer, ExportedMessageSerializer
from appointments.serializers import AppointmentSerializer
from circe.api.serializers import InstantField
from customers.command_arguments import add_customer_arguments, find_customers, not_found_message
from customers.consents.ledger import consents_of
from customers.consents.serializers import ConsentSerializer
from customers.models import Customer, CustomerSession, MailedLink
from customers.models.portal import links_to
from customers.serializers import CustomerSerializer
from tenants.audit.serializers import AuditEventSerializer
from tenants.commands import REFUSED, TenantCommand, UsageError
from tenants.models import AuditEvent, Tenant


class Command(TenantCommand):
    """Exports profile, appointments and audit history as the API shows them, soft-deleted rows too, without passwords.

    The data is in the command's JSON report, or with --output in a file that only its owner can read.
    """

    examples = ('export_customer --tenant lotus --phone "0812 3456 7899" --output jane.json',)
    help = (
        "Exports all data about one person as JSON: profile, preferences, appointments and audit trail, of live and "
        "soft-deleted rows."
    )
    outcomes = ("exported", REFUSED)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options that name the person and the file."""
        super().add_arguments(parser)
        add_customer_arguments(parser)
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="write the data to FILE, with mode 0600, instead of stdout"
        )
        parser.add_argument("--force", action="store_true", help="overwrite FILE")

    def prepare(self, tenants: list[Tenant]) -> None:
        """Checks the options. Raises UsageError if the output file exists already."""
        output = self.options["output"]
        if self.options["force"] and not output:
            raise UsageError("--force overwrites the file of --output: give --output too.")
        if output and os.path.lexists(output) and not self.options["force"]:
            raise UsageError(f"{output} is there already: choose another name, or --force to overwrite it.")
        self.exports: list[dict[str, Any]] = []
        self.report.as_json |= not (output or self.options["dry_run"])

    def work(self, tenant: Tenant) -> None:
        """Exports each customer of the tenant who matches the options."""
        for customer in find_customers(self.options).with_profile().select_related("tenant"):
            export = _export_customer(customer)
            self.exports.append(export)
            numbers = {"appointments": len(export["appointments"]), "audit_events": len(export["history"])}
            text = f"{customer.pk}: {numbers['appointments']} appointments, {numbers['audit_events']} audit events"
            inline = not (self.options["output"] or self.options["dry_run"])
            self.record("exported", text, id=customer.pk, **(export if inline else numbers))

    def finish(self) -> None:
        """Writes the file; reports a refusal where nobody was found. Raises UsageError if the file can't be written."""
        output = self.options["output"]
        if not self.exports:
            self.record(REFUSED, not_found_message(self.options), reason="unknown")
        elif output and not self.options["dry_run"]:
            document = {"exported_at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}", "customers": self.exports}
            try:
                _write_file(output, orjson.dumps(document, option=orjson.OPT_INDENT_2), replace=self.options["force"])
            except OSError as error:
                raise UsageError(f"{output} can't be written: {error.strerror}.") from error


class ExportedSessionSerializer(serializers.ModelSerializer):
    """A log-in to the portal."""

    created_at, rotated_at, ended_at = InstantField(), InstantField(), InstantField(allow_null=True)

    class Meta:
        model = CustomerSession
        fields = ["id", "created_at", "rotated_at", "ended_at"]


class ExportedLinkSerializer(serializers.ModelSerializer):
    """A request for a mail with a link."""

    created_at, sent_at, used_at = InstantField(), InstantField(allow_null=True), InstantField(allow_null=True)

    class Meta:
        model = MailedLink
        fields = ["id", "kind", "email", "details", "client_address", "state", "created_at", "sent_at", "used_at"]


def _export_customer(customer: Customer) -> dict[str, Any]:
    tenant, appointments = customer.tenant, customer.appointments.select_related("tenant", "service", "staff", "outlet")
    events = AuditEvent.objects.filter(customer_id=customer.pk).select_related("actor")
    return {
        "business": {
            "slug": tenant.slug,
            "name": tenant.name,
            "time_zone": tenant.time_zone,
            "currency": tenant.currency,
        },
        "customer": CustomerSerializer(customer).data,
        "is_deleted": customer.is_deleted,
        "deleted_at": customer.deleted_at and f"{customer.deleted_at:%Y-%m-%dT%H:%M:%SZ}",
        "appointments": AppointmentSerializer(appointments, many=True).data,
        "consents": ConsentSerializer(consents_of(customer), many=True).data,
        "messages": ExportedMessageSerializer(Message.objects.filter(customer=customer), many=True).data,
        "deletion_requests": ExportedDeletionRequestSerializer(customer.deletion_requests.all(), many=True).data,
        "portal_sessions": ExportedSessionSerializer(customer.sessions.order_by("-created_at"), many=True).data,
        "mailed_links": ExportedLinkSerializer(links_to([customer]).order_by("-created_at"), many=True).data,
        "history": AuditEventSerializer(events, many=True).data,
    }


def _write_file(output: Path, document: bytes, *, replace: bool) -> None:
    """Writes the file whole or not at all. Raises OSError, also if it exists and `replace` is false."""
    with tempfile.TemporaryDirectory(dir=output.parent) as directory:
        draft = Path(directory, output.name)
        draft.touch(0o600)
        draft.write_bytes(document)
        place = os.replace if replace else os.link
        place(draft, output)
