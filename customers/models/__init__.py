"""Every model of customers."""

from customers.models.choices import Gender, PreferredChannel, tenant_language
from customers.models.column_mappings import ColumnMapping
from customers.models.consent import (
    CHANNELS_BY_CONTACT,
    Channel,
    Consent,
    ConsentSource,
    ConsentState,
    MarketingBlock,
    Purpose,
    block_marketing,
    find_marketing_block_times,
)
from customers.models.customer import (
    CONTACT_FLAGS,
    DELETION_FIELDS,
    Customer,
    failed_logins,
    purge_all,
    restore_all,
)
from customers.models.imports import CustomerImport, ImportPart
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import NameKey, SearchableName
from customers.models.outgoing import DeliveryState, Outgoing
from customers.models.portal import CustomerSession, DeletionRequest, MailedLink
from customers.models.preferences import PREFERENCE_MODELS, PreferredService, PreferredStaff
from customers.models.querysets import CustomerQuerySet
from customers.models.searchable import SearchableCustomer
from customers.models.tombstone import Tombstone

__all__ = [
    "CHANNELS_BY_CONTACT",
    "CONTACT_FLAGS",
    "DELETION_FIELDS",
    "PREFERENCE_MODELS",
    "Channel",
    "ColumnMapping",
    "Consent",
    "ConsentSource",
    "ConsentState",
    "Customer",
    "CustomerImport",
    "CustomerMonthlyCounts",
    "CustomerQuerySet",
    "CustomerSession",
    "DeletionRequest",
    "DeliveryState",
    "Gender",
    "ImportPart",
    "MailedLink",
    "MarketingBlock",
    "NameKey",
    "Outgoing",
    "PreferredChannel",
    "PreferredService",
    "PreferredStaff",
    "Purpose",
    "SearchableCustomer",
    "SearchableName",
    "Tombstone",
    "block_marketing",
    "failed_logins",
    "find_marketing_block_times",
    "purge_all",
    "restore_all",
    "tenant_language",
]
