"""What search is made of: folding a text, the text to search in, and the patterns to search for."""

from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

# Names are qualified, since an index may be built, and a dump restored, with an empty search path.
# unaccent() is only STABLE because its dictionary could be changed; ours is the extension's own, by name.
FOLD = r"""
CREATE FUNCTION public.circe_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(lower(public.unaccent('public.unaccent'::regdictionary, normalize(value, NFKC))), 'ς', 'σ')
$$
"""

# A space, the fields, and the words inside them: each word after a space, so that ` an` finds a beginning.
SEARCH_TEXT = r"""
CREATE FUNCTION public.circe_with_words(fields text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT fields || translate(fields, '-.,''’/()[]"&+@_・', '                ')
$$;
CREATE FUNCTION public.circe_search_text(first_name text, last_name text, email text, phone text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.circe_with_words(
        public.circe_fold(
            ' ' || first_name || coalesce(' ' || last_name, '') || coalesce(' ' || email, '')
            || coalesce(' ' || phone, '')
        )
    )
$$
"""

# The wildcards are escaped after folding, which turns their full-width forms into them. A word of which folding leaves
# nothing, such as an accent alone, occurs nowhere: its pattern is NULL, and nothing is LIKE NULL. Not STRICT: nullif() would
# keep a strict function from being inlined.
PATTERNS = r"""
CREATE FUNCTION public.circe_contains(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '%' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
CREATE FUNCTION public.circe_begins_word(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '% ' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        TrigramExtension(),
        UnaccentExtension(),
        migrations.RunSQL(FOLD, "DROP FUNCTION public.circe_fold"),
        migrations.RunSQL(SEARCH_TEXT, "DROP FUNCTION public.circe_search_text; DROP FUNCTION public.circe_with_words"),
        migrations.RunSQL(PATTERNS, "DROP FUNCTION public.circe_contains; DROP FUNCTION public.circe_begins_word"),
    ]
