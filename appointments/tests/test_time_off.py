"""`/api/v1/time-off`: when people are away, and when outlets are closed."""

import pytest

from appointments.models import TimeOff
from circe.db.ids import new_id
from tenants.models import AuditEvent
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, TenantFactory, UserFactory

URL = "/api/v1/time-off"


@pytest.fixture
def outlet(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


def body(**changes):
    return {"starts_at": "2026-07-06T00:00:00Z", "ends_at": "2026-07-07T00:00:00Z"} | changes


def errors(answer):
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


def count():
    with tenant_scope(ALL_TENANTS):
        return TimeOff.objects.count()


def test_time_off_of_a_person_and_of_an_outlet_is_entered_read_and_deleted(manager, staff, ana, outlet, tenant):
    holiday = manager.post(URL, body(staff_id=ana.pk, reason=" Holiday ", starts_at="2026-07-06T09:30:00+07:00"))
    assert (holiday.status_code, holiday.json()) == (
        201,
        {
            "id": holiday.json()["id"],
            "tenant_id": tenant.pk,
            "staff_id": ana.pk,
            "outlet_id": None,
            "starts_at": "2026-07-06T02:30:00Z",
            "ends_at": "2026-07-07T00:00:00Z",
            "reason": "Holiday",
        },
    )
    closed = manager.post(URL, body(outlet_id=outlet.pk, staff_id=None)).json()
    assert (closed["outlet_id"], closed["staff_id"], closed["reason"]) == (outlet.pk, None, None)
    one = holiday.headers["Location"]
    assert one == f"{URL}/{holiday.json()['id']}"
    assert (staff.get(one).content, staff.get(one).headers["ETag"]) == (holiday.content, holiday.headers["ETag"])
    assert staff.get(URL).json() == {
        "items": [closed, holiday.json()],
        "total": 2,
        "page": 1,
        "size": 20,
        "pages": 1,
    }
    gone = manager.delete(one)
    assert (gone.status_code, gone.json()) == (200, {"message": "Time off has been deleted successfully"})
    assert [manager.delete(one).status_code, manager.get(one).status_code] == [404, 404]
    assert staff.get(URL).json()["items"] == [closed]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "staff_id"),
        ({"staff_id": None, "outlet_id": None}, "staff_id"),
        ({"staff_id": "", "outlet_id": ""}, "staff_id"),
        ({"staff_id": "own", "outlet_id": "own"}, "outlet_id"),
        ({"staff_id": "507F1F77BCF86CD799439011"}, "staff_id"),
        ({"staff_id": 5}, "staff_id"),
        ({"outlet_id": ["own"]}, "outlet_id"),
        ({"staff_id": "own", "starts_at": None}, "starts_at"),
        ({"staff_id": "own", "starts_at": ""}, "starts_at"),
        ({"staff_id": "own", "starts_at": 1783296000}, "starts_at"),
        ({"staff_id": "own", "starts_at": "2026-07-06"}, "starts_at"),
        ({"staff_id": "own", "starts_at": "tomorrow"}, "starts_at"),
        ({"staff_id": "own", "starts_at": "1899-12-31T16:00:00Z"}, "starts_at"),
        ({"staff_id": "own", "starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
        ({"staff_id": "own", "ends_at": "3000-01-01T00:00:00Z"}, "ends_at"),
        ({"staff_id": "own", "ends_at": "9999-12-31T23:59:59Z"}, "ends_at"),
        ({"staff_id": "own", "ends_at": "2026-07-06T00:00:00Z"}, "ends_at"),
        ({"staff_id": "own", "ends_at": "2026-07-05T23:59:59Z"}, "ends_at"),
        ({"staff_id": "own", "reason": "x" * 201}, "reason"),
        ({"staff_id": "own", "reason": 5}, "reason"),
    ],
)
def test_a_wrong_value_is_named(manager, ana, outlet, changes, field):
    ids = {"staff_id": ana.pk, "outlet_id": outlet.pk}
    changes = {name: ids[name] if value == "own" else value for name, value in changes.items()}
    assert {*errors(manager.post(URL, body(**changes)))} == {field}
    assert count() == 0


@pytest.mark.parametrize("missing", ["starts_at", "ends_at"])
def test_a_missing_instant_is_named(manager, ana, missing):
    sent = body(staff_id=ana.pk)
    del sent[missing]
    assert {*errors(manager.post(URL, sent))} == {missing}


def test_the_first_and_the_last_local_time_are_fine(manager, ana):
    # Jakarta is seven hours ahead; in 1900 its clocks showed 7 minutes and 12 seconds more.
    ends = {"starts_at": "1899-12-31T16:52:48Z", "ends_at": "2999-12-31T17:00:00Z"}
    answer = manager.post(URL, body(staff_id=ana.pk, **ends, reason="x" * 200))
    assert (answer.status_code, answer.json() | ends) == (201, answer.json())
    for name, beyond in {"starts_at": "1899-12-31T16:52:47Z", "ends_at": "2999-12-31T17:00:01Z"}.items():
        refused = manager.post(URL, body(staff_id=ana.pk) | ends | {name: beyond})
        assert errors(refused) == {name: "Write an instant from 1900 to 2999."}


