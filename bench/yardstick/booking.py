"""Circe's availability and booking, written with FastAPI and SQLAlchemy as one usually writes them: with loops in Python."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from bench.yardstick.dependencies import Session, TenantOfStaff
from bench.yardstick.models import (
    Appointment,
    Customer,
    Outlet,
    Service,
    ServiceStaff,
    Tenant,
    TimeOff,
    User,
    WorkingHours,
    new_id,
)
from bench.yardstick.schemas import AppointmentOut, Availability

router = APIRouter(prefix="/api/v1")
BLOCKING = ["pending", "confirmed", "in_progress"]
STAFF_LOCK = 3
Period = tuple[dt.datetime, dt.datetime]


class Booking(BaseModel):
    """The body of a request that books an appointment."""

    customer_id: str
    service_id: str
    outlet_id: str
    staff_id: str
    appointment_date: dt.date
    start_time: dt.time
    notes: str | None = None


def period(day: dt.date, start: dt.time, end: dt.time, buffer: int = 0) -> Period:
    """Returns the local begin and end. An end before the start is on the next day."""
    begin, finish = dt.datetime.combine(day, start), dt.datetime.combine(day, end)
    return begin, finish + dt.timedelta(days=finish < begin, minutes=buffer)


async def free_periods(
    db: AsyncSession,
    tenant: Tenant,
    service: Service,
    first: dt.date,
    last: dt.date,
    staff: str | None,
    outlet: str | None,
) -> dict[tuple[str, str], list[Period]]:
    """Returns when people who offer the service are free, by the ids of staff and outlet."""
    offering = set(
        await db.scalars(select(ServiceStaff.staff_id).filter_by(tenant_id=tenant.id, service_id=service.id))
    )
    hours = (
        select(WorkingHours)
        .join(User, User.id == WorkingHours.staff_id)
        .join(Outlet)
        .where(WorkingHours.tenant_id == tenant.id, User.is_active, Outlet.is_active)
    )
    if staff:
        hours = hours.where(WorkingHours.staff_id == staff)
    if outlet:
        hours = hours.where(WorkingHours.outlet_id == outlet)
    working: dict[tuple[str, str], list[Period]] = defaultdict(list)
    days = [first + dt.timedelta(days=number) for number in range(-1, (last - first).days + 2)]
    for row in await db.scalars(hours):
        if offering and row.staff_id not in offering:
            continue
        for day in days:
            starts = (row.valid_from or day) <= day <= (row.valid_to or day)
            if day.weekday() == row.weekday and starts:
                working[row.staff_id, row.outlet_id].append(period(day, row.start_time, row.end_time))
    taken: dict[str, list[Period]] = defaultdict(list)
    time_off = select(TimeOff).where(
        TimeOff.tenant_id == tenant.id,
        TimeOff.local_end > dt.datetime.combine(days[0], dt.time()),
        TimeOff.local_start < dt.datetime.combine(days[-1], dt.time()) + dt.timedelta(days=1),
    )
    for row in await db.scalars(time_off):
        taken[row.staff_id or row.outlet_id].append((row.local_start, row.local_end))
    appointments = await db.execute(
        select(
            Appointment.staff_id,
            Appointment.appointment_date,
            Appointment.start_time,
            Appointment.end_time,
            Appointment.buffer_minutes,
        ).where(
            Appointment.tenant_id == tenant.id,
            Appointment.staff_id.in_({person for person, _ in working}),
            Appointment.status.in_(BLOCKING),
            Appointment.appointment_date.between(days[0] - dt.timedelta(days=1), days[-1]),
        )
    )
    for person, *times in appointments:
        taken[person].append(period(*times))
    return {
        (person, place): list(subtract(joined(periods), sorted(taken[person] + taken[place])))
        for (person, place), periods in working.items()
    }


def joined(periods: list[Period]) -> list[Period]:
    """Returns the periods in order, those that touch as one."""
    found: list[Period] = []
    for begin, end in sorted(periods):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def subtract(periods: list[Period], taken: list[Period]) -> Iterator[Period]:
    """Yields what is left of the periods. Both lists are in order."""
    for begin, end in periods:
        for other_begin, other_end in taken:
            if other_end <= begin or other_begin >= end:
                continue
            if other_begin > begin:
                yield begin, other_begin
            begin = max(begin, other_end)
        if begin < end:
            yield begin, end


@router.get("/availability")
async def availability(
    db: Session,
    tenant: TenantOfStaff,
    service_id: str,
    from_date: dt.date,
    to_date: dt.date,
    staff_id: str | None = None,
    outlet_id: str | None = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
) -> Availability:
    """Answers the times at which the service can be booked, by start."""
    service = await find(db, Service, tenant, service_id)
    free = await free_periods(db, tenant, service, from_date, to_date, staff_id, outlet_id)
    people = {
        user.id: user.name for user in await db.scalars(select(User).where(User.id.in_({one for one, _ in free})))
    }
    places = {
        outlet.id: outlet.name
        for outlet in await db.scalars(select(Outlet).where(Outlet.id.in_({one for _, one in free})))
    }
    zone, grid = ZoneInfo(tenant.time_zone), dt.timedelta(minutes=tenant.slot_minutes)
    now = dt.datetime.now(zone).replace(tzinfo=None)
    first, last = dt.datetime.combine(from_date, dt.time()), dt.datetime.combine(to_date, dt.time.max)
    length, needed = service.duration_minutes, service.duration_minutes + service.buffer_minutes
    slots: list[dict[str, Any]] = []
    for (person, place), periods in free.items():
        for begin, end in periods:
            begin = max(begin, first, now)
            midnight = dt.datetime.combine(begin.date(), dt.time())
            start = midnight + -((midnight - begin) // grid) * grid
            while start <= last and start + dt.timedelta(minutes=needed) <= end:
                slots.append(
                    {
                        "appointment_date": start.date(),
                        "start_time": start.time(),
                        "end_time": (start + dt.timedelta(minutes=length)).time(),
                        "starts_at": start.replace(tzinfo=zone),
                        "staff_id": person,
                        "staff": {"id": person, "name": people[person]},
                        "outlet_id": place,
                        "outlet": {"id": place, "name": places[place]},
                        "price": service.price,
                        "currency": tenant.currency,
                    }
                )
                start += grid
    slots.sort(key=lambda slot: (slot["starts_at"], slot["staff"]["name"], slot["staff_id"]))
    return Availability.model_validate({"slots": slots[:limit], "from_date": from_date, "to_date": to_date})


@router.post("/appointments", status_code=201)
async def book(db: Session, tenant: TenantOfStaff, body: Booking) -> AppointmentOut:
    """Books an appointment if its time is free."""
    customer = await find(db, Customer, tenant, body.customer_id)
    if customer.is_deleted or not customer.is_active:
        raise HTTPException(409, "The customer is inactive.")
    service = await find(db, Service, tenant, body.service_id)
    await find(db, User, tenant, body.staff_id)
    await find(db, Outlet, tenant, body.outlet_id)
    start = dt.datetime.combine(body.appointment_date, body.start_time)
    end = start + dt.timedelta(minutes=service.duration_minutes)
    await db.execute(select(func.pg_advisory_xact_lock(STAFF_LOCK, func.hashtext(f"{tenant.id}{body.staff_id}"))))
    free = await free_periods(db, tenant, service, start.date(), end.date(), body.staff_id, body.outlet_id)
    wanted = end + dt.timedelta(minutes=service.buffer_minutes)
    if not any(first <= start and wanted <= last for periods in free.values() for first, last in periods):
        raise HTTPException(409, "That time is taken.")
    appointment = Appointment(
        id=new_id(),
        tenant_id=tenant.id,
        end_time=end.time(),
        total_price=service.price,
        status="confirmed",
        buffer_minutes=service.buffer_minutes,
        **body.model_dump(),
    )
    db.add(appointment)
    try:
        await db.commit()
    except IntegrityError as error:
        raise HTTPException(409, "That time is taken.") from error
    stored = await db.scalar(
        select(Appointment)
        .options(joinedload(Appointment.service), joinedload(Appointment.staff), joinedload(Appointment.outlet))
        .where(Appointment.id == appointment.id)
        .execution_options(populate_existing=True)
    )
    return as_appointment(stored, tenant.currency)


def as_appointment(appointment: Appointment, currency: str) -> AppointmentOut:
    """Returns the appointment as the API shows it."""
    appointment.currency = currency
    appointment.payment = {
        "status": appointment.payment_status,
        "method": appointment.payment_method,
        "paid_amount": appointment.paid_amount,
    }
    return AppointmentOut.model_validate(appointment)


async def find(db: AsyncSession, model: Any, tenant: Tenant, pk: str) -> Any:
    """Returns the row of the tenant. Answers 400 if there is none."""
    row = await db.scalar(select(model).where(model.tenant_id == tenant.id, model.id == pk))
    if row is None:
        raise HTTPException(400, f"There is no {model.__name__.lower()} with this id.")
    return row
