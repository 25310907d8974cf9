"""The faults of working hours and time off."""

from mutants.faults import Fault

HOURS, WEEK = "appointments/tests/test_working_hours.py", "appointments/tests/test_week_page.py"
TIME_OFF, TIME_OFF_PAGES = "appointments/tests/test_time_off.py", "appointments/tests/test_time_off_pages.py"

HOURS_FAULTS = [
    Fault(
        "a night overlaps with no morning",
        "appointments/models/hours.py",
        "for days_later in (-1, 0, 1))",
        "for days_later in (0,))",
        f"appointments/tests/test_overlapping_hours.py {HOURS}",
    ),
    Fault(
        "of two lists of hours, rows of both are left",
        "appointments/hours/views.py",
        'people.select_for_update(no_key=True, of=("self",))',
        "people",
        HOURS,
    ),
    Fault(
        "staff enter time off for others",
        "appointments/models/hours.py",
        "return user.role in MANAGERS or (",
        "return True or (",
        f"{TIME_OFF} {TIME_OFF_PAGES}",
    ),
    Fault(
        "a week is saved over what somebody else saved",
        "appointments/admin/hours/week.py",
        "self.is_stale = version not in (self.seen, version_of(form.hours))",
        "self.is_stale = False",
        WEEK,
    ),
]
