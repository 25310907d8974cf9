"""The hand-written faults: in a file, one text is replaced by another. At least one of the tests must then fail.

Faults of the tenant boundary are in `boundary`, of its policies in `row_level_security`, of the sign-in in `accounts`,
and of totals and lists in `totals_and_lists`.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """The text `old`, which the file has exactly once, is replaced by `new`. `tests` are the files or tests to run, with
    spaces between them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


SCOPE, ACCESS = "tenants/tests/test_scope.py", "circe/tests/test_access.py"
AUDIT, LOGIN, REFRESH = "tenants/tests/test_audit.py", "tenants/tests/test_login.py", "tenants/tests/test_refresh.py"
TOKENS, UPDATE, CREATE = (
    "tenants/tests/test_tokens.py",
    "customers/tests/test_update.py",
    "customers/tests/test_create.py",
)
RACES, DELETE, LIST = "customers/tests/test_races.py", "customers/tests/test_delete.py", "customers/tests/test_list.py"
PREFERENCES, ONCE = "customers/tests/test_preferences.py", "customers/tests/test_idempotency.py"
CHANGED_BOOKING = "appointments/bookings/tests/test_change.py"
CONDITIONAL, BOOKING = "customers/tests/test_conditional.py", "appointments/tests/test_double_booking.py"
ADMIN, STALE = "circe/tests/test_admin.py", "circe/tests/test_stale_forms.py"
LIVENESS, SLOW = "circe/tests/test_liveness.py", "circe/tests/test_slow_bodies.py"
BULK, BULK_STATUS = "circe/tests/test_bulk_actions.py", "appointments/tests/test_bulk_status.py"
PURGED_EVENTS = "circe/tests/test_events_of_purged_customers.py"
CALENDAR = "circe/tests/test_calendar_ends.py"
SUMMARY = "analytics/tests/test_summary.py"
REFUSED = "appointments/tests/test_refused_bookings.py"

