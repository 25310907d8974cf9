"""Tests the pages of the back office that import and export customers."""

import datetime as dt
import io
from html import unescape
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from circe.db.ids import new_id
from customers.admin import import_export
from customers.models import Customer
from customers.models.imports import CustomerImport, ImportPart
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.transfer import as_csv, as_raw_workbook, as_workbook, from_csv, sheet_row
from customers.transfer import importing
from tenants.models import AuditEvent
from tenants.scope import ALL_TENANTS, tenant_scope

LIST = "/admin/customers/customer/"
IMPORT = f"{LIST}import/"
EXPORT = f"{LIST}export/"
ADMINS = ["super_admin", "tenant_admin"]
OTHERS = ["outlet_manager", "staff"]

ROWS = [
    ["first_name", "email", "shoe"],
    ["Jane", "jane@example.com", "38"],
    ["Joe", "x", ""],
    ["Åse", "a@example.com", ""],
]


def upload(browser, data=None, name="people.csv", **fields):
    """Uploads a file, and takes what is proposed for its columns if they are asked for. Returns the response."""
    file = SimpleUploadedFile(name, as_csv(ROWS) if data is None else data)
    response = browser.post(IMPORT, {"file": file} | fields)
    if not response.headers.get("Location", "").endswith("/columns/"):
        return response
    return browser.post(response.headers["Location"], proposals(browser, response.headers["Location"]))


def proposals(browser, url):
    """Returns what the form of the columns sends if nothing is changed."""
    form = browser.get(url).context["form"]
    return {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}


def body(response):
    return b"".join(response.streaming_content).decode()


def checked(browser, data=None, **fields):
    """Uploads a file and waits for its check. Returns the URL of the result."""
    page = body(upload(browser, data, **fields))
    url = f"{IMPORT}{CustomerImport.objects.latest('created_at').pk}/"
    assert f'<meta http-equiv="refresh" content="0;url={url}">' in page
    return url


def figures(browser, url):
    response = browser.get(url)
    assert response.status_code == 200
    return {name: number for name, number in response.context["figures"] if number}


# --- permissions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*ADMINS, *OTHERS])
def test_only_administrators_import_and_export(back_office, tenant, in_scope, role):
    expected = 200 if role in ADMINS else 403
    mine = CustomerImport.objects.create(file_name="people.csv", state="checked", summary={"refused": 0})
    browser = back_office(role)
    for page in (
        IMPORT,
        f"{IMPORT}{mine.pk}/",
        f"{IMPORT}{mine.pk}/refused.csv",
        EXPORT,
        f"{EXPORT}csv/",
        f"{EXPORT}xlsx/",
    ):
        assert browser.get(page).status_code == expected, page
    for page in (IMPORT, f"{IMPORT}{mine.pk}/"):
        assert (browser.post(page).status_code == 403) == (expected == 403)
    page = browser.get(LIST).content.decode()
    assert (f'href="{IMPORT}"' in page) == (f'href="{EXPORT}"' in page) == (role in ADMINS)
    assert ("export_selected" in page) == (role in ADMINS)
    CustomerFactory(tenant=tenant)
    selected = {"action": "export_selected", "_selected_action": [Customer.objects.get().pk]}
    response = browser.post(LIST, selected)
    assert (response.get("Content-Disposition", "")[:10] == "attachment") == (role in ADMINS)


def test_another_businesses_file_is_not_found_like_an_unknown_one(back_office, other_tenant):
    with tenant_scope(other_tenant):
        theirs = CustomerImport.objects.create(file_name="theirs.csv", state="checked", summary={"refused": 0})
        theirs.store("refused", io.BytesIO(b"theirs"))
    browser = back_office("tenant_admin")
    for pk in (theirs.pk, new_id(), "zzz"):
        assert browser.get(f"{IMPORT}{pk}/").headers["Location"] == IMPORT
        assert browser.post(f"{IMPORT}{pk}/", {"import": "1"}).headers["Location"] == IMPORT
        assert browser.get(f"{IMPORT}{pk}/refused.csv").headers["Location"] == IMPORT
    assert "theirs.csv" in back_office("super_admin").get(f"{IMPORT}{theirs.pk}/").content.decode()


# --- import ---------------------------------------------------------------------------------------------------------


