"""List, history and detail with asyncpg and orjson, without an ORM and without models of the answers.

uvicorn bench.yardstick.raw:app --workers 2
"""

import datetime as dt
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import floor
from bench.yardstick import access
from bench.yardstick.search import condition

CALLER = """
SELECT u.role, t.* FROM tenants_user u JOIN tenants_tenant t ON t.id = u.tenant_id
WHERE u.id = $1 AND u.is_active AND t.is_active
  AND EXISTS (SELECT FROM tenants_loginsession s WHERE s.id = $2 AND s.user_id = u.id AND s.ended_at IS NULL)"""
CUSTOMER_FIELDS = (
    *("id", "tenant_id", "first_name", "last_name", "email", "email_verified", "phone", "phone_verified", "gender"),
    *("date_of_birth", "address", "tags", "source", "loyalty_points", "is_active", "has_password"),
    *("total_appointments", "total_spent", "last_appointment_date"),
)
PREFERENCE_FIELDS = (
    *("language", "marketing_consent", "notes", "preferred_outlet_id", "preferred_services", "preferred_staff_ids"),
    *("preferred_categories", "preferred_channel", "accessibility_needs"),
)
APPOINTMENT_FIELDS = (
    *("id", "tenant_id", "outlet_id", "customer_id", "staff_id", "service_id", "appointment_date", "start_time"),
    *(
        "end_time",
        "status",
        "total_price",
        "notes",
        "currency",
        "sequence",
        "buffer_minutes",
        "overrides",
        "status_reason",
    ),
)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Opens the pool for the lifetime of the process."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=2, max_size=10) as app.state.pool:
        yield


async def fetch(connection: asyncpg.Connection, sql: str, **parameters: Any) -> list[asyncpg.Record]:
    """Executes a statement of `floor` and returns its rows."""
    statement, names = floor.to_asyncpg(sql)
    return await connection.fetch(statement, *(parameters[name] for name in names))


def as_json_response(body: Any, status: int = 200) -> Response:
    """Returns a response with the body as JSON."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def endpoint(handle: Any) -> Any:
    """Returns a view that authenticates the caller and then calls `handle(request, connection, caller)`."""

    async def view(request: Request) -> Response:
        claims = access.claims(request.headers.get("authorization", ""))
        if claims is None:
            return as_json_response({"detail": "Unauthorized"}, 401)
        async with request.app.state.pool.acquire() as connection:
            caller = await connection.fetchrow(CALLER, claims["sub"], claims.get("sid"))
            if caller is None:
                return as_json_response({"detail": "Unauthorized"}, 401)
            if caller["role"] not in access.STAFF:
                return as_json_response({"detail": "Forbidden"}, 403)
            body = await handle(request, connection, caller)
        return as_json_response({"detail": "Not Found"}, 404) if body is None else as_json_response(body)

    return view


def read_page(request: Request) -> tuple[int, int]:
    """Reads the number of the page and its size."""
    return int(request.query_params.get("page", 1)), int(request.query_params.get("size", 20))


def format_instant(value: dt.datetime) -> str:
    """Formats an instant as `2025-01-15T10:30:00Z`. asyncpg returns instants in UTC."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_customer(row: asyncpg.Record) -> dict[str, Any]:
    """Returns a row of `floor.COLUMNS` as the API shows it."""
    return {
        **{name: row[name] for name in CUSTOMER_FIELDS},
        "created_at": format_instant(row["created_at"]),
        "updated_at": format_instant(row["updated_at"]),
        "preferences": {
            "communication_preferences": {
                "email": row["accepts_email"],
                "sms": row["accepts_sms"],
                "push_notifications": row["accepts_push"],
                "whatsapp": row["accepts_whatsapp"],
            },
            **{name: row[name] for name in PREFERENCE_FIELDS},
        },
    }


def as_appointment(row: asyncpg.Record) -> dict[str, Any]:
    """Returns a row of `floor.APPOINTMENTS` as the API shows it."""
    return {
        **{name: row[name] for name in APPOINTMENT_FIELDS},
        "walk_in": row["is_walk_in"],
        "created_at": format_instant(row["created_at"]),
        "updated_at": format_instant(row["updated_at"]),
        "service": {
            "id": row["service_id"],
            "name": row["service_name"],
            "category": row["category"],
            "duration_minutes": row["duration_minutes"],
            "price": row["price"],
        },
        "staff": {"id": row["staff_id"], "name": row["staff_name"]},
        "outlet": {"id": row["outlet_id"], "name": row["outlet_name"]},
        "payment": {
            "status": row["payment_status"],
            "method": row["payment_method"],
            "paid_amount": row["paid_amount"],
        },
    }


@endpoint
async def customers(request: Request, connection: asyncpg.Connection, caller: asyncpg.Record) -> dict[str, Any]:
    """Answers a page of customers."""
    page, size = read_page(request)
    search = request.query_params.get("search")
    sql, begins, words = condition(search, caller["phone_region"]) if search else ("true", "", {})
    total = (await fetch(connection, floor.count(sql), tenant=caller["id"], **words))[0][0]
    statement = floor.customers(sql, begins if total <= floor.MAX_RANKED else "")
    rows = await fetch(connection, statement, tenant=caller["id"], size=size, skip=(page - 1) * size, **words)
    items = [as_customer(row) for row in rows]
    return {"items": items, "total": total, "page": page, "size": size, "pages": math.ceil(total / size)}


@endpoint
async def customer(request: Request, connection: asyncpg.Connection, caller: asyncpg.Record) -> dict[str, Any] | None:
    """Answers a customer's profile."""
    rows = await fetch(connection, floor.CUSTOMER, tenant=caller["id"], id=request.path_params["id"])
    return as_customer(rows[0]) if rows else None


@endpoint
async def history(request: Request, connection: asyncpg.Connection, caller: asyncpg.Record) -> dict[str, Any] | None:
    """Answers a page of a customer's appointments."""
    page, size = read_page(request)
    who = {"tenant": caller["id"], "id": request.path_params["id"]}
    if not await fetch(connection, floor.IS_THERE, **who):
        return None
    now = dt.datetime.now(ZoneInfo(caller["time_zone"]))
    figures = dict((await fetch(connection, floor.FIGURES, **who, today=now.date(), clock=now.time()))[0])
    rows = await fetch(connection, floor.APPOINTMENTS, **who, size=size, skip=(page - 1) * size)
    total = figures["total_appointments"]
    return {
        "appointments": [as_appointment(row) for row in rows],
        "statistics": figures,
        "pagination": {"total": total, "page": page, "size": size, "pages": math.ceil(total / size)},
    }


async def healthz(request: Request) -> Response:
    """Answers 200 while the process runs."""
    return Response()


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/healthz", healthz),
        Route("/api/v1/customers", customers),
        Route("/api/v1/customers/{id}", customer),
        Route("/api/v1/customers/{id}/appointments", history),
    ],
)
