-- Appends to folded fields the words inside them, each after a space: so ' an' finds the beginning of a word.
CREATE OR REPLACE FUNCTION public.circe_with_words(fields text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT fields || translate(fields, '-.,''’/()[]"&+@_・', '                ')
$$;
