"""The names, services, prices and habits of demo businesses in two countries."""

import functools
import unicodedata
from typing import NamedTuple

from circe.demo.roster import Reasons

_ASCII = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "đ": "d"})


class DemoService(NamedTuple):
    """A service of a demo business: its minutes, the minutes of buffer after it, its price, and after how many days it is
    due again.
    """

    name: str
    category: str
    minutes: int
    price: int
    buffer: int = 0
    rebooking_days: int | None = None


class Locality(NamedTuple):
    """A city or a district."""

    name: str
    postcode: str


class Country(NamedTuple):
    """The data of a country. Shares are between 0 and 1; money is in `currency`."""

    time_zone: str
    currency: str
    region: str
    language: str
    opens_at: int  # hour of the day
    weekdays: tuple[float, ...]  # weight of each day, from Monday
    calling_code: str
    mobile_prefixes: tuple[str, ...]
    mobile_digits: int  # after the prefix
    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]
    mononym_share: float
    domains: tuple[str, ...]
    streets: tuple[str, ...]
    address: str
    cities: tuple[Locality, ...]  # where customers live
    areas: tuple[Locality, ...]  # where outlets are
    businesses: tuple[str, ...]
    services: tuple[DemoService, ...]
    payment_methods: tuple[str, ...]  # repeated ones are more frequent
    whatsapp_share: float
    money_per_point: int
    price_step: int
    customer_notes: tuple[str, ...]
    appointment_notes: tuple[str, ...]
    accessibility_needs: tuple[str, ...]
    holidays: dict[tuple[int, int], str]  # by month and day
    time_off: Reasons


def words(text: str) -> tuple[str, ...]:
    """Splits a text into words."""
    return tuple(text.split())


@functools.cache
def local_part(name: str) -> str:
    """Returns a name for an e-mail address: its letters as lower-case ASCII."""
    folded = unicodedata.normalize("NFKD", name.lower().translate(_ASCII))
    return "".join(letter for letter in folded if "a" <= letter <= "z")


