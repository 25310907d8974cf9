"""The audit trail: one event for each row changed, by whatever way, and nobody can take it back."""

import datetime as dt
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import F

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.db.audit_trigger import AuditTrigger
from circe.db.roles import as_owner
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.audit.context import audit_context
from tenants.audit.events import record_event
from tenants.models import Outlet, Role, Service, Tenant, User
from tenants.models.audit_event import AuditEvent, Change
from tenants.scope import ALL_TENANTS, NO_TENANT, NoTenantScope, tenant_scope
from tenants.tests.factories import PASSWORD, OutletFactory, ServiceFactory, UserFactory
from tenants.tests.shell import run


def trail(**conditions):
    with tenant_scope(ALL_TENANTS):
        return list(AuditEvent.objects.filter(**conditions).select_related("actor").order_by("id"))


@pytest.fixture
def jane(in_scope):
    return CustomerFactory(tenant=in_scope, first_name="Jane", last_name="Doe", loyalty_points=5)


@pytest.fixture
def news(jane):
    """The events since the fixtures were made."""
    last = max(event.pk for event in trail())

    def since():
        return trail(pk__gt=last)

    return since


def test_every_table_with_personal_data_is_audited():
    audited = {
        model._meta.model_name
        for model in apps.get_models()
        if any(isinstance(constraint, AuditTrigger) for constraint in model._meta.constraints)
    }
    assert audited >= {
        "tenant", "user", "outlet", "service", "servicestaff", "customer", "preferredservice", "preferredstaff",
        "appointment", "workinghours", "timeoff",
    }  # fmt: skip


# --- every way of writing -------------------------------------------------------------------------------------------


def by_api(jane, as_role):
    client = as_role("tenant_admin")
    answer = client.patch(
        f"{CUSTOMERS}/{jane.pk}", {"last_name": "Smith"}, headers={"X-Request-ID": "desk-1"}, REMOTE_ADDR="203.0.113.7"
    )
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (200, "desk-1")
    return {"actor_id": client.user.pk, "request_id": "desk-1", "address": "203.0.113.7"}


def by_admin(jane, as_role):
    from customers.tests.test_admin import change

    browser = as_role.back_office("tenant_admin")
    assert change(browser, jane, last_name="Smith").status_code == 302
    return {"actor_id": browser.user.pk, "address": "127.0.0.1"}


def by_verb(jane, as_role):
    jane.change({"last_name": "Smith"})
    return {}


def by_bulk_update(jane, as_role):
    with audit_context(command="rename"):
        Customer.objects.update(last_name="Smith")
    return {"command": "rename"}


