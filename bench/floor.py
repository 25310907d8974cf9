"""The fastest SQL for each endpoint, without HTTP. No service on this database can be faster.

Statements have `:name` parameters, as SQLAlchemy's `text` takes them. Each returns the body of an answer as one JSON value.
They read tables and indexes only, and none of Circe's summary tables. The statements without JSON are shared with the
services in `bench/yardstick`.
"""

import re
from functools import lru_cache

PARAMETER = re.compile(r"(?<![:\w]):(\w+)")


def to_psycopg(sql: str) -> str:
    """Converts the `:name` parameters of a statement to psycopg's."""
    return PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


@lru_cache
def to_asyncpg(sql: str) -> tuple[str, list[str]]:
    """Converts the `:name` parameters of a statement to asyncpg's. Returns the statement and the names by number."""
    names = list(dict.fromkeys(PARAMETER.findall(sql)))
    return PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


IN_TENANT = "tenant_id = :tenant AND NOT is_deleted"
MAX_RANKED = 10_000  # A search that finds more is in the order of the list.

# It reads ids first and rows afterwards. So a skipped row costs only an index entry.
FOUND = f"SELECT id, created_at FROM customers_customer WHERE {IN_TENANT}"
TOTALS = """
CROSS JOIN LATERAL (
    SELECT count(*) AS total_appointments,
           coalesce(sum(total_price) FILTER (WHERE status = 'completed'), 0)::bigint AS total_spent,
           max(appointment_date) FILTER (WHERE status = 'completed') AS last_appointment_date
    FROM appointments_appointment WHERE tenant_id = c.tenant_id AND customer_id = c.id
) totals"""
PREFERENCE_MODELS = """
ARRAY(SELECT service_id FROM customers_preferredservice
      WHERE tenant_id = c.tenant_id AND customer_id = c.id ORDER BY position) AS preferred_services,
ARRAY(SELECT staff_id FROM customers_preferredstaff
      WHERE tenant_id = c.tenant_id AND customer_id = c.id ORDER BY position) AS preferred_staff_ids"""
COLUMNS = f"""
c.id, c.tenant_id, c.created_at, c.updated_at, c.first_name, c.last_name, c.email, c.email_verified, c.phone,
c.phone_verified, c.gender, c.date_of_birth, c.address, c.tags, c.source, c.loyalty_points, c.is_active,
c.password IS NOT NULL AS has_password, c.accepts_email, c.accepts_sms, c.accepts_push, c.accepts_whatsapp,
c.marketing_consent, c.language, c.notes, c.preferred_outlet_id, c.preferred_categories, c.preferred_channel,
c.accessibility_needs,
total_appointments, total_spent, last_appointment_date, {PREFERENCE_MODELS}"""
CUSTOMER = f"SELECT {COLUMNS} FROM customers_customer c {TOTALS} WHERE c.id = :id AND c.{IN_TENANT}"


def customers(condition: str = "true", begins: str = "") -> str:
    """Returns the SQL of a page of the customers that satisfy a condition; first those that satisfy `begins`, if given."""
    first = f"({begins}) DESC, " if begins else ""
    return f"""
    SELECT {COLUMNS}
    FROM ({FOUND} AND {condition} ORDER BY {first}created_at DESC, id DESC LIMIT :size OFFSET :skip) page
    JOIN customers_customer c USING (id) {TOTALS}
    ORDER BY {first}c.created_at DESC, c.id DESC"""


def count(condition: str = "true") -> str:
    """Returns the SQL that counts the customers that satisfy a condition."""
    return f"SELECT count(*) FROM customers_customer WHERE {IN_TENANT} AND {condition}"


