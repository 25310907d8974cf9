-- Returns the name by which customers are sorted: the first name, then the last name, folded. The index customer_name is on
-- it: after a change of this function or of circe_fold, reindex.
CREATE OR REPLACE FUNCTION public.circe_folded_name(first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.circe_fold(first_name || coalesce(' ' || last_name, ''))
$$;
