"""The access table: which role may call which operation, on whose rows.

The tests fail if the table lacks an operation of the OpenAPI document, a route, or a method.
"""

import datetime as dt
import re
from collections import defaultdict
from functools import partial

import orjson
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, path
from drf_spectacular.generators import SchemaGenerator

from appointments.tests.factories import AppointmentFactory, TimeOffFactory, works_always
from circe.db.ids import new_id
from circe.tests.captured_sql import record_statements
from circe.tests.cases import in_one_test
from circe.tests.routed_sql import find_unrouted
from circe.urls import urlpatterns
from customers.models import CustomerSession
from customers.portal.tests.conftest import mailed_token
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.accounts.permissions import STAFF
from tenants.models import LoginSession
from tenants.scope import tenant_scope
from tenants.tests.factories import PASSWORD, OutletFactory, ServiceFactory, UserFactory
from tenants.views import TenantViewSet

pytestmark = pytest.mark.slow("tries every operation as every role, without either guard of the tenant boundary")

# The status of a valid request about a row of the caller's own business.
ACCESS = """
                                               super_admin tenant_admin outlet_manager staff customer anonymous
GET    api/v1/customers                            200         200           200        200    403       401
POST   api/v1/customers                            201         201           201        201    403       401
GET    api/v1/customers/tags                       200         200           200        200    403       401
GET    api/v1/customers/statistics/summary         200         200           403        403    403       401
GET    api/v1/customers/{id}                       200         200           200        200    403       401
PUT    api/v1/customers/{id}                       200         200           200        403    403       401
PATCH  api/v1/customers/{id}                       200         200           200        403    403       401
DELETE api/v1/customers/{id}                       200         200           403        403    403       401
DELETE api/v1/customers/{id}?permanent=true        200         403           403        403    403       401
GET    api/v1/customers/{id}/appointments          200         200           200        200    403       401
GET    api/v1/customers/{id}/consents              200         200           200        200    403       401
POST   api/v1/customers/{id}/consents              201         201           201        201    403       401
GET    api/v1/customers/{id}/history               200         200           403        403    403       401
POST   api/v1/customers/{id}/messages/decision     200         200           200        200    403       401
PUT    api/v1/customers/{id}/preferences           200         200           200        200    403       401
GET    api/v1/customers/{id}/recommendations       200         200           200        200    200       401
POST   api/v1/customers/{id}/restore               200         200           403        403    403       401
GET    api/v1/outlets                              200         200           200        200    403       401
POST   api/v1/outlets                              201         201           403        403    403       401
GET    api/v1/outlets/{id}                         200         200           200        200    403       401
PUT    api/v1/outlets/{id}                         200         200           403        403    403       401
PATCH  api/v1/outlets/{id}                         200         200           403        403    403       401
GET    api/v1/services                             200         200           200        200    403       401
POST   api/v1/services                             201         201           403        403    403       401
GET    api/v1/services/{id}                        200         200           200        200    403       401
PUT    api/v1/services/{id}                        200         200           403        403    403       401
PATCH  api/v1/services/{id}                        200         200           403        403    403       401
GET    api/v1/staff                                200         200           200        200    403       401
GET    api/v1/staff/{id}                           200         200           200        200    403       401
GET    api/v1/staff/{id}/working-hours             200         200           200        200    403       401
PUT    api/v1/staff/{id}/working-hours             200         200           200        403    403       401
GET    api/v1/time-off                             200         200           200        200    403       401
POST   api/v1/time-off                             201         201           201        201    403       401
GET    api/v1/time-off/{id}                        200         200           200        200    403       401
DELETE api/v1/time-off/{id}                        200         200           200        200    403       401
GET    api/v1/messages                             200         200           200        200    403       401
GET    api/v1/messages/settings                    200         200           200        403    403       401
PUT    api/v1/messages/settings                    200         200           200        403    403       401
GET    api/v1/availability                         200         200           200        200    200       401
GET    api/v1/appointments                         200         200           200        200    403       401
POST   api/v1/appointments                         201         201           201        201    403       401
GET    api/v1/appointments/{id}                    200         200           200        200    403       401
PUT    api/v1/appointments/{id}                    200         200           200        200    403       401
PATCH  api/v1/appointments/{id}                    200         200           200        200    403       401
POST   api/v1/appointments/{id}/reschedule         200         200           200        200    403       401
POST   api/v1/appointments/{id}/status             200         200           200        200    403       401
POST   api/v1/auth/login                           200         200           200        200    200       200
POST   api/v1/auth/refresh                         200         200           200        200    200       200
POST   api/v1/auth/logout                          200         200           200        200    200       200
GET    api/v1/auth/me                              200         200           200        200    403       401
POST   api/v1/portal/{slug}/register               202         202           202        202    202       202
POST   api/v1/portal/{slug}/verify                 200         200           200        200    200       200
POST   api/v1/portal/{slug}/password/forgot        202         202           202        202    202       202
POST   api/v1/portal/{slug}/password/reset         200         200           200        200    200       200
POST   api/v1/portal/{slug}/password/change        403         403           403        403    200       401
POST   api/v1/portal/{slug}/email/change           403         403           403        403    202       401
POST   api/v1/portal/{slug}/login                  200         200           200        200    200       200
POST   api/v1/portal/{slug}/refresh                200         200           200        200    200       200
POST   api/v1/portal/{slug}/logout                 200         200           200        200    200       200
GET    api/v1/portal/{slug}/me                     403         403           403        403    200       401
PATCH  api/v1/portal/{slug}/me                     403         403           403        403    200       401
GET    api/v1/portal/{slug}/me/preferences         403         403           403        403    200       401
PUT    api/v1/portal/{slug}/me/preferences         403         403           403        403    200       401
GET    api/v1/portal/{slug}/me/consents            403         403           403        403    200       401
POST   api/v1/portal/{slug}/me/consents            403         403           403        403    201       401
GET    api/v1/portal/{slug}/me/export              403         403           403        403    200       401
GET    api/v1/portal/{slug}/me/deletion-request    403         403           403        403    404       401
POST   api/v1/portal/{slug}/me/deletion-request    403         403           403        403    201       401
GET    api/v1/portal/{slug}/me/appointments        403         403           403        403    200       401
POST   api/v1/portal/{slug}/me/appointments        403         403           403        403    201       401
GET    api/v1/portal/{slug}/me/appointments/{id}   403         403           403        403    200       401
POST   api/v1/portal/{slug}/me/appointments/{id}/reschedule 403 403          403        403    200       401
POST   api/v1/portal/{slug}/me/appointments/{id}/cancel     403 403          403        403    200       401
GET    api/v1/portal/{slug}/me/recommendations     403         403           403        403    200       401
"""

