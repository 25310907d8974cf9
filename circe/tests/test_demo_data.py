"""The demo data show everything that a new user wants to see, and have nothing that Circe would refuse."""

import datetime as dt
from collections import Counter

import phonenumbers
import pytest
import time_machine
from django.contrib.auth.hashers import check_password
from django.db.models import Count, F, Min, Q
from django.utils import timezone
from rest_framework.test import APIClient

from appointments.availability import find_slots
from appointments.models import (
    BLOCKING_STATUSES,
    Appointment,
    PaymentMethod,
    PaymentStatus,
    Status,
    TimeOff,
    WorkingHours,
)
from appointments.models.schedule import read_schedules
from circe.db.ids import is_id
from circe.tests.demo_data import loaded_demo_data
from customers.models import Consent, Customer
from customers.models.preferences import PreferredService, PreferredStaff
from tenants.identity import clean_phone, email_key
from tenants.models import Outlet, Role, Service, ServiceStaff, Staff, Tenant, User
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
    """Loads the default demo data, once for all of these tests. The time stands still: the data are those of a day."""
    with (
        django_db_blocker.unblock(),
        time_machine.travel(dt.datetime.now(dt.UTC), tick=False),
        loaded_demo_data(),
    ):
        yield


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
    models = (Tenant, User, Outlet, Service, ServiceStaff, WorkingHours, TimeOff)
    for model in (*models, Customer, Appointment, PreferredService, PreferredStaff):
        for pk, created_at in model.objects.values_list("pk", "created_at"):
            assert is_id(pk)
            assert int(pk[:8], 16) == created_at.timestamp()


def test_a_member_of_staff_never_has_two_appointments_at_once(tenant):
    """It holds for every status, although the database requires it only for those that block time."""
    earlier = None
    for appointment in Appointment.objects.order_by("staff_id", "appointment_date", "start_time"):
        assert (
            earlier is None
            or earlier.staff_id != appointment.staff_id
            or earlier.occupied[1] <= appointment.occupied[0]
        )
        earlier = appointment


def test_every_appointment_could_be_booked_as_it_is(tenant):
    """Past ones are held to the same rules: hours, validity, time off, closing days, and who offers the service."""
    today = dt.datetime.combine(timezone.now().astimezone(tenant.zone), dt.time())
    period = {"first": today - dt.timedelta(4 * 365), "last": today + dt.timedelta(365)}
    schedules = {(one.staff_id, one.outlet_id): one for one in read_schedules(tenant.pk, **period)}
    offers = {*ServiceStaff.objects.values_list("service_id", "staff_id")}
    limited = {service for service, _ in offers}
    reasons = Counter()
    for appointment in Appointment.objects.all():
        # A member of staff never has two at once, as another test shows.
        schedule = schedules[appointment.staff_id, appointment.outlet_id]._replace(booked=[])
        reasons[tuple(schedule.find_conflicts(*appointment.occupied))] += 1
        service = appointment.service_id
        assert service not in limited or (service, appointment.staff_id) in offers
    assert reasons == {(): 3000}


def test_there_are_appointments_over_midnight_and_with_buffers(tenant):
    appointments = Appointment.objects.order_by()
    assert appointments.filter(end_time__lt=F("start_time"), end_time__gt=dt.time()).exists()
    assert {0, 10, 15} <= {*appointments.values_list("buffer_minutes", flat=True)}
    assert not appointments.exclude(buffer_minutes=F("service__buffer_minutes")).exists()


def test_everybody_who_attends_customers_has_working_hours(tenant):
    attending = set(Appointment.objects.values_list("staff_id", flat=True))
    assert attending <= set(WorkingHours.objects.values_list("staff_id", flat=True))
    assert set(Staff.objects.filter(role=Role.STAFF).values_list("pk", flat=True)) >= attending
    outlets = Outlet.objects.values_list("pk", flat=True)
    assert set(WorkingHours.objects.values_list("outlet_id", flat=True)) == set(outlets)


