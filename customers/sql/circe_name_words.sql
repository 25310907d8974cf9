-- Returns the folded words of a name, then the words without a gap at punctuation, then all words as one. Each of the
-- three comes once: `Sinéad O'Brien` gives `sinead o brien sinead obrien sineadobrien`, and `Jane` gives `jane`.
CREATE OR REPLACE FUNCTION public.circe_name_words(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    words text := public.circe_fold(name);
    joined text := replace(words, ' ', '');
    unbroken text;
BEGIN
    IF words = joined THEN
        RETURN words;
    END IF;
    unbroken := public.circe_fold(name, '');
    RETURN words || CASE WHEN unbroken IN (words, joined) THEN '' ELSE ' ' || unbroken END || ' ' || joined;
END;
$$;
