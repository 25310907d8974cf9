"""Imports files of other systems from `real_data/`, by the command and in the admin, and compares what is stored."""

import datetime as dt
from pathlib import Path

import pytest

from customers.consents.ledger import current_consents
from customers.models import Customer, Purpose
from customers.tests.test_transfer_admin import body, checked, figures, proposals
from customers.tests.transfer import from_csv, imported
from customers.transfer.text_marks import unescape_cell

pytestmark = pytest.mark.slow("imports each file twice, by the command and in the admin")

FILES = Path(__file__).parent / "real_data"
FIELDS = (
    *("first_name", "last_name", "email", "phone", "date_of_birth", "gender", "address", "notes", "tags"),
    "is_active",
)
ALL_CHANNELS = ["email", "push", "sms", "whatsapp"]


def person(**values):
    """Returns what is stored of a customer: the defaults, and the given values. `marketing` has the channels of marketing
    that are granted.
    """
    defaults = dict.fromkeys(FIELDS) | {"tags": [], "marketing": [], "is_active": True}
    return defaults | values


SARI = person(
    first_name="Sari Dewi",
    last_name="Yulianto",
    email="sari@example.com",
    phone="+6281234567801",
    date_of_birth=dt.date(1990, 4, 12),
    gender="female",
    address="Jl. Merdeka 5, Jakarta, 10110, Indonesia",
    notes="Prefers the window.",
    tags=["hair-nails"],
)
RINA = person(
    first_name="Rina",
    last_name="Putri",
    email="rina@example.com",
    phone="+6281234567831",
    date_of_birth=dt.date(1988, 4, 12),
    address="Jl. Melati 1, Bandung, 40111",
    notes="Likes tea",
)
LINA = person(
    first_name="Lina",
    last_name="Kurnia",
    email="lina@example.com",
    phone="+6281234567862",
    address="Jl. Mawar 3, Surabaya, 60111, ID",
    notes="Gift card",
    tags=["vip", "facial-lovers"],
    marketing=["email", "sms"],
)

# By file: the system as which it is known, who is stored, the refused rows, and the cells that are left out.
CASES = {
    "google_contacts_old.csv": (
        "Google Contacts",
        [
            SARI,
            person(first_name="Wahyu", phone="+6281234567802"),
            person(first_name="Studio Melati", phone="+6281234567803", address="Ubud, Bali"),
        ],
        [],
        [
            (2, "E-mail 1 - Value", "sari.work@example.com"),
            (2, "Phone 1 - Value", "+62 21 5550 1001"),
            (2, "Phone 2 - Value", "+62 21 5550 1002"),
            # The line is the one in the file: the first person has an address of three lines.
            (5, "Birthday", "--04-12"),
        ],
    ),
    "google_contacts.csv": (
        "Google Contacts",
        [
            person(
                first_name="Åse",
                last_name="Ødegård",
                email="ase@example.com",
                phone="+6281234567811",
                date_of_birth=dt.date(1985, 12, 31),
                tags=["vip"],
            ),
            person(first_name="田中", last_name="太郎", phone="+6281234567812"),
        ],
        [],
        [(3, "Phone 1 - Value", "0812 3456 7813"), (3, "Birthday", "--0412")],
    ),
    "outlook.csv": (
        "Outlook",
        [
            person(
                first_name="Jürgen",
                last_name="Müller",
                email="juergen@example.com",
                phone="+6281234567821",
                date_of_birth=dt.date(1969, 12, 31),
                address="Jl. Kemang 7, Jakarta, 12730",
                tags=["red-category", "regulars"],
            ),
            person(
                first_name="Zoë",
                last_name="Díaz",
                phone="+6281234567822",
                gender="female",
                notes="Two lines:\nallergic to nuts",
            ),
            # The first person's 31/12 tells that the day comes first.
            person(first_name="Ana", last_name="Lee", email="ana@example.com", date_of_birth=dt.date(1990, 4, 3)),
        ],
        [],
        [
            (2, "E-mail 2 Address", "j.mueller@example.com"),
            (2, "Home Phone", "021 5550 1003"),
            (3, "Birthday", "0/0/00"),
        ],
    ),
    "square.csv": (
        "Square",
        [
            RINA | {"marketing": ["email"]},
            person(first_name="Budi", phone="+6281234567832"),
            person(first_name="Mr. Tan", email="tan@example.com"),
        ],
        [],
        [(3, "Birthday", "04-12")],
    ),
    "square_old.csv": ("Square", [RINA], [], []),
    "fresha.csv": (
        "Fresha",
        [
            person(
                first_name="Maya",
                last_name="Hartono",
                email="maya@example.com",
                phone="+6281234567841",
                date_of_birth=dt.date(1992, 2, 29),
                gender="female",
                address="Jakarta",
                notes="Colour 6.3",
                marketing=ALL_CHANNELS,
            ),
            person(first_name="Dewi", phone="+6281234567842", is_active=False),
        ],
        [],
        [(2, "Telephone", "62 215550104"), (3, "Accepts Marketing", "true")],
    ),
    "phorest.csv": (
        "Phorest",
        [
            person(
                first_name="Aoife",
                last_name="O'Brien",
                email="aoife@example.com",
                phone="+6281234567851",
                date_of_birth=dt.date(1979, 2, 27),
                gender="female",
                address="1 Main St, Cork",
                tags=["colour-club", "vip"],
                marketing=["email", "sms"],
            ),
            person(
                first_name="Niamh",
                last_name="Byrne",
                phone="+622155501006",
                date_of_birth=dt.date(1979, 5, 4),
                gender="female",
            ),
        ],
        [],
        [(2, "Land Line", "021 5550 1005"), (3, "Email Marketing Consent", "true")],
    ),
    "shopify.csv": (
        "Shopify",
        [LINA, person(first_name="Joko", email="joko@example.com", phone="+6281234567863")],
        [],
        [(2, "Default Address Phone", "081234567861"), (3, "Accepts Email Marketing", "true")],
    ),
    "shopify_old.csv": (
        "Shopify",
        [LINA | {"address": "Jl. Mawar 3, Surabaya, 60111, Indonesia", "tags": ["vip"], "marketing": []}],
        [],
        [],
    ),
    "norwegian_names.csv": (
        "",
        [
            person(
                first_name="Bjørn",
                last_name="Ødegård",
                email="bjorn@example.com",
                phone="+6281234567871",
                date_of_birth=dt.date(1990, 4, 3),
                address="Storgata 1, 0155, Oslo",
                notes="Vindusplass",
            )
        ],
        [],
        [],
    ),
    "indonesian_full_name.csv": (
        "",
        [
            person(first_name="Siti Nur Haliza", phone="+6281234567881", date_of_birth=dt.date(1995, 8, 17)),
            person(first_name="Agus", phone="+6281234567882", date_of_birth=dt.date(1991, 4, 3)),
        ],
        [],
        [],
    ),
}


