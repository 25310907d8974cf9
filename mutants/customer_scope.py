"""Faults of what a customer of the portal reaches, and of what customers do by themselves."""

from mutants.faults import Fault

SCOPE = "circe/tests/test_customer_scope.py"
BOOKINGS = "appointments/portal/tests/test_own_appointments.py"
FREE_TIMES = "appointments/portal/tests/test_free_times.py"
PROFILE = "customers/portal/profile/tests/test_profile.py"

CUSTOMER_SCOPE = [
    Fault(
        "a customer's queries find the rows of all customers",
        "tenants/scope.py",
        "values = [scope.tenant.pk, scope.customer_id][: 1 if self.is_public else 2]",
        "values = [scope.tenant.pk]",
        SCOPE,
    ),
    Fault(
        "a customer's queries read closed tables", "tenants/scope.py", 'return "false", []', 'return "true", []', SCOPE
    ),
    Fault(
        "the database lets a customer write whatever they may read",
        "circe/db/row_level_security.py",
        "for command in self.forbidden_commands:\n            #",
        "for command in []:\n            #",
        SCOPE,
    ),
    Fault(
        "triggers can't keep the totals when a customer writes",
        "circe/db/row_level_security.py",
        " OR pg_has_role('circe_rls_bypass', 'USAGE')",
        "",
        BOOKINGS,
    ),
    Fault(
        "a row that a customer reads opens the whole business",
        "tenants/views.py",
        "narrow_from_all_tenants(row.tenant)",
        "from tenants.scope import enter_scope\n\n        enter_scope(row.tenant)",
        SCOPE,
    ),
    Fault(
        "a service that a customer reads opens the whole business",
        "appointments/slots/filters.py",
        "narrow_from_all_tenants(service.tenant)",
        "from tenants.scope import enter_scope\n\n    enter_scope(service.tenant)",
        FREE_TIMES,
    ),
    Fault(
        "a customer names another business",
        "customers/portal/authentication.py",
        "not in (None, tenant.pk)",
        "in ()",
        FREE_TIMES,
    ),
    Fault(
        "a customer learns which booking is in the way",
        "appointments/portal/own_bookings.py",
        'refusal.details.pop("conflicting_appointment_id", None)',
        "refusal.details.pop(None, None)",
        BOOKINGS,
    ),
    Fault(
        "a customer changes an appointment at any time",
        "appointments/portal/own_bookings.py",
        "if until < timezone.now():",
        "if False:",
        BOOKINGS,
    ),
    Fault(
        "a customer books the past",
        "appointments/portal/own_bookings.py",
        "tenant.zone) < timezone.now():",
        "tenant.zone) is None:",
        BOOKINGS,
    ),
    Fault(
        "customers share their idempotency keys",
        "tenants/idempotency.py",
        'return {"customer_id": request.user.pk} if',
        'return {"customer_id": "5" * 24} if',
        PROFILE,
    ),
    Fault(
        "a customer learns that a phone is somebody's",
        "customers/portal/profile/serializers.py",
        'is_taken = any(not other["is_deleted"] for other in others)',
        "is_taken = False",
        PROFILE,
    ),
]
