"""The accounts of a demo: who signs in, and with which password."""

PASSWORD = "circe-demo"  # noqa: S105
DOCUMENTED_TENANTS = (("lotus", "Lotus Salon & Spa"), ("nordlys", "Nordlys Frisør & Spa"))
# The customer of each documented business who can sign in to its portal.
PORTAL_CUSTOMER = "customer"
SUPER_ADMIN = "super@circe.test"
STAFF_ROLES = {"admin": "tenant_admin", "manager": "outlet_manager", "staff": "staff"}
LOGIN_EMAILS = (SUPER_ADMIN, *(f"{name}@{slug}.test" for slug, _ in DOCUMENTED_TENANTS for name in STAFF_ROLES))
