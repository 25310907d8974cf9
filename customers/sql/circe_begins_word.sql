-- Returns the LIKE pattern of texts in which a word begins so. Escapes, NULL and STRICT are as in circe_contains.
CREATE OR REPLACE FUNCTION public.circe_begins_word(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '% ' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
