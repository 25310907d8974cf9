"""Runs a table of cases as one test, which makes its fixtures once."""

import functools
import inspect

from django.db import connection, transaction


def in_one_test(names, cases):
    """Decorates a test like `pytest.mark.parametrize`, but its cases share the fixtures, and are one test.

    Each case runs in a savepoint that is rolled back. A case that fails is reported by its values, and the next ones still
    run. For tables of cheap cases, of which the fixtures would take most of the time.

    `cases` may be a function that makes them. The test calls it, so that not every process makes them that collects tests.
    """
    if not callable(cases):
        cases = list(cases).copy  # an iterator would be empty when the test runs again
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

    def decorate(test):
        fixtures = [one for one in inspect.signature(test).parameters.values() if one.name not in names]

        @functools.wraps(test)
        def run(subtests, **values):
            given = {one.name: values[one.name] for one in fixtures}
            for case in cases():
                arguments = dict(zip(names, case if len(names) > 1 else [case], strict=True))
                with subtests.test(**arguments):
                    _run_alone(test, given | arguments)

        added = inspect.Parameter("subtests", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        run.__signature__ = inspect.Signature([added, *(one for one in fixtures if one.name != "subtests")])
        return run

    return decorate


def _run_alone(test, arguments):
    """Calls the test. If it runs in a transaction of pytest-django, what it writes is undone."""
    if not connection.in_atomic_block:
        test(**arguments)
        return
    with transaction.atomic():
        test(**arguments)
        transaction.set_rollback(True)
