"""Builds the requests: many different ones of each kind, from stored rows. Each run has the same requests."""

import datetime as dt
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.rows import namedtuple_row

from bench.one_pass import Business

CUSTOMERS = "/api/v1/customers"
KINDS = ("list", "history", "detail")
SEARCHES = ("rare word", "two words", "phone", "nobody")
COSTLY_SEARCHES = ("common word", "two letters")
SEGMENTS = ("vip", "regular", "new", "at_risk")
TODAY = dt.datetime.now(dt.UTC).date()
SAMPLE_SIZE = 200
COMPARED_PER_KIND = 20  # the number of requests of each kind whose answers are compared
PAGE_SIZE = 20
LIST_PAGES = 20  # the first pages of the list, which people look at most


@dataclass
class Samples:
    """The paths and the search words by kind of request, and the tenant to which they belong."""

    business: Business
    region: str
    total: int
    ids: list[str]
    words: dict[str, list[str]]
    paths: dict[str, list[str]] = field(default_factory=dict)

    @property
    def last_page(self) -> int:
        """The number of the last full page of the list."""
        return self.total // PAGE_SIZE


def samples(connection: psycopg.Connection) -> Samples:
    """Returns the samples of lotus, the largest tenant."""
    rows = connection.cursor(row_factory=namedtuple_row)
    fields = ", ".join(Business._fields)
    [tenant] = rows.execute(f"SELECT {fields}, phone_region FROM tenants_tenant WHERE slug = 'lotus'").fetchall()
    business = Business(*tenant[:-1])
    here = "FROM customers_customer c WHERE c.tenant_id = %s AND NOT c.is_deleted"
    [[total]] = rows.execute(f"SELECT count(*) {here}", [business.id]).fetchall()
    rows.execute("SELECT setseed(0.5)")
    people = rows.execute(
        f"""SELECT id, first_name, last_name, email, phone {here}
        AND last_name IS NOT NULL AND email IS NOT NULL AND phone IS NOT NULL
        AND EXISTS (SELECT FROM appointments_appointment a WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id)
        ORDER BY random() LIMIT {SAMPLE_SIZE}""",
        [business.id],
    ).fetchall()
    pick = random.Random(1)
    words = {
        # The part of the e-mail address before the @ belongs to one person: a second one has a number in it.
        "rare word": [person.email.partition("@")[0] for person in people],
        "two words": [f"{person.first_name} {person.last_name}" for person in people],
        "phone": [_national(person.phone) for person in people],
        "nobody": ["".join(pick.choices("qxzjkw", k=8)) for _ in people],
        "common word": ["example"],
        "two letters": ["sa", "ri", "de", "qx"],
        "misspelled name": [f"{person.last_name[:2]}x{person.last_name[2:]}" for person in people],
    }
    ids = [person.id for person in people]
    found = Samples(business, tenant.phone_region, total, ids, words)
    pages = range(1, min(LIST_PAGES, found.last_page) + 1)
    found.paths = {
        "list": [f"{CUSTOMERS}?page={page}&size={PAGE_SIZE}" for page in pages],
        **{
            f"segment {segment}": [f"{CUSTOMERS}?segment={segment}&page={page}&size={PAGE_SIZE}" for page in pages]
            for segment in SEGMENTS
        },
        "detail": [f"{CUSTOMERS}/{pk}" for pk in ids],
        "history": [f"{CUSTOMERS}/{pk}/appointments?size={PAGE_SIZE}" for pk in ids],
        **{kind: [f"{CUSTOMERS}?search={quote(text)}" for text in texts] for kind, texts in words.items()},
    }
    return found


def _national(phone: str) -> str:
    """Formats a number as people write it in Indonesia (+62): 0812 3456 7890."""
    digits = "0" + phone.removeprefix("+62")
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


class NewCustomers:
    """Yields the bodies of requests that create customers, each another person."""

    def __init__(self) -> None:
        self.numbers = count(random.Random().randrange(10**6, 9 * 10**6) * 1000)

    def __iter__(self) -> "NewCustomers":
        return self

    def __next__(self) -> dict[str, Any]:
        number = next(self.numbers)
        return {
            "first_name": "Sari",
            "last_name": "Wijaya",
            "email": f"new{number}@example.com",
            "phone": f"+62800{number % 10**8:08}",
            "source": "website",
        }
