"""A test database is a copy of a migrated one only while the migrations are the same."""

import pytest

from circe.tests.migrated_template import template_name


@pytest.mark.parametrize(
    "source",
    ["tenants/migrations/0001_businesses_and_accounts.py", "circe/db/postgresql/base.py", "requirements-dev.lock"],
)
def test_a_changed_source_makes_another_template(source, tmp_path, settings):
    settings.BASE_DIR = tmp_path
    names = [template_name()]
    (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
    for text in ("one", "another"):
        (tmp_path / source).write_text(text)
        names.append(template_name())
    assert names[-1] == template_name()
    assert len({*names}) == 3
