"""Lets a form store its data only once, although it is sent twice: somebody clicks Save twice, or sends it again after a
lost answer.

Each page has a token in the hidden field FORM_TOKEN_FIELD of its forms. The row that a form stored is kept under its token
for a day. The API does so under an Idempotency-Key. Nothing is kept of a form with errors, whose page has a new token.
"""

import orjson
from django.db import models
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from circe.backoffice.site import FORM_TOKEN_FIELD
from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from circe.db.ids import is_id
from tenants.models import IdempotencyRecord
from tenants.scope import NO_TENANT, current_tenant_id_or_no_tenant

# The fields that may differ between two clicks on the same form: its tokens, and which of the buttons was pressed.
NOT_CONTENTS = {"csrfmiddlewaretoken", FORM_TOKEN_FIELD, "_save", "_continue", "_addanother"}


class SentBefore(Exception):
    """The form was sent before. `record` is what was stored of the first time."""

    def __init__(self, record: IdempotencyRecord) -> None:
        super().__init__()
        self.record = record


class SentForm:
    """The form of a request. Two forms are the same if they have the same token and, unless `any_contents`, the same typed
    values. A form without a token, or with a malformed one, is never the same as another.
    """

    def __init__(self, request: HttpRequest, *, any_contents: bool = False) -> None:
        self.user, token = request.user, request.POST.get(FORM_TOKEN_FIELD)
        self.fingerprint = _fingerprint(request)
        # An Idempotency-Key of the API has no blank.
        self.key = is_id(token) and f"form {token}" + ("" if any_contents else f" {self.fingerprint}")

    def lock_and_find_earlier(self) -> IdempotencyRecord | None:
        """Returns what is kept of the form if it was sent before. Until the transaction ends, the same form, sent by another
        request, waits here.
        """
        if not self.key:
            return None
        lock_in_turn(AdvisoryLock.IDEMPOTENCY_KEY, f"{self.user.pk}{self.key}")
        return IdempotencyRecord.find_valid(user=self.user, key=self.key)

    def raise_if_sent_before(self) -> None:
        """Raises SentBefore if the form was sent before."""
        earlier = self.lock_and_find_earlier()
        if earlier:
            raise SentBefore(earlier)

    def keep_once(self, stored: models.Model | None = None) -> IdempotencyRecord | None:
        """Keeps the form as `keep` does. Raises SentBefore if it was sent before."""
        self.raise_if_sent_before()
        return self.keep(stored)

    def keep(self, stored: models.Model | None = None) -> IdempotencyRecord | None:
        """Keeps the form, and which row it stored. Must be called in the transaction of `lock_and_find_earlier`."""
        if not self.key:
            return None
        record = IdempotencyRecord.objects.create(
            # A business is its own tenant.
            tenant_id=_tenant_id(stored) if stored else current_tenant_id_or_no_tenant(),
            user=self.user,
            key=self.key,
            fingerprint=self.fingerprint,
            row_id=stored.pk if stored else None,
            status=200,
            headers={},
            body="",
        )
        IdempotencyRecord.delete_expired()
        return record


def _tenant_id(stored: models.Model) -> str:
    """Returns the tenant of a row. A business is its own tenant."""
    return getattr(stored, "tenant_id", stored.pk) or NO_TENANT


def _fingerprint(request: HttpRequest) -> str:
    # With the secret key, since a form may have a password.
    values = {name: request.POST.getlist(name) for name in sorted({*request.POST} - NOT_CONTENTS)}
    files = [(name, file.name, file.size) for name, file in sorted(request.FILES.items())]
    contents = orjson.dumps([request.get_full_path(), values, files])
    return salted_hmac("tenants.admin.sent_forms", contents, algorithm="sha256").hexdigest()
