"""The points of a recommendation. Each has a reason of a closed list, so that the score can be explained."""

from enum import StrEnum

Points = dict["Reason", int]


class Reason(StrEnum):
    """Why a recommendation has points."""

    DUE = "due"
    OVERDUE = "overdue"
    PREFERRED_SERVICE = "preferred_service"
    PREFERRED_CATEGORY = "preferred_category"
    POPULAR = "popular"
    PREFERRED_STAFF = "preferred_staff"
    PREFERRED_OUTLET = "preferred_outlet"
    USUAL_WEEKDAY = "usual_weekday"
    USUAL_HOUR = "usual_hour"
    NO_GAP = "no_gap"


# The points of the reasons that always give the same number. The points of the other reasons depend on a rank, see
# below. The service counts most: a due day alone, or the first preferred service alone, gives more points than person,
# outlet and time together.
POINTS: Points = {
    Reason.DUE: 60,
    Reason.OVERDUE: 10,
    Reason.PREFERRED_CATEGORY: 20,
    Reason.PREFERRED_OUTLET: 10,
    Reason.USUAL_WEEKDAY: 6,
    Reason.USUAL_HOUR: 6,
    Reason.NO_GAP: 3,
}
# The points of the most booked service of the business, of the second, and so on. The others have none.
POPULAR_BY_RANK = (5, 4, 3, 2, 1)
# Only the last POPULAR_VISITS visits of the business are counted to find the most booked services. So counting is fast.
POPULAR_VISITS = 500
# The points of the first entry of a list of preferences, of the second, and so on. Further ones have those of the last, so
# that an entry is never worth nothing.
SERVICE_BY_RANK = (50, 45, 40, 35, 30)
STAFF_BY_RANK = (20, 16, 12, 8, 4)


def _describe(points: tuple[int, ...]) -> str:
    return f"{points[0]} for the first, then {', '.join(map(str, points[1:-1]))} and {points[-1]}"


# The text of each reason in the OpenAPI document.
MEANINGS = {
    Reason.DUE: f"{POINTS[Reason.DUE]} points. The customer has had the service. So it has a due day, past or not.",
    Reason.OVERDUE: f"{POINTS[Reason.OVERDUE]} more. The due day is past.",
    Reason.PREFERRED_SERVICE: f"The service is in `preferred_services`: {_describe(SERVICE_BY_RANK)} for all further ones.",
    Reason.PREFERRED_CATEGORY: f"{POINTS[Reason.PREFERRED_CATEGORY]}. Its category is in `preferred_categories`.",
    Reason.POPULAR: (
        f"The services most often booked in the last {POPULAR_VISITS} visits of the business: {_describe(POPULAR_BY_RANK)}."
    ),
    Reason.PREFERRED_STAFF: f"The person is in `preferred_staff_ids`: {_describe(STAFF_BY_RANK)} for all further ones.",
    Reason.PREFERRED_OUTLET: f"{POINTS[Reason.PREFERRED_OUTLET]}. The outlet is `preferred_outlet_id`.",
    Reason.USUAL_WEEKDAY: f"{POINTS[Reason.USUAL_WEEKDAY]}. It is the weekday of most of the customer's visits.",
    Reason.USUAL_HOUR: f"{POINTS[Reason.USUAL_HOUR]}. It starts in the hour in which most of the customer's visits started.",
    Reason.NO_GAP: (
        f"{POINTS[Reason.NO_GAP]}. It starts when another booking of the person and the buffer of that booking end. Or "
        "another booking starts when it and its buffer end."
    ),
}


def points_of_rank(points: tuple[int, ...], rank: int) -> int:
    """Returns the points of an entry of a list of preferences. `rank` counts from 0. Every rank past the end of `points` has
    the last of them.
    """
    return points[min(rank, len(points) - 1)]
