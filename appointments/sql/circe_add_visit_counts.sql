-- Adds visits of a business's customers to appointments_visitcounts: how many customers had their first, second or last
-- visit on a day, or returned from one day to the next. signs, customer_ids and days are as long as each other: an entry
-- is a visit that is there now (sign 1) or that was there before (sign -1). For each customer and sign all of their
-- visits have to be given.
CREATE OR REPLACE FUNCTION public.circe_add_visit_counts(
    business text, signs int[], customer_ids text[], days date[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH visit AS (
        SELECT
            sign,
            day,
            lead(day) OVER of_customer AS next_day,
            row_number() OVER of_customer AS number
        FROM unnest(signs, customer_ids, days) AS visit (sign, customer_id, day)
        WINDOW of_customer AS (PARTITION BY sign, customer_id ORDER BY day)
    )
    INSERT INTO public.appointments_visitcounts AS counts (tenant_id, kind, day, next_day, shard, customers)
    SELECT business, kind, day, next_day, (SELECT public.circe_free_shard()), sum(sign)
    FROM (
        SELECT sign, 'first' AS kind, day, day AS next_day FROM visit WHERE number = 1
        UNION ALL SELECT sign, 'second', day, day FROM visit WHERE number = 2
        UNION ALL SELECT sign, 'last', day, day FROM visit WHERE next_day IS NULL
        UNION ALL SELECT sign, 'return', day, next_day FROM visit WHERE next_day IS NOT NULL
    ) AS step
    GROUP BY kind, day, next_day
    HAVING sum(sign) <> 0
    ON CONFLICT (tenant_id, kind, day, next_day, shard) DO UPDATE SET
        customers = counts.customers + excluded.customers;
END
$$;
