"""Every fault of `make mutants` can be seeded. Only that command itself checks that the tests find each fault."""

import ast
import tomllib
from collections import Counter

import pytest
from django.conf import settings

from circe.tests.cases import in_one_test
from mutants.__main__ import HAND_WRITTEN, files_to_mutate
from mutants.operators import (
    RemoveArgument,
    RemoveCondition,
    RemoveContext,
    RemoveDecorator,
    RemoveElement,
    RemoveMethodCall,
    RemoveStatement,
)

POODLE = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["tool"]["poodle"]


def test_there_are_enough_faults_with_different_names():
    assert len(HAND_WRITTEN) >= 40
    assert not [name for name, count in Counter(fault.name for fault in HAND_WRITTEN).items() if count > 1]


@in_one_test("fault", HAND_WRITTEN)
def test_the_text_that_a_fault_replaces_occurs_once(fault):
    assert (settings.BASE_DIR / fault.file).read_text().count(fault.old) == 1
    assert all((settings.BASE_DIR / test.partition("::")[0]).exists() for test in fault.tests.split())


@pytest.mark.parametrize("file", files_to_mutate())
def test_a_file_whose_faults_are_generated_has_tests(file):
    assert (settings.BASE_DIR / file).exists()
    tests = POODLE["runner_opts"]["tests"][file]
    assert tests
    assert all((settings.BASE_DIR / test.partition("::")[0]).exists() for test in tests)


def test_only_files_whose_faults_are_generated_are_configured():
    assert set(POODLE["runner_opts"]["tests"]) == set(files_to_mutate())
    assert set(POODLE["runner_opts"]["schema"]) < set(files_to_mutate())


@pytest.mark.parametrize(
    ("operator", "code", "mutants"),
    [
        (RemoveStatement, "check(x)", ["pass"]),
        (RemoveStatement, "raise Refused", ["pass"]),
        (RemoveStatement, "user.role = role", ["pass"]),
        (RemoveStatement, "role = 1", []),
        (RemoveStatement, "'A docstring.'", []),
        (RemoveCondition, "if a: b", ["True", "False"]),
        (RemoveCondition, "a and b", ["(b)", "(a)"]),
        (RemoveArgument, "f(a, b=1, c=2)", ["f(a, c=2)", "f(a, b=1)"]),
        (RemoveArgument, "rows.filter(a, b)", ["rows.filter()"]),
        (RemoveArgument, "f(a, b)", []),
        (RemoveMethodCall, "rows.all().filter(a)", ["rows.all()"]),
        (RemoveMethodCall, "rows.filter(a)", []),
        (RemoveElement, "[a, b]", ["[b]", "[a]"]),
        (RemoveElement, "for x in (a, b): c", ["(b,)", "(a,)"]),
        (RemoveElement, "x = a, b", []),
        (RemoveDecorator, "@a\ndef f(): b", ["(lambda function: function)"]),
        (RemoveContext, "with a(), b: c", ["__import__('contextlib').nullcontext()"] * 2),
    ],
)
def test_an_operator_removes_one_thing_at_a_time(operator, code, mutants):
    given = operator(config=None, echo=print).create_mutations(ast.parse(code))
    assert [mutant.text for mutant in given] == mutants
