"""The ledger of consents in the database: nobody changes it, and the customers' booleans are always its projection."""

from itertools import product
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circe.db.roles import as_owner
from circe.tests.cases import in_one_test
from customers.consents.ledger import record_consent, withdraw_consents
from customers.models import Consent, Customer
from customers.tests.factories import CustomerFactory
from customers.tests.pages import change_page
from customers.tests.transfer import as_csv, imported
from tenants.scope import tenant_scope
from tenants.tests.forms import opened, sent_by
from tenants.tests.shell import run

CHANNELS = ["email", "sms", "push", "whatsapp"]
KINDS = list(product(["service", "marketing"], CHANNELS))
BOOLEANS = [*(f"accepts_{channel}" for channel in CHANNELS), "marketing_consent"]
DEFAULTS = {(purpose, channel): purpose == "service" and channel != "whatsapp" for purpose, channel in KINDS}


def granted(customer):
    """Returns what is granted, by purpose and channel, counted anew from all entries."""
    found = dict(DEFAULTS)
    entries = Consent.objects.filter(customer=customer)
    for entry in sorted(entries, key=lambda one: (one.at, one.state, one.pk)):
        found[entry.purpose, entry.channel] = entry.state == "granted"
    return found


def withdrawn(customer):
    """Returns the kinds whose latest entry is a withdrawal."""
    said = set(Consent.objects.filter(customer=customer).values_list("purpose", "channel"))
    return {kind for kind, is_granted in granted(customer).items() if kind in said and not is_granted}


def assert_projected(customer):
    """Asserts that the booleans of the customer are what the ledger says."""
    found = granted(customer)
    expected = {f"accepts_{channel}": found["service", channel] for channel in CHANNELS}
    expected["marketing_consent"] = all(found["marketing", channel] for channel in CHANNELS)
    assert Customer.objects.values(*BOOLEANS).get(pk=customer.pk) == expected


# --- nobody changes it ----------------------------------------------------------------------------------------------

STATEMENTS = [
    "UPDATE customers_consent SET state = 'granted'",
    "UPDATE customers_consent SET updated_at = now()",
    "DELETE FROM customers_consent",
    "TRUNCATE customers_consent",
]


@pytest.fixture
def entry(in_scope):
    customer = CustomerFactory(tenant=in_scope)
    return record_consent(customer, channel="email", purpose="marketing", state="withdrawn", source="paper")


def execute(*statements, role=None):
    """Executes the statements in a savepoint, as the role or else as the owner of the tables."""
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        # Otherwise the check of a reference that is still to be made refuses TRUNCATE first.
        for statement in ["SET CONSTRAINTS ALL IMMEDIATE", *([f"SET LOCAL ROLE {role}"] if role else []), *statements]:
            cursor.execute(statement)


@in_one_test("role, statement", product(["circe_app", "circe_rls_bypass"], STATEMENTS))
def test_no_role_of_the_application_may_change_an_entry(entry, role, statement):
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(statement, role=role)


@in_one_test("role, statement", product(["circe_app", "circe_rls_bypass"], STATEMENTS))
def test_a_trigger_refuses_it_even_with_the_right(entry, role, statement):
    execute(f"GRANT ALL ON customers_consent TO {role}")
    with pytest.raises(IntegrityError, match="ledger of consents"):
        execute(statement, role=role)
    assert Consent.objects.get().state == "withdrawn"


@in_one_test("statement", STATEMENTS[:3])
def test_the_owner_of_the_tables_changes_no_single_entry_either(entry, statement):
    with pytest.raises(IntegrityError, match="neither changed nor deleted"):
        execute(statement)


OWN_TRIGGER = [
    "CREATE TEMP TABLE own (tenant_id text, id text)",
    "CREATE FUNCTION pg_temp.own() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN DELETE FROM public.customers_consent; RETURN NULL; END $$",
    "CREATE TRIGGER own AFTER INSERT ON own EXECUTE FUNCTION pg_temp.own()",
    "INSERT INTO own VALUES (1)",
]
OURS_AS_OWN = [
    OWN_TRIGGER[0],
    "CREATE TRIGGER own BEFORE DELETE ON own FOR EACH ROW EXECUTE FUNCTION public.circe_delete_consents()",
]


@in_one_test("statements", [OWN_TRIGGER, OURS_AS_OWN])
def test_a_trigger_on_a_temporary_table_of_ones_own_deletes_no_entry(entry, statements):
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(*statements, role="circe_app")


