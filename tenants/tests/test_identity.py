"""E-mail addresses and phone numbers in the one form in which they are compared."""

import functools
import unicodedata

import phonenumbers
import pytest
import regex
from django.core.exceptions import ValidationError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from circe.tests.cases import in_one_test
from tenants.identity import (
    clean_email,
    clean_phone,
    email_key,
    is_valid_phone,
    normalize_phone_text,
    validate_email_address,
    validate_phone,
    validate_region,
)
from tenants.models import Tenant
from tenants.phone_parts import split_national_number
from tenants.scope import ALL_TENANTS, NoTenantScope, tenant_scope


def in_region(region):
    return tenant_scope(Tenant(phone_region=region))


def test_an_email_is_shown_as_written_and_compared_folded():
    assert clean_email("  Jane.Doe+Spa@Example.COM ") == "Jane.Doe+Spa@Example.COM"
    assert email_key("  Jane.Doe+Spa@Example.COM ") == "jane.doe+spa@example.com"


@pytest.mark.parametrize(
    "spelling",
    [
        "kim@example.com",
        "KIM@EXAMPLE.COM",
        "\tkim@example.com\n",
        "\u00a0kim@example.com\u3000",
        "ｋｉｍ@example.com",
        "kim＠example.com",
        "\u212aim@example.com",  # the Kelvin sign
        "kim@example．com",
        "ᵏim@example.com",
    ],
)
def test_spellings_of_one_address(spelling):
    assert email_key(spelling) == "kim@example.com"


def test_an_address_has_254_characters_at_most():
    longest = "k" * 242 + "@example.com"
    assert email_key(longest) == longest
    # It is shorter than 254 characters, and longer in its ASCII form.
    long_as_ascii = "k" * 60 + "@" + ".".join(["ü" * 20] * 7) + ".example"
    for longer in ("k" + longest, "kim@" + "ü" * 300 + ".example", long_as_ascii):
        with pytest.raises(ValidationError, match="too long"):
            email_key(longer)


def test_the_long_s_is_an_s():
    assert email_key("ſari@example.com") == "sari@example.com"


@pytest.mark.parametrize(
    "domain", ["müller.example", "MÜLLER.example", "mu\u0308ller。example", "XN--MLLER-KVA.example"]
)
def test_a_domain_is_shown_as_written_and_compared_in_its_ascii_form(domain):
    assert clean_email(f"kim@{domain}") == f"kim@{unicodedata.normalize('NFKC', domain)}"
    assert email_key(f"kim@{domain}") == "kim@xn--mller-kva.example"


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("strasse.example", "strasse.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("βόλοσ.com", "xn--nxasmq6b.com"),
        ("ΒΌΛΟΣ.com", "xn--nxasmq6b.com"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("localhost", "localhost"),
        ("[127.0.0.1]", "[127.0.0.1]"),
        ("r3---sn.example", "r3---sn.example"),
    ],
)
def test_different_domains_are_compared_as_different(domain, key):
    assert email_key(f"kim@{domain}") == f"kim@{key}"


@pytest.mark.parametrize(
    "domain",
    ["💩.example", "xn--ls8h.example", "xn--mller-kv.example", "a_b.example", "-a.example", "a-.example",
     "\u0301a.example", "ü..example", "ü.example.", "ü" * 60 + ".example", "a" * 64 + ".example", "[ü]", "א1a.example"],
)  # fmt: skip
def test_what_is_no_domain(domain):
    with pytest.raises(ValidationError):
        clean_email(f"kim@{domain}")


def test_a_refusal_names_the_domain_that_is_none():
    with pytest.raises(ValidationError, match="is not the domain of an e-mail address"):
        email_key("kim@ü..example")


@functools.cache
def every_character():
    return "".join(map(chr, range(0x110000)))


@functools.cache
def invisible_characters():
    """Returns the characters that are drawn as nothing: by Unicode's property, by categories, and two by their names."""
    categories = {"Cc", "Cf", "Zs", "Zl", "Zp"}
    return sorted(
        {*regex.findall(r"\p{Default_Ignorable_Code_Point}", every_character())}
        | {character for character in every_character() if unicodedata.category(character) in categories}
        | {*map(unicodedata.lookup, ("BRAILLE PATTERN BLANK", "MUSICAL SYMBOL NULL NOTEHEAD"))}
    )


