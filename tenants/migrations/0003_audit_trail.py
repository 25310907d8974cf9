"""The audit trail, which the application may only read."""

import django.db.models.deletion
import django_migrate_sql.operations
from django.conf import settings
from django.db import migrations, models

import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0002_outlets_and_services"),
    ]

    operations = [
        django_migrate_sql.operations.CreateSQL(
            name="circe_record_event",
            sql="""-- Writes an audit event that no change of a row can record: something was refused, or a person was erased. It runs with the
-- rights of its owner, since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_record_event(
    action text, table_or_url text, row_id text, customer text, tenant text, details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
BEGIN
    -- Otherwise the application could forge the event of a row.
    IF action NOT IN ('refused', 'erased') THEN
        RAISE EXCEPTION 'Changes of rows are recorded by triggers alone.';
    END IF;
    INSERT INTO public.tenants_auditevent (
        at, tenant_id, action, "table", row_id, customer_id, after, actor_id, command, request_id, address
    ) VALUES (
        clock_timestamp(), tenant, action, table_or_url, row_id, customer, details, actor ->> 'user_id', actor ->> 'command',
        actor ->> 'request_id', (actor ->> 'address')::inet
    );
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_record_event;",
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(editable=False, verbose_name="time")),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                        verbose_name="business",
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("updated", "Updated"),
                            ("soft_deleted", "Soft-deleted"),
                            ("restored", "Restored"),
                            ("deleted", "Deleted"),
                            ("refused", "Refused"),
                            ("erased", "Erased"),
                        ],
                        max_length=20,
                    ),
                ),
                ("table", models.CharField(max_length=50)),
                ("row_id", circe.db.ids.IdField(default=None, null=True)),
                ("customer_id", circe.db.ids.IdField(default=None, null=True)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                (
                    "actor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("actor_email", models.CharField(max_length=254, null=True)),
                ("actor_name", models.CharField(max_length=201, null=True)),
                ("command", models.CharField(max_length=100, null=True)),
                ("request_id", models.CharField(max_length=64, null=True)),
                ("address", models.GenericIPAddressField(null=True)),
            ],
            options={
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(fields=["id"], name="auditevent_by_id"),
                    models.Index(fields=["at", "id"], name="auditevent_newest"),
                    models.Index(fields=["tenant", "-at", "-id"], name="auditevent_of_tenant"),
                    models.Index(
                        condition=models.Q(("customer_id__isnull", False)),
                        fields=["tenant", "customer_id", "-at", "-id"],
                        name="auditevent_customer",
                    ),
                    models.Index(fields=["tenant", "row_id", "-at", "-id"], name="auditevent_row"),
                    models.Index(
                        condition=models.Q(("actor__isnull", False)),
                        fields=["tenant", "actor", "-at", "-id"],
                        name="auditevent_actor",
                    ),
                    models.Index(
                        condition=models.Q(("request_id__isnull", False)),
                        fields=["tenant", "request_id"],
                        name="auditevent_request",
                    ),
                    models.Index(
                        condition=models.Q(("customer_id__isnull", True)),
                        fields=["tenant", "table", "-at", "-id"],
                        name="auditevent_business",
                    ),
                ],
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="auditevent_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="auditevent_tenant_id"),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="tenants_auditevent",
            sql="""-- The application may only read the audit trail. The functions circe_audit and circe_record_event write it.
REVOKE INSERT, UPDATE, DELETE ON tenants_auditevent FROM circe_app;
""",
            reverse_sql="GRANT INSERT, UPDATE, DELETE ON tenants_auditevent TO circe_app;",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_name_actor",
            sql="""-- Copies the acting account's e-mail address and name into each event of the audit trail, and sets the account's has_acted.
-- Whatever inserts an event has the owner's rights. So this function has them too, and finds accounts of any business.
CREATE OR REPLACE FUNCTION public.circe_name_actor() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    has_acted_before boolean;
BEGIN
    SELECT email, btrim(first_name || ' ' || last_name), has_acted
    INTO NEW.actor_email, NEW.actor_name, has_acted_before
    FROM public.tenants_user WHERE id = NEW.actor_id;
    -- On a Citus cluster only the coordinator can write accounts, and the log-in of an account has set has_acted.
    IF NOT has_acted_before AND NOT circe_is_citus_worker() THEN
        UPDATE public.tenants_user SET has_acted = true WHERE id = NEW.actor_id;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER auditevent_actor BEFORE INSERT ON public.tenants_auditevent
FOR EACH ROW WHEN (new.actor_id IS NOT NULL) EXECUTE FUNCTION public.circe_name_actor();
""",
            reverse_sql="""DROP TRIGGER auditevent_actor ON public.tenants_auditevent;
DROP FUNCTION public.circe_name_actor;""",
        ),
    ]