@pytest.mark.parametrize("field", ["staff_id", "outlet_id"])
def test_a_foreign_id_is_answered_like_an_absent_one(manager, field, other_tenant):
    make = {"staff_id": UserFactory, "outlet_id": OutletFactory}[field]
    for ids in ({"foreign": make(tenant=other_tenant).pk, "absent": new_id(), "malformed": "zzz"},):
        posted = {manager.post(URL, body(**{field: pk})).content for pk in ids.values()}
        listed = {manager.get(f"{URL}?{field}={pk}").content for pk in ids.values()}
        assert len(posted) == len(listed) == 1
    assert {*errors(manager.get(f"{URL}?{field}={new_id()}"))} == {field}


def test_an_instant_of_a_repeated_hour_is_the_first_or_the_end_of_it(as_role, other_tenant):
    """In Oslo, 25 October 2026 has 02:00 to 03:00 twice: from 00:00 and from 01:00 UTC."""
    manager, ana = as_role("outlet_manager", tenant=other_tenant), UserFactory(tenant=other_tenant)

    def enter(start, end):
        answer = manager.post(URL, body(staff_id=ana.pk, starts_at=start, ends_at=end))
        return (answer.json()["starts_at"], answer.json()["ends_at"]) if answer.status_code == 201 else errors(answer)

    assert enter("2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z") == ("2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z")
    assert enter("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z") == ("2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z")
    assert {*enter("2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z")} == {"ends_at"}


def test_an_instant_without_an_offset_is_local_and_fractions_end_with_their_second(manager, ana):
    sent = body(staff_id=ana.pk, starts_at="2026-07-06T09:30", ends_at="2026-07-06T10:00:00.25Z")
    answer = manager.post(URL, sent).json()
    assert (answer["starts_at"], answer["ends_at"]) == ("2026-07-06T02:30:00Z", "2026-07-06T10:00:01Z")


def test_it_keeps_its_local_day_when_the_business_moves_to_another_zone(manager, ana, tenant):
    made = manager.post(URL, body(staff_id=ana.pk, starts_at="2026-07-05T17:00:00Z", ends_at="2026-07-06T17:00:00Z"))
    with tenant_scope(tenant):
        tenant.time_zone = "Asia/Jayapura"
        tenant.save()
    moved = manager.get(made.headers["Location"]).json()
    assert (moved["starts_at"], moved["ends_at"]) == ("2026-07-05T15:00:00Z", "2026-07-06T15:00:00Z")


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(manager, ana, outlet, staff):
    """Time off by name, in Jakarta: a night, the next day of the outlet, and two weeks around both."""
    sent = {
        "weeks": {
            "staff_id": staff.user.pk,
            "starts_at": "2026-07-01T00:00+07:00",
            "ends_at": "2026-07-15T00:00+07:00",
        },
        "night": {"staff_id": ana.pk, "starts_at": "2026-07-05T20:00+07:00", "ends_at": "2026-07-06T06:00+07:00"},
        "day": {"outlet_id": outlet.pk, "starts_at": "2026-07-07T00:00+07:00", "ends_at": "2026-07-08T00:00+07:00"},
    }
    return {manager.post(URL, one).json()["id"]: name for name, one in reversed(sent.items())}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["weeks", "night", "day"]),
        ("size=1&page=2", ["night"]),
        ("from_date=2026-07-06&to_date=2026-07-06", ["weeks", "night"]),
        ("from_date=2026-07-05&to_date=2026-07-05", ["weeks", "night"]),
        ("from_date=2026-07-07", ["weeks", "day"]),
        # The day ends with its last second, and begins with its first.
        ("from_date=2026-07-08", ["weeks"]),
        ("to_date=2026-07-06", ["weeks", "night"]),
        ("to_date=2026-07-07", ["weeks", "night", "day"]),
        ("from_date=2026-07-15", []),
        ("to_date=2026-06-30", []),
        ("to_date=9999-12-31", ["weeks", "night", "day"]),
        ("from_date=0001-01-01", ["weeks", "night", "day"]),
        ("from_date=9999-12-31", []),
        # 17:00 in UTC is the next day in Jakarta.
        ("from_date=2026-07-07T17:00:00Z", ["weeks"]),
        ("from_date=2026-07-07T16:59:59Z", ["weeks", "day"]),
        ("staff_id={ana}", ["night"]),
        ("outlet_id={outlet}", ["day"]),
        ("staff_id={ana}&outlet_id={outlet}", []),
        ("staff_id={ana}&from_date=2026-07-07", []),
        ("reason=anything", ["weeks", "night", "day"]),
    ],
)
def test_the_list_is_filtered_and_ordered_by_start(staff, three, ana, outlet, query, found):
    answer = staff.get(f"{URL}?{query.format(ana=ana.pk, outlet=outlet.pk)}")
    assert answer.status_code == 200, answer.content
    assert [three[one["id"]] for one in answer.json()["items"]] == found


