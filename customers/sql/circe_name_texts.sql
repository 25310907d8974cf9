-- Returns the texts by which the names of a customer are compared with a misspelled name: each word, and the whole name.
-- They are folded as in circe_search_text. A text is cut at 100 characters: each is a key of an index.
CREATE OR REPLACE FUNCTION public.circe_name_texts(first_name text, last_name text)
RETURNS TABLE (is_whole_name boolean, text text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT false, left(word, 100)
    FROM unnest(string_to_array(public.circe_search_text(first_name, last_name, NULL, NULL), ' ')) AS word
    WHERE word <> ''
    UNION ALL
    SELECT true, left(public.circe_fold(concat_ws(' ', first_name, last_name)), 201)
$$;
