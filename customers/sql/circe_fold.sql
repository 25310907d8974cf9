-- Folds a text for search: removes case and accents. Names are qualified, since an index may be built, and a dump restored,
-- with an empty search path. unaccent() itself is only STABLE, because its default dictionary can be changed; here the
-- extension's own dictionary is named.
CREATE OR REPLACE FUNCTION public.circe_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(lower(public.unaccent('public.unaccent'::regdictionary, normalize(value, NFKC))), 'ς', 'σ')
$$;
