"""The access table of the admin: the status of every page for every role, with an own and with a foreign row."""

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse

from appointments.models import Appointment, MessageText, StaffWithHours, TimeOff
from appointments.tests.factories import AppointmentFactory, MessageTextFactory, TimeOffFactory
from circe.tests.cases import in_one_test
from customers.models import Customer, DeletionRequest
from customers.models.imports import CustomerImport
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory, DeletionRequestFactory
from tenants.admin.base import UNKNOWN_TO_LIST
from tenants.models import AuditEvent, Outlet, Service, Staff, Tenant
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory

SUPER = {"super_admin"}
ADMINS = {"super_admin", "tenant_admin"}
MANAGERS = {"super_admin", "tenant_admin", "outlet_manager"}
STAFF = {"super_admin", "tenant_admin", "outlet_manager", "staff"}
ROLES = sorted(STAFF)
NOBODY = set()

MAKE = {
    Tenant: lambda tenant: tenant,
    Staff: lambda tenant: UserFactory(tenant=tenant),
    Outlet: lambda tenant: OutletFactory(tenant=tenant),
    Service: lambda tenant: ServiceFactory(tenant=tenant),
    Customer: lambda tenant: CustomerFactory(tenant=tenant),
    DeletionRequest: lambda tenant: DeletionRequestFactory(tenant=tenant),
    Appointment: lambda tenant: AppointmentFactory(tenant=tenant),
    StaffWithHours: lambda tenant: UserFactory(tenant=tenant),
    TimeOff: lambda tenant: TimeOffFactory(tenant=tenant),
    MessageText: lambda tenant: MessageTextFactory(tenant=tenant),
    AuditEvent: lambda tenant: AuditEvent._base_manager.filter(row_id=OutletFactory(tenant=tenant).pk).get(),
}

