"""The texts by which the customers are found whose names are nearest to a misspelled one."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django_migrate_sql.operations
from django.db import migrations, models

import circe.db.ids
import circe.db.row_level_security


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0005_monthly_counts"),
        ("tenants", "0005_summary_table_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="NameKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant",
                        "is_whole_name",
                        "text",
                        "created_at",
                        "customer_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                ("is_whole_name", models.BooleanField()),
                ("text", models.TextField(db_collation="C")),
                ("created_at", models.DateTimeField()),
                ("customer_id", circe.db.ids.IdField()),
                ("is_representative", models.BooleanField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_representative", True)),
                        fields=["tenant", "is_whole_name", "text"],
                        name="name_representative",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        condition=models.Q(("is_representative", True), ("is_whole_name", False)),
                        fields=["text"],
                        name="name_word_trigrams",
                        opclasses=["gin_trgm_ops"],
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        condition=models.Q(("is_representative", True), ("is_whole_name", True)),
                        fields=["text"],
                        name="whole_name_trigrams",
                        opclasses=["gin_trgm_ops"],
                    ),
                ],
                "constraints": [circe.db.row_level_security.RowLevelSecurity(name="namekey_rls")],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="customers_namekey",
            sql="""-- Only triggers write the table.
REVOKE INSERT, UPDATE, DELETE ON customers_namekey FROM circe_app;
""",
            reverse_sql="GRANT INSERT, UPDATE, DELETE ON customers_namekey TO circe_app;",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="customers_searchable_names",
            sql="""-- Shows the table customers_namekey. Like customers_searchable, the view reads the table with the rights of its owner,
-- to whom no policy applies. So its query has the condition on the tenant. Under a policy, the operators of similarity
-- can't use their index.
CREATE VIEW customers_searchable_names AS
SELECT
    tenant_id,
    is_whole_name,
    text,
    created_at,
    customer_id,
    is_representative
FROM customers_namekey
WHERE CASE current_setting('circe.tenant', true) WHEN '*' THEN true WHEN tenant_id THEN true END IS NOT NULL;

REVOKE ALL ON customers_searchable_names FROM circe_app;
GRANT SELECT ON customers_searchable_names TO circe_app;
""",
            reverse_sql="DROP VIEW customers_searchable_names;",
            dependencies=[("tenants", "application_roles")],
        ),
        migrations.CreateModel(
            name="SearchableName",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant",
                        "is_whole_name",
                        "text",
                        "created_at",
                        "customer_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                ("is_whole_name", models.BooleanField()),
                ("text", models.TextField(db_collation="C")),
                ("created_at", models.DateTimeField()),
                ("customer_id", circe.db.ids.IdField()),
                ("is_representative", models.BooleanField()),
            ],
            options={
                "db_table": "customers_searchable_names",
                "managed": False,
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_name_texts",
            sql=r"""-- Returns the texts by which the names of a customer are compared with a misspelled name: each word, and the whole name.