def key_or_none(text):
    """Returns the key of the address, or None if it is refused."""
    try:
        return email_key(text)
    except ValidationError as error:
        # The error is in its own list. Of a million errors, the garbage collector would have to find each.
        error.error_list.clear()
        return None


@pytest.mark.slow("puts each of thousands of characters into an address")
@pytest.mark.parametrize("address", ["kim@example.com", "kim@müller.example", '"kim"@[127.0.0.1]'])
def test_no_character_that_shows_nothing_stands_anywhere_in_an_address(address):
    assert {"\u034f", "\ufe0f", "\u115f", "\u3164", "\u180b", "\u2800", "\uffa0", "\u00ad", "\0"} <= {
        *invisible_characters()
    }
    accepted = set()
    for character in invisible_characters():
        for place in range(len(address) + 1):
            key = key_or_none(address[:place] + character + address[place:])
            # A space at either end is trimmed, which makes no other address.
            is_trimmed = character.isspace() and place in (0, len(address))
            if key and not (is_trimmed and key == email_key(address)):
                accepted.add((character, place))
    assert accepted == set()


@pytest.mark.parametrize("local", ["straße", "STRAẞE", "ñandú", "иван", "ı"])
def test_before_the_at_sign_an_address_has_ascii_alone(local):
    with pytest.raises(ValidationError):
        clean_email(f"{local}@example.com")


@pytest.mark.slow("reads a million addresses")
def test_no_character_is_compared_as_another_one_but_by_its_form_and_its_case():
    for character in every_character():
        if key := key_or_none(f"kim{character}@example.com"):
            form = unicodedata.normalize("NFKC", character).strip()
            assert key == f"kim{form.lower()}@example.com"
            assert form.isascii()


@pytest.mark.parametrize(
    "address",
    ["", " ", "kim", "kim@", "@example.com", "kim@example", "kim@@example.com", "kim@exa mple.com",
     "kim,jo@example.com",
     "kim@example..com", "<kim@example.com>", "kim@example.com\nbcc: jo@example.com",
     "k" * 300 + "@example.com", "k@" + "例えばテスト." * 30 + "de"],
)  # fmt: skip
def test_what_is_no_address(address):
    with pytest.raises(ValidationError):
        validate_email_address(address)


@pytest.mark.slow("cleans generated addresses")
@given(st.text(max_size=50), st.text(max_size=50))
@example("İ", "")
@example("ı", "")
@example("kim", "müller。")
@example("kim", "straße.")
@example("\ufdfa", "")
@example("\ufdfa", "\ufdfa.")
def test_cleaning_an_address_twice_changes_nothing(local, domain):
    try:
        once = clean_email(f"{local}@{domain}example.com")
    except ValidationError:
        return
    # `str`, since an EmailAddress would not be read again.
    assert clean_email(str(once)) == once
    assert email_key(email_key(once)) == email_key(once)


