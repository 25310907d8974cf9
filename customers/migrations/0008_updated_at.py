"""`updated_at` of a customer changes with everything of the customer's own, whoever changes it and however.

Django sets it where a customer is saved. The triggers do where rows are changed in bulk or by SQL, where a preferred outlet
is deleted, which sets the reference to NULL, and where a preferred service or member of staff is, whose entries go with it.
"""

from django.db import migrations

# Later than before, whatever the clocks of the servers say.
LATER = "greatest(clock_timestamp(), {updated_at} + interval '1 microsecond')"

OWN_ROW = f"""
CREATE FUNCTION public.circe_customer_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.updated_at := {LATER.format(updated_at="OLD.updated_at")};
    RETURN NEW;
END
$$;
CREATE TRIGGER circe_customer_updated_at BEFORE UPDATE ON public.customers_customer
FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION public.circe_customer_updated_at()
"""
DROP_OWN_ROW = """
DROP TRIGGER circe_customer_updated_at ON public.customers_customer;
DROP FUNCTION public.circe_customer_updated_at
"""

# The function has the rights of whoever deletes, who is bound by row-level security as elsewhere.
PREFERENCES = f"""
CREATE FUNCTION public.circe_preference_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM public.customers_customer AS customer
    WHERE (tenant_id, id) IN (SELECT tenant_id, customer_id FROM old_rows)
    ORDER BY tenant_id, id FOR NO KEY UPDATE;
    UPDATE public.customers_customer AS customer SET updated_at = {LATER.format(updated_at="updated_at")}
    WHERE (tenant_id, id) IN (SELECT tenant_id, customer_id FROM old_rows);
    RETURN NULL;
END
$$;
CREATE TRIGGER circe_preferredservice_deleted AFTER DELETE ON public.customers_preferredservice
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
CREATE TRIGGER circe_preferredstaff_deleted AFTER DELETE ON public.customers_preferredstaff
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted()
"""  # noqa: S608
DROP_PREFERENCES = """
DROP TRIGGER circe_preferredservice_deleted ON public.customers_preferredservice;
DROP TRIGGER circe_preferredstaff_deleted ON public.customers_preferredstaff;
DROP FUNCTION public.circe_preference_deleted
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0007_tallies_go_with_the_tenant")]
    operations = [
        migrations.RunSQL(OWN_ROW, DROP_OWN_ROW),
        migrations.RunSQL(PREFERENCES, DROP_PREFERENCES),
    ]
