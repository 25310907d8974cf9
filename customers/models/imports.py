"""Models of the files that are uploaded for an import. A file is stored until its import, for one day at most."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, BinaryIO, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.models import TENANT_CONSTRAINTS, TenantModel
from tenants.scope import TenantManager

UPLOAD_RETENTION = dt.timedelta(days=1)
# If a run has not updated `last_active_at` for this long, its process was killed, and the run no longer counts as in
# progress.
RUN_TIMEOUT = dt.timedelta(seconds=30)
PART_BYTES = 1 << 20


class CustomerImportQuerySet(models.QuerySet):
    """Queries for uploads."""

    def expired(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - UPLOAD_RETENTION)

    def idle(self) -> Self:
        """Returns the uploads that are neither checked nor imported at present."""
        return self.filter(Q(last_active_at=None) | Q(last_active_at__lt=timezone.now() - RUN_TIMEOUT))

    def running(self) -> Self:
        """Returns the uploads that are read, checked or imported at present."""
        return self.filter(last_active_at__gte=timezone.now() - RUN_TIMEOUT)


class CustomerImport(TenantModel):
    """An uploaded file. With `update` its import also changes existing customers. `summary` is the ImportSummary of the
    latest completed run, which is a check or the import. `header` and `examination` are what was found in the file when
    it was uploaded. `columns` and `day_order` are what a person has decided about its columns, as in ColumnMapping.
    `needs_columns` is true if a person still has to decide. A run keeps `last_active_at` recent, and sets it to None at
    its end.
    """

    class State(models.TextChoices):
        """The progress of an upload: `importing` is also the state of an import that was interrupted."""

        UPLOADED = "uploaded"
        CHECKED = "checked"
        IMPORTING = "importing"
        DONE = "done"

    file_name = models.CharField(max_length=255)
    update = models.BooleanField("also change customers who are there already", default=False)
    state = models.CharField(max_length=20, choices=State, default=State.UPLOADED)
    summary = models.JSONField(null=True)
    header: Any = models.JSONField(default=list)
    examination: Any = models.JSONField(default=list)
    columns: Any = models.JSONField(default=dict)
    day_order = models.CharField(max_length=20, blank=True)
    needs_columns = models.BooleanField(default=False)
    last_active_at = models.DateTimeField(null=True)

    objects = TenantManager.from_queryset(CustomerImportQuerySet)()

    class Meta(TenantModel.Meta):
        # Uploads are not audited, since nothing of a file may stay after a day. The trail has the events of the
        # imported customers.
        constraints = TENANT_CONSTRAINTS

    def __str__(self) -> str:
        return self.file_name

    def store(self, kind: str, file: BinaryIO) -> None:
        """Stores a file in place of the stored one of this kind, with one part at a time in memory. `kind` is one of
        ImportPart.Kind.
        """
        self.discard(kind)
        file.seek(0)
        for position, data in enumerate(iter(lambda: file.read(PART_BYTES), b"")):
            ImportPart.objects.create(tenant_id=self.tenant_id, upload=self, kind=kind, position=position, data=data)

    def read_parts(self, kind: str) -> Iterator[bytes]:
        """Yields the parts of a stored file. Yields none if the file was discarded or never stored."""
        parts = ImportPart.objects.filter(upload=self, kind=kind)
        for position in parts.values_list("position", flat=True):
            yield bytes(parts.get(position=position).data)

    def discard(self, kind: str) -> None:
        """Deletes a stored file."""
        ImportPart.objects.filter(upload=self, kind=kind).delete()


class ImportPart(TenantModel):
    """A part of PART_BYTES of the uploaded file, of the file of refused rows, or of the file of omitted cells."""

    class Kind(models.TextChoices):
        """The file that the part belongs to."""

        FILE = "file"
        REFUSED = "refused"
        OMITTED = "omitted"

    upload = TenantForeignKey(CustomerImport, models.CASCADE, db_index=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    position = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta(TenantModel.Meta):
        ordering = ["position"]
        constraints = [
            *TENANT_CONSTRAINTS,
            models.UniqueConstraint(fields=["tenant", "upload", "kind", "position"], name="%(class)s_once"),
            SameTenant(field="upload", name="%(class)s_upload"),
        ]
