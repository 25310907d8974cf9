"""The page of a person's week in the back office."""

import datetime as dt
import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from appointments.models import TimeOff, WorkingHours
from appointments.tests.factories import TimeOffFactory, WorkingHoursFactory
from circe.db.ids import new_id
from customers.tests.pages import shown_messages
from tenants.models import Outlet
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory
from tenants.tests.forms import opened, sent_by

LIST = "/admin/appointments/staffwithhours/"


@pytest.fixture
def outlet(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


@pytest.fixture
def page(ana):
    return f"{LIST}{ana.pk}/change/"


@pytest.fixture
def browser(back_office):
    return back_office("outlet_manager")


def fill(form, day, *hours, **values):
    """Fills the hours of a weekday into its empty rows: the form as a browser sends it, with these values."""
    empty = [
        index
        for index in range(int(form["row-TOTAL_FORMS"][0]))
        if form[f"row-{index}-weekday"] == [str(day)] and form[f"row-{index}-start_time"] == [""]
    ]
    for index, clocks in zip(empty, hours, strict=False):
        start, end = clocks.split("-")
        typed = {"start_time": start, "end_time": end} | values
        form = form | {f"row-{index}-{name}": [value] for name, value in typed.items()}
    return form


def row_of(form, day, start):
    """Returns the prefix of the row of a weekday that begins at `start`."""
    return next(
        f"row-{index}-"
        for index in range(int(form["row-TOTAL_FORMS"][0]))
        if (form[f"row-{index}-weekday"], form[f"row-{index}-start_time"]) == ([str(day)], [start])
    )


def stored(person):
    with tenant_scope(person.tenant):
        rows = WorkingHours.objects.filter(staff=person.pk)
        return [f"{row} {row.outlet}" for row in rows]


def row_errors(response):
    """Returns the texts of the errors, by the label and the start of the row."""
    return {
        f"{day.label} {form['start_time'].value()}": [text for texts in form.errors.values() for text in texts]
        for day, rows in response.context["form"].days
        for form in rows
        if form.errors
    }


def test_a_week_is_entered_changed_and_emptied_on_one_page(browser, page, ana, outlet):
    form = opened(browser, page)
    # An empty day has two rows, for a split day, and the only outlet is chosen.
    form = fill(form, 0, "09:00-12:30", "14:00-18:00")
    form = fill(form, 5, "18:00-02:00", valid_from="2026-06-01", valid_to="2026-08-31")
    saved = browser.post(page, form)
    assert (saved.status_code, saved.url) == (302, LIST)
    assert shown_messages(saved)[-1] == "The working hours of Ana Lee were saved."
    assert stored(ana) == [
        "Monday 09:00–12:30 Kemang",
        "Monday 14:00–18:00 Kemang",
        "Saturday 18:00–02:00 Kemang",
    ]
    form = opened(browser, page)
    assert form[row_of(form, 5, "18:00") + "valid_from"] == ["2026-06-01"]
    form |= {row_of(form, 0, "14:00") + "remove": ["on"], row_of(form, 0, "09:00") + "end_time": ["17:00"]}
    form = fill(form, 0, "17:00-20:00")
    kept = browser.post(page, form | {"_continue": "1"})
    assert (kept.status_code, kept.url) == (302, page)
    assert stored(ana)[:2] == ["Monday 09:00–17:00 Kemang", "Monday 17:00–20:00 Kemang"]
    # A row whose times are empty counts for nothing, whatever else it has.
    form = opened(browser, page)
    for index in range(int(form["row-TOTAL_FORMS"][0])):
        form |= {f"row-{index}-{name}": [""] for name in ("start_time", "end_time")}
    assert browser.post(page, form).status_code == 302
    assert stored(ana) == []


def test_times_and_days_are_read_as_the_business_writes_them(browser, page, ana, outlet):
    form = fill(opened(browser, page), 2, "9.00-5 pm", valid_from="01.06.2026", valid_to="31/8/2026")
    assert browser.post(page, form).status_code == 302
    with tenant_scope(ana.tenant):
        row = WorkingHours.objects.get()
    assert (row.start_time, row.end_time) == (dt.time(9), dt.time(17))
    assert (row.valid_from, row.valid_to) == (dt.date(2026, 6, 1), dt.date(2026, 8, 31))


@pytest.mark.parametrize(
    ("day", "hours", "values", "errors"),
    [
        (
            0,
            ["09:00-17:00", "16:00-18:00"],
            {},
            {
                "Monday 09:00": ["It overlaps with Monday 16:00–18:00 at Kemang."],
                "Monday 16:00": ["It overlaps with Monday 09:00–17:00 at Kemang."],
            },
        ),
        (
            1,
            ["09:00-09:00"],
            {},
            {"Tuesday 09:00": ["It ends when it starts. An end before the start is on the next day."]},
        ),
        (1, ["09:00-"], {}, {"Tuesday 09:00": ["Write a time."]}),
        (1, ["-17:00"], {}, {"Tuesday ": ["Write a time."]}),
        (1, ["25:00-17:00"], {}, {"Tuesday 25:00": ["“25:00” is not a time. Write it as 14:30."]}),
        (1, ["09:00-17:00"], {"outlet": ""}, {"Tuesday 09:00": ["Choose an outlet."]}),
        (
            1,
            ["09:00-17:00"],
            {"valid_from": "2026-03-02", "valid_to": "2026-03-01"},
            {"Tuesday 09:00": ["The last day is before the first."]},
        ),
    ],
)
def test_an_error_names_the_row_and_nothing_is_stored(browser, page, ana, outlet, day, hours, values, errors):
    WorkingHoursFactory(tenant=ana.tenant, staff_id=ana.pk, outlet=outlet, weekday=4)
    form = fill(opened(browser, page), day, *hours, **values)
    refused = browser.post(page, form)
    assert refused.status_code == 200
    assert row_errors(refused) == errors
    assert "Nothing was saved." in refused.content.decode()
    assert stored(ana) == ["Friday 09:00–17:00 Kemang"]
    # The form keeps what was typed.
    assert sent_by(refused)["row-TOTAL_FORMS"] == form["row-TOTAL_FORMS"]


def test_a_sunday_night_overlaps_with_monday(browser, page, ana, outlet):
    form = fill(fill(opened(browser, page), 6, "22:00-06:00"), 0, "05:00-12:00")
    assert row_errors(browser.post(page, form)) == {
        "Monday 05:00": ["It overlaps with Sunday 22:00–06:00 at Kemang."],
        "Sunday 22:00": ["It overlaps with Monday 05:00–12:00 at Kemang."],
    }


def test_another_row_is_added_without_javascript(browser, page, ana, outlet):
    form = fill(opened(browser, page), 3, "09:00-10:00", "11:00-12:00")
    more = browser.post(page, form | {"more": "3"})
    assert (more.status_code, stored(ana), row_errors(more)) == (200, [], {})
    form = fill(sent_by(more), 3, "13:00-14:00")
    assert browser.post(page, form).status_code == 302
    assert stored(ana) == [f"Thursday {hours} Kemang" for hours in ("09:00–10:00", "11:00–12:00", "13:00–14:00")]


@pytest.mark.parametrize(
    "changes",
    [{"more": "7"}, {"more": "x"}, {"more": "3", "row-TOTAL_FORMS": "9999999"}, {"more": "3", "row-TOTAL_FORMS": "x"}],
)
def test_an_odd_button_is_a_400(browser, page, outlet, changes):
    assert browser.post(page, opened(browser, page) | changes).status_code == 400


@pytest.mark.parametrize("changes", [{"row-0-weekday": "7"}, {"row-0-weekday": "x"}, {"row-0-outlet": "zzz"}])
def test_a_row_that_no_page_has_stores_nothing(browser, page, ana, outlet, changes):
    form = fill(opened(browser, page), 0, "09:00-17:00")
    assert browser.post(page, form | changes).status_code in {200, 400}
    assert browser.post(page, {}).status_code == 200
    assert stored(ana) == []


def test_the_week_of_another_person_is_copied(browser, page, ana, tenant, outlet):
    bob = UserFactory(tenant=tenant, first_name="Bob", last_name="Roe")
    WorkingHoursFactory(tenant=tenant, staff_id=ana.pk, outlet=outlet, weekday=6)
    for day in (0, 1):
        WorkingHoursFactory(tenant=tenant, staff_id=bob.pk, outlet=outlet, weekday=day)
    assert bob.pk in browser.get(page).content.decode()
    copied = browser.get(f"{page}?copy_from={bob.pk}")
    assert "These are the working hours of Bob Roe." in copied.content.decode()
    assert stored(ana) == ["Sunday 09:00–17:00 Kemang"]
    assert browser.post(f"{page}?copy_from={bob.pk}", sent_by(copied)).status_code == 302
    assert stored(ana) == stored(bob) == ["Monday 09:00–17:00 Kemang", "Tuesday 09:00–17:00 Kemang"]


def test_nobody_of_another_business_is_copied_or_offered(browser, back_office, page, ana, other_tenant, outlet):
    theirs = WorkingHoursFactory(tenant=other_tenant, outlet=OutletFactory(tenant=other_tenant, name="Xanadu"))
    answers = {pk: browser.get(f"{page}?copy_from={pk}") for pk in (theirs.staff_id, new_id(), "zzz")}
    assert {answer.status_code for answer in answers.values()} == {404}
    # The page of a super_admin is of one business too.
    for one in (browser, back_office("super_admin")):
        text = one.get(page).content.decode()
        assert theirs.staff_id not in text
        assert "Xanadu" not in text
    assert back_office("super_admin").get(f"{page}?copy_from={theirs.staff_id}").status_code == 404
    form = fill(opened(browser, page), 0, "09:00-17:00", outlet=theirs.outlet_id)
    assert browser.post(page, form).status_code == 200
    assert stored(ana) == []


def test_an_outlet_that_was_closed_stays_in_the_rows_that_name_it_and_is_offered_to_nobody_else(
    browser, page, ana, outlet
):
    WorkingHoursFactory(tenant=ana.tenant, staff_id=ana.pk, outlet=outlet)
    with tenant_scope(ana.tenant):
        Outlet.objects.filter(pk=outlet.pk).update(is_active=False)
    assert browser.post(page, opened(browser, page)).status_code == 302
    assert stored(ana) == ["Monday 09:00–17:00 Kemang"]
    other = UserFactory(tenant=ana.tenant)
    assert "There is no active outlet." in browser.get(f"{LIST}{other.pk}/change/").content.decode()


def test_what_somebody_changed_meanwhile_is_not_undone_without_a_warning(browser, back_office, page, ana, outlet):
    other = back_office("tenant_admin")
    mine, theirs = opened(browser, page), opened(other, page)
    assert other.post(page, fill(theirs, 0, "09:00-17:00")).status_code == 302
    mine = fill(mine, 1, "09:00-17:00")
    refused = browser.post(page, mine)
    assert refused.status_code == 200
    assert "Meanwhile somebody changed these working hours." in refused.content.decode()
    assert stored(ana) == ["Monday 09:00–17:00 Kemang"]
    assert browser.post(page, sent_by(refused)).status_code == 302
    assert stored(ana) == ["Tuesday 09:00–17:00 Kemang"]


def test_a_page_that_is_sent_twice_stores_once_and_is_answered_alike(browser, page, ana, outlet):
    form = fill(opened(browser, page), 0, "09:00-17:00")
    answers = [browser.post(page, form) for _ in range(2)]
    assert {(answer.status_code, answer.url) for answer in answers} == {(302, LIST)}
    assert stored(ana) == ["Monday 09:00–17:00 Kemang"]


@pytest.mark.django_db(transaction=True)
def test_two_pages_that_are_sent_at_once_leave_one_of_the_two(browser, page, ana, outlet):
    forms = [fill(opened(browser, page), day, "22:00-21:00") for day in (0, 1)]
    barrier, statuses = threading.Barrier(2), []

    def save(form):
        connection.ensure_connection()
        barrier.wait(30)
        statuses.append(browser.post(page, form).status_code)
        connections.close_all()

    threads = [threading.Thread(target=save, args=[form]) for form in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 302]
    assert len(stored(ana)) == 1


def test_staff_see_the_week_and_can_not_change_it(back_office, page, ana, outlet):
    WorkingHoursFactory(tenant=ana.tenant, staff_id=ana.pk, outlet=outlet)
    browser = back_office("staff")
    shown = browser.get(page)
    assert '<fieldset class="rows" disabled>' in shown.content.decode()
    assert browser.post(page, sent_by(shown)).status_code == 403


def test_the_list_tells_the_working_days_in_as_many_queries_for_many_people(browser, tenant, ana, outlet):
    for day in (4, 0):
        WorkingHoursFactory(tenant=tenant, staff_id=ana.pk, outlet=outlet, weekday=day)
    WorkingHoursFactory(tenant=tenant, staff_id=ana.pk, outlet=outlet, weekday=2, valid_to=dt.date(2020, 1, 1))
    with CaptureQueriesContext(connection) as few:
        text = browser.get(LIST).content.decode()
    assert "Mon, Fri" in text
    assert "no day: is offered nowhere" in text
    UserFactory.create_batch(3, tenant=tenant)
    with CaptureQueriesContext(connection) as many:
        browser.get(LIST)
    assert len(few) == len(many)


def test_the_history_has_the_hours_and_the_time_off_of_the_person_alone(back_office, page, ana, outlet, tenant):
    admin = back_office("tenant_admin")
    admin.post(page, fill(opened(admin, page), 0, "09:00-17:00"))
    admin.post(page, opened(admin, page) | {"row-0-end_time": "18:00"})
    holiday = TimeOffFactory(tenant=tenant, staff_id=ana.pk, reason="Holiday")
    with tenant_scope(tenant):
        TimeOff.objects.filter(pk=holiday.pk).update(reason="Wedding")
    WorkingHoursFactory(tenant=tenant, outlet=outlet)
    TimeOffFactory(tenant=tenant, staff_id=None, outlet_id=outlet.pk, reason="Renovation")
    events = admin.get(f"{LIST}{ana.pk}/history/").context["action_list"]
    assert [(event.table, event.action) for event in events] == [
        ("timeoff", "updated"),
        ("timeoff", "created"),
        ("workinghours", "created"),
        ("workinghours", "deleted"),
        ("workinghours", "created"),
    ]
    assert back_office("staff").get(f"{LIST}{ana.pk}/history/").status_code == 403


def test_the_lists_say_what_they_count(browser, tenant, ana):
    def foot(url):
        page = browser.get(url).content.decode()
        return " ".join(page.split('<p class="paginator">')[1].split("</p>")[0].split())

    # The manager, who is signed in, is the second person.
    assert foot(LIST) == "2 people"
    assert foot(f"{LIST}?q=Ana") == "1 person"
    for expected in ("1 entry", "2 entries"):
        TimeOffFactory(
            tenant=tenant, staff_id=ana.pk, local_start=dt.datetime(2030, 1, 1), local_end=dt.datetime(2030, 1, 2)
        )
        assert foot("/admin/appointments/timeoff/") == expected