# Who may view the list and a row; who may add; who may change; who may delete.
ACCESS = {
    Tenant: (ADMINS, SUPER, ADMINS, SUPER),
    Staff: (ADMINS, ADMINS, ADMINS, ADMINS),
    Outlet: (STAFF, ADMINS, ADMINS, ADMINS),
    Service: (STAFF, ADMINS, ADMINS, ADMINS),
    Customer: (STAFF, STAFF, STAFF, ADMINS),
    DeletionRequest: (STAFF, NOBODY, NOBODY, NOBODY),
    Appointment: (STAFF, STAFF, STAFF, SUPER),
    StaffWithHours: (STAFF, NOBODY, MANAGERS, NOBODY),
    # Time off of other people: everybody changes and deletes their own.
    TimeOff: (STAFF, STAFF, MANAGERS, MANAGERS),
    MessageText: (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    AuditEvent: (ADMINS, NOBODY, NOBODY, NOBODY),
}

# The actions on the rows that are selected in a list, and who may do them.
ACTIONS = {
    Tenant: {},
    Staff: {},
    Outlet: {},
    Service: {},
    Customer: {
        "tag": MANAGERS,
        "untag": MANAGERS,
        "soft_delete": ADMINS,
        "restore": ADMINS,
        "purge": SUPER,
        "export_selected": ADMINS,
    },
    DeletionRequest: {},
    Appointment: dict.fromkeys(["confirm", "complete", "cancel", "no_show", "hand_on"], MANAGERS),
    StaffWithHours: {},
    TimeOff: {},
    MessageText: {},
    AuditEvent: {},
}


def changes():
    return AuditEvent._base_manager.exclude(action="refused").count()


def an_import(tenant):
    with tenant_scope(tenant):
        return CustomerImport.objects.create(file_name="people.csv", state="checked", summary={"refused": 0}).pk


# The other pages, besides the five of each model: arguments and query of a tenant's page, who may see it, and the status of
# another tenant's page for those who may see their own (not for super_admins).
PAGES = {
    "index": (lambda tenant: ([], {}), STAFF, None),
    "app_list": (lambda tenant: (["tenants"], {}), STAFF, None),
    "jsi18n": (lambda tenant: ([], {}), STAFF, None),
    "password_change": (lambda tenant: ([], {}), STAFF, None),
    "password_change_done": (lambda tenant: ([], {}), STAFF, None),
    # Rows have no page on the site: the answer is a 404, whether the row exists or not.
    "view_on_site": (
        lambda tenant: ([ContentType.objects.get_for_model(Outlet).pk, OutletFactory(tenant=tenant).pk], {}),
        NOBODY,
        None,
    ),
    "figures": (lambda tenant: ([], {"tenant_id": tenant.pk}), ADMINS, 403),
    "appointments_appointment_daysheet": (lambda tenant: ([], {"tenant_id": tenant.pk}), STAFF, 403),
    "appointments_appointment_freetimes": (
        lambda tenant: ([], {"service": ServiceFactory(tenant=tenant).pk, "day": "2025-01-25"}),
        STAFF,
        404,
    ),
    "appointments_appointment_handon": (
        lambda tenant: ([], {"outlet": OutletFactory(tenant=tenant).pk}),
        MANAGERS,
        404,
    ),
    "customers_customer_notes": (lambda tenant: ([CustomerFactory(tenant=tenant).pk], {}), STAFF, 404),
    "customers_customer_import": (lambda tenant: ([], {}), ADMINS, None),
    "customers_customer_import_one": (lambda tenant: ([an_import(tenant)], {}), ADMINS, 302),
    "customers_customer_import_columns": (lambda tenant: ([an_import(tenant)], {}), ADMINS, 302),
    "customers_customer_import_omitted": (lambda tenant: ([an_import(tenant)], {}), ADMINS, 302),
    "customers_customer_import_refused": (lambda tenant: ([an_import(tenant)], {}), ADMINS, 302),
    "customers_customer_export": (lambda tenant: ([], {"tenant__id__exact": tenant.pk}), ADMINS, 400),
    "customers_customer_export_file": (lambda tenant: (["csv"], {"tenant__id__exact": tenant.pk}), ADMINS, 400),
}
# These have tests of their own, below and in `tenants`.
ELSEWHERE = {
    "autocomplete",
    "login",
    "logout",
    "appointments_appointment_undo",  # test_undo.py
    "customers_customer_deletion_request",  # test_admin_consents.py
    "tenants_staff_invite",  # test_staff_links.py
    "tenants_staff_withdraw",  # test_staff_links.py
}

# The fields of forms, and who may choose a row for them.
CHOICES = {
    ("customers", "customer", "preferred_outlet"): STAFF,
    ("customers", "customer", "tenant"): SUPER,
    ("customers", "preferredservice", "service"): STAFF,
    ("customers", "preferredstaff", "staff"): STAFF,
    ("appointments", "appointment", "customer"): STAFF,
    ("appointments", "appointment", "outlet"): STAFF,
    ("appointments", "appointment", "staff"): STAFF,
    ("appointments", "appointment", "service"): STAFF,
    ("appointments", "appointment", "tenant"): SUPER,
    ("appointments", "timeoff", "staff"): STAFF,
    ("appointments", "timeoff", "outlet"): STAFF,
    ("appointments", "timeoff", "tenant"): SUPER,
    ("tenants", "outlet", "tenant"): SUPER,
    ("tenants", "user", "tenant"): SUPER,
    ("tenants", "loginsession", "user"): NOBODY,
    ("admin", "logentry", "user"): NOBODY,
    ("tenants", "nothing", "user"): NOBODY,
}


@pytest.fixture
def browser(back_office, role):
    """A test client in which a new user with the role of the test is signed in."""
    return back_office(role)


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_page_of_the_admin_is_in_one_of_the_tables():
    assert set(admin.site._registry) == set(ACCESS) == set(ACTIONS)
    five = {
        f"{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in ACCESS
        for page in ("changelist", "add", "change", "delete", "history")
    }
    _, resolver = get_resolver().namespace_dict["admin"]
    assert {name for name in resolver.reverse_dict if isinstance(name, str)} == five | set(PAGES) | ELSEWHERE


@pytest.mark.slow("opens every page as every role")
@pytest.mark.parametrize("role", ROLES)
@in_one_test("model", ACCESS)
def test_each_role_has_its_status_on_the_pages_of_each_model(browser, tenant, other_tenant, role, model):
    view, add, change, delete = (role in who for who in ACCESS[model])
    own, foreign = MAKE[model](tenant), MAKE[model](other_tenant)

    def get(page, *args):
        return browser.get(url(model, page, *args)).status_code

    def post(page, *args):
        return browser.post(url(model, page, *args), {}).status_code

    # The page of an absent row redirects to the first page. A role without permission gets a 403.
    view_status = 200 if view else 403
    absent_status = 302 if view else 403
    foreign_status = view_status if role == "super_admin" else absent_status
    absent = "0" * 24
    # An administrator has one business, whose form is what they are shown instead of the list.
    assert get("changelist") == (302 if model is Tenant and role == "tenant_admin" else view_status)
    assert get("add") == (200 if add else 403)
    assert post("add") == (200 if add else 403)
    for pk, expected in (
        (own.pk, view_status),
        (foreign.pk, foreign_status),
        (absent, absent_status),
        ("zzz", absent_status),
    ):
        assert get("change", pk) == expected
        assert get("history", pk) == (expected if role in ADMINS else 403)
        assert post("change", pk) == (expected if change else 403)
        may_delete = expected if delete else 403
        missing = 302 if delete else 403
        assert get("delete", pk) == (may_delete if expected == 200 else missing)


@pytest.mark.slow("tries every choice of every form as every role")
@pytest.mark.parametrize("role", ROLES)
@in_one_test("field", CHOICES)
def test_each_role_chooses_only_rows_that_it_may(browser, tenant, other_tenant, role, field):
    for owner in (tenant, other_tenant):
        AppointmentFactory(tenant=owner)
    app_label, model_name, field_name = field
    names = {"app_label": app_label, "model_name": model_name, "field_name": field_name}
    response = browser.get("/admin/autocomplete/", names | {"term": ""})
    assert response.status_code == (200 if role in CHOICES[field] else 403)
    if response.status_code == 200 and field_name != "tenant":
        ids = {row["id"] for row in response.json()["results"]}
        model = {"service": Service, "staff": Staff, "customer": Customer}.get(field_name, Outlet)
        with tenant_scope(other_tenant):
            theirs = set(model.objects.filter(tenant=other_tenant).values_list("pk", flat=True))
        assert bool(ids & theirs) == (role == "super_admin")
        assert ids


@pytest.mark.slow("opens every page as every role")
@pytest.mark.parametrize("role", ROLES)
@in_one_test("page", PAGES)
def test_each_role_has_its_status_on_the_other_pages(browser, tenant, other_tenant, role, page):
    whose, who, as_foreign = PAGES[page]

    def get(tenant):
        args, query = whose(tenant)
        return browser.get(reverse(f"admin:{page}", args=args), query).status_code

    refused = 404 if who is NOBODY else 403
    # Only a super_admin's lists can be filtered by tenant.
    own_by_tenant = as_foreign == 400 and role != "super_admin"
    assert get(tenant) == (refused if role not in who else 400 if own_by_tenant else 200)
    if as_foreign:
        assert get(other_tenant) == (refused if role not in who else 200 if role == "super_admin" else as_foreign)


@pytest.mark.slow("tries every action as every role")
@pytest.mark.parametrize("role", ROLES)
@in_one_test("model", ACTIONS)
def test_each_role_is_offered_its_actions_and_can_do_no_others(browser, tenant, other_tenant, role, model):
    own, foreign = MAKE[model](tenant), MAKE[model](other_tenant)
    page = url(model, "changelist") + ("?day=all" if model is Appointment else "")
    response = browser.get(page, follow=True)
    view_status = response.status_code
    form = response.context.get("action_form") if view_status == 200 else None
    offered = [name for name, _ in form.fields["action"].choices if name] if form else []
    assert offered == [name for name, who in ACTIONS[model].items() if role in who]
    # Actions that are not offered, or on rows of another tenant, are sent all the same.
    for name, who in {**ACTIONS[model], "delete_selected": NOBODY}.items():
        rows = [row for row in (own, foreign) if role not in who or (row is foreign and role != "super_admin")]
        body = {"action": name, ACTION_CHECKBOX_NAME: [row.pk for row in rows], "post": "yes", "asked": "1"}
        before = changes()
        response = browser.post(page, body | {"tag": "vip", "typed": "1 customer"}, follow=True)
        assert response.status_code == view_status
        assert role == "super_admin" or f"/{foreign.pk}/" not in response.getvalue().decode()
        assert changes() == before


@pytest.mark.parametrize("path", ["", "customers/customer/", "customers/customer/add/", "nothing", "autocomplete/"])
def test_a_visitor_who_is_not_signed_in_is_redirected_to_the_log_in(db, path):
    response = Client().get(f"/admin/{path}")
    assert (response.status_code, response.url) == (302, f"/admin/login/?next=/admin/{path}")


def test_a_token_of_the_api_does_not_open_the_admin(admin):
    assert admin.get("/admin/").status_code == 302


FOR_ALL = {"Customers", "Deletion requests", "Appointments", "Working hours", "Time off", "Outlets", "Services"}


@pytest.mark.parametrize(
    ("role", "models"),
    [
        ("staff", FOR_ALL),
        ("outlet_manager", FOR_ALL | {"Message texts"}),
        ("tenant_admin", FOR_ALL | {"Message texts", "Staff", "Business", "Audit events"}),
        ("super_admin", FOR_ALL | {"Message texts", "Staff", "Businesses", "Audit events"}),
    ],
)
def test_the_index_lists_the_models_that_the_role_may_see(back_office, role, models):
    apps = back_office(role).get("/admin/").context["app_list"]
    assert {model["name"] for app in apps for model in app["models"]} == models


@pytest.mark.slow("opens every list twice")
@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
@in_one_test("model", ACCESS)
def test_a_list_sends_as_many_queries_for_3_rows_as_for_1(browser, tenant, role, model):
    MAKE[model](tenant)
    page = url(model, "changelist") + ("?day=all" if model is Appointment else "")
    # The first page reads what is then kept, such as content types.
    browser.get(page, follow=True)
    with CaptureQueriesContext(connection) as at_one:
        browser.get(page, follow=True)
    for _ in range(2):
        MAKE[model](TenantFactory() if model is Tenant else tenant)
    with CaptureQueriesContext(connection) as at_three:
        assert browser.get(page, follow=True).status_code == 200
    assert len(at_three) == len(at_one)


@pytest.mark.slow("tries each condition on two lists, by role")
@pytest.mark.parametrize("role", ["staff", "tenant_admin"])
@in_one_test(
    "query",
    [
        "password__startswith=argon2",
        "tenant__name__startswith=N",
        "customer__tenant=1",
        "preferred_outlet__tenant__slug=nordlys",
        "search_text__like=%25",
        "email__regex=(a%2B)%2B",
        "created_at__regex=x",
        "id=zzz",
    ],
)
def test_a_condition_that_no_filter_offers_is_refused(browser, role, query):
    assert browser.get(f"/admin/customers/customer/?{query}").status_code == 400
    assert browser.get(f"/admin/appointments/appointment/?{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    ["staff__password__startswith=argon2", "outlet__tenant__users__password__startswith=argon2", "staff__email__gte=a"],
)
def test_a_filter_by_a_column_of_a_related_row_is_refused(back_office, query):
    assert back_office("staff").get(f"/admin/appointments/appointment/?day=all&{query}").status_code == 400


@pytest.mark.slow("opens the list of each model")
@in_one_test("model", ACCESS)
def test_a_list_has_a_note_for_an_address_that_was_not_understood(back_office, tenant, model):
    browser, page = back_office("super_admin"), url(model, "changelist")
    assert UNKNOWN_TO_LIST not in browser.get(page).content.decode()
    assert UNKNOWN_TO_LIST in browser.get(f"{page}?e=1").content.decode()


@pytest.mark.slow("sends each odd query to a list")
@pytest.mark.parametrize("role", ["tenant_admin"])
@in_one_test(
    "query",
    [
        "tag=%00",
        "is_active__exact=%00",
        "is_active__exact=banana",
        "created_at__gte=banana",
        "created_at__gte=9999-12-31&created_at__lt=0001-01-01",
        "q=%00",
        "q=%25",
        "q=" + "a" * 101,
        "q=a+b+c",
        "p=-1",
        "p=banana",
        "p=999999999999999999999",
        "o=banana.-99",
        "o=-1.99",
        "all=",
        "e=1",
        "_facets=1",
        "deleted=banana",
        "registered=banana",
    ],
)
def test_a_list_answers_any_query_string(browser, role, query):
    assert browser.get(f"/admin/customers/customer/?{query}", follow=True).status_code == 200


@pytest.mark.slow("sends each odd term to every choice")
@pytest.mark.parametrize("role", ["staff"])
@in_one_test("term", ["%00", "a" * 500, "%25", "08", "😀", "%ff"])
def test_autocomplete_answers_any_search_term(browser, role, term):
    names = "app_label=appointments&model_name=appointment&field_name="
    for field in ("customer", "staff", "outlet", "service"):
        page = f"/admin/autocomplete/?{names}{field}&term={term}"
        assert browser.get(page).status_code in {200, 400}


def test_deleted_and_inactive_rows_can_not_be_chosen(back_office, tenant):
    DeletedCustomerFactory(tenant=tenant)
    OutletFactory(tenant=tenant, is_active=False)
    ServiceFactory(tenant=tenant, is_active=False)
    browser = back_office("tenant_admin")
    # An appointment may be of an ended service, by override.
    for app, model, field in (
        ("appointments", "appointment", "customer"),
        ("appointments", "appointment", "outlet"),
        ("customers", "preferredservice", "service"),
    ):
        names = {"app_label": app, "model_name": model, "field_name": field}
        assert browser.get("/admin/autocomplete/", names).json()["results"] == []


def test_a_row_is_shown_although_the_address_names_an_empty_field(back_office, tenant):
    browser, outlet = back_office("tenant_admin"), OutletFactory(tenant=tenant)
    for page in ("change", "delete"):
        assert browser.get(f"/admin/tenants/outlet/{outlet.pk}/{page}/?_to_field=").status_code == 200


# Pages with parameters that name a foreign row: the page, its query, and the status.
FOREIGN_PARAMETERS = [
    ("customers/customer/{tenant}/change/", "_to_field=tenant&_popup=1", 400),
    ("customers/customer/{email}/change/", "_to_field=email", 400),
    ("customers/customer/{customer}/change/", "_to_field=id&_popup=1", 302),
    ("customers/customer/{customer}/change/", "_to_field=", 302),
    ("customers/customer/", "_to_field=password", 400),
    ("customers/customer/", "_popup=1&_to_field=id", 200),
    ("customers/customer/", "q={email}", 200),
    ("customers/customer/", "preferred_outlet__id__exact={outlet}", 400),
    ("customers/customer/add/", "_changelist_filters=tenant__id__exact%3D{tenant}&tenant={tenant}", 200),
    ("customers/customer/add/", "preferred_outlet={outlet}&_popup=1&_to_field=password", 400),
    ("customers/customer/add/", "preferred_outlet={outlet}", 200),
    ("appointments/appointment/", "day=all&customer__id__exact={customer}", 302),
    ("appointments/appointment/", "day=all&staff__id__exact={staff}", 302),
    ("appointments/appointment/", "day=all&outlet__id__exact={outlet}", 302),
    ("appointments/appointment/day/", "outlet={outlet}", 404),
    ("appointments/appointment/day/", "outlet={outlet}&tenant_id={own}", 404),
    ("appointments/appointment/free-times/", "service={service}&day=2025-01-25", 404),
    (
        "appointments/appointment/add/",
        "customer={customer}&outlet={outlet}&staff={staff}&service={service}&tenant={tenant}",
        200,
    ),
    ("tenants/outlet/{outlet}/change/", "_popup=1", 302),
    (
        "autocomplete/",
        "app_label=appointments&model_name=appointment&field_name=customer&term={email}&_to_field=tenant",
        200,
    ),
]


@pytest.mark.slow("tries every parameter of every page")
@pytest.mark.parametrize("role", ["staff", "tenant_admin"])
@in_one_test(("page", "query", "status"), FOREIGN_PARAMETERS)
def test_no_parameter_shows_a_foreign_row(browser, tenant, other_tenant, role, page, query, status):
    theirs = AppointmentFactory(
        tenant=other_tenant,
        customer=CustomerFactory(tenant=other_tenant, first_name="Xanthippe", email="x@foreign.example"),
        outlet=OutletFactory(tenant=other_tenant, name="Xanadu"),
        service=ServiceFactory(tenant=other_tenant, name="Xylography"),
    )
    ids = {"tenant": other_tenant.pk, "own": tenant.pk, "customer": theirs.customer_id, "email": "x@foreign.example"}
    ids |= {"outlet": theirs.outlet_id, "service": theirs.service_id, "staff": theirs.staff_id}
    response = browser.get(f"/admin/{page.format(**ids)}?{query.format(**ids)}")
    assert response.status_code == status
    text = response.content.decode()
    assert [name for name in ("Xanthippe", "Xanadu", "Xylography", other_tenant.name) if name in text] == []
