"""The back office pages of businesses, their people and their offers."""

from tenants.admin.base import AuditEventAdmin, OutletAdmin, ServiceAdmin, StaffAdmin, TenantAdmin

__all__ = ["AuditEventAdmin", "OutletAdmin", "ServiceAdmin", "StaffAdmin", "TenantAdmin"]
