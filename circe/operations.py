"""Every operation of the API as its document tells it, a row each, in the order of the documented API.

What a rule gives is not repeated here, see `openapi.Operation`: who may call it comes from the view's `roles`, and the
errors that come with a token, a body or an id from these.
"""

from dataclasses import dataclass
from typing import Any

from django_filters import FilterSet
from rest_framework.serializers import Serializer

from analytics.filters import PeriodFilter
from analytics.serializers import SummarySerializer
from analytics.statistics import DEFINITIONS
from appointments.filters import AppointmentFilter
from appointments.serializers import HistorySerializer
from circe import examples
from circe.api.serializers import MessageSerializer
from circe.db.ids import PATTERN
from circe.examples import Example
from customers.filters import CustomerFilter
from customers.serializers import (
    CreatedCustomerSerializer,
    CustomerSerializer,
    CustomerWithPreferencesSerializer,
    NewCustomerSerializer,
    PreferencesSerializer,
)
from tenants.accounts.serializers import LoginSerializer, MeSerializer, RefreshSerializer, TokenPairSerializer
from tenants.audit.serializers import AuditEventSerializer

Schema = dict[str, Any]


def query(name: str, description: str, schema: Schema) -> Schema:
    """An optional query parameter."""
    return {"in": "query", "name": name, "description": description, "schema": schema}


