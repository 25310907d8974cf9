-- Returns the text in which a customer is searched: a space, the folded fields, and the words inside them. It generates the
-- column customers_customer.search_text: after a change of this function every row has to be written again.
CREATE OR REPLACE FUNCTION public.circe_search_text(first_name text, last_name text, email text, phone text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.circe_with_words(
        public.circe_fold(
            ' ' || first_name || coalesce(' ' || last_name, '') || coalesce(' ' || email, '')
            || coalesce(' ' || phone, '')
        )
    )
$$;