def by_raw_sql(jane, as_role):
    with audit_context(command="rename"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE customers_customer SET last_name = 'Smith' WHERE tenant_id = '{jane.tenant_id}'")
    return {"command": "rename"}


def by_raw_sql_with_named_parameters(jane, as_role):
    with audit_context(command="rename"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_customer SET last_name = %(name)s WHERE tenant_id = %(tenant)s",
            {"name": "Smith", "tenant": jane.tenant_id},
        )
    return {"command": "rename"}


def by_the_connection_between_two_nodes(jane, as_role):
    # It is no command that somebody runs.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL application_name = 'citus_internal gpid=10000025178'")
    jane.change({"last_name": "Smith"})
    return {}


def by_many_statements(jane, as_role):
    with audit_context(command="rename"), connection.cursor() as cursor:
        cursor.executemany("UPDATE customers_customer SET last_name = %s WHERE id = %s", [("Smith", jane.pk)])
    return {"command": "rename"}


def by_import(jane, as_role):
    with NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_text(f"id,last_name\n{jane.pk},Smith\n")
        assert run("import_customers", "--tenant", "lotus", "--update", file.name).code == 0
    return {"command": "import_customers"}


WAYS = [
    by_api,
    by_admin,
    by_verb,
    by_bulk_update,
    by_raw_sql,
    by_raw_sql_with_named_parameters,
    by_the_connection_between_two_nodes,
    by_many_statements,
    by_import,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_changed_row_is_one_event_with_actor_and_tenant(way, jane, as_role, back_office, news):
    as_role.back_office = back_office
    who = way(jane, as_role)
    events = [event for event in news() if event.table == "customer"]
    assert [(event.action, event.changes) for event in events] == [("updated", [Change("last_name", "Doe", "Smith")])]
    (event,) = events
    assert (event.tenant_id, event.row_id, event.customer_id) == (jane.tenant_id, jane.pk, jane.pk)
    everything = {"actor_id": None, "command": None, "request_id": event.request_id, "address": None} | who
    assert {name: getattr(event, name) for name in everything} == everything


def test_copied_rows_are_an_event_each(in_scope, jane, news):
    columns = "id, tenant_id, name, address, is_active, created_at, updated_at"
    # As the owner, since the application's role may not copy rows in.
    with audit_context(command="move"), as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE tenants_outlet NO FORCE ROW LEVEL SECURITY")
        cursor.execute("SELECT 'whoever acts has been said'")
        with cursor.copy(f"COPY tenants_outlet ({columns}) FROM STDIN") as copy:
            for number in range(3):
                row = [f"{number:024x}", in_scope.pk, f"Outlet {number}", "", True, "2026-01-01Z", "2026-01-01Z"]
                copy.write_row(row)
    assert [(event.action, event.row_id, event.command) for event in news()] == [
        ("created", f"{number:024x}", "move") for number in range(3)
    ]
    assert news()[0].after["name"] == "Outlet 0"


def test_imported_rows_are_an_event_each(in_scope, jane, news, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("first_name,email\n" + "".join(f"N{n},n{n}@example.com\n" for n in range(3)))
    assert run("import_customers", "--tenant", "lotus", str(file)).code == 0
    assert [(event.action, event.after["first_name"], event.command, event.tenant_id) for event in news()] == [
        ("created", f"N{number}", "import_customers", in_scope.pk) for number in range(3)
    ]


def test_customers_restored_by_a_command_are_an_event_each(in_scope, jane, news):
    people = [jane, *CustomerFactory.create_batch(2, tenant=in_scope)]
    for person in people:
        person.soft_delete(by="d" * 24)
    seen = len(news())
    assert run("restore_customers", "--tenant", "lotus", "--deleted-by", "d" * 24).code == 0
    found = [(event.action, event.row_id, event.command, event.tenant_id) for event in news()[seen:]]
    assert sorted(found) == [
        ("restored", pk, "restore_customers", in_scope.pk) for pk in sorted(one.pk for one in people)
    ]


def test_a_bulk_change_of_many_is_an_event_each(in_scope, jane, news):
    others = CustomerFactory.create_batch(3, tenant=in_scope, loyalty_points=1)
    before = len(news())
    Customer.objects.update(loyalty_points=F("loyalty_points") + 1)
    events = news()[before:]
    assert {event.row_id: event.changes for event in events} == {
        jane.pk: [Change("loyalty_points", 5, 6)]
    } | {other.pk: [Change("loyalty_points", 1, 2)] for other in others}  # fmt: skip
    assert len(events) == 4


def test_what_changes_nothing_is_no_event(jane, news):
    Customer.objects.update(last_name="Doe")
    jane.change({"last_name": "Doe"})
    assert news() == []


def test_the_life_of_a_customer(jane, news):
    user = UserFactory(tenant=jane.tenant)
    service = ServiceFactory(tenant=jane.tenant)
    seen = len(news())
    jane.change({"preferred_services": [service.pk]})
    jane.soft_delete(by=user.pk)
    jane.restore()
    events = news()[seen:]
    assert [(event.table, event.action, event.customer_id) for event in events] == [
        ("preferredservice", "created", jane.pk),
        ("customer", "soft_deleted", jane.pk),
        ("customer", "restored", jane.pk),
    ]
    assert (
        " ".join(change.field for change in events[1].changes)
        == "deleted_at deleted_by is_active is_deleted was_active"
    )


def test_other_tables_and_their_tenant(in_scope, jane, news):
    Outlet.objects.filter(pk=OutletFactory(tenant=in_scope).pk).update(name="Moved")
    Service.objects.filter(pk=ServiceFactory(tenant=in_scope).pk).delete()
    Tenant.objects.filter(pk=in_scope.pk).update(vip_min_visits=7)
    found = [(event.table, event.action, event.tenant_id) for event in news()]
    assert found == [
        ("outlet", "created", in_scope.pk),
        ("outlet", "updated", in_scope.pk),
        ("service", "created", in_scope.pk),
        ("service", "deleted", in_scope.pk),
        ("tenant", "updated", in_scope.pk),
    ]


def test_what_is_rolled_back_is_no_event(jane, news):
    with transaction.atomic():
        jane.change({"last_name": "Smith"})
        transaction.set_rollback(True)
    assert news() == []


def test_the_signature_ends_with_the_transaction_and_the_block(jane, news):
    with audit_context(command="first"):
        jane.change({"last_name": "Smith"})
        with audit_context(command="second"):
            jane.change({"last_name": "Lee"})
        jane.change({"last_name": "Doe"})
    assert [event.command for event in news()] == ["first", "second", "first"]


# --- secrets --------------------------------------------------------------------------------------------------------


def test_passwords_hashes_and_tokens_are_never_in_it(jane, staff, anonymous):
    user = staff.user
    jane.change({"email": "jane@example.com", "password": "SecurePass123!"})
    hashes = [jane.password, user.password]
    jane.change({"password": "AnotherPass123!"})
    user.set_password("Yet-another-1")
    user.save()
    tokens = anonymous.post("/api/v1/auth/login", {"email": user.email, "password": "Yet-another-1"}).json()
    anonymous.post("/api/v1/auth/login", {"email": user.email, "password": "wrong-secret"})
    with tenant_scope(ALL_TENANTS), connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(string_agg(event::text, ' '), '') FROM tenants_auditevent AS event")
        (text,) = cursor.fetchone()
    hashes += [jane.password, user.password]
    secrets = [PASSWORD, "SecurePass123!", "AnotherPass123!", "Yet-another-1", "wrong-secret", "argon2", *hashes]
    assert [secret for secret in (*secrets, *tokens.values()) if secret in text] == []
    found = [change for event in trail(row_id=jane.pk) for change in event.changes if change.field == "password"]
    assert found == [Change("password", None, "set"), Change("password", "set", "changed")]
    assert Change("password", "set", "changed") in trail(row_id=user.pk)[-2].changes


# --- refusals -------------------------------------------------------------------------------------------------------


def test_a_refused_delete_counts(jane, manager, news):
    seen = len(news())
    answer = manager.delete(f"{CUSTOMERS}/{jane.pk}?permanent=true")
    assert answer.status_code == 403
    (event,) = news()[seen:]
    assert (event.action, event.table, event.customer_id, event.actor_id) == (
        "refused",
        "customer",
        jane.pk,
        manager.user.pk,
    )
    assert event.after == {"method": "DELETE", "route": "api/v1/customers/<str:customer_id>"}
    assert event.tenant_id == jane.tenant_id


def test_a_refused_delete_in_the_admin_counts(jane, back_office, news):
    browser = back_office("staff")
    assert browser.post(f"/admin/customers/customer/{jane.pk}/delete/", {"post": "yes"}).status_code == 403
    event = news()[-1]
    assert (event.action, event.row_id, event.actor_id) == ("refused", jane.pk, browser.user.pk)


def test_a_refusal_about_a_foreign_row_stays_with_whoever_was_refused(jane, as_role, other_tenant):
    foreign = CustomerFactory(tenant=other_tenant)
    as_role("staff").delete(f"{CUSTOMERS}/{foreign.pk}")
    assert as_role("tenant_admin", tenant=other_tenant).get(f"{CUSTOMERS}/{foreign.pk}/history").json()["total"] == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_refused_log_in_counts(known, tenant, anonymous):
    user = UserFactory(tenant=tenant)
    email = user.email if known else "secret-typed-here@example.com"
    assert anonymous.post("/api/v1/auth/login", {"email": email, "password": "wrong"}).status_code == 401
    (event,) = trail(action="refused")
    assert (event.table, event.row_id) == ("login", user.pk if known else None)
    assert event.tenant_id == (tenant.pk if known else NO_TENANT)
    assert (event.after, event.address) == ({}, "127.0.0.1")


def test_nobody_who_is_unknown_fills_the_trail(jane, anonymous, news):
    anonymous.delete(f"{CUSTOMERS}/{jane.pk}")
    assert news() == []


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "né", "<script>"])
def test_an_unsound_request_id_is_replaced(given, staff):
    answer = staff.get("/api/v1/auth/me", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


# --- append-only ----------------------------------------------------------------------------------------------------

ATTEMPTS = [
    "UPDATE tenants_auditevent SET actor_id = NULL",
    "DELETE FROM tenants_auditevent",
    "TRUNCATE tenants_auditevent",
    "INSERT INTO tenants_auditevent (at, action, \"table\") VALUES (now(), 'updated', 'customer')",
    "ALTER TABLE tenants_auditevent OWNER TO circe_app",
    "DROP TABLE tenants_auditevent",
    "ALTER TABLE customers_customer DISABLE TRIGGER customer_audit",
    "DROP TRIGGER customer_audit ON customers_customer",
    "TRUNCATE customers_customer CASCADE",
    "CREATE OR REPLACE FUNCTION public.circe_audit() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "SET session_replication_role = replica",
    "CREATE TRIGGER t BEFORE INSERT ON tenants_auditevent FOR EACH ROW EXECUTE FUNCTION circe_audit('customer')",
    # On a table of one's own a function would do the same to everybody's events.
    *(
        f"CREATE TEMPORARY TABLE mine (tenant_id text, id text); CREATE TRIGGER t AFTER DELETE ON mine FOR EACH ROW "
        f"EXECUTE FUNCTION {function}()"
        for function in ("circe_audit", "circe_clear_customer_events", "circe_clear_appointment_events")
    ),
]


@in_one_test("attempt", ATTEMPTS)
def test_the_applications_role_cannot_change_the_trail(attempt, jane):
    before = [(event.pk, event.changes) for event in trail()]
    refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attempt)
    assert [(event.pk, event.changes) for event in trail()] == before


def test_a_rows_event_cannot_be_forged(jane):
    with pytest.raises(Exception, match="recorded by triggers"), transaction.atomic():
        record_event("updated", table="customer", row_id=jane.pk, tenant_id=jane.tenant_id)


def test_a_temporary_table_does_not_catch_the_events(jane, news):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE tenants_auditevent (LIKE public.tenants_auditevent)")
        jane.change({"last_name": "Smith"})
        cursor.execute("DROP TABLE pg_temp.tenants_auditevent")
    assert len(news()) == 1


def test_the_application_is_not_the_owner(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)"
        )
        assert cursor.fetchone() == ("circe_app", False)
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = 'circe_app'::regrole")
        assert cursor.fetchone() == (0,)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() != ("circe_app",)


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_history_of_a_customer(jane, admin, in_scope):
    admin.patch(f"{CUSTOMERS}/{jane.pk}", {"last_name": "Smith"}, headers={"X-Request-ID": "desk-1"})
    visit = AppointmentFactory(tenant=in_scope, customer=jane)
    Appointment.objects.update(status="cancelled")
    AppointmentFactory(tenant=in_scope)
    page = admin.get(f"{CUSTOMERS}/{jane.pk}/history?size=3").json()
    assert {name: page[name] for name in ("total", "page", "size", "pages")} == {
        "total": 4,
        "page": 1,
        "size": 3,
        "pages": 2,
    }
    assert [(item["action"], item["object"], item["object_id"]) for item in page["items"]] == [
        ("updated", "appointment", visit.pk),
        ("created", "appointment", visit.pk),
        ("updated", "customer", jane.pk),
    ]
    changed = page["items"][2]
    assert changed | {"id": 0, "at": ""} == {
        "id": 0,
        "at": "",
        "action": "updated",
        "object": "customer",
        "object_id": jane.pk,
        "actor": {"id": admin.user.pk, "email": admin.user.email, "name": admin.user.full_name},
        "actor_id": admin.user.pk,
        "command": None,
        "request_id": "desk-1",
        "address": "127.0.0.1",
        "changes": [{"field": "last_name", "before": "Doe", "after": "Smith"}],
    }


