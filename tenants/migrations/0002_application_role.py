"""The roles that share the database: `circe_app`, as which the application works, and `circe_rls_bypass`.

The application's owns nothing: it can't change the schema, or what the audit trail says. The keeper is bound by no wall
between tenants (`circe.db.row_level_security`); the owner is a member of it.

A role is of the whole server: where it is there already, another database's migration or an administrator made it.
"""

from django.db import migrations

CREATE = """
DO $$
DECLARE
    name text;
    ways CONSTANT text[] := CASE
        WHEN current_setting('server_version_num')::int >= 160000 THEN '{SET,USAGE}' ELSE '{MEMBER,USAGE}'
    END;
BEGIN
    FOREACH name IN ARRAY '{circe_app,circe_rls_bypass}'::text[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- by another migration, just now
            END;
        END IF;
        IF NOT (pg_has_role(name, ways[1]) AND pg_has_role(name, ways[2])) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION USING
        MESSAGE = format('%I may not create the role %I.', current_user, name),
        HINT = format(
            'As an administrator: CREATE ROLE circe_app; CREATE ROLE circe_rls_bypass; GRANT circe_app, circe_rls_bypass TO %I;',
            current_user
        );
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
