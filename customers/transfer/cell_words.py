"""Reads yes and no, genders and numbers as spreadsheets and people write them in many languages.

A word or letter that has different meanings in different languages is read only in the language of the business.
"""

import re
import unicodedata

# First the words that the spreadsheets of each language write, then the words that people write.
_TRUE = """
true t sann sant sand wahr vrai verdadero verdadeiro vero waar tosi prawda истина істина dogru benar 真 참 صحيح אמת igaz
pravda adevarat αληθησ cert tõene istina จริง đúng सत्य satt patiess teisinga
yes y on x 1 -1 checked ja j jah oui si sim sì да д так evet ya はい 是 有 对 對 예 네 نعم כן igen ano áno ναι kylla taip
ใช่ có हाँ हां já iya joo ✓ ✔ ☑ ✅ 🗹 🗸 √ enabled active subscribed granted accepted opted-in opt-in
tiesa tačno tocno tačan тачно точно вярно gerçek ақиқат درست بله ඔව් हो होय ஆம் হ্যাঁ হাঁ ಹೌದು అవును അതെ ہاں այո კი иә
aktiv aktivt aktif aktywny aktywna aktivní actif active activo activa attivo attiva ativo ativa actief aktiivinen активен
активный aktivan
"""
_FALSE = """
false f usann falskt falsk falsch faux falso onwaar epatosi fałsz falsz ложь хибність yanlis salah 假 偽 伪 거짓 خطأ
שקר hamis nepravda fals ψευδησ ψευδής vaar neistina laz เท็จ sai असत्य osatt aplams klaidinga неистина
no n off 0 unchecked nein nei nej nee non não нет н ні не hayir tidak tdk bukan いいえ 否 無 无 不 错 아니요 아니오 لا
לא nem ne nie όχι ei nu ไม่ใช่ ไม่ không khong नहीं nē ikke ✗ ✘ ❌ ☐ disabled inactive unsubscribed withdrawn declined
opted-out opt-out netiesa netačno netočno нетачно неточно невярно неправда palsu жалған نادرست خیر نه නැත නැහැ नाही இல்லை না
ಇಲ್ಲ కాదు അല്ല نہیں ոչ არა жоқ
inaktiv inaktivt inaktif nieaktywny nieaktywna neaktivní inactif inactive inactivo inactiva inattivo inattiva inativo inativa
inactief passiivinen неактивен неактивный neaktivan nonaktif
"""
# Letters and words that have a meaning of their own in one language. None: the word has two meanings in this language.
_BOOLEANS_BY_LANGUAGE: dict[str, dict[str, bool | None]] = {
    "ca": {"s": True},
    "bs": {"da": True},
    "cs": {"a": True, "jo": True},
    "da": {"jo": True},
    "el": {"ν": True, "ο": False},
    "es": {"s": True, "v": True},
    "fi": {"k": True, "e": False},
    "fr": {"o": True, "v": True},
    "gl": {"s": True, "v": True},
    "hr": {"da": True},
    "hu": {"i": True, "h": False},
    "id": {"b": True, "s": False, "tak": False},
    "it": {"s": True, "v": True},
    "ja": {"○": True, "◯": True, "×": False, "x": None},
    "ms": {"b": True, "s": False, "tak": False},
    "pl": {"tak": True},
    "nb": {"jo": True},
    "pt": {"s": True, "v": True},
    "ro": {"da": True},
    "sk": {"a": True},
    "sl": {"da": True},
    "sq": {"po": True, "jo": False},
    "sr": {"da": True},
    "sv": {"jo": True},
    "tr": {"e": True, "h": False, "d": True},
}
# In Malay and Indonesian T is tidak, which is no, and elsewhere T is true: so T is not read. PostgreSQL writes t for true,
# which is read.
_LANGUAGES_OF_CAPITAL_T = {"id", "ms"}
TICKS = {"x", "✓", "✔", "☑", "✅", "🗹", "🗸", "√"}

