-- Returns the LIKE pattern for texts that contain an e-mail address, or a part of one with an `@`.
CREATE OR REPLACE FUNCTION public.circe_contains_email(part text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '%' || public.circe_email_words(part) || '%'
$$;
