-- Folds a text for search: without case and accents. Names are qualified, since an index may be built, and a dump
-- restored, with an empty search path. unaccent() is only STABLE because its dictionary could be changed; this one is
-- the extension's own, by name.
CREATE OR REPLACE FUNCTION public.circe_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(lower(public.unaccent('public.unaccent'::regdictionary, normalize(value, NFKC))), 'ς', 'σ')
$$;
