"""Tests properties of every file: an export changes nothing, and junk is never stored by half."""

import datetime as dt
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.transfer import as_csv, exported, imported
from customers.transfer.columns import COLUMN_BY_NAME
from customers.transfer.text_marks import is_null, remove_text_mark
from tenants.models import AuditEvent

# --- properties -----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
ODD_TEXTS = ["'0812", "''007", "#N/A", "'#N/A", '="x"', "'t Hooft", "'a@b.com", "x", "#FORMULA!", "-", "1.234", "TRUE"]
ODD_EMAILS = ["JANE{}@Example.com", "'jane{}@example.com", "=jane{}@example.com", "jane{}@müller.example"]


@pytest.mark.slow("writes and reads files of generated customers")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "last_name": st.sampled_from([*ODD_TEXTS, None]),
                "email": st.sampled_from(ODD_EMAILS),
                "notes": st.sampled_from(ODD_TEXTS) | TEXTS,
                "address": st.none() | st.sampled_from(ODD_TEXTS),
                "preferred_categories": st.lists(st.sampled_from(ODD_TEXTS), max_size=2),
                "gender": st.sampled_from(["female", "non_binary", None]),
                "language": st.sampled_from(["en", "pt-br", "zh-Hans"]),
                "loyalty_points": st.integers(0, 10**9),
                "marketing_consent": st.booleans(),
                "accepts_sms": st.booleans(),
                "date_of_birth": st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2020, 1, 1)),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_that_is_imported_with_update_changes_nothing(in_scope, tmp_path, kind, people):
    Customer.objects.all().delete()
    for number, person in enumerate(people):
        CustomerFactory(tenant=in_scope, phone=None, **person | {"email": person["email"].format(number)})
    before, events = list(Customer.objects.order_by("pk").values()), AuditEvent.objects.count()
    path = tmp_path / f"customers.{kind}"
    exported(path)
    result = imported(path, update=True)
    assert (result.counts, result.refused_rows) == ({"unchanged": len(people)}, [])
    assert (list(Customer.objects.order_by("pk").values()), AuditEvent.objects.count()) == (before, events)


# A customer of their own is stored.
IDS = {"id", "deleted_at"}
JUNK = st.sampled_from(
    [*ODD_TEXTS, "", "yes", "0/0/00", "12%", "NULL", "\\N", "???", "1e400", "-1", "a;b", "\u200f", "nan"]
)


@pytest.mark.slow("imports files of generated cells")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMN_BY_NAME.keys() - IDS, JUNK | TEXTS)))
def test_a_row_of_junk_is_refused_or_stored_exactly(in_scope, tmp_path, cells):
    Customer.objects.all().delete()
    path = tmp_path / "customers.csv"
    row = cells | {"email": "junk@example.com", "first_name": f"J{cells.get('first_name', '')}"}
    path.write_bytes(as_csv([[*row], [*row.values()]]))
    result = imported(path)
    assert sum(result.counts.values()) == 1
    assert Customer.objects.count() == result.counts.get("created", 0)
    # Who was stored has the texts of the file, except a `NULL`, and is exported and imported as they are.
    if "created" in result.counts:
        stored = Customer.objects.values().get()
        for name in {"notes", "address", "accessibility_needs"} & cells.keys():
            text = "" if is_null(cells[name]) else remove_text_mark(cells[name])
            assert stored[name] == (unicodedata.normalize("NFC", text).strip() or None)
        exported(path)
        assert imported(path, update=True).counts == {"unchanged": 1}
        assert Customer.objects.values().get() == stored
