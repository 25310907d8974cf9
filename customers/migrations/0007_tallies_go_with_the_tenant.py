"""The numbers of customers go with their tenant: the application may not delete them itself."""

from django.db import migrations

REPLACE = """
ALTER TABLE customers_customermonthlycounts
    DROP CONSTRAINT customers_customertally_tenant_id_444521ad_fk_tenants_tenant_id,
    ADD CONSTRAINT customers_customertally_tenant_id_444521ad_fk_tenants_tenant_id
        FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id) {action} DEFERRABLE INITIALLY DEFERRED
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0006_customer_tallies")]
    operations = [migrations.RunSQL(REPLACE.format(action="ON DELETE CASCADE"), REPLACE.format(action=""))]
