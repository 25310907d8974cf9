"""Stores an uploaded file, checks it and imports it. A check is a dry run of the import."""

import shutil
from collections.abc import Callable, Generator
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from customers.models.column_mappings import ColumnMapping
from customers.models.imports import CustomerImport, ImportPart
from customers.transfer.day_order import DayOrder
from customers.transfer.examination import read_examination
from customers.transfer.importing import ImportRun, ImportSummary, OmittedCellsFile, RefusedRowsFile
from customers.transfer.limits import (
    MAX_CONCURRENT_IMPORTS,
    MAX_CONCURRENT_IMPORTS_PER_TENANT,
    MAX_OMITTED_CELLS_BYTES,
    MAX_REFUSED_ROWS_BYTES,
)
from customers.transfer.mapping.header_mapping import HeaderMapping, digest_header
from customers.transfer.reading import ExaminedFile, FileDecisions, examine_file, open_table
from customers.transfer.tables import to_storable
from tenants.scope import ALL_TENANTS, current_tenant, tenant_scope

FILE, REFUSED, OMITTED = ImportPart.Kind.FILE, ImportPart.Kind.REFUSED, ImportPart.Kind.OMITTED
State = CustomerImport.State


class ImportCapacityExceeded(Exception):
    """The maximum number of files is being checked or imported. The message says what the user can do."""


def store_upload(
    file: BinaryIO, *, name: str, update: bool, on_created: Callable[[CustomerImport], object] | None = None
) -> CustomerImport:
    """Stores a file for the tenant in scope, and deletes the expired uploads of every tenant. Returns the upload.
    `on_created` is called in the transaction that creates the upload. If it raises, the upload is not created. If the
    upload `needs_columns`, the caller asks a person for them. Otherwise the upload is marked as in progress, and the
    caller goes on with `run_upload`. Raises ImportCapacityExceeded, and UnreadableFile if the file can't be imported.
    Must be called outside a transaction, so that other requests see at once that the upload is in progress.
    """
    with tenant_scope(ALL_TENANTS):
        CustomerImport.objects.expired().delete()
    with transaction.atomic():
        upload = CustomerImport.objects.create(file_name=name[-255:], update=update)
        if on_created:
            on_created(upload)
        _lock_and_check_capacity()
        CustomerImport.objects.filter(pk=upload.pk).update(last_active_at=timezone.now())
    try:
        examined = _examine(file)
        with transaction.atomic():
            upload.store(FILE, file)
            upload.header = [to_storable(name) for name in examined.header]
            upload.examination = [column._asdict() for column in examined.columns]
            _apply_remembered_columns(upload)
            upload.last_active_at = None if upload.needs_columns else timezone.now()
            upload.save()
    except BaseException:
        upload.delete()
        raise
    return upload


def _examine(file: BinaryIO) -> ExaminedFile:
    # The child process moves the position of the file that it reads, and an upload may be in memory only.
    with TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        return examine_file(copy)


# --- columns --------------------------------------------------------------------------------------------------------


def find_decisions(header: list[str]) -> FileDecisions:
    """Returns what the business has decided about files with these headers."""
    remembered = ColumnMapping.objects.filter(header_digest=digest_header(header)).first()
    return _make_decisions(remembered) if remembered else FileDecisions()


def make_mapping(upload: CustomerImport) -> HeaderMapping:
    """Returns the mapping of the columns of an upload, as far as it is decided."""
    decisions = _make_decisions(upload)
    return HeaderMapping(upload.header, decisions.columns, decisions.day_order, read_examination(upload.examination))


def _make_decisions(decided: ColumnMapping | CustomerImport) -> FileDecisions:
    day_order = DayOrder(decided.day_order) if decided.day_order else None
    return FileDecisions(columns=decided.columns, day_order=day_order)