@in_one_test(
    ("region", "written", "number"),
    [
        ("ID", "+1234567890", "+1234567890"),
        ("ID", "0812 3456 7890", "+6281234567890"),
        ("ID", "0812-3456-7890", "+6281234567890"),
        ("ID", "(0812) 3456.7890", "+6281234567890"),
        ("ID", "+62 812 3456 7890", "+6281234567890"),
        ("ID", "+62 (0) 812 3456 7890", "+6281234567890"),
        ("ID", "0062 812 3456 7890", "+6281234567890"),
        ("ID", "００６２８１２３４５６７８９０", "+6281234567890"),
        ("ID", "＋62 812 3456 7890", "+6281234567890"),
        ("ID", "+62\u2011812\u20133456\u22127890", "+6281234567890"),
        ("ID", "+62\u00a0812/3456/7890", "+6281234567890"),
        ("NO", "912 34 567", "+4791234567"),
        ("NO", "+47 912 34 567", "+4791234567"),
        ("US", "(202) 555-0143", "+12025550143"),
        ("GB", "+44 (0)20 7946 0018", "+442079460018"),
        ("IT", "06 698 12345", "+390669812345"),
        # Numbers with a trunk prefix after the country code. It belongs before a national number.
        ("ID", "+62 0812 3456 7801", "+6281234567801"),
        ("ID", "(+62)(0)812 3456 7801", "+6281234567801"),
        ("ID", "0062 0812 3456 7801", "+6281234567801"),
        ("IT", "+39 06 698 12345", "+390669812345"),
        ("IT", "+39 (0)6 698 12345", "+390669812345"),
        ("NO", "+47 (0) 912 34 567", "+4791234567"),
        ("RU", "+7 8 912 345 67 89", "+79123456789"),
        # A country code without a plus.
        ("ID", "62811234567", "+62811234567"),
        ("NO", "4791234567", "+4791234567"),
        ("ID", "447911123456", "+447911123456"),
        ("IT", "390612345678", "+390612345678"),
        ("IT", "3901234567", "+393901234567"),
        # How a region dials abroad.
        ("AU", "0011 62 812 3456 7801", "+6281234567801"),
        ("SG", "001 62 812 3456 7801", "+6281234567801"),
        # Hong Kong dials abroad with 001. If only 00 were read as a prefix, this would be a number of Jamaica:
        # +1 658 234 5678.
        ("HK", "001 65 8234 5678", "+6582345678"),
        ("ID", "008 65 9123 4567", "+6591234567"),
        ("ID", "0081 3 1234 5678", "+81312345678"),
        ("US", "011 62 812 3456 7801", "+6281234567801"),
        # Marks that come with a pasted text, and digits of other scripts.
        ("ID", "\u202a+62 812-3456-7801\u202c", "+6281234567801"),
        ("ID", "0812\u00ad3456\u00ad7801", "+6281234567801"),
        ("ID", "\u200e0812\u202f3456\u00a07801\ufeff", "+6281234567801"),
        ("ID", "+٦٢٨١٢٣٤٥٦٧٨٠١", "+6281234567801"),
        ("ID", "۰۸۱۲۳۴۵۶۷۸۰۱", "+6281234567801"),
        ("ID", "०८१२३४५६७८०१", "+6281234567801"),
        # Cells of a spreadsheet.
        ("SG", "91234567.0", "+6591234567"),
        ("ID", "'0812 3456 7801", "+6281234567801"),
        ("ID", '="081234567801"', "+6281234567801"),
        ("NO", "9.1234567E7", "+4791234567"),
        ("ID", "8,1234567801E+10", "+6281234567801"),
        ("ID", "’0812 3456 7801", "+6281234567801"),
        # An area code that ends with a slash.
        ("DE", "030/1234567", "+49301234567"),
        ("DE", "+49(0)151/12345678", "+4915112345678"),
        ("AT", "+43 (0) 664/1234567", "+436641234567"),
        ("AT", "0043 (0) 5572/12345", "+43557212345"),
        # An extension.
        ("DE", "089 123456-0", "+49891234560"),
        ("ID", "+43 1 5123456-7", "+43151234567"),
        # Groups of two digits.
        ("FI", "040-123-45-67", "+358401234567"),
        ("IT", "06-12-34-56-78", "+390612345678"),
        ("RU", "8 (912) 345-67-89", "+79123456789"),
        # The trunk prefix is removed also in ranges of numbers that the library does not know yet.
        ("IL", "+972 050-123-4567", "+972501234567"),
        ("IL", "050-123-4567", "+972501234567"),
        # No country code begins with 0.
        ("ID", "+0812 3456 7801", "+6281234567801"),
        ("ID", "+ 0062 812 3456 7801", "+6281234567801"),
        # Prefixes of carriers that the plan lacks.
        ("ID", "001 62 812 3456 7801", "+6281234567801"),
        ("ID", "007 65 9123 4567", "+6591234567"),
        ("KR", "00700 62 812 3456 7801", "+6281234567801"),
        # Prefixes that a country has given up.
        ("MX", "+52 1 55 1234 5678", "+525512345678"),
        ("MX", "044 55 1234 5678", "+525512345678"),
        ("MX", "01 55 1234 5678", "+525512345678"),
        ("UA", "8 050 123 45 67", "+380501234567"),
        ("MX", "1 55 1234 5678", "+525512345678"),
        ("ID", "52 1 55 1234 5678", "+525512345678"),
        ("GE", "8 595 12 34 56", "+995595123456"),
        ("GE", "+995 8 595 12 34 56", "+995595123456"),
        ("CL", "09 6123 4567", "+56961234567"),
        ("IT", "0339 123 4567", "+393391234567"),
        # A zero where the country has no trunk prefix.
        ("NO", "+47 0 912 34 567", "+4791234567"),
        ("NO", "0048 0512 345 678", "+48512345678"),
        # No country code begins with 89.
        ("RU", "+8 912 345 67 89", "+79123456789"),
        # All separators of libphonenumber: a tilde stands where one waits for a dial tone.
        ("RU", "8~10 62 812 3456 7801", "+6281234567801"),
        ("UA", "0~0 49 30 123456", "+4930123456"),
        ("ID", "[0812] 3456 7801", "+6281234567801"),
        # `00` is international also where a region dials abroad by another prefix.
        ("AU", "00 299 32 10 00", "+299321000"),
        ("JP", "０９０ー１２３４ー５６７８", "+819012345678"),
        # A zero before the country code.
        ("IN", "091 98765 43210", "+919876543210"),
        ("ID", "(062) 812 3456 7801", "+6281234567801"),
        ("SG", "065 9123 4567", "+6591234567"),
        ("IR", "۰۹۸ ۹۱۲ ۱۲۳ ۴۵۶۷", "+989121234567"),
        ("NG", "0234 803 123 4567", "+2348031234567"),
        ("ID", "+091 98765 43210", "+919876543210"),
        ("DE", "049 151 12345678", "+494915112345678"),  # a number of Leer
        # The country code twice, from a form that puts it before what is typed.
        ("IN", "+91 91 98765 43210", "+919876543210"),
        ("ID", "+62 +62 812 3456 7801", "+6281234567801"),
        ("ID", "+62 62 0812 3456 7801", "+6281234567801"),
        ("SG", "+65 0065 9123 4567", "+6591234567"),
        ("US", "+1 01 202 555 0143", "+12025550143"),
        ("NO", "+47 0 47 12 34 56", "+4747123456"),
        # An Argentine mobile number has a 9 when it is dialled from abroad, and 0 and 15 within the country.
        ("AR", "+54 9 011 2345-6789", "+5491123456789"),
        ("AR", "+54 9 11 15 2345-6789", "+5491123456789"),
        ("ID", "+54 9 0351 15-412-3456", "+5493514123456"),
        # +870 is a country code, but not of so few digits.
        ("KZ", "+8 701 234 56 78", "+77012345678"),
        # A plus at the end is seen in front, in a line that begins at the right.
        ("EG", "٢٠١٠٠١٢٣٤٥٦٧+", "+201001234567"),
        ("ID", "201001234567+", "+201001234567"),
        ("IL", "972-50-123-4567+", "+972501234567"),
        # Zeros before or after the country code.
        ("IT", "00060 12 456", "+3906012456"),
        ("ID", "000 62 812 3456 7801", "+6281234567801"),
        ("DE", "+49 00151 12345678", "+4915112345678"),
    ],
)
def test_a_phone_number_is_stored_as_e164(region, written, number):
    with in_region(region):
        assert clean_phone(written) == number
        assert clean_phone(number) == number
        validate_phone(written)