_FEMALE = """
female f w k woman girl frau weiblich femme feminin féminin mujer femenino femmina femminile donna feminino mulher vrouw
vrouwelijk kvinne kvinna kvinde nainen kobieta kadin bayan perempuan wanita женщина женский жен ж жіноча жінка zena
ženský ž femeie feminină γυναικα θηλυ 女 女性 여 여성 여자 หญิง nữ انثى أنثى امراة נקבה אישה महिला स्त्री
mrs ms miss mme madame sra señora fru frøken frk signora signorina mevrouw mevr lady dame damen ladies fem weibl
女士 小姐 زن mlle γ θ
"""
_MALE = """
male m man boy mann männlich homme masculin hombre masculino varón maschio maschile uomo homem mannelijk mies mężczyzna
mezczyzna erkek bay laki-laki laki pria lelaki мужчина мужской муж м чоловіча чоловік muž mužský ferfi bărbat ανδρας αντρας
αρρεν 男 男性 남 남성 남자 ชาย nam ذكر رجل זכר גבר पुरुष mr herr monsieur señor signor dhr gentleman herren gents masc männl
先生 مرد ч α
"""
_OTHER_GENDERS = {
    "non_binary": "non-binary nonbinary enby non-binaire nicht-binär ikke-binær icke-binär",
    "undisclosed": "prefer-not-to-say rather-not-say not-disclosed undisclosed not-stated",
    "other": "other",
}
# Outlook, in each language, and other systems write these words if no gender is given.
_UNKNOWN = """
unspecified unknown not-specified not-set not-given none n/a na - -- — – ? null nil
keine-angabe unbekannt non-spécifié non-précisé inconnu
sin-especificar no-especificado desconocido uspesifisert uoppgitt ukjent niet-opgegeven onbekend non-specificato sconosciuto
não-especificado desconhecido ospecificerat okänt uspecificeret ukendt määrittämätön nieokreślona nieokreślono nieznana
neurčeno neznámé nincs-megadva nespecificat belirtilmemiş bilinmiyor не-указан не-указано не-вказано απροσδιόριστο
tidak-disebutkan tidak-diketahui không-xác-định ไม่ระบุ 指定なし 未指定 不明 未知 지정되지-않음 알-수-없음 غير-محدد לא-צוין
"""
# Mujer (Spanish) and moteris (Lithuanian) mean woman and begin with M; férfi (Hungarian) and fear (Irish) mean man and
# begin with F, and so does karl (Icelandic) with K.
_GENDERS_BY_LANGUAGE: dict[str, dict[str, str | None]] = {
    "ca": {"h": "male", "d": "female", "m": None},
    "es": {"h": "male", "m": None},
    "et": {"n": "female"},
    "fi": {"n": "female"},
    "fr": {"h": "male"},
    "gl": {"h": "male", "m": None},
    "hu": {"n": "female", "no": "female", "f": None},
    "id": {"l": "male", "p": "female"},
    "ga": {"f": None},
    "is": {"k": None},
    "it": {"u": "male", "d": "female"},
    "lt": {"v": "male", "m": None},
    "ms": {"l": "male", "p": "female"},
    "nl": {"v": "female"},
    "pt": {"h": "male", "m": None},
    "tr": {"e": "male"},
}

_LETTER_FORMS = str.maketrans({"ı": "i", "ς": "σ"})
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3})*\Z")
# 1,00,000 is a hundred thousand in India.
_GROUPED_IN_INDIA = re.compile(r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}\Z")
_ZERO_FRACTION = re.compile(r"(.*[0-9])[.,]0{1,2}\Z")


def fold_word(text: str) -> str:
    """Returns the word as the words of this module are compared: without case, without accents, without dots and exclamation
    marks at its ends, and with one hyphen for blanks and underscores.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).strip().strip(".!").casefold())
    kept = "".join(character for character in folded if not unicodedata.combining(character) and character != "\ufe0f")
    return re.sub(r"[\s_]+", "-", kept.translate(_LETTER_FORMS).strip())


def fold_words(words: str) -> set[str]:
    """Returns the words of the text, each as `fold_word` returns it. A hyphen stands for a blank within a word."""
    return {fold_word(word) for word in words.split()}


_BOOLEANS = dict.fromkeys(fold_words(_TRUE), True) | dict.fromkeys(fold_words(_FALSE), False)
_GENDERS = dict.fromkeys(fold_words(_FEMALE), "female") | dict.fromkeys(fold_words(_MALE), "male")
for _gender, _words in _OTHER_GENDERS.items():
    _GENDERS |= dict.fromkeys(fold_words(_words), _gender)

_UNKNOWN_WORDS = fold_words(_UNKNOWN)


def read_boolean(text: str, language: str) -> bool | None:
    """Returns True for yes and False for no in any language, and None for an unknown word or one with two meanings."""
    if text.strip() in {"T", "Ｔ"} and language in _LANGUAGES_OF_CAPITAL_T:
        return None
    word = fold_word(text)
    # A float of a spreadsheet.
    word = {"1,0": "1", "0,0": "0", "1.0": "1", "0.0": "0"}.get(word, word)
    return _BOOLEANS_BY_LANGUAGE.get(language, {}).get(word, _BOOLEANS.get(word))


def read_gender(text: str, language: str) -> str | None:
    """Returns the gender that the text means, and None for an unknown word or one with two meanings."""
    word = fold_word(text)
    return _GENDERS_BY_LANGUAGE.get(language, {}).get(word, _GENDERS.get(word))


def means_unknown(text: str) -> bool:
    """Returns whether the text says, in any language, that something is not known."""
    return fold_word(text) in _UNKNOWN_WORDS


def is_tick(text: str) -> bool:
    """Returns whether the text is a mark that means yes, such as an `x` in a column where an empty cell means no."""
    return fold_word(text) in TICKS


def read_whole_number(text: str) -> int | None:
    """Returns a number such as 120, 1 234, 1'234, 1.234.567 or 120,00. Returns None for what is no whole number, and
    for a text such as 1.234, which some countries read as 1234 and others as a number with a fraction.
    """
    digits = "".join(
        str(unicodedata.decimal(character, character)) for character in unicodedata.normalize("NFKC", text)
    )
    # U+066C groups the digits of Arabic.
    digits = re.sub(r"\s", " ", re.sub("[’\u066c]", "'", digits)).strip()
    zero_fraction = _ZERO_FRACTION.match(digits)
    number = zero_fraction[1] if zero_fraction else digits
    if _GROUPED_IN_INDIA.match(number):
        number = number.replace(",", "")
    grouped = _GROUPED.match(number)
    if grouped:
        separator = grouped[1]
        # It is clear that the separator groups digits if it is a blank or an apostrophe, if it is there twice, or if the
        # fraction has another separator.
        is_clear = (
            separator in " '" or number.count(separator) > 1 or (zero_fraction and digits[len(number)] != separator)
        )
        if not is_clear:
            return None
        number = number.replace(separator, "")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else None
