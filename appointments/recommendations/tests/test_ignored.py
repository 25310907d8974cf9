"""A preference that is no longer on offer is in `ignored`, with the reason, and gives no points."""

import datetime as dt

import pytest

from appointments.models import WorkingHours
from appointments.recommendations import recommend
from appointments.recommendations.favourites import MEANINGS, Obstacle
from appointments.recommendations.tests.salon import TODAY


def deactivate(row):
    row.is_active = False
    row.save()


def end_hours(salon, name, day=TODAY - dt.timedelta(1)):
    WorkingHours.objects.filter(staff=salon.staff[name]).update(valid_to=day)


# By the name of a case: the preferences, a later change of the salon, and the preference that is ignored then: its key in
# the API, its name and the reason.
CHANGES = {
    "a person who left": ({"staff": "Bea"}, lambda salon: deactivate(salon.staff["Bea"]), "staff_ids Bea inactive"),
    "a person whose hours are over": (
        {"staff": "Ana"},
        lambda salon: end_hours(salon, "Ana"),
        "staff_ids Ana no_working_hours",
    ),
    "a person at a closed outlet": (
        {"staff": "Bea"},
        lambda salon: deactivate(salon.outlets["Senopati"]),
        "staff_ids Bea no_working_hours",
    ),
    "a person who offers nothing": (
        {"staff": "Cici"},
        lambda salon: [salon.offer_only(name, "Ana") for name in salon.services],
        "staff_ids Cici offers_no_service",
    ),
    "a person who offers only what is inactive": (
        {"staff": "Bea"},
        lambda salon: [
            *(salon.offer_only(name, "Ana") for name in salon.services if name != "Massage"),
            deactivate(salon.services["Massage"]),
        ],
        "staff_ids Bea offers_no_service",
    ),
    "an inactive service": (
        {"services": "Cut"},
        lambda salon: deactivate(salon.services["Cut"]),
        "services Cut inactive",
    ),
    "a service whose only person left": (
        {"services": "Massage"},
        lambda salon: deactivate(salon.staff["Bea"]),
        "services Massage no_staff",
    ),
    "a closed outlet": (
        {"outlet": "Kemang"},
        lambda salon: deactivate(salon.outlets["Kemang"]),
        "outlet_id Kemang inactive",
    ),
    "an outlet where nobody works": (
        {"outlet": "Senopati"},
        lambda salon: end_hours(salon, "Bea"),
        "outlet_id Senopati no_staff",
    ),
    "a category without an active service": (
        {"categories": "nails"},
        lambda salon: deactivate(salon.services["Manicure"]),
        "categories nails no_service",
    ),
    "a category whose only person left": (
        {"categories": "spa"},
        lambda salon: deactivate(salon.staff["Bea"]),
        "categories spa no_service",
    ),
    "a category that nothing has": ({"categories": "tattoo"}, lambda salon: None, "categories tattoo no_service"),
}


def show_ignored(salon, customer):
    names = {row.pk: name for rows in (salon.staff, salon.services, salon.outlets) for name, row in rows.items()}
    found = recommend(customer, limit=20).ignored
    return [f"{key.removeprefix('preferred_')} {names.get(pk, pk)} {reason}" for key, pk, reason in found]


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_no_longer_on_offer_is_ignored_with_the_reason(salon, name):
    preferences, change, expected = CHANGES[name]
    customer = salon.add_customer(**preferences)
    before = show_ignored(salon, customer)
    change(salon)
    customer.refresh_from_db()
    assert before == ([expected] if "tattoo" in expected else [])
    assert show_ignored(salon, customer) == [expected]
    scored = {str(reason) for item in recommend(customer, limit=20).items for reason in item.reasons}
    assert not any(reason.startswith("preferred") for reason in scored)


def test_every_reason_is_shown_and_documented():
    assert {expected.split()[-1] for *_, expected in CHANGES.values()} == set(Obstacle) == set(MEANINGS)


def test_a_person_who_works_today_for_the_last_time_is_not_ignored(salon):
    customer = salon.add_customer(staff="Ana")
    end_hours(salon, "Ana", TODAY)
    assert show_ignored(salon, customer) == []


def test_the_second_person_has_the_points_of_the_second_if_the_first_is_ignored(salon):
    customer = salon.add_customer(staff="Bea Ana", services="Cut")
    assert recommend(customer).items[0].slot.staff_name == "Bea"
    deactivate(salon.staff["Bea"])
    assert recommend(customer).items[0].points["preferred_staff"] == 16
