"""Every model of customers."""

from customers.models.column_mappings import ColumnMapping
from customers.models.customer import (
    CONTACT_FLAGS,
    Customer,
    CustomerQuerySet,
    Gender,
    purge_all,
    restore_all,
    tenant_language,
)
from customers.models.imports import CustomerImport, ImportPart
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import NameKey, SearchableName
from customers.models.preferences import PREFERENCE_MODELS, PreferredService, PreferredStaff
from customers.models.searchable import SearchableCustomer

__all__ = [
    "CONTACT_FLAGS",
    "PREFERENCE_MODELS",
    "ColumnMapping",
    "Customer",
    "CustomerImport",
    "CustomerMonthlyCounts",
    "CustomerQuerySet",
    "Gender",
    "ImportPart",
    "NameKey",
    "PreferredService",
    "PreferredStaff",
    "SearchableCustomer",
    "SearchableName",
    "purge_all",
    "restore_all",
    "tenant_language",
]
