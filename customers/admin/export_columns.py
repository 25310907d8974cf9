"""The columns that an export has beside those that an import reads: the names that belong to ids, and the channels of
marketing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, OuterRef, Value
from django.db.models.functions import Concat

from customers.extensions import ExportColumn
from customers.messages.decision import find_marketing_channels
from customers.models import PreferredService, PreferredStaff


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


def _set_channels(customers: Sequence[Any]) -> None:
    allowed = find_marketing_channels(customers)
    for customer in customers:
        customer.marketing_channels = sorted(allowed[customer.pk])


EXPORT_COLUMNS = [
    ExportColumn("preferred_outlet", lambda customer: customer.outlet_name, _annotate_outlet),
    ExportColumn("preferred_service_names", lambda customer: customer.service_names, _annotate_services),
    ExportColumn("preferred_staff_names", _staff_names, _annotate_staff),
    ExportColumn("marketing_channels", lambda customer: customer.marketing_channels, prepare=_set_channels),
]