@pytest.mark.parametrize(
    "query",
    [
        "from_date=yesterday",
        "to_date=",
        "from_date=2026-07-06&from_date=2026-07-06",
        "from_date=2026-07-07&to_date=2026-07-06",
        "staff_id=",
        "staff_id=zzz",
        "outlet_id=%00",
        "page=0",
        "size=101",
    ],
)
def test_a_wrong_parameter_is_named(staff, query):
    assert {*errors(staff.get(f"{URL}?{query}"))} == {query.partition("=")[0]}


# --- who may --------------------------------------------------------------------------------------------------------


def test_staff_enter_and_delete_their_own_only(staff, manager, ana, outlet):
    own = staff.post(URL, body(staff_id=staff.user.pk))
    assert own.status_code == 201
    theirs = [
        manager.post(URL, body(**of)).headers["Location"] for of in ({"staff_id": ana.pk}, {"outlet_id": outlet.pk})
    ]
    before = count()
    refused = [
        *(
            staff.post(URL, body(**of))
            for of in (
                {"staff_id": ana.pk},
                {"outlet_id": outlet.pk},
                {"staff_id": staff.user.pk, "outlet_id": outlet.pk},
                {"staff_id": new_id()},
                {"staff_id": "zzz"},
                {"staff_id": 5},
                {"outlet_id": new_id()},
            )
        ),
        *(staff.delete(one) for one in theirs),
    ]
    assert {(answer.status_code, answer.json()["code"], answer.json()["detail"]) for answer in refused} == {
        (403, "permission_denied", "You can enter and delete your own time off only.")
    }
    assert count() == before
    assert staff.delete(own.headers["Location"]).status_code == 200
    assert staff.post(URL, body(staff_id=staff.user.pk, outlet_id="")).status_code == 201
    for nobody in ({}, {"outlet_id": ""}, {"staff_id": "", "outlet_id": None}):
        assert {*errors(staff.post(URL, body(**nobody)))} == {"staff_id"}
    assert [manager.delete(one).status_code for one in theirs] == [200, 200]


def test_what_is_not_of_the_business_is_not_found(staff, manager, as_role, other_tenant):
    foreign = as_role("outlet_manager", tenant=other_tenant).post(
        URL, body(outlet_id=OutletFactory(tenant=other_tenant).pk)
    )
    answers = {
        send(f"{URL}/{pk}").content
        for send in (staff.get, staff.delete, manager.get, manager.delete)
        for pk in (foreign.json()["id"], new_id(), "zzz")
    }
    assert len(answers) == 1
    assert staff.get(URL).json()["total"] == 0


def test_a_super_admin_names_the_business_and_sees_each_in_its_zone(super_admin, tenant, other_tenant):
    outlets = [OutletFactory(tenant=one) for one in (tenant, other_tenant)]
    assert {*errors(super_admin.post(URL, body(outlet_id=outlets[0].pk)))} == {"tenant_id"}
    # An outlet of another business than the one that is named.
    assert {*errors(super_admin.post(URL, body(outlet_id=outlets[0].pk, tenant_id=other_tenant.pk)))} == {"outlet_id"}
    made = [
        super_admin.post(URL, body(outlet_id=one.pk, tenant_id=one.tenant_id, starts_at="2026-07-05T00:00")).json()
        for one in outlets
    ]
    assert [one["starts_at"] for one in made] == ["2026-07-04T17:00:00Z", "2026-07-04T22:00:00Z"]
    assert super_admin.get(URL).json()["items"] == sorted(made, key=lambda one: one["id"])
    assert super_admin.get(f"{URL}?tenant_id={other_tenant.pk}").json()["items"] == made[1:]
    assert super_admin.delete(f"{URL}/{made[0]['id']}").status_code == 200
    other = TenantFactory()
    refused = super_admin.post(f"{URL}?tenant_id={other.pk}", body(outlet_id=outlets[1].pk, tenant_id=other_tenant.pk))
    assert refused.status_code == 403


def test_a_stale_version_and_a_key_are_heeded(manager, ana):
    key = {"Idempotency-Key": "one"}
    first, again = (manager.post(URL, body(staff_id=ana.pk), headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.content, count()) == (201, 201, first.content, 1)
    one = first.headers["Location"]
    assert manager.delete(one, headers={"If-Match": '"0"'}).status_code == 412
    tag = {"If-Match": first.headers["ETag"], "Idempotency-Key": "two"}
    gone, again = (manager.delete(one, headers=tag) for _ in range(2))
    assert (gone.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (200, 200, "true")


def test_the_trail_has_every_change(manager, ana):
    one = manager.post(URL, body(staff_id=ana.pk)).headers["Location"]
    manager.delete(one)
    with tenant_scope(ana.tenant):
        events = AuditEvent.objects.filter(table="timeoff", actor=manager.user.pk).order_by("id")
        assert [event.action for event in events] == ["created", "deleted"]
