"""Checks that all services give the same answers."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from bench.load import Connection, request
from bench.samples import COMPARED_PER_KIND, COSTLY_SEARCHES, CUSTOMERS, KINDS, SEARCHES, TODAY, Samples
from bench.services import Service

# These keys may differ: the time of the answer, and what only Circe has: explanations of statistics, the nearest names, and
# the cursor of changes.
IGNORED = {"generated_at", "definitions", "approximate", "next"}


def find_differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Yields a line for each difference of two JSON values: in value, in type, or a key that only one has."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs} - IGNORED):
            if key in ours and key in theirs:
                yield from find_differences(ours[key], theirs[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}: only {'ours' if key in ours else 'theirs'}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from find_differences(*pair, f"{where}[{index}]")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield f"{where}: {ours!r} is not {theirs!r}"


def compare(services: list[Service], samples: Samples, token: str) -> None:
    """Ends the run if FastAPI or the raw service gives another answer or status than Circe."""
    circe, fastapi, raw = services
    paths = [path for kind in (*KINDS, *SEARCHES) for path in samples.paths[kind][:COMPARED_PER_KIND]]
    found = [line for path in paths for line in _compare_answers(circe, raw, path, token)]
    found += [line for path in [*paths, *_filtered(samples)] for line in _compare_answers(circe, fastapi, path, token)]
    nobody, summary = f"{CUSTOMERS}/{'0' * 24}", f"{CUSTOMERS}/statistics/summary"
    for path, sent, others in (
        (CUSTOMERS, "nonsense", [fastapi, raw]),
        (CUSTOMERS, token[:-4] + "AAAA", [fastapi, raw]),
        (nobody, token, [fastapi, raw]),
        (f"{nobody}/appointments", token, [fastapi, raw]),
        (summary, circe.token("staff"), [fastapi]),
    ):
        statuses = {service.name: _status(service, path, sent) for service in (circe, *others)}
        if len({*statuses.values()}) > 1:
            found.append(f"{path}: {statuses}")
    if found:
        raise SystemExit("\n".join(["The answers differ:", *(line[:300] for line in found[:40])]))


def _filtered(samples: Samples) -> Iterator[str]:
    """Yields paths with filters, which the raw service does not have."""
    for kind in COSTLY_SEARCHES:
        yield from samples.paths[kind]
    for query in (
        "tags=vip,regular",
        "has_password=true&size=7",
        "email_verified=false&page=3",
        f"created_from={TODAY - dt.timedelta(days=200)}&created_to={TODAY}",
        f"page={samples.last_page + 5}",
        "search=a&has_password=false",
    ):
        yield f"{CUSTOMERS}?{query}"
    for path in samples.paths["history"][:COMPARED_PER_KIND]:
        yield f"{path.partition('?')[0]}?status=completed,cancelled&size=3&page=2&from_date=2020-01-01"


def _status(service: Service, path: str, token: str) -> int:
    connection = Connection(service.port)
    connection.send(request(path, token))
    while not connection.receive():
        pass
    return connection.status


def _compare_answers(circe: Service, other: Service, path: str, token: str) -> list[str]:
    ours, theirs = (json.loads(Connection(service.port).get(request(path, token))) for service in (circe, other))
    return [f"{other.name} {path}{line}" for line in find_differences(ours, theirs)]
