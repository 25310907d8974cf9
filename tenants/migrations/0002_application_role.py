"""The role that the application works as. It owns nothing: it can't change the schema, or what the audit trail says.

A role is of the whole server: where it is there already, another database's migration or an administrator made it.
"""

from django.db import migrations

CREATE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'circe_app') THEN
        BEGIN
            CREATE ROLE circe_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- by another migration, just now
        END;
    END IF;
    IF NOT pg_has_role(
        'circe_app', CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
    ) THEN
        GRANT circe_app TO CURRENT_USER;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION USING
        MESSAGE = format('%I may not create the role circe_app.', current_user),
        HINT = format('As an administrator: CREATE ROLE circe_app; GRANT circe_app TO %I;', current_user);
END
$$
"""
GRANT = """
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO circe_app;
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO circe_app;
"""
REVOKE = """
ALTER DEFAULT PRIVILEGES REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM circe_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM circe_app;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_tenants_and_people")]
    operations = [
        migrations.RunSQL(CREATE, migrations.RunSQL.noop),
        migrations.RunSQL(GRANT, REVOKE),
    ]