def test_a_history_is_sorted_by_time_whatever_the_numbers_of_events(jane, admin):
    """After a business has moved to another node of a cluster, later events may have lower numbers."""
    assert admin.patch(f"{CUSTOMERS}/{jane.pk}", {"last_name": "Smith"}).status_code == 200
    with as_owner():
        newest = AuditEvent.objects.filter(customer_id=jane.pk).latest("id")
        AuditEvent.objects.filter(pk=newest.pk).update(at=newest.at - dt.timedelta(days=1))
    times = [event["at"] for event in admin.get(f"{CUSTOMERS}/{jane.pk}/history").json()["items"]]
    assert times == sorted(times, reverse=True)
    assert len(times) > 1


def test_who_deleted_a_customer_can_be_read(jane, admin):
    admin.delete(f"{CUSTOMERS}/{jane.pk}")
    assert admin.get(f"{CUSTOMERS}/{jane.pk}/history").json()["items"][0]["action"] == "soft_deleted"


@pytest.mark.usefixtures("each_tenant_guard")
def test_the_trail_is_scoped(jane, other_tenant):
    with tenant_scope(None), pytest.raises(NoTenantScope):
        AuditEvent.objects.count()
    with tenant_scope(other_tenant):
        assert set(AuditEvent.objects.values_list("tenant_id", flat=True)) == {other_tenant.pk}


