-- Returns the LIKE pattern for texts that contain an e-mail address, or a part of one with an `@`.
CREATE OR REPLACE FUNCTION public.circe_email_pattern(part text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '%' || public.circe_email_words(part) || '%'
$$;