def test_the_page_of_a_file_tells_what_was_left_out_and_what_was_kept(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False, notes="tea")
    header = sheet_row(1, "id", "first_name", "marketing_consent", "notes")
    rows = [
        sheet_row(2, jane.pk, "Janet", "yes", "coffee", attributes='hidden="1"'),
        sheet_row(3, jane.pk, "Janet", "", '<c r="{at}" t="e"><v>#REF!</v></c>'),
    ]
    data = as_raw_workbook(
        f"<sheetData>{header}{''.join(rows)}</sheetData>", "<sheetData/>", states=["visible", "hidden"]
    )
    browser = back_office("tenant_admin")
    url = checked(browser, data, update=True)
    page = unescape(browser.get(url).content.decode())
    assert "Hidden sheets are not read: “Sheet2”." in page
    assert "Line 2: The row is hidden in the sheet" in page
    assert (
        "Line 2: marketing_consent: this person is or was a customer already, and has not consented to marketing."
        in page
    )
    assert "Cell D3 shows the error #REF! of a spreadsheet, and no value." in page
    body(browser.post(url, {"import": "1"}))
    jane.refresh_from_db()
    assert (jane.first_name, jane.marketing_consent, jane.notes) == ("Janet", False, "coffee")
    assert "consent_source" in browser.get(IMPORT).content.decode()


def test_a_file_is_checked_then_imported_with_the_same_result(back_office, in_scope):
    browser = back_office("tenant_admin")
    url = checked(browser)
    page = browser.get(url).content.decode()
    assert figures(browser, url) == {"created": 2, "refused": 1}
    assert "Nothing has been imported yet." in page
    assert "Read as UTF-8, separated by commas. A name in it: “Åse”." in page
    assert "Columns that are not imported: shoe." in page
    assert "<td>3</td><td>email</td><td>“x” is not an e-mail address, such as kim@example.com.</td>" in page
    assert 'value="Import 2 customers"' in page
    assert not Customer.objects.exists()
    checked_summary = CustomerImport.objects.get().summary

    answer = browser.post(url, {"import": "1"})
    # A proxy in front does not wait for the end of the page.
    assert answer["X-Accel-Buffering"] == "no"
    progress = body(answer)
    assert '<progress max="100" value="100">' in progress
    assert f'content="0;url={url}"' in progress
    assert CustomerImport.objects.get().summary == checked_summary
    assert "Done." in browser.get(url).content.decode()
    assert set(Customer.objects.values_list("first_name", flat=True)) == {"Jane", "Åse"}
    event = AuditEvent.objects.filter(table="customer").first()
    assert (event.actor, event.command, event.action) == (browser.user, None, "created")

    response = browser.get(f"{url}refused.csv")
    assert response["Content-Disposition"] == 'attachment; filename="refused-people.csv"'
    CustomerImport.objects.update(file_name="客户 名单.csv")
    assert (
        "filename*=utf-8''" + quote("refused-客户-名单.csv") in browser.get(f"{url}refused.csv")["Content-Disposition"]
    )
    rows = from_csv(body(response).encode())
    assert rows[1] == ["3", "email", "“x” is not an e-mail address, such as kim@example.com.", "Joe", "x", ""]
    # A second import is refused, and the uploaded file is deleted.
    assert browser.post(url, {"import": "1"}).headers["Location"] == url
    assert set(ImportPart.objects.values_list("kind", flat=True)) == {"refused", "omitted"}


def test_existing_customers_are_changed_only_if_asked_for(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope, first_name="Janet", email="jane@example.com")
    browser = back_office("tenant_admin")
    assert figures(browser, checked(browser)) == {"created": 1, "refused": 2}
    url = checked(browser, update="on")
    assert figures(browser, url) == {"created": 1, "updated": 1, "refused": 1}
    body(browser.post(url, {"import": "1"}))
    jane.refresh_from_db()
    assert jane.first_name == "Jane"


def test_a_file_without_rows_has_nothing_to_import(back_office, in_scope):
    browser = back_office("tenant_admin")
    page = browser.get(checked(browser, as_csv(ROWS[:1]))).content.decode()
    assert "There is nothing in this file to import." in page
    assert 'name="import"' not in page


def test_a_super_admin_has_to_choose_the_business(back_office, tenant, other_tenant):
    browser = back_office("super_admin")
    assert upload(browser).context["form"].errors == {"tenant": ["This field is required."]}
    with tenant_scope(other_tenant):
        url = checked(browser, tenant=other_tenant.pk)
        body(browser.post(url, {"import": "1"}))
    with tenant_scope(ALL_TENANTS):
        assert {customer.tenant for customer in Customer.objects.all()} == {other_tenant}
        assert {event.tenant_id for event in AuditEvent.objects.filter(table="customer")} == {other_tenant.pk}


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"", "people.csv", "The submitted file is empty."),
        (b" ", "people.csv", "The file is empty."),
        (b"Jane,0812", "people.csv", "The first row has to name the columns, such as first_name, email and phone."),
        (as_workbook([ROWS[0]])[:2000], "people.xlsx", "The workbook is damaged."),
    ],
)
def test_a_file_that_can_t_be_read_is_an_error_of_the_form(back_office, in_scope, data, name, sentence):
    response = upload(back_office("tenant_admin"), data, name)
    assert response.status_code == 200
    ((error,),) = response.context["form"].errors.values()
    assert error.startswith(sentence)
    assert not CustomerImport.objects.exists()