@pytest.mark.parametrize("role", Role.values)
def test_administrators_read_it_in_the_admin(role, jane, back_office, other_tenant):
    CustomerFactory(tenant=other_tenant, first_name="Foreign")
    jane.change({"last_name": "Smith"})
    browser = back_office(role)
    page = browser.get("/admin/tenants/auditevent/")
    history = browser.get(f"/admin/customers/customer/{jane.pk}/history/")
    if role in {"super_admin", "tenant_admin"}:
        assert b"Smith" in page.content
        assert (b"Foreign" in page.content) == (role == "super_admin")
        assert "Doe → Smith" in history.content.decode()
        assert browser.get(f"/admin/tenants/auditevent/?q={jane.pk}").context["cl"].result_count == 2
        for url in ("add/", f"{trail()[0].pk}/delete/"):
            assert browser.get(f"/admin/tenants/auditevent/{url}").status_code == 403
        assert browser.post(f"/admin/tenants/auditevent/{trail()[-1].pk}/change/", {"action": "x"}).status_code == 403
    else:
        assert (page.status_code, history.status_code) == (403, 403)


def test_a_person_reads_what_changed_in_words(in_scope, jane, news):
    appointment = AppointmentFactory(tenant=in_scope, customer=jane, status="confirmed")
    seen = len(news())
    jane.change({"accepts_sms": False, "tags": ["vip", "regular"], "last_name": None})
    Appointment.objects.update(status="no_show")
    jane.soft_delete(by="d" * 24)
    created = next(event for event in news() if event.row_id == appointment.pk)
    withdrawn, changed, missed, deleted = news()[seen:]
    assert (withdrawn.table, Change("State", "–", "Withdrawn") in withdrawn.readable_changes) == ("consent", True)
    assert changed.readable_changes == [
        Change("Accepts SMS", "yes", "no"),
        Change("Last name", "Doe", "–"),
        Change("Tags", "staff-created, walk-in", "vip, regular"),
    ]
    assert missed.readable_changes == [Change("Status", "Confirmed", "No-show")]
    assert (deleted.get_action_display(), deleted.readable_changes) == ("Soft-deleted", [])
    assert not {change.field for change in created.readable_changes} & {"ID", "Business", "Created at", "Notes"}
    assert Change("Status", "–", "Confirmed") in created.readable_changes