# The status instead of a 200 or 201 of the table above, by row. Three routes find soft-deleted customers. `self` is the
# customer who is signed in, or a row of theirs; `own` is another one of the same business. For a customer all but `self` is
# a 404.
ROWS = """
                   most routes                 restore, permanent, history
                   own_people  super_admin     own_people  super_admin
self                  200         200             200         200
own                   200         200             200         200
foreign               404         200             404         200
own_deleted           404         404             200         200
foreign_deleted       404         404             404         200
absent                404         404             404         404
"""
FINDING_DELETED = {
    "POST api/v1/customers/{id}/restore",
    "DELETE api/v1/customers/{id}?permanent=true",
    "GET api/v1/customers/{id}/history",
}

# Malformed ids: 404 for every role that may call the operation.
MALFORMED = {
    "bad hex": "507f1f77bcf86cd79943901g",
    "upper case": "507F1F77BCF86CD799439011",
    "too short": "507f1f77bcf86cd79943901",
    "too long": "507f1f77bcf86cd7994390111",
    "very long": "5" * 5000,
    "a number": "122",
    "NUL": "507f1f77bcf86cd79943901%00",
    "newline after": "507f1f77bcf86cd799439011%0A",
    "space before": "%20507f1f77bcf86cd799439011",
    "full-width digits": "%EF%BC%95" * 24,
    "not UTF-8": "%FF%FE",
    "lone surrogate": "%ED%A0%80",
    "path parameter": "507f1f77bcf86cd799439011;a=b",
    "dots": "..",
    "wildcard": "%25",
    "quote": "'%20OR%20''='",
    "JSON": "%7B%22$ne%22:null%7D",
}

NOT_FOUND = {
    "type": "urn:circe:problem:not_found",
    "title": "Not Found",
    "status": 404,
    "detail": "There is nothing at this address.",
    "code": "not_found",
}

