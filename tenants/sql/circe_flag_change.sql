-- Notes in a setting of the transaction, named by the trigger's argument, that a row changed in a column that a summary
-- table depends on. The summary table's own trigger runs once for a statement, after it, and only where the setting says
-- 'changed': so all other updates cost next to nothing. (A statement's trigger cannot look at rows in its WHEN; a row's
-- trigger would lock totals in the order of the rows, and write a sum anew for each of them.)
CREATE OR REPLACE FUNCTION public.circe_flag_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config(TG_ARGV[0], 'changed', true);
    RETURN NEW;
END
$$;