def test_a_file_that_is_too_large_is_an_error_of_the_form(back_office, tenant, monkeypatch):
    monkeypatch.setattr(import_export, "MAX_UPLOAD_BYTES", 10)
    ((error,),) = upload(back_office("tenant_admin")).context["form"].errors.values()
    assert error.endswith("split it, or have it imported by import_customers.")


def test_an_upload_is_stored_in_several_parts(back_office, in_scope, monkeypatch):
    monkeypatch.setattr("customers.models.imports.PART_BYTES", 1000)
    browser = back_office("tenant_admin")
    url = checked(browser, as_workbook([*ROWS[:2], *([f"J{n}", f"j{n}@example.com"] for n in range(200))]))
    assert ImportPart.objects.filter(kind="file").count() > 5
    assert figures(browser, url) == {"created": 201}


# --- interrupted runs -----------------------------------------------------------------------------------------------


@pytest.fixture
def browser(back_office):
    return back_office("tenant_admin")


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(importing, "MAX_BATCH_ROWS", 1)


def disconnect(response):
    """Reads the page up to the first step, then closes the connection."""
    chunks = iter(response.streaming_content)
    while b"<progress" not in next(chunks):
        pass
    # `response.close()` would also end the request, which closes the database connection of the test.
    response._iterator.close()


def test_an_interrupted_check_is_started_again(browser, in_scope, small_batches):
    disconnect(upload(browser))
    url = f"{IMPORT}{CustomerImport.objects.get().pk}/"
    assert 'value="Check again"' in browser.get(url).content.decode()
    # An import needs a complete check.
    assert browser.post(url, {"import": "1"}).headers["Location"] == url
    body(browser.post(url, {"check": "1"}))
    assert figures(browser, url) == {"created": 2, "refused": 1}


def test_an_interrupted_import_is_continued(browser, in_scope, small_batches):
    url = checked(browser)
    disconnect(browser.post(url, {"import": "1"}))
    assert Customer.objects.count() == 1
    page = browser.get(url).content.decode()
    assert "The rows that were imported are kept" in page
    assert 'value="Go on"' in page
    body(browser.post(url, {"import": "1"}))
    assert figures(browser, url) == {"created": 1, "unchanged": 1, "refused": 1}
    assert Customer.objects.count() == 2


def test_a_file_has_one_run_at_a_time(browser, in_scope, small_batches):
    url = checked(browser)
    response = browser.post(url, {"import": "1"})
    chunks = iter(response.streaming_content)
    while b"<progress" not in next(chunks):
        pass
    assert browser.post(url, {"import": "1"}).headers["Location"] == url
    assert "worked on in another window" in browser.get(url).content.decode()
    # After the timeout the first run counts as killed.
    CustomerImport.objects.update(last_active_at=timezone.now() - dt.timedelta(minutes=1))
    assert "Go on" in browser.get(url).content.decode()
    response._iterator.close()


def test_uploads_older_than_a_day_are_deleted_for_every_business(browser, in_scope, other_tenant):
    with tenant_scope(other_tenant):
        old = CustomerImport.objects.create(file_name="old.csv", created_at=timezone.now() - dt.timedelta(hours=25))
        old.store("file", io.BytesIO(b"old"))
    checked(browser)
    with tenant_scope(ALL_TENANTS):
        assert CustomerImport.objects.get().file_name == "people.csv"
        assert not ImportPart.objects.filter(upload_id=old.pk).exists()


def test_the_file_is_not_in_the_audit_trail(browser, in_scope):
    checked(browser)
    assert not AuditEvent.objects.filter(table__in=["customerimport", "importpart"]).exists()


# --- export ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(in_scope, other_tenant):
    DeletedCustomerFactory(tenant=in_scope, first_name="Gone")
    CustomerFactory(tenant=other_tenant, first_name="Theirs")
    return [
        CustomerFactory(tenant=in_scope, first_name=name, tags=tags, is_active=name != "Cid", notes="=1+1")
        for name, tags in (("Ann", ["vip"]), ("Bob", []), ("Cid", ["vip"]))
    ]


