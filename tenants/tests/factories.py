"""Tenants, people, outlets and services for tests."""

import factory
from factory.django import DjangoModelFactory

from tenants.models import Outlet, Role, Service, ServiceStaff, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope

PASSWORD = "correct horse battery"


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = Tenant

    @classmethod
    def _create(cls, *args, **kwargs):
        with tenant_scope(ALL_TENANTS):
            return super()._create(*args, **kwargs)

    name = factory.Sequence(lambda n: f"Salon {n}")
    slug = factory.Sequence(lambda n: f"salon-{n}")
    time_zone = "Asia/Jakarta"
    currency = "IDR"
    phone_region = "ID"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    tenant = factory.SubFactory(TenantFactory)
    email = factory.Sequence(lambda n: f"user{n}@example.com")
    role = Role.STAFF
    first_name = "Rina"
    last_name = factory.Sequence(lambda n: f"Staff {n}")
    password = PASSWORD

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        with tenant_scope(ALL_TENANTS):
            return User.objects.create_user(**kwargs)


class TenantModelFactory(DjangoModelFactory):
    """Makes the row in the scope of its own tenant."""

    class Meta:
        abstract = True

    tenant = factory.SubFactory(TenantFactory)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        with tenant_scope(kwargs["tenant"]):
            return super()._create(model_class, *args, **kwargs)


class OutletFactory(TenantModelFactory):
    class Meta:
        model = Outlet

    name = factory.Sequence(lambda n: f"Outlet {n}")


class ServiceFactory(TenantModelFactory):
    class Meta:
        model = Service

    name = factory.Sequence(lambda n: f"Service {n}")
    category = "hair"
    duration_minutes = 60
    price = 350000


class ServiceStaffFactory(TenantModelFactory):
    class Meta:
        model = ServiceStaff

    service = factory.SubFactory(ServiceFactory, tenant=factory.SelfAttribute("..tenant"))
    staff_id = factory.LazyAttribute(lambda service_staff: UserFactory(tenant=service_staff.tenant).pk)
