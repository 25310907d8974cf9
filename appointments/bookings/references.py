"""Reads by one statement the rows that a booking names: a service, an outlet, a member of staff and a customer."""

from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from circe.db.ids import IdField, is_id
from circe.db.prepared import PreparedQuery, Sql
from customers.models import Customer
from tenants.models import Outlet, Service, StaffName

# By name of a reference: the rows that it may name, and the columns that are read, in the order of the model.
SOURCES: dict[str, tuple[QuerySet[Any], list[str]]] = {
    "service": (Service.objects.order_by(), [field.attname for field in Service._meta.concrete_fields]),
    "outlet": (Outlet.objects.order_by(), ["id", "tenant_id", "is_active"]),
    # Not the accounts: a customer who books may read only the names.
    "staff": (StaffName.objects.order_by(), ["id", "tenant_id", "is_active"]),
    "customer": (Customer.objects.undeleted().order_by(), ["id", "tenant_id", "is_active"]),
}
REFERENCES_SQL = """
SELECT {columns}
FROM (SELECT) AS always
LEFT JOIN ({{service}}) AS service ON true
LEFT JOIN ({{outlet}}) AS outlet ON true
LEFT JOIN ({{staff}}) AS staff ON true
LEFT JOIN ({{customer}}) AS customer ON true
""".format(columns=", ".join(f"{name}.{column}" for name, (_, columns) in SOURCES.items() for column in columns))


def _references_sql(**ids: Any) -> Sql:
    rows = {name: rows.filter(pk=ids[name]).values_list(*columns) for name, (rows, columns) in SOURCES.items()}
    return Sql(REFERENCES_SQL, **rows)


_REFERENCES = PreparedQuery(
    "booking_references",
    _references_sql,
    service=IdField(),
    outlet=IdField(),
    staff=IdField(),
    customer=IdField(),
)


def read_references(ids: dict[str, Any]) -> dict[str, Any]:
    """Returns the rows that ids such as `{"service_id": …}` name, as `{"service": …}`. Ids that are None are left out.

    Raises ValidationError that names each id without a row: an unknown one, another business's, a deleted customer's.
    """
    asked = {name: ids.get(f"{name}_id") for name in SOURCES}
    [row] = _REFERENCES.rows(**{name: pk if is_id(pk) else None for name, pk in asked.items()})
    values = iter(row)
    found: dict[str, Model] = {}
    errors: dict[str, ValidationError] = {}
    for name, (rows, columns) in SOURCES.items():
        own = list(islice(values, len(columns)))
        if own[0] is not None:
            found[name] = rows.model.from_db(None, columns, own)
        elif asked[name] is not None:
            what = rows.model._meta.verbose_name
            errors[f"{name}_id"] = ValidationError(f"There is no {what} with this id.", code="absent")
    if errors:
        raise ValidationError(errors)
    return found
