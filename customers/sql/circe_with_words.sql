-- Appends to folded fields the words inside them, each after a space. So LIKE '% an%' finds words that begin with an.
CREATE OR REPLACE FUNCTION public.circe_with_words(fields text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT fields || translate(fields, '-.,''’/()[]"&+@_・', '                ')
$$;
