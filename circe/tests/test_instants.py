"""Every parameter that is a day also takes an instant, as the libraries of clients write it."""

import datetime as dt
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.tests.factories import AppointmentFactory
from circe.api.instants import parse_instant
from circe.tests.cases import in_one_test
from customers.tests.factories import CustomerFactory

# Noon in Jakarta, the time zone of the tenant.
NOON = dt.datetime(2025, 6, 1, 5, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
SPELLINGS = {
    ".NET": "2025-06-01T05:00:00.0000000Z",
    ".NET with an offset": "2025-06-01T12:00:00.0000000+07:00",
    ".NET without an offset": "2025-06-01T12:00:00.0000000",
    "Go": "2025-06-01T05:00:00.000000000Z",
    "Java": "2025-06-01T05:00Z",
    "Java with an offset": "2025-06-01T12:00:00.000000000+07:00",
    "Java with the name of a zone": "2025-06-01T12:00+07:00[Asia/Jakarta]",
    "Temporal": "2025-06-01T05:00:00Z[Etc/UTC]",
    "psql": "2025-06-01 05:00:00.000000+00",
    "psql elsewhere": "2025-06-01 12:00:00+07",
    "psql with the offset of St. John's": "2025-06-01 01:30:00-03:30",
    "Python": "2025-06-01 05:00:00+00:00",
    "Ruby": "2025-06-01 12:00:00 +0700",
    "PHP": "2025-06-01T12:00:00+0700",
    "an offset without a colon": "2025-06-01T01:30:00-0330",
    "the minus of a text processor": "2025-06-01T01:30:00−03:30",
    "lower case": "2025-06-01t05:00:00z",
    "a comma": "2025-06-01T05:00:00,000Z",
    "hours alone": "2025-06-01T05Z",
    "the basic format": "20250601T050000Z",
    "an offset with seconds": "2025-06-01T12:07:12+07:07:12",
    "picoseconds": "2025-06-01T05:00:00.000000000000Z",
}
JUNK = [
    "2025-06-01T12:00:00.Z", "2025-06-01T12:00:00.1x", "2025-06-01T12:00:00++07", "2025-06-01T12:00:00+7",
    "2025-06-01T12:00:00+24", "2025-06-01T12:00:00+07:60", "2025-06-01T12:00:00+07:0", "2025-06-01T12:60:00Z",
    "2025-06-01T24:00:01Z", "2025-06-01T24:00:00.1Z", "2025-06-01T25:00Z", "2025-06-01x12:00:00Z", "2025-06-01T",
    "2025-06-01TZ", "2025-06-01Z", "2025-06-01+07:00", "2025-06-01 07", "2025-02-30T12:00:00Z", "12:00:00Z",
    "2025-06-01T12:00:00Z and more", "2025-06-01T12:00:00[Asia/Jakarta]", "1748754000", "٢٠٢٥-06-01T12:00:00Z",
    "9999-12-31T24:00:00Z", "2025-06-01T12:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z",
    "2017-01-01T06:59:60.1Z", "9999-12-31T23:59:60Z",
]  # fmt: skip
BOUNDS = {"customers": ("created_from", "created_to"), "appointments": ("from_date", "to_date")}


@pytest.fixture
def around_noon(tenant):
    """The ids of customers who were created a second before noon, at noon, and a second after."""
    return [CustomerFactory(tenant=tenant, created_at=at).pk for at in (NOON - SECOND, NOON, NOON + SECOND)]


def listed(client, **bounds):
    # Clients send the `+` of an offset encoded, or as it is, which is read as a space.
    found = []
    for safe in ("", "+"):
        query = "&".join(f"{name}={quote(value, safe=safe)}" for name, value in bounds.items())
        answer = client.get(f"/api/v1/customers?{query}")
        assert answer.status_code == 200, answer.content
        found.append([item["id"] for item in answer.json()["items"]])
    assert found[0] == found[1]
    return found[0]


@in_one_test("text", SPELLINGS.values())
def test_the_list_takes_an_instant_as_clients_write_it(admin, around_noon, text):
    before, at, after = around_noon
    assert listed(admin, created_from=text) == [after, at]
    assert listed(admin, created_to=text) == [at, before]


@pytest.mark.slow("a table of instants and of endpoints")
@in_one_test("text", SPELLINGS.values())
def test_history_and_statistics_take_the_day_of_the_instant(admin, tenant, text):
    days = [dt.date(2025, 5, 31), dt.date(2025, 6, 1), dt.date(2025, 6, 2)]
    customer = CustomerFactory(tenant=tenant)
    for day in days:
        AppointmentFactory(tenant=tenant, customer=customer, appointment_date=day)
    period = {"from_date": text, "to_date": text}
    history = admin.get(f"/api/v1/customers/{customer.pk}/appointments", period)
    assert [row["appointment_date"] for row in history.json()["appointments"]] == ["2025-06-01"]
    summary = admin.get("/api/v1/customers/statistics/summary", period)
    assert summary.json()["statistics"]["total_appointments"] == 1


def test_further_digits_are_cut_off_and_do_not_reach_the_next_second_or_day(admin, around_noon):
    before, *_ = around_noon
    for nines in range(1, 13):
        just_before_noon = f"2025-06-01T04:59:59.{'9' * nines}Z"
        assert listed(admin, created_to=just_before_noon) == [before]
        last_of_may = f"2025-05-31T16:59:59.{'9' * nines}Z"
        assert admin.get(
            "/api/v1/customers/statistics/summary", {"from_date": last_of_may, "to_date": last_of_may}
        ).json()["period"] == {"from": "2025-05-31", "to": "2025-05-31"}


def test_24_o_clock_is_the_beginning_of_the_next_day(admin, around_noon):
    before, at, after = around_noon
    assert listed(admin, created_from="2025-05-31T24:00:00", created_to="2025-06-01T24:00") == [after, at, before]
    assert listed(admin, created_from="2025-06-01T24:00:00.000") == []


@in_one_test(
    "text, read",
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
        ("2017-01-01T06:59:60.25+07:00", "2017-01-01T00:00:00.25"),
        ("20161231T235960Z", "2017-01-01T00:00:00"),
        ("2017-01-01T06:59:60", "2017-01-01T00:00:00"),
        ("2016-12-31T12:00:00.5960Z", "2016-12-31T12:00:00.596"),
    ],
)
def test_a_leap_second_is_the_first_second_of_the_next_day(text, read):
    expected = dt.datetime.fromisoformat(read).replace(tzinfo=dt.UTC)
    assert parse_instant(text, dt.timezone(dt.timedelta(hours=7))) == expected


