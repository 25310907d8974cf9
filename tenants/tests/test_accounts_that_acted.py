"""Who has ever acted is never deleted, by whatever way; and the audit trail names whoever acted."""

import datetime as dt
from contextlib import nullcontext

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.utils import timezone

from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from circe.db.roles import as_owner
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.audit.context import audit_context
from tenants.models import AuditEvent, Role, Staff, User
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import PASSWORD, UserFactory

LOGIN, ADMIN_LOGIN, STAFF = "/api/v1/auth/login", "/admin/login/", "/admin/tenants/staff/"


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe")


@pytest.fixture
def account(tenant):
    """An account that nobody has used."""
    made_at = timezone.now() - dt.timedelta(days=1)
    return UserFactory(
        tenant=tenant, role="tenant_admin", first_name="Rina", last_name="Wijaya", tokens_valid_from=made_at
    )


def trail(**conditions):
    with tenant_scope(ALL_TENANTS):
        return list(AuditEvent.objects.filter(**conditions))


# --- every way of acting, and every way of deleting ------------------------------------------------------------------


def by_log_in(account, jane, anonymous, bearer, sign):
    assert anonymous.post(LOGIN, {"email": account.email, "password": PASSWORD}).status_code == 200


def by_log_in_to_the_admin(account, jane, anonymous, bearer, sign):
    assert Client().post(ADMIN_LOGIN, {"username": account.email, "password": PASSWORD}).status_code == 302


def by_a_token_of_the_old_system(account, jane, anonymous, bearer, sign):
    """It was never signed in here."""
    now = int(timezone.now().timestamp())
    claims = {"type": "access", "exp": now + 3600, "iat": now, "jti": new_id(), "sub": account.pk}
    assert bearer(sign(claims)).patch(f"{CUSTOMERS}/{jane.pk}", {"last_name": "Smith"}).status_code == 200


def by_being_named_as_an_actor(account, jane, anonymous, bearer, sign):
    with audit_context(user_id=account.pk), tenant_scope(account.tenant):
        Customer.objects.filter(pk=jane.pk).update(last_name="Smith")


def by_an_appointment(account, jane, anonymous, bearer, sign):
    AppointmentFactory(tenant=account.tenant, customer=jane, staff_id=account.pk)


ACTS = [
    by_log_in,
    by_log_in_to_the_admin,
    by_a_token_of_the_old_system,
    by_being_named_as_an_actor,
    by_an_appointment,
]


def by_admin(account, tenant, back_office):
    answer = back_office("tenant_admin").post(f"{STAFF}{account.pk}/delete/", {"post": "yes"}, follow=True)
    return answer.redirect_chain == [(STAFF, 302)]


def by_the_admins_action(account, tenant, back_office):
    body = {"action": "delete_selected", "_selected_action": [account.pk], "post": "yes"}
    back_office("tenant_admin").post(STAFF, body)


def by_delete(account, tenant, back_office):
    with tenant_scope(tenant):
        User.objects.get(pk=account.pk).delete()
    return True


def by_delete_of_a_queryset(account, tenant, back_office):
    with tenant_scope(tenant):
        return bool(Staff.objects.filter(pk=account.pk).delete()[0])


