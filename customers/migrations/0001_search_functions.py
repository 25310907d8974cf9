"""Folding a text, the text that is searched, and the patterns that are searched for."""

import django.contrib.postgres.operations
import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        django.contrib.postgres.operations.TrigramExtension(),
        django.contrib.postgres.operations.UnaccentExtension(),
        django_migrate_sql.operations.CreateSQL(
            name="circe_fold",
            sql="""-- Folds a text for search: removes case and accents. Names are qualified, since an index may be built, and a dump restored,
-- with an empty search path. unaccent() itself is only STABLE, because its default dictionary can be changed; here the
-- extension's own dictionary is named.
CREATE OR REPLACE FUNCTION public.circe_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(lower(public.unaccent('public.unaccent'::regdictionary, normalize(value, NFKC))), 'ς', 'σ')
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_fold;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_with_words",
            sql="""-- Appends to folded fields the words inside them, each after a space. So LIKE '% an%' finds words that begin with an.
CREATE OR REPLACE FUNCTION public.circe_with_words(fields text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT fields || translate(fields, '-.,''’/()[]"&+@_・', '                ')
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_with_words;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_search_text",
            sql="""-- Returns the text in which a customer is searched: a space, the folded fields, and the words inside them. It generates the
-- column customers_customer.search_text: after a change of this function every row has to be written again.
CREATE OR REPLACE FUNCTION public.circe_search_text(first_name text, last_name text, email text, phone text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.circe_with_words(
        public.circe_fold(
            ' ' || first_name || coalesce(' ' || last_name, '') || coalesce(' ' || email, '')
            || coalesce(' ' || phone, '')
        )
    )
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_search_text;",
            dependencies=[("customers", "circe_fold"), ("customers", "circe_with_words")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_contains",
            sql=r"""-- Returns the LIKE pattern for texts that contain a word. Wildcards are escaped after folding, since folding turns their
-- full-width forms into wildcards. If folding leaves nothing of the word, such as of an accent alone, the pattern is NULL,
-- which matches no text. The function is not STRICT: PostgreSQL does not inline a strict function that calls nullif().
CREATE OR REPLACE FUNCTION public.circe_contains(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '%' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_contains;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_begins_word",
            sql=r"""-- Returns the LIKE pattern for texts in which a word begins with this text. See circe_contains about escapes, NULL and
-- STRICT.
CREATE OR REPLACE FUNCTION public.circe_begins_word(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '% ' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_begins_word;",
            dependencies=[("customers", "circe_fold")],
        ),
    ]
