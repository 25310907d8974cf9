"""Checking and importing an uploaded file."""

from collections.abc import Generator
from tempfile import TemporaryFile
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from customers.models.imports import CustomerImport, ImportPart
from customers.transfer.files import open_table
from customers.transfer.importing import Import, Report
from customers.transfer.refusals import RefusedRows
from tenants.scope import ALL_TENANTS, tenant_scope

FILE, REFUSED = ImportPart.Kind.FILE, ImportPart.Kind.REFUSED
State = CustomerImport.State


def keep(file: BinaryIO, *, name: str, update: bool) -> CustomerImport:
    """Keep a file for the tenant in scope, and forget every business's older than a day."""
    with tenant_scope(ALL_TENANTS):
        CustomerImport.objects.expired().delete()
    upload = CustomerImport.objects.create(file_name=name[-255:], update=update)
    upload.store(FILE, file)
    return upload


def begin(upload: CustomerImport, *, dry_run: bool) -> bool:
    """Take the upload to work on it. False where somebody does already, or where it is not the time for it."""
    before, after = (
        ([State.UPLOADED], State.UPLOADED) if dry_run else ([State.CHECKED, State.IMPORTING], State.IMPORTING)
    )
    mine = CustomerImport.objects.at_rest().filter(pk=upload.pk, state__in=before)
    return bool(mine.update(state=after, worked_at=timezone.now()))


def work(upload: CustomerImport, *, dry_run: bool) -> Generator[tuple[float, Report], None, None]:
    """Run what `begin` allowed: how much of the file is done, from 0 to 1, and the report, after each batch.

    Nobody else may begin while it runs. One that was left off, or killed, is begun anew.
    """
    this = CustomerImport.objects.filter(pk=upload.pk)
    try:
        with TemporaryFile() as file, TemporaryFile() as refused:
            file.writelines(upload.stored(FILE))
            table = open_table(file)
            run = Import(
                table, update=upload.update, dry_run=dry_run, on_refused=RefusedRows(refused, table.header).add
            )
            for report in run.run():
                this.update(worked_at=timezone.now())
                yield table.position / table.size, report
            with transaction.atomic():
                upload.store(REFUSED, refused)
                if not dry_run:
                    upload.discard(FILE)
                this.update(report=report.as_dict(), state=State.CHECKED if dry_run else State.DONE)
    finally:
        this.update(worked_at=None)
