"""Every model of tenants."""

from tenants.accounts.managers import Role
from tenants.models.audit_event import AuditEvent
from tenants.models.base import TENANT_CONSTRAINTS, TenantModel, tenant_constraints
from tenants.models.idempotency_record import IdempotencyRecord
from tenants.models.offer import DuplicateName, Outlet, Service, ServiceStaff
from tenants.models.session import LoginFailure, LoginSession, SessionQuerySet, TokenFamily, portal_failure_account
from tenants.models.staff_name import StaffName
from tenants.models.tenant import Tenant, validate_amount, validate_currency, validate_language, validate_time_zone
from tenants.models.user import Staff, User

__all__ = [
    "TENANT_CONSTRAINTS",
    "AuditEvent",
    "DuplicateName",
    "IdempotencyRecord",
    "LoginFailure",
    "LoginSession",
    "Outlet",
    "Role",
    "Service",
    "ServiceStaff",
    "SessionQuerySet",
    "Staff",
    "StaffName",
    "Tenant",
    "TenantModel",
    "TokenFamily",
    "User",
    "portal_failure_account",
    "tenant_constraints",
    "validate_amount",
    "validate_currency",
    "validate_language",
    "validate_time_zone",
]