ID: Schema = {"type": "string", "pattern": PATTERN}
CUSTOMER_ID: Schema = {
    "in": "path",
    "name": "customer_id",
    "required": True,
    "description": "The customer's id.",
    "schema": ID,
}
TENANT_ID = query("tenant_id", "For a super_admin: this business only. Others leave it out, or name their own.", ID)
CHECK_DUPLICATES = query(
    "check_duplicates",
    "Look for soft-deleted customers with the same e-mail or phone too, and report them in `possible_duplicates`.",
    {"type": "boolean", "default": True},
)
PERMANENT = query(
    "permanent",
    "Remove the person for good, from every table; appointments keep their figures. Access: `super_admin`.",
    {"type": "boolean", "default": False},
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operation.

    `sends` are examples of the body by name, `answers` is the example of the answer, `curl` that of a whole request.
    `errors` are those that only this operation gives; `listed` says that `answer` is one item of a page.
    """

    id: str
    tag: str = "Customers"
    summary: str
    description: str = ""
    filters: type[FilterSet] | None = None
    paged: bool = False
    listed: bool = False
    parameters: tuple[Schema, ...] = ()
    body: type[Serializer] | None = None
    sends: dict[str, Example] | None = None
    curl: str = ""
    answer: type[Serializer]
    answers: Example
    status: int = 200
    errors: tuple[int, ...] = ()


UPDATE: dict[str, Any] = {
    "description": (
        "`null` clears a value; `preferences` and `communication_preferences` merge key by key. A new e-mail or phone "
        "is unverified again. Read-only keys that a client echoes (`id`, `created_at`, `source`, counters …) are "
        "ignored; another `tenant_id` is a 400, since a customer can't move. Two updates of different keys at the same "
        "moment both survive. PUT and PATCH are the same."
    ),
    "body": CustomerSerializer,
    "sends": {"documented": examples.CUSTOMER_CHANGES},
    "answer": CustomerSerializer,
    "answers": examples.CUSTOMER,
    "errors": (409,),
}

OPERATIONS = {
    "GET /customers": Row(
        id="listCustomers",
        summary="List all customers",
        description=(
            "Newest first. Filters combine: a customer must satisfy all of them. A page past the end is empty and "
            "tells the true `total`. Soft-deleted customers are left out. A page number has no memory: when customers are "
            "added while one pages, rows seen may come again, and none is skipped. With a fixed `created_to` in the past "
            "the list holds still."
        ),
        filters=CustomerFilter,
        paged=True,
        listed=True,
        curl=examples.LIST_CUSTOMERS,
        answer=CustomerSerializer,
        answers=examples.CUSTOMERS,
    ),
    "POST /customers": Row(
        id="createCustomer",
        summary="Create a new customer",
        description=(
            "Needs `first_name` and at least one of `email` and `phone`; a `password` needs an `email`. A phone "
            "number may be written with separators and, without its country code, as in the business's country; it is "
            "answered in E.164. With a password the customer is tagged `self-registered`, without one `staff-created` "
            "and `walk-in`; `tags` of the body are added. E-mail and phone are unique within the business among "
            "customers that are not soft-deleted: a 409 names the `conflicts`. A soft-deleted match alone does not "
            "block, see `possible_duplicates`. `tenant_id` is one's own or absent; a super_admin must name one."
        ),
        parameters=(CHECK_DUPLICATES,),
        body=NewCustomerSerializer,
        sends={
            "walkIn": {"first_name": "Jane", "last_name": "Doe", "phone": "+1234567890", "source": "walk-in"},
            "documented": examples.NEW_CUSTOMER,
        },
        answer=CreatedCustomerSerializer,
        answers=examples.CREATED_CUSTOMER,
        status=201,
        errors=(409,),
    ),
    "GET /customers/{customer_id}": Row(
        id="getCustomer",
        summary="Get customer details",
        description="`last_appointment_date` is the day of the last visit, which is a completed appointment.",
        answer=CustomerSerializer,
        answers=examples.CUSTOMER,
    ),
    "PUT /customers/{customer_id}": Row(id="updateCustomer", summary="Update customer", **UPDATE),
    "PATCH /customers/{customer_id}": Row(id="patchCustomer", summary="Update customer, by PATCH", **UPDATE),
    "DELETE /customers/{customer_id}": Row(
        id="deleteCustomer",
        summary="Delete customer",
        description="A soft-deleted customer keeps everything and can be restored. Deleting again is a 404.",
        parameters=(PERMANENT,),
        answer=MessageSerializer,
        answers=examples.DELETED,
    ),
    "GET /customers/{customer_id}/appointments": Row(
        id="listCustomerAppointments",
        tag="Appointments",
        summary="Get customer appointments",
        description=(
            "`pagination.total` counts what the filters leave; `statistics` always describe the whole history. "
            "`end_time` before `start_time` is of the next day. `no-show` and `canceled` are understood in `status`."
        ),
        filters=AppointmentFilter,
        paged=True,
        curl=examples.LIST_APPOINTMENTS,
        answer=HistorySerializer,
        answers=examples.HISTORY,
    ),
    "GET /customers/{customer_id}/history": Row(
        id="listCustomerHistory",
        summary="Get customer history",
        description=(
            "The audit trail of a customer, their preferred lists and appointments, newest first: who did it (a person or "
            "a command), in which request, and each field before and after. Of a password it tells that it was set or "
            "changed. A soft-deleted customer's is here too."
        ),
        paged=True,
        listed=True,
        answer=AuditEventSerializer,
        answers=examples.AUDIT_TRAIL,
    ),
    "PUT /customers/{customer_id}/preferences": Row(
        id="updateCustomerPreferences",
        summary="Update customer preferences",
        description=(
            "Takes any subset of the keys; an unknown one is a 400. The ids must exist in the customer's business. "
            "Answers with the full profile, the preferences also at its top level."
        ),
        body=PreferencesSerializer,
        sends={"documented": examples.PREFERENCES},
        answer=CustomerWithPreferencesSerializer,
        answers=examples.CUSTOMER_WITH_PREFERENCES,
    ),
    "POST /customers/{customer_id}/restore": Row(
        id="restoreCustomer",
        summary="Restore a soft-deleted customer",
        description=(
            "The customer is back as before; a 409 where the e-mail or phone has been taken meanwhile. A customer who "
            "is not deleted is answered with 200 and stays as they are."
        ),
        answer=CustomerSerializer,
        answers=examples.CUSTOMER,
        errors=(409,),
    ),
    "GET /customers/statistics/summary": Row(
        id="getCustomerStatistics",
        tag="Statistics",
        summary="Get customer analytics",
        description="\n".join(
            [
                "Counts of customers, `verified_emails`, `total_loyalty_points` and `customer_segments` are as of now. "
                "`new_customers_in_period`, appointments, revenue, averages, rates and top lists are about the period; "
                "with neither bound that is all time, and `period` is null/null. Soft-deleted customers count in "
                "`deleted_customers` only; their visits still count as appointments and revenue. For a super_admin "
                "without `tenant_id`: the sums over all businesses, by UTC days; `currencies` says what was summed.\n",
                *(f"- `{name}`: {meaning}" for name, meaning in DEFINITIONS.items()),
            ]
        ),
        filters=PeriodFilter,
        answer=SummarySerializer,
        answers=examples.SUMMARY,
    ),
    "POST /auth/login": Row(
        id="login",
        tag="Authentication",
        summary="Sign in",
        description=(
            "Wrong password, unknown e-mail and inactive account are the same 401. At most 10 failures per account and "
            "100 per address in 15 minutes, then 429; a success is never counted."
        ),
        body=LoginSerializer,
        sends={"credentials": examples.CREDENTIALS},
        answer=TokenPairSerializer,
        answers=examples.TOKENS,
        errors=(401, 429),
    ),
    "POST /auth/refresh": Row(
        id="refreshTokens",
        tag="Authentication",
        summary="Get the next pair of tokens",
        description=(
            "A refresh token is good once. Parallel requests with it get the same answer for 10 seconds; used later, "
            "it ends the session."
        ),
        body=RefreshSerializer,
        sends={"token": examples.REFRESH},
        answer=TokenPairSerializer,
        answers=examples.TOKENS,
        errors=(401,),
    ),
    "POST /auth/logout": Row(
        id="logout",
        tag="Authentication",
        summary="Sign out",
        body=RefreshSerializer,
        sends={"token": examples.REFRESH},
        answer=MessageSerializer,
        answers=examples.LOGGED_OUT,
        errors=(401,),
    ),
    "GET /auth/me": Row(
        id="getMe",
        tag="Authentication",
        summary="Who am I?",
        description=(
            "Role and business are read from the database: a change takes effect at once. "
            "A super_admin has no `tenant`."
        ),
        answer=MeSerializer,
        answers=examples.ME,
    ),
}
