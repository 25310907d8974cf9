"""SQLAlchemy's models of the tables that `app` reads and writes."""

import datetime as dt
import secrets
import time

from sqlalchemy import BigInteger, DateTime, ForeignKey, String, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship


def new_id() -> str:
    """Returns a new id: seconds and random digits."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


class Base(DeclarativeBase):
    """The base class of the models."""

    type_annotation_map = {list[str]: ARRAY(String), dt.datetime: DateTime(timezone=True)}


class Tenant(Base):
    """A business."""

    __tablename__ = "tenants_tenant"

    id: Mapped[str] = mapped_column(primary_key=True)
    time_zone: Mapped[str]
    currency: Mapped[str]
    phone_region: Mapped[str]
    language: Mapped[str]
    is_active: Mapped[bool]
    at_risk_after_days: Mapped[int]
    new_within_days: Mapped[int]
    vip_min_visits: Mapped[int]
    vip_top_percent: Mapped[int]
    slot_minutes: Mapped[int]


class User(Base):
    """A person with an account."""

    __tablename__ = "tenants_user"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey(Tenant.id))
    role: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    is_active: Mapped[bool]
    tenant: Mapped[Tenant | None] = relationship(lazy="raise")

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class LoginSession(Base):
    """A log-in. Its tokens are valid until it has ended."""

    __tablename__ = "tenants_loginsession"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey(User.id))
    ended_at: Mapped[dt.datetime | None]


class Outlet(Base):
    """A branch of a business."""

    __tablename__ = "tenants_outlet"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    is_active: Mapped[bool]


class Service(Base):
    """Something that can be booked."""

    __tablename__ = "tenants_service"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    category: Mapped[str]
    duration_minutes: Mapped[int]
    buffer_minutes: Mapped[int]
    price: Mapped[int]


class ServiceStaff(Base):
    """A member of staff who offers a service."""

    __tablename__ = "tenants_servicestaff"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    service_id: Mapped[str]
    staff_id: Mapped[str]


class WorkingHours(Base):
    """A time of the week in which a member of staff works at an outlet."""

    __tablename__ = "appointments_workinghours"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    staff_id: Mapped[str] = mapped_column(ForeignKey(User.id))
    outlet_id: Mapped[str] = mapped_column(ForeignKey(Outlet.id))
    weekday: Mapped[int]
    start_time: Mapped[dt.time]
    end_time: Mapped[dt.time]
    valid_from: Mapped[dt.date | None]
    valid_to: Mapped[dt.date | None]


class TimeOff(Base):
    """A time in which a member of staff is away or an outlet is closed, in local time."""

    __tablename__ = "appointments_timeoff"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    staff_id: Mapped[str | None]
    outlet_id: Mapped[str | None]
    local_start: Mapped[dt.datetime] = mapped_column(DateTime(timezone=False))
    local_end: Mapped[dt.datetime] = mapped_column(DateTime(timezone=False))


class Customer(Base):
    """A person whom a business serves."""

    __tablename__ = "customers_customer"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[str] = mapped_column(ForeignKey(Tenant.id))
    created_at: Mapped[dt.datetime] = mapped_column(default=func.now())
    updated_at: Mapped[dt.datetime] = mapped_column(default=func.now())
    first_name: Mapped[str]
    last_name: Mapped[str | None]
    email: Mapped[str | None]
    email_key: Mapped[str | None] = mapped_column(deferred=True)
    email_verified: Mapped[bool] = mapped_column(default=False)
    phone: Mapped[str | None]
    phone_verified: Mapped[bool] = mapped_column(default=False)
    password: Mapped[str | None] = mapped_column(deferred=True)
    gender: Mapped[str | None]
    date_of_birth: Mapped[dt.date | None]
    address: Mapped[str | None]
    tags: Mapped[list[str]]
    source: Mapped[str | None]
    loyalty_points: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_deleted: Mapped[bool] = mapped_column(default=False)
    accepts_email: Mapped[bool] = mapped_column(default=True)
    accepts_sms: Mapped[bool] = mapped_column(default=True)
    accepts_push: Mapped[bool] = mapped_column(default=True)
    accepts_whatsapp: Mapped[bool] = mapped_column(default=False)
    marketing_consent: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str]
    preferred_outlet_id: Mapped[str | None]
    preferred_categories: Mapped[list[str]] = mapped_column(default=list)
    preferred_channel: Mapped[str | None]
    accessibility_needs: Mapped[str | None]
    notes: Mapped[str | None]

    has_password: Mapped[bool] = column_property(password.is_not(None))


class PreferredService(Base):
    """A service that a customer prefers."""

    __tablename__ = "customers_preferredservice"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    customer_id: Mapped[str]
    position: Mapped[int]
    service_id: Mapped[str]


class PreferredStaff(Base):
    """A member of staff whom a customer prefers."""

    __tablename__ = "customers_preferredstaff"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    customer_id: Mapped[str]
    position: Mapped[int]
    staff_id: Mapped[str]


class Appointment(Base):
    """An appointment of a customer with a member of staff."""

    __tablename__ = "appointments_appointment"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    outlet_id: Mapped[str] = mapped_column(ForeignKey(Outlet.id))
    customer_id: Mapped[str | None]
    staff_id: Mapped[str] = mapped_column(ForeignKey(User.id))
    service_id: Mapped[str] = mapped_column(ForeignKey(Service.id))
    appointment_date: Mapped[dt.date]
    start_time: Mapped[dt.time]
    end_time: Mapped[dt.time]
    buffer_minutes: Mapped[int] = mapped_column(default=0)
    status: Mapped[str]
    total_price: Mapped[int] = mapped_column(BigInteger)
    notes: Mapped[str | None]
    payment_status: Mapped[str] = mapped_column(default="unpaid")
    payment_method: Mapped[str | None]
    paid_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    sequence: Mapped[int] = mapped_column(default=0)
    is_walk_in: Mapped[bool] = mapped_column(default=False)
    overrides: Mapped[list[str]] = mapped_column(default=list)
    status_reason: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=func.now())
    updated_at: Mapped[dt.datetime] = mapped_column(default=func.now())

    outlet: Mapped[Outlet] = relationship(lazy="raise")
    staff: Mapped[User] = relationship(lazy="raise")
    service: Mapped[Service] = relationship(lazy="raise")