def _instant(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


# The JSON of a row of COLUMNS. json_build_object takes at most 100 arguments: this one has 46, the inner ones fewer.
CUSTOMER_JSON = f"""json_build_object(
    'id', r.id, 'tenant_id', r.tenant_id, 'created_at', {_instant("r.created_at")},
    'updated_at', {_instant("r.updated_at")}, 'first_name', first_name, 'last_name', last_name, 'email', email,
    'email_verified', email_verified, 'phone', phone, 'phone_verified', phone_verified, 'gender', gender,
    'date_of_birth', date_of_birth, 'address', address, 'tags', tags, 'source', source,
    'loyalty_points', loyalty_points, 'is_active', is_active, 'has_password', has_password,
    'total_appointments', total_appointments, 'total_spent', total_spent,
    'last_appointment_date', last_appointment_date,
    'preferences', json_build_object(
        'communication_preferences', json_build_object(
            'email', accepts_email, 'sms', accepts_sms, 'push_notifications', accepts_push,
            'whatsapp', accepts_whatsapp),
        'language', language, 'marketing_consent', marketing_consent, 'notes', notes,
        'preferred_outlet_id', preferred_outlet_id, 'preferred_services', preferred_services,
        'preferred_staff_ids', preferred_staff_ids, 'preferred_categories', preferred_categories,
        'preferred_channel', preferred_channel, 'accessibility_needs', accessibility_needs))"""

DETAIL = f"SELECT {CUSTOMER_JSON} FROM ({CUSTOMER}) r"
LIST = f"""
SELECT json_build_object(
    'items', (SELECT coalesce(json_agg({CUSTOMER_JSON}), '[]') FROM ({customers()}) r),
    'total', ({count()}))"""


def search(condition: str, begins: str) -> str:
    """Returns the SQL of a page of the customers found, with their number; first those that satisfy `begins`.

    Each customer is found only once.

    Without MATERIALIZED the planner may read all customers by date instead, because it expects to fill a page soon.
    """
    return f"""
    WITH found AS MATERIALIZED (
        SELECT id, created_at, {begins} AS begins FROM customers_customer WHERE {IN_TENANT} AND {condition}
    ),
    ranked AS (
        SELECT id, row_number() OVER (
            ORDER BY begins AND (SELECT count(*) FROM found) <= {MAX_RANKED} DESC, created_at DESC, id DESC
        ) AS position FROM found
    )
    SELECT json_build_object(
        'items', (SELECT coalesce(json_agg({CUSTOMER_JSON} ORDER BY position), '[]') FROM (
            SELECT position, {COLUMNS}
            FROM (SELECT id, position FROM ranked ORDER BY position LIMIT :size OFFSET :skip) page
            JOIN customers_customer c USING (id) {TOTALS}
        ) r),
        'total', (SELECT count(*) FROM found))"""


UPCOMING = "status IN ('pending', 'confirmed') AND (appointment_date, start_time) >= (:today, :clock)"
FIGURES = f"""
SELECT count(*) AS total_appointments,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE status = 'no_show') AS no_show,
       count(*) FILTER (WHERE {UPCOMING}) AS upcoming
FROM appointments_appointment WHERE tenant_id = :tenant AND customer_id = :id"""
APPOINTMENTS = """
SELECT a.id, a.tenant_id, a.outlet_id, a.customer_id, a.staff_id, a.service_id, a.appointment_date, a.start_time,
       a.end_time, a.status, a.total_price, a.notes, a.created_at, a.updated_at, a.payment_status, a.payment_method,
       a.paid_amount, a.sequence, a.is_walk_in, a.buffer_minutes, a.overrides,
       a.status_reason, s.name AS service_name, nullif(s.category, '') AS category, s.duration_minutes, s.price,
       btrim(u.first_name || ' ' || u.last_name) AS staff_name, o.name AS outlet_name, t.currency
FROM appointments_appointment a
JOIN tenants_tenant t ON t.id = a.tenant_id
JOIN tenants_service s ON (s.tenant_id, s.id) = (a.tenant_id, a.service_id)
JOIN tenants_user u ON u.id = a.staff_id
JOIN tenants_outlet o ON (o.tenant_id, o.id) = (a.tenant_id, a.outlet_id)
WHERE a.tenant_id = :tenant AND a.customer_id = :id
ORDER BY a.appointment_date DESC, a.start_time DESC, a.id DESC LIMIT :size OFFSET :skip"""
IS_THERE = f"SELECT 1 FROM customers_customer WHERE id = :id AND {IN_TENANT}"
APPOINTMENT_JSON = f"""json_build_object(
    'id', id, 'tenant_id', tenant_id, 'outlet_id', outlet_id, 'customer_id', customer_id, 'staff_id', staff_id,
    'service_id', service_id, 'appointment_date', appointment_date, 'start_time', start_time, 'end_time', end_time,
    'status', status, 'total_price', total_price, 'notes', notes, 'created_at', {_instant("created_at")},
    'updated_at', {_instant("updated_at")}, 'currency', currency,
    'service', json_build_object('id', service_id, 'name', service_name, 'category', category,
        'duration_minutes', duration_minutes, 'price', price),
    'staff', json_build_object('id', staff_id, 'name', staff_name),
    'outlet', json_build_object('id', outlet_id, 'name', outlet_name),
    'payment', json_build_object('status', payment_status, 'method', payment_method, 'paid_amount', paid_amount),
    'sequence', sequence, 'walk_in', is_walk_in, 'buffer_minutes', buffer_minutes, 'overrides', overrides,
    'status_reason', status_reason)"""
HISTORY = f"""
SELECT json_build_object(
    'appointments', (SELECT coalesce(json_agg({APPOINTMENT_JSON}), '[]') FROM ({APPOINTMENTS}) a),
    'statistics', (SELECT row_to_json(figures) FROM ({FIGURES}) figures))
WHERE EXISTS ({IS_THERE})"""
