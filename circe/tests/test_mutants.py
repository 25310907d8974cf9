"""The faults of `make mutants` can all be seeded. That each is found takes a while, and is for that command to show."""

from collections import Counter

import pytest
from django.conf import settings

from mutants.__main__ import ALL


def test_there_are_enough():
    assert len(ALL) >= 40
    assert not [name for name, count in Counter(fault.name for fault in ALL).items() if count > 1]


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_the_place_is_there_once(fault):
    assert (settings.BASE_DIR / fault.file).read_text().count(fault.old) == 1
    assert all((settings.BASE_DIR / test.partition("::")[0]).exists() for test in fault.tests.split())
