"""Inserts many new rows of a table in few statements."""

from collections.abc import Collection

import orjson
from django.db import connection, models

from circe.db.server_kind import is_cluster
from tenants.scope import current_tenant_id

# A statement has at most 65,535 parameters.
MAX_ROWS_IN_VALUES = 500


def insert_rows(model: type[models.Model], instances: Collection[models.Model]) -> None:
    """Inserts new rows of the tenant in scope. They are sent as one JSON document, in a third of the time of `bulk_create`.

    COPY would be faster, but PostgreSQL refuses it under a row-level security policy. In a cluster the rows are sent as
    VALUES, since Citus would first copy the rows of an INSERT … SELECT.
    """
    if not instances:
        return
    if is_cluster():
        model._default_manager.bulk_create(instances, batch_size=MAX_ROWS_IN_VALUES)
        return
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    rows = [{field.column: field.pre_save(instance, add=True) for field in fields} for instance in instances]
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    # The tenant is a parameter of the statement, as in every statement about one tenant.
    values = columns.replace('"tenant_id"', "%s")
    document = f"json_populate_recordset(NULL::{table}, %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {document}",  # noqa: S608
            [current_tenant_id(), orjson.dumps(rows).decode()],
        )
