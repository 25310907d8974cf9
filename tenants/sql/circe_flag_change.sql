-- Sets a flag when a row changed in a column on which a summary table depends: a setting of the transaction, named by the
-- trigger's argument, becomes 'changed'. The summary table's own trigger runs after the statement, and only if the flag is
-- set, so all other updates cost almost nothing. (The WHEN of a statement trigger can't read rows. A row trigger would
-- lock totals in the order of the rows, and would write a sum once for each row.)
CREATE OR REPLACE FUNCTION public.circe_flag_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config(TG_ARGV[0], 'changed', true);
    RETURN NEW;
END
$$;
