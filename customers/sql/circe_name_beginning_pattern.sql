-- Returns the LIKE pattern for texts of circe_search_text in whose first line, which has the names, a word begins with this
-- word.
CREATE OR REPLACE FUNCTION public.circe_name_beginning_pattern(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT public.circe_word_beginning_pattern(word) || E'\n%'
$$;