def stored():
    return [
        {name: getattr(customer, name) for name in FIELDS} | {"marketing": granted_marketing(customer)}
        for customer in Customer.objects.order_by("created_at", "pk")
    ]


def granted_marketing(customer):
    consents = current_consents(customer)
    return sorted(one.channel for one in consents if one.purpose == Purpose.MARKETING and one.is_granted)


def left_out(data):
    return [(int(line), column, unescape_cell(text)) for line, column, text, _ in from_csv(data)[1:]]


def by_name(people):
    return sorted(people, key=lambda one: one["first_name"])


def test_every_file_is_tested():
    assert {file.name for file in FILES.glob("*.csv")} >= CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_another_system_is_imported_by_the_command(tmp_path, in_scope, name):
    preset, people, refused, omitted = CASES[name]
    result = imported(FILES / name, omitted=tmp_path / "omitted.csv")
    assert by_name(stored()) == by_name(people)
    assert [row[:2] for row in result.refused_rows] == refused
    assert left_out((tmp_path / "omitted.csv").read_bytes()) == omitted
    assert (f", an export of {preset}." in result.stderr) == bool(preset)
    # A second import adds nothing.
    assert imported(FILES / name).counts == {"unchanged": len(people)}


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_another_system_is_imported_in_the_admin(back_office, in_scope, name):
    preset, people, _, omitted = CASES[name]
    browser = back_office("tenant_admin")
    url = checked(browser, (FILES / name).read_bytes())
    assert figures(browser, url) == {"created": len(people)}
    page = browser.get(url).content.decode()
    assert (f"An export of {preset}." in page) == bool(preset)
    assert all(f"<td>{column}</td>" in page for _, column, _ in omitted)
    body(browser.post(url, {"import": "1"}))
    assert by_name(stored()) == by_name(people)
    assert left_out(body(browser.get(f"{url}omitted.csv")).encode()) == omitted


def test_the_proposed_columns_of_a_known_export_can_be_confirmed_and_are_read_alike(back_office, in_scope):
    browser = back_office("tenant_admin")
    url = checked(browser, (FILES / "google_contacts_old.csv").read_bytes())
    before = browser.get(url).context["summary"]
    body(browser.post(f"{url}columns/", proposals(browser, f"{url}columns/")))
    assert browser.get(url).context["summary"] == before