@pytest.mark.parametrize(
    "written",
    ["", "+", "+123456", "+1234567890123456", "12", "abc", "+62 812 CALL", "+62 812\0345", "++62812345678",
     "+62+812345678",
     "0812 3456 7890 ext 5", "tel:+62812345678", "+62812345678;ext=1", "\u200b", "1" * 1000, "+-()",
     "'", "’", '=""', "''", "1/1/1900", "31.12.1990", "1990-12-31"],
)  # fmt: skip
def test_what_is_no_phone_number(written):
    with in_region("ID"), pytest.raises(ValidationError):
        validate_phone(written)


@pytest.mark.parametrize(
    "written",
    [
        "22334455/56",
        "22334455 / 22334456",
        "0812 3456 7801; 0812 3456 7802",
        "22334455,22334456",
        "+47 22334455 | +47 22334456",
        "22334455\n22334456",
        "22334455\t22334456",
        "22334455 22334456",
        "22334455 - 22334456",
        "22334455-56",
        "22334455 56",
        "22334455 (56)",
        "22334455~6",
        "+47 22334455 56",
        "+47 22334455 - 4456",
        "+47 223/34455/56",
        "22334455.6",
        "1234567 7654321",
        "22334455 (22334456)",
        "22334455 eller 22334456",
        "22334455 (jobb) 22334456",
        "22334455\\22334456",
        "22334455、22334456",
        "22334455،22334456",
        "22334455 • 22334456",
        "+4722334455 +4722334456",
        "+4722334455+4722334456",
        "004722334455/004722334456",
    ],
)
def test_two_numbers_are_refused_by_name(written):
    with in_region("NO"), pytest.raises(ValidationError, match="There are two numbers"):
        clean_phone(written)


