-- Returns the LIKE pattern for texts that contain a word. For a word of one or two characters it is the pattern for
-- texts in which a word begins with it, since the trigram index cannot find so short a part within a word. If folding
-- leaves nothing of the word, as of a single accent, the pattern is NULL, which matches no text. A folded word has no
-- wildcards.
CREATE OR REPLACE FUNCTION public.circe_word_pattern(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := replace(public.circe_fold(word, ''), ' ', '');
BEGIN
    RETURN '%' || CASE WHEN length(folded) < 3 THEN ' ' ELSE '' END || nullif(folded, '') || '%';
END;
$$;
