-- Returns the LIKE pattern for texts that contain a word. Wildcards are escaped after folding, since folding turns their
-- full-width forms into wildcards. If folding leaves nothing of the word, such as of an accent alone, the pattern is NULL,
-- which matches no text. The function is not STRICT: PostgreSQL does not inline a strict function that calls nullif().
CREATE OR REPLACE FUNCTION public.circe_contains(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '%' || regexp_replace(nullif(public.circe_fold(word), ''), '([\\%_])', '\\\1', 'g') || '%'
$$;
