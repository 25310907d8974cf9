"""The database writes the JSON that the serializers show: the documented keys, values and types."""

import datetime as dt

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.models import FIRST_DAY, LAST_DAY, Appointment, PaymentMethod
from appointments.serializers import AppointmentSerializer
from appointments.tests.factories import AppointmentFactory
from circe.db.json_sql import build_json
from customers.models import PREFERENCE_MODELS, Customer, Gender
from customers.serializers import CustomerSerializer
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

# PostgreSQL has no NUL, and UTF-8 no halves of surrogate pairs.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
maybe = st.none() | texts
instants = st.integers(-(2**31), 2**33).map(lambda n: dt.datetime.fromtimestamp(n / 7, dt.UTC))
days = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
appointment_days = st.dates(FIRST_DAY, LAST_DAY)
clocks = st.times(max_value=dt.time(11, 59)).map(lambda time: time.replace(microsecond=0))
amounts = st.integers(0, 10**12)
random = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])

CUSTOMERS = st.fixed_dictionaries(
    {
        "first_name": texts, "last_name": maybe, "email": maybe, "phone_verified": st.booleans(),
        "password": st.none() | st.just("a-hash"), "gender": st.none() | st.sampled_from(Gender.values),
        "date_of_birth": st.none() | days, "address": maybe, "tags": st.lists(texts, max_size=3), "source": maybe,
        "loyalty_points": st.integers(0, 2**31 - 1), "is_active": st.booleans(), "marketing_consent": st.booleans(),
        "accepts_sms": st.booleans(), "language": texts, "preferred_categories": st.lists(texts, max_size=3),
        "accessibility_needs": maybe, "notes": maybe, "created_at": instants, "updated_at": instants,
    }
)  # fmt: skip
APPOINTMENTS = st.fixed_dictionaries(
    {
        "appointment_date": appointment_days, "start_time": clocks, "total_price": amounts,
        "notes": maybe, "payment_method": st.none() | st.sampled_from(PaymentMethod.values), "paid_amount": amounts,
        "created_at": instants, "updated_at": instants,
    }
)  # fmt: skip


def written(rows, serializer):
    """Returns the JSON that the database writes for the rows, in the order of their ids."""
    texts = rows.order_by("pk").annotate(written=build_json(serializer)).values_list("written", flat=True)
    return [orjson.loads(text) for text in texts]


def shown(rows, serializer):
    """Returns the JSON that the serializer shows for them."""
    return orjson.loads(orjson.dumps(serializer(rows.order_by("pk"), many=True).data))


@pytest.fixture
def two(in_scope):
    """Two customers, of whom one has been here and has favourites, and an appointment."""
    regular, other_tenant = (CustomerFactory(tenant=in_scope, phone=f"+62811111111{n}") for n in range(2))
    outlet, services = OutletFactory(tenant=in_scope), [ServiceFactory(tenant=in_scope) for _ in range(2)]
    staff = UserFactory(tenant=in_scope)
    for service in services:
        shared = {"customer": regular, "service": service, "outlet": outlet, "staff_id": staff.pk}
        AppointmentFactory(tenant=in_scope, **shared, end_time=dt.time(12))
    for name, ids in {
        "preferred_services": [service.pk for service in services],
        "preferred_staff_ids": [staff.pk],
    }.items():
        model, column = PREFERENCE_MODELS[name]
        for position, pk in enumerate(ids):
            model.objects.create(customer=regular, position=position, **{column: pk})
    Customer.objects.filter(pk=regular.pk).update(preferred_outlet=outlet)
    return regular, other_tenant


@random
@given(values=CUSTOMERS)
def test_a_customer(two, values):
    if not values["email"]:
        values["password"] = None
    Customer.objects.filter(pk=two[0].pk).update(**values, email_key=values["email"])
    customers = Customer.objects.with_profile()
    assert written(customers, CustomerSerializer) == shown(customers, CustomerSerializer)
    regular = next(one for one in written(customers, CustomerSerializer) if one["id"] == two[0].pk)
    assert regular.keys() == CustomerSerializer().fields.keys() - {"password", "tags_add", "tags_remove"}
    assert "a-hash" not in str(regular)
    assert regular["has_password"] is (values["password"] is not None)
    assert len(regular["preferences"]["preferred_services"]) == 2


@random
@given(values=APPOINTMENTS, category=st.just("") | texts, name=st.just("") | texts.map(str.strip))
def test_an_appointment(two, values, category, name):
    Appointment.objects.update(**values)
    first = Appointment.objects.select_related("service", "staff").order_by("pk")[0]
    type(first.service).objects.filter(pk=first.service_id).update(category=category)
    type(first.staff).objects.filter(pk=first.staff_id).update(last_name=name)
    appointments = Appointment.objects.select_related("tenant", "service", "staff", "outlet")
    assert written(appointments, AppointmentSerializer) == shown(appointments, AppointmentSerializer)


def test_money_of_a_lifetime_is_a_whole_number(two):
    Appointment.objects.update(total_price=10**12, status="completed")
    (regular,) = written(Customer.objects.with_profile().filter(pk=two[0].pk), CustomerSerializer)
    assert regular["total_spent"] == 2 * 10**12
    assert isinstance(regular["total_spent"], int)
