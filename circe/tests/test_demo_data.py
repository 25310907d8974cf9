"""The demo data show everything that a new user wants to see, and have nothing that Circe would refuse."""

import datetime as dt
from io import StringIO

import phonenumbers
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Count, F, Min, Q
from django.utils import timezone
from rest_framework.test import APIClient

from appointments.models import BLOCKING_STATUSES, Appointment, PaymentMethod, PaymentStatus, Status
from circe.db.ids import is_id
from circe.db.roles import as_owner
from customers.models import Customer
from customers.models.preferences import PreferredService, PreferredStaff
from tenants.identity import clean_phone, email_key
from tenants.models import Outlet, Role, Service, Staff, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope

# All tests run in one process, so that the demo data is loaded once.
pytestmark = [pytest.mark.slow("looks at each row of the demo data"), pytest.mark.xdist_group("demo_data")]

LOG_INS = {
    "super@circe.test": ("super_admin", None),
    "admin@lotus.test": ("tenant_admin", "lotus"),
    "manager@lotus.test": ("outlet_manager", "lotus"),
    "staff@lotus.test": ("staff", "lotus"),
    "admin@nordlys.test": ("tenant_admin", "nordlys"),
    "manager@nordlys.test": ("outlet_manager", "nordlys"),
    "staff@nordlys.test": ("staff", "nordlys"),
}


@pytest.fixture(scope="module", autouse=True)
def demo(django_db_setup, django_db_blocker):
    """Loads the default demo data, once for all of these tests."""
    with django_db_blocker.unblock():
        call_command("seed_demo", stdout=StringIO())
        yield
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE tenants_tenant, tenants_user, tenants_loginfailure, tenants_auditevent CASCADE")


@pytest.fixture(params=["lotus", "nordlys"])
def tenant(request, db):
    """Opens the scope of each of the two tenants."""
    tenant = Tenant.objects.get(slug=request.param)
    with tenant_scope(tenant):
        yield tenant


@pytest.fixture
def every_tenant(db):
    with tenant_scope(ALL_TENANTS):
        yield


def log_in(email):
    client = APIClient()
    answer = client.post("/api/v1/auth/login", {"email": email, "password": "circe-demo"})
    if answer.status_code == 200:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return answer.status_code, client


@pytest.mark.django_db
@pytest.mark.parametrize("email", LOG_INS)
def test_the_documented_log_ins_work(email):
    status, client = log_in(email)
    assert status == 200
    me = client.get("/api/v1/auth/me").json()
    user = User.objects.get(email=email)
    assert (me["email"], me["role"], user.tenant and user.tenant.slug) == (email, *LOG_INS[email])
    assert client.get("/api/v1/customers").json()["total"] > 400


@pytest.mark.django_db
def test_a_log_in_leaves_the_password_as_it_was():
    before = User.objects.get(email="staff@lotus.test").password
    log_in("staff@lotus.test")
    assert User.objects.get(email="staff@lotus.test").password == before


@pytest.mark.django_db
def test_nobody_else_can_sign_in():
    others = User.objects.exclude(email__in=LOG_INS)
    assert others.count() >= 4
    assert [user.email for user in others if user.has_usable_password()] == []
    assert log_in(others.first().email)[0] == 401


@pytest.mark.django_db
def test_there_are_the_two_documented_tenants():
    fields = ("slug", "time_zone", "currency", "phone_region", "language", "is_active", "is_demo")
    assert list(Tenant.objects.order_by("slug").values_list(*fields)) == [
        ("lotus", "Asia/Jakarta", "IDR", "ID", "id", True, True),
        ("nordlys", "Europe/Oslo", "NOK", "NO", "nb", True, True),
    ]


def test_each_tenant_has_500_customers_and_3000_appointments(tenant):
    assert (Customer.objects.count(), Appointment.objects.count()) == (500, 3000)


