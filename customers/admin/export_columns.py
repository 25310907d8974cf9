"""The columns that an export has beside those that an import reads: the names that belong to ids, and the channels of
marketing.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, OuterRef, Value
from django.db.models.functions import Concat

from customers.extensions import ExportColumn
from customers.models import PreferredService, PreferredStaff
from customers.models.consent import CHANNELS_BY_CONTACT, granted_marketing_channels


def _annotate_outlet() -> Mapping[str, Any]:
    return {"outlet_name": F("preferred_outlet__name")}


def _annotate_services() -> Mapping[str, Any]:
    own = PreferredService.objects.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk")).order_by("position")
    return {"service_names": ArraySubquery(own.values("service__name"))}


def _annotate_staff() -> Mapping[str, Any]:
    own = PreferredStaff.objects.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk")).order_by("position")
    name = Concat("staff__first_name", Value(" "), "staff__last_name", output_field=CharField())
    return {"staff_names": ArraySubquery(own.values(full_name=name).values("full_name"))}


def _staff_names(customer: Any) -> list[str]:
    return [" ".join(name.split()) for name in customer.staff_names]


def _annotate_channels() -> Mapping[str, Any]:
    own = granted_marketing_channels().filter(tenant=OuterRef("tenant"), customer=OuterRef("pk")).order_by("channel")
    return {"granted_channels": ArraySubquery(own.values("channel"))}


def _reachable_channels(customer: Any) -> list[str]:
    """Returns the channels on which the customer agreed to marketing, and for which they have a contact."""
    usable = {
        channel
        for contact, channels in CHANNELS_BY_CONTACT.items()
        if getattr(customer, contact)
        for channel in channels
    }
    return [channel for channel in customer.granted_channels if channel in usable]


EXPORT_COLUMNS = [
    ExportColumn("preferred_outlet", lambda customer: customer.outlet_name, _annotate_outlet),
    ExportColumn("preferred_service_names", lambda customer: customer.service_names, _annotate_services),
    ExportColumn("preferred_staff_names", _staff_names, _annotate_staff),
    ExportColumn("marketing_channels", _reachable_channels, _annotate_channels),
]
