"""Lists the exports of other systems whose headers are known.

Where the headers come from, by preset:
- Google Contacts, Outlook, Shopify: public programs that read or write these files quote the whole header.
- Square: a program that quotes the "exact header names from export", and Square's help pages on its import.
- Fresha: a program that moves salons from Fresha (`Mobile Number`, `Telephone`, `Date of Birth`, `Note`, `Blocked`). The
  columns about marketing are not confirmed.
- Phorest: the field names of its API, in the spelling of the API and in words. No export was seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from customers.transfer.day_order import DayOrder
from customers.transfer.mapping.column_rules import (
    UNMAPPED,
    ColumnRule,
    ValuesOfCell,
    separated_by,
    tags_from_labels,
    translated_by,
    unmarked_cell,
)
from customers.transfer.tables import normalize_header

MAX_NUMBERED_COLUMNS = 10
# The functions that read words of other systems as values of Circe. A word that tells nothing is read as no value.
GENDER_VALUES = translated_by(
    dict.fromkeys(["unspecified", "unknown", "not specified", "none", "prefer not to say"], "")
)
SUBSCRIPTION_VALUES = translated_by(
    {
        **dict.fromkeys(["subscribed", "yes", "opted in"], "true"),
        **dict.fromkeys(["unsubscribed", "no", "opted out", "bounced"], "false"),
        **dict.fromkeys(["unknown", "not subscribed", "pending", "none"], ""),
    }
)
BLOCKED_VALUES = translated_by(
    {**dict.fromkeys(["yes", "true", "1"], "false"), **dict.fromkeys(["no", "false", "0"], "true")}
)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """An export of another system. `rules` are by normalized header. A column without a rule is imported if it has the
    exact name of a column of Circe. Under another known name it is imported only for a column of Circe that is in
    FOUND_BESIDE_PRESET (`header_mapping.py`) and for which no column of the file has a rule.

    A file is such an export if its header has all headers of one of the `signatures`. `day_order` is the order of day and
    month in its dates, if the system defines one.
    """

    name: str
    signatures: tuple[frozenset[str], ...]
    rules: dict[str, ColumnRule]
    day_order: DayOrder | None = None


def _columns(
    target: str, *headers: str, values: ValuesOfCell = unmarked_cell, is_fallback: bool = False
) -> dict[str, ColumnRule]:
    return {
        normalize_header(header): ColumnRule(target=target, values=values, rank=rank, is_fallback=is_fallback)
        for rank, header in enumerate(headers)
    }


def _numbered(template: str) -> list[str]:
    return [template.format(number) for number in range(1, MAX_NUMBERED_COLUMNS + 1)]


def _signatures(*signatures: Iterable[str]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(normalize_header, signature)) for signature in signatures)


GOOGLE = Preset(
    name="Google Contacts",
    signatures=_signatures(
        *([header] for header in (*_numbered("E-mail {} - Value"), *_numbered("Phone {} - Value"))),
        ["Given Name", "Family Name", "Group Membership"],
        ["First Name", "File As", "Labels"],
    ),
    rules={
        **_columns("first_name", "Given Name", "First Name", "Additional Name", "Middle Name"),
        **_columns("first_name", "Name", "File As", "Nickname", "Organization Name", is_fallback=True),
        **_columns("last_name", "Family Name", "Last Name"),
        **_columns("email", *_numbered("E-mail {} - Value"), values=separated_by(":::")),
        **_columns("phone", *_numbered("Phone {} - Value"), values=separated_by(":::")),
        **_columns("date_of_birth", "Birthday"),
        **_columns("gender", "Gender", values=GENDER_VALUES),
        **_columns(
            "address",
            "Address 1 - Street",
            "Address 1 - Extended Address",
            "Address 1 - PO Box",
            "Address 1 - City",
            "Address 1 - Region",
            "Address 1 - Postal Code",
            "Address 1 - Country",
        ),
        **_columns("address", "Address 1 - Formatted", is_fallback=True),
        **_columns("notes", "Notes"),
        **_columns("tags", "Group Membership", "Labels", values=tags_from_labels(":::")),
        "language": UNMAPPED,
    },
)
OUTLOOK = Preset(
    name="Outlook",
    signatures=_signatures(
        *(
            ["E-mail Address", phone]
            for phone in ("Mobile Phone", "Home Phone", "Business Phone", "Primary Phone", "E-mail 2 Address")
        ),
    ),
    rules={
        **_columns("first_name", "First Name", "Middle Name"),
        **_columns("first_name", "E-mail Display Name", is_fallback=True),
        **_columns("last_name", "Last Name"),
        **_columns("email", "E-mail Address", "E-mail 2 Address", "E-mail 3 Address"),
        **_columns(
            "phone",
            *("Mobile Phone", "Primary Phone", "Home Phone", "Home Phone 2", "Business Phone", "Business Phone 2"),
            *("Other Phone", "Car Phone", "Company Main Phone"),
        ),
        **_columns("date_of_birth", "Birthday"),
        **_columns("gender", "Gender", values=GENDER_VALUES),
        **_columns(
            "address",
            *("Home Street", "Home Street 2", "Home Street 3", "Home Address PO Box", "Home City", "Home State"),
            *("Home Postal Code", "Home Country", "Home Country/Region"),
        ),
        **_columns("address", "Home Address", is_fallback=True),
        **_columns("notes", "Notes"),
        **_columns("tags", "Categories", values=tags_from_labels(";")),
        "language": UNMAPPED,
    },
)
SQUARE = Preset(
    name="Square",
    signatures=_signatures(
        ["Square Customer ID"],
        ["Email Subscription Status"],
        ["Reference ID", "Email Address", "Memo"],
        ["Creation Source", "Lifetime Spend"],
        ["Instant Profile"],
    ),
    rules={
        **_columns("first_name", "First Name", "Given Name"),
        **_columns("first_name", "Nickname", is_fallback=True),
        **_columns("last_name", "Last Name", "Surname", "Family Name"),
        **_columns("email", "Email Address", "Email"),
        **_columns("phone", "Phone Number", "Phone"),
        **_columns("date_of_birth", "Birthday", "Date of Birth"),
        **_columns(
            "address",
            *("Street Address 1", "Street Address", "Address Line 1", "Street Address 2", "Address Line 2", "City"),
            *("Locality", "State", "Postal Code", "Country"),
        ),
        **_columns("notes", "Memo", "Note", "Notes"),
        **_columns("marketing_consent", "Email Subscription Status", values=SUBSCRIPTION_VALUES),
    },
    # Square's help page: "Preferred formats are MM-DD, YYYY-MM-DD, and MM-DD-YYYY."
    day_order=DayOrder.MONTH_FIRST,
)
FRESHA = Preset(
    name="Fresha",
    signatures=_signatures(
        *(
            ["Mobile number", other]
            for other in (
                "Telephone",
                "Accepts marketing",
                "Accepts SMS marketing",
                "Blocked",
                "Block reason",
                "Client ID",
            )
        ),
    ),
    rules={
        **_columns("first_name", "First name"),
        **_columns("first_name", "Full name", "Name", is_fallback=True),
        **_columns("last_name", "Last name"),
        **_columns("email", "Email", "Email address"),
        **_columns("phone", "Mobile number", "Mobile", "Telephone"),
        **_columns("date_of_birth", "Date of birth", "Birthday"),
        **_columns("gender", "Gender", values=GENDER_VALUES),
        **_columns(
            "address",
            *(
                "Address",
                "Street",
                "Apt./Suite",
                "Area",
                "City",
                "State",
                "Region",
                "Postcode",
                "Post code",
                "Zip code",
            ),
            "Country",
        ),
        **_columns("notes", "Note", "Notes"),
        **_columns("tags", "Tags", "Labels", values=tags_from_labels(",")),
        **_columns(
            "marketing_consent",
            *("Accepts marketing", "Accepts email marketing", "Accepts SMS marketing"),
            values=SUBSCRIPTION_VALUES,
        ),
        **_columns("is_active", "Blocked", values=BLOCKED_VALUES),
    },
)
SHOPIFY = Preset(
    name="Shopify",
    signatures=_signatures(
        *(
            ["Email", marketing, other]
            for marketing in ("Accepts Email Marketing", "Accepts Marketing")
            for other in ("Total Spent", "Total Orders", "Tax Exempt", "Default Address Address1")
        ),
        ["Default Address Phone"],
    ),
    rules={
        **_columns("first_name", "First Name"),
        **_columns("last_name", "Last Name"),
        **_columns("email", "Email"),
        **_columns("phone", "Phone", "Default Address Phone"),
        **_columns(
            "address",
            *("Default Address Address1", "Address1", "Default Address Address2", "Address2", "Default Address City"),
            *("City", "Default Address Province Code", "Province", "Default Address Zip", "Zip"),
            *("Default Address Country Code", "Country"),
        ),
        **_columns("notes", "Note"),
        **_columns("tags", "Tags", values=tags_from_labels(",")),
        **_columns(
            "marketing_consent",
            *("Accepts Email Marketing", "Accepts Marketing", "Accepts SMS Marketing", "Accepts WhatsApp Marketing"),
            values=SUBSCRIPTION_VALUES,
        ),
    },
)
PHOREST = Preset(
    name="Phorest",
    signatures=_signatures(
        ["Mobile", "Land line"],
        ["Mobile", "SMS marketing consent"],
        ["Mobile", "Email marketing consent"],
        ["Mobile", "SMS marketing"],
    ),
    rules={
        **_columns("first_name", "First name"),
        **_columns("first_name", "Name", "Client name", "Full name", is_fallback=True),
        **_columns("last_name", "Last name", "Surname"),
        **_columns("email", "Email", "Email address"),
        **_columns("phone", "Mobile", "Mobile number", "Land line", "Phone", "Home phone"),
        **_columns("date_of_birth", "Birth date", "Date of birth", "Birthday", "DOB"),
        **_columns("gender", "Gender", values=GENDER_VALUES),
        **_columns(
            "address",
            *("Address", "Address 1", "Street address 1", "Address line 1", "Address 2", "Street address 2"),
            *("Address line 2", "City", "Town", "County", "State", "Postcode", "Postal code", "Zip", "Country"),
        ),
        **_columns("notes", "Notes", "Note", "Client notes"),
        **_columns("tags", "Client category", "Client categories", "Category", "Tags", values=tags_from_labels(",")),
        **_columns(
            "marketing_consent",
            *("Email marketing consent", "SMS marketing consent", "Email marketing", "SMS marketing"),
            *("Marketing consent", "Accepts marketing"),
            values=SUBSCRIPTION_VALUES,
        ),
        **_columns("loyalty_points", "Loyalty points"),
    },
)

# Presets with headers that no other system has come first.
PRESETS = (GOOGLE, SHOPIFY, SQUARE, FRESHA, PHOREST, OUTLOOK)


def find_preset(header: Iterable[str]) -> Preset | None:
    """Returns the preset of a file with this header, or None if it is the export of no known system."""
    names = frozenset(map(normalize_header, header))
    return next((preset for preset in PRESETS if any(names.issuperset(one) for one in preset.signatures)), None)
