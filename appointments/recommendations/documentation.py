"""The documentation of recommendations, for the OpenAPI document."""

from appointments.recommendations import favourites, points
from appointments.recommendations.rule import MAX_DAYS_OF_SERVICE
from appointments.recommendations.serializers import RecommendationsSerializer
from appointments.recommendations.wanted import DAYS_AROUND, MAX_PEOPLE, MAX_SERVICES
from appointments.slots.documentation import AVAILABILITY, SLOT
from circe.api.operations import Example, Operation, query_parameter

DEFAULT_LIMIT, MAX_LIMIT = 5, 20

RECOMMENDATIONS: Example = {
    "items": [
        {
            "service": AVAILABILITY["service"],
            "slot": SLOT,
            "score": 102,
            "reasons": ["due", "preferred_staff", "preferred_outlet", "usual_weekday", "usual_hour"],
            "points": {
                "due": 60,
                "preferred_staff": 20,
                "preferred_outlet": 10,
                "usual_weekday": 6,
                "usual_hour": 6,
            },
            "due_day": "2025-01-25",
        }
    ],
    "ignored": [{"key": "preferred_staff_ids", "id": "507f1f77bcf86cd799439012", "reason": "inactive"}],
}


def _as_list(meanings: dict) -> str:
    return "\n".join(f"- `{name}`: {meaning}" for name, meaning in meanings.items())


DESCRIPTION = f"""\
What to offer the customer next. Everything recommended can be booked: each slot is one of the availability. The rule is
fixed and learns nothing.

**Due.** A service is due at the customer's last visit of it plus the median of the days between their visits of it, rounded
down, if there are visits on three days or more; otherwise plus the `rebooking_days` of the service, or else of the business.
A service that is overdue is due today. A service that the customer has booked for today or later (pending, confirmed or in
progress) is not recommended.

**Slots** are searched from {DAYS_AROUND} days before the due day to {DAYS_AROUND} days after it, from now on; of a service
that the customer never had, in the next {DAYS_AROUND} days. They are searched for the {MAX_SERVICES} services with most
points (then the one due first, then the first in the catalogue), and for one service more of each of the first {MAX_PEOPLE}
preferred people who offer none of these. A slot in which the customer has another booking is left out.

**Points.** The score is the sum of `points`; each has its reason:
{_as_list(points.MEANINGS)}

A weekday or an hour is usual from two visits on; of several the latest is. To add a favourite at the end of its list
takes no points from any slot.

**Order.** By score, then by the days between the slot and the due day (today for a service that is overdue or that the
customer never had), then by start, by the place of the service in the catalogue, and by the person's name. Each
service has at most one slot a day, its best, and only on its {MAX_DAYS_OF_SERVICE} best days. A customer without a history
and without preferences gets the services that are most popular, at the first times free. An inactive customer can't book,
so there are no `items`.

**`ignored`** has the customer's preferences that are no longer on offer, with the reason. They give no points.
{_as_list(favourites.MEANINGS)}

The preferences are set by `PUT /api/v1/customers/{{customer_id}}/preferences`."""

OPERATIONS = {
    "retrieve": Operation(
        id="getCustomerRecommendations",
        summary="Recommend appointments to a customer",
        description=DESCRIPTION,
        query={"limit": 5},
        parameters=(
            query_parameter(
                "limit",
                "The most items to answer.",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
        ),
        response=RecommendationsSerializer,
        example=RECOMMENDATIONS,
    ),
}
