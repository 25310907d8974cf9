-- Returns a new id in the layout of circe/db/ids.py, for rows that triggers write.
CREATE OR REPLACE FUNCTION public.circe_new_id() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $$
    SELECT
        lpad(to_hex(extract(EPOCH FROM clock_timestamp())::bigint), 8, '0')
        || right(replace(gen_random_uuid()::text, '-', ''), 16)
$$;
