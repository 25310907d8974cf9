"""The pages of time off in the back office."""

import datetime as dt

import pytest
import time_machine

from appointments.models import TimeOff
from appointments.tests.factories import TimeOffFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory
from tenants.tests.forms import opened

LIST = "/admin/appointments/timeoff/"
ADD = f"{LIST}add/"


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


@pytest.fixture
def browser(back_office):
    return back_office("outlet_manager")


def only(tenant):
    with tenant_scope(tenant):
        return TimeOff.objects.select_related("staff", "outlet").get()


def errors(response):
    assert response.status_code == 200
    return response.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("typed", "start", "end", "shown"),
    [
        ({}, "2026-07-06 00:00", "2026-07-07 00:00", "2026-07-06"),
        ({"last_day": "2026-07-08"}, "2026-07-06 00:00", "2026-07-09 00:00", "2026-07-06 – 2026-07-08"),
        ({"last_day": "2026-07-06"}, "2026-07-06 00:00", "2026-07-07 00:00", "2026-07-06"),
        ({"start_time": "13:00"}, "2026-07-06 13:00", "2026-07-07 00:00", "2026-07-06, from 13:00"),
        (
            {"start_time": "09:00", "end_time": "12:00"},
            "2026-07-06 09:00",
            "2026-07-06 12:00",
            "2026-07-06, 09:00 – 12:00",
        ),
        ({"end_time": "12:00"}, "2026-07-06 00:00", "2026-07-06 12:00", "2026-07-06, until 12:00"),
        # An end before the start is on the next day, as that of working hours.
        (
            {"start_time": "22:00", "end_time": "06:00"},
            "2026-07-06 22:00",
            "2026-07-07 06:00",
            "2026-07-06, 22:00 – 2026-07-07, 06:00",
        ),
        (
            {"start_time": "20:00", "end_time": "00:00"},
            "2026-07-06 20:00",
            "2026-07-07 00:00",
            "2026-07-06, from 20:00",
        ),
    ],
)
def test_whole_days_need_no_clock_times(browser, tenant, ana, typed, start, end, shown):
    form = opened(browser, ADD) | {"staff": ana.pk, "first_day": "2026-07-06", "reason": "Holiday"} | typed
    assert browser.post(ADD, form).status_code == 302
    one = only(tenant)
    assert (one.local_start, one.local_end) == (dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end))
    assert str(one) == f"Ana Lee, {shown}"
    # The form shows what was typed, and saves the same again.
    page = f"{LIST}{one.pk}/change/"
    assert browser.post(page, opened(browser, page)).status_code == 302
    assert (only(tenant).local_start, only(tenant).local_end) == (one.local_start, one.local_end)


def test_an_outlet_is_closed_for_a_day_as_the_business_writes_it(browser, tenant):
    outlet = OutletFactory(tenant=tenant, name="Kemang")
    form = opened(browser, ADD) | {"outlet": outlet.pk, "first_day": "25/12/2026", "reason": "Christmas"}
    assert browser.post(ADD, form).status_code == 302
    assert (only(tenant).first_day, only(tenant).outlet) == (dt.date(2026, 12, 25), outlet)
    text = browser.get(f"{LIST}?when=all").content.decode()
    assert "Kemang is closed" in text
    assert "25 December 2026" in text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"last_day": "2026-07-05"}, "last_day", "It ends before it starts."),
        (
            {"last_day": "2026-07-06", "start_time": "12:00", "end_time": "09:00"},
            "end_time",
            "It ends before it starts.",
        ),
        ({"first_day": ""}, "first_day", "This field is required."),
        ({"first_day": "1899-12-31"}, "first_day", "Ensure this value is greater than or equal to 1900-01-01."),
        ({"last_day": "3000-01-01"}, "last_day", "Ensure this value is less than or equal to 2999-12-31."),
        ({"start_time": "25:00"}, "start_time", "“25:00” is not a time. Write it as 14:30."),
        ({"staff": ""}, "__all__", "Time off is of one member of staff or of one outlet."),
    ],
)
def test_an_error_says_what_is_wrong(browser, tenant, ana, typed, field, sentence):
    form = opened(browser, ADD) | {"staff": ana.pk, "first_day": "2026-07-06"} | typed
    assert errors(browser.post(ADD, form)) == {field: [sentence]}
    with tenant_scope(tenant):
        assert not TimeOff.objects.exists()