INDONESIA = Country(
    time_zone="Asia/Jakarta",
    currency="IDR",
    region="ID",
    language="id",
    opens_at=10,
    weekdays=(0.7, 0.8, 0.9, 0.9, 1.1, 1.5, 1.4),
    calling_code="+62",
    mobile_prefixes=words(
        "811 812 813 814 815 816 817 818 819 821 822 823 831 838 852 853 857 858 859 877 878 895 896 897"
    ),
    mobile_digits=8,
    women=words("""
        Adelia Adinda Aisyah Amelia Anggun Anisa Astrid Aulia Ayu Bella Bunga Cahya Chloé Cinta Citra Dela Desi Dewi
        Dian Dinda Eka Elok Endah Erna Fatimah Febri Fitri Gita Hana Hesti Ika Indah Intan Ira Jasmine Julia Kartika
        Kirana Laras Lestari Lia Lilis Luh Made Maharani Maya Mega Melati Mutia Nabila Nadia Niken Nina Novi Nur'aini
        Oktavia Pertiwi Puspa Putri Rahayu Ratih Ratna Renée Retno Rina Rini Riska Rosa Salma Santi Sari Sekar Sinta
        Siti Sri Suharti Tari Tiara Tika Tri Tuti Ulfa Utami Vina Wahyuni Wati Widya Winda Wulan Yanti Yuni Zahra
        """),
    men=words("""
        Adi Aditya Agung Agus Ahmad Andi André Arif Bagus Bambang Bayu Budi Cahyo Dani Dedi Dimas Doni Dwi Fajar Farhan
        Galih Gede Gilang Hadi Hendra Heri Ilham Indra Irfan Iwan Joko José Ketut Komang Lukman Ma'ruf Nyoman Pandu
        Rahmat Reza Rizky Rudi Slamet Surya Teguh Wahyu Wayan Yoga Yudi Yusuf
        """),
    surnames=words("""
        Adiwijaya Alatas Ambarita Assegaf Atmadja Aziz Basuki Budiman Chandra Damanik Darmawan Djohan Effendi Ginting
        Gozali Gunadi Hadinata Hakim Halim Harahap Hartono Hasibuan Hidayat Hutapea Iskandar Kaban Karo Kawilarang
        Kurniawan Kusuma Latuconsina Lesmana Liem Lim Limbong Lontoh Lubis Mandagi Manurung Marpaung Matulessy
        Mulyono Nainggolan Nasution Natakusuma Nugroho Pangaribuan Panjaitan Pasaribu Pattinasarany Perangin Pohan
        Prawira Rangkuti Rumambi Salim Samosir Santoso Saragih Sembiring Siahaan Sihombing Silalahi Simanjuntak
        Sinaga Siregar Situmorang Sitompul Soekarno Sudirman Sugiarto Sulaiman Supit Suryadi Susanto Tampubolon
        Tandjung Tanoto Tarigan Tobing Tumewu Wenas Wibowo Widjaja Wijaya Winata Wirawan Wiryawan Yulianto Zainal
        """),
    mononym_share=0.14,
    domains=("example.com", "example.com", "example.net", "surel.test"),
    streets=(
        "Jl. Melawai Raya",
        "Jl. Kemang Selatan",
        "Jl. Cikini Raya",
        "Jl. Wolter Monginsidi",
        "Jl. Tebet Barat Dalam",
        "Jl. Panglima Polim",
        "Jl. Bendungan Hilir",
        "Jl. Gandaria I",
        "Jl. Pakubuwono VI",
        "Jl. Kelapa Gading Boulevard",
    ),
    address="{street} No. {number}, {locality.name} {locality.postcode}",
    cities=(
        Locality("Jakarta Selatan", "12160"),
        Locality("Jakarta Pusat", "10330"),
        Locality("Jakarta Timur", "13220"),
        Locality("Depok", "16424"),
        Locality("Tangerang Selatan", "15310"),
        Locality("Bekasi", "17144"),
    ),
    areas=(
        Locality("Menteng", "10310"),
        Locality("Kemang", "12730"),
        Locality("Senopati", "12190"),
        Locality("Kelapa Gading", "14240"),
        Locality("Pondok Indah", "12310"),
        Locality("Tebet", "12810"),
        Locality("Cikini", "10330"),
        Locality("Bintaro", "12330"),
    ),
    businesses=("Melati", "Kenanga", "Cempaka", "Anggrek", "Mawar", "Dahlia", "Seroja", "Kamboja"),
    services=(
        DemoService("Potong Rambut Wanita", "Rambut", 45, 150_000),
        DemoService("Potong Rambut Pria", "Rambut", 30, 85_000, 0, 28),
        DemoService("Cuci & Blow", "Rambut", 45, 95_000),
        DemoService("Creambath", "Rambut", 60, 145_000, 15),
        DemoService("Pewarnaan Rambut", "Rambut", 120, 480_000),
        DemoService("Smoothing", "Rambut", 120, 650_000),
        DemoService("Pijat Tradisional", "Pijat & Spa", 60, 200_000, 15, 21),
        DemoService("Pijat Batu Panas", "Pijat & Spa", 90, 350_000, 15),
        DemoService("Refleksi Kaki", "Pijat & Spa", 60, 150_000, 10),
        DemoService("Lulur Bali", "Pijat & Spa", 120, 425_000),
        DemoService("Facial Brightening", "Wajah", 75, 275_000, 15, 30),
        DemoService("Totok Wajah", "Wajah", 45, 125_000),
        DemoService("Eyelash Extension", "Wajah", 90, 300_000, 10),
        DemoService("Manikur", "Kuku", 45, 95_000, 5, 21),
        DemoService("Pedikur", "Kuku", 60, 120_000, 15, 28),
        DemoService("Gel Nails", "Kuku", 90, 250_000, 10),
    ),
    payment_methods=("wallet", "wallet", "wallet", "cash", "cash", "card", "transfer"),
    whatsapp_share=0.7,
    money_per_point=10_000,
    price_step=5_000,
    customer_notes=(
        "Lebih suka jadwal pagi.",
        "Alergi pewarna berbahan amonia.",
        "Minta terapis perempuan.",
        "Teh jahe, tanpa gula.",
        "Kulit kepala sensitif.",
        "Selalu datang bersama putrinya.",
        "Hubungi lewat WhatsApp, jangan telepon.",
        "Prefers morning appointments",
    ),
    appointment_notes=(
        "Minta kursi dekat jendela.",
        "Datang 10 menit lebih awal.",
        "Untuk acara pernikahan.",
        "Pakai voucher ulang tahun.",
        "Tekanan pijat sedang.",
        "Warna sama seperti terakhir.",
        "Bawa anak kecil.",
        "Customer prefers window seat",
    ),
    accessibility_needs=("Pengguna kursi roda.", "Kurang mendengar; mohon bicara perlahan.", "Tidak kuat naik tangga."),
    holidays={(1, 1): "Tahun Baru", (8, 17): "Hari Kemerdekaan", (12, 25): "Natal"},
    time_off=Reasons(vacation="Cuti tahunan", errand="Ke dokter", renovation="Renovasi"),
)

