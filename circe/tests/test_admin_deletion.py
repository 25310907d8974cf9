"""A row is deleted in the admin, or the deletion is refused with a reason: for every model and every reference to a row."""

import datetime as dt
from functools import partial
from threading import Thread

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.db import connection, connections, transaction
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from appointments.models import (
    Appointment,
    AppointmentTombstone,
    Message,
    MessageText,
    StaffWithHours,
    TimeOff,
    WorkingHours,
)
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, TenantTotals, VisitCounts
from appointments.tests.factories import AppointmentFactory, MessageTextFactory, TimeOffFactory, WorkingHoursFactory
from circe.db.roles import as_owner
from customers.models import (
    Consent,
    Customer,
    CustomerSession,
    DeletionRequest,
    MailedLink,
    MarketingBlock,
    Tombstone,
)
from customers.models.column_mappings import ColumnMapping
from customers.models.imports import CustomerImport, ImportPart
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import NameKey, SearchableName
from customers.models.preferences import PreferredService, PreferredStaff
from customers.models.searchable import SearchableCustomer
from customers.tests.factories import CustomerFactory, DeletionRequestFactory
from tenants.admin.deletion import references_to
from tenants.models import (
    AuditEvent,
    IdempotencyRecord,
    LoginSession,
    Outlet,
    Role,
    Service,
    ServiceStaff,
    Staff,
    StaffName,
    Tenant,
    User,
)
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, ServiceStaffFactory, TenantFactory, UserFactory
from tenants.tests.locks import until_blocked

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow("deletes a row of each model of the admin, with each reference, in each role"),
]


def read(model, **conditions):
    with tenant_scope(ALL_TENANTS):
        return model.objects.get(**conditions)


# By model: creates a row to which nothing refers.
CREATE = {
    Tenant: lambda tenant: TenantFactory(),
    Staff: lambda tenant: read(Staff, pk=UserFactory(tenant=tenant).pk),
    Outlet: lambda tenant: OutletFactory(tenant=tenant),
    Service: lambda tenant: ServiceFactory(tenant=tenant),
    Customer: lambda tenant: CustomerFactory(tenant=tenant),
    DeletionRequest: lambda tenant: DeletionRequestFactory(tenant=tenant),
    Appointment: lambda tenant: AppointmentFactory(tenant=tenant),
    TimeOff: lambda tenant: TimeOffFactory(tenant=tenant),
    MessageText: lambda tenant: MessageTextFactory(tenant=tenant),
    StaffWithHours: lambda tenant: read(StaffWithHours, pk=UserFactory(tenant=tenant).pk),
    AuditEvent: lambda tenant: read(AuditEvent, row_id=OutletFactory(tenant=tenant).pk),
}


def prefer(customer, **lists):
    with tenant_scope(customer.tenant):
        customer.change(lists)


def create_idempotency_record(tenant, user):
    with tenant_scope(tenant):
        IdempotencyRecord.objects.create(user=user, key="k", fingerprint="f", status=200, headers={}, body="{}")


def create_column_mapping(tenant):
    with tenant_scope(tenant):
        ColumnMapping.objects.create(header_digest="digest")


def create_import(tenant):
    with tenant_scope(tenant):
        one = CustomerImport.objects.create(file_name="people.csv")
        ImportPart.objects.create(upload=one, kind="file", position=0, data=b"name")


def create_message(appointment):
    with tenant_scope(appointment.tenant):
        Message.objects.create(
            customer=appointment.customer, appointment=appointment, kind="reminder", sequence=appointment.sequence
        )


def create_of_customer(model, customer):
    """Creates a row of the portal, or of the ledger, that belongs to the customer."""
    values = {
        Consent: {"channel": "sms", "purpose": "service", "state": "granted", "source": "paper"},
        CustomerSession: {"current_jti": "jti", "rotated_at": timezone.now()},
        DeletionRequest: {"due_at": timezone.now()},
        MailedLink: {"kind": "reset", "email": "jane@example.com", "email_key": "jane@example.com"},
    }
    with tenant_scope(customer.tenant):
        model.objects.create(customer=customer, **values[model])


def create_staff_link(staff):
    with tenant_scope(staff.tenant):
        MailedLink.objects.create(staff_id=staff.pk, kind="invitation", email=staff.email, email_key=staff.email)


def create_block(tenant):
    with tenant_scope(tenant):
        MarketingBlock.objects.create(address_hash="hash")


