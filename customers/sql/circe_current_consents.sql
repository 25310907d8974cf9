-- Returns the consents of a customer that count now: a row for each purpose and channel. The entry with the latest `at`
-- counts. If a grant and a withdrawal have the same `at`, the withdrawal counts. Without an entry the default of a new
-- customer counts. The parameters are ids.
CREATE OR REPLACE FUNCTION public.circe_current_consents(tenant text, customer text)
RETURNS TABLE (purpose text, channel text, is_granted boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    -- The function is not written in SQL, because Citus does not see the values of the parameters of an SQL function.
    RETURN QUERY
    SELECT kinds.purpose, kinds.channel, coalesce(latest.state = 'granted', kinds.is_granted)
    FROM (VALUES
        ('service', 'email', true), ('service', 'sms', true), ('service', 'push', true), ('service', 'whatsapp', false),
        ('marketing', 'email', false), ('marketing', 'sms', false), ('marketing', 'push', false),
        ('marketing', 'whatsapp', false)
    ) AS kinds (purpose, channel, is_granted)
    LEFT JOIN LATERAL (
        SELECT entries.state
        FROM public.customers_consent AS entries
        WHERE entries.tenant_id = tenant AND entries.customer_id = customer
            AND entries.purpose = kinds.purpose AND entries.channel = kinds.channel
        ORDER BY entries.at DESC, entries.state DESC
        LIMIT 1
    ) AS latest ON true;
END
$$;
