"""Lists how the columns of a file of customers are called in several languages.

If several columns of a file go to one column of Circe, the one whose name comes first in these lists is taken: a mobile
number before a landline. For the columns in JOINED_BY (`header_mapping`), such as the address, the texts of all of them
are joined, in the order of the file.
"""

import re

from customers.transfer.tables import normalize_header


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.replace("\n", " ").split(",")]


# By the column of Circe.
COLUMN_NAMES = {
    "first_name": """
        first name, given name, forename, fname, Christian name, client first name, customer first name,
        Vorname, prénom, nombre, nombres, nome, voornaam, fornavn, förnamn, etunimi, imię, jméno,
        křestní jméno, keresztnév, prenume, ad, adı, isim, имя, ім'я, όνομα, nama depan, tên, ชื่อ, ชื่อจริง,
        名, 名字, 이름, الاسم الأول, שם פרטי, नाम, vārds, vardas, eesnimi, სახელი, نام, نام کوچک,
        име, ime, meno, emri, other names, middle name, middle names, additional name, zweiter Vorname,
        deuxième prénom, segundo nombre, weitere Vornamen, mellomnavn, middelste naam, secondo nome,
        segundo nome, mellannamn, mellemnavn, drugie imię, ikinci ad, отчество, ミドル ネーム, 中间名
    """,
    "last_name": """
        last name, surname, family name, lname, client last name, customer last name, Nachname, Familienname,
        nom de famille, apellido, apellidos, primer apellido, segundo apellido, cognome, sobrenome, apelido,
        último nome, achternaam, familienaam, etternavn, efternavn, efternamn, sukunimi, nazwisko, příjmení,
        vezetéknév, nume de familie, soyad, soyadı, soyisim, фамилия, прізвище, επώνυμο, επίθετο,
        nama belakang, nama keluarga, họ, นามสกุล, 姓, 성, اسم العائلة, اللقب, שם משפחה,
        tussenvoegsel, tussenvoegsels, voorvoegsel, voorvoegsels,
        uzvārds, pavardė, perekonnanimi, გვარი, نام خانوادگی, презиме, prezime, priezvisko, mbiemri
    """,
    "email": """
        email, e-mail, mail, email address, e-mail address, adresse de messagerie, dirección de correo
        electrónico, indirizzo posta elettronica, indirizzo di posta elettronica, endereço de email,
        mailadresse, e-posta adresi, адрес эл. почты, адрес электронной почты, эл. почта, 電子メール アドレス,
        電子メール,
        电子邮件地址, 電子郵件地址, email 1, primary email, personal email, client email, customer email,
        E-Mail-Adresse,
        adresse e-mail, adresse mail, courriel, correo, correo electrónico, indirizzo email, posta
        elettronica, endereço de e-mail, e-mailadres, epost, e-post, e-postadresse, e-postadress, sähköposti,
        adres e-mail, e-mailová adresa, e-posta, электронная почта, почта, surel, alamat email, thư điện tử,
        อีเมล, 電子郵件, 邮箱, 电子邮件, メール, メールアドレス, 이메일, البريد الإلكتروني, דוא"ל, email add, email addr,
        email id,
        mail id, e-pasts, el. paštas, ელ. ფოსტა, ایمیل, имейл, имейл адрес, мейл, ел. пошта, електронна пошта,
        البريد الالكتروني, ايميل, الإيميل, דואר אלקטרוני, אימייל, อีเมล์, 이메일 주소, email 2, e-mail 2 address,
        other email, secondary email, alternate email, alternate email 1,
        E-Mail 2: Adresse, adresse de messagerie 2, e-postadresse 2, dirección de correo
        electrónico 2, e-mailadres 2, indirizzo posta elettronica 2
    """,
    "phone": """
        mobile, mobile number, mobile phone, mobile no, mobile (SMS) number, SMS number, tél. mobile, tél.
        portable, mobiele telefoon, telefone celular, telefone móvel, телефон переносной, сотовый телефон,
        сотовый, моб. телефон, 移动电话, 行動電話, cell, cell phone, cellphone, cellular, whatsapp, whatsapp number,
        client mobile, customer mobile, Handy, Handynummer, Mobilnummer, Mobiltelefon, Mobil, portable,
        téléphone portable, téléphone mobile, móvil, teléfono móvil, celular, telemóvel, cellulare, mobiel,
        mobiele nummer, mobilnr, mobiltelefonnummer, matkapuhelin, telefon komórkowy, komórka, cep telefonu,
        cep tel, мобильный, мобильный телефон, κινητό, no hp, nomor hp, hp, handphone, no handphone, ponsel,
        nomor ponsel, no wa, nomor whatsapp, di động, số điện thoại, มือถือ, เบอร์มือถือ, 手机, 手机号, 手機, 携帯,
        携帯電話, 휴대폰, 휴대전화, الجوال, رقم الجوال, الموبايل, נייד, मोबाइल, mobiel nummer, mobilais tālrunis,
        mobilais, мобилен телефон, мобилен, мобільний телефон, мобільний, მობილური, شماره موبایل, موبایل, تلفن
        همراه, شماره تلفن همراه, رقم الموبايل, טלפון נייד, מספר נייד, 手机号码, 휴대폰 번호, 携帯番号, 携帯電話番号,
        เบอร์โทรศัพท์มือถือ, whatsapp no, no hp / wa, no hp/whatsapp, gsm, gsm no, Natel, phone, phone number,
        phone no, tel, tel no, telephone, telephone number, contact number, contact no, client phone, customer
        phone, primary phone, phone 1, Telefon, Telefonnummer, Rufnummer, téléphone, numéro de téléphone,
        teléfono, número de teléfono, telefone, telefono, telefoon, telefoonnummer, tlf, telefonnr, puhelin,
        puhelinnumero, numer telefonu, telefonní číslo, telefonszám, telefon numarası, телефон, номер
        телефона, τηλέφωνο, telepon, nomor telepon, no telp, no telepon, điện thoại, โทรศัพท์, เบอร์โทร,
        เบอร์โทรศัพท์, 电话, 電話, 電話番号, 전화번호, الهاتف, رقم الهاتف, טלפון, tālrunis, telefonas, ტელეფონი,
        ტელეფონის ნომერი,
        شماره تلفن, تلفن, 电话号码, 联系电话, 聯絡電話, 連絡先, 연락처, 電話番号 1, telefone 1, téléphone 1,
        teléfono 1, day phone,
        home phone, landline, home telephone, telephone (home), Festnetz, Telefon (privat), fixe,
        téléphone fixe, σταθερό, تلفن ثابت, 집전화, teléfono fijo, telefono fisso, business phone, work phone,
        Telefon (geschäftlich), phone 2, other phone, alternate phone, second phone, alt phone, night phone,
        telefone 2, téléphone 2, teléfono 2, 電話番号 2, дополнительный телефон, téléphone (domicile), teléfono
        particular, telefon (hjemme), telefoon thuis, telefone residencial, telefon hem, telefon domowy,
        домашний телефон, 自宅電話, 自宅電話 1, 住宅电话, ev telefonu, téléphone (bureau), teléfono del trabajo, telefon
        (jobb), telefon (arb.), telefoon op werk, telefone comercial, telefon arbete, telefon służbowy,
        рабочий телефон, 会社電話, 商务电话, iş telefonu
    """,
    "date_of_birth": """
        date of birth, birthday, birth date, birthdate, dob, compleanno, urodziny, narozeniny, születésnap,
        doğum günü, γενέθλια, ulang tahun, Geburtsdatum, Geburtstag, date de naissance,
        anniversaire, né le, fecha de nacimiento, cumpleaños, data di nascita, data de nascimento, nascimento,
        aniversário, geboortedatum, verjaardag, fødselsdato, fødselsdag, bursdag, födelsedatum, födelsedag,
        syntymäaika, syntymäpäivä, data urodzenia, datum narození, születési dátum, data nașterii,
        doğum tarihi, дата рождения, день рождения, дата народження, ημερομηνία γέννησης, tanggal lahir,
        tgl lahir, ngày sinh, วันเกิด, 出生日期, 生日, 生年月日,
        誕生日, 생년월일, 생일, تاريخ الميلاد, תאריך לידה, जन्म तिथि,
        født, født dato, född, geboren, geb., né(e) le, née le, nato il, nata il, data nascita, nacido el,
        f. nacimiento, fecha nacimiento, f. nac., fecha nac., Geb.-Datum, Geburtsdat., geboren am, data nasc.,
        dt. nascimento, dzimšanas datums, gimimo data, sünniaeg, დაბადების თარიღი, تاریخ تولد, 出生年月日,
        出生年月, วันเดือนปีเกิด, ημ/νία γέννησης, ημ. γέννησης, datum rođenja, датум рођења, рождена дата,
        дата на раждане, dátum narodenia, datum rojstva, ngày tháng năm sinh, datëlindja
    """,
    "gender": """
        gender, sex, Geschlecht, sexe, genre, sexo, género, sesso, genere, geslacht, kjønn, køn, kön,
        sukupuoli, płeć, pohlaví, cinsiyet, пол, стать, φύλο, jenis kelamin, giới tính, เพศ, 性别, 性別, 성별,
        الجنس, מין, लिंग, dzimums, lytis, სქესი, جنسیت, spol, pohlavie, sugu
    """,
    "address": """
        address, address 1, address line 1, street, street address, home street, house number, address 2,
        address line 2, suburb, city, town, state, province, county, zip, zip code, post code, postcode,
        postal code, country, Adresse, Anschrift, Straße, Hausnummer, PLZ, Postleitzahl, Ort, Stadt, Wohnort,
        Land, rue, code postal, ville, pays, dirección, calle, código postal, ciudad, provincia, país,
        indirizzo, via, CAP, città, endereço, morada, rua, CEP código postal, cidade, localidade, adres, straat,
        huisnummer, postnummer, poststed, adress, gatuadress, postadress, postort, osoite, postinumero, ulica,
        kod pocztowy, miasto, ulice, město, PSČ, cím, adresă, şehir, posta kodu, адрес, город, διεύθυνση,
        alamat, kota, kode pos, Straße privat, Ort privat, Postleitzahl privat, Land/Region privat,
        rue (domicile), ville (domicile), code postal (domicile), pays/région (domicile), calle del domicilio,
        ciudad del domicilio, código postal del domicilio, gate (privat), poststed (privat),
        postnummer (privat), huisadres straat, huisadres plaats, huisadres postcode, via (ab.), città (ab.),
        CAP (ab.), rua do endereço residencial, cidade do endereço residencial, CEP do endereço residencial,
        adress hem, ort hem, postnummer hem, privatadresse, by (privat), postnr. (privat), adres domowy ulica,
        adres domowy miejscowość, adres domowy kod pocztowy, 番地 (自宅), 市区町村 (自宅), 郵便番号 (自宅),
        улица (дом. адрес), город (дом. адрес), 住宅地址 街道, 住宅地址 市/县, 住宅地址 邮政编码, ev sokağı,
        ev şehri, ev posta kodu, địa chỉ, ที่อยู่, 地址, 住所, 郵便番号, 주소, العنوان, כתובת, पता, Strasse, woonplaats,
        huisnr, toevoeging, huisnummertoevoeging, gateadresse, gate, postnr, sted, postnr sted, postnr og sted,
        vejnavn, Straße Nr., Straße und Nr., Straße Hausnummer, Straße und Hausnummer, Strasse Nr., PLZ Ort,
        home address, home address 2, home city, home state, home zip, home zipcode, home zip code, home postcode,
        home post code, home postal code, home country, address 1 street, address 1 city, address 1 state/region,
        address 1 zip, address 1 country,
        plaats, población, bairro, complemento, logradouro, home addr, adrese, pilsēta, adresas, miestas,
        მისამართი, آدرس, نشانی, адреса, місто, πόλη, ΤΚ, المدينة, עיר
    """,
    "notes": """
        notes, note, memo, notizie, anotações, 附注, 附註, comment, comments, remarks, client notes, customer notes,
        Notizen, Notiz, Bemerkung, Bemerkungen, Anmerkungen, Kommentar, remarque, remarques, commentaire,
        commentaires, notas, observaciones, comentarios, observações, osservazioni, opmerking, opmerkingen,
        notities, notat, notater, merknad, noter, anteckning, anteckningar, huomautukset, notatki, uwagi,
        poznámka, poznámky, megjegyzés, notlar, not, заметки, примечание, комментарий, σημειώσεις, catatan,
        keterangan, ghi chú, หมายเหตุ, 备注, 備考, メモ, 비고, 메모, ملاحظات, הערות, client note, customer note,
        piezīmes, pastabos,
        märkused, შენიშვნა, توضیحات, یادداشت, σχόλια, napomena, napomene, напомена, бележки, нотатки, примітки
    """,
    "tags": """
        tags, tag, labels, label, groups, group, categories, category, client category, segment, Kategorie,
        Kategorien, Gruppe, categorías, categorieën, categorias, kategorier, kategoriler, категории, 分類, 分类, 类别,
        類別, Schlagwörter, étiquettes, catégorie, etiquetas, categoría, categoria, etichette, groep, gruppe,
        grupp, etykiety, štítky, etiketler, метки, kategori, nhãn, 标签, タグ, 태그
    """,
    "marketing_consent": """
        marketing consent, marketing, accepts marketing, email marketing, accepts email marketing,
        email marketing consent, email subscription status, newsletter, subscribed, opt in, marketing opt in,
        accepts sms marketing, sms marketing, sms marketing consent, Werbeeinwilligung, Newsletter abonniert
    """,
    "language": """
        language, preferred language, locale, Sprache, langue, idioma, lingua, taal, språk
    """,
    "loyalty_points": """
        loyalty points, points, Treuepunkte, points de fidélité, puntos, poin, poeng
    """,
    "source": """
        source, client source, customer source, referral source
    """,
}