def test_who_did_something_cannot_be_deleted_and_stays_named(jane, admin, news):
    admin.patch(f"{CUSTOMERS}/{jane.pk}", {"last_name": "Smith"})
    with pytest.raises(IntegrityError, match="has signed in"), transaction.atomic():
        User.objects.filter(pk=admin.user.pk).delete()
    (event,) = [event for event in news() if event.row_id == jane.pk]
    assert (event.actor_id, event.actor_name) == (admin.user.pk, admin.user.full_name)


def test_the_audit_trail_is_searched_by_names_and_contacts(back_office, as_role, tenant, other_tenant):
    CustomerFactory(tenant=other_tenant, first_name="Jane", last_name="Doe")
    jane = CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe", phone="+6281234567801")
    CustomerFactory(tenant=tenant, first_name="Wayan")
    manager = UserFactory(tenant=tenant, role="outlet_manager", first_name="Ana", last_name="Lee")
    with tenant_scope(tenant), audit_context(user_id=manager.pk):
        jane.change({"first_name": "Janet"})
    browser = back_office("tenant_admin")

    def search(text):
        page = browser.get("/admin/tenants/auditevent/", {"q": text})
        return sorted(event.action for event in page.context["cl"].result_list), page.content.decode()

    for text in ("janet doe", "0812 3456 7801", jane.pk):
        events, page = search(text)
        assert events == ["created", "updated"]
        assert f'/history/">Janet Doe</a> customer {jane.pk}' in page
    assert search("ana lee")[0] == search(manager.email)[0] == ["created", "updated"]
    assert search("nobody at all")[0] == []
    assert "Nobody has the name or the contact “nobody at all”" in search("nobody at all")[1]
