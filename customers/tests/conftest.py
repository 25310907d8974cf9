"""Fixtures that the tests of customers share."""

import pytest

from customers.tests.transfer import as_csv, imported


@pytest.fixture
def import_file(tmp_path, in_scope):
    """Returns `import_file(data, **options)`, which imports a file of these bytes."""

    def run(data, **options):
        path = tmp_path / "customers"
        path.write_bytes(data)
        return imported(path, **options)

    return run


@pytest.fixture
def import_rows(import_file):
    """Returns `import_rows(header, *rows, **options)`, which imports a CSV file of the rows."""
    return lambda *rows, **options: import_file(as_csv(rows), **options)
