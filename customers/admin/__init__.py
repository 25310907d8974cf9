"""The back office pages of customers."""

from customers.admin.customers import CustomerAdmin
from customers.admin.deletion_requests import DeletionRequestAdmin

__all__ = ["CustomerAdmin", "DeletionRequestAdmin"]
