"""What is asked: many different requests of each kind, from the rows that are there. The same ones in each run."""

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
WORST = ("common word", "two letters")
TODAY = dt.datetime.now(dt.UTC).date()
NUMBER = 200
COMPARED = 20  # of each kind, where answers are compared
SIZE = 20
PAGES = 20  # of the list: reception looks at the first ones


@dataclass
class Samples:
    """Paths by kind, the words that were searched, and the tenant that all of it is about."""

    business: Business
    region: str
    total: int
    ids: list[str]
    words: dict[str, list[str]]
    paths: dict[str, list[str]] = field(default_factory=dict)

    @property
    def last_page(self) -> int:
        """The last full page of the list."""
        return self.total // SIZE


def samples(connection: psycopg.Connection) -> Samples:
    """Those of lotus, the largest tenant."""
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
        ORDER BY random() LIMIT {NUMBER}""",
        [business.id],
    ).fetchall()
    pick = random.Random(1)
    words = {
        # With its number, if two have the same, a mailbox is one person's.
        "rare word": [person.email.partition("@")[0] for person in people],
        "two words": [f"{person.first_name} {person.last_name}" for person in people],
        "phone": [_national(person.phone) for person in people],
        "nobody": ["".join(pick.choices("qxzjkw", k=8)) for _ in people],
        "common word": ["example"],
        "two letters": ["sa", "ri", "de", "qx"],
    }
    ids = [person.id for person in people]
    found = Samples(business, tenant.phone_region, total, ids, words)
    found.paths = {
        "list": [f"{CUSTOMERS}?page={page}&size={SIZE}" for page in range(1, min(PAGES, found.last_page) + 1)],
        "detail": [f"{CUSTOMERS}/{pk}" for pk in ids],
        "history": [f"{CUSTOMERS}/{pk}/appointments?size={SIZE}" for pk in ids],
        **{kind: [f"{CUSTOMERS}?search={quote(text)}" for text in texts] for kind, texts in words.items()},
    }
    return found


def _national(phone: str) -> str:
    """As it is written where +62 is the country: 0812 3456 7890."""
    digits = "0" + phone.removeprefix("+62")
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


class NewCustomers:
    """Bodies of creates, no two of one person."""

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
