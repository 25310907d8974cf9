"""Five of Circe's endpoints, written with FastAPI and SQLAlchemy.

    uvicorn bench.yardstick.app:app --workers 2

The environment variables `DATABASE_URL` and `JWT_SIGNING_KEY` have Circe's values.
"""

import datetime as dt
import json
import math
import unicodedata
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import phonenumbers
from fastapi import Depends, FastAPI, HTTPException, Query
from sqlalchemy import ColumnElement, Select, TextClause, and_, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by, array_agg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from bench import floor
from bench.one_pass import ONE_PASS, Business, parameters, summary
from bench.yardstick import booking
from bench.yardstick.dependencies import Session, TenantOfAdmin, TenantOfStaff, current_user
from bench.yardstick.models import (
    Appointment,
    Customer,
    PreferredService,
    PreferredStaff,
    Tenant,
    User,
    new_id,
)
from bench.yardstick.schemas import (
    Conflict,
    CustomerCreated,
    CustomerIn,
    CustomerOut,
    CustomerPage,
    History,
    HistoryFigures,
    PageFigures,
    Summary,
)
from bench.yardstick.search import condition

app = FastAPI()
app.include_router(booking.router)
CUSTOMERS = "/api/v1/customers"


Page = Annotated[int, Query(ge=1, le=2**31 - 1)]
Size = Annotated[int, Query(ge=1, le=100)]


def preferred(model: type[PreferredService] | type[PreferredStaff], column: Any) -> ColumnElement:
    """Returns the expression of the ids of a customer's preferred rows, in order."""
    return (
        select(func.coalesce(array_agg(aggregate_order_by(column, model.position)), text("'{}'")))
        .where(model.tenant_id == Customer.tenant_id, model.customer_id == Customer.id)
        .correlate(Customer)
        .scalar_subquery()
    )


visit = Appointment.status == "completed"
totals = (
    select(
        func.count().label("total_appointments"),
        func.coalesce(func.sum(Appointment.total_price).filter(visit), 0).label("total_spent"),
        func.max(Appointment.appointment_date).filter(visit).label("last_appointment_date"),
    )
    .where(Appointment.tenant_id == Customer.tenant_id, Appointment.customer_id == Customer.id)
    .correlate(Customer)
    .lateral()
)
profiles = select(
    Customer,
    totals,
    preferred(PreferredService, PreferredService.service_id).label("preferred_services"),
    preferred(PreferredStaff, PreferredStaff.staff_id).label("preferred_staff_ids"),
).join(totals, text("true"))


def as_customer(row: Any) -> dict[str, Any]:
    """Returns the values of CustomerOut, from a row of `profiles`."""
    customer = row.Customer
    return {
        **{name: getattr(customer, name) for name in CUSTOMER_FIELDS},
        "total_appointments": row.total_appointments,
        "total_spent": row.total_spent,
        "last_appointment_date": row.last_appointment_date,
        "preferences": {
            "communication_preferences": {
                "email": customer.accepts_email,
                "sms": customer.accepts_sms,
                "push_notifications": customer.accepts_push,
                "whatsapp": customer.accepts_whatsapp,
            },
            "language": customer.language,
            "marketing_consent": customer.marketing_consent,
            "notes": customer.notes,
            "preferred_outlet_id": customer.preferred_outlet_id,
            "preferred_services": row.preferred_services,
            "preferred_staff_ids": row.preferred_staff_ids,
            "preferred_categories": customer.preferred_categories,
            "preferred_channel": customer.preferred_channel,
            "accessibility_needs": customer.accessibility_needs,
        },
    }


CUSTOMER_FIELDS = [name for name in CustomerOut.model_fields if hasattr(Customer, name)]


@app.get("/healthz")
async def healthz() -> None:
    """Answers 200 while the process runs."""


def bound(sql: str, words: dict[str, str]) -> TextClause:
    """Returns the SQL with those of the parameters that it names."""
    return text(sql).bindparams(**{name: word for name, word in words.items() if f":{name})" in sql})