def names(response):
    header, *rows = from_csv(body(response).encode())
    return {row[header.index("first_name")] for row in rows}


@pytest.mark.slow("exports for each filter")
@pytest.mark.parametrize(
    ("query", "expected", "name"),
    [
        ("", {"Ann", "Bob", "Cid"}, ""),
        ("?tag=vip", {"Ann", "Cid"}, "-tag-vip"),
        ("?tag=vip&is_active__exact=1", {"Ann"}, "-tag-vip-active-yes"),
        ("?q=bob", {"Bob"}, "-search"),
        ("?deleted=yes", {"Gone"}, "-deletion-deleted"),
        ("?deleted=all&p=7&o=-1", {"Ann", "Bob", "Cid", "Gone"}, "-deletion-both"),
        ("?q=nobody", set(), "-search"),
        ("?total_spent_max=10", {"Ann", "Bob", "Cid"}, "-spending-at-most-10"),
    ],
)
def test_the_list_is_exported_as_filtered(browser, three, query, expected, name):
    assert browser.get(EXPORT + query).context["number"] == len(expected)
    response = browser.get(f"{EXPORT}csv/{query}")
    today = timezone.localdate(timezone=three[0].tenant.zone)
    assert response["Content-Disposition"] == f'attachment; filename="customers-lotus-{today}{name}.csv"'
    assert names(response) == expected
    sheet = load_workbook(io.BytesIO(body_bytes(browser.get(f"{EXPORT}xlsx/{query}"))))["Customers"]
    assert {row[1] for row in sheet.iter_rows(min_row=2, values_only=True)} == expected


def body_bytes(response):
    return b"".join(response.streaming_content)


def test_an_unknown_filter_redirects_to_the_list(browser, three):
    for page in (EXPORT, f"{EXPORT}csv/", f"{EXPORT}xlsx/"):
        assert browser.get(f"{page}?created_at__gte=banana").headers["Location"] == f"{LIST}?e=1"
        assert browser.get(f"{page}?password__startswith=a").status_code == 400
    assert browser.get(f"{EXPORT}pdf/").status_code == 404


def test_the_export_button_keeps_the_filters(browser, three):
    page = browser.get(f"{LIST}?tag=vip&q=a").content.decode()
    assert f'href="{EXPORT}?tag=vip&amp;q=a"' in page
    assert f'href="{EXPORT}csv/?tag=vip&amp;q=a"' in browser.get(f"{EXPORT}?tag=vip&q=a").content.decode()


def test_the_selected_customers_are_exported(browser, three):
    response = browser.post(LIST, {"action": "export_selected", "_selected_action": [three[0].pk, three[2].pk]})
    assert names(response) == {"Ann", "Cid"}


def test_a_super_admins_export_names_the_business_of_each_customer(back_office, three, other_tenant):
    response = back_office("super_admin").get(f"{EXPORT}csv/")
    header, *rows = from_csv(body(response).encode())
    assert header[:2] == ["tenant", "id"]
    assert {(row[0], row[2]) for row in rows} == {
        ("lotus", "Ann"), ("lotus", "Bob"), ("lotus", "Cid"), ("nordlys", "Theirs")
    }  # fmt: skip


def test_the_number_of_queries_does_not_depend_on_the_size_of_an_export(browser, three):
    def queries():
        response = browser.get(f"{EXPORT}csv/")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            body(response)
        return len(captured)

    before = queries()
    for _ in range(5):
        CustomerFactory(tenant=three[0].tenant)
    # Some read the thresholds of the segments, and who may be sent marketing.
    assert queries() == before <= 10


def test_too_many_customers_for_a_workbook_are_refused(browser, three, monkeypatch):
    monkeypatch.setattr(import_export, "MAX_WORKBOOK_CUSTOMERS", 2)
    assert browser.get(f"{EXPORT}xlsx/?deleted=").headers["Location"] == f"{EXPORT}?deleted="
    page = browser.get(EXPORT).content.decode()
    assert "A workbook is made of at most 2 customers here: filter, or take CSV." in page
    assert "Excel takes at most 2 customers" in page


@pytest.mark.slow("exports and imports in the admin")
def test_an_exported_file_is_imported_unchanged(browser, three):
    for kind in ("csv", "xlsx"):
        data = body_bytes(browser.get(f"{EXPORT}{kind}/?deleted=all"))
        assert figures(browser, checked(browser, data, name=f"customers.{kind}")) == {"unchanged": 4}
