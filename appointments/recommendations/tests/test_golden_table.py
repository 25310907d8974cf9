"""Twenty customers, and what is recommended to each, in which order and why.

A line of history is a visit unless a status follows: day, time, service, staff. A line of the answer has the service, the
slot, the person, the score and the reasons, which lack their `preferred_` and `usual_`. Today is Saturday, 28 November 2026;
`Salon` says who works when.
"""

from textwrap import dedent

import pytest

from appointments.recommendations.tests.salon import show_all

pytestmark = pytest.mark.slow("creates a salon for each of twenty customers")

# Bookings of other customers: they make services popular, and leave slots that lie directly before and after a booking.
OTHERS = """
    2026-11-10 10:00 Manicure Ana
    2026-11-11 10:00 Manicure Ana
    2026-11-12 10:00 Cut Ana
    2026-11-30 09:00 Cut Ana confirmed
    2026-12-01 14:00 Colour Bea pending
    2026-12-03 11:00 Cut Cici cancelled
"""
CUSTOMERS = {}


def customer(name, *, history="", expected, **preferences):
    CUSTOMERS[name] = (history, preferences, dedent(expected).strip().splitlines())


customer(
    "nobody's history and no preferences",
    expected="""
    Manicure Mon 2026-11-30 10:00 Ana 8 popular+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 8 popular+no_gap
    Cut Mon 2026-11-30 10:00 Ana 7 popular+no_gap
    Cut Tue 2026-12-01 13:00 Bea 7 popular+no_gap
    Manicure Sat 2026-11-28 09:00 Ana 5 popular
""",
)
customer(
    "a regular on Mondays at ten, due on Monday",
    history="""
    2026-09-07 10:00 Cut Ana
    2026-10-05 10:00 Cut Ana
    2026-11-02 10:00 Cut Ana
""",
    expected="""
    Cut Mon 2026-11-30 10:00 Ana 80 due+popular+weekday+hour+no_gap
    Cut Mon 2026-12-07 10:00 Ana 77 due+popular+weekday+hour
    Cut Tue 2026-12-01 10:00 Ana 71 due+popular+hour
    Manicure Mon 2026-11-30 10:00 Ana 19 popular+weekday+hour+no_gap
    Colour Mon 2026-11-30 10:00 Ana 15 weekday+hour+no_gap
""",
)
customer(
    "the same, who likes Cici",
    history="""
    2026-09-07 10:00 Cut Ana
    2026-10-05 10:00 Cut Ana
    2026-11-02 10:00 Cut Ana
""",
    staff="Cici",
    expected="""
    Cut Tue 2026-12-01 10:00 Cici 91 due+popular+staff+hour
    Cut Thu 2026-12-03 10:00 Cici 91 due+popular+staff+hour
    Cut Mon 2026-11-30 10:00 Ana 80 due+popular+weekday+hour+no_gap
    Manicure Tue 2026-12-01 10:00 Cici 30 popular+staff+hour
    Manicure Thu 2026-12-03 10:00 Cici 30 popular+staff+hour
""",
)
customer(
    "two visits: due by the days of the business",
    history="""
    2026-10-08 15:00 Manicure Bea
    2026-10-22 16:00 Manicure Bea
""",
    expected="""
    Manicure Thu 2026-12-03 09:00 Ana 71 due+popular+weekday
    Manicure Thu 2026-12-10 09:00 Ana 71 due+popular+weekday
    Manicure Tue 2026-12-01 13:30 Bea 68 due+popular+no_gap
    Cut Thu 2026-12-03 09:00 Ana 10 popular+weekday
    Cut Mon 2026-11-30 10:00 Ana 7 popular+no_gap
""",
)
customer(
    "overdue since long",
    history="""
    2026-01-15 13:00 Colour Bea
""",
    expected="""
    Colour Mon 2026-11-30 10:00 Ana 77 due+overdue+popular+no_gap
    Colour Tue 2026-12-01 16:15 Bea 77 due+overdue+popular+no_gap
    Colour Sat 2026-11-28 09:00 Ana 74 due+overdue+popular
    Manicure Mon 2026-11-30 10:00 Ana 8 popular+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 8 popular+no_gap
""",
)
customer(
    "not due for five weeks",
    history="""
    2026-11-20 15:00 Cut Ana
""",
    expected="""
    Cut Fri 2027-01-01 09:00 Ana 65 due+popular
    Cut Thu 2026-12-31 09:00 Ana 65 due+popular
    Cut Sat 2027-01-02 09:00 Ana 65 due+popular
    Manicure Mon 2026-11-30 10:00 Ana 7 popular+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 7 popular+no_gap
""",
)
customer(
    "booked already",
    history="""
    2026-09-07 10:00 Cut Ana
    2026-12-01 10:00 Cut Ana confirmed
""",
    expected="""
    Manicure Mon 2026-11-30 10:00 Ana 7 popular+no_gap
    Manicure Tue 2026-12-01 09:30 Ana 7 popular+no_gap
    Manicure Sat 2026-11-28 09:00 Ana 4 popular
    Colour Mon 2026-11-30 10:00 Ana 3 no_gap
    Colour Tue 2026-12-01 11:00 Ana 3 no_gap
""",
)
customer(
    "cancelled and missed appointments are no visits",
    history="""
    2026-09-07 10:00 Cut Ana cancelled
    2026-10-05 10:00 Cut Ana no_show
""",
    expected="""
    Manicure Mon 2026-11-30 10:00 Ana 8 popular+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 8 popular+no_gap
    Cut Mon 2026-11-30 10:00 Ana 7 popular+no_gap
    Cut Tue 2026-12-01 13:00 Bea 7 popular+no_gap
    Manicure Sat 2026-11-28 09:00 Ana 5 popular
""",
)
customer(
    "a favourite person",
    staff="Bea",
    expected="""
    Manicure Tue 2026-12-01 13:30 Bea 28 popular+staff+no_gap
    Cut Tue 2026-12-01 13:00 Bea 27 popular+staff+no_gap
    Manicure Mon 2026-11-30 12:00 Bea 25 popular+staff
    Manicure Wed 2026-12-02 12:00 Bea 25 popular+staff
    Cut Mon 2026-11-30 12:00 Bea 24 popular+staff
""",
)
customer(
    "two favourite people, the first one first",
    staff="Cici Bea",
    expected="""
    Manicure Tue 2026-12-01 09:00 Cici 25 popular+staff
    Manicure Thu 2026-12-03 09:00 Cici 25 popular+staff
    Cut Tue 2026-12-01 09:00 Cici 24 popular+staff
    Cut Thu 2026-12-03 09:00 Cici 24 popular+staff
    Manicure Mon 2026-11-30 12:00 Bea 21 popular+staff
""",
)
customer(
    "a favourite outlet",
    outlet="Senopati",
    expected="""
    Manicure Tue 2026-12-01 13:30 Bea 18 popular+outlet+no_gap
    Cut Tue 2026-12-01 13:00 Bea 17 popular+outlet+no_gap
    Manicure Mon 2026-11-30 12:00 Bea 15 popular+outlet
    Manicure Wed 2026-12-02 12:00 Bea 15 popular+outlet
    Cut Mon 2026-11-30 12:00 Bea 14 popular+outlet
""",
)
customer(
    "a favourite service",
    services="Massage",
    expected="""
    Massage Tue 2026-12-01 12:45 Bea 53 service+no_gap
    Massage Mon 2026-11-30 12:00 Bea 50 service
    Massage Wed 2026-12-02 12:00 Bea 50 service
    Manicure Mon 2026-11-30 10:00 Ana 8 popular+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 8 popular+no_gap
""",
)
customer(
    "two favourite services",
    services="Manicure Massage",
    expected="""
    Manicure Mon 2026-11-30 10:00 Ana 58 service+popular+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 58 service+popular+no_gap
    Manicure Sat 2026-11-28 09:00 Ana 55 service+popular
    Massage Tue 2026-12-01 12:45 Bea 48 service+no_gap
    Massage Mon 2026-11-30 12:00 Bea 45 service
""",
)
customer(
    "a favourite category",
    categories="hair",
    expected="""
    Cut Mon 2026-11-30 10:00 Ana 27 category+popular+no_gap
    Cut Tue 2026-12-01 13:00 Bea 27 category+popular+no_gap
    Cut Sat 2026-11-28 09:00 Ana 24 category+popular
    Colour Mon 2026-11-30 10:00 Ana 23 category+no_gap
    Colour Tue 2026-12-01 16:15 Bea 23 category+no_gap
""",
)
customer(
    "a favourite person who does not offer the favourite service",
    staff="Ana",
    services="Massage",
    expected="""
    Massage Tue 2026-12-01 12:45 Bea 53 service+no_gap
    Massage Mon 2026-11-30 12:00 Bea 50 service
    Massage Wed 2026-12-02 12:00 Bea 50 service
    Manicure Mon 2026-11-30 10:00 Ana 28 popular+staff+no_gap
    Cut Mon 2026-11-30 10:00 Ana 27 popular+staff+no_gap
""",
)
customer(
    "everything at once",
    history="""
    2026-10-06 15:30 Massage Bea
    2026-10-27 15:00 Massage Bea
    2026-11-17 15:00 Massage Bea
""",
    staff="Bea",
    services="Massage",
    outlet="Senopati",
    categories="spa",
    expected="""
    Massage Tue 2026-12-08 15:00 Bea 177 due+service+category+popular+staff+outlet+weekday+hour
    Massage Tue 2026-12-15 15:00 Bea 177 due+service+category+popular+staff+outlet+weekday+hour
    Massage Tue 2026-12-01 12:45 Bea 174 due+service+category+popular+staff+outlet+weekday+no_gap
    Manicure Tue 2026-12-01 13:30 Bea 43 popular+staff+outlet+weekday+no_gap
    Cut Tue 2026-12-01 13:00 Bea 42 popular+staff+outlet+weekday+no_gap
""",
)
customer(
    "two services, each due on its own day",
    history="""
    2026-09-19 11:00 Cut Ana
    2026-10-17 11:00 Cut Ana
    2026-11-14 11:00 Cut Ana
    2026-10-20 11:00 Colour Ana
""",
    expected="""
    Cut Sat 2026-12-12 11:00 Ana 77 due+popular+weekday+hour
    Cut Sat 2026-12-05 11:00 Ana 77 due+popular+weekday+hour
    Cut Sat 2026-12-19 11:00 Ana 77 due+popular+weekday+hour
    Colour Sat 2026-11-28 11:00 Ana 75 due+popular+weekday+hour
    Colour Sat 2026-12-05 11:00 Ana 75 due+popular+weekday+hour
""",
)
customer(
    "irregular gaps: the median counts",
    history="""
    2026-01-05 12:00 Cut Bea
    2026-01-12 12:00 Cut Bea
    2026-06-01 12:00 Cut Bea
    2026-11-02 12:00 Cut Bea
""",
    expected="""
    Cut Mon 2027-03-22 12:00 Ana 77 due+popular+weekday+hour
    Cut Mon 2027-03-15 12:00 Ana 77 due+popular+weekday+hour
    Cut Mon 2027-03-29 12:00 Ana 77 due+popular+weekday+hour
    Manicure Mon 2026-11-30 12:00 Ana 16 popular+weekday+hour
    Colour Mon 2026-11-30 12:00 Ana 12 weekday+hour
""",
)
customer(
    "a slot next to another booking",
    staff="Cici",
    history="""
    2026-12-01 10:00 Massage Cici pending
""",
    expected="""
    Manicure Tue 2026-12-01 09:30 Cici 28 popular+staff+no_gap
    Cut Tue 2026-12-01 09:00 Cici 27 popular+staff+no_gap
    Manicure Thu 2026-12-03 09:00 Cici 25 popular+staff
    Cut Thu 2026-12-03 09:00 Cici 24 popular+staff
    Colour Thu 2026-12-03 09:00 Cici 20 staff
""",
)
customer(
    "more favourites than places",
    staff="Cici Ana Bea",
    services="Cut Massage Colour Manicure",
    outlet="Kemang",
    expected="""
    Cut Tue 2026-12-01 09:00 Cici 84 service+popular+staff+outlet
    Cut Thu 2026-12-03 09:00 Cici 84 service+popular+staff+outlet
    Cut Mon 2026-11-30 10:00 Ana 83 service+popular+staff+outlet+no_gap
    Colour Tue 2026-12-01 09:00 Cici 70 service+staff+outlet
    Manicure Tue 2026-12-01 09:00 Cici 70 service+popular+staff+outlet
""",
)


def test_there_are_twenty_customers():
    assert len(CUSTOMERS) == 20


@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_customer_gets_these_recommendations_in_this_order(salon, name):
    history, preferences, expected = CUSTOMERS[name]
    salon.add_appointments(OTHERS)
    assert show_all(salon.add_customer(history, **preferences)) == expected
