"""The parameters of availability, whose rows they may name, and what they cost."""

import gc
import json
import weakref

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from appointments.slots.tests.salon import MONDAY, URL, ask, book, clock_times, is_away, starts, works
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"service_id": None}, "service_id"),
        ({"service_id": ""}, "service_id"),
        ({"service_id": "x"}, "service_id"),
        ({"service_id": "507f1f77bcf86cd799439011"}, "service_id"),
        ({"service_id": ["507f1f77bcf86cd799439011"] * 2}, "service_id"),
        ({"from_date": None}, "from_date"),
        ({"from_date": ""}, "from_date"),
        ({"from_date": "tomorrow"}, "from_date"),
        ({"to_date": None}, "to_date"),
        ({"to_date": "2026-02-30"}, "to_date"),
        ({"to_date": ["2026-12-01", "2026-12-01"]}, "to_date"),
        ({"to_date": "2026-11-29"}, "from_date"),
        ({"to_date": "2027-03-02"}, "to_date"),
        ({"to_date": "2027-03-01T17:00:00Z"}, "to_date"),
        ({"to_date": "9999-12-31"}, "to_date"),
        ({"outlet_id": ""}, "outlet_id"),
        ({"outlet_id": "507f1f77bcf86cd799439011"}, "outlet_id"),
        ({"staff_id": "507F1F77BCF86CD799439011"}, "staff_id"),
        ({"appointment_id": "507f1f77bcf86cd799439011"}, "appointment_id"),
        ({"appointment_id": "\0"}, "appointment_id"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "\u0661"}, "limit"),
        ({"limit": ["1", "1"]}, "limit"),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(staff, cut, query, field):
    valid = {"service_id": cut.pk, "from_date": "2026-11-30", "to_date": "2026-11-30"}
    answer = staff.get(URL, {name: value for name, value in (valid | query).items() if value is not None})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.content
    assert {error["field"] for error in answer.json()["errors"]} == {field}


def test_up_to_92_days_are_answered_and_unknown_parameters_are_ignored(staff, rina, cut):
    assert len(starts(staff, cut, MONDAY, "2027-03-01", page="0", status="banana")) == 92 * 8


def test_an_instant_stands_for_its_day(staff, rina, cut):
    # In Jakarta it is Tuesday.
    answer = ask(staff, cut, "2026-11-30T17:00:00Z", "2026-12-01T16:59:59.999Z")
    assert (answer.json()["from_date"], answer.json()["to_date"]) == ("2026-12-01", "2026-12-01")
    assert len(answer.json()["slots"]) == 8


@pytest.mark.parametrize("name", ["service_id", "outlet_id", "staff_id", "appointment_id"])
def test_an_id_of_another_business_is_answered_like_an_unknown_one(staff, other_tenant, rina, cut, name):
    foreign = AppointmentFactory(tenant=other_tenant)
    of = {"appointment_id": foreign.pk} | {
        key: getattr(foreign, key) for key in ("service_id", "outlet_id", "staff_id")
    }
    answers = [ask(staff, cut, **{name: pk}) for pk in (of[name], new_id())]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content


def test_another_business_changes_nothing(staff, other_tenant, rina, cut):
    before = ask(staff, cut).content
    theirs = OutletFactory(tenant=other_tenant, name="Kemang")
    person = UserFactory(tenant=other_tenant)
    works(person, theirs, "00:00", "23:00")
    book(person, theirs, MONDAY, "09:00", "11:00")
    is_away("2026-11-30 00:00", "2026-12-02 00:00", outlet=theirs)
    assert ask(staff, cut).content == before


def test_a_super_admin_sees_the_business_of_the_service(super_admin, other_tenant, rina, outlet, cut):
    assert starts(super_admin, cut) == clock_times("09:00", "10:45")
    assert starts(super_admin, cut, tenant_id=cut.tenant_id) == clock_times("09:00", "10:45")
    assert starts(super_admin, cut, outlet_id=outlet.pk, staff_id=rina.pk) == clock_times("09:00", "10:45")
    # By the days of that business: in Jakarta it is Tuesday.
    answer = ask(super_admin, cut, "2026-11-30T17:00:00Z", "2026-12-01")
    assert answer.json()["from_date"] == "2026-12-01"
    assert ask(super_admin, cut, tenant_id=other_tenant.pk).json()["errors"][0]["field"] == "service_id"
    theirs = OutletFactory(tenant=other_tenant)
    assert ask(super_admin, cut, outlet_id=theirs.pk).json()["errors"][0]["field"] == "outlet_id"


def test_a_super_admin_is_nobodys_staff(staff, super_admin, cut):
    assert ask(staff, cut, staff_id=super_admin.user.pk).json()["errors"][0]["field"] == "staff_id"


def test_the_number_of_statements_is_constant(staff, tenant, rina, outlet, cut):
    def count(**query):
        with CaptureQueriesContext(connection) as queries:
            assert ask(staff, cut, MONDAY, "2026-12-30", **query).json()["slots"]
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    # The account, the service, and the free times.
    assert count() == count(limit=20) == 3
    for n in range(5):
        person = UserFactory(tenant=tenant)
        works(person, OutletFactory(tenant=tenant), "08:00", "18:00")
        book(person, outlet, MONDAY, "09:00", f"1{n}:00")
    assert count() == count(limit=20) == 3
    # A second look at the free times, since the first days have too few.
    assert count(limit=1000) == 3
    assert count(limit=100, staff_id=rina.pk) == 5
    # Each id in the URL costs one more statement.
    assert count(outlet_id=outlet.pk, staff_id=rina.pk) == 5


def test_an_answer_is_freed_without_the_garbage_collector(staff, rina, cut):
    request = RequestFactory(**staff._credentials).get(
        URL, {"service_id": cut.pk, "from_date": MONDAY, "to_date": MONDAY}
    )
    gc.disable()
    try:
        with tenant_scope(None):
            answer = resolve(URL).func(request)
        assert json.loads(answer.content)["slots"]
        reference = weakref.ref(answer)
        del answer
        assert reference() is None
    finally:
        gc.enable()
