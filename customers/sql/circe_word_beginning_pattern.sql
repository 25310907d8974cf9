-- Returns the LIKE pattern for texts in which a word begins with this word. For NULL and wildcards, see
-- circe_word_pattern.
CREATE OR REPLACE FUNCTION public.circe_word_beginning_pattern(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '% ' || nullif(replace(public.circe_fold(word, ''), ' ', ''), '') || '%'
$$;
