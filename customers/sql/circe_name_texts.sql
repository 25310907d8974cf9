-- Returns the texts by which the names of a customer are compared with a misspelled name: each word, and the whole name.
-- They are the first line of customers_customer.search_text, see circe_search_text. Each text is cut, since it is a key of
-- an index.
CREATE OR REPLACE FUNCTION public.circe_name_texts(search_text text)
RETURNS TABLE (is_whole_name boolean, text text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT false, left(word, 100)
    FROM unnest(string_to_array(split_part(search_text, E'\n', 1), ' ')) AS word
    WHERE word <> ''
    UNION ALL
    SELECT true, left(btrim(split_part(search_text, E'\n', 1)), 200)
$$;