def sql(account, *, owner=False):
    with as_owner() if owner else nullcontext(), transaction.atomic(), connection.cursor() as cursor:
        if owner:
            # Sessions are no obstacle to whoever may write SQL.
            cursor.execute("DELETE FROM tenants_loginsession WHERE user_id = %s", [account.pk])
        cursor.execute("DELETE FROM tenants_user WHERE id = %s", [account.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return True


def by_the_applications_sql(account, tenant, back_office):
    return sql(account)


def by_the_owners_sql(account, tenant, back_office):
    return sql(account, owner=True)


def with_the_business(account, tenant, back_office):
    with tenant_scope(tenant):
        tenant.delete()
    return False


WAYS = [
    by_admin,
    by_the_admins_action,
    by_delete,
    by_delete_of_a_queryset,
    by_the_applications_sql,
    by_the_owners_sql,
    with_the_business,
]


@pytest.mark.slow("a table of all actions")
@in_one_test("way", WAYS)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_who_has_acted_is_never_deleted(act, way, account, jane, tenant, back_office, anonymous, bearer, sign):
    act(account, jane, anonymous, bearer, sign)
    try:
        with transaction.atomic():
            assert not way(account, tenant, back_office)
    except (IntegrityError, ProtectedError):
        pass
    assert User.objects.filter(pk=account.pk).exists()


@pytest.mark.parametrize("way", WAYS[:-1], ids=lambda way: way.__name__)
def test_who_never_acted_can_be_deleted(way, account, tenant, back_office):
    CustomerFactory(tenant=tenant)
    is_said_to_be = way(account, tenant, back_office)
    # The admin's list has no such action.
    assert User.objects.filter(pk=account.pk).exists() == (way is by_the_admins_action)
    if way is by_the_admins_action:
        return
    assert is_said_to_be
    (event,) = trail(row_id=account.pk, action="deleted")
    assert (event.before["email"], event.before["first_name"]) == (account.email, "Rina")


@pytest.mark.parametrize(
    ("is_active", "advice"),
    [
        (True, "Deactivate the account instead, by unticking “Active”."),
        (False, "The account is deactivated, so nobody can sign in with it."),
    ],
)
def test_the_admin_says_what_to_do_instead(account, anonymous, back_office, jane, is_active, advice):
    by_log_in(account, None, anonymous, None, None)
    day = timezone.localdate() + dt.timedelta(days=2)
    booking = {"customer": jane, "staff_id": account.pk, "appointment_date": day, "status": "confirmed"}
    AppointmentFactory(tenant=account.tenant, **booking)
    User.objects.filter(pk=account.pk).update(is_active=is_active)
    browser = back_office("tenant_admin")
    page = browser.get(f"{STAFF}{account.pk}/change/").content.decode()
    assert "Deactivate it instead." in page
    assert "deletelink" not in page
    for answer in (
        browser.get(f"{STAFF}{account.pk}/delete/"),
        browser.post(f"{STAFF}{account.pk}/delete/", {"post": "yes"}),
    ):
        assert answer.status_code == 200
        page = answer.content.decode()
        assert f'<p>{advice} <a href="{STAFF}{account.pk}/change/">Open “' in page
        assert "<li>events of the audit trail, which always names it</li>" in page
        assert "1 appointment to come</a>" in page
        assert f'?staff={account.pk}">Hand them on</a>' in page


def test_who_may_not_delete_learns_nothing_of_the_account(account, anonymous, back_office):
    by_log_in(account, None, anonymous, None, None)
    answer = back_office("outlet_manager").post(f"{STAFF}{account.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 403
    assert "deactivate" not in answer.content.decode()


def test_an_account_that_acts_while_the_page_asks_is_not_deleted(account, anonymous, back_office, monkeypatch):
    """Between the page's look at the account and its deletion somebody signs in."""
    from django.contrib.admin import options

    checked = options.ModelAdmin.get_deleted_objects

    def then_sign_in(*args):
        by_log_in(account, None, anonymous, None, None)
        return checked(*args)

    monkeypatch.setattr(options.ModelAdmin, "get_deleted_objects", then_sign_in)
    answer = back_office("tenant_admin").post(f"{STAFF}{account.pk}/delete/", {"post": "yes"}, follow=True)
    assert answer.redirect_chain == [(f"{STAFF}{account.pk}/delete/", 302)]
    assert "It was not deleted, since something refers to it." in answer.content.decode()
    assert User.objects.filter(pk=account.pk).exists()


@pytest.mark.parametrize("owner", [False, True])
def test_nobody_makes_it_undone_that_an_account_has_acted(account, anonymous, owner):
    by_log_in(account, None, anonymous, None, None)
    with as_owner() if owner else nullcontext():
        User.objects.filter(pk=account.pk).update(has_acted=False, last_login=None)
        account.save()
    assert User.objects.get(pk=account.pk).has_acted


def test_a_log_in_to_the_api_is_the_last_one(account, anonymous, back_office):
    before = timezone.now() - dt.timedelta(seconds=1)
    by_log_in(account, None, anonymous, None, None)
    assert User.objects.get(pk=account.pk).last_login > before
    # And no event of the trail, which tells of changes.
    assert trail(row_id=account.pk, action="updated") == []


def test_a_refused_log_in_is_no_act(account, anonymous):
    assert anonymous.post(LOGIN, {"email": account.email, "password": "guess"}).status_code == 401
    user = User.objects.get(pk=account.pk)
    assert (user.has_acted, user.last_login) == (False, None)


# --- the trail names who acted ------------------------------------------------------------------------------------------


def history(client, customer_id):
    """Who changed the customer, newest first: the actor and the command of each event."""
    answer = client.get(f"{CUSTOMERS}/{customer_id}/history")
    assert answer.status_code == 200
    return [(item["actor"], item["actor_id"], item["command"]) for item in answer.json()["items"]]


def named(user):
    return {"id": user.pk, "email": user.email, "name": user.full_name}


def change(client, jane, name):
    assert client.patch(f"{CUSTOMERS}/{jane.pk}", {"last_name": name}).status_code == 200


@pytest.mark.usefixtures("each_tenant_guard")
@in_one_test("role", Role.values)
def test_whoever_acted_is_named(role, tenant, as_role, admin):
    client = as_role(role)
    body = {"first_name": "Jane", "email": "jane@example.com"}
    if role == Role.SUPER_ADMIN:
        body["tenant_id"] = tenant.pk
    created = client.post(CUSTOMERS, body)
    assert created.status_code == 201
    assert history(admin, created.json()["id"]) == [(named(client.user), client.user.pk, None)]


def test_a_command_is_named(jane, admin):
    with audit_context(command="rename"), tenant_scope(jane.tenant):
        Customer.objects.filter(pk=jane.pk).update(last_name="Smith")
    assert history(admin, jane.pk)[0] == (None, None, "rename")


LATER = {
    "works for another business": lambda user, other_tenant: User.objects.filter(pk=user.pk).update(
        tenant=other_tenant
    ),
    "has another name": lambda user, other_tenant: User.objects.filter(pk=user.pk).update(first_name="Sari"),
    "has another e-mail address": lambda user, other_tenant: User.objects.filter(pk=user.pk).update(
        email="s@example.com"
    ),
    "is inactive": lambda user, other_tenant: User.objects.filter(pk=user.pk).update(is_active=False),
}


@pytest.mark.slow("a table of actions and of pages")
@pytest.mark.usefixtures("each_tenant_guard")
@in_one_test("later", LATER)
def test_the_trail_keeps_the_name_of_then(later, jane, manager, admin, back_office, other_tenant):
    change(manager, jane, "Smith")
    LATER[later](manager.user, other_tenant)
    assert history(admin, jane.pk)[0] == (named(manager.user), manager.user.pk, None)
    browser = back_office("tenant_admin")
    for page in ("/admin/tenants/auditevent/", f"/admin/customers/customer/{jane.pk}/history/"):
        assert manager.user.full_name in browser.get(page).content.decode()


def test_an_account_without_a_name_is_named_by_its_e_mail(jane, tenant, bearer, sign, back_office):
    user = UserFactory(tenant=tenant, email="nameless@example.com", first_name="", last_name="")
    by_being_named_as_an_actor(user, jane, None, None, None)
    assert "nameless@example.com" in back_office("tenant_admin").get("/admin/tenants/auditevent/").content.decode()


def test_purging_a_customer_keeps_who_did_what(jane, tenant, manager, admin, super_admin):
    change(manager, jane, "Smith")
    assert super_admin.delete(f"{CUSTOMERS}/{jane.pk}?permanent=true").status_code == 200
    events = trail(row_id=jane.pk, action__in=["updated", "deleted"])
    assert [event.recorded_actor.email for event in events] == [super_admin.user.email, manager.user.email]


def test_a_refusal_names_who_was_refused(jane, manager):
    manager.delete(f"{CUSTOMERS}/{jane.pk}?permanent=true")
    (event,) = trail(action="refused")
    assert (event.actor_email, event.actor_name) == (manager.user.email, manager.user.full_name)


def test_the_user_model_is_the_one_the_trigger_reads():
    assert (settings.AUTH_USER_MODEL, User._meta.db_table) == ("tenants.User", "tenants_user")
