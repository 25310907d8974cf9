"""The application reads the audit trail and can't write it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_audit_trail")]
    operations = [
        migrations.RunSQL(
            "REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app",
            "GRANT INSERT, UPDATE, DELETE ON tenants_auditevent TO circe_app",
        )
    ]