PRINCIPALS, *_lines = (line.split() for line in ACCESS.strip().splitlines())
TABLE = {f"{method} {path}": dict(zip(PRINCIPALS, map(int, answers), strict=True)) for method, path, *answers in _lines}
ROW = {row: tuple(map(int, answers)) for row, *answers in map(str.split, ROWS.strip().splitlines()[2:])}
ON_A_ROW = [endpoint for endpoint in TABLE if "{id}" in endpoint]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def expected(endpoint, principal, row):
    """Returns the status according to the two tables."""
    status = TABLE[endpoint][principal]
    if status >= 300 or "{id}" not in endpoint:
        return status
    if principal == "customer":
        return status if row == "self" else 404
    found = ROW[row][2 * (endpoint in FINDING_DELETED) + (principal == "super_admin")]
    return status if found == 200 else found


@pytest.fixture
def clients(as_role, portal_client, anonymous):
    staff = {role: as_role(role) for role in PRINCIPALS[:4]}
    return staff | {"customer": portal_client(), "anonymous": anonymous}


# The factory of a row, by the start of a path. Only customers are soft-deleted.
FACTORIES = {
    "outlets": OutletFactory,
    "services": ServiceFactory,
    "staff": UserFactory,
    "time-off": TimeOffFactory,
    "appointments": partial(AppointmentFactory, status="confirmed"),
}


def make_future(tenant, **values):
    """Makes an appointment that its customer can move, since somebody works at all hours."""
    made = AppointmentFactory(tenant=tenant, status="confirmed", appointment_date=dt.date(2030, 6, 3), **values)
    works_always(tenant, made.staff_id, made.outlet_id)
    return made.pk


@pytest.fixture
def rows_of(tenant, other_tenant, clients):
    """Returns a function: the ids of rows of the kind that an endpoint is about."""
    customer = clients["customer"].customer
    rows = {
        kind: {"own": make(tenant=tenant).pk, "foreign": make(tenant=other_tenant).pk, "absent": new_id()}
        for kind, make in FACTORIES.items()
    }
    # Staff may delete their own time off only.
    rows["time-off"]["own"] = TimeOffFactory(tenant=tenant, staff_id=clients["staff"].user.pk).pk
    rows["portal"] = {
        "self": make_future(tenant, customer=customer),
        "own": make_future(tenant),
        "foreign": make_future(other_tenant),
        "absent": new_id(),
    }
    customers = {
        "self": customer.pk,
        "own": CustomerFactory(tenant=tenant).pk,
        "foreign": CustomerFactory(tenant=other_tenant).pk,
        "own_deleted": DeletedCustomerFactory(tenant=tenant).pk,
        "foreign_deleted": DeletedCustomerFactory(tenant=other_tenant).pk,
        "absent": new_id(),
    }
    return lambda endpoint: rows.get(endpoint.split()[1].split("/")[2], customers)


@pytest.fixture
def rows(rows_of):
    """Ids of customers."""
    return rows_of("GET api/v1/customers/{id}")


def bodies_of_accounts(tenant, customer):
    """The bodies of the operations of a customer's account, by operation."""
    with tenant_scope(tenant):
        refresh = {"refresh": CustomerSession.start(customer).token_pair()["refresh"]}
    email, new = {"email": customer.email}, {"email": "new@example.com"}
    bodies = {
        "register": new | {"first_name": "Jane"},
        "verify": {"token": mailed_token(tenant, "register", **new, first_name="Jane"), "password": PASSWORD},
        "password/forgot": email,
        "password/reset": {"token": mailed_token(tenant, "reset", **email), "password": PASSWORD},
        "password/change": {"password": PASSWORD, "new_password": "another good password"},
        "email/change": new,
        "login": email | {"password": PASSWORD},
        "refresh": refresh,
        "logout": refresh,
    }
    return {f"POST api/v1/portal/{{slug}}/{path}": body for path, body in bodies.items()}


