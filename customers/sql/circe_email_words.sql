-- Returns an e-mail address, or a part of one with an `@`, folded and without other punctuation. `J.Doe@ex` gives `j doe@ex`.
CREATE OR REPLACE FUNCTION public.circe_email_words(email text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT public.circe_fold(regexp_replace(email, '@[^@]*$', '')) || '@' || public.circe_fold(substring(email, '[^@]*$'))
$$;
