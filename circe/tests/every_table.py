"""Makes a row of every table."""

from django.utils import timezone

from appointments.models import Message, MessageText
from appointments.tests.factories import AppointmentFactory, TimeOffFactory, WorkingHoursFactory
from circe.db.ids import new_id
from customers.models import Consent, CustomerSession, DeletionRequest, MailedLink, MarketingBlock
from customers.models.column_mappings import ColumnMapping
from customers.models.imports import CustomerImport, ImportPart
from customers.models.preferences import PreferredService, PreferredStaff
from customers.tests.factories import CustomerFactory
from tenants.models import IdempotencyRecord
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceStaffFactory


def make_rows(tenant):
    """Makes a row of every table of a tenant, about a new customer. Returns their visit."""
    visit = AppointmentFactory(tenant=tenant, status="completed")
    WorkingHoursFactory(tenant=tenant, outlet=visit.outlet, staff_id=visit.staff_id)
    TimeOffFactory(tenant=tenant, staff_id=visit.staff_id)
    ServiceStaffFactory(tenant=tenant, service=visit.service, staff_id=visit.staff_id)
    own = {"customer": visit.customer}
    with tenant_scope(tenant):
        # Triggers leave tombstones.
        CustomerFactory(tenant=tenant).purge()
        same = {"tenant": tenant, "outlet": visit.outlet, "service": visit.service, "staff_id": visit.staff_id}
        AppointmentFactory(**same, customer=visit.customer, status="cancelled").delete()
        PreferredService.objects.create(**own, service=visit.service, position=0)
        PreferredStaff.objects.create(**own, staff=visit.staff, position=0)
        ColumnMapping.objects.create(header_digest=new_id())
        upload = CustomerImport.objects.create(file_name="people.csv")
        ImportPart.objects.create(upload=upload, kind="file", position=0, data=b"name")
        Consent.objects.create(**own, channel="sms", purpose="service", state="granted", source="paper")
        MarketingBlock.objects.create(address_hash=new_id())
        CustomerSession.objects.create(**own, current_jti="jti", rotated_at=timezone.now())
        MailedLink.objects.create(**own, kind="reset", email="jane@example.com", email_key="jane@example.com")
        DeletionRequest.objects.create(**own, due_at=timezone.now())
        Message.objects.create(**own, appointment=visit, kind="reminder", sequence=0)
        MessageText.objects.create(kind="reminder", language=f"en-{new_id()[-8:]}", subject="Tomorrow", body="See you.")
        IdempotencyRecord.objects.create(
            user_id=visit.staff_id, key="key", fingerprint="print", status=201, headers={}, body="{}"
        )
    return visit