@pytest.fixture
def ask(clients, tenant):
    """Returns a function that sends a valid request and rolls its changes back."""
    user = clients["staff"].user
    refresh = {"refresh": LoginSession.start(user).token_pair()["refresh"]}
    bodies = {
        "POST api/v1/customers": {"first_name": "Jane", "phone": "+1234567890", "tenant_id": tenant.pk},
        "PUT api/v1/customers/{id}": {"last_name": "Doe"},
        "PATCH api/v1/customers/{id}": {"last_name": "Doe"},
        "POST api/v1/customers/{id}/consents": {"channel": "sms", "purpose": "service", "state": "withdrawn"},
        "POST api/v1/customers/{id}/messages/decision": {"purpose": "service"},
        "PUT api/v1/customers/{id}/preferences": {"language": "en"},
        "POST api/v1/outlets": {"name": "Kemang", "tenant_id": tenant.pk},
        "PUT api/v1/outlets/{id}": {"address": "Jl. Kemang"},
        "PATCH api/v1/outlets/{id}": {"address": "Jl. Kemang"},
        "POST api/v1/services": {"name": "Cut", "duration_minutes": 60, "price": 1, "tenant_id": tenant.pk},
        "PUT api/v1/services/{id}": {"price": 2},
        "PATCH api/v1/services/{id}": {"price": 2},
        "PUT api/v1/staff/{id}/working-hours": {"working_hours": []},
        "POST api/v1/time-off": {
            "staff_id": user.pk,
            "tenant_id": tenant.pk,
            "starts_at": "2026-07-06T00:00:00Z",
            "ends_at": "2026-07-07T00:00:00Z",
        },
        "PUT api/v1/messages/settings": {"sends_reminders": True},
        "POST api/v1/appointments": {
            "tenant_id": tenant.pk,
            "walk_in": True,
            "service_id": ServiceFactory(tenant=tenant).pk,
            "outlet_id": OutletFactory(tenant=tenant).pk,
            "staff_id": user.pk,
            "appointment_date": "2025-01-25",
            "start_time": "14:00",
        },
        "PUT api/v1/appointments/{id}": {"total_price": 1},
        "PATCH api/v1/appointments/{id}": {"total_price": 1},
        "POST api/v1/appointments/{id}/reschedule": {"appointment_date": "2025-01-26", "start_time": "14:00"},
        "POST api/v1/appointments/{id}/status": {"status": "cancelled"},
        "POST api/v1/auth/login": {"email": user.email, "password": PASSWORD},
        "POST api/v1/auth/refresh": refresh,
        "POST api/v1/auth/logout": refresh,
        **bodies_of_accounts(tenant, clients["customer"].customer),
        "PATCH api/v1/portal/{slug}/me": {"last_name": "Doe"},
        "PUT api/v1/portal/{slug}/me/preferences": {"language": "en"},
        "POST api/v1/portal/{slug}/me/consents": {"channel": "sms", "purpose": "marketing", "state": "granted"},
        "POST api/v1/portal/{slug}/me/appointments/{id}/reschedule": {
            "appointment_date": "2030-06-04",
            "start_time": "10:00",
        },
        "POST api/v1/portal/{slug}/me/appointments/{id}/cancel": {},
    }

    service = ServiceFactory(tenant=tenant)
    outlet = OutletFactory(tenant=tenant)
    works_always(tenant, user.pk, outlet.pk)
    bodies["POST api/v1/portal/{slug}/me/appointments"] = {
        "service_id": service.pk,
        "outlet_id": outlet.pk,
        "appointment_date": "2030-06-03",
        "start_time": "10:00",
    }
    queries = {
        # Which business a super_admin means.
        **dict.fromkeys(("GET api/v1/messages/settings", "PUT api/v1/messages/settings"), f"?tenant_id={tenant.pk}"),
        "GET api/v1/availability": f"?service_id={service.pk}&from_date=2026-12-01&to_date=2026-12-31",
    }

    def send(endpoint, principal, pk="", method=None, query="", headers=None, **changes):
        named, path = endpoint.split()
        body = orjson.dumps(bodies[endpoint] | changes) if endpoint in bodies else b""
        with transaction.atomic():
            url = "/" + path.replace("{id}", pk).replace("{slug}", tenant.slug) + (query or queries.get(endpoint, ""))
            response = clients[principal].generic(
                method or named,
                url,
                body,
                "application/json",
                headers={"X-Request-ID": "one-for-all"} | (headers or {}),
            )
            transaction.set_rollback(True)
        return response

    return send


def routes():
    """Returns the methods of every route of the API, by path as in the table."""
    found = defaultdict(set)
    for pattern in urlpatterns:
        path = re.sub(r"<str:\w+>", "{id}", str(pattern.pattern).replace("<str:tenant_slug>", "{slug}"))
        if isinstance(pattern, URLPattern) and path.startswith("api/"):
            found[path] |= {method.upper() for method in pattern.callback.actions} - {"HEAD"}
    return dict(found)