def test_entries_go_with_their_customer(entry, in_scope):
    other = CustomerFactory(tenant=in_scope, marketing_consent=True)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM customers_customer WHERE id = %s", [entry.customer_id])
    assert set(Consent.objects.values_list("customer", flat=True)) == {other.pk}


# --- bulk updates and plain SQL -------------------------------------------------------------------------------------


@pytest.mark.slow("sets every combination of the booleans on four customers")
@in_one_test(
    "changes", [dict(zip(BOOLEANS, values, strict=True)) for values in product([False, True], repeat=len(BOOLEANS))]
)
def test_booleans_that_are_set_in_bulk_are_in_the_ledger(in_scope, changes):
    people = [CustomerFactory(tenant=in_scope, **start) for start in ({}, dict.fromkeys(BOOLEANS, True), changes)]
    partly = CustomerFactory(tenant=in_scope)
    record_consent(partly, channel="sms", purpose="marketing", state="granted", source="paper")
    Customer.objects.update(**changes)
    for customer in (*people, partly):
        assert_projected(customer)
        assert Customer.objects.values(*BOOLEANS).get(pk=customer.pk) == changes


def test_entries_of_several_customers_in_one_statement_are_projected(in_scope):
    people = CustomerFactory.create_batch(3, tenant=in_scope)
    Consent.objects.bulk_create(
        Consent(
            tenant=in_scope, customer=one, channel=channel, purpose=purpose, state="granted", source="paper", at=None
        )
        for one in people
        for purpose, channel in KINDS
    )
    for customer in people:
        assert_projected(customer)
    assert set(Customer.objects.values_list(*BOOLEANS)) == {(True,) * 5}


# --- at the same moment ---------------------------------------------------------------------------------------------