def test_each_tenant_has_outlets_services_and_staff(tenant):
    assert Outlet.objects.count() >= 2
    assert Service.objects.count() >= 10
    assert Service.objects.values("category").distinct().count() >= 3
    assert Staff.objects.filter(role=Role.STAFF).count() >= 5


def test_every_segment_has_customers(tenant):
    client = log_in(f"admin@{tenant.slug}.test")[1]
    statistics = client.get("/api/v1/customers/statistics/summary").json()["statistics"]
    assert [segment for segment, count in statistics["customer_segments"].items() if not count] == []
    assert sum(statistics["customer_segments"].values()) == statistics["total_customers"] > 400
    figures = ("inactive_customers", "deleted_customers", "verified_emails", "walk_in_customers", "total_revenue")
    assert [name for name in figures if not statistics[name]] == []
    assert len(statistics["top_customers_by_revenue"]) == 10


def test_there_are_appointments_of_every_status_and_payment(tenant):
    appointments = Appointment.objects.order_by()
    assert set(appointments.values_list("status", flat=True)) == set(Status)
    assert set(appointments.values_list("payment_status", flat=True)) == set(PaymentStatus)
    assert set(appointments.values_list("payment_method", flat=True)) <= {*PaymentMethod, None}
    assert not appointments.filter(payment_status="paid").exclude(paid_amount=F("total_price")).exists()
    assert not appointments.filter(paid_amount__gt=0, payment_method=None).exists()
    assert appointments.exclude(notes=None).exists()


@pytest.mark.parametrize(
    "condition",
    [
        Q(password=None),
        Q(password__isnull=False),
        Q(email_verified=True),
        Q(email_verified=False, email__isnull=False),
        Q(email=None),
        Q(phone=None),
        Q(tags__contains=["vip"]),
        Q(tags__contains=["regular"]),
        Q(tags__len=1),
        Q(is_deleted=True),
        Q(is_deleted=False, is_active=False),
        Q(last_name=None),
        Q(first_name__regex=r"[^\x01-\x7f]"),
        Q(first_name__contains="'") | Q(first_name__contains="-"),
        Q(gender=None),
        Q(gender="female"),
        Q(gender="male"),
        Q(gender="non_binary"),
        Q(gender="undisclosed"),
        Q(date_of_birth__isnull=False),
        Q(address__isnull=False),
        Q(notes__isnull=False),
        Q(accessibility_needs__isnull=False),
        Q(preferred_outlet__isnull=False),
        Q(preferred_categories__len__gt=0),
        Q(language="en"),
        Q(accepts_whatsapp=True, marketing_consent=True),
        Q(loyalty_points__gt=100),
        ~Q(email=F("email_key")),
    ],
    ids=str,
)
def test_there_are_customers_of_every_kind(tenant, condition):
    assert Customer.objects.filter(condition).exists()


def test_there_are_preferred_services_and_staff(tenant):
    for model in (PreferredService, PreferredStaff):
        assert {row.position for row in model.objects.all()} == {0, 1}


def test_there_are_bookings_today_and_in_the_next_weeks(tenant):
    today = timezone.now().astimezone(tenant.zone).date()
    blocking = Appointment.objects.filter(status__in=BLOCKING_STATUSES)
    assert blocking.filter(appointment_date=today, status__in=["pending", "confirmed"]).exists()
    for week in range(4):
        first = today + dt.timedelta(1 + 7 * week)
        assert blocking.filter(appointment_date__range=(first, first + dt.timedelta(6))).exists()
    assert not blocking.filter(appointment_date__lt=today).exists()
    assert not Appointment.objects.filter(appointment_date__gt=today, status__in=["completed", "no_show"]).exists()
    assert not Appointment.objects.filter(Q(start_time__lt=dt.time(9)) | Q(end_time__gt=dt.time(20))).exists()