FAULTS = [
    # --- writes -----------------------------------------------------------------------------------------------------
    Fault(
        "a duplicate in a race is a crash",
        "customers/models/customer.py",
        'return violated_constraint(error) in {"customer_email", "customer_phone"}',
        "return False",
        RACES,
    ),
    Fault(
        "an update writes back what it read",
        "customers/models/customer.py",
        'self.save(update_fields=None if self._state.adding else {*fields, *(["updated_at"] if lists else [])})',
        "self.save()",
        f"{RACES} {UPDATE}",
    ),
    Fault(
        "a row is not locked for a write",
        "customers/views.py",
        'customers.select_for_update(of=("self",))',
        "customers",
        f"{CONDITIONAL} {RACES}",
    ),
    Fault(
        "If-Match is not asked",
        "tenants/views.py",
        'self.request.headers.get("If-Match", "*")',
        '"*"',
        CONDITIONAL,
    ),
    Fault(
        "a removed person stays in a stored answer",
        "customers/models/customer.py",
        "    IdempotencyRecord.objects.filter(Q(row_id__in=ids) | Q(customer_id__in=ids)).delete()\n",
        "",
        ONCE,
    ),
    Fault(
        "an uploaded file stays when a customer whom it may hold is purged",
        "customers/models/customer.py",
        "    CustomerImport.objects.idle().filter(tenant__in=tenants).delete()\n",
        "",
        "customers/tests/test_erasure_of_traces.py",
    ),
    Fault(
        "bookings don't wait for each other",
        "appointments/models/appointment.py",
        "lock_in_turn(AdvisoryLock.STAFF, key)",
        "pass",
        BOOKING,
    ),
    Fault(
        "a walk-in is given to a second customer",
        "appointments/booking.py",
        "    if not appointment.is_walk_in:\n",
        "    if False:\n",
        CHANGED_BOOKING,
    ),
    Fault(
        "an appointment's status is set by any step",
        "appointments/booking.py",
        "    if status not in get_transitions_now(",
        "    if False and status not in get_transitions_now(",
        CHANGED_BOOKING,
    ),
    # --- several rows at once, in the admin -------------------------------------------------------------------------
    Fault(
        "an action of the admin takes any number of rows",
        "tenants/admin/bulk_actions.py",
        "if len(ids) > MAX_ROWS:",
        "if False:",
        BULK,
    ),
    Fault(
        "an action of the admin is done unasked",
        "tenants/admin/bulk_actions.py",
        'is_confirmed = ASKED_FIELD in request.POST and request.POST.get("select_across", "0") == "0"',
        "is_confirmed = True",
        BULK,
    ),
    Fault(
        "reception sets the status of many",
        "appointments/admin/appointments.py",
        '"bulk_change": MANAGERS',
        '"bulk_change": STAFF',
        f"{BULK} {ADMIN}",
    ),
    Fault(
        "a status of many is set by any step",
        "appointments/admin/bulk_status.py",
        "        if reason:\n            return reason\n",
        "",
        BULK_STATUS,
    ),
    # --- the rules of a booking -------------------------------------------------------------------------------------
    Fault(
        "the booking form stores without asking the rules",
        "appointments/admin/appointments.py",
        "        if form.is_to_be_booked:\n",
        "        if False:\n",
        REFUSED,
    ),
    Fault(
        "the booking form lifts every rule unasked",
        "appointments/admin/forms.py",
        'chosen = self.data.getlist("override") if self.is_bound else []',
        "chosen = Override.values",
        REFUSED,
    ),
    Fault(
        "past visits of one time are given to one person",
        "appointments/booking.py",
        'codes |= dict.fromkeys(codes.keys() & appointment.find_attending_staff(), "overlap")',
        "pass",
        "appointments/bookings/tests/test_create.py",
    ),
    Fault(
        "a person who did not work is given a past visit",
        "appointments/booking.py",
        "codes = {one.staff_id: next(iter(one.find_conflicts(begin, end)), None) for one in schedules}",
        "codes = {one.staff_id: _find_refusal(appointment, one) for one in schedules}",
        "appointments/bookings/tests/test_create.py",
    ),
    # --- the ends of the calendar -----------------------------------------------------------------------------------
    Fault(
        "the booking form takes any day",
        "appointments/admin/forms.py",
        '        Appointment._meta.get_field("appointment_date").run_validators(day)\n',
        "",
        CALENDAR,
    ),
    # --- the trail --------------------------------------------------------------------------------------------------
    Fault(
        "the application can change the trail",
        "tenants/migrations/0003_audit_trail.py",
        "REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app;\n",
        "",
        AUDIT,
    ),
    Fault(
        "the application can forge a row's event",
        "tenants/migrations/0003_audit_trail.py",
        "IF action NOT IN ('refused', 'erased') THEN",
        "IF false THEN",
        AUDIT,
    ),
    Fault(
        "a hash is in the trail",
        "tenants/migrations/0001_businesses_and_accounts.py",
        "IF new_row ->> 'password' IS NOT NULL THEN",
        "IF false THEN",
        AUDIT,
    ),
    Fault(
        "a removed person stays in the trail",
        "customers/migrations/0002_customers.py",
        "AND \"table\" IN ('customer', 'preferredservice', 'preferredstaff', 'consent', 'deletionrequest');",
        "AND false;",
        DELETE,
    ),
    Fault(
        "the event of a removed person's row holds the row",
        "tenants/migrations/0001_businesses_and_accounts.py",
        "IF TG_OP = 'DELETE' AND subject_column = 'id' THEN",
        "IF false THEN",
        DELETE,
    ),
    Fault(
        "the events of a removed person's favourites stay",
        "customers/migrations/0002_customers.py",
        "AND \"table\" IN ('customer', 'preferredservice', 'preferredstaff', 'consent', 'deletionrequest');",
        "AND \"table\" = 'customer';",
        PURGED_EVENTS,
    ),
    Fault(
        "a removed person's appointments name the person in the trail",
        "appointments/migrations/0002_appointments.py",
        "AND action <> 'refused' AND \"table\" = 'appointment';",
        "AND false;",
        PURGED_EVENTS,
    ),
    Fault(
        "nobody signs",
        "tenants/apps.py",
        "lambda: current_actor().as_json",
        "lambda: '{}'",
        AUDIT,
    ),
    Fault(
        "a refused write is not recorded",
        "tenants/middleware.py",
        "if response.status_code == HTTPStatus.FORBIDDEN and request.method not in SAFE_METHODS:",
        "if False:",
        AUDIT,
    ),
    # --- the wire ---------------------------------------------------------------------------------------------------
    Fault(
        "a browser keeps what is about people",
        "circe/headers.py",
        'response["Cache-Control"] = "private, no-store"',
        "pass",
        "circe/tests/test_headers.py",
    ),
    Fault(
        "gunicorn answers with a page",
        "circe/gunicorn.py",
        "if not isinstance(exc, ParseException):",
        "if True:",
        "circe/tests/test_raw_requests.py",
    ),
    # --- commands ---------------------------------------------------------------------------------------------------
    Fault(
        "a dry run is kept",
        "tenants/commands.py",
        "transaction.set_rollback(True)",
        "pass",
        "tenants/tests/test_commands.py",
    ),
    Fault(
        "a dry run of restoring loses what its batches did",
        "customers/management/commands/restore_customers.py",
        "batches_are_dependent = True",
        "batches_are_dependent = False",
        "customers/tests/test_restore_customers.py",
    ),
    Fault(
        "whoever is restored while a purge comes to them is purged",
        "tenants/commands.py",
        '.select_for_update(of=("self",)), self',
        ", self",
        "customers/tests/test_purge_customers.py",
    ),
    Fault(
        "the address of a failed log-in outlives the person",
        "customers/models/customer.py",
        "    failed_logins(customers).delete()\n",
        "",
        "customers/tests/test_erasure_of_traces.py",
    ),
    Fault(
        "an old form undoes what others saved",
        "tenants/admin/forms.py",
        "values[name] = getattr(self.instance, name, None)",
        "pass",
        STALE,
    ),
    Fault(
        "an old form overwrites without a word",
        "tenants/admin/forms.py",
        "elif self.fields[name].has_changed(self[name].initial, self[name].data):",
        "elif False:",
        STALE,
    ),
    Fault(
        "two forms are saved at once",
        "tenants/admin/base.py",
        'if row and request.method == "POST" and',
        "if False and",
        STALE,
    ),
    # --- what waits ---------------------------------------------------------------------------------------------------
    Fault(
        "a row is locked before the body has been read",
        "circe/concurrency.py",
        "            read_body(request)\n",
        "",
        f"{SLOW}::test_a_write_of_the_api_begins_when_its_body_has_arrived",
    ),
    Fault(
        "a body that is too long is waited for while a row is locked",
        "circe/api/parsing.py",
        "if (content_length(request) or 0) > settings.MAX_JSON_BYTES:",
        "if False:",
        f"{SLOW}::test_a_body_whose_announced_length_is_too_large_is_not_read",
    ),
    Fault(
        "no thread is kept for the probes",
        "circe/gunicorn.py",
        "threads = 100\n",
        'threads = int(os.environ.get("WEB_THREADS", "4"))\n',
        f"{LIVENESS}::test_writers_that_wait_for_a_table_slow_no_reads",
    ),
    Fault(
        "writes that wait take every slot",
        "circe/settings.py",
        "MAX_CONCURRENT_WRITES = max(1, WEB_THREADS - 1)",
        "MAX_CONCURRENT_WRITES = WEB_THREADS",
        f"{LIVENESS}::test_writers_that_wait_for_a_table_slow_no_reads",
    ),
    Fault(
        "a slot is kept when the answer was sent",
        "circe/concurrency.py",
        "request_finished.connect(release_slots)\n",
        "",
        f"{LIVENESS}::test_a_slot_is_released_whatever_happens_to_the_answer",
    ),
    # --- faults of what it stands on --------------------------------------------------------------------------------
    Fault(
        "those who wait for a database that is away wait in vain",
        "circe/settings.py",
        '        "reconnect_failed": postgresql.discard_pool,\n',
        "",
        "circe/tests/test_faults.py::test_requests_work_again_when_the_database_is_back",
    ),
    Fault(
        "a pool of dead connections is kept",
        "circe/db/postgresql/base.py",
        "                discard_pool(pool)\n",
        "",
        "circe/tests/test_faults.py::test_the_pool_gives_out_no_ended_session",
    ),
    Fault(
        "a question to a session that has ended is not asked again",
        "circe/db/prepared.py",
        "            except OperationalError:\n                connection.close()\n",
        "            except OperationalError:\n                raise\n",
        "circe/tests/test_faults.py::test_the_pool_gives_out_no_ended_session",
    ),
    Fault(
        "a pool that was given up is the next one's",
        "circe/db/postgresql/__init__.py",
        "            del pools[alias]",
        "            pass",
        "circe/tests/test_faults.py::test_requests_work_again_when_the_database_is_back",
    ),
    Fault(
        "the admin crashes while the database is away",
        "circe/api/errors.py",
        "problem if problem and problem.status == HTTPStatus.SERVICE_UNAVAILABLE else INTERNAL_ERROR",
        "INTERNAL_ERROR",
        "circe/tests/test_faults.py::test_requests_work_again_when_the_database_is_back",
    ),
    Fault(
        "answers that have not expired go",
        "tenants/models/idempotency_record.py",
        "cls.expired().order_by",
        "cls.objects.order_by",
        ONCE,
    ),
    Fault(
        "those who swap e-mails wait for each other",
        "customers/models/customer.py",
        "                self._lock_contacts(update_fields)\n",
        "",
        RACES,
    ),
    Fault(
        "a killed server's socket is a server",
        "circe/embedded_postgres/__init__.py",
        " and bool(_command_line(pid))",
        "",
        "circe/tests/test_embedded_postgres.py",
    ),
]
