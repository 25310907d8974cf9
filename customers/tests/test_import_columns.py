"""Tests which column of a file goes where: by its header, by what a person says, and as the business has decided before."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError

from circe.tests.cases import in_one_test
from customers.models import ColumnMapping, Customer
from customers.models.imports import CustomerImport
from customers.tests.test_transfer_admin import IMPORT, body, figures, proposals, upload
from customers.tests.transfer import as_csv, as_workbook, from_csv
from customers.transfer.columns import COLUMN_BY_NAME, COLUMNS
from customers.transfer.mapping.header_mapping import HeaderMapping
from customers.transfer.mapping.presets import PRESETS
from tenants.scope import tenant_scope

HEADER = ["Klantnaam", "Mobiel nr. klant", "Favoriete kleur", "Nieuwsbrief?"]
ROWS = [HEADER, ["Anna de Vries", "0812 3456 7801", "rood", ""], ["Piet", "0812 3456 7802", "", "ja"]]


@pytest.fixture
def browser(back_office):
    return back_office("tenant_admin")


def sent(browser, rows, **fields):
    """Uploads a file. Returns the response, which may ask for the columns."""
    return browser.post(IMPORT, {"file": SimpleUploadedFile("people.csv", as_csv(rows))} | fields)


def stored(*fields):
    return list(Customer.objects.order_by("created_at", "pk").values_list(*fields))


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_shows_the_columns_with_samples_and_proposes_where_they_go(browser, in_scope):
    response = sent(browser, ROWS)
    page = browser.get(response.headers["Location"])
    asked = [(one.name, one.samples, one.state, one.field.value()) for one in page.context["form"].asked_columns()]
    assert asked == [
        ("Klantnaam", ["Anna de Vries", "Piet"], "known", "first_name"),
        ("Mobiel nr. klant", ["0812 3456 7801", "0812 3456 7802"], "proposed", "phone"),
        ("Favoriete kleur", ["rood"], "unknown", ""),
        ("Nieuwsbrief?", ["ja"], "unknown", ""),
    ]
    text = page.content.decode()
    assert "<script" not in text.partition('<div id="content-main">')[2]
    assert all(f'<option value="{column.name}"' in text for column in COLUMNS)
    assert not Customer.objects.exists()


def test_what_a_person_corrects_is_imported_and_remembered_for_the_business(browser, in_scope):
    url = sent(browser, ROWS).headers["Location"]
    answers = proposals(browser, url) | {"column_2": "notes"}
    assert 'content="0;url=' in body(browser.post(url, answers))
    one = url.removesuffix("columns/")
    assert figures(browser, one) == {"created": 2}
    assert "Columns that are not imported: Nieuwsbrief?." in browser.get(one).content.decode()
    body(browser.post(one, {"import": "1"}))
    assert stored("first_name", "phone", "notes") == [
        ("Anna de Vries", "+6281234567801", "rood"),
        ("Piet", "+6281234567802", None),
    ]
    # The same headers in another order and spelling are not asked about again, by the command neither.
    again = [[row[3], row[0], row[2], row[1]] for row in ROWS]
    again[0] = [name.upper() for name in again[0]]
    response = sent(browser, again)
    assert 'content="0;url=' in body(response)
    assert figures(browser, f"{IMPORT}{CustomerImport.objects.latest('created_at').pk}/") == {"unchanged": 2}


def test_the_command_reads_a_file_as_the_business_has_decided_in_the_admin(browser, import_rows):
    url = sent(browser, ROWS).headers["Location"]
    body(browser.post(url, proposals(browser, url) | {"column_2": "notes"}))
    result = import_rows(*ROWS)
    assert result.counts == {"created": 2}
    assert stored("notes") == [("rood",), (None,)]


def test_another_business_is_asked_for_itself(back_office, tenant, other_tenant):
    browser = back_office("super_admin")
    for one in (tenant, other_tenant):
        response = sent(browser, ROWS, tenant=one.pk)
        assert response.headers["Location"].endswith("/columns/")
        with tenant_scope(one):
            body(browser.post(response.headers["Location"], proposals(browser, response.headers["Location"])))
            assert ColumnMapping.objects.get().tenant == one


@pytest.mark.slow("starts eight processes that read a file")
def test_the_columns_of_a_checked_file_can_be_changed_and_it_is_checked_again(browser, in_scope):
    body(upload(browser, as_csv(ROWS)))
    one = f"{IMPORT}{CustomerImport.objects.get().pk}/"
    assert f'href="{one}columns/"' in browser.get(one).content.decode()
    body(browser.post(f"{one}columns/", proposals(browser, f"{one}columns/") | {"column_0": "last_name"}))
    assert figures(browser, one) == {"refused": 2}
    assert browser.get(one).context["summary"]["refused_rows"][0]["reason"] == "A customer needs a first name."


def test_a_file_is_not_checked_nor_imported_before_its_columns_are_decided(browser, in_scope):
    url = sent(browser, ROWS).headers["Location"]
    one = url.removesuffix("columns/")
    for data in ({"check": "1"}, {"import": "1"}):
        assert browser.post(one, data).headers["Location"] == url
    assert browser.get(one).headers["Location"] == url


def test_the_columns_of_an_imported_file_stay(browser, in_scope):
    url = sent(browser, ROWS).headers["Location"]
    CustomerImport.objects.update(state="done", needs_columns=False, summary={"refused": 0})
    assert browser.post(url, {"column_1": "notes"}).headers["Location"] == url.removesuffix("columns/")
    assert not ColumnMapping.objects.exists()


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"column_1": ""}, "Choose the column of the e-mail address or of the phone"),
        ({"column_1": "password"}, "Choose from the lists."),
        ({"day_order": "yesterday"}, "Choose from the lists."),
    ],
)
def test_an_impossible_answer_is_asked_again(browser, in_scope, answers, sentence):
    url = sent(browser, ROWS).headers["Location"]
    response = browser.post(url, proposals(browser, url) | answers)
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert not ColumnMapping.objects.exists()


@pytest.mark.parametrize("write", [as_csv, as_workbook])
def test_headers_that_nobody_knows_are_asked_about_and_data_is_no_header(browser, in_scope, write):
    unknown = SimpleUploadedFile("people", write([["ກ", "ຂ"], ["Anna", "0812 3456 7801"]]))
    assert browser.post(IMPORT, {"file": unknown}).headers["Location"].endswith("/columns/")
    data = SimpleUploadedFile("people", write([["Anna", "anna@example.com"], ["Piet", "piet@example.com"]]))
    ((error,),) = browser.post(IMPORT, {"file": data}).context["form"].errors.values()
    assert error.startswith("The first row has to name the columns")
    # A year is no data where other columns are named.
    years = SimpleUploadedFile("people", write([["Name", "Phone", "2025"], ["Anna", "0812 3456 7801", "350000"]]))
    assert browser.post(IMPORT, {"file": years}).headers["Location"].endswith("/columns/")


def test_a_header_or_cell_that_the_database_can_t_hold_breaks_no_page(browser, in_scope):
    rows = [["name", "phone", "tall\0er", "e-mail 2"], ["Jane", "0812 3456 7801", "a\0b", "j@example.com"]]
    data = as_csv(rows) + b"Joe,0812 3456 7802,\xff,\xff\r\n" + "Åse,0812 3456 7803,é,\r\n".encode()
    response = browser.post(IMPORT, {"file": SimpleUploadedFile("people.csv", data)})
    url = response.headers["Location"]
    assert browser.get(url).status_code == 200
    body(browser.post(url, proposals(browser, url)))
    assert figures(browser, url.removesuffix("columns/")) == {"created": 2, "refused": 1}


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_maps_columns_and_lists_what_it_does_not_know(import_rows):
    result = import_rows(*ROWS, map=["Klantnaam=first_name"])
    assert "Columns that are not imported: Mobiel nr. klant, Favoriete kleur, Nieuwsbrief?." in result.stderr
    assert "--map 'Mobiel nr. klant=FIELD' imports a column. FIELD is one of id, first_name, last_name" in result.stderr
    assert "Perhaps 'Mobiel nr. klant=phone'." in result.stderr
    assert result.counts == {"refused": 2}
    result = import_rows(*ROWS, map=["klantnaam=first_name", "Mobiel nr. klant=phone", "Favoriete kleur=notes"])
    assert result.counts == {"created": 2}
    assert "first_name from Klantnaam; phone from Mobiel nr. klant; notes from Favoriete kleur." in result.stderr
    # A mapping that an operator gives on the command line is not remembered.
    assert not ColumnMapping.objects.exists()


def test_a_known_column_can_be_left_out_or_read_otherwise(import_rows):
    import_rows(
        ["Name", "Phone", "Notes", "Tags"], ["Jane", "0812 3456 7801", "secret", "tea"], map=["Notes=", "tags=notes"]
    )
    assert stored("notes", "tags") == [("tea", [])]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"map": ["Klantnaam"]}, "--map takes COLUMN=FIELD"),
        ({"map": ["Klantnaam=shoe"]}, "There is no field 'shoe'. FIELD is one of id, first_name"),
        ({"map": ["Naam=first_name"]}, "There is no column Naam. There are: Klantnaam, Mobiel nr. klant"),
    ],
)
def test_a_mapping_that_does_not_fit_is_told_and_changes_nothing(import_rows, options, sentence):
    with pytest.raises(CommandError) as refused:
        import_rows(*ROWS, **options)
    assert refused.value.returncode == 2
    assert sentence in str(refused.value)


def test_a_file_of_which_no_column_is_known_is_refused_with_what_to_do(import_rows):
    with pytest.raises(CommandError) as refused:
        import_rows(["ກ", "ຂ"], ["Anna", "0812 3456 7801"])
    assert "Here it is: ກ, ຂ Or say what a column holds: --map 'ກ=FIELD'. FIELD is one of id," in str(refused.value)
    assert import_rows(["ກ", "ຂ"], ["Anna", "0812 3456 7801"], map=["ກ=first_name", "ຂ=phone"]).counts == {"created": 1}


# --- several columns for one thing ----------------------------------------------------------------------------------


def test_of_several_columns_the_first_that_is_filled_is_taken_and_the_others_are_told(import_rows, tmp_path):
    header = ["First name", "Home phone", "Mobile", "Phone 2"]
    rows = [
        ["Ann", "021 5550 1001", "0812 3456 7801", ""],
        ["Bob", "021 5550 1002", "", "021 5550 1002"],
        ["Cid", "", "", "0812 3456 7803"],
    ]
    omitted = tmp_path / "omitted.csv"
    result = import_rows(header, *rows, omitted=omitted)
    assert stored("first_name", "phone") == [
        ("Ann", "+6281234567801"),
        ("Bob", "+622155501002"),
        ("Cid", "+6281234567803"),
    ]
    assert from_csv(omitted.read_bytes()) == [
        ["line", "column", "text", "reason"],
        ["2", "Home phone", "021 5550 1001", "A customer has one phone, which is taken from “Mobile”."],
    ]
    assert omitted.stat().st_mode & 0o777 == 0o600
    # Without the option `--omitted`, the command prints lines and columns of these cells, and no personal data.
    Customer.objects.all().delete()
    result = import_rows(header, *rows)
    assert "line 2, Home phone: left out. A customer has one phone" in result.stderr
    assert "5550" not in result.stderr


def test_parts_of_a_name_an_address_and_notes_are_joined(import_rows):
    header = ["Nombre", "Primer apellido", "Segundo apellido", "Móvil", "Calle", "Ciudad", "Notas", "Comments"]
    import_rows(header, ["Ana", "García", "López", "0812 3456 7801", "Calle Mayor 1", "Madrid", "té", "tea"])
    assert stored("first_name", "last_name", "address", "notes") == [
        ("Ana", "García López", "Calle Mayor 1, Madrid", "té\ntea")
    ]


@pytest.mark.parametrize(
    ("header", "cells", "name"),
    [
        # A whole name is not split: nobody knows how many words of it are the last name.
        (["Name"], ["Maria del Carmen García"], ("Maria del Carmen García", None)),
        (["Name", "First name", "Last name"], ["Jane Doe", "Jane", "Doe"], ("Jane", "Doe")),
        (["Name", "First name", "Last name"], ["Jane Doe", "", "Doe"], ("Jane Doe", None)),
        (["Name", "Vorname"], ["Müller", "Jürgen"], ("Jürgen", "Müller")),
        (["Nom", "Prénom"], ["Dupont", "Zoé"], ("Zoé", "Dupont")),
        (["Nom"], ["Zoé Dupont"], ("Zoé Dupont", None)),
    ],
)
def test_a_name_is_read_from_one_column_or_from_several(import_rows, header, cells, name):
    assert import_rows([*header, "phone"], [*cells, "0812 3456 7801"]).counts == {"created": 1}
    assert stored("first_name", "last_name") == [name]


def test_an_export_that_leaves_a_cell_empty_clears_nothing(import_rows, in_scope):
    import_rows(["first_name", "phone", "notes"], ["Jane", "0812 3456 7801", "tea"])
    row = ["First Name", "Labels", "Notes", "Birthday", "Phone 1 - Value"], ["Jane", "VIP", "", "", "+6281234567801"]
    assert import_rows(*row, update=True).counts == {"updated": 1}
    assert stored("notes", "tags") == [("tea", ["vip"])]


def test_a_consent_column_of_circe_counts_in_an_export_of_another_system(import_rows):
    import_rows(
        ["First Name", "Email", "Accepts Email Marketing", "accepts_sms"], ["Jane", "j@example.com", "no", "false"]
    )
    assert stored("marketing_consent", "accepts_sms") == [(False, False)]


# --- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_column_of_a_preset_goes_to_a_column_of_circe(preset):
    assert {rule.target for rule in preset.rules.values()} - {""} <= COLUMN_BY_NAME.keys()
    for signature in preset.signatures:
        assert HeaderMapping([*signature]).preset == preset


def test_an_export_of_circe_is_no_export_of_another_system():
    mapping = HeaderMapping([column.name for column in COLUMNS])
    assert mapping.preset is None
    assert [rule.target for rule in mapping.rules] == [column.name for column in COLUMNS]


@pytest.mark.parametrize(
    ("header", "target"),
    [
        *[("  E-MAIL 1 -  VALUE ", "email"), ("e-mail address", "email"), ("Telefon (privat)", "phone")],
        *[("電話番号", "phone"), ("Geburtsdatum", "date_of_birth"), ("Tanggal Lahir", "date_of_birth")],
        *[("Prénom", "first_name"), ("PRENOM", "first_name"), ("Фамилия", "last_name"), ("رقم الجوال", "phone")],
        *[("Ciudad", "address"), ("備考", "notes"), ("Spouse", ""), ("Passport", "")],
        *[
            ("نام خانوادگی", "last_name"),
            ("شماره موبایل", "phone"),
            ("E-pasts", "email"),
            ("Gimimo data", "date_of_birth"),
        ],
        *[
            ("სახელი", "first_name"),
            ("ტელეფონი", "phone"),
            ("手机号码", "phone"),
            ("휴대폰번호", "phone"),
            ("고객명", "first_name"),
        ],
        *[
            ("Tên khách hàng", "first_name"),
            ("אימייל", "email"),
            ("Ημ/νία γέννησης", "date_of_birth"),
            ("Адреса", "address"),
        ],
        *[("CONTACT NO.", "phone"), ("Email ID", "email"), ("No. HP / WA", "phone"), ("Mobiel nummer", "phone")],
        # Remarks in a header about its cells.
        *[
            ("Birthday (MM/DD/YYYY)", "date_of_birth"),
            ("Geburtsdatum [TT.MM.JJJJ]", "date_of_birth"),
            ("Sex (M/F)", "gender"),
        ],
        *[("Jenis Kelamin (L/P)", "gender"), ("Sexo (H/M)", ""), ("Phone (emergency)", "")],
        # A mobile phone in Turkish, and a postal code in Portuguese.
        ("CEP", ""),
    ],
)
def test_a_header_is_known_in_several_languages_and_spellings(header, target):
    assert HeaderMapping([header]).rules[0].target == target


@pytest.mark.parametrize(
    ("header", "target"),
    [
        (["Nome", "Telefone", "CEP"], "address"),
        (["CEP", "Endereço", "Celular"], "address"),
        (["Ad", "Soyad", "Cep"], "phone"),
        (["Müşteri", "CEP"], "phone"),
        (["Name", "Email", "Cep"], ""),
    ],
)
def test_a_header_with_two_meanings_is_read_by_the_language_of_the_others(header, target):
    mapping = HeaderMapping(header)
    assert {name: rule.target for name, rule in zip(header, mapping.rules, strict=True) if name.lower() == "cep"} == {
        name: target for name in header if name.lower() == "cep"
    }


def test_the_customer_id_of_another_system_is_left_out(import_rows):
    header = ["Customer ID", "First name", "Phone"]
    assert import_rows(header, ["1042", "Anna", "0812 3456 7801"]).counts == {"created": 1}
    kept = "65a1b2c3d4e5f60718293a4b"
    assert import_rows(header, [kept, "Piet", "0812 3456 7802"], ["7", "Ola", "0812 3456 7803"]).counts == {
        "created": 1,
        "refused": 1,
    }
    assert Customer.objects.get(pk=kept).first_name == "Piet"


def test_a_contact_is_a_phone_where_the_cells_are_numbers(browser, in_scope):
    body(upload(browser, as_csv([["Name", "Contact"], ["Anna", "0812 3456 7801"], ["Piet", "+62 812-3456-7802"]])))
    assert figures(browser, f"{IMPORT}{CustomerImport.objects.get().pk}/") == {"created": 2}
    body(upload(browser, as_csv([["Contact", "Phone"], ["Anna", "0812 3456 7801"]])))
    assert figures(browser, f"{IMPORT}{CustomerImport.objects.latest('created_at').pk}/") == {"created": 1}


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Emergency Contact Phone",
            "Emergency contact e-mail",
            "Spouse Birthday",
            "Parent email",
            "Assistant's Phone",
        ),
        *("Company Phone", "Home Fax", "Anniversary", "Birthday Month", "Referred by (name)", "Employee Name"),
        *("Unsubscribed", "Opted out of marketing", "No marketing", "Do not email", "email_opt_out", "Not subscribed"),
        *("Client ID", "Customer since", "E-mail Type", "OPTIN_TIME", "Marketing declined"),
    ],
)
def test_nothing_is_proposed_for_what_is_about_somebody_else_or_means_no(header):
    assert HeaderMapping(["First name", "Phone", header]).propose_target(2) == ""


@pytest.mark.parametrize(
    ("header", "target"),
    [
        *[("Email Opt-In", "marketing_consent"), ("Receive marketing SMS", "marketing_consent")],
        *[("Phone No (WhatsApp)", "phone"), ("Work Email", "email"), ("Physical address", "address")],
    ],
)
def test_a_similar_header_is_proposed(header, target):
    assert HeaderMapping(["First name", header]).propose_target(1) == target


def test_timely_is_not_taken_for_fresha():
    header = ["Client ID", "First name", "SMS number", "Telephone", "Accepts Marketing"]
    mapping = HeaderMapping(header)
    assert mapping.preset is None
    assert [rule.target for rule in mapping.rules] == ["", "first_name", "phone", "phone", "marketing_consent"]


# The headers of each language's Outlook: first name, last name, mobile phone, e-mail, birthday, gender, home street,
# categories, notes; and what stands for no gender.
OUTLOOK = """
Vorname|Nachname|Mobiltelefon|E-Mail-Adresse|Geburtstag|Geschlecht|Straße privat|Kategorien|Notizen|Keine Angabe
Prénom|Nom|Tél. mobile|Adresse de messagerie|Anniversaire|Sexe|Rue (domicile)|Catégories|Notes|Non spécifié
Nombre|Apellidos|Teléfono móvil|Dirección de correo electrónico|Cumpleaños|Sexo|Calle del domicilio|Categorías|Notas|Sin especificar
Fornavn|Etternavn|Mobiltelefon|E-postadresse|Fødselsdag|Kjønn|Gate (privat)|Kategorier|Notater|Uspesifisert
Voornaam|Achternaam|Mobiele telefoon|E-mailadres|Verjaardag|Geslacht|Huisadres, straat|Categorieën|Notities|Niet opgegeven
Nome|Cognome|Cellulare|Indirizzo posta elettronica|Compleanno|Sesso|Via (ab.)|Categorie|Notizie|Non specificato
Nome|Sobrenome|Telefone celular|Endereço de email|Aniversário|Sexo|Rua do endereço residencial|Categorias|Anotações|Não especificado
Förnamn|Efternamn|Mobiltelefon|E-postadress|Födelsedag|Kön|Adress, hem|Kategorier|Anteckningar|Ospecificerat
Fornavn|Efternavn|Mobiltelefon|Mailadresse|Fødselsdag|Køn|Privatadresse|Kategorier|Noter|Uspecificeret
Imię|Nazwisko|Telefon komórkowy|Adres e-mail|Urodziny|Płeć|Adres domowy - ulica|Kategorie|Notatki|Nieokreślona
名|姓|携帯電話|電子メール アドレス|誕生日|性別|番地 (自宅)|分類|メモ|指定なし
Имя|Фамилия|Телефон переносной|Адрес эл. почты|День рождения|Пол|Улица (дом. адрес)|Категории|Заметки|Не указан
名|姓|移动电话|电子邮件地址|生日|性别|住宅地址 街道|类别|附注|未指定
Ad|Soyadı|Cep Telefonu|E-posta Adresi|Doğum Günü|Cinsiyet|Ev Sokağı|Kategoriler|Notlar|Belirtilmemiş
"""  # noqa: E501
OUTLOOK_CELLS = ["Kim", "Holm", "+4791234567", "kim@example.com", "0.0.00"]
OUTLOOK_TARGETS = ["first_name", "last_name", "phone", "email", "date_of_birth", "gender", "address", "tags", "notes"]


@in_one_test("line", OUTLOOK.strip().splitlines())
def test_an_export_of_outlook_is_known_in_every_language(in_scope, line):
    *header, no_gender = line.split("|")
    mapping = HeaderMapping(header)
    assert [rule.target for rule in mapping.rules] == OUTLOOK_TARGETS
    row = mapping.read_row([*OUTLOOK_CELLS, no_gender, "Way 1", "VIP", "tea"])
    assert not {"gender", "date_of_birth"} & row.texts.keys()
    assert [(cell.column, cell.text) for cell in row.omitted] == [(header[4], "0.0.00"), (header[5], no_gender)]


def test_a_preset_leaves_out_no_fact_about_a_person_that_its_file_has_by_a_usual_name():
    mindbody = ["Client ID", "Last Name", "First Name", "Home Phone", "Mobile Phone", "Email", "Birthdate", "Active"]
    assert HeaderMapping(mindbody).preset is None
    fresha = [*mindbody, "Mobile number", "Telephone", "Anmerkungen", "Customer ID", "Referral source"]
    mapping = HeaderMapping(fresha)
    assert mapping.preset.name == "Fresha"
    targets = dict(zip(fresha, [rule.target for rule in mapping.rules], strict=True))
    assert (targets["Birthdate"], targets["Anmerkungen"]) == ("date_of_birth", "notes")
    assert [targets[name] for name in ("Mobile Phone", "Customer ID", "Referral source")] == ["", "", ""]
