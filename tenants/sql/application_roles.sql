-- Creates the two roles of the database. The application uses circe_app, which owns nothing: it can change neither the
-- schema nor the audit trail. No policy limits circe_rls_bypass (circe/db/row_level_security.py); the owner of the schema is
-- a member of it.
--
-- Roles belong to the whole server. So another database's migration, or an administrator, may have created them already.
DO $$
DECLARE
    role_name text;
    -- The privileges that membership must include: SET ROLE, and the use of the role's rights.
    privileges CONSTANT text[] := CASE
        WHEN current_setting('server_version_num')::int >= 160000 THEN '{SET,USAGE}' ELSE '{MEMBER,USAGE}'
    END;
BEGIN
    FOREACH role_name IN ARRAY '{circe_app,circe_rls_bypass}'::text[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Another database's migration created it at the same moment. This transaction has looked for the role
                -- and remembers that there is none, until it locks another table.
                PERFORM FROM pg_tablespace LIMIT 1;
            END;
        END IF;
        IF NOT (pg_has_role(role_name, privileges[1]) AND pg_has_role(role_name, privileges[2])) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION USING
        MESSAGE = format('%I may not create the role %I.', current_user, role_name),
        HINT = format(
            'As an administrator: CREATE ROLE circe_app; CREATE ROLE circe_rls_bypass; GRANT circe_app, circe_rls_bypass TO %I;',
            current_user
        );
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO circe_app;
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO circe_app;