NORWAY = Country(
    time_zone="Europe/Oslo",
    currency="NOK",
    region="NO",
    language="nb",
    opens_at=9,
    weekdays=(0.8, 0.9, 1.0, 1.2, 1.4, 1.2, 0.5),
    calling_code="+47",
    mobile_prefixes=words("40 41 45 46 47 48 90 91 92 93 94 95 97 98 99"),
    mobile_digits=6,
    women=words("""
        Agnes Amalie Andrea Anette Anita Anne Anne-Marie Astrid Aurora Åse Åshild Benedicte Berit Bodil Britt Camilla
        Cecilie Dagny Ebba Eli Elin Elise Ella Emilie Emma Eva Frida Frøydis Gerd Gro Grete Gudrun Guro Hanne Hedda
        Hege Helene Hilde Ida Ingeborg Inger Ingrid Iren Jenny Johanne Jorunn Julie Kari Karoline Katrine Kjersti
        Kristin Lene Linn Lise Liv Maja Malin Margrethe Mari Marianne Marit Marte Mathilde Mona Nina Nora Oda Ragnhild
        Randi Rita Sara Selma Sigrid Silje Siri Sofie Solveig Stine Synnøve Sølvi Thea Tone Torill Tuva Unni Vilde
        Wenche Zofia Zoë
        """),
    men=words("""
        Aksel Anders Arild Arne Asbjørn Bjørn Børge Christian Dag Egil Einar Eirik Emil Erlend Espen Even Fredrik Geir
        Gunnar Halvor Hans Harald Håkon Håvard Henrik Ivar Jan Jens Jonas Jørgen Kåre Kjell Knut Lars Leif Łukasz Magnus
        Marius Mats Morten Odd Ola Oskar Pål Per Petter Rolf Rune Sander Sindre Sigurd Snorre Stian Svein Sverre Tor
        Torbjørn Trond Ulrik Vegard Vidar Øystein Øyvind Åge
        """),
    surnames=words("""
        Aas Abrahamsen Ahmed Ali Amundsen Andersen Andreassen Arnesen Aune Bakke Bakken Berg Berge Berntsen Birkeland
        Bjerke Bråten Bøe Christensen Dahl Dahle Danielsen Edvardsen Eide Ellingsen Eriksen Evensen Fjeld Fossum
        Fredriksen Gulbrandsen Gundersen Haga Hagen Halvorsen Hamre Hansen Haug Haugen Haugland Hauge Helle Henriksen
        Hermansen Holm Hovland Iversen Jacobsen Jensen Johannessen Johansen Johnsen Karlsen Knudsen Knutsen Kowalska
        Kristensen Kristiansen Kvamme Larsen Lie Lien Lund Lunde Løken Madsen Martinsen Mathisen Moe Moen Myhre
        Møller Nguyen Nilsen Nordby Næss Olsen Ødegård Pedersen Pettersen Rasmussen Rønning Sandvik Simonsen Sivertsen
        Solberg Solheim Strand Strøm Svendsen Sæther Sørensen Tangen Thorsen Tveit Vik Viken Wold Aasen Østby
        """),
    mononym_share=0.05,
    domains=("example.com", "example.com", "example.org", "epost.test"),
    streets=(
        "Bogstadveien",
        "Thereses gate",
        "Markveien",
        "Frognerveien",
        "Toftes gate",
        "Sandakerveien",
        "Kirkeveien",
        "Østerdalsgata",
        "Trondheimsveien",
        "Bygdøy allé",
    ),
    address="{street} {number}, {locality.postcode} {locality.name}",
    cities=(
        Locality("Oslo", "0355"),
        Locality("Oslo", "0554"),
        Locality("Bekkestua", "1357"),
        Locality("Lillestrøm", "2000"),
        Locality("Asker", "1383"),
    ),
    areas=(
        Locality("Majorstuen", "0367"),
        Locality("Grünerløkka", "0555"),
        Locality("Frogner", "0263"),
        Locality("Nydalen", "0484"),
        Locality("Sandvika", "1337"),
        Locality("Aker Brygge", "0252"),
        Locality("Bryn", "0667"),
        Locality("Lørenskog", "1473"),
    ),
    businesses=("Fjordlys", "Solsiden", "Vinterhagen", "Bølgen", "Kløver", "Havblikk", "Lyng", "Måne"),
    services=(
        DemoService("Dameklipp", "Hår", 45, 750),
        DemoService("Herreklipp", "Hår", 30, 520, 0, 28),
        DemoService("Barneklipp", "Hår", 30, 420),
        DemoService("Klipp og føn", "Hår", 60, 950),
        DemoService("Helfarge", "Hår", 90, 1_390, 10, 56),
        DemoService("Balayage", "Hår", 120, 2_190),
        DemoService("Klassisk massasje", "Massasje", 60, 950, 15, 28),
        DemoService("Idrettsmassasje", "Massasje", 45, 790, 15),
        DemoService("Hot stone-massasje", "Massasje", 90, 1_290, 15),
        DemoService("Ansiktsbehandling", "Hud", 75, 1_090, 15, 35),
        DemoService("Farging av bryn og vipper", "Hud", 30, 490),
        DemoService("Vippeextensions", "Hud", 120, 1_350),
        DemoService("Voksing av legger", "Hud", 45, 560, 10),
        DemoService("Manikyr", "Negler", 45, 590, 5, 21),
        DemoService("Fotpleie", "Negler", 60, 790, 15),
        DemoService("Gelénegler", "Negler", 90, 890, 10),
    ),
    payment_methods=("card", "card", "card", "wallet", "wallet", "cash"),
    whatsapp_share=0.15,
    money_per_point=10,
    price_step=10,
    customer_notes=(
        "Helst time etter kl. 16.",
        "Allergisk mot parfyme.",
        "Vil ha samme frisør hver gang.",
        "Kaffe, svart.",
        "Sensitiv hodebunn.",
        "Ønsker stille time.",
        "Send SMS dagen før.",
        "Prefers morning appointments",
    ),
    appointment_notes=(
        "Ønsker plass ved vinduet.",
        "Kan bli fem minutter forsinket.",
        "Skal i bryllup på lørdag.",
        "Betaler med gavekort.",
        "Samme farge som sist.",
        "Vondt i høyre skulder.",
        "Har med barnevogn.",
        "Customer prefers window seat",
    ),
    accessibility_needs=(
        "Bruker rullestol.",
        "Hørselshemmet, tolk kan være med.",
        "Trenger heis eller inngang uten trapp.",
    ),
    holidays={(1, 1): "Nyttårsdag", (5, 17): "Grunnlovsdagen", (12, 25): "Første juledag"},
    time_off=Reasons(vacation="Ferie", errand="Legetime", renovation="Oppussing"),
)
