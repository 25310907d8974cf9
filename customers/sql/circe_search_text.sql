-- Returns the text in which a customer is searched: a line with the words of the names, and a line with the words of e-mail
-- and phone. Each word has a space before it, so that LIKE '% an%' finds the words that begin with an. It generates the
-- column customers_customer.search_text: after a change of this function every row has to be written again.
CREATE OR REPLACE FUNCTION public.circe_search_text(first_name text, last_name text, email text, phone text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    first_words text := public.circe_name_words(first_name);
    last_words text := coalesce(public.circe_name_words(last_name), '');
    email_words text := public.circe_email_words(email);
    names text := ' ' || first_words || ' ' || last_words;
    -- Characters of scripts that are written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han, Yi and Hangul.
    spaceless CONSTANT text := '\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3100-\u312F'
        || '\u3400-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\U00020000-\U0003FFFF';
    given text;
    family text;
    characters text;
    pairs text := '';
BEGIN
    IF names ~ ('[' || spaceless || ']') THEN
        -- The names can be searched as one word, in either order. They can also be searched by their characters of
        -- these scripts alone, if they have characters of other scripts too.
        given := regexp_replace(first_words, '^.* ', '');
        family := regexp_replace(last_words, '^.* ', '');
        characters := regexp_replace(family || given, '[^' || spaceless || ']+', '', 'g');
        names := names || ' ' || family || given || ' ' || given || family || ' ' || characters;
        -- A searched word of one or two characters matches only the beginning of a word (circe_word_pattern). So a
        -- word is made from each character and the next one.
        pairs := ' ' || regexp_replace(characters, '(..)', '\1 ', 'g')
            || ' ' || regexp_replace(substr(characters, 2), '(..)', '\1 ', 'g');
    END IF;
    RETURN names || E'\n' || pairs || coalesce(' ' || email_words || ' ' || split_part(email_words, '@', 2), '')
        || coalesce(' ' || substr(phone, 2), '');
END;
$$;
