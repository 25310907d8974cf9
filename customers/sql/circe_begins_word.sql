-- Returns the LIKE pattern for texts in which a word begins with this word. See circe_contains about NULL and wildcards.
CREATE OR REPLACE FUNCTION public.circe_begins_word(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '% ' || nullif(replace(public.circe_fold(word, ''), ' ', ''), '') || '%'
$$;