def empty_business(tenant):
    """Adds an appointment to the business, and deletes it with everything to which it refers. Summary rows stay."""
    appointment = AppointmentFactory(tenant=tenant)
    with tenant_scope(tenant):
        appointment.delete()
        Customer.objects.filter(pk=appointment.customer_id).delete()
        for model, pk in (
            (Outlet, appointment.outlet_id),
            (Service, appointment.service_id),
            (Staff, appointment.staff_id),
        ):
            model.objects.filter(pk=pk).delete()


def create_log_entry(user):
    LogEntry.objects.create(user=user, action_flag=1, object_repr="x")


OF_CUSTOMER = [Consent, CustomerSession, DeletionRequest, MailedLink]
# By model and field: creates a row of the model that refers to the given row in the field.
CREATE_REFERENCE = {
    (User, "tenant"): lambda tenant: UserFactory(tenant=tenant),
    (Outlet, "tenant"): lambda tenant: OutletFactory(tenant=tenant),
    (Service, "tenant"): lambda tenant: ServiceFactory(tenant=tenant),
    (Customer, "tenant"): lambda tenant: CustomerFactory(tenant=tenant),
    (ServiceStaff, "tenant"): lambda tenant: ServiceStaffFactory(tenant=tenant),
    (WorkingHours, "tenant"): lambda tenant: WorkingHoursFactory(tenant=tenant),
    (TimeOff, "tenant"): lambda tenant: TimeOffFactory(tenant=tenant),
    (MessageText, "tenant"): lambda tenant: MessageTextFactory(tenant=tenant),
    (Appointment, "tenant"): lambda tenant: AppointmentFactory(tenant=tenant),
    (PreferredService, "tenant"): lambda tenant: prefer(
        CustomerFactory(tenant=tenant), preferred_services=[ServiceFactory(tenant=tenant).pk]
    ),
    (PreferredStaff, "tenant"): lambda tenant: prefer(
        CustomerFactory(tenant=tenant), preferred_staff_ids=[UserFactory(tenant=tenant).pk]
    ),
    (ColumnMapping, "tenant"): create_column_mapping,
    (CustomerImport, "tenant"): create_import,
    (ImportPart, "tenant"): create_import,
    (IdempotencyRecord, "tenant"): lambda tenant: create_idempotency_record(
        tenant, UserFactory(role=Role.SUPER_ADMIN, tenant=None)
    ),
    # It was created together with the business.
    (AuditEvent, "tenant"): lambda tenant: None,
    (StaffName, "tenant"): lambda tenant: UserFactory(tenant=tenant),
    (MarketingBlock, "tenant"): create_block,
    # A trigger leaves it.
    (Tombstone, "tenant"): empty_business,
    (AppointmentTombstone, "tenant"): empty_business,
    (Message, "tenant"): lambda tenant: create_message(AppointmentFactory(tenant=tenant)),
    (Message, "customer"): lambda customer: create_message(
        AppointmentFactory(tenant=customer.tenant, customer=customer)
    ),
    (Message, "appointment"): create_message,
    **{(model, "customer"): partial(create_of_customer, model) for model in OF_CUSTOMER},
    **{
        (model, "tenant"): lambda tenant, model=model: create_of_customer(model, CustomerFactory(tenant=tenant))
        for model in OF_CUSTOMER
    },
    (SearchableCustomer, "tenant"): lambda tenant: CustomerFactory(tenant=tenant),
    (CustomerMonthlyCounts, "tenant"): empty_business,
    (CustomerTotals, "tenant"): lambda tenant: CustomerFactory(tenant=tenant),
    (AppointmentDailyTotals, "tenant"): empty_business,
    (NameKey, "tenant"): lambda tenant: CustomerFactory(tenant=tenant),
    (SearchableName, "tenant"): lambda tenant: CustomerFactory(tenant=tenant),
    (TenantTotals, "tenant"): lambda tenant: CustomerFactory(tenant=tenant),
    (VisitCounts, "tenant"): empty_business,
    (LoginSession, "user"): lambda staff: LoginSession.start(User.objects.get(pk=staff.pk)),
    (IdempotencyRecord, "user"): lambda staff: create_idempotency_record(staff.tenant, User.objects.get(pk=staff.pk)),
    (LogEntry, "user"): create_log_entry,
    (AuditEvent, "actor"): lambda staff: OutletFactory(tenant=staff.tenant),
    (Appointment, "staff"): lambda staff: AppointmentFactory(tenant=staff.tenant, staff_id=staff.pk),
    (ServiceStaff, "staff"): lambda staff: ServiceStaffFactory(tenant=staff.tenant, staff_id=staff.pk),
    (WorkingHours, "staff"): lambda staff: WorkingHoursFactory(tenant=staff.tenant, staff_id=staff.pk),
    (TimeOff, "staff"): lambda staff: TimeOffFactory(tenant=staff.tenant, staff_id=staff.pk),
    (MailedLink, "staff"): create_staff_link,
    (PreferredStaff, "staff"): lambda staff: prefer(
        CustomerFactory(tenant=staff.tenant), preferred_staff_ids=[staff.pk]
    ),
    (Customer, "preferred_outlet"): lambda outlet: CustomerFactory(tenant=outlet.tenant, preferred_outlet=outlet),
    (Appointment, "outlet"): lambda outlet: AppointmentFactory(tenant=outlet.tenant, outlet=outlet),
    (WorkingHours, "outlet"): lambda outlet: WorkingHoursFactory(tenant=outlet.tenant, outlet=outlet),
    (TimeOff, "outlet"): lambda outlet: TimeOffFactory(tenant=outlet.tenant, outlet=outlet, staff_id=None),
    (PreferredService, "service"): lambda service: prefer(
        CustomerFactory(tenant=service.tenant), preferred_services=[service.pk]
    ),
    (Appointment, "service"): lambda service: AppointmentFactory(tenant=service.tenant, service=service),
    (ServiceStaff, "service"): lambda service: ServiceStaffFactory(tenant=service.tenant, service=service),
    (Appointment, "customer"): lambda customer: AppointmentFactory(tenant=customer.tenant, customer=customer),
    (PreferredService, "customer"): lambda customer: prefer(
        customer, preferred_services=[ServiceFactory(tenant=customer.tenant).pk]
    ),
    (PreferredStaff, "customer"): lambda customer: prefer(
        customer, preferred_staff_ids=[UserFactory(tenant=customer.tenant).pk]
    ),
}
ROWS = [
    (model, references)
    for model in CREATE
    for every in [[(relation.related_model, relation.field.name) for relation in references_to(model)]]
    for references in ([], *([one] for one in every), every)
]


