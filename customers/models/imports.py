"""A file uploaded in the admin to be imported: kept between its check and its import, and a day at most."""

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.models import TENANT_CONSTRAINTS, TenantModel
from tenants.scope import TenantManager

KEPT = dt.timedelta(days=1)
# A run that was not heard of for so long has ended, however that was.
SILENCE = dt.timedelta(seconds=30)
PART = 1 << 20


class CustomerImportQuerySet(models.QuerySet):
    """Questions about uploaded files."""

    def expired(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - KEPT)

    def at_rest(self) -> Self:
        """Those on which nobody works now."""
        return self.filter(Q(worked_at=None) | Q(worked_at__lt=timezone.now() - SILENCE))

    def at_work(self) -> Self:
        """Returns the files that are being read, checked or imported now."""
        return self.filter(worked_at__gte=timezone.now() - SILENCE)


class CustomerImport(TenantModel):
    """An uploaded file and what came of it. `report` is that of the latest finished run, a check or the import."""

    class State(models.TextChoices):
        """How far it got."""

        UPLOADED = "uploaded"
        CHECKED = "checked"
        IMPORTING = "importing"
        DONE = "done"

    file_name = models.CharField(max_length=255)
    update = models.BooleanField("also change customers who are there already", default=False)
    state = models.CharField(max_length=20, choices=State, default=State.UPLOADED)
    report = models.JSONField(null=True)
    worked_at = models.DateTimeField(null=True)

    objects = TenantManager.from_queryset(CustomerImportQuerySet)()

    class Meta(TenantModel.Meta):
        # Not in the audit trail, which is kept: a day later nothing is left of the file. The trail has the customers.
        constraints = TENANT_CONSTRAINTS

    def __str__(self) -> str:
        return self.file_name

    def store(self, kind: str, file: BinaryIO) -> None:
        """Keep a file, a part at a time in memory, in place of the one there was. `kind` is of ImportPart.Kind."""
        self.discard(kind)
        file.seek(0)
        for position, data in enumerate(iter(lambda: file.read(PART), b"")):
            ImportPart.objects.create(tenant_id=self.tenant_id, upload=self, kind=kind, position=position, data=data)

    def stored(self, kind: str) -> Iterator[bytes]:
        """The parts of a kept file, one at a time; none where it was discarded."""
        parts = ImportPart.objects.filter(upload=self, kind=kind)
        for position in parts.values_list("position", flat=True):
            yield bytes(parts.get(position=position).data)

    def discard(self, kind: str) -> None:
        """Forget a kept file."""
        ImportPart.objects.filter(upload=self, kind=kind).delete()


class ImportPart(TenantModel):
    """A megabyte of a file: of the one uploaded, or of that with the refused rows."""

    class Kind(models.TextChoices):
        """Which file."""

        FILE = "file"
        REFUSED = "refused"

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
