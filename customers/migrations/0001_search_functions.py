"""Folding a text, the text that is searched, and the patterns that are searched for."""

import django.contrib.postgres.operations
import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        django.contrib.postgres.operations.TrigramExtension(),
        django_migrate_sql.operations.CreateSQL(
            name="circe_punctuation",
            sql=r"""-- Returns the characters beyond ASCII that separate words, as the inside of a bracket expression. They are
-- punctuation, mathematical signs, currencies, modifiers, spaces and control characters, letters that are written as
-- apostrophes, and ZERO WIDTH NON-JOINER.
-- Signs that NFKD replaces are left out.
CREATE OR REPLACE FUNCTION public.circe_punctuation() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '\u0080-\u00AC\u00AE-\u00BF\u00D7\u00F7\u02B9-\u02FF\u0375\u03F6\u0559-\u055F\u0589-\u058A\u058F'
        || '\u05BE\u05C0\u05C3\u05C6\u05F3-\u05F4\u0606-\u060D\u061B\u061D-\u061F\u066A-\u066D\u06D4'
        || '\u0700-\u070D\u07F4-\u07F5\u07F7-\u07F9\u07FE-\u07FF\u0830-\u083E\u085E\u0888\u0964-\u0965\u0970'
        || '\u09F2-\u09F3\u09FB\u09FD\u0A76\u0AF0-\u0AF1\u0BF9\u0C77\u0C84\u0DF4\u0E3F\u0E4F\u0E5A-\u0E5B'
        || '\u0F04-\u0F12\u0F14\u0F3A-\u0F3D\u0F85\u0FD0-\u0FD4\u0FD9-\u0FDA\u104A-\u104F\u10FB\u1360-\u1368'
        || '\u1400\u166E\u1680\u169B-\u169C\u16EB-\u16ED\u1735-\u1736\u17D4-\u17D6\u17D8-\u17DB\u1800-\u180A'
        || '\u1944-\u1945\u1A1E-\u1A1F\u1AA0-\u1AA6\u1AA8-\u1AAD\u1B4E-\u1B4F\u1B5A-\u1B60\u1B7D-\u1B7F'
        || '\u1BFC-\u1BFF\u1C3B-\u1C3F\u1C7E-\u1C7F\u1CC0-\u1CC7\u1CD3\u200C\u2010-\u2029\u2030-\u205E'
        || '\u20A0-\u20C4\u2118\u2141-\u2144\u214B\u2190-\u2194\u21A0\u21A3\u21A6\u21D2\u21D4\u21F4-\u22FF'
        || '\u2308-\u230B\u2320-\u2321\u237C\u239B-\u23B3\u23DC-\u23E1\u25B7\u25C1\u25F8-\u25FF\u266F'
        || '\u2768-\u2775\u27C0-\u27FF\u2900-\u2AFF\u2B30-\u2B44\u2B47-\u2B4C\u2CF9-\u2CFC\u2CFE-\u2CFF\u2D70'
        || '\u2E00-\u2E2E\u2E30-\u2E4F\u2E52-\u2E63\u3001-\u3003\u3008-\u3011\u3014-\u301F\u3030\u303D\u30A0'
        || '\u30FB\uA4FE-\uA4FF\uA60D-\uA60F\uA673\uA67E\uA6F2-\uA721\uA788-\uA78C\uA838\uA874-\uA877'
        || '\uA8CE-\uA8CF\uA8F8-\uA8FA\uA8FC\uA92E-\uA92F\uA95F\uA9C1-\uA9CD\uA9DE-\uA9DF\uAA5C-\uAA5F'
        || '\uAADE-\uAADF\uAAF0-\uAAF1\uAB5B\uAB6A-\uAB6B\uABEB\uFBB2-\uFBC2\uFD3E-\uFD3F\uFE45-\uFE46'
        || '\U00010100-\U00010102\U0001039F\U000103D0\U0001056F\U00010857\U0001091F\U0001093F'
        || '\U00010A50-\U00010A58\U00010A7F\U00010AF0-\U00010AF6\U00010B39-\U00010B3F\U00010B99-\U00010B9C'
        || '\U00010D6E\U00010D8E-\U00010D8F\U00010EAD\U00010EC9-\U00010ECA\U00010ED0\U00010F55-\U00010F59'
        || '\U00010F86-\U00010F89\U00011047-\U0001104D\U000110BB-\U000110BC\U000110BE-\U000110C1'
        || '\U00011140-\U00011143\U00011174-\U00011175\U000111C5-\U000111C8\U000111CD\U000111DB'
        || '\U000111DD-\U000111DF\U00011238-\U0001123D\U000112A9\U000113D4-\U000113D8\U0001144B-\U0001144F'
        || '\U0001145A-\U0001145D\U000114C6\U000115C1-\U000115D7\U00011641-\U00011643\U00011660-\U0001166C'
        || '\U000116B9\U0001173C-\U0001173E\U0001183B\U00011944-\U00011946\U000119E2\U00011A3F-\U00011A46'
        || '\U00011A9A-\U00011A9C\U00011A9E-\U00011AA2\U00011B00-\U00011B09\U00011BE1\U00011C41-\U00011C45'
        || '\U00011C70-\U00011C71\U00011EF7-\U00011EF8\U00011F43-\U00011F4F\U00011FDD-\U00011FE0\U00011FFF'
        || '\U00012470-\U00012474\U00012FF1-\U00012FF2\U00016A6E-\U00016A6F\U00016AF5\U00016B37-\U00016B3B'
        || '\U00016B44\U00016D6D-\U00016D6F\U00016E97-\U00016E9A\U00016FE2\U0001BC9F\U0001CEDD-\U0001CEDF'
        || '\U0001CEF0-\U0001CEFD\U0001DA87-\U0001DA8B\U0001DB00-\U0001DB1C\U0001E2FF\U0001E5FF'
        || '\U0001E95E-\U0001E95F\U0001ECB0\U0001EEF0-\U0001EEF1\U0001F3FB-\U0001F3FF\U0001F8D0-\U0001F8D8'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_punctuation;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_fold",
            sql=r"""-- Folds a text for search. It removes case, accents, vowel points and invisible characters, writes the forms of one
-- letter as one letter, and puts `gap` in place of punctuation. A gap of '' joins what punctuation separates. Words are
-- separated by one space. It uses no dictionary of the server's files and no class of the locale, so that all servers
-- fold alike.
CREATE OR REPLACE FUNCTION public.circe_fold(value text, gap text DEFAULT ' ') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := lower(value);
BEGIN
    IF octet_length(folded) <> length(folded) THEN
        folded := lower(normalize(value, NFKD));
        -- Combining accents, Hebrew points, Arabic vowel marks, hamzas and the tatweel, Indic nuktas; invisible characters.
        folded := regexp_replace(
            folded,
            '[\u0300-\u036F\u0483-\u0489\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0610-\u061A\u0640'
            || '\u064B-\u065F\u0670\u0674\u06D6-\u06DC\u06DF-\u06E4\u06E7\u06E8\u06EA-\u06ED\u08CA-\u08FF\u093C'
            || '\u09BC\u0A3C\u0ABC\u0B3C\u0C3C\u0CBC\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF\uFE20-\uFE2F'
            || '\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890-\u0891\u08E2\u115F-\u1160\u17B4-\u17B5'
            || '\u180B-\u180F\u200B\u200D-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0'
            || '\uFFF0-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A'
            || '\U000E0000-\U000E0FFF]', '', 'g'
        );
    END IF;
    IF octet_length(folded) <> length(folded) THEN
        folded := regexp_replace(folded, '[' || public.circe_punctuation() || ']', gap, 'g');
    END IF;
    IF octet_length(folded) <> length(folded) THEN
        folded := replace(replace(replace(replace(folded, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
        folded := translate(folded, 'ðøđħıȷłŋŧəǝɛɔƀɓƈɖɗƒɠɨƙĸƚɲƥƭʈʉʋƴƶǥɡȼɇɍɏⱥⱦ', 'dodhijlnteeeobbcddfgikklnpttuvyzggceryat');
        -- Thai and Lao tones stand before the ring of SARA AM, in whichever order they were typed. Letters of Bengali and
        -- Malayalam without a vowel are a letter and its virama, as older systems write them.
        IF folded ~ '[\u09CE\u0D7A-\u0D7F\u0E4D\u0ECD]' THEN
            folded := regexp_replace(folded, '([\u0E4D\u0ECD])([\u0E48-\u0E4B\u0EC8-\u0ECB]+)', '\2\1', 'g');
            folded := regexp_replace(folded, '([\u0D7A-\u0D7F])', E'\\1\u0D4D', 'g');
            folded := replace(translate(folded, 'ൺൻർൽൾൿ', 'ണനരലളക'), 'ৎ', E'ত\u09CD');
        END IF;
        -- Final forms; the Arabic, Persian and Urdu forms of alef, yeh, kaf and heh; variants of Chinese characters.
        folded := translate(folded, 'ςґךםןףץٱٲٳىیۍێېےکڪةەہھۃँ髙﨑𠮷', 'σгכמנפצاااييييييككهههههं高崎吉');
        -- Older and other forms of characters in Japanese names: 渡邉 is also written 渡辺.
        IF folded ~ '[\u4E00-\u9FFF]' THEN
            folded := translate(
                folded,
                '邉邊齋斉齊澤濱濵國櫻龍廣嶋嶌瀨德惠眞槇彌曾壽榮藏應冨峯桒舘條薗檜萬與禮靜淸黑增橫關戶郞吳黃淺假實學譽凉凛',
                '辺辺斎斎斎沢浜浜国桜竜広島島瀬徳恵真槙弥曽寿栄蔵応富峰桑館条園桧万与礼静清黒増横関戸郎呉黄浅仮実学誉涼凜'
            );
        END IF;
        -- This joins the letters of a Hangul syllable, or a kana and its voicing mark, to one character again.
        folded := normalize(folded, NFC);
        -- A replacement of so many characters takes long, so it runs only if the text has one of them.
        IF folded ~ '[\u0660-\u0669\u06F0-\u06F9\u07C0-\u07C9\u0966-\u0DEF\u0E50-\u0E59\u0ED0-\u0F29\u1040-\u17E9]' THEN
            folded := translate(
                folded,
                '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭౮౯'
                || '೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙༠༡༢༣༤༥༦༧༨༩၀၁၂၃၄၅၆၇၈၉႐႑႒႓႔႕႖႗႘႙០១២៣៤៥៦៧៨៩',
                '0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789'
                || '012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789'
            );
        END IF;
        IF folded ~ '[\u3099\u309A\u30A1-\u30FE]' THEN
            folded := translate(
                folded,
                'ァアィイゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶヽヾ゙゚',
                'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんゔゕゖゝゞ'
            );
        END IF;
        -- Pictures are words of their own.
        folded := regexp_replace(folded, '([\u2100-\u2BFF\u3004\u3012-\u3020\U0001F000-\U0001FBFF]+)', ' \1 ', 'g');
    END IF;
    folded := translate(
        folded,
        E'\t\n\x0B\f\r!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '     ' || repeat(gap, 32)
    );
    IF strpos(folded, '  ') > 0 THEN
        folded := regexp_replace(folded, ' {2,}', ' ', 'g');
    END IF;
    RETURN btrim(folded);
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_fold;",
            dependencies=[("customers", "circe_punctuation")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_folded_name",
            sql="""-- Returns the name by which customers are sorted: the first name, then the last name, folded. The index customer_name is on
-- it: after a change of this function or of circe_fold, reindex.
CREATE OR REPLACE FUNCTION public.circe_folded_name(first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.circe_fold(first_name || coalesce(' ' || last_name, ''))
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_folded_name;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_name_words",
            sql="""-- Returns the folded words of a name, then the words without a gap at punctuation, then all words as one. Each of the
-- three comes once: `Sinéad O'Brien` gives `sinead o brien sinead obrien sineadobrien`, and `Jane` gives `jane`.
CREATE OR REPLACE FUNCTION public.circe_name_words(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    words text := public.circe_fold(name);
    joined text := replace(words, ' ', '');
    unbroken text;
BEGIN
    IF words = joined THEN
        RETURN words;
    END IF;
    unbroken := public.circe_fold(name, '');
    RETURN words || CASE WHEN unbroken IN (words, joined) THEN '' ELSE ' ' || unbroken END || ' ' || joined;
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_name_words;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_email_words",
            sql="""-- Returns an e-mail address, or a part of one with an `@`, folded, without other punctuation. `J.Doe@ex` gives `j doe@ex`.
CREATE OR REPLACE FUNCTION public.circe_email_words(email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    domain text := split_part(email, '@', -1);
BEGIN
    RETURN public.circe_fold(left(email, -1 - length(domain))) || '@' || public.circe_fold(domain);
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_email_words;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_search_text",
            sql=r"""-- Returns the text in which a customer is searched: a line with the words of the names, and a line with the words of
-- e-mail and phone. Each word has a space before it, so that LIKE '% an%' finds the words that begin with an. The domain
-- of the address is also a word of its own, and the phone number has no plus. Pairs of characters of the names stand in
-- the second line, since the words of the first line become name keys.
-- The column customers_customer.search_text is generated by it: after a change of this function every row has to be
-- written again.
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
        -- The last word of circe_name_words is the whole name as one word.
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
""",
            reverse_sql="DROP FUNCTION public.circe_search_text;",
            dependencies=[("customers", "circe_name_words"), ("customers", "circe_email_words")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_word_pattern",
            sql="""-- Returns the LIKE pattern for texts that contain a word. For a word of one or two characters it is the pattern for
-- texts in which a word begins with it, since the trigram index cannot find so short a part within a word. If folding
-- leaves nothing of the word, as of a single accent, the pattern is NULL, which matches no text. A folded word has no
-- wildcards.
CREATE OR REPLACE FUNCTION public.circe_word_pattern(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := replace(public.circe_fold(word, ''), ' ', '');
BEGIN
    RETURN '%' || CASE WHEN length(folded) < 3 THEN ' ' ELSE '' END || nullif(folded, '') || '%';
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_word_pattern;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_word_beginning_pattern",
            sql="""-- Returns the LIKE pattern for texts in which a word begins with this word. For NULL and wildcards, see
-- circe_word_pattern.
CREATE OR REPLACE FUNCTION public.circe_word_beginning_pattern(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '% ' || nullif(replace(public.circe_fold(word, ''), ' ', ''), '') || '%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_word_beginning_pattern;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_email_pattern",
            sql="""-- Returns the LIKE pattern for texts that contain an e-mail address, or a part of one with an `@`.
CREATE OR REPLACE FUNCTION public.circe_email_pattern(part text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '%' || public.circe_email_words(part) || '%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_email_pattern;",
            dependencies=[("customers", "circe_email_words")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_name_beginning_pattern",
            sql=r"""-- Returns the LIKE pattern for texts of circe_search_text in whose first line, which has the names, a word begins with this
-- word.
CREATE OR REPLACE FUNCTION public.circe_name_beginning_pattern(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT public.circe_word_beginning_pattern(word) || E'\n%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_name_beginning_pattern;",
            dependencies=[("customers", "circe_word_beginning_pattern")],
        ),
    ]