def name(value):
    if isinstance(value, list):
        return "+".join(f"{model.__name__}.{field}" for model, field in value) if len(value) < 3 else "everything"
    return value.__name__


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def text(response):
    return " ".join(strip_tags(response.content.decode()).split())


def make(model, references, tenant):
    row = CREATE[model](tenant)
    for reference in references:
        assert reference in CREATE_REFERENCE, f"Add {reference} to CREATE_REFERENCE, for {model.__name__}."
        CREATE_REFERENCE[reference](row)
    return row


def test_every_model_of_the_admin_is_tested():
    assert set(admin.site._registry) == set(CREATE)


def may_delete(role, model):
    request = RequestFactory().get("/")
    request.user = User(role=role)
    return admin.site.get_model_admin(model).has_delete_permission(request)


@pytest.mark.parametrize(("model", "references"), ROWS, ids=name)
def test_a_row_is_deleted_or_the_page_gives_a_reason(back_office, tenant, model, references):
    # Django refuses a role without the permission before it reads references, so such a role tries a row without any.
    for role in (role for role in Role.values if not references or may_delete(role, model)):
        browser, row = back_office(role), make(model, references, tenant)
        page = url(model, "delete", row.pk)
        for response in (browser.get(page), browser.post(page, {"post": "yes"})):
            assert response.status_code in {200, 302, 403}, (role, response.content)
        with tenant_scope(ALL_TENANTS):
            left = model.objects.filter(pk=row.pk, **({"is_deleted": False} if model is Customer else {})).exists()
        assert left is (response.status_code != 302), role
        if response.status_code == 200:
            assert "can’t be deleted" in text(response)
    trail = url(AuditEvent, "changelist")
    assert back_office("super_admin").get(trail).status_code == 200


@pytest.mark.parametrize(("model", "references"), [one for one in ROWS if len(one[1]) != 1], ids=name)
def test_no_action_of_a_list_crashes(back_office, tenant, model, references):
    for role in Role.values:
        browser = back_office(role)
        request = RequestFactory().get("/")
        request.user = browser.user
        with tenant_scope(tenant):
            actions = admin.site.get_model_admin(model).get_actions(request)
        for action in actions:
            row = make(model, references, tenant)
            answer = browser.post(url(model, "changelist"), {"action": action, ACTION_CHECKBOX_NAME: [row.pk]})
            assert answer.status_code < 500, (role, action)


def delete(browser, row):
    return browser.post(url(type(row), "delete", row.pk), {"post": "yes"})


def test_a_new_business_can_be_deleted(back_office, db):
    business = TenantFactory()
    assert delete(back_office("super_admin"), business).status_code == 302
    assert not Tenant.objects.filter(pk=business.pk).exists()