@pytest.mark.slow("sends dozens of texts")
@in_one_test("text", JUNK)
def test_anything_else_is_a_400_that_says_what_would_be_right(admin, tenant, text):
    customer = CustomerFactory(tenant=tenant)
    for path in ("", f"/{customer.pk}/appointments", "/statistics/summary"):
        for name in BOUNDS["appointments" if path else "customers"]:
            answer = admin.get(f"/api/v1/customers{path}", {name: text})
            assert answer.status_code == 400, (path, name)
            [error] = answer.json()["errors"]
            assert error["field"] == name
            assert "2025-01-31T10:30:00Z" in error["detail"]


@given(
    instant=st.integers(-(10**15), 10**16).map(lambda number: NOON + dt.timedelta(microseconds=number)),
    minutes=st.integers(-23 * 60 - 59, 23 * 60 + 59),
    digits=st.integers(0, 30),
    separator=st.sampled_from("Tt "),
)
def test_an_instant_of_any_precision_and_offset_is_read_as_it_was_written(instant, minutes, digits, separator):
    offset = dt.timedelta(minutes=minutes)
    fraction = f".{(f'{instant.microsecond:06}' + '9' * 30)[:digits]}" if digits else ""
    hours, rest = divmod(abs(minutes), 60)
    signs = "+ " if minutes >= 0 else "-\N{MINUS SIGN}"
    expected = (instant - offset).replace(microsecond=int(fraction[1:7].ljust(6, "0") or 0))
    for sign in signs:
        for written in (f"{hours:02}:{rest:02}", f"{hours:02}{rest:02}", *([] if rest else [f"{hours:02}"])):
            text = f"{instant:%Y-%m-%d}{separator}{instant:%H:%M:%S}{fraction}{sign}{written}"
            assert parse_instant(text, dt.UTC) == expected
