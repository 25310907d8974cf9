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
TWO_ROLES = "It acts as the owner and as the application in one transaction, which a cluster refuses on the same rows."
CORRELATED = "A cluster takes no correlated sub-select beside a reference table, where all businesses are in scope."
NULL_TENANT = "A cluster refuses a row without a business by itself, with an error of its own."
ONE_ACCOUNT = "The owner and the application write one account in one transaction, which a cluster ends as a deadlock."
TRUNCATED = "TRUNCATE is not used on a cluster: it is one deadlock with the triggers of the shards."
VOLATILE = "The SQL of the test calls a volatile function in an UPDATE, which a cluster refuses."
TIMEOUT = "The statement timeout of the test ends the connection to the worker first, which is another error."
TENANT_OF_ROW = "A cluster refuses by itself to change the business of a row, with an error of its own."
COPIED = "It copies rows in, which a cluster refuses under a policy."
PLANS = "The coordinator's plan does not have the indexes, which are on the workers."
SEVERAL_COMMANDS = (
    "Its SQL has several commands in one message, and copies rows in, which a cluster refuses under a policy."
)
# By the name of a file or a test: why it can't run on a cluster.
SKIPPED = {
    "test_admin_plans.py": PLANS,
    "test_list_plans.py": PLANS,
    "test_plans.py": PLANS,
    "test_search_plan.py": PLANS,
    "test_killed_in_the_middle_and_run_again": COPIED,
    "test_a_hash_that_is_renewed_at_a_log_in_ends_nothing": TWO_ROLES,
    "test_a_trigger_refuses_it_even_with_the_right": TWO_ROLES,
    "test_an_answer_and_what_it_is_about_are_stored_together_or_not_at_all": TWO_ROLES,
    "test_closed_after_a_crash": TWO_ROLES,
    "test_copied_rows_are_an_event_each": TWO_ROLES,
    "test_each_of_many_reads_only_its_own_events_and_tombstone": TWO_ROLES,
    "test_in_the_scope_of_every_tenant_a_new_row_names_its_own": NULL_TENANT,
    "test_inside_one_sees_ones_own": CORRELATED,
    "test_the_expired_are_found_by_an_index": PLANS,
    "test_the_list_reads_little_more_than_it_shows_or_must_count": PLANS,
    "test_a_falsified_total_is_found_and_repaired[a name of nobody]": COPIED,
    "test_a_falsified_total_is_found_and_repaired[totals of nobody]": COPIED,
    "test_a_log_in_renews_an_older_hash_so_that_every_form_is_right": ONE_ACCOUNT,
    "test_after_a_truncate_the_sums_are_zero": TRUNCATED,
    "test_an_update_that_changes_no_sum_runs_no_trigger": PLANS,
    "test_every_figure_equals_a_computation_in_python": SEVERAL_COMMANDS,
    "test_every_session_ends_on_the_next_request[all sessions by bulk update]": VOLATILE,
    "test_nobody_makes_it_undone_that_an_account_has_acted": ONE_ACCOUNT,
    "test_who_has_acted_is_never_deleted": ONE_ACCOUNT,
    "test_who_never_acted_can_be_deleted": ONE_ACCOUNT,
    "test_an_appointment_can_not_be_moved_to_another_tenant": TENANT_OF_ROW,
    "test_where_the_database_gives_up_the_batches_before_are_kept_and_told": TIMEOUT,
}
# The tests whose own SQL names no business, so that it goes to all shards. In one another thread reads all businesses
# meanwhile: the counters are those of the whole database.
UNROUTED_SQL = {
    "test_a_killed_import_that_is_started_again_has_the_same_result",
    "test_a_token_is_in_no_table_and_in_no_log",
    "test_entries_go_with_their_customer",
    "test_others_see_that_a_file_is_being_read",
    "test_the_sums_are_right_after_a_change_of_any_column_of_an_appointment",
    "test_who_expects_something_else_is_told_and_nobody_else",
}
# Files and tests that run in no transaction here. A list of changes ends before those of an open transaction: on a worker
# nothing tells that this is the own one of the test. And a cluster refuses a row to the owner in a transaction in which the
# application wrote it: each has a connection of its own to the worker. Nor does it explain a statement about rows of the
# coordinator after the transaction has written them. Nor does it send more to a node after it refused a row of a reference
# table.
COMMITTED = {
    "test_a_history_is_sorted_by_time_whatever_the_numbers_of_events",
    "test_a_token_is_in_no_table_and_in_no_log",
    "test_an_account_that_acts_while_the_page_asks_is_not_deleted",
    "test_changes.py",
    "test_check_totals.py",
    "test_end_of_sessions.py",
    "test_no_role_of_the_application_may_change_an_entry",
    "test_the_segments_are_those_of_the_definition_however_long_ago_their_spending_was_summed",
    "test_the_owner_of_the_tables_changes_no_single_entry_either",
    "test_without_a_row_of_totals_the_customer_is_there",
}
seen = {"statements": 0, "to one shard": 0}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests that can't run on a cluster, and lets those of COMMITTED commit what they write."""
    for item in items:
        names = {item.path.name, item.name, item.name.partition("[")[0]}
        if names & COMMITTED:
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)
        for name in names & SKIPPED.keys():
            item.add_marker(pytest.mark.skip(SKIPPED[name]))
        callspec = getattr(item, "callspec", None)
        if callspec and callspec.params.get("each_tenant_guard", "both") != "both":
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
    if request.node.name.partition("[")[0] not in UNROUTED_SQL:
        assert multi_shard == [], f"{len(multi_shard)} statements went to several shards"


def _counters(context: Any) -> tuple[int, int]:
    session = context["connection"].connection
    return session.execute(COUNTER).fetchone()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints how many statements were looked at."""
    terminalreporter.write_line(
        f"{seen['statements']} statements of one business, {seen['to one shard']} of them on rows of businesses."
    )
