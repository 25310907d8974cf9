"""The documentation of the statistics, for the OpenAPI document."""

from analytics.filters import PeriodFilter
from analytics.serializers import SummarySerializer
from analytics.statistics import DEFINITIONS
from circe.api.operations import Example, Operation

SUMMARY: Example = {
    "statistics": {
        "total_customers": 145,
        "active_customers": 138,
        "inactive_customers": 7,
        "deleted_customers": 4,
        "verified_emails": 92,
        "customers_with_password": 115,
        "walk_in_customers": 30,
        "new_customers_in_period": 12,
        "total_appointments": 3456,
        "total_revenue": 125000000,
        "total_loyalty_points": 45000,
        "avg_appointments_per_customer": 23.8,
        "avg_spent_per_customer": 862068,
        "retention_rate": 78.5,
        "churn_rate": 21.5,
        "retention_base": 107,
        "top_customers_by_appointments": [
            {
                "customer_id": "507f1f77bcf86cd799439011",
                "full_name": "John Doe",
                "email": "john.doe@example.com",
                "total_appointments": 52,
                "total_spent": 4500000,
            }
        ],
        "top_customers_by_revenue": [
            {
                "customer_id": "507f1f77bcf86cd799439012",
                "full_name": "Jane Smith",
                "email": "jane.smith@example.com",
                "total_appointments": 38,
                "total_spent": 6200000,
            }
        ],
        "customer_segments": {"vip": 25, "regular": 90, "new": 12, "at_risk": 18},
    },
    "period": {"from": "2025-01-01", "to": "2025-12-31"},
    "currencies": ["IDR"],
    "definitions": {
        "visit": "A completed appointment.",
        "thresholds": [
            {
                "tenant_id": "507f1f77bcf86cd799439011",
                "at_risk_after_days": 90,
                "new_within_days": 30,
                "vip_min_visits": 5,
                "vip_top_percent": 10,
            }
        ],
    },
    "generated_at": "2025-10-08T10:00:00Z",
}

OPERATIONS = {
    "retrieve": Operation(
        id="getCustomerStatistics",
        summary="Get customer analytics",
        description="\n".join(
            [
                "Counts of customers, `verified_emails`, `total_loyalty_points` and `customer_segments` are as of now. "
                "`new_customers_in_period`, appointments, revenue, averages, rates and top lists are about the period. "
                "A period without a first and a last day is all time: then both are null in `period`. Soft-deleted "
                "customers count in `deleted_customers` only; their appointments and revenue still count. For a "
                "super_admin without `tenant_id`, the figures are of all businesses together, by UTC days. `currencies` "
                "are the currencies of these businesses.\n",
                *(f"- `{name}`: {meaning}" for name, meaning in DEFINITIONS.items()),
            ]
        ),
        filters=PeriodFilter,
        response=SummarySerializer,
        example=SUMMARY,
    ),
}
