"""E-mail addresses and phone numbers in the one form in which they are compared."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from tenants.identity import (
    clean_email,
    clean_phone,
    email_key,
    validate_email_address,
    validate_phone,
    validate_region,
    without_trunk_prefix,
)
from tenants.models import Tenant
from tenants.scope import EVERY_TENANT, NoTenantScope, tenant_scope


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


def test_the_long_s_is_an_s():
    assert email_key("ſari@example.com") == "sari@example.com"


@pytest.mark.parametrize(
    "character", ["\u200b", "\u200c", "\u200d", "\ufeff", "\u2060", "\u00ad", "\u202e", "\0", "\x7f"]
)
def test_invisible_characters_are_refused(character):
    for address in (f"ki{character}m@example.com", f"{character}kim@example.com", f"kim@example.com{character}"):
        with pytest.raises(ValidationError):
            clean_email(address)


@pytest.mark.parametrize(
    "address",
    ["", " ", "kim", "kim@", "@example.com", "kim@example", "kim@@example.com", "kim@exa mple.com",
     "kim,jo@example.com",
     "kim@example..com", "<kim@example.com>", "kim@example.com\nbcc: jo@example.com",
     "k" * 300 + "@example.com", "k@" + "ß" * 60 + ".de" * 60],
)  # fmt: skip
def test_what_is_no_address(address):
    with pytest.raises(ValidationError):
        validate_email_address(address)


@given(st.text(max_size=50))
@example("İ@example.com")
@example("\ufdfa@example.com")
def test_cleaning_an_address_twice_changes_nothing(local):
    try:
        once = clean_email(f"{local}@example.com")
    except ValidationError:
        return
    assert clean_email(once) == once
    assert email_key(email_key(once)) == email_key(once)


@pytest.mark.parametrize(
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
     "+٦٢٨١٢٣٤٥٦٧٨", "0812 3456 7890 ext 5", "tel:+62812345678", "+62812345678;ext=1", "\u200b", "1" * 1000, "+-()"],
)  # fmt: skip
def test_what_is_no_phone_number(written):
    with in_region("ID"), pytest.raises(ValidationError):
        clean_phone(written)


def test_only_the_shape_decides():
    with in_region("ID"):
        for number in ("+1234567", "+999999999999999", "+0000000000"):
            assert clean_phone(number) == number


def test_without_one_tenant_only_a_whole_number_will_do():
    with tenant_scope(EVERY_TENANT):
        assert clean_phone("+62 812 3456 7890") == "+6281234567890"
        with pytest.raises(ValidationError):
            clean_phone("0812 3456 7890")
    with pytest.raises(NoTenantScope):
        clean_phone("0812 3456 7890")


@given(st.text(alphabet="0123456789+-(). /０１", max_size=25))
def test_cleaning_a_number_twice_changes_nothing(text):
    with in_region("ID"):
        try:
            once = clean_phone(text)
        except ValidationError:
            return
        assert clean_phone(once) == once


@given(st.text(max_size=40))
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
        assert without_trunk_prefix(digits) == parts


def test_the_trunk_prefix_without_one_tenant_is_a_zero():
    with tenant_scope(EVERY_TENANT):
        assert without_trunk_prefix("08123456") == ("", "8123456")
        assert without_trunk_prefix("8123456") == ("", "8123456")


def test_a_region_is_one_with_phone_numbers():
    validate_region("ID")
    for value in ("", "id", "XX", "IDN"):
        with pytest.raises(ValidationError):
            validate_region(value)