# A column with the whole name. Its text becomes the first name in a row without a text in a column of first names.
FULL_NAMES = """
    name, full name, client, client name, customer, customer name, contact, contact name, display name,
    guest name, vollständiger Name, Kunde, Kundenname, nom, nom complet, client nom, nombre completo,
    nombre y apellidos, cliente, nome completo, nome e cognome, naam, volledige naam, klant, klantnaam, navn,
    fullt navn, kunde, kundenavn, namn, kund, kundnamn, nimi, asiakas, imię i nazwisko, klient,
    jméno a příjmení, név, nume, ad soyad, müşteri, фио, клиент, ονοματεπώνυμο, nama, nama lengkap,
    nama pelanggan, pelanggan, họ tên, họ và tên, ชื่อ-นามสกุล, 姓名,
    氏名, お名前, 名前, 성명, 성함, الاسم, الاسم الكامل,
    שם, שם מלא,
    name of client, name of customer, clients name, customers name, 客户姓名, 顾客姓名, 会员姓名, 客户名称, 고객명,
    tên khách hàng, 氏名 漢字, 氏名（漢字）, お客様名, 顧客名, نام و نام خانوادگی, اسم العميل, שם לקוח, имя клиента,
    фио клиента, піб, ime i prezime, име и презиме, vārds uzvārds, vārds un uzvārds, vardas pavardė,
    სახელი და გვარი, ชื่อลูกค้า
"""
# By normalized header: what it means beside another header, which tells the language of the file. A name is the last name
# beside a first name, and otherwise the whole name. `CEP` is a mobile phone in Turkish, and a postal code in Portuguese;
# alone it is asked about.
TARGET_BESIDE = {
    "name": {"vorname": "last_name"},
    "nom": {"prenom": "last_name"},
    "naam": {"voornaam": "last_name"},
    "navn": {"fornavn": "last_name"},
    "namn": {"fornamn": "last_name"},
    "nume": {"prenume": "last_name"},
    "first": {"last": "first_name"},
    "middle": {"last": "first_name"},
    "last": {"first": "last_name"},
    "by": dict.fromkeys(["postnr", "postnummer"], "address"),
    "cep": {
        **dict.fromkeys(["ad", "adı", "soyad", "soyadı", "adsoyad", "isim", "soyisim", "musteri"], "phone"),
        **dict.fromkeys(["nome", "cidade", "endereco", "bairro", "rua", "logradouro", "telefone"], "address"),
    },
}
# By these headers: the `van der` of a Dutch name. It stands before the other words of the last name, wherever its column is.
PARTICLE_HEADERS = frozenset({"tussenvoegsel", "tussenvoegsels", "voorvoegsel", "voorvoegsels"})

# A column whose header has one of these words is about somebody else or about something else than the person, says yes for
# a refusal, or is about a consent that may not be for marketing.
NEVER_PROPOSED = re.compile(
    r"emergency|spouse|partner|husband|wife|child|parent|guardian|kin\b|refer|assist|manager|employee|staff|company|"
    r"\bfax|anniversary|month|since|\bfb\b|\bids?\b|\bcode\b|\btype\b|\bstatus\b|\btime\b|\bip\b|promo|accept|"
    r"opt(?:ed)?[ -]?out|unsub|\b(?:do )?not\b|\Ano\b|never|block|bounce|decline|samty[kc]|suostum|einwillig|zustimm|"
    r"consent[ei]m|consenso|toestemm|zgod|souhlas|persetuj|соглас|同意|동의|ace(?:p|i)ta|accett",
    re.IGNORECASE,
)

RANK_BY_NAME = {
    (target, normalize_header(name)): position
    for target, names in COLUMN_NAMES.items()
    for position, name in enumerate(_split(names))
}
TARGET_BY_NAME = {name: target for target, name in RANK_BY_NAME}
FULL_NAME_HEADERS = frozenset(map(normalize_header, _split(FULL_NAMES)))