@pytest.mark.parametrize(
    ("region", "written"),
    [
        ("KR", "02-123-4567~8"),
        ("KR", "02)123-4567-8"),
        ("KR", "02-123-4567~68"),
        ("ID", "021 555 0101-3"),
        ("ID", "0274 512345 - 46"),
        ("IT", "339.1234567.8"),
        ("DE", "089/123456-0/1"),
        ("DE", "030/123456/78"),
        # These would be numbers of Iran and of Egypt.
        ("IN", "98765-43210-11"),
        ("US", "202-555-0143-5"),
    ],
)
def test_a_range_of_numbers_is_no_longer_number(region, written):
    with in_region(region), pytest.raises(ValidationError, match="There are two numbers"):
        clean_phone(written)


@pytest.mark.parametrize("written", ["8.12E+10", "8,12E+10", "8E10", "6.2812e+12"])
def test_a_number_that_a_spreadsheet_shortened_is_refused_in_words(written):
    with in_region("ID"), pytest.raises(ValidationError, match="A spreadsheet shortened this number"):
        clean_phone(written)


@in_one_test(
    ("written", "message"),
    [
        ("0812 3456 78O1", "“0812 3456 78O1” holds “O”, which is no part of a phone number."),
        ("+62 812 3456 7801 ext. 12", "“+62 812 3456 7801 ext. 12” holds “ext”, which is no part of a phone number."),
        ("0812 3456 7801 (WA)", "“0812 3456 7801 (WA)” holds “WA”, which is no part of a phone number."),
        ("tel:+6281234567801", "“tel:+6281234567801” holds “tel:”, which is no part of a phone number."),
        ("12", "“12” is not a phone number. A phone number has 7 to 15 digits, such as +6281234567890."),
        ("812345678.5", "“812345678.5” has a fraction. If it is a phone number, enter it as digits alone."),
        ("31.12.1990", "“31.12.1990” looks like a day. If it is a phone number, enter it as digits alone."),
        ("1" * 60, f"“{'1' * 60}” is not a phone number."),
        ("1" * 61, f"“{'1' * 60}…” is not a phone number."),
    ],
)
def test_a_refusal_names_what_was_seen(written, message):
    with in_region("ID"), pytest.raises(ValidationError) as refused:
        clean_phone(written)
    assert refused.value.messages[0].startswith(message)


@functools.cache
def example_numbers():
    """Returns the example numbers of libphonenumber, each with its region."""
    return [
        (region, number)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in phonenumbers.PhoneNumberType.values()
        if (number := phonenumbers.example_number_for_type(region, kind))
    ]


@pytest.mark.slow("reads the example numbers of all regions")
def test_every_example_number_of_libphonenumber_is_one_number_however_it_is_written():
    wrong = []
    for region, number in example_numbers():
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if not 7 <= len(e164) - 1 <= 15:
            continue
        written = {
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL),
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
            e164,
            f"00{e164[1:]}",
            f"{e164[1:]}+",
            f"+{number.country_code} {e164}",
        }
        code, rest = f"+{number.country_code}", phonenumbers.national_significant_number(number)
        if not is_valid_phone(f"{code}0{rest}"):
            written.add(f"{code} 0{rest}")
        with in_region(region):
            wrong += [(region, text, clean_phone(text), e164) for text in written if clean_phone(text) != e164]
    assert wrong == []