def test_it_is_of_a_person_or_of_an_outlet_and_not_of_both(browser, tenant, ana):
    form = opened(browser, ADD) | {
        "staff": ana.pk,
        "outlet": OutletFactory(tenant=tenant).pk,
        "first_day": "2026-07-06",
    }
    assert errors(browser.post(ADD, form)) == {"__all__": ["Time off is of one member of staff or of one outlet."]}


def test_staff_enter_change_and_delete_their_own_only(back_office, tenant, ana):
    browser = back_office("staff")
    # Whose it is can't be chosen, nor sent.
    form = opened(browser, ADD)
    assert not {"staff", "outlet"} & {*form}
    assert browser.post(ADD, form | {"first_day": "2026-07-06", "staff": ana.pk}).status_code == 302
    own = only(tenant)
    assert own.staff_id == browser.user.pk
    page = f"{LIST}{own.pk}/change/"
    assert browser.post(page, opened(browser, page) | {"first_day": "2026-07-07", "staff": ana.pk}).status_code == 302
    assert (only(tenant).first_day, only(tenant).staff_id) == (dt.date(2026, 7, 7), browser.user.pk)
    assert browser.post(f"{LIST}{own.pk}/delete/", {"post": "yes"}).status_code == 302
    for theirs in (
        TimeOffFactory(tenant=tenant, staff_id=ana.pk),
        TimeOffFactory(tenant=tenant, staff_id=None, outlet_id=OutletFactory(tenant=tenant).pk),
    ):
        page = f"{LIST}{theirs.pk}"
        assert browser.get(f"{page}/change/").status_code == 200
        assert browser.post(f"{page}/change/", {"first_day": "2026-07-07"}).status_code == 403
        assert browser.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    with tenant_scope(tenant):
        assert TimeOff.objects.count() == 2


def test_the_list_shows_what_is_not_over_unless_asked(browser, tenant):
    with time_machine.travel("2026-07-06T10:00:00Z"):
        for name, (start, end) in {
            "over": ("2026-07-04", "2026-07-06"),
            "today": ("2026-07-06", "2026-07-07"),
            "later": ("2026-08-01", "2026-08-02"),
        }.items():
            TimeOffFactory(
                tenant=tenant,
                reason=name,
                local_start=dt.datetime.fromisoformat(start),
                local_end=dt.datetime.fromisoformat(end),
            )

        def listed(query):
            return [one.reason for one in browser.get(f"{LIST}?{query}").context["cl"].result_list]

        assert listed("") == ["today", "later"]
        assert listed("when=past") == ["over"]
        assert listed("when=all") == ["over", "today", "later"]
        assert listed("q=lat") == ["later"]


def test_the_page_of_an_account_leads_to_the_hours_and_the_time_off(back_office, tenant, ana):
    text = back_office("tenant_admin").get(f"/admin/tenants/staff/{ana.pk}/change/").content.decode()
    assert f"/admin/appointments/staffwithhours/{ana.pk}/change/" in text
    assert f"{LIST}?staff__id__exact={ana.pk}" in text
    owner = back_office("super_admin")
    assert (
        "staffwithhours/" + owner.user.pk
        not in owner.get(f"/admin/tenants/staff/{owner.user.pk}/change/").content.decode()
    )


def test_the_history_shows_local_times_as_they_are(back_office, tenant, ana):
    one = TimeOffFactory(tenant=tenant, staff_id=ana.pk, local_start=dt.datetime(2024, 7, 6, 9, 30))
    text = back_office("tenant_admin").get(f"{LIST}{one.pk}/history/").content.decode()
    assert "6 July 2024, 09:30" in text
