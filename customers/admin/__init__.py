"""The back office pages of customers."""

from customers.admin.customers import CustomerAdmin

__all__ = ["CustomerAdmin"]
