"""The addresses of the lists of the back office that have what the figures count."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from analytics.statistics import Period
from appointments.models import Status


class ListUrls:
    """The addresses of the lists that a figure counts. `tenant_query` narrows a super_admin's lists to the business."""

    def __init__(self, tenant_query: str = "") -> None:
        self.tenant_query = tenant_query
        self.customers_url = reverse("admin:customers_customer_changelist")
        self.appointments_url = reverse("admin:appointments_appointment_changelist")

    def customers(self, **filters: Any) -> str:
        return f"{self.customers_url}?{_encode(filters)}{self.tenant_query}"

    def created(self, period: Period, **filters: Any) -> str:
        return self.customers(created_from=period.first, created_to=period.last, **filters)

    def visited(self, period: Period) -> str:
        return self.customers(visited_from=period.first or dt.date.min, visited_to=period.last)

    def appointments(self, period: Period, **filters: Any) -> str:
        days = {"from_date": period.first, "to_date": period.last}
        return f"{self.appointments_url}?{_encode({'day': 'all'} | days | filters)}{self.tenant_query}"

    def visits(self, period: Period, **filters: Any) -> str:
        return self.appointments(period, status__exact=Status.COMPLETED.value, **filters)


def _encode(filters: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in filters.items() if value is not None})
