"""The accounts of a demo: who signs in, and with which password."""

PASSWORD = "circe-demo"  # noqa: S105
# Slug and name.
DOCUMENTED_TENANTS = (("lotus", "Lotus Salon & Spa"), ("nordlys", "Nordlys Frisør & Spa"))
# The part before the @ of the address of a customer: in each documented business this one can sign in to the portal.
PORTAL_CUSTOMER = "customer"
SUPER_ADMIN = "super@circe.test"
STAFF_ROLES = {"admin": "tenant_admin", "manager": "outlet_manager", "staff": "staff"}
LOGIN_EMAILS = (SUPER_ADMIN, *(f"{name}@{slug}.test" for slug, _ in DOCUMENTED_TENANTS for name in STAFF_ROLES))
