"""A plugin of pytest: distributes the tables of the test database, and checks that each statement goes to one node.

A statement counts if one business, or one of its customers, is in scope. The counters of Citus tell how many statements were
sent to several shards.
"""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from psycopg.pq import TransactionStatus

from tenants.scope import AllTenants, scope_or_none

COUNTER = """
SELECT query_execution_single_shard, query_execution_multi_shard
FROM citus_stat_counters((SELECT oid FROM pg_database WHERE datname = current_database()))
"""
TIMEOUT = "The statement timeout of the test ends the connection to the worker first, which is another error."
TENANT_OF_ROW = "A cluster refuses by itself to change the business of a row, with an error of its own."
PLANS = "The coordinator's plan does not have the indexes, which are on the workers."
# By the name of a file or a test: why it can't run on a cluster.
SKIPPED = {
    "test_admin_plans.py": PLANS,
    "test_list_plans.py": PLANS,
    "test_plans.py": PLANS,
    "test_search_plan.py": PLANS,
    "test_the_changes_of_a_page_are_read_by_one_index": PLANS,
    "test_an_appointment_can_not_be_moved_to_another_tenant": TENANT_OF_ROW,
    "test_where_the_database_gives_up_the_batches_before_are_kept_and_told": TIMEOUT,
}
# Files and tests that run in no transaction here. A list of changes ends before those of an open transaction: on a worker
# nothing tells that this is the own one of the test. And a cluster refuses a row to the owner in a transaction in which the
# application wrote it: each has a connection of its own to the worker.
COMMITTED = {
    "test_accounts_that_acted.py",
    "test_changes.py",
    "test_a_token_is_in_no_table_and_in_no_log",
    "test_a_trigger_refuses_it_even_with_the_right",
    "test_copied_rows_are_an_event_each",
    "test_no_role_of_the_application_may_change_an_entry",
    "test_the_owner_of_the_tables_changes_no_single_entry_either",
    "test_without_a_row_of_totals_the_customer_is_there",
}
seen = {"statements": 0, "to one shard": 0}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests that can't run on a cluster, and lets those of COMMITTED commit what they write."""
    for item in items:
        names = {item.path.name, item.name.partition("[")[0]}
        if names & COMMITTED:
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)
        for name in names & SKIPPED.keys():
            item.add_marker(pytest.mark.skip(SKIPPED[name]))
        callspec = getattr(item, "callspec", None)
        if callspec and callspec.params.get("tenant_filters", "both") != "both":
            item.add_marker(pytest.mark.skip("It changes policies in its transaction, which a cluster refuses."))


@pytest.fixture(scope="session", autouse=True)
def distributed_tables(django_db_setup: None, django_db_blocker: Any) -> None:
    """Distributes the tables, once."""
    with django_db_blocker.unblock():
        call_command("distribute")


@pytest.fixture(autouse=True)
def one_task_for_each_statement(request: pytest.FixtureRequest) -> Any:
    """Fails the test if a statement of one business was sent to several shards."""
    multi_shard: list[str] = []

    def count(execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        scope = scope_or_none()
        failed = context["connection"].connection.info.transaction_status == TransactionStatus.INERROR
        if scope is None or isinstance(scope, AllTenants) or many or failed:
            return execute(statement, params, many, context)
        before = _counters(context)
        result = execute(statement, params, many, context)
        after = _counters(context)
        seen["statements"] += 1
        seen["to one shard"] += after[0] > before[0]
        if after[1] > before[1]:
            multi_shard.append(f"{statement} {params}")
        return result

    # It must be around the wrapper that sends the settings.
    connection.execute_wrappers.insert(0, count)
    yield
    connection.execute_wrappers.remove(count)
    assert multi_shard == [], f"{len(multi_shard)} statements went to several shards"


def _counters(context: Any) -> tuple[int, int]:
    session = context["connection"].connection
    return session.execute(COUNTER).fetchone()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints how many statements were looked at."""
    terminalreporter.write_line(
        f"{seen['statements']} statements of one business, {seen['to one shard']} of them on rows of businesses."
    )
