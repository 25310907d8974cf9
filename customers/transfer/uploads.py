"""Stores an uploaded file, checks it and imports it. A check is a dry run of the import."""

import shutil
from collections.abc import Callable, Generator
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from circe.db.advisory_locks import AdvisoryLock
from customers.models.imports import CustomerImport, ImportPart
from customers.transfer.importing import ImportRun, ImportSummary, RefusedRowsFile
from customers.transfer.limits import (
    MAX_CONCURRENT_IMPORTS,
    MAX_CONCURRENT_IMPORTS_PER_TENANT,
    MAX_REFUSED_ROWS_BYTES,
)
from customers.transfer.reading import check_readable, open_table
from tenants.scope import ALL_TENANTS, current_tenant, tenant_scope

FILE, REFUSED = ImportPart.Kind.FILE, ImportPart.Kind.REFUSED
State = CustomerImport.State


class ImportCapacityExceeded(Exception):
    """The maximum number of files is being checked or imported. The message says what the user can do."""


def store_upload(
    file: BinaryIO, *, name: str, update: bool, on_created: Callable[[CustomerImport], object] | None = None
) -> CustomerImport:
    """Stores a file for the tenant in scope, and deletes the expired uploads of every tenant. The upload is in progress.

    `on_created` is called in the transaction that creates the upload, which is undone if it raises. The caller goes on with
    `run_upload`. Raises ImportCapacityExceeded, and UnreadableFile if the file can't be imported.
    Must be called outside a transaction, so that other requests see at once that the upload is in progress.
    """
    with tenant_scope(ALL_TENANTS):
        CustomerImport.objects.expired().delete()
    with transaction.atomic():
        upload = CustomerImport.objects.create(file_name=name[-255:], update=update)
        if on_created:
            on_created(upload)
        _check_capacity()
        CustomerImport.objects.filter(pk=upload.pk).update(last_active_at=timezone.now())
    try:
        _check_readable(file)
        with transaction.atomic():
            upload.store(FILE, file)
            upload.last_active_at = timezone.now()
            upload.save(update_fields=["last_active_at"])
    except BaseException:
        upload.delete()
        raise
    return upload


def _check_readable(file: BinaryIO) -> None:
    # The child process moves the position of the file that it reads, and an upload may be in memory only.
    with TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        check_readable(copy)


def start_run(upload: CustomerImport, *, dry_run: bool) -> bool:
    """Marks the upload as in progress. Returns False if it already is, or if its state does not allow this run.

    Raises ImportCapacityExceeded.
    """
    states, next_state = (
        ([State.UPLOADED], State.UPLOADED) if dry_run else ([State.CHECKED, State.IMPORTING], State.IMPORTING)
    )
    startable = CustomerImport.objects.idle().filter(pk=upload.pk, state__in=states)
    if not startable.exists():
        return False
    with transaction.atomic():
        _check_capacity()
        return bool(startable.update(state=next_state, last_active_at=timezone.now()))


def _check_capacity() -> None:
    """Raises ImportCapacityExceeded if no further run may start.

    The lock lasts until the transaction ends: the next caller then sees what this one has written. A run counts while its
    `last_active_at` is recent. The run of a killed process counts until `RUN_TIMEOUT` is over.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [AdvisoryLock.IMPORTS])
    with tenant_scope(ALL_TENANTS):
        tenants = list(CustomerImport.objects.running().values_list("tenant", flat=True))
    tenant = current_tenant()
    if tenant and tenants.count(tenant.pk) >= MAX_CONCURRENT_IMPORTS_PER_TENANT:
        raise ImportCapacityExceeded(
            "Another file of your business is being checked or imported. Wait until that is done, and try again."
        )
    # One thread of each web server stays free for other requests, unless the server has only one.
    if len(tenants) >= min(MAX_CONCURRENT_IMPORTS, max(1, settings.WEB_THREADS - 1)):
        raise ImportCapacityExceeded(
            "Too many files are being checked or imported at the moment. Try again in a minute."
        )


def run_upload(upload: CustomerImport, *, dry_run: bool) -> Generator[tuple[float, ImportSummary], None, None]:
    """Checks or imports an upload that `store_upload` or `start_run` marked. Raises UnreadableFile.

    Yields after each batch the share of the file that was read, from 0 to 1, and the summary. No other request may start a
    run of this upload meanwhile. A run that was closed or killed is started again from the beginning of the file.
    """
    this_upload = CustomerImport.objects.filter(pk=upload.pk)
    try:
        with TemporaryFile() as file, TemporaryFile() as refused:
            file.writelines(upload.stored(FILE))
            with open_table(file) as table:
                refused_rows = RefusedRowsFile(refused, table.header, max_bytes=MAX_REFUSED_ROWS_BYTES)
                run = ImportRun(table, update=upload.update, dry_run=dry_run, on_refused=refused_rows.add)
                for summary in run.run():
                    this_upload.update(last_active_at=timezone.now())
                    yield table.bytes_read / table.size_bytes, summary
            if refused_rows.is_full:
                summary.downloadable = refused_rows.rows_written
            with transaction.atomic():
                upload.store(REFUSED, refused)
                if not dry_run:
                    upload.discard(FILE)
                this_upload.update(summary=summary.as_dict(), state=State.CHECKED if dry_run else State.DONE)
    finally:
        this_upload.update(last_active_at=None)
