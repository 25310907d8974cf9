"""The back office pages of businesses, their people and their offers."""

from tenants.admin.audit_trail import AuditEventAdmin
from tenants.admin.base import TenantAdmin
from tenants.admin.businesses import BusinessAdmin
from tenants.admin.offers import OutletAdmin, ServiceAdmin
from tenants.admin.staff import StaffAdmin

__all__ = ["AuditEventAdmin", "BusinessAdmin", "OutletAdmin", "ServiceAdmin", "StaffAdmin", "TenantAdmin"]
