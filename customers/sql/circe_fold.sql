-- Folds a text for search. It removes case, accents, vowel points and invisible characters, writes the forms of one
-- letter as one letter, and puts `gap` in place of punctuation. A gap of '' joins what punctuation separates. Words are
-- separated by one space. It uses no dictionary of the server's files and no class of the locale, so that all servers
-- fold alike.
CREATE OR REPLACE FUNCTION public.circe_fold(value text, gap text DEFAULT ' ') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := lower(value);
BEGIN
    IF octet_length(folded) <> length(folded) THEN
        -- A voicing mark that was typed after its kana is joined to it. Unicode would put a space between them.
        folded := lower(normalize(translate(value, '゛゜', E'\u3099\u309A'), NFKD));
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
        IF folded ~ '[\u4E00-\u9FFF]' THEN
            folded := public.circe_simplify_han(folded);
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
