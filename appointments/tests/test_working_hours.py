"""`GET` and `PUT /api/v1/staff/{id}/working-hours`."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import WorkingHours
from circe.db.ids import new_id
from tenants.models import AuditEvent, Outlet
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory


@pytest.fixture
def outlet(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


@pytest.fixture
def url(ana):
    return f"/api/v1/staff/{ana.pk}/working-hours"


@pytest.fixture
def entry(outlet):
    """Returns a function: `entry(0, "09:00-17:00")` is an entry of a body. Keys may be given or changed."""

    def make(weekday, hours, **changes):
        start, end = hours.split("-")
        return {"outlet_id": outlet.pk, "weekday": weekday, "start_time": start, "end_time": end} | changes

    return make


def shown(entries):
    """Returns the entries as an answer shows them."""
    return [
        one
        | {name: f"{one[name]}:00"[:8] for name in ("start_time", "end_time")}
        | {name: one.get(name) for name in ("valid_from", "valid_to")}
        for one in entries
    ]


def stored(ana):
    with tenant_scope(ana.tenant):
        return list(WorkingHours.objects.filter(staff=ana).values_list("weekday", "start_time", "end_time"))


def errors(answer):
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


def test_a_list_is_replaced_at_once_and_read_by_weekday_and_time(manager, staff, url, entry, outlet, tenant):
    assert staff.get(url).json() == {"working_hours": []}
    week = [
        entry(0, "09:00-12:00"),
        entry(0, "13:00:30-17:00:00"),
        entry(4, "22:00-06:00", outlet_id=OutletFactory(tenant=tenant).pk, valid_from="2026-03-01", valid_to=None),
        entry(6, "10:00-16:00", valid_from="2026-01-01", valid_to="2026-01-01"),
    ]
    answer = manager.put(url, {"working_hours": week[::-1]})
    assert (answer.status_code, answer.json()) == (200, {"working_hours": shown(week)})
    assert staff.get(url).json() == answer.json()
    assert staff.get(url).headers["ETag"] == answer.headers["ETag"]
    # A client can send the list that it read.
    assert manager.put(url, answer.json()).content == answer.content
    shorter = manager.put(url, {"working_hours": week[:1]})
    assert shorter.json() == staff.get(url).json() == {"working_hours": shown(week[:1])}
    assert manager.put(url, {"working_hours": []}).json() == {"working_hours": []}


def test_a_list_is_the_person_s_own(manager, url, entry, tenant, ana):
    other = UserFactory(tenant=tenant)
    manager.put(url, {"working_hours": [entry(0, "09:00-17:00")]})
    manager.put(f"/api/v1/staff/{other.pk}/working-hours", {"working_hours": [entry(0, "09:00-17:00")]})
    manager.put(f"/api/v1/staff/{other.pk}/working-hours", {"working_hours": []})
    assert len(stored(ana)) == 1


# Entries that overlap, by index, and what each error says.
OVERLAPS = {
    "the same day": (
        [(0, "09:00-12:00"), (1, "09:00-12:00"), (0, "11:59-14:00")],
        {0: "2: Monday 11:59–14:00", 2: "0: Monday 09:00–12:00"},
    ),
    "a night over midnight": (
        [(0, "22:00-06:00"), (1, "05:00-07:00")],
        {0: "1: Tuesday 05:00–07:00", 1: "0: Monday 22:00–06:00"},
    ),
    "a night over the end of the week": (
        [(0, "05:00-07:00"), (6, "22:00-06:00")],
        {0: "1: Sunday 22:00–06:00", 1: "0: Monday 05:00–07:00"},
    ),
    "a night that begins on the last valid day": (
        [
            (6, "22:00-06:00", {"valid_to": "2026-03-01"}),
            (0, "05:00-07:00", {"valid_from": "2026-03-02"}),
        ],
        {0: "1: Monday 05:00–07:00", 1: "0: Sunday 22:00–06:00"},
    ),
    "an entry three times": (
        [(2, "09:00-10:00"), (3, "09:00-10:00"), (2, "09:00-10:00"), (2, "09:00-10:00")],
        {
            0: "2: Wednesday 09:00–10:00",
            2: "0: Wednesday 09:00–10:00",
            3: "0: Wednesday 09:00–10:00",
        },
    ),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_entries_that_overlap_are_named(manager, url, entry, ana, case):
    manager.put(url, {"working_hours": [entry(5, "09:00-17:00")]})
    entries, expected = OVERLAPS[case]
    body = [entry(weekday, hours, **(more[0] if more else {})) for weekday, hours, *more in entries]
    answer = manager.put(url, {"working_hours": body})
    assert errors(answer) == {
        f"working_hours.{index}": f"It overlaps with working_hours.{other}." for index, other in expected.items()
    }
    assert {error["code"] for error in answer.json()["errors"]} == {"overlap"}
    assert stored(ana) == [(5, dt.time(9), dt.time(17))]


def test_entries_at_different_outlets_overlap_too(manager, url, entry, tenant):
    elsewhere = OutletFactory(tenant=tenant).pk
    body = [entry(0, "09:00-12:00"), entry(0, "11:00-14:00", outlet_id=elsewhere)]
    assert {*errors(manager.put(url, {"working_hours": body}))} == {"working_hours.0", "working_hours.1"}


@pytest.mark.parametrize(
    "entries",
    [
        [(0, "09:00-12:00"), (0, "12:00-17:00")],
        [(0, "22:00-06:00"), (1, "06:00-12:00")],
        [(6, "22:00-00:00"), (0, "00:00-12:00")],
        [(0, "09:00-17:00", {"valid_to": "2026-03-08"}), (0, "09:00-17:00", {"valid_from": "2026-03-09"})],
        # No Monday is in both.
        [(0, "09:00-17:00", {"valid_to": "2026-03-08"}), (0, "09:00-17:00", {"valid_from": "2026-03-03"})],
        [(6, "22:00-06:00", {"valid_to": "2026-02-28"}), (0, "05:00-07:00", {"valid_from": "2026-03-02"})],
    ],
)
def test_entries_that_only_touch_are_fine(manager, url, entry, entries):
    body = [entry(weekday, hours, **(more[0] if more else {})) for weekday, hours, *more in entries]
    assert manager.put(url, {"working_hours": body}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weekday": 7}, "weekday"),
        ({"weekday": -1}, "weekday"),
        ({"weekday": "0"}, "weekday"),
        ({"weekday": True}, "weekday"),
        ({"weekday": 0.5}, "weekday"),
        ({"weekday": None}, "weekday"),
        ({"start_time": "9:00"}, "start_time"),
        ({"start_time": "24:00"}, "start_time"),
        ({"start_time": "09"}, "start_time"),
        ({"start_time": "0900"}, "start_time"),
        ({"start_time": "09:00:00.5"}, "start_time"),
        ({"start_time": "09:00+07:00"}, "start_time"),
        ({"start_time": "09:00 "}, "start_time"),
        ({"start_time": "٠٩:٠٠"}, "start_time"),
        ({"start_time": 900}, "start_time"),
        ({"start_time": ""}, "start_time"),
        ({"end_time": None}, "end_time"),
        ({"end_time": "09:00"}, "end_time"),
        ({"end_time": "09:00:00"}, "end_time"),
        ({"valid_from": "1.3.2026"}, "valid_from"),
        ({"valid_from": 20260301}, "valid_from"),
        ({"valid_from": "2026-02-29"}, "valid_from"),
        ({"valid_from": "2026-03-02T00:00:00Z"}, "valid_from"),
        ({"valid_from": "2026-03-02", "valid_to": "2026-03-01"}, "valid_to"),
        ({"valid_form": "2026-03-02"}, "valid_form"),
        ({"outlet_id": None}, "outlet_id"),
        ({"outlet_id": 5}, "outlet_id"),
        ({"outlet_id": ""}, "outlet_id"),
        ({"outlet_id": "507F1F77BCF86CD799439011"}, "outlet_id"),
    ],
)
def test_a_wrong_value_is_named(manager, url, entry, ana, changes, field):
    manager.put(url, {"working_hours": [entry(5, "09:00-17:00")]})
    body = [entry(3, "09:00-17:00"), entry(0, "09:00-17:00") | changes]
    assert {*errors(manager.put(url, {"working_hours": body}))} == {f"working_hours.1.{field}"}
    assert stored(ana) == [(5, dt.time(9), dt.time(17))]


@pytest.mark.parametrize("missing", ["outlet_id", "weekday", "start_time", "end_time"])
def test_a_missing_value_is_named(manager, url, entry, missing):
    one = entry(0, "09:00-17:00")
    del one[missing]
    assert {*errors(manager.put(url, {"working_hours": [one]}))} == {f"working_hours.0.{missing}"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "working_hours"),
        ({"working_hours": None}, "working_hours"),
        ({"working_hours": ""}, "working_hours"),
        ({"working_hours": {}}, "working_hours"),
        ({"working_hours": "[]"}, "working_hours"),
        ({"working_hours": [[]]}, "working_hours.0"),
        ({"working_hours": [None]}, "working_hours.0"),
        ([], "body"),
    ],
)
def test_a_body_of_another_shape_changes_nothing(manager, url, entry, ana, body, field):
    manager.put(url, {"working_hours": [entry(5, "09:00-17:00")]})
    assert {*errors(manager.put(url, body))} == {field}
    assert len(stored(ana)) == 1


def test_a_list_has_at_most_200_entries(manager, url, entry):
    days = [dt.date(2026, 3, 2) + dt.timedelta(days=number) for number in range(201)]
    body = [entry(day.weekday(), "09:00-17:00", valid_from=str(day), valid_to=str(day)) for day in days]
    assert {*errors(manager.put(url, {"working_hours": body}))} == {"working_hours"}
    with CaptureQueriesContext(connection) as queries:
        assert manager.put(url, {"working_hours": body[:200]}).status_code == 200
    assert len(queries) < 20


def test_the_outlet_must_be_an_active_one_of_the_business(manager, url, entry, outlet, tenant, other_tenant):
    foreign, absent = OutletFactory(tenant=other_tenant).pk, new_id()
    closed = OutletFactory(tenant=tenant, is_active=False).pk
    answers = [
        manager.put(url, {"working_hours": [entry(0, "09:00-17:00"), entry(1, "09:00-17:00", outlet_id=pk)]})
        for pk in (foreign, absent, closed)
    ]
    assert [errors(answer) for answer in answers] == [
        {"working_hours.1.outlet_id": "There is no active outlet with this id."}
    ] * 3
    assert len({answer.content for answer in answers}) == 1
    # An outlet that was closed meanwhile stays in the list, so that what was read can be sent back, with changes.
    week = manager.put(url, {"working_hours": [entry(0, "09:00-17:00")]}).json()
    with tenant_scope(tenant):
        Outlet.objects.filter(pk=outlet.pk).update(is_active=False)
    assert manager.put(url, week).status_code == 200
    assert manager.put(url, {"working_hours": []}).status_code == 200
    assert {*errors(manager.put(url, week))} == {"working_hours.0.outlet_id"}


def test_who_is_not_of_the_business_is_not_found(manager, super_admin, entry, other_tenant, tenant):
    body = {"working_hours": [entry(0, "09:00-17:00")]}
    answers = {
        send(f"/api/v1/staff/{pk}/working-hours", body).content
        for pk in (UserFactory(tenant=other_tenant).pk, new_id(), "zzz", super_admin.user.pk)
        for send in (manager.get, manager.put)
    }
    assert len(answers) == 1
    assert b'"not_found"' in answers.pop()
    for send in (super_admin.get, super_admin.put):
        assert send(f"/api/v1/staff/{super_admin.user.pk}/working-hours", body).status_code == 404
    # A super_admin reaches every business, and in each only its own outlets.
    theirs = f"/api/v1/staff/{UserFactory(tenant=other_tenant).pk}/working-hours"
    assert {*errors(super_admin.put(theirs, body))} == {"working_hours.0.outlet_id"}
    assert super_admin.put(f"{theirs}?tenant_id={tenant.pk}", body).status_code == 404
    own = {"working_hours": [entry(0, "09:00-17:00", outlet_id=OutletFactory(tenant=other_tenant).pk)]}
    assert super_admin.put(theirs, own).status_code == 200


def test_only_managers_write(as_role, url, entry):
    body = {"working_hours": [entry(0, "09:00-17:00")]}
    statuses = {
        role: as_role(role).put(url, body).status_code
        for role in ("staff", "outlet_manager", "tenant_admin", "super_admin")
    }
    assert statuses == {"staff": 403, "outlet_manager": 200, "tenant_admin": 200, "super_admin": 200}


def test_a_stale_version_and_a_key_are_heeded(manager, url, entry, ana):
    empty = manager.get(url).headers["ETag"]
    week = {"working_hours": [entry(0, "09:00-17:00")]}
    headers = {"If-Match": empty, "Idempotency-Key": "one"}
    first, again = (manager.put(url, week, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    stale = manager.put(url, {"working_hours": []}, headers={"If-Match": empty})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert len(stored(ana)) == 1
    assert manager.put(url, {"working_hours": []}, headers={"If-Match": first.headers["ETag"]}).status_code == 200


def test_the_trail_tells_what_changed_and_nothing_else(manager, url, entry, ana):
    manager.put(url, {"working_hours": [entry(0, "09:00-17:00"), entry(1, "09:00-17:00")]})
    with tenant_scope(ana.tenant):
        before = AuditEvent.objects.filter(table="workinghours").count()
        manager.put(url, {"working_hours": [entry(0, "09:00-17:00"), entry(1, "09:00-18:00")]})
        events = AuditEvent.objects.filter(table="workinghours").order_by("id")[before:]
        assert [(event.action, (event.before or event.after)["end_time"]) for event in events] == [
            ("deleted", "17:00:00"),
            ("created", "18:00:00"),
        ]
        assert {event.actor_id for event in events} == {manager.user.pk}


@pytest.mark.django_db(transaction=True)
def test_of_two_lists_at_once_one_is_left(manager, url, entry, ana):
    """The lists would overlap if rows of both were left."""
    lists = [
        [entry(day, hours) for day in range(5)]
        for hours in ("08:00-16:00", "12:00-20:00", "10:00-18:00", "09:00-17:00")
    ]
    barrier, statuses = threading.Barrier(len(lists)), []

    def put(week):
        barrier.wait(30)
        statuses.append(manager.put(url, {"working_hours": week}).status_code)
        connection.close()

    threads = [threading.Thread(target=put, args=[week]) for week in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(lists)
    assert manager.get(url).json()["working_hours"] in [shown(week) for week in lists]