def test_an_empty_business_is_deleted_with_its_summary_rows(back_office, tenant):
    empty_business(tenant)
    tables = [CustomerMonthlyCounts, AppointmentDailyTotals, VisitCounts]
    with tenant_scope(tenant):
        assert all(table.objects.exists() for table in tables)
    assert delete(back_office("super_admin"), tenant).status_code == 302
    with tenant_scope(ALL_TENANTS):
        assert not any(table.objects.filter(tenant=tenant.pk).exists() for table in [*tables, CustomerTotals])


def test_audit_events_of_a_deleted_business_still_have_their_pages(back_office, tenant):
    browser = back_office("super_admin")
    assert delete(browser, tenant).status_code == 302
    with tenant_scope(ALL_TENANTS):
        events = list(AuditEvent.objects.filter(tenant=tenant.pk).order_by("-id"))
    assert [event.action for event in events] == ["deleted", "created"]
    assert browser.get(url(AuditEvent, "changelist")).status_code == 200
    for event in events:
        for page in ("change", "history"):
            assert browser.get(url(AuditEvent, page, event.pk)).status_code == 200


def test_the_refusal_for_a_business_lists_its_rows_and_suggests_to_suspend_it(back_office, tenant):
    for _ in range(2):
        AppointmentFactory(tenant=tenant)
    browser = back_office("super_admin")
    for answer in (browser.get(url(Tenant, "delete", tenant.pk)), delete(browser, tenant)):
        assert answer.status_code == 200
        page_text = text(answer)
        assert "The business “Lotus” can’t be deleted as long as there are: " in page_text
        for count in ("2 users", "2 outlets", "2 services", "2 customers", "2 appointments"):
            assert count in page_text
        assert "Suspend it instead" in page_text


def test_the_refusal_for_an_outlet_suggests_to_deactivate_it(back_office, tenant):
    outlet = AppointmentFactory(tenant=tenant).outlet
    page_text = text(delete(back_office("tenant_admin"), outlet))
    assert (
        f"The outlet “{outlet}” can’t be deleted as long as there are: 1 appointment Deactivate it instead" in page_text
    )


def test_references_to_a_row_are_counted_up_to_a_limit_and_not_read(
    back_office, tenant, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("tenants.admin.deletion.MAX_COUNTED", 3)
    outlet, service = OutletFactory(tenant=tenant), ServiceFactory(tenant=tenant)
    for number in range(5):
        customer = CustomerFactory(tenant=tenant, preferred_outlet=outlet)
        prefer(customer, preferred_services=[service.pk])
        AppointmentFactory(tenant=tenant, outlet=outlet, appointment_date=dt.date(2025, 1, 1 + number))
    browser = back_office("super_admin")
    with django_assert_max_num_queries(60):
        page_text = text(delete(browser, tenant))
    assert "3+ customers" in page_text
    assert "3+ appointments" in page_text
    # The rows that would be changed or deleted with it are too many for one request too.
    assert "3+ customers" in text(delete(browser, outlet))
    assert "3+ preferred services" in text(delete(browser, service))
    with tenant_scope(tenant):
        assert Outlet.objects.filter(pk=outlet.pk).exists()
        assert Service.objects.filter(pk=service.pk).exists()


def test_a_reference_that_only_the_database_knows_is_refused_before_the_commit(back_office, db):
    """An example is a new summary table whose rows are not deleted with their business."""
    business, browser = TenantFactory(), back_office("super_admin")
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE of_a_tenant (tenant_id text REFERENCES tenants_tenant DEFERRABLE INITIALLY DEFERRED)"
        )
        cursor.execute("INSERT INTO of_a_tenant VALUES (%s)", [business.pk])
    try:
        answer = delete(browser, business)
        assert answer.status_code == 302
        assert "It was not deleted, since something refers to it." in text(browser.get(answer.url))
        assert Tenant.objects.filter(pk=business.pk).exists()
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("DROP TABLE of_a_tenant")


def test_a_row_that_is_added_while_its_business_is_deleted_is_refused_with_a_reason(back_office, db):
    """The request that adds still sees the business. Its own COMMIT fails, since the business has been deleted."""
    business, browser, answers = TenantFactory(), back_office("super_admin"), []

    def adds():
        outlet = {"tenant": business.pk, "name": "Spa", "is_active": "on"}
        answers.append(browser.post(url(Outlet, "add"), outlet))
        connections.close_all()

    thread = Thread(target=adds)
    with transaction.atomic(), tenant_scope(business):
        Tenant.objects.filter(pk=business.pk).delete()
        thread.start()
        until_blocked()
    thread.join()
    [answer] = answers
    assert answer.status_code == 409
    assert "It contradicts what has been stored meanwhile." in text(answer)
