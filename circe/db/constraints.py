"""Tells which constraint of the database a write violates."""

import re

# Citus passes on the message of a node's error, but not its field with the constraint's name. In the message the name is
# the last text in quotes, and ends with the number of the shard: `duplicate key value violates unique constraint
# "customer_email_102045"`.
NAME_ON_A_SHARD = re.compile(r'"([^"]+?)(?:_\d{6,})?"[^"]*\Z')


def violated_constraint(error: Exception) -> str | None:
    """Returns the name of the constraint, as the model has it, or None if PostgreSQL gives none."""
    answer = getattr(error.__cause__, "diag", None)
    if answer is None or answer.constraint_name:
        return answer and answer.constraint_name
    found = NAME_ON_A_SHARD.search(answer.message_primary or "")
    return found and found[1]
