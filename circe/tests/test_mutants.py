"""Every fault of `make mutants` can be seeded. Only that command itself checks that the tests find each fault."""

from collections import Counter

import pytest
from django.conf import settings

from mutants.__main__ import ALL


def test_there_are_enough_faults_with_different_names():
    assert len(ALL) >= 40
    assert not [name for name, count in Counter(fault.name for fault in ALL).items() if count > 1]


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_the_text_that_a_fault_replaces_occurs_once(fault):
    assert (settings.BASE_DIR / fault.file).read_text().count(fault.old) == 1
    assert all((settings.BASE_DIR / test.partition("::")[0]).exists() for test in fault.tests.split())
