-- Returns the LIKE pattern for texts in which a word begins with this text. See circe_contains about escapes, NULL and
-- STRICT.
CREATE OR REPLACE FUNCTION public.circe_begins_word(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '% ' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
