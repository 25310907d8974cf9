-- Returns the LIKE pattern of texts that contain a word. Wildcards are escaped after folding, which turns their
-- full-width forms into them. A word of which folding leaves nothing, such as an accent alone, occurs nowhere: its pattern
-- is NULL, and nothing is LIKE NULL. It is not STRICT: nullif() would keep a strict function from being inlined.
CREATE OR REPLACE FUNCTION public.circe_contains(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '%' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