def at_once(tenant, *turns, after_each=None):
    """Does all works of a turn at once, each in a transaction of its own connection, and then those of the next turn.

    Calls `after_each` after each turn. To open connections for each would cost more than the works.
    """
    begin, end, failures = Barrier(len(turns[0])), Barrier(len(turns[0]), after_each), []

    def do(works):
        try:
            with tenant_scope(tenant):
                connection.ensure_connection()
                for work in works:
                    begin.wait(30)
                    with transaction.atomic():
                        work()
                    end.wait(30)
        except Exception as error:
            failures.append(error)
            begin.abort()
            end.abort()
        finally:
            connections.close_all()

    threads = [Thread(target=do, args=[works]) for works in zip(*turns, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.slow("lets threads race ten times")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kinds", [[*KINDS], [("marketing", "email")] * 8, [("service", "sms")] * 8])
def test_writes_at_the_same_moment_leave_the_booleans_the_ledger_says(tenant, kinds):
    with tenant_scope(tenant):
        jane = CustomerFactory(tenant=tenant)

    def enter(number, kind):
        state = "granted" if number % 2 else "withdrawn"
        return lambda: record_consent(jane, purpose=kind[0], channel=kind[1], state=state, source="paper")

    def update(**changes):
        return lambda: Customer.objects.filter(pk=jane.pk).update(**changes)

    turns = []
    for turn in range(10):
        works = [enter(number + turn, kind) for number, kind in enumerate(kinds)]
        flips = [update(**{name: bool((turn + number) % 2)}) for number, name in enumerate(BOOLEANS)]
        turns.append([*works, *flips, update(accepts_sms=True, marketing_consent=bool(turn % 2))])
    at_once(tenant, *turns, after_each=lambda: assert_projected(jane))


@pytest.mark.slow("lets threads race")
@pytest.mark.django_db(transaction=True)
def test_the_last_channel_of_two_that_are_granted_at_once_makes_the_marketing_consent(tenant):
    """Each transaction alone sees only three channels granted."""
    with tenant_scope(tenant):
        people = CustomerFactory.create_batch(5, tenant=tenant)
        for jane in people:
            for channel in CHANNELS[:2]:
                record_consent(jane, channel=channel, purpose="marketing", state="granted", source="paper")

    def grant(jane, channel):
        return lambda: record_consent(jane, channel=channel, purpose="marketing", state="granted", source="paper")

    at_once(tenant, *([grant(jane, channel) for channel in CHANNELS[2:]] for jane in people))
    with tenant_scope(tenant):
        assert set(Customer.objects.values_list("marketing_consent", flat=True)) == {True}


# --- whatever is done -----------------------------------------------------------------------------------------------

BODY_KEYS = {"email": "email", "sms": "sms", "push": "push_notifications", "whatsapp": "whatsapp"}
STEPS = st.one_of(
    st.tuples(st.just("preferences"), st.sampled_from(BOOLEANS), st.booleans()),
    st.tuples(st.just("entry"), st.sampled_from(KINDS), st.sampled_from(["granted", "withdrawn"])),
    st.tuples(st.just("update in bulk"), st.sampled_from(BOOLEANS), st.booleans()),
    st.tuples(st.just("unsubscribe"), st.sampled_from(CHANNELS)),
    st.tuples(st.sampled_from(["read", "restore", "restore by command", "send back", "want all", "save the form"])),
    st.tuples(st.just("change in the form"), st.sampled_from(BOOLEANS), st.booleans()),
    st.tuples(st.just("import"), st.sampled_from(["yes", "no"])),
)


class Everybody:
    """All the ways to change what a customer may be sent."""

    def __init__(self, client, browser, path, tenant):
        self.client, self.browser, self.path = client, browser, path
        self.customer = CustomerFactory(tenant=tenant)
        self.url = f"/api/v1/customers/{self.customer.pk}"
        self.read()

    def read(self):
        self.body, self.form = self.client.get(self.url).json(), opened(self.browser, change_page(self.customer))
        self.withdrawn_then = withdrawn(self.customer)
        self.entries_then = Consent.objects.count()

    def put(self, body, path=""):
        answer = self.client.put(f"{self.url}{path}", body, format="json")
        assert answer.status_code == 200, answer.json()

    def do(self, step, *values):
        """Does the step. Returns the kinds that it may grant although they were withdrawn."""
        if step == "preferences":
            name, value = values
            channel = BODY_KEYS.get(name.removeprefix("accepts_"))
            self.put({"communication_preferences": {channel: value}} if channel else {name: value}, "/preferences")
            return KINDS
        if step == "entry":
            (purpose, channel), state = values
            body = {"purpose": purpose, "channel": channel, "state": state}
            assert self.client.post(f"{self.url}/consents", body, format="json").status_code == 201
            return [(purpose, channel)]
        if step == "update in bulk":
            Customer.objects.filter(pk=self.customer.pk).update(**dict([values]))
            return KINDS
        if step == "unsubscribe":
            withdraw_consents(self.customer, source="link", channels=values)
        elif step == "read":
            self.read()
        elif step == "send back":
            self.put(self.body)
        elif step == "want all":
            # The client that read it wants everything, and knows nothing of what came after.
            channels = dict.fromkeys(BODY_KEYS.values(), True)
            wanted = {"communication_preferences": channels, "marketing_consent": True}
            self.put({"updated_at": self.body["updated_at"], "preferences": wanted})
            return self.withdrawn_then
        elif step == "save the form":
            answer = self.browser.post(change_page(self.customer), self.form)
            assert answer.status_code == 302, answer.context["adminform"].form.errors
        elif step == "change in the form":
            name, value = values
            boxes = {one: sent for one, sent in self.form.items() if one != name} | ({name: "on"} if value else {})
            is_stale = Consent.objects.count() != self.entries_then
            answer = self.browser.post(change_page(self.customer), boxes)
            is_changed = value != (name in self.form)
            assert answer.status_code == (200 if is_changed and is_stale else 302)
            if answer.status_code == 302:
                return KINDS if is_changed else []
            # Saved again as it comes back, it stores what holds.
            assert self.browser.post(change_page(self.customer), sent_by(answer)).status_code == 302
        elif step == "import":
            header = ["id", "consent_source", "consent_at", *BOOLEANS]
            cells = [self.customer.pk, "paper", "2026-01-01", *values * len(BOOLEANS)]
            self.path.write_bytes(as_csv([header, cells]))
            assert imported(self.path, update=True).refused_rows == []
        else:
            assert self.client.delete(self.url).status_code == 200
            if step == "restore":
                assert self.client.post(f"{self.url}/restore").status_code == 200
            else:
                run("restore_customers", "--tenant", "lotus", "--id", self.customer.pk)
        return []


@pytest.fixture
def browser(back_office):
    return back_office("tenant_admin")


@pytest.mark.slow("tries generated sequences of requests, forms and imports")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=2, max_size=9))
def test_nothing_but_a_fresh_grant_grants_what_was_withdrawn(browser, admin, in_scope, tmp_path, steps):
    world = Everybody(admin, browser, tmp_path / "customers", in_scope)
    for step in steps:
        before = withdrawn(world.customer)
        may_grant = {*world.do(*step)}
        assert before - may_grant <= withdrawn(world.customer), step
        assert_projected(world.customer)