PREFIXES = [
    "",
    "+",
    "0",
    "00",
    "000",
    "0000",
    "+0",
    "+00",
    "8",
    "+8",
    "810",
    "(0)",
    "1",
    "01",
    "011",
    "001",
    "0011",
    "9",
    "15",
    "06",
]
NATIONAL_NUMBERS = st.deferred(
    lambda: st.sampled_from([phonenumbers.national_significant_number(number) for _, number in example_numbers()])
)
# A number as somebody writes it who mixes up prefixes: `+49 00177…`, `000 62 812…`.
MIXED_UP_NUMBERS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(PREFIXES),
    st.sampled_from(["", *phonenumbers.COUNTRY_CODE_TO_REGION_CODE]),
    st.sampled_from(["", *PREFIXES, *phonenumbers.COUNTRY_CODE_TO_REGION_CODE]),
    NATIONAL_NUMBERS | st.text(alphabet="0123456789", min_size=3, max_size=12),
    st.sampled_from(["", "", "+"]),
)


@pytest.mark.slow("reads generated numbers")
@settings(max_examples=500)
@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    MIXED_UP_NUMBERS | st.text(alphabet="0123456789+-(). /０１", max_size=25),
)
@example("IT", "00060 12 456")
@example("DM", "+49 008403")
@example("ZA", "+27 0001234567")
@example("SL", "0088804447")
@example("LU", "8888888888")
def test_to_read_a_stored_number_changes_nothing(region, text):
    with in_region(region):
        try:
            stored = clean_phone(text)
        except ValidationError:
            return
        # `str`, since a PhoneNumber would not be read again.
        assert clean_phone(str(stored)) == stored


def test_only_the_shape_decides():
    with in_region("ID"):
        for number in ("+1234567", "+999999999999999", "+0000000000"):
            assert clean_phone(number) == number


def test_without_one_tenant_only_a_whole_number_will_do():
    with tenant_scope(ALL_TENANTS):
        assert clean_phone("+62 812 3456 7890") == "+6281234567890"
        with pytest.raises(ValidationError):
            clean_phone("0812 3456 7890")
    with pytest.raises(NoTenantScope):
        clean_phone("0812 3456 7890")


@given(st.text(st.characters(codec="ascii"), max_size=25))
def test_an_invisible_character_changes_no_ascii_phone(text):
    # Only the text without it takes the short way.
    assert normalize_phone_text(text) == normalize_phone_text(f"\u00ad{text}")


COUNTRY_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
TEXTS_WITH_A_COUNTRY_CODE = st.builds(
    "+{}{}".format, st.sampled_from(COUNTRY_CODES), st.text(alphabet="0123456789 -", max_size=12)
)


@pytest.mark.slow("cleans generated texts")
@given(st.text(max_size=40) | TEXTS_WITH_A_COUNTRY_CODE)
# The Argentine 9 with a single digit after it, which is too short to be parsed.
@example("+5491")
@example("+54 9 1 2345678")
def test_no_text_crashes(text):
    with in_region("ID"):
        for clean in (clean_phone, clean_email):
            try:
                clean(text)
            except ValidationError:
                pass


@pytest.mark.parametrize(
    ("region", "digits", "parts"),
    [
        ("ID", "08123456", ("62", "8123456")),
        ("ID", "8123456", ("", "8123456")),
        ("US", "12025550143", ("1", "2025550143")),
        ("NO", "91234567", ("", "91234567")),
        ("NO", "091234567", ("", "091234567")),
    ],
)
def test_the_trunk_prefix_of_a_beginning(region, digits, parts):
    with in_region(region):
        assert split_national_number(digits) == parts


def test_the_trunk_prefix_without_one_tenant_is_a_zero():
    with tenant_scope(ALL_TENANTS):
        assert split_national_number("08123456") == ("", "8123456")
        assert split_national_number("8123456") == ("", "8123456")


def test_a_region_is_one_with_phone_numbers():
    validate_region("ID")
    for value in ("", "id", "XX", "IDN"):
        with pytest.raises(ValidationError):
            validate_region(value)


def test_every_separator_of_libphonenumber_is_a_separator():
    # `x` stands for an extension, or for the code of a carrier.
    separators = regex.findall(f"[{phonenumbers.phonenumberutil._VALID_PUNCTUATION}]", every_character())
    with in_region("ID"):
        for separator in {*separators} - {"x"}:
            assert clean_phone(f"0812{separator}3456{separator}7801") == "+6281234567801", separator
