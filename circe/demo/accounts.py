"""The accounts of a demo: who signs in, and with which password."""

PASSWORD = "circe-demo"  # noqa: S105
# Slug and name.
DOCUMENTED_TENANTS = (("lotus", "Lotus Salon & Spa"), ("nordlys", "Nordlys Frisør & Spa"))
# In each documented business, the customer `customer@{slug}.test` can sign in to the portal.
PORTAL_LOCAL_PART = "customer"
SUPER_ADMIN_EMAIL = "super@circe.test"
STAFF_ROLES = {"admin": "tenant_admin", "manager": "outlet_manager", "staff": "staff"}
LOGIN_EMAILS = (SUPER_ADMIN_EMAIL, *(f"{name}@{slug}.test" for slug, _ in DOCUMENTED_TENANTS for name in STAFF_ROLES))
