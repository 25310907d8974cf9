"""What holds for an account by whatever way its row is written: the API, the admin, a command, bulk updates or raw SQL.

- A changed or disabled password ends every session.
- An account that has signed in or changed something is never deleted, and each event of the audit trail keeps the name of
  whoever acted.
"""

from importlib import import_module

from django.db import migrations, models

AUDIT_BEFORE = import_module("tenants.migrations.0003_audit_functions").AUDIT.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
AUDIT = AUDIT_BEFORE.replace("last_login,tokens_valid_from}", "last_login,tokens_valid_from,has_acted}")

KEEP_ACCOUNT = """
CREATE FUNCTION public.circe_keep_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- An account that has acted has acted for ever.
    NEW.has_acted := NEW.has_acted OR NEW.last_login IS NOT NULL;
    IF TG_OP = 'UPDATE' THEN
        NEW.has_acted := NEW.has_acted OR OLD.has_acted;
        -- The hash that is named here is of the same password as the one before: it was made anew at a log-in.
        IF NEW.password <> OLD.password
            AND NEW.password IS DISTINCT FROM current_setting('circe.renewed_hash', true)
        THEN
            -- Later than before even where the clocks of two machines differ.
            NEW.tokens_valid_from := greatest(clock_timestamp(), OLD.tokens_valid_from + interval '1 microsecond');
        END IF;
        -- An older value comes from a row that was read before the sessions ended.
        NEW.tokens_valid_from := greatest(NEW.tokens_valid_from, OLD.tokens_valid_from);
        IF NEW.tokens_valid_from > OLD.tokens_valid_from THEN
            UPDATE public.tenants_loginsession SET ended_at = NEW.tokens_valid_from
            WHERE user_id = NEW.id AND ended_at IS NULL;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER user_keep_account BEFORE INSERT OR UPDATE ON public.tenants_user
FOR EACH ROW EXECUTE FUNCTION public.circe_keep_account();
"""
KEEP_ACCOUNT_REVERSE = """
DROP TRIGGER user_keep_account ON public.tenants_user;
DROP FUNCTION public.circe_keep_account;
"""

REFUSE_DELETION = """
CREATE FUNCTION public.circe_refuse_deletion_of_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'user_that_acted_stays',
        MESSAGE = format('The account %s has signed in or changed something, and the audit trail names it.', OLD.id),
        HINT = 'Deactivate it instead.';
END
$$;
CREATE TRIGGER user_that_acted_stays BEFORE DELETE ON public.tenants_user
FOR EACH ROW WHEN (OLD.has_acted) EXECUTE FUNCTION public.circe_refuse_deletion_of_account();
"""
REFUSE_DELETION_REVERSE = """
DROP TRIGGER user_that_acted_stays ON public.tenants_user;
DROP FUNCTION public.circe_refuse_deletion_of_account;
"""

# Only the owner's functions insert into the trail, so it runs with the owner's rights: it finds an account of any business.
NAME_ACTOR = """
CREATE FUNCTION public.circe_name_actor() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    has_acted_before boolean;
BEGIN
    SELECT email, btrim(first_name || ' ' || last_name), has_acted
    INTO NEW.actor_email, NEW.actor_name, has_acted_before
    FROM public.tenants_user WHERE id = NEW.actor_id;
    IF NOT has_acted_before THEN
        UPDATE public.tenants_user SET has_acted = true WHERE id = NEW.actor_id;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER auditevent_actor BEFORE INSERT ON public.tenants_auditevent
FOR EACH ROW WHEN (NEW.actor_id IS NOT NULL) EXECUTE FUNCTION public.circe_name_actor();
"""
NAME_ACTOR_REVERSE = """
DROP TRIGGER auditevent_actor ON public.tenants_auditevent;
DROP FUNCTION public.circe_name_actor;
"""

# The owner is bound by no row-level security here: `circe_rls_bypass`, of which it is a member, may see every row.
EXISTING_ROWS = """
UPDATE public.tenants_auditevent AS event
SET actor_email = account.email, actor_name = btrim(account.first_name || ' ' || account.last_name)
FROM public.tenants_user AS account WHERE account.id = event.actor_id;
UPDATE public.tenants_user AS account SET has_acted = true
WHERE last_login IS NOT NULL
    OR EXISTS (SELECT FROM public.tenants_loginsession WHERE user_id = account.id)
    OR id IN (SELECT actor_id FROM public.tenants_auditevent);
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_walls")]
    operations = [
        migrations.AddField("user", "has_acted", models.BooleanField(default=False, editable=False)),
        migrations.AddField("auditevent", "actor_email", models.CharField(max_length=254, null=True)),
        migrations.AddField("auditevent", "actor_name", models.CharField(max_length=201, null=True)),
        migrations.RunSQL(AUDIT, AUDIT_BEFORE),
        migrations.RunSQL(EXISTING_ROWS, migrations.RunSQL.noop),
        migrations.RunSQL(KEEP_ACCOUNT, KEEP_ACCOUNT_REVERSE),
        migrations.RunSQL(REFUSE_DELETION, REFUSE_DELETION_REVERSE),
        migrations.RunSQL(NAME_ACTOR, NAME_ACTOR_REVERSE),
    ]
