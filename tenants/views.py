"""The base of viewsets over a tenant's rows."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from tenants.accounts.authentication import TENANT_ID_PARAMETER, named_tenant
from tenants.cluster_queries import narrow_scope_on_cluster
from tenants.scope import current_tenant, enter_scope, narrow_from_all_tenants, scope_spans_nodes


class PreconditionFailed(APIException):
    """The version in `If-Match` is old: the row has changed since the client read it."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "stale"
    default_detail = "It was changed since you read it. Read it again, and decide anew."


UNQUOTED = (
    'If-Match holds no ETag in quotes: send the ETag of the answer as it was given, such as "5f2b…", with its quotes.'
)


class TenantViewSet(GenericViewSet):
    """A viewset over a tenant's rows. The row that a URL names narrows a super_admin's scope to its own tenant."""

    lookup_url_kwarg: str
    parameters = (TENANT_ID_PARAMETER,)

    def get_object(self) -> Any:
        """Returns the row that the URL names. Raises PreconditionFailed if `If-Match` differs.

        For a write, the `get_queryset` of the subclass locks the row, so that nobody changes it after the comparison.
        """
        rows, pk = self.get_queryset(), self.kwargs[self.lookup_url_kwarg]
        narrow_scope_on_cluster(rows.model._default_manager.all(), pk)
        if scope_spans_nodes():
            # No tenant has this row. A write must not go on to lock it: a cluster refuses locks in the scope of all tenants.
            raise Http404
        # DRF's own method would apply the filters of the list to a single row.
        row = get_object_or_404(rows, pk=pk)
        narrow_from_all_tenants(row.tenant)
        self.check_version(row)
        return row

    def check_version(self, row: Any) -> None:
        """Raises PreconditionFailed if a write has an `If-Match` with another version of the row."""
        given = self.request.headers.get("If-Match", "*")
        wanted = {_own_etag(tag) for tag in parse_etags(given)}
        if self.request.method not in SAFE_METHODS and "*" not in wanted and self.get_etag(row) not in wanted:
            raise PreconditionFailed(None if wanted or not given else UNQUOTED)

    def get_etag(self, row: Any) -> str | None:
        """Returns the ETag of the row as a GET would show it now, or None if a GET would show nothing."""
        raise NotImplementedError


# The suffixes that a proxy adds to a tag when it compresses the answer: Apache adds `-gzip`, Caddy `-br` or `-zstd`, Jetty
# `--gzip`, LiteSpeed `;gz`; nginx and others make it weak.
_CHANGED_BY_PROXY = re.compile(
    r'(?:W/)?"(.*?)(?:[-;:.+_]{1,2}(?:gzip|gz|br|brotli|zstd|zst|deflate|compress))?"', re.IGNORECASE
)


def _own_etag(tag: str) -> str:
    """Returns the tag as Circe gave it, without what a compressing proxy adds. `*` stays."""
    return _CHANGED_BY_PROXY.sub(r'"\1"', tag)


def enter_body_scope(request: Request) -> None:
    """Opens the scope in which a body creates a row: the caller's tenant, or the one that a super_admin names in the body.

    Raises PermissionDenied for a tenant that is not the caller's, and ValidationError for none or an unknown one.
    """
    named = request.data.get("tenant_id") if isinstance(request.data, Mapping) else None
    tenant = current_tenant()
    if tenant is not None and named not in (None, tenant.pk):
        raise PermissionDenied("You can create in your own business only: leave tenant_id out.")
    if tenant is None and named is None:
        raise ValidationError({"tenant_id": "Name the tenant in which to create."})
    enter_scope(tenant or named_tenant(named))