def test_there_are_working_hours_of_every_kind(tenant):
    hours = WorkingHours.objects.order_by()
    today = timezone.now().astimezone(tenant.zone).date()
    assert hours.filter(end_time__lt=F("start_time")).exists(), "nights over midnight"
    assert hours.filter(valid_to__lt=today).exists(), "hours that are over"
    assert hours.filter(valid_from__lte=today).exists(), "hours that have changed"
    by_day = hours.filter(valid_to=None).values("staff", "weekday").annotate(n=Count("pk"))
    assert by_day.filter(n=2).exists(), "split days"
    days = {row["staff"]: row["n"] for row in hours.values("staff").annotate(n=Count("weekday", distinct=True))}
    assert {3, 5} <= {*days.values()}, "part-timers and others"
    outlets = hours.values("staff").annotate(n=Count("outlet", distinct=True))
    assert outlets.filter(n=2).exists(), "somebody works at two outlets"
    assert {*hours.values_list("weekday", flat=True)} == {*range(7)}


def test_working_hours_of_a_person_never_overlap(tenant):
    """As an independent count: a week of minutes for each person, today."""
    today = timezone.now().astimezone(tenant.zone).date()
    current = Q(valid_from=None) | Q(valid_from__lte=today), Q(valid_to=None) | Q(valid_to__gte=today)
    minutes = Counter()
    for hours in WorkingHours.objects.filter(*current):
        start, end = (time.hour * 60 + time.minute for time in (hours.start_time, hours.end_time))
        for minute in range(start, end + 24 * 60 * (end < start)):
            minutes[hours.staff_id, (hours.weekday * 24 * 60 + minute) % (7 * 24 * 60)] += 1
    assert {*minutes.values()} == {1}


def test_there_is_time_off_of_people_and_outlets_in_the_past_and_to_come(tenant):
    now = timezone.now().astimezone(tenant.zone).replace(tzinfo=None)
    for owner in ("staff", "outlet"):
        time_off = TimeOff.objects.filter(**{f"{owner}__isnull": False})
        assert time_off.filter(local_end__lt=now).exists()
        assert time_off.filter(local_start__gt=now).exists()
    assert TimeOff.objects.filter(local_start__time__gt=dt.time(), staff__isnull=False).exists(), "a part of a day"
    assert not TimeOff.objects.filter(reason="").exists()


def test_some_services_are_offered_by_some_people_and_others_by_everybody(tenant):
    offered = set(ServiceStaff.objects.values_list("service_id", flat=True))
    everything = set(Service.objects.values_list("pk", flat=True))
    assert everything > offered > set()
    people = Staff.objects.filter(role=Role.STAFF).count()
    for service in offered:
        assert 0 < ServiceStaff.objects.filter(service=service).count() < people


def test_there_is_something_to_book_in_the_next_weeks(tenant):
    now = timezone.now().astimezone(tenant.zone).replace(tzinfo=None)
    for service in Service.objects.select_related("tenant"):
        assert find_slots(service, first=now, last=now + dt.timedelta(28), limit=1), service


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
    for model in (Appointment, ServiceStaff, WorkingHours, TimeOff):
        for row in model.objects.order_by("?")[:30]:
            row.full_clean()
    for user in Staff.objects.all():
        user.full_clean()
    tenant.full_clean()


def test_saving_an_unchanged_row_changes_nothing(tenant):
    for customer in Customer.objects.order_by("?")[:50]:
        fields = [
            field.attname
            for field in Customer._meta.concrete_fields
            if field.attname not in ("updated_at", "changed_at")
        ]
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


def test_a_customer_who_comes_often_can_sign_in_to_the_portal(tenant):
    [customer] = Customer.objects.able_to_sign_in().filter(email_key=f"customer@{tenant.slug}.test")
    assert check_password("circe-demo", customer.password)
    assert customer.appointments.count() > 5


def test_the_ledger_says_what_the_booleans_of_the_customers_say(tenant):
    said = {
        (entry.customer_id, entry.purpose, entry.channel): entry.state == "granted" for entry in Consent.objects.all()
    }
    for customer in Customer.objects.all():
        for channel, at_first in {"email": True, "sms": True, "push": True, "whatsapp": False}.items():
            accepted = said.pop((customer.pk, "service", channel), at_first)
            assert getattr(customer, f"accepts_{channel}") == accepted
            assert customer.marketing_consent == said.pop((customer.pk, "marketing", channel), False)
    assert not said