def test_the_history_covers_three_years_and_has_no_future_timestamps(tenant):
    today = timezone.now().astimezone(tenant.zone).date()
    spread = Customer.objects.order_by().values_list("created_at__year").annotate(Count("pk"))
    assert len(spread) >= 3
    first = Appointment.objects.aggregate(day=Min("appointment_date"))["day"]
    assert dt.timedelta(2 * 365) < today - first <= dt.timedelta(3 * 365)
    for model in (Customer, Appointment, PreferredService, PreferredStaff, Outlet, Service, Staff):
        assert not model.objects.filter(Q(created_at__gt=timezone.now()) | Q(updated_at__gt=timezone.now())).exists()
        assert not model.objects.filter(updated_at__lt=F("created_at")).exists()


def test_no_appointment_is_before_the_creation_of_its_customer(tenant):
    """The customer was not deleted before the appointment either."""
    for appointment in Appointment.objects.select_related("customer"):
        customer = appointment.customer
        start = dt.datetime.combine(appointment.appointment_date, appointment.start_time, tenant.zone)
        assert customer.created_at < appointment.created_at < start
        assert not customer.is_deleted or customer.deleted_at > start


def test_ids_begin_with_the_time_of_creation(every_tenant):
    for model in (Tenant, User, Outlet, Service, Customer, Appointment, PreferredService, PreferredStaff):
        for pk, created_at in model.objects.values_list("pk", "created_at"):
            assert is_id(pk)
            assert int(pk[:8], 16) == created_at.timestamp()


def test_a_member_of_staff_never_has_two_appointments_at_once(tenant):
    """It holds for every status, although the database requires it only for those that block time."""
    days = Appointment.objects.order_by("staff_id", "appointment_date", "start_time")
    end = None
    for *whose, start_time, end_time in days.values_list("staff_id", "appointment_date", "start_time", "end_time"):
        assert end is None or end[0] != whose or end[1] <= start_time
        end = (whose, end_time)


def test_contacts_are_canonical_and_reach_no_real_person(tenant):
    for customer in Customer.objects.all():
        if customer.email:
            assert customer.email_key == email_key(customer.email)
            assert customer.email_key.endswith((".test", "@example.com", "@example.net", "@example.org"))
        if customer.phone:
            assert customer.phone == clean_phone(customer.phone)
            number = phonenumbers.parse(customer.phone)
            assert phonenumbers.is_valid_number(number)
            assert phonenumbers.region_code_for_number(number) == tenant.phone_region


def test_every_row_is_valid(tenant):
    for model in (Customer, Outlet, Service, PreferredService, PreferredStaff):
        for row in model.objects.order_by("?")[:100]:
            row.full_clean()
    for appointment in Appointment.objects.order_by("?")[:30]:
        appointment.full_clean()
    for user in Staff.objects.all():
        user.full_clean()
    tenant.full_clean()


def test_saving_an_unchanged_row_changes_nothing(tenant):
    for customer in Customer.objects.order_by("?")[:50]:
        fields = [field.attname for field in Customer._meta.concrete_fields if field.attname != "updated_at"]
        before = [getattr(customer, name) for name in fields]
        customer.save()
        customer.refresh_from_db()
        assert [getattr(customer, name) for name in fields] == before


def test_tags_say_how_the_customer_was_registered(tenant):
    for customer in Customer.objects.all():
        expected = ["self-registered"] if customer.has_password else ["staff-created", "walk-in"]
        assert customer.tags[: len(expected)] == expected


def test_points_follow_from_the_spending_of_visits(tenant):
    unit = {"IDR": 10_000, "NOK": 10}[tenant.currency]
    for customer in Customer.objects.with_profile():
        earned = customer.total_spent // unit
        assert customer.loyalty_points in (earned, earned % 500)


def test_the_search_finds_a_demo_customer(tenant):
    customer = Customer.objects.undeleted().exclude(phone=None).exclude(last_name=None).first()
    client = log_in(f"staff@{tenant.slug}.test")[1]
    found = client.get("/api/v1/customers", {"search": f"{customer.last_name} {customer.phone}"}).json()["items"]
    assert [item["id"] for item in found] == [customer.pk]
