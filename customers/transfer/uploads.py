"""Checking and importing an uploaded file."""

import shutil
from collections.abc import Generator
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from circe.db.advisory_locks import AdvisoryLock
from customers.models.imports import CustomerImport, ImportPart
from customers.transfer.files import check_readable, open_table
from customers.transfer.importing import Import, Report
from customers.transfer.limits import IMPORTS_AT_ONCE, IMPORTS_AT_ONCE_PER_BUSINESS, MAX_REFUSED_BYTES
from customers.transfer.refusals import RefusedRows
from tenants.scope import ALL_TENANTS, current_tenant, tenant_scope

FILE, REFUSED = ImportPart.Kind.FILE, ImportPart.Kind.REFUSED
State = CustomerImport.State


class Busy(Exception):
    """As many files are being worked on as may be. Its message says what to do."""


def keep(file: BinaryIO, *, name: str, update: bool) -> CustomerImport:
    """Keep a file for the tenant in scope, ready for `work` to check it, and forget every business's older than a day.

    Raises Busy, and Unreadable where the file can't be imported. To be called outside a transaction: others are to see at
    once that the file is being worked on.
    """
    with tenant_scope(ALL_TENANTS):
        CustomerImport.objects.expired().delete()
    with transaction.atomic():
        _take_place()
        upload = CustomerImport.objects.create(file_name=name[-255:], update=update, worked_at=timezone.now())
    try:
        _check(file)
        with transaction.atomic():
            upload.store(FILE, file)
            upload.worked_at = timezone.now()
            upload.save(update_fields=["worked_at"])
    except BaseException:
        upload.delete()
        raise
    return upload


def _check(file: BinaryIO) -> None:
    # A copy: the child process moves the position of the file that it reads, and this one is to be stored.
    with TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        check_readable(copy)


def begin(upload: CustomerImport, *, dry_run: bool) -> bool:
    """Take the upload to work on it. False where somebody does already, or where it is not the time for it. Raises Busy."""
    before, after = (
        ([State.UPLOADED], State.UPLOADED) if dry_run else ([State.CHECKED, State.IMPORTING], State.IMPORTING)
    )
    mine = CustomerImport.objects.at_rest().filter(pk=upload.pk, state__in=before)
    if not mine.exists():
        return False
    with transaction.atomic():
        _take_place()
        return bool(mine.update(state=after, worked_at=timezone.now()))


def _take_place() -> None:
    """Make sure that one more file may be worked on. Raises Busy.

    Whoever asks next waits until the transaction has ended, and then sees what it wrote. A place is a row with a recent
    `worked_at`: one whose process was killed is free again after `models.imports.STALLED_AFTER`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [AdvisoryLock.IMPORTS])
    with tenant_scope(ALL_TENANTS):
        tenants = list(CustomerImport.objects.at_work().values_list("tenant", flat=True))
    tenant = current_tenant()
    if tenant and tenants.count(tenant.pk) >= IMPORTS_AT_ONCE_PER_BUSINESS:
        raise Busy(
            "Another file of your business is being checked or imported. Wait until that is done, and try again."
        )
    # At least one thread of a web server stays free for other requests, unless the server has only one.
    if len(tenants) >= min(IMPORTS_AT_ONCE, max(1, settings.WEB_THREADS - 1)):
        raise Busy("Too many files are being checked or imported at the moment. Try again in a minute.")


def work(upload: CustomerImport, *, dry_run: bool) -> Generator[tuple[float, Report], None, None]:
    """Run what `keep` or `begin` allowed: how much of the file is done, from 0 to 1, and the report, after each batch.

    Nobody else may begin while it runs. One that was left off, or killed, is begun anew. Raises Unreadable.
    """
    this = CustomerImport.objects.filter(pk=upload.pk)
    try:
        with TemporaryFile() as file, TemporaryFile() as refused:
            file.writelines(upload.stored(FILE))
            with open_table(file) as table:
                rejects = RefusedRows(refused, table.header, max_bytes=MAX_REFUSED_BYTES)
                run = Import(table, update=upload.update, dry_run=dry_run, on_refused=rejects.add)
                for report in run.run():
                    this.update(worked_at=timezone.now())
                    yield table.position / table.size, report
            if rejects.is_full:
                report.downloadable = rejects.written
            with transaction.atomic():
                upload.store(REFUSED, refused)
                if not dry_run:
                    upload.discard(FILE)
                this.update(report=report.as_dict(), state=State.CHECKED if dry_run else State.DONE)
    finally:
        this.update(worked_at=None)
