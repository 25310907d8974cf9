"""Bodies and answers of `app`."""

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, EmailStr, Field, PlainSerializer, StringConstraints

UtcTimestamp = Annotated[
    dt.datetime, PlainSerializer(lambda value: value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]


class Schema(BaseModel):
    """The base class. A schema is read from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True)


class Communication(Schema):
    """The channels by which the business may contact the customer."""

    email: bool
    sms: bool
    push_notifications: bool
    whatsapp: bool


class Preferences(Schema):
    """The preferences of a customer."""

    communication_preferences: Communication
    language: str
    marketing_consent: bool
    notes: str | None
    preferred_outlet_id: str | None
    preferred_services: list[str]
    preferred_staff_ids: list[str]
    preferred_categories: list[str]
    preferred_channel: str | None
    accessibility_needs: str | None


class CustomerOut(Schema):
    """A customer."""

    created_at: UtcTimestamp
    email: str | None
    email_verified: bool
    first_name: str
    gender: str | None
    id: str
    is_active: bool
    last_name: str | None
    loyalty_points: int
    phone: str | None
    preferences: Preferences
    total_appointments: int
    tags: list[str]
    has_password: bool
    source: str | None
    address: str | None
    date_of_birth: dt.date | None
    phone_verified: bool
    total_spent: int
    last_appointment_date: dt.date | None
    tenant_id: str
    updated_at: UtcTimestamp


class CustomerPage(Schema):
    """A page of customers."""

    items: list[CustomerOut]
    total: int
    page: int
    size: int
    pages: int


class Conflict(Schema):
    """Another customer with the e-mail or the phone."""

    field: str
    customer_id: str
    is_deleted: bool


class CustomerCreated(CustomerOut):
    """A customer who was just created."""

    possible_duplicates: list[Conflict]


class CustomerIn(BaseModel):
    """The body of a request that creates a customer."""

    first_name: Annotated[Name, Field(min_length=1)]
    last_name: Name | None = None
    email: EmailStr | None = None
    phone: Annotated[str, StringConstraints(max_length=32)] | None = None
    source: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=50)] | None = None
    tags: Annotated[list[str], Field(max_length=50)] = []


class ServiceOut(Schema):
    """The service booked."""

    id: str
    name: str
    category: Annotated[str | None, PlainSerializer(lambda value: value or None)]
    duration_minutes: int
    price: int


class Named(Schema):
    """A person or an outlet, by id and name."""

    id: str
    name: str


class Payment(Schema):
    """How an appointment was paid."""

    status: str
    method: str | None
    paid_amount: int


class AppointmentOut(Schema):
    """An appointment."""

    id: str
    tenant_id: str
    outlet_id: str
    customer_id: str | None
    staff_id: str
    service_id: str
    appointment_date: dt.date
    start_time: dt.time
    end_time: dt.time
    status: str
    total_price: int
    notes: str | None
    created_at: UtcTimestamp
    updated_at: UtcTimestamp
    service: ServiceOut
    staff: Named
    outlet: Named
    payment: Payment
    currency: str
    sequence: int
    walk_in: bool = Field(validation_alias="is_walk_in")
    buffer_minutes: int
    overrides: list[str]
    status_reason: str | None


class Slot(Schema):
    """A time at which a service can be booked."""

    appointment_date: dt.date
    start_time: dt.time
    end_time: dt.time
    starts_at: UtcTimestamp
    staff_id: str
    staff: Named
    outlet_id: str
    outlet: Named
    price: int
    currency: str


class Availability(Schema):
    """The times at which a service can be booked, in a range of days."""

    slots: list[Slot]
    from_date: dt.date
    to_date: dt.date


class HistoryFigures(Schema):
    """Counts over the whole history."""

    total_appointments: int
    completed: int
    cancelled: int
    no_show: int
    upcoming: int


class PageFigures(Schema):
    """The number and the size of a page, and the number of pages."""

    total: int
    page: int
    size: int
    pages: int


class History(Schema):
    """A page of appointments."""

    appointments: list[AppointmentOut]
    statistics: HistoryFigures
    pagination: PageFigures


class Summary(Schema):
    """The statistics."""

    statistics: dict[str, Any]
    period: dict[str, str | None]
    currencies: list[str]
    generated_at: str