@app.get(CUSTOMERS)
async def list_customers(
    db: Session,
    tenant: TenantOfStaff,
    page: Page = 1,
    size: Size = 20,
    search: Annotated[str | None, Query(max_length=100)] = None,
    tags: str | None = None,
    has_password: bool | None = None,
    email_verified: bool | None = None,
    created_from: dt.date | None = None,
    created_to: dt.date | None = None,
) -> CustomerPage:
    """Answers a page of the customers that match the parameters, newest first."""
    zone = ZoneInfo(tenant.time_zone)
    conditions: list[Any] = [Customer.tenant_id == tenant.id, ~Customer.is_deleted]
    begins = ""
    if search:
        sql, begins, words = condition(search, tenant.phone_region)
        conditions.append(bound(sql, words))
    if tags:
        conditions.append(Customer.tags.overlap([tag.strip().lower() for tag in tags.split(",")]))
    if has_password is not None:
        conditions.append(Customer.has_password if has_password else ~Customer.has_password)
    if email_verified is not None:
        conditions.append(Customer.email_verified == email_verified)
    if created_from:
        conditions.append(Customer.created_at >= dt.datetime.combine(created_from, dt.time(), zone))
    if created_to:
        end = created_to + dt.timedelta(days=1)
        conditions.append(Customer.created_at < dt.datetime.combine(end, dt.time(), zone))

    order: list[Any] = [Customer.created_at.desc(), Customer.id.desc()]
    total = await db.scalar(select(func.count()).select_from(Customer).where(*conditions))
    if begins and total <= floor.MAX_RANKED:
        order.insert(0, bound(f"({begins}) DESC", words))
    # It reads only the ids of the rows that it skips.
    ids = select(Customer.id).where(*conditions).order_by(*order).limit(size).offset((page - 1) * size).subquery()
    rows = await db.execute(profiles.join(ids, ids.c.id == Customer.id).order_by(*order))
    items = [CustomerOut.model_validate(as_customer(row)) for row in rows]
    return CustomerPage(items=items, total=total, page=page, size=size, pages=math.ceil(total / size))


def select_profile(tenant: Tenant, customer_id: str) -> Select:
    """Returns the query for the profile of a customer who is not soft-deleted."""
    return profiles.where(Customer.id == customer_id, Customer.tenant_id == tenant.id, ~Customer.is_deleted)


@app.post(CUSTOMERS, status_code=201)
async def create_customer(
    db: Session, tenant: TenantOfStaff, user: Annotated[User, Depends(current_user)], body: CustomerIn
) -> CustomerCreated:
    """Creates a walk-in customer."""
    email = unicodedata.normalize("NFKC", body.email) if body.email else None
    email_key = email and email.casefold()
    phone = e164(body.phone, tenant.phone_region) if body.phone else None
    if not (email or phone):
        raise HTTPException(400, "A customer needs an e-mail address or a phone number.")
    # The database's triggers write it to the audit trail.
    await db.execute(select(func.set_config("circe.actor", json.dumps({"user_id": user.id}), True)))
    same = [*([Customer.email_key == email_key] if email_key else []), *([Customer.phone == phone] if phone else [])]
    others = await db.execute(
        select(Customer.id, Customer.email_key, Customer.phone, Customer.is_deleted)
        .where(Customer.tenant_id == tenant.id, or_(*same))
        .order_by(Customer.is_deleted, Customer.id)
    )
    conflicts = [
        Conflict(field=field, customer_id=other.id, is_deleted=other.is_deleted)
        for other in others
        for field, matches in (("email", other.email_key == email_key), ("phone", other.phone == phone))
        if matches
    ]
    if not all(conflict.is_deleted for conflict in conflicts):
        raise HTTPException(409, "Another customer has this e-mail address or phone number.")
    customer = Customer(
        id=new_id(),
        tenant_id=tenant.id,
        first_name=body.first_name,
        last_name=body.last_name or None,
        email=email,
        email_key=email_key,
        phone=phone,
        source=body.source,
        tags=list(dict.fromkeys(["staff-created", "walk-in", *(tag.strip().lower() for tag in body.tags)])),
        language=tenant.language,
    )
    db.add(customer)
    try:
        await db.flush()
    except IntegrityError as error:
        if error.orig.__cause__.constraint_name not in {"customer_email", "customer_phone"}:
            raise
        raise HTTPException(409, "Another customer has this e-mail address or phone number.") from error
    row = (await db.execute(select_profile(tenant, customer.id).execution_options(populate_existing=True))).one()
    await db.commit()
    return CustomerCreated.model_validate(as_customer(row) | {"possible_duplicates": conflicts})