-- They are the first line of customers_customer.search_text, see circe_search_text. Each text is cut, since it is a key of
-- an index.
CREATE OR REPLACE FUNCTION public.circe_name_texts(search_text text)
RETURNS TABLE (is_whole_name boolean, text text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT false, left(word, 100)
    FROM unnest(string_to_array(split_part(search_text, E'\n', 1), ' ')) AS word
    WHERE word <> ''
    UNION ALL
    SELECT true, left(btrim(split_part(search_text, E'\n', 1)), 200)
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_name_texts;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_index_name",
            sql="""-- Keeps customers_namekey up to date. For each undeleted customer it has the words of the names and the whole name,
-- folded. A search with a misspelled name is compared with these texts, to find the nearest names. One row of each text
-- is its representative, so that the search is compared with each text only once. If two transactions add the same new
-- text at the same time, it has two representatives. The search then drops the second one.
-- If a representative is removed while other transactions add or remove rows with its text, the text can be left
-- without a representative. Then it is not among the nearest names until the next customer with this text is added, or
-- check_totals repairs it.
-- PostgreSQL keeps the plans of the function for the session. Without `enable_seqscan = off`, a session that began
-- with an empty table would go on to read the whole table for each customer.
CREATE OR REPLACE FUNCTION public.circe_index_name() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off AS $$
DECLARE
    removed record;
    was_representative boolean;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- In a Citus cluster the trigger also runs for each shard, and the name of a shard is longer. Only the run for
        -- the table empties the keys.
        IF TG_TABLE_NAME = 'customers_customer' THEN
            DELETE FROM public.customers_namekey;
        END IF;
        RETURN NULL;
    END IF;

    IF TG_OP IN ('UPDATE', 'DELETE') AND NOT OLD.is_deleted THEN
        FOR removed IN SELECT * FROM public.circe_name_texts(OLD.search_text) LOOP
            -- By its key alone. If the statement joined the texts, it could miss a row that another transaction has just
            -- made a representative.
            DELETE FROM public.customers_namekey
            WHERE tenant_id = OLD.tenant_id AND is_whole_name = removed.is_whole_name AND text = removed.text
                AND created_at = OLD.created_at AND customer_id = OLD.id
            RETURNING is_representative INTO was_representative;
            IF was_representative THEN
                -- The text needs a new representative: the row of another customer with this text.
                -- It is a CTE, because PostgreSQL executes a CTE only once. It may execute a sub-select again for each row,
                -- and another execution can find another row.
                WITH successor AS MATERIALIZED (
                    SELECT created_at, customer_id
                    FROM public.customers_namekey
                    WHERE tenant_id = OLD.tenant_id AND is_whole_name = removed.is_whole_name AND text = removed.text
                    LIMIT 1
                    -- Rows that other transactions are removing are skipped. Waiting for them could be a deadlock.
                    FOR UPDATE SKIP LOCKED
                )

                UPDATE public.customers_namekey AS name_key
                SET is_representative = true
                FROM successor
                WHERE name_key.tenant_id = OLD.tenant_id AND name_key.is_whole_name = removed.is_whole_name
                    AND name_key.text = removed.text AND name_key.created_at = successor.created_at
                    AND name_key.customer_id = successor.customer_id;
            END IF;
        END LOOP;
    END IF;

    IF TG_OP IN ('INSERT', 'UPDATE') AND NOT NEW.is_deleted THEN
        INSERT INTO public.customers_namekey (
            tenant_id, is_whole_name, text, created_at, customer_id, is_representative
        )
        SELECT
            NEW.tenant_id, texts.is_whole_name, texts.text, NEW.created_at, NEW.id,
            -- EXISTS is not used here: PostgreSQL would read the representatives of all texts into a hash table.
            coalesce((
                SELECT false
                FROM public.customers_namekey AS name_key
                WHERE name_key.tenant_id = NEW.tenant_id AND name_key.is_whole_name = texts.is_whole_name
                    AND name_key.text = texts.text AND name_key.is_representative
                LIMIT 1
            ), true)
        FROM public.circe_name_texts(NEW.search_text) AS texts;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_index_name_insert AFTER INSERT ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_index_name();

CREATE OR REPLACE TRIGGER circe_index_name_delete AFTER DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_index_name();

CREATE OR REPLACE TRIGGER circe_index_name_update AFTER UPDATE ON public.customers_customer
FOR EACH ROW WHEN (
    (old.tenant_id, old.id, old.created_at, old.first_name, old.last_name, old.is_deleted)
    IS DISTINCT FROM (new.tenant_id, new.id, new.created_at, new.first_name, new.last_name, new.is_deleted)
)
EXECUTE FUNCTION public.circe_index_name();

CREATE OR REPLACE TRIGGER circe_index_name_truncate AFTER TRUNCATE ON public.customers_customer
EXECUTE FUNCTION public.circe_index_name();
""",
            reverse_sql="""DROP TRIGGER circe_index_name_insert ON public.customers_customer;
DROP TRIGGER circe_index_name_delete ON public.customers_customer;
DROP TRIGGER circe_index_name_update ON public.customers_customer;
DROP TRIGGER circe_index_name_truncate ON public.customers_customer;
DROP FUNCTION public.circe_index_name;""",
            dependencies=[("customers", "circe_name_texts")],
        ),
    ]
