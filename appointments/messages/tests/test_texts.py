"""The texts of messages: Circe's in each language, and a business's own with a preview in the back office."""

import datetime as dt

import pytest

from appointments.messages.texts import AppointmentFacts, render
from appointments.models import PLACEHOLDER_NAMES, MessageKind, MessageText
from circe.tests.cases import in_one_test
from tenants.scope import tenant_scope

TEXTS = "/admin/appointments/messagetext/"


@pytest.fixture
def facts(tenant):
    return AppointmentFacts(
        tenant=tenant,
        customer="Jane",
        day=dt.date(2030, 6, 3),
        start=dt.time(9, 5),
        service="Cut",
        staff="Ana Lee",
        outlet="Kemang, Jl. Kemang Raya 5",
        link="https://circe.example/portal/lotus/appointment?token=abc",
    )


def form(**values):
    return {"kind": "reminder", "language": "en", "subject": "See you on {date}", "body": "Hi {customer}"} | values


@pytest.mark.parametrize("kind", MessageKind)
@pytest.mark.parametrize(
    ("language", "day", "time", "greeting"),
    [
        ("en-GB", "Monday 3 June 2030", "09:05", "Hello Jane,"),
        ("id", "Senin, 3 Juni 2030", "09.05", "Halo Jane,"),
        ("nn", "mandag 3. juni 2030", "09:05", "Hei, Jane!"),
        ("de", "Monday 3 June 2030", "09:05", "Hello Jane,"),
    ],
)
def test_a_message_tells_all_facts_in_the_customers_language(facts, kind, language, day, time, greeting):
    subject, text, html = render(kind, language, facts)
    assert text.startswith(greeting)
    assert day in subject
    for fact in (day, time, "Cut", "Ana Lee", "Kemang, Jl. Kemang Raya 5", "Lotus"):
        assert fact in text
        assert fact in html
    assert facts.link in text
    assert f'href="{facts.link}"' in html
    assert "{" not in subject + text + html
    assert "<img" not in html


def test_an_american_business_writes_days_and_times_as_its_country_does(facts, tenant):
    tenant.phone_region = "US"
    _, text, _ = render("reminder", "en", facts)
    assert "Monday, June 3, 2030 at 9:05 AM" in text


@in_one_test(
    "name",
    [
        "<script>alert(1)</script>",
        "Jane\r\nBcc: x@example.com",
        "Ja\u202ene",
        "{link}",
        "{{ settings }}",
        "%(name)s",
        "&amp;",
    ],
)
def test_names_are_harmless(facts, name):
    subject, text, html = render("reminder", "en", facts._replace(customer=name, service=name, outlet=name))
    assert "\n" not in subject
    for form in (text, html):
        assert "\u202e" not in form
        assert "\nBcc" not in form
    assert "<script" not in html
    assert html.count("<a ") == 1
    assert text.count("https://") == 1


def test_a_text_without_the_link_gets_it_at_its_end(facts, in_scope):
    own = MessageText(subject="Bye <b>", body="Only {customer} & co.")
    subject, text, html = render("reminder", "en", facts, own_text=own)
    assert (subject, text) == ("Bye <b>", f"Only Jane & co.\n\n{facts.link}")
    assert "<p>Only Jane &amp; co.</p>" in html


def test_a_manager_previews_a_text_before_it_is_saved(back_office, tenant):
    client = back_office("outlet_manager")
    page = client.post(f"{TEXTS}add/", form(language="id", _preview="Preview", body="Halo {customer}, {date} {time}."))
    assert page.status_code == 200
    text = page.content.decode()
    assert "Halo Maria, " in text
    assert "14.30" in text
    assert "Preview, not saved yet" in text
    assert "Please correct" not in text
    with tenant_scope(tenant):
        assert not MessageText.objects.exists()
    assert client.post(f"{TEXTS}add/", form(language="id", _save="Save")).status_code == 302
    with tenant_scope(tenant):
        text = MessageText.objects.get()
    assert (text.kind, text.language, text.subject) == ("reminder", "id", "See you on {date}")
    page = client.post(f"{TEXTS}{text.pk}/change/", form(language="id", subject="Changed", _preview="Preview"))
    assert "Changed" in page.content.decode()
    text.refresh_from_db()
    assert text.subject == "See you on {date}"


@pytest.mark.slow("sends a form for each text")
@in_one_test("values, error", [
    ({"body": "Hi {name}"}, "There is no placeholder {name}. Use one of {customer}, {date}"),
    ({"subject": "Hi {Customer}"}, "There is no placeholder {Customer}."),
    ({"body": "Hi { customer }"}, "There is no placeholder { customer }."),
    ({"body": "{{ customer }}"}, "There is no placeholder { customer }."),
    ({"body": "Hi {}"}, "There is no placeholder {}."),
    ({"body": "Hi {customer"}, "A brace stands alone"),
    ({"language": "de"}, "Select a valid choice"),
    ({"kind": "greeting"}, "Select a valid choice"),
])  # fmt: skip
def test_a_text_with_an_unknown_placeholder_is_refused(back_office, tenant, values, error):
    for button in ("_save", "_preview"):
        page = back_office("tenant_admin").post(f"{TEXTS}add/", form(**values, **{button: "x"}))
        assert page.status_code == 200
        assert error in page.content.decode()
        assert "not saved yet" not in page.content.decode()
    with tenant_scope(tenant):
        assert not MessageText.objects.exists()


def test_every_placeholder_can_be_used(back_office, facts, tenant):
    body = " ".join(f"{{{name}}}" for name in PLACEHOLDER_NAMES)
    assert back_office("tenant_admin").post(f"{TEXTS}add/", form(body=body)).status_code == 302
    with tenant_scope(tenant):
        _, text, html = render("reminder", "en", facts, own_text=MessageText.objects.get())
    assert "{" not in text + html


def test_a_new_text_begins_with_circes_words(back_office):
    client = back_office("outlet_manager")
    page = client.get(TEXTS).content.decode()
    assert f'href="{TEXTS}add/?kind=change&amp;language=nb">Norwegian</a>' in page
    page = client.get(f"{TEXTS}add/?kind=change&language=nb").content.decode()
    assert "Timen din er endret. Nå er den:" in page
    assert client.get(f"{TEXTS}add/?kind=x&language=nb").status_code == 200


def test_staff_have_no_access_to_texts(back_office):
    client = back_office("staff")
    assert client.get(TEXTS).status_code == 403
    assert client.post(f"{TEXTS}add/", form()).status_code == 403