def e164(number: str, region: str) -> str:
    """Returns the number in E.164. A national number gets the country code of the region."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number, region), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException as error:
        raise HTTPException(400, "A phone number has 7 to 15 digits.") from error


@app.get(f"{CUSTOMERS}/statistics/summary")
async def statistics(
    db: Session, tenant: TenantOfAdmin, from_date: dt.date | None = None, to_date: dt.date | None = None
) -> Summary:
    """Answers all figures, of a period or of all time."""
    business = Business(*(getattr(tenant, name) for name in Business._fields))
    found = await db.scalar(text(ONE_PASS).bindparams(**parameters(business, from_date, to_date)))
    return Summary.model_validate(summary(found, business, from_date, to_date))


@app.get(f"{CUSTOMERS}/{{customer_id}}")
async def read_customer(db: Session, tenant: TenantOfStaff, customer_id: str) -> CustomerOut:
    """Answers a customer's profile."""
    row = (await db.execute(select_profile(tenant, customer_id))).one_or_none()
    if row is None:
        raise HTTPException(404)
    return CustomerOut.model_validate(as_customer(row))


@app.get(f"{CUSTOMERS}/{{customer_id}}/appointments")
async def list_appointments(
    db: Session,
    tenant: TenantOfStaff,
    customer_id: str,
    page: Page = 1,
    size: Size = 20,
    status: str | None = None,
    from_date: dt.date | None = None,
    to_date: dt.date | None = None,
) -> History:
    """Answers a page of a customer's history, newest first, with counts of the whole history."""
    there = select(Customer.id).where(Customer.id == customer_id, Customer.tenant_id == tenant.id, ~Customer.is_deleted)
    if await db.scalar(there) is None:
        raise HTTPException(404)
    own = [Appointment.tenant_id == tenant.id, Appointment.customer_id == customer_id]
    conditions = [*own]
    if status:
        conditions.append(Appointment.status.in_(status.split(",")))
    if from_date:
        conditions.append(Appointment.appointment_date >= from_date)
    if to_date:
        conditions.append(Appointment.appointment_date <= to_date)
    now = dt.datetime.now(ZoneInfo(tenant.time_zone))
    upcoming = and_(
        Appointment.status.in_(["pending", "confirmed"]),
        tuple_(Appointment.appointment_date, Appointment.start_time) >= tuple_(now.date(), now.time()),
    )
    figures = (
        await db.execute(
            select(
                func.count().label("total_appointments"),
                func.count().filter(visit).label("completed"),
                func.count().filter(Appointment.status == "cancelled").label("cancelled"),
                func.count().filter(Appointment.status == "no_show").label("no_show"),
                func.count().filter(upcoming).label("upcoming"),
                func.count().filter(and_(*conditions)).label("total"),
            ).where(*own)
        )
    ).one()
    appointments = await db.scalars(
        select(Appointment)
        .options(joinedload(Appointment.service), joinedload(Appointment.staff), joinedload(Appointment.outlet))
        .where(*conditions)
        .order_by(Appointment.appointment_date.desc(), Appointment.start_time.desc(), Appointment.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return History(
        appointments=[booking.as_appointment(appointment, tenant.currency) for appointment in appointments],
        statistics=HistoryFigures.model_validate(figures),
        pagination=PageFigures(total=figures.total, page=page, size=size, pages=math.ceil(figures.total / size)),
    )
