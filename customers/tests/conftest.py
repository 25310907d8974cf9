"""Fixtures that the tests of customers share."""

import pytest

from customers.tests.transfer import as_csv, imported


@pytest.fixture
def import_rows(tmp_path, in_scope):
    """Returns `import_rows(header, *rows, **options)`, which imports a CSV file of the rows."""

    def run(*rows, **options):
        path = tmp_path / "customers.csv"
        path.write_bytes(as_csv(rows))
        return imported(path, **options)

    return run