def methods(path):
    return {endpoint.split()[0] for endpoint in TABLE if endpoint.split()[1].partition("?")[0] == path}


def test_every_route_and_method_is_in_the_table():
    assert get_resolver().url_patterns is urlpatterns
    assert {path: methods(path) for path in routes()} == routes()
    assert {endpoint.split()[1].partition("?")[0] for endpoint in TABLE} == set(routes())


def test_every_operation_of_the_document_is_in_the_table():
    document = SchemaGenerator().get_schema(public=True)
    operations = {
        re.sub(r"{\w+_id}", "{id}", f"{method.upper()} {path[1:]}").replace("{tenant_slug}", "{slug}")
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert operations == {endpoint.partition("?")[0] for endpoint in TABLE}


@in_one_test("endpoint", TABLE)
def test_access(endpoint, each_tenant_guard, ask, rows_of):
    rows = rows_of(endpoint)
    with record_statements() as statements:
        answers = {
            (principal, row): ask(endpoint, principal, rows[row])
            for principal in PRINCIPALS
            for row in (rows if "{id}" in endpoint else ["own"])
        }
    if each_tenant_guard == "both":
        # Each statement names the tenant, so that a cluster asks one node.
        assert find_unrouted(statements) == []
    assert {key: answer.status_code for key, answer in answers.items()} == {
        key: expected(endpoint, *key) for key in answers
    }
    not_found = {
        (answer.content, *sorted(answer.headers.items())) for answer in answers.values() if answer.status_code == 404
    }
    assert len(not_found) <= 1
    assert all(orjson.loads(body) == NOT_FOUND for body, *_ in not_found)


# Additions to a valid request. With a row of the caller's own business most are answered by another error.
ADDITIONS = {
    "a body that is wrong": {"tags": "none", "preferred_outlet_id": "x"},
    "another tenant in the body": {"tenant_id": "507f1f77bcf86cd799439011"},
    "a taken e-mail": {"email": "taken@example.com"},
    "a stale version": {"headers": {"If-Match": '"1.000000"'}},
    "a key": {"headers": {"Idempotency-Key": "one"}},
    "an unknown parameter": {"query": "?status=banana&page=0&size=0&from_date=x&tenant=1&_method=GET"},
}


@in_one_test("endpoint", ON_A_ROW)
def test_a_foreign_row_is_answered_like_an_absent_row_whatever_else_the_request_has(
    endpoint, ask, rows_of, tenant, other_tenant
):
    rows = rows_of(endpoint)
    for owner in (tenant, other_tenant):
        CustomerFactory(tenant=owner, email="taken@example.com")
    for name, extra in ADDITIONS.items():
        if "?" in endpoint and "query" in extra:
            continue
        for principal in PRINCIPALS[1:]:
            hidden = {"foreign", "foreign_deleted", "absent"} | ({"own"} if principal == "customer" else set())
            answers = {row: ask(endpoint, principal, rows[row], **extra) for row in rows.keys() & hidden}
            distinct_answers = {
                (answer.status_code, answer.content, *sorted(answer.headers.items())) for answer in answers.values()
            }
            assert len(distinct_answers) == 1, (name, principal, distinct_answers)
            assert answers["absent"].status_code in {400, 401, 403, 404}


@in_one_test("endpoint", ON_A_ROW)
def test_a_malformed_id_is_answered_like_an_absent_id(endpoint, ask, rows_of):
    rows = rows_of(endpoint)
    absent = {principal: ask(endpoint, principal, rows["absent"]) for principal in PRINCIPALS}
    for name, pk in MALFORMED.items():
        for principal, reference in absent.items():
            answer = ask(endpoint, principal, pk)
            assert (name, principal, answer.status_code) == (name, principal, expected(endpoint, principal, "absent"))
            assert (answer.content, answer.headers) == (reference.content, reference.headers)


@in_one_test("endpoint", [name for name, answers in TABLE.items() if 403 in answers.values()])
def test_a_role_is_refused_before_any_row_is_read(endpoint, ask, rows_of):
    rows = rows_of(endpoint)
    for principal, status in TABLE[endpoint].items():
        with CaptureQueriesContext(connection) as queries:
            answer = ask(endpoint, principal, rows["own"])
        # A refused write is recorded in the audit trail afterwards.
        asked = [
            query["sql"] for query in queries if not {"SAVEPOINT", "circe"} & {*re.findall("[a-zA-Z]+", query["sql"])}
        ]
        if status == 403:
            assert answer.json()["code"] == "permission_denied"
            # Staff are looked up, and the business of a portal. Nobody looks up a customer whom no view allows.
            assert len(asked) == (principal != "customer") + ("{slug}" in endpoint)
            assert not any("customers_" in sql or "appointments_" in sql for sql in asked)
        if status == 401:
            assert (answer.headers["WWW-Authenticate"], len(asked)) == ("Bearer", "{slug}" in endpoint)


@in_one_test("path", routes())
def test_any_other_method_is_a_405(path, ask, rows_of):
    allowed = methods(path)
    endpoint = next(name for name in TABLE if name.split()[1] == path)
    for method in set(METHODS) - allowed:
        for principal, usual in TABLE[endpoint].items():
            answer = ask(endpoint, principal, rows_of(endpoint)["own"], method)
            assert (method, principal, answer.status_code) == (method, principal, 401 if usual == 401 else 405)
            if usual != 401:
                assert answer.json()["code"] == "method_not_allowed"
                # Django REST framework lists OPTIONS for every path.
                listed = set(answer.headers["Allow"].split(", ")) - {"OPTIONS"}
                assert listed == allowed | ({"HEAD"} if "GET" in allowed else set())


@in_one_test("endpoint", [name for name in TABLE if name.startswith("GET")])
def test_head_is_get_without_the_body(endpoint, ask, rows_of):
    rows = rows_of(endpoint)
    for principal in PRINCIPALS:
        with CaptureQueriesContext(connection) as queries:
            head = ask(endpoint, principal, rows["own"], "HEAD")
        assert head.status_code == expected(endpoint, principal, "own")
        assert head.content == b""
        assert not any("FOR UPDATE" in query["sql"] for query in queries)


@in_one_test("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_header_does_not_change_the_method(header, clients, rows):
    answer = clients["staff"].post(f"/api/v1/customers/{rows['own']}", headers={header: "DELETE"})
    assert answer.status_code == 405
    assert clients["staff"].get(f"/api/v1/customers/{rows['own']}?_method=DELETE").status_code == 200


@in_one_test(
    "path",
    [
        "/api/v1/customers/",
        "/api/v1//customers",
        "//api/v1/customers",
        "/API/v1/customers",
        "/api/v1/Customers",
        "/api/v1/customers/{id}/",
        "/api/v1/customers//{id}",
        "/api/v1/customers/{id}/Restore",
        "/api/v1/customers/./{id}",
        "/api/v1/auth/../customers",
        "/api/v1/auth%2F..%2Fcustomers",
        "/api/v1/customers;v=1",
        "/api/v1/customers%00",
        "/api/v1/customers%20",
        "/api/v1/customers.json",
        "/api/v2/customers",
        "/api/",
        "/api/v1",
    ],
)
def test_another_spelling_of_a_path_is_a_404(path, clients, rows):
    for client in (clients["super_admin"], clients["anonymous"]):
        answer = client.get(path.replace("{id}", rows["own"]))
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json() == NOT_FOUND


def test_an_encoded_slash_is_read_as_a_slash(clients, rows):
    assert clients["staff"].get(f"/api/v1%2Fcustomers%2F{rows['own']}").status_code == 200
    assert clients["staff"].get(f"/api/v1/customers%2F{rows['foreign']}").status_code == 404
    assert clients["anonymous"].get(f"/api/v1/customers%2F{rows['own']}").status_code == 401


class ViewSetWithoutRoles(TenantViewSet):
    """Has no roles for an action that a URL leads to."""

    roles = {"create": STAFF}

    def list(self, request):
        raise AssertionError("no role may call this")


urls = [path("without-roles", ViewSetWithoutRoles.as_view({"get": "list"}))]


def test_an_action_without_roles_is_a_403(clients, settings):
    settings.ROOT_URLCONF = tuple(urls)
    statuses = {principal: client.get("/without-roles").status_code for principal, client in clients.items()}
    assert statuses == dict.fromkeys(PRINCIPALS[:-1], 403) | {"anonymous": 401}
