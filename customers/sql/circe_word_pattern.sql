-- Returns the LIKE pattern for texts that contain a word, or in which a word begins with it if it has one or two characters:
-- the trigram index finds no shorter part. If folding leaves nothing of the word, such as of an accent alone, the pattern is
-- NULL, which matches no text. A folded word has no wildcards.
CREATE OR REPLACE FUNCTION public.circe_word_pattern(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := replace(public.circe_fold(word, ''), ' ', '');
BEGIN
    RETURN '%' || CASE WHEN length(folded) < 3 THEN ' ' ELSE '' END || nullif(folded, '') || '%';
END;
$$;
