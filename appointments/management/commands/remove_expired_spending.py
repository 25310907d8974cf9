"""Subtracts the visits that have become too old from the recent spending of customers."""

from appointments.models.totals import CustomerTotals
from circe.db.roles import as_owner
from tenants.commands import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    """Subtracts, for each business, the visits that are more than 365 days old from `recent_spent` of its customers."""

    examples = ("remove_expired_spending --all-tenants",)
    help = (
        "Subtract visits of more than 365 days ago from the recent spending of customers, by which VIPs are found. Run it "
        "each hour, since a day begins at another hour in each time zone. Without it, statistics and lists of segments are "
        "right but slow: each request subtracts these visits again."
    )
    outcomes = ("changed",)

    def work(self, tenant: Tenant) -> None:
        """Changes all customers of the tenant in one transaction."""
        self.in_batches(iter([[tenant]]), lambda batch: self._remove(*batch), total=1)

    def _remove(self, tenant: Tenant) -> None:
        with as_owner():
            customers = CustomerTotals.remove_expired_spending(tenant)
        if customers:
            self.record("changed", f"appointments_customertotals, rows: {customers:,}", rows=customers)
