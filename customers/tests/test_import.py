"""Tests `manage.py import_customers`: the outcome of each row, and the command."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command

from circe.db.ids import new_id
from customers.models import Customer
from customers.models.preferences import PreferredService
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.transfer import as_csv, as_workbook, from_csv, imported
from customers.transfer import importing
from tenants.models import AuditEvent
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

ID = "507f1f77bcf86cd799439011"


def people():
    return list(Customer.objects.order_by("created_at", "first_name").values_list("first_name", "email", "phone"))


# --- a row becomes a customer ---------------------------------------------------------------------------------------


def test_every_column_is_imported(import_rows, tenant):
    outlet, service = OutletFactory(tenant=tenant), ServiceFactory(tenant=tenant)
    people = [UserFactory(tenant=tenant).pk, UserFactory(tenant=tenant).pk]
    row = {
        "id": ID,
        "first_name": " Jane ",
        "last_name": "Doe",
        "email": "Jane@Example.com",
        "email_verified": "true",
        "phone": "0812 3456 789",
        "phone_verified": "TRUE",
        "gender": "Non-binary",
        "date_of_birth": "1990-01-31",
        "address": "Jl. Merdeka 5\nJakarta",
        "tags": "VIP; regular",
        "source": "website",
        "loyalty_points": "120",
        "is_active": "0",
        "language": "en",
        "accepts_email": "false",
        "accepts_sms": "false",
        "accepts_push": "false",
        "accepts_whatsapp": "true",
        "marketing_consent": "true",
        "preferred_outlet_id": outlet.pk,
        "preferred_services": service.pk,
        "preferred_staff_ids": ";".join(people),
        "preferred_categories": "hair; nails\\;toes",
        "accessibility_needs": "ramp",
        "notes": "=1+1",
        "created_at": "2019-03-05T10:30:00+07:00",
    }
    result = import_rows([*row], [*row.values()])
    assert (result.code, result.counts, result.refused_rows) == (0, {"created": 1}, [])
    jane = Customer.objects.with_preferred().get()
    assert {name: getattr(jane, name) for name in row} == row | {
        "first_name": "Jane",
        "email_verified": True,
        "phone": "+628123456789",
        "phone_verified": True,
        "gender": "non_binary",
        "date_of_birth": dt.date(1990, 1, 31),
        "tags": ["vip", "regular"],
        "loyalty_points": 120,
        "is_active": False,
        "accepts_email": False,
        "accepts_sms": False,
        "accepts_push": False,
        "accepts_whatsapp": True,
        "marketing_consent": True,
        "preferred_services": [service.pk],
        "preferred_staff_ids": people,
        "preferred_categories": ["hair", "nails;toes"],
        "created_at": dt.datetime(2019, 3, 5, 3, 30, tzinfo=dt.UTC),
    }
    assert (jane.email_key, jane.tenant, jane.has_password) == ("jane@example.com", tenant, False)
    assert Customer.objects.matching("jane 0812").exists()


def test_a_column_that_the_file_lacks_gets_the_default(import_rows):
    import_rows(["Name", "Phone number"], ["Jane", "08123456789"])
    jane = Customer.objects.get()
    assert (jane.tags, jane.source, jane.language, jane.loyalty_points) == ([], "import", "id", 0)
    assert (jane.is_active, jane.accepts_email, jane.marketing_consent, jane.email) == (True, True, False, None)


def test_an_empty_source_stays_empty(import_rows):
    import_rows(["first_name", "phone", "source"], ["Jane", "08123456789", ""])
    assert Customer.objects.get().source is None


def test_headers_are_found_in_any_spelling_and_unknown_ones_are_listed(import_rows):
    header = ["_id", "First Name", "SURNAME", "E-Mail", "preferences.language", "password", "Shoe size", ""]
    result = import_rows(
        header, [f"ObjectId({ID.upper()})", "Jane", "Doe", "jane@example.com", "en", "secret", "38", ""]
    )
    jane = Customer.objects.get()
    assert (jane.pk, jane.full_name, jane.email, jane.language) == (ID, "Jane Doe", "jane@example.com", "en")
    assert "Columns that are not imported: password, Shoe size." in result.stderr
    assert jane.password is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-03-05", "2024-03-04T17:00Z"),
        ("2024-03-05 10:30:00", "2024-03-05T03:30Z"),
        ("2024-03-05T10:30:00.250Z", "2024-03-05T10:30:00.250Z"),
    ],
)
def test_times_without_an_offset_are_in_the_time_zone_of_the_business(import_rows, text, instant):
    import_rows(["first_name", "phone", "created"], ["Jane", "08123456789", text])
    assert Customer.objects.get().created_at == dt.datetime.fromisoformat(instant)


# --- an invalid row stops no other ----------------------------------------------------------------------------------

UNCLEAR = "can be read in two ways, or not at all."
WRITE_AN_INSTANT = "Write a day such as 2025-01-31 or an instant such as 2025-01-31T10:30:00Z."
BAD = [
    ("id", "122", "“122” is no id: an id has 24 hex digits. A customer whose id is left empty gets a new one."),
    ("first_name", " ", "A customer needs a first name."),
    ("first_name", "\u200b", "A name is made of characters that can be seen."),
    ("first_name", "a" * 101, "Ensure this value has at most 100 characters (it has 101)."),
    ("email", "no address", "“no address” is not an e-mail address, such as kim@example.com."),
    ("email", "a\u200bb@example.com", "The e-mail address holds invisible characters."),
    ("phone", "12", "“12” is not a phone number. A phone number has 7 to 15 digits, such as +6281234567890."),
    ("gender", "banana", f"“banana” {UNCLEAR} Write one of female, male, non_binary, other, undisclosed."),
    (
        "date_of_birth",
        "03/04/1990",
        "“03/04/1990” can be 3 April or 4 March: write it as 1990-04-03 or 1990-03-04.",
    ),
    ("date_of_birth", "1990-02-30", "There is no day “1990-02-30”: write a day as YYYY-MM-DD."),
    ("date_of_birth", "2999-01-01", "“2999-01-01” does not lie between 1900 and today: write a day as YYYY-MM-DD."),
    ("tags", "v!p", "“v!p” is no tag. A tag is made of letters, digits, hyphens and underscores."),
    ("tags", ";".join(f"t{n}" for n in range(51)), "List contains 51 items, it should contain no more than 50."),
    (
        "source",
        "The Web!",
        "“The Web!” is no source. A source is made of letters from a to z, digits, hyphens and underscores.",
    ),
    ("loyalty_points", "-5", f"“-5” {UNCLEAR} Write a whole number, such as 120."),
    ("loyalty_points", "9999999999", "Ensure this value is less than or equal to 2147483647."),
    ("is_active", "perhaps", f"“perhaps” {UNCLEAR} Write true or false."),
    ("language", "Klingon Kuno", "“Klingon Kuno” is no language. Write a tag such as en, id or pt-BR."),
    ("preferred_outlet_id", "0" * 24, "There is no outlet with this id."),
    ("preferred_services", "x", "There is no service “x”. The business has none."),
    ("preferred_services", "0" * 24, "There is no service with this id."),
    ("preferred_staff_ids", "0" * 24, "There is no member of staff with this id."),
    ("preferred_categories", ";".join("a" * 101), "Name at most 100 entries."),
    ("preferred_categories", "a" * 51, None),
    ("notes", "a" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
    ("notes", "a\0b", "The cell holds a null character."),
    ("created_at", "yesterday", f"“yesterday” {UNCLEAR} {WRITE_AN_INSTANT}"),
    ("created_at", "2999-01-01", "“2999-01-01” does not lie between 1900 and now."),
    ("created_at", "2024-03-05T10:30:00+99:00", None),
    ("deleted_at", "0001-01-01", "“0001-01-01” does not lie between 1900 and now."),
]


def test_an_invalid_cell_is_refused_with_its_line_column_and_reason(import_rows):
    header = dict.fromkeys(["first_name", "email", *(column for column, _, _ in BAD)], "")
    bad = [{"first_name": "Joe", column: text} for column, text, _ in BAD]
    rows = [{"first_name": "Jane"}, *bad, {"first_name": "Ann"}]
    rows = [{"email": f"j{n}@example.com"} | row for n, row in enumerate(rows)]
    result = import_rows([*header], *([*(header | row).values()] for row in rows))
    assert (result.code, result.counts) == (1, {"created": 2, "refused": len(BAD)})
    for (line, where, why), (number, (column, text, reason)) in zip(
        result.refused_rows, enumerate(BAD, 3), strict=True
    ):
        assert (line, where) == (number, column), text
        assert reason in (why, None), text
    assert {name for name, *_ in people()} == {"Jane", "Ann"}


def test_another_businesses_outlet_is_refused_like_an_unknown_one(import_rows, other_tenant):
    rows = [
        [f"J{n}", f"j{n}@example.com", pk] for n, pk in enumerate([OutletFactory(tenant=other_tenant).pk, new_id()])
    ]
    result = import_rows(["first_name", "email", "preferred_outlet_id"], *rows)
    assert {reason for _, _, reason in result.refused_rows} == {"There is no outlet with this id."}


def test_a_customer_needs_an_e_mail_address_or_a_phone_number(import_rows):
    result = import_rows(["first_name", "email", "phone"], ["Jane", "", ""])
    assert result.refused_rows == [(2, "email", "A customer needs an e-mail address or a phone number.")]


@pytest.mark.parametrize(
    "file",
    [
        "first_name,email\nÅse,a@example.com\n".encode() + b"Zo\xeb,z@example.com\n" + b"Ann,n@example.com\n",
        "first_name,email\nÅse,a@example.com\nZo\ud800,z@example.com\nAnn,n@example.com\n".encode(
            "utf-16", "surrogatepass"
        ),
        as_workbook(
            [
                ["first_name", "email"],
                ["Åse", "a@example.com"],
                ["Zo_xD800_", "z@example.com"],
                ["Ann", "n@example.com"],
            ]
        ),
    ],
    ids=["bytes that are no UTF-8", "half a character of UTF-16", "half a character in a workbook"],
)
def test_a_cell_that_can_t_be_decoded_is_refused(tmp_path, in_scope, file):
    path = tmp_path / "customers"
    path.write_bytes(file)
    result = imported(path, refused=tmp_path / "refused.csv")
    assert result.refused_rows == [(3, "first_name", "The cell holds bytes that are no text in the file's encoding.")]
    assert {name for name, *_ in people()} == {"Åse", "Ann"}


def test_two_reasons_are_both_reported(import_rows):
    result = import_rows(["first_name", "email", "phone"], ["Jane", "x", "12"])
    ((_, columns, reason),) = result.refused_rows
    assert columns == "email, phone"
    assert reason.startswith("“x” is not an e-mail address, such as kim@example.com. “12” is not a phone number")


def test_the_refused_rows_can_be_corrected_and_imported(import_rows, tmp_path):
    refused = tmp_path / "refused.csv"
    rows = [["Jane", "jane@example.com", "'=1+1"], ["Joe", "", "=1+1"], ["", "ann@example.com", "'s-Hertogenbosch"]]
    import_rows(["first_name", "email", "notes"], *rows, refused=refused)
    assert refused.stat().st_mode & 0o777 == 0o600
    header, *cells = from_csv(refused.read_bytes())
    assert header == ["line", "column", "reason", "first_name", "email", "notes"]
    assert cells == [
        ["3", "email", "A customer needs an e-mail address or a phone number.", "Joe", "", "'=1+1"],
        ["4", "first_name", "A customer needs a first name.", "", "ann@example.com", "'s-Hertogenbosch"],
    ]
    cells[0][4], cells[1][3] = "joe@example.com", "Ann"
    again = import_rows(header, *cells, refused=refused)
    assert (again.counts, again.stderr.count("not imported")) == ({"created": 2}, 0)
    assert set(Customer.objects.values_list("notes", flat=True)) == {"=1+1", "'s-Hertogenbosch"}


# --- existing customers ---------------------------------------------------------------------------------------------

HEADER = ["id", "first_name", "email", "phone", "notes"]


@pytest.mark.parametrize("pk", [ID, ""])
def test_importing_again_adds_nothing(import_rows, pk):
    rows = [HEADER, [pk, "Jane", "jane@example.com", "08123456789", ""], ["", "Joe", "", "08123456780", "tea"]]
    assert import_rows(*rows).counts == {"created": 2}
    before = list(Customer.objects.order_by("pk").values())
    result = import_rows(*rows)
    assert (result.code, result.counts) == (0, {"unchanged": 2})
    assert import_rows(*rows, update=True).counts == {"unchanged": 2}
    assert list(Customer.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("by_id", [True, False])
def test_a_customer_who_differs_is_changed_only_with_update(import_rows, tenant, by_id):
    jane = CustomerFactory(tenant=tenant, email="jane@example.com", phone="+628123456789", password="hash", notes="tea")
    row = [jane.pk if by_id else "", "Janet", "jane@example.com", "", "coffee"]
    result = import_rows(HEADER, row)
    reason = f"Customer {jane.pk} is here already, and differs. Updating existing customers would change them."
    assert result.refused_rows == [(2, "first_name, phone, notes", reason)]
    jane.refresh_from_db()
    assert jane.first_name == "Jane"

    assert import_rows(HEADER, row, update=True).counts == {"updated": 1}
    after = Customer.objects.get()
    # Columns that the file lacks are unchanged.
    assert (after.first_name, after.phone, after.notes) == ("Janet", None, "coffee")
    assert (after.last_name, after.password, after.created_at) == (jane.last_name, "hash", jane.created_at)
    event = AuditEvent.objects.filter(table="customer").latest("id")
    assert (event.action, event.command) == ("updated", "import_customers")
    assert set(event.after) == {"first_name", "phone", "notes"}


def test_an_update_replaces_preferred_lists_and_marks_a_new_e_mail_unverified(import_rows, tenant):
    services = [ServiceFactory(tenant=tenant).pk for _ in range(3)]
    jane = CustomerFactory(tenant=tenant, email_verified=True, phone_verified=True)
    jane.change({"preferred_services": services[:2]})
    header = ["id", "email", "preferred_services"]
    row = [jane.pk, "new@example.com", ";".join(services[:0:-1])]
    assert import_rows(header, row, update=True).counts == {"updated": 1}
    jane.refresh_from_db()
    assert (jane.email_verified, jane.phone_verified, jane.email_key) == (False, True, "new@example.com")
    assert list(PreferredService.objects.values_list("service_id", flat=True)) == services[:0:-1]


def test_an_update_that_makes_a_customer_invalid_is_refused(import_rows, tenant):
    jane = CustomerFactory(tenant=tenant, phone=None)
    result = import_rows(["id", "email"], [jane.pk, ""], update=True)
    assert result.refused_rows == [(2, "email", "A customer needs an e-mail address or a phone number.")]


def test_a_row_with_a_contact_of_another_customer_is_refused(import_rows, tenant):
    ann, bob = CustomerFactory(tenant=tenant, phone=None), CustomerFactory(tenant=tenant, email=None)
    rows = [
        [ID, "Jane", ann.email.upper(), "", ""],
        ["", "Jane", ann.email, bob.phone, ""],
        ["", "Jane", "jane@example.com", "0812", ""],
    ]
    result = import_rows(HEADER, *rows)
    assert result.refused_rows[0] == (2, "email", f"Customer {ann.pk} has this e-mail address.")
    # The row is about the customer with the e-mail address. The phone number belongs to another customer.
    assert result.refused_rows[1] == (3, "phone", f"Customer {bob.pk} has this phone number.")
    assert len(people()) == 2


def test_a_shared_phone_number_alone_matches_no_customer_with_another_e_mail_address(import_rows, tenant):
    mother = CustomerFactory(tenant=tenant)
    result = import_rows(HEADER, ["", "Child", "child@example.com", mother.phone, ""], update=True)
    assert result.refused_rows == [(2, "phone", f"Customer {mother.pk} has this phone number.")]


def test_a_repeated_id_or_contact_is_refused_with_the_line_of_the_first(import_rows, monkeypatch):
    """The two rows may be in different batches, and the first may be about an existing customer."""
    monkeypatch.setattr(importing, "MAX_BATCH_ROWS", 2)
    rows = [
        [ID, "Jane", "jane@example.com", "", 'a\n"b"'],
        ["", "Joe", "joe@example.com", "08123456789", ""],
        ["", "Bad", "bad", "", ""],
        ["", "Jane", "JANE@example.com", "", ""],
        ["", "Jim", "", "+62 812 3456 789", ""],
        [ID, "June", "june@example.com", "", ""],
        ["", "Bad", "", "08123456780", ""],
    ]
    for outcome in ("created", "unchanged"):
        result = import_rows(HEADER, *rows)
        assert result.counts == {outcome: 3, "refused": 4}
        assert result.refused_rows[1:] == [
            (6, "email", "Line 2 has the same e-mail address."),
            (7, "phone", "Line 4 has the same phone number."),
            (8, "id", "Line 2 has the same id."),
        ]


@pytest.mark.usefixtures("each_tenant_guard")
def test_an_id_of_another_tenant_is_refused_without_naming_the_tenant(import_rows, other_tenant):
    theirs = CustomerFactory(tenant=other_tenant)
    result = import_rows(HEADER, [theirs.pk, "Jane", "jane@example.com", "", ""], ["", "Joe", theirs.email, "", ""])
    assert result.refused_rows == [(2, "id", "This id can't be used.")]
    assert people() == [("Joe", theirs.email, None)]
    with tenant_scope(other_tenant):
        theirs.refresh_from_db()
        assert theirs.first_name == "Jane"
        assert theirs.tenant == other_tenant


def test_rows_of_another_business_in_an_export_of_several_are_refused(import_rows):
    rows = [
        ["lotus", "Jane", "jane@example.com"],
        ["nordlys", "Joe", "joe@example.com"],
        ["", "Ann", "ann@example.com"],
    ]
    result = import_rows(["tenant", "first_name", "email"], *rows)
    assert result.refused_rows == [(3, "tenant", "This is a customer of another business.")]
    assert len(people()) == 2


def test_a_deleted_customer_is_neither_restored_nor_duplicated(import_rows, tenant):
    gone = DeletedCustomerFactory(tenant=tenant)
    rows = [[gone.pk, "Jane", gone.email, "", ""], ["", "Jane", gone.email, "", ""], ["", "Jane", "", gone.phone, ""]]
    result = import_rows(HEADER, *rows, update=True)
    assert result.refused_rows == [
        (2, "", f"Customer {gone.pk} was deleted: restore them first."),
        (3, "email", f"Customer {gone.pk}, who was deleted, has this e-mail address: restore them instead."),
        (4, "phone", f"Customer {gone.pk}, who was deleted, has this phone number: restore them instead."),
    ]
    # A customer with another id may have the contacts of a deleted one.
    assert import_rows(HEADER, [ID, "Joe", gone.email, gone.phone, ""]).counts == {"created": 1}


def test_a_row_with_deleted_at_becomes_a_deleted_customer(import_rows, tenant):
    ann = CustomerFactory(tenant=tenant)
    rows = [
        [ID, "Jane", "jane@example.com", "true", "2024-01-02T03:04:05Z"],
        ["", "Joe", "jane@example.com", "true", "2024-01-02T03:04:05Z"],
        ["", "Jim", "jane@example.com", "true", ""],
        [ann.pk, ann.first_name, ann.email, "true", "2024-01-02T03:04:05Z"],
    ]
    result = import_rows(["id", "first_name", "email", "is_active", "deleted_at"], *rows, update=True)
    assert result.refused_rows == [
        (3, "id", "A deleted customer needs an id."),
        (4, "email", "The deleted customer of line 2 has this e-mail address."),
        (5, "deleted_at", f"Customer {ann.pk} is here, and an import deletes nobody."),
    ]
    jane = Customer.objects.get(pk=ID)
    assert (jane.is_deleted, jane.is_active, jane.was_active) == (True, False, True)
    assert jane.deleted_at == dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    jane.restore()
    assert Customer.objects.undeleted().filter(pk=ID, is_active=True).exists()


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_refused_rows_and_counts(tmp_path, in_scope, capsys, monkeypatch):
    monkeypatch.setattr("customers.management.commands.import_customers.MAX_LISTED_REFUSED_ROWS", 2)
    path = tmp_path / "customers.csv"
    path.write_bytes(as_csv([["first_name", "email"], ["Jane", "jane@example.com"], *[["Joe", "x"]] * 3]))
    with pytest.raises(SystemExit) as end:
        call_command("import_customers", path, tenant="lotus", dry_run=True)
    output, errors = capsys.readouterr()
    assert end.value.code == 1
    assert output.splitlines() == [
        "[dry run] lotus: refused line 3, email: “x” is not an e-mail address, such as kim@example.com.",
        "[dry run] lotus: refused line 4, email: “x” is not an e-mail address, such as kim@example.com.",
        "[dry run] lotus: 1 created, 0 updated, 0 unchanged, 3 refused",
        "[dry run] Nothing was changed.",
    ]
    assert errors.splitlines() == [
        f"{path}: UTF-8, separated by commas.",
        "1 more were refused: --refused FILE writes them all, with the reasons.",
    ]
    assert people() == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tenant": "nobody"}, "No business has the slug 'nobody'"),
        ({"all_tenants": True}, "A file is imported for one business: name it with --tenant."),
        ({"encoding": "banana"}, "Unknown encoding: banana. Try utf-8 or cp1252."),
        ({"refused": "/nowhere/refused.csv"}, "/nowhere/refused.csv can't be written: No such file or directory."),
    ],
)
def test_wrong_options_are_reported_and_change_nothing(import_rows, options, sentence):
    with pytest.raises(CommandError) as refused:
        import_rows(["first_name", "email"], ["Jane", "jane@example.com"], **options)
    assert refused.value.returncode == 2
    assert str(refused.value).startswith(sentence)
    with tenant_scope(ALL_TENANTS):
        assert not Customer.objects.exists()


def test_a_file_that_does_not_exist_is_reported(tmp_path, tenant):
    with pytest.raises(CommandError, match="can't be read: No such file or directory"):
        imported(tmp_path / "nothing.csv")