def _apply_remembered_columns(upload: CustomerImport) -> None:
    """Copies the remembered mapping of these headers to the upload. Sets whether a person has to map columns."""
    decisions = find_decisions(upload.header)
    upload.columns, upload.day_order = dict(decisions.columns), decisions.day_order or ""
    mapping = make_mapping(upload)
    upload.needs_columns = not mapping.indexes_by_target or bool(mapping.undecided_indexes)


def decide_columns(upload: CustomerImport, decisions: FileDecisions) -> bool:
    """Sets the columns of an upload and remembers them for files with the same headers. The upload has to be checked
    again.

    Returns False if the upload is in progress, or its import has begun.
    """
    columns, day_order = dict(decisions.columns), decisions.day_order or ""
    decidable = CustomerImport.objects.idle().filter(pk=upload.pk, state__in=[State.UPLOADED, State.CHECKED])
    if not decidable.update(
        columns=columns, day_order=day_order, needs_columns=False, state=State.UPLOADED, summary=None
    ):
        return False
    ColumnMapping.objects.update_or_create(
        header_digest=digest_header(upload.header), defaults={"columns": columns, "day_order": day_order}
    )
    upload.refresh_from_db()
    return True


# --- runs -----------------------------------------------------------------------------------------------------------


def mark_run_started(upload: CustomerImport, *, dry_run: bool) -> bool:
    """Marks the upload as in progress, so that the caller can run it with `run_upload`. Returns False if it is in
    progress already, or if its state does not allow this run. Raises ImportCapacityExceeded.
    """
    states, next_state = (
        ([State.UPLOADED], State.UPLOADED) if dry_run else ([State.CHECKED, State.IMPORTING], State.IMPORTING)
    )
    startable = CustomerImport.objects.idle().filter(pk=upload.pk, state__in=states)
    if not startable.exists():
        return False
    with transaction.atomic():
        _lock_and_check_capacity()
        return bool(startable.update(state=next_state, last_active_at=timezone.now()))


def _lock_and_check_capacity() -> None:
    """Raises ImportCapacityExceeded if no further run may start.

    It takes a lock that lasts until the transaction ends, so that the next caller sees what this one has written. A run
    counts while its `last_active_at` is recent. The run of a killed process counts until `RUN_TIMEOUT` is over.
    """
    lock_in_turn(AdvisoryLock.IMPORTS, "running")
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
    """Checks or imports an upload that `store_upload` or `mark_run_started` marked. Raises UnreadableFile.

    Yields after each batch the share of the file that was read, from 0 to 1, and the summary. No other request can
    start a run of this upload meanwhile. A run that was closed or killed can be started again, from the beginning of
    the file.
    """
    this_upload = CustomerImport.objects.filter(pk=upload.pk)
    try:
        with TemporaryFile() as file, TemporaryFile() as refused, TemporaryFile() as omitted:
            file.writelines(upload.read_parts(FILE))
            examination = read_examination(upload.examination)
            with open_table(file, decisions=_make_decisions(upload), examination=examination) as table:
                refused_rows = RefusedRowsFile(refused, table.header, max_bytes=MAX_REFUSED_ROWS_BYTES)
                omitted_cells = OmittedCellsFile(omitted, max_bytes=MAX_OMITTED_CELLS_BYTES)
                run = ImportRun(
                    table,
                    update=upload.update,
                    dry_run=dry_run,
                    on_refused=refused_rows.add,
                    on_omitted=omitted_cells.add,
                )
                for summary in run.run():
                    this_upload.update(last_active_at=timezone.now())
                    yield table.bytes_read / table.size_bytes, summary
            if refused_rows.is_full:
                summary.downloadable = refused_rows.rows_written
            with transaction.atomic():
                upload.store(REFUSED, refused)
                upload.store(OMITTED, omitted)
                if not dry_run:
                    upload.discard(FILE)
                this_upload.update(summary=summary.as_dict(), state=State.CHECKED if dry_run else State.DONE)
    finally:
        this_upload.update(last_active_at=None)
