-- Adds visits of a business's customers to appointments_visitcounts: the numbers of customers by the days of their first,
-- second and last visit, and by pairs of successive visits. Customers with the tag `vip` are also counted separately, by the
-- days of their first and last visit. The arrays have the same length. An entry is a visit that exists now (sign 1), or
-- one that existed before the statement (sign -1), and whether its customer had the tag at that time. If a customer has an
-- entry, the arrays must have all visits of this customer: those that exist now and those that existed before the statement.
CREATE OR REPLACE FUNCTION public.circe_add_visit_counts(
    tenant text, signs int[], customer_ids text[], are_vip boolean[], days date[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    step record;
BEGIN
    -- A loop, because Citus takes no INSERT of a query that calls a function in a sub-select.
    FOR step IN
        WITH visit AS (
            SELECT
                sign,
                is_vip,
                day,
                lead(day) OVER of_customer AS next_day,
                row_number() OVER of_customer AS number
            FROM unnest(signs, customer_ids, are_vip, days) AS visit (sign, customer_id, is_vip, day)
            WINDOW of_customer AS (PARTITION BY sign, customer_id ORDER BY day)
        )
        SELECT kind, day, next_day, sum(sign) AS customers
        FROM (
            SELECT sign, 'first' AS kind, day, day AS next_day FROM visit WHERE number = 1
            UNION ALL SELECT sign, 'second', day, day FROM visit WHERE number = 2
            UNION ALL SELECT sign, 'last', day, day FROM visit WHERE next_day IS NULL
            UNION ALL SELECT sign, 'return', day, next_day FROM visit WHERE next_day IS NOT NULL
            UNION ALL SELECT sign, 'vip_first', day, day FROM visit WHERE number = 1 AND is_vip
            UNION ALL SELECT sign, 'vip_last', day, day FROM visit WHERE next_day IS NULL AND is_vip
        ) AS every_step
        GROUP BY kind, day, next_day
        HAVING sum(sign) <> 0
    LOOP
        INSERT INTO public.appointments_visitcounts AS counts (tenant_id, kind, day, next_day, shard, customers)
        VALUES (tenant, step.kind, step.day, step.next_day, public.circe_lock_free_shard(), step.customers)
        ON CONFLICT (tenant_id, kind, day, next_day, shard) DO UPDATE SET
            customers = counts.customers + excluded.customers;
    END LOOP;
END
$$;
