"""Tests the import of files that spreadsheets and psql have written. The files are in `circe/tests/real_data/`."""

from pathlib import Path

import pytest

from customers.models import Customer
from customers.tests.transfer import imported

pytestmark = pytest.mark.slow("parses each file in two child processes")

FOLDER = Path(__file__).parents[2] / "circe" / "tests" / "real_data"


@pytest.mark.parametrize(
    ("file", "language", "region", "expected", "refused", "notices"),
    [
        (
            "mac-excel-norwegian.csv",
            "nb",
            "NO",
            [
                {"first_name": "Bjørn", "last_name": "Ødegård", "phone": "+4741234567", "accepts_sms": False},
                {"first_name": "Åse", "phone": "+4722334455", "accepts_sms": True, "notes": "kaffe – ikke te"},
            ],
            [],
            [],
        ),
        (
            "excel-97-rows-end-early.csv",
            "en",
            "US",
            [
                {"first_name": "Ann", "gender": "male", "notes": None},
                {"first_name": "Jane", "gender": "female", "notes": "tea"},
                {"first_name": "Joe", "gender": None, "notes": None},
            ],
            [],
            ["Lines 3, 4: The row has fewer cells than the header."],
        ),
        (
            "excel-japanese.csv",
            "ja",
            "JP",
            [
                {"first_name": "太郎", "phone": "+81312345678", "gender": "male", "accepts_email": True},
                {"first_name": "花子", "phone": "+819012345678", "gender": "female", "accepts_email": False},
            ],
            [],
            [],
        ),
        (
            "excel-unicode-text-thai.txt",
            "th",
            "TH",
            [{"first_name": "มานี", "is_active": False}, {"first_name": "สมชาย", "phone": "+66812345678"}],
            [],
            [],
        ),
        (
            "psql-copy.csv",
            "id",
            "ID",
            [
                {"first_name": "Budi", "marketing_consent": True, "is_active": False, "language": "en-US"},
                {"first_name": "Siti", "marketing_consent": False, "is_active": True, "language": "id-ID"},
            ],
            [],
            [],
        ),
        (
            "ticks-and-one-extra-cell.csv",
            "en",
            "ID",
            [{"first_name": "Jane", "accepts_whatsapp": True}, {"first_name": "Joe", "accepts_whatsapp": False}],
            [(4, "", "“Jl. Merdeka” stands beside the last column")],
            ["Lines 2, 3: accepts_whatsapp: a mark such as x is read as true, and an empty cell as false."],
        ),
        (
            "excel-filtered-with-errors.xlsx",
            "en",
            "ID",
            [{"first_name": "Bob"}, {"first_name": "Jane", "notes": "tea"}],
            [(3, "email", "Cell B3 shows the error #N/A"), (4, "notes", "Cell C4 has a formula that was not computed")],
            ["“Sheet3”", "Hidden sheets are not read: “Sheet1”.", "Line 5: The row is hidden in the sheet"],
        ),
        (
            "mac-excel-1904.xlsx",
            "id",
            "ID",
            [{"first_name": "Jane", "phone": "+6281234567801"}],
            [(3, "phone", "A spreadsheet shortened this number to 8.12E+10")],
            [],
        ),
    ],
)
def test_a_file_is_read_as_its_author_meant_it(in_scope, file, language, region, expected, refused, notices):
    in_scope.language, in_scope.phone_region = language, region
    in_scope.save()
    result = imported(FOLDER / file)
    read = {customer.first_name: customer for customer in Customer.objects.all()}
    assert sorted(read) == sorted(row["first_name"] for row in expected)
    for row in expected:
        assert {name: getattr(read[row["first_name"]], name) for name in row} == row
    assert [(line, column) for line, column, _ in result.refused_rows] == [
        (line, column) for line, column, _ in refused
    ]
    for (*_, reason), (*_, part) in zip(result.refused_rows, refused, strict=True):
        assert part in reason
    assert [notice for notice in notices if notice not in result.stderr] == []
