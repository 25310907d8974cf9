"""Measures what it costs to send the session settings with each statement, by three ways, in turn.

    DEMO=1 .venv/bin/python manage.py migrate
    DEMO=1 .venv/bin/python bench/session_settings.py

"same message": as Circe does. "pipeline": in messages of their own, in one round trip, by psycopg's pipeline mode.
"transaction": in messages of their own, in a transaction. Prints the microseconds of a short statement, as the median
over the rounds, and its ratio to a statement without settings.
"""
# ruff: noqa: E402 (first the settings)

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")

import django

django.setup()

from django.db import connection

VALUES = ("507f1f77bcf86cd799439011", '{"id": "507f1f77bcf86cd799439012", "role": "staff"}')
SET_TENANT, SET_ACTOR, STATEMENT = (
    "SET LOCAL circe.tenant = %s",
    "SET LOCAL circe.actor = %s",
    "SELECT current_setting('circe.tenant', true)",
)
ROUNDS, REPEAT = 9, 500


def send_bare() -> None:
    session.execute(STATEMENT).fetchall()


def send_in_the_same_message() -> None:
    cursor = session.execute(f"{SET_TENANT}; {SET_ACTOR}; {STATEMENT}", VALUES)
    cursor.set_result(-1)
    cursor.fetchall()


def send_separately() -> None:
    session.execute(SET_TENANT, VALUES[:1])
    session.execute(SET_ACTOR, VALUES[1:])
    session.execute(STATEMENT).fetchall()


def send_in_a_pipeline() -> None:
    with session.pipeline():
        send_separately()


def send_in_a_transaction() -> None:
    with session.transaction():
        send_separately()


def measure() -> None:
    """Prints a line for each way."""
    ways = {
        "without settings": send_bare,
        "same message": send_in_the_same_message,
        "pipeline": send_in_a_pipeline,
        "transaction": send_in_a_transaction,
    }
    microseconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, send in ways.items():
            started = time.perf_counter()
            for _ in range(REPEAT):
                send()
            microseconds[name].append((time.perf_counter() - started) / REPEAT * 1e6)
    medians = {name: statistics.median(values) for name, values in microseconds.items()}
    for name, median in medians.items():
        print(f"{name:18}{median:6.0f}{median / medians['without settings']:7.2f}")


connection.ensure_connection()
session = connection.connection
measure()
