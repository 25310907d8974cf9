-- Returns an e-mail address, or a part of one with an `@`, folded, without other punctuation. `J.Doe@ex` gives `j doe@ex`.
CREATE OR REPLACE FUNCTION public.circe_email_words(email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    domain text := split_part(email, '@', -1);
BEGIN
    RETURN public.circe_fold(left(email, -1 - length(domain))) || '@' || public.circe_fold(domain);
END;
$$;
