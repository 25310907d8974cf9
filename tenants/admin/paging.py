"""Paging of the lists of tenants' rows in the back office."""

from typing import Any

from circe.backoffice.paging import CappedPaginator
from tenants.cluster_queries import read_by_ids


class TenantPaginator(CappedPaginator):
    """Reads the rows of a page tenant by tenant where a cluster requires it."""

    def read_by_ids(self, ids: list[Any]) -> dict[Any, Any]:
        return read_by_ids(self.rows, ids)
