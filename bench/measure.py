"""The measurements of `make bench`."""

import datetime as dt
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import cycle
from statistics import median
from typing import Any

import psycopg
from psycopg.types.json import set_json_loads

from bench import bookings, floor, load, writes
from bench.compare import compare, find_differences
from bench.databases import Server, manage
from bench.load import Connection, Load, RequestFailed, request
from bench.one_pass import ONE_PASS, parameters, summary
from bench.report import Figure, milliseconds
from bench.samples import (
    COMPARED_PER_KIND,
    COSTLY_SEARCHES,
    CUSTOMERS,
    KINDS,
    PAGE_SIZE,
    SEARCHES,
    SEGMENTS,
    TODAY,
    NewCustomers,
    Samples,
    samples,
)
from bench.services import Service, processor_time, running
from bench.yardstick.search import condition

CLIENT_COUNTS = (1, 16, 64)
GROWTH_SIZES = (1_000, 5_000, 10_000, 100_000, 1_000_000)
GROWTH_KINDS = ("list", "rare word", "detail", "history")
# Costly lists, with another list and how many times its processor time they may take.
COSTLY_LISTS = {f"segment {name}": ("list", 10) for name in SEGMENTS} | {"misspelled name": ("rare word", 1.5)}


class Bench:
    """A run of the benchmark: call `measure` for each of MEASUREMENTS, then `build_report` (`bench.results`)."""

    MEASUREMENTS = ("requests", "creates", "bookings", "searches", "lists", "pages", "statistics", "growth", "writes")

    def __init__(self, server: Server, customers: int, rounds: int, seconds: float) -> None:
        self.server, self.customers, self.rounds, self.seconds = server, customers, rounds, seconds
        self.database = server.prepare_database(customers)
        with server.connect(self.database) as connection:
            self.samples = samples(connection)
        self.postmaster = server.postmaster()
        self.figures: list[Figure] = []
        self.costs: list[list[str]] = []
        self.tables: list[tuple[str, list[str], list[list[str]]]] = []
        self.rates: dict[str, dict[str, float]] = defaultdict(dict)
        self.growth: dict[str, dict[int, float]] = {}
        self.busiest = 0.0

    def measure(self, name: str) -> None:
        """Does one of MEASUREMENTS."""
        print(f"Measuring {name} …", flush=True)
        getattr(self, f"_{name}")()

    @contextmanager
    def _services(self, *names: str, database: str = "") -> Iterator[tuple[list[Service], str]]:
        """Starts the services with these names. Yields them, and an administrator's access token."""
        with ExitStack() as stack:
            url = self.server.url_of(database or self.database)
            services = [stack.enter_context(running(name, url)) for name in names]
            yield services, services[0].token("admin")

    def _run(self, service: Service, messages: Iterable[bytes], clients: int = 1, min_requests: int = 1) -> Load:
        before = self._processor_time(service)
        ran = load.run(service.port, iter(messages), clients=clients, seconds=self.seconds, min_requests=min_requests)
        self.busiest = max(self.busiest, ran.cpu)
        return replace(ran, cost=(self._processor_time(service) - before) / len(ran.latencies))

    def _processor_time(self, service: Service) -> float:
        """Returns the processor time of the service, and of the database if it is on this machine, in seconds."""
        return sum(processor_time(pid) for pid in (service.process.pid, self.postmaster) if pid)

    def _messages(self, kind: str, token: str, sample: Samples | None = None) -> Iterator[bytes]:
        paths = (sample or self.samples).paths[kind]
        return cycle(random.Random(1).sample([request(path, token) for path in paths], len(paths)))

    # --- requests -------------------------------------------------------------------------------------------------

    def _requests(self) -> None:
        with self._services("circe", "fastapi", "raw") as (services, token):
            compare(services, self.samples, token)
            runs: dict[tuple, list[Load]] = defaultdict(list)
            for _ in range(self.rounds):
                for kind in KINDS:
                    for clients in CLIENT_COUNTS:
                        for service in services:
                            messages = self._messages(kind, token)
                            runs[kind, clients, service.name].append(self._run(service, messages, clients))
            memory = {service.name: service.memory() for service in services}
        for kind, other, target in (
            ("list", "fastapi", 3.5),
            ("list", "raw", 1.2),
            ("history", "fastapi", 4),
            ("history", "raw", 1),
            ("detail", "fastapi", 2),
        ):
            self._rate_figure(kind, runs[kind, 16, "circe"], runs[kind, 16, other], other, target)
        ours, theirs = ([run.percentile(0.95) for run in runs["list", 64, name]] for name in ("circe", "fastapi"))
        self._time_figure("list, p95 at 64 clients, against fastapi", ours, theirs, 0.3)
        self.figures.append(
            Figure(
                "memory of a worker, against fastapi",
                f"{memory['circe']:.0f} MB",
                f"{memory['fastapi']:.0f} MB",
                memory["circe"] / memory["fastapi"],
                1.2,
                at_least=False,
            )
        )
        rows = []
        for (kind, clients, name), loads in runs.items():
            times = [milliseconds(median(run.percentile(share) for run in loads)) for share in (0.5, 0.95, 0.99)]
            cost = milliseconds(median(run.cost for run in loads))
            rows.append([kind, name, str(clients), f"{median(run.rate for run in loads):,.0f}", *times, cost])
            if clients == 16:
                self.rates[kind][name] = median(run.rate for run in loads)
        best = self._floors()
        rows += [
            [kind, "floor: SQL", "1", f"{1 / value:,.0f}", milliseconds(value), "", "", ""]
            for kind, value in best.items()
        ]
        rows.sort(key=lambda row: (KINDS.index(row[0]), int(row[2])))
        self.tables.append(
            ("Requests", ["what", "service", "clients", "requests/s", "p50", "p95", "p99", "processor time"], rows)
        )

    def _floors(self) -> dict[str, float]:
        """Returns the median time of the fastest SQL by kind of request, in seconds."""
        sample, now = self.samples, dt.datetime.now(dt.UTC)
        people = [{"tenant": sample.business.id, "id": pk} for pk in sample.ids]
        pages = [{"tenant": sample.business.id, "size": PAGE_SIZE, "skip": page * PAGE_SIZE} for page in range(20)]
        moment = {"today": now.date(), "clock": now.time(), "size": PAGE_SIZE, "skip": 0}
        with self.server.connect(self.database) as connection:
            return {
                "list": self._timed(connection, floor.LIST, pages),
                "history": self._timed(connection, floor.HISTORY, [person | moment for person in people]),
                "detail": self._timed(connection, floor.DETAIL, people),
            }

    def _timed(
        self, connection: psycopg.Connection, sql: str, values: list[dict[str, Any]], seconds: float = 0
    ) -> float:
        """Executes the statement with each of these parameters. Returns the median time, in seconds."""
        # The services pass JSON on as text, so psycopg must not parse it here.
        set_json_loads(lambda text: text, connection)
        statement, times = floor.to_psycopg(sql), []
        end = time.perf_counter() + (seconds or self.seconds)
        for value in cycle(values):
            begun = time.perf_counter()
            connection.execute(statement, value).fetchall()
            times.append(time.perf_counter() - begun)
            if begun > end:
                return median(times)
        raise ValueError("There is nothing to measure.")

    def _rate_figure(self, kind: str, ours: list[Load], theirs: list[Load], other: str, target: float) -> None:
        mine, others = median(run.rate for run in ours), median(run.rate for run in theirs)
        ratio = median(run.rate / other_run.rate for run, other_run in zip(ours, theirs, strict=True))
        what = f"{kind}, requests/s at 16 clients, against {other}"
        self.figures.append(Figure(what, f"{mine:,.0f}", f"{others:,.0f}", ratio, target, at_least=True))
        costs = [median(run.cost for run in runs) for runs in (ours, theirs)]
        by_cost = median(other_run.cost / max(run.cost, 1e-6) for run, other_run in zip(ours, theirs, strict=True))
        # Processor time varies less than the rate if the machine does other work too.
        self.costs.append([kind, other, *map(milliseconds, costs), f"{by_cost:.2f}", f"≥ {target:g}"])

    def _time_figure(self, what: str, ours: list[float], theirs: list[float], target: float) -> None:
        ratio = median(mine / other for mine, other in zip(ours, theirs, strict=True))
        figure = Figure(what, milliseconds(median(ours)), milliseconds(median(theirs)), ratio, target, at_least=False)
        self.figures.append(figure)

    # --- creates --------------------------------------------------------------------------------------------------

    def _creates(self) -> None:
        people = NewCustomers()
        with (
            self.server.copy(self.database, "creates") as copy,
            self._services("circe", "fastapi", database=copy) as ((circe, fastapi), token),
        ):
            answers = [
                json.loads(Connection(service.port).get(_post(next(people), token))) for service in (circe, fastapi)
            ]
            own = {"id", "created_at", "updated_at", "email", "phone"}
            alike = [{name: value for name, value in answer.items() if name not in own} for answer in answers]
            if answers[0].keys() != answers[1].keys() or any(find_differences(alike[0], alike[1])):
                raise SystemExit(f"The created customers differ: {answers}")
            runs: dict[str, list[Load]] = defaultdict(list)
            for _ in range(self.rounds):
                for service in (circe, fastapi):
                    messages = (_post(person, token) for person in people)
                    runs[service.name].append(self._run(service, messages, clients=16))
        self._rate_figure("create", runs["circe"], runs["fastapi"], "fastapi", 1.2)
        self.rates["create"] = {name: median(run.rate for run in loads) for name, loads in runs.items()}

    # --- bookings -------------------------------------------------------------------------------------------------

    def _bookings(self) -> None:
        """Measures the availability of thirty people in a month, and bookings, on a copy of the database."""
        with self.server.copy(self.database, "bookings") as copy:
            with self.server.connect(copy) as connection:
                offer = bookings.prepare(connection, self.samples)
            with self._services("circe", "fastapi", database=copy) as (services, token):
                bookings.compare_availability(services, offer, token)
                self._availability(services, offer, token)
                self._bookings_by_http(services, offer, token)

    def _availability(self, services: list[Service], offer: bookings.Offer, token: str) -> None:
        times: dict[str, list[float]] = defaultdict(list)
        for _ in range(self.rounds):
            for service in services:
                for limit in (bookings.LIMIT, None):
                    messages = cycle([request(offer.path(limit), token)])
                    ran = self._run(service, messages, min_requests=3)
                    times[f"{service.name} {limit}"].append(ran.percentile(0.5))
            ran = self._run(services[0], self._messages("list", token))
            times["list"].append(ran.percentile(0.5))
        what = f"availability of {bookings.PEOPLE} people in a month"
        first = f"the first {bookings.LIMIT} slots"
        self._time_figure(f"{what}, {first}, p50, against the list", times[f"circe {bookings.LIMIT}"], times["list"], 3)
        self._time_figure(f"{what}, all slots, p50, against the list", times["circe None"], times["list"], 3)
        for limit, slots in ((bookings.LIMIT, first), (None, "all slots")):
            ours, theirs = times[f"circe {limit}"], times[f"fastapi {limit}"]
            self._time_figure(f"{what}, {slots}, p50, against fastapi", ours, theirs, 1)

    def _bookings_by_http(self, services: list[Service], offer: bookings.Offer, token: str) -> None:
        bodies = bookings.new_bookings(services[0], offer, token)
        bookings.compare_bookings(services, bodies, token)
        runs: dict[str, list[Load]] = defaultdict(list)
        for _ in range(self.rounds):
            for service in services:
                messages = (bookings.as_message(body, token) for body in bodies)
                runs[service.name].append(self._run(service, messages, clients=16))
        self._rate_figure("booking", runs["circe"], runs["fastapi"], "fastapi", 1)
        self.rates["booking"] = {name: median(run.rate for run in loads) for name, loads in runs.items()}

    # --- searches, pages, statistics ------------------------------------------------------------------------------

    def _searches(self) -> None:
        rows = []
        with self._services("circe") as ((circe,), token), self.server.connect(self.database) as connection:
            for kind in (*SEARCHES, *COSTLY_SEARCHES):
                min_requests = 1 if kind in SEARCHES else 3
                ours, theirs = [], []
                # PostgreSQL reads the trigram index only by a bitmap scan, so this setting decides whether it is used.
                connection.execute(f"SET enable_bitmapscan = {'on' if kind in SEARCHES else 'off'}")
                for _ in range(self.rounds):
                    ours.append(
                        self._run(circe, self._messages(kind, token), min_requests=min_requests).percentile(0.5)
                    )
                    theirs.append(self._search_floor(connection, kind))
                other, target = ("its best SQL", 1.8) if kind in SEARCHES else ("a sequential scan", 0.5)
                self._time_figure(f"search for {kind}, p50, against {other}", ours, theirs, target)
                totals = [self._total(circe, path, token) for path in self.samples.paths[kind][:COMPARED_PER_KIND]]
                rows.append([kind, repr(self.samples.words[kind][0]), f"{min(totals):,} to {max(totals):,}"])
        self.tables.append(("Searches", ["kind", "for example", "found"], rows))

    def _search_floor(self, connection: psycopg.Connection, kind: str) -> float:
        """Returns the median over words of the time of the fastest SQL, in seconds. Each word has its own statement."""
        times = []
        for word in self.samples.words[kind][:COMPARED_PER_KIND]:
            sql, begins, words = condition(word, self.samples.region)
            values = [{"tenant": self.samples.business.id, "size": PAGE_SIZE, "skip": 0, **words}]
            times.append(self._timed(connection, floor.search(sql, begins), values, self.seconds / COMPARED_PER_KIND))
        return median(times)

    def _total(self, service: Service, path: str, token: str) -> int:
        return json.loads(Connection(service.port).get(request(path, token)))["total"]

    def _lists(self) -> None:
        """Compares processor times: they vary less than the time of an answer if the machine does other work too."""
        # As each hour in use. Old spending remains where a day has begun that has not begun in UTC.
        url = self.server.url_of(self.database)
        if manage("remove_expired_spending", "--all-tenants", DATABASE_URL=url).returncode:
            raise SystemExit("remove_expired_spending failed.")
        costs: dict[str, list[float]] = defaultdict(list)
        with self._services("circe") as ((circe,), token):
            for path in self.samples.paths["misspelled name"][:COMPARED_PER_KIND]:
                if not json.loads(Connection(circe.port).get(request(path, token)))["approximate"]:
                    raise SystemExit(f"{path} finds customers, or no near name.")
            for _ in range(self.rounds):
                for kind in ("list", "rare word", *COSTLY_LISTS):
                    costs[kind].append(self._run(circe, self._messages(kind, token), min_requests=20).cost)
        for kind, (other, target) in COSTLY_LISTS.items():
            self._time_figure(f"{kind}, processor time, against the {other}", costs[kind], costs[other], target)

    def _pages(self) -> None:
        last = self.samples.last_page
        with self._services("circe") as ((circe,), token):
            for page in sorted({min(5_000, last), min(49_000, last - last // 50)}):
                times: dict[int, list[float]] = defaultdict(list)
                for _ in range(self.rounds):
                    for number in (1, page):
                        # The next pages too, so that not always the same rows are read.
                        paths = [f"{CUSTOMERS}?page={number + near}&size={PAGE_SIZE}" for near in range(10)]
                        messages = cycle([request(path, token) for path in paths])
                        times[number].append(self._run(circe, messages).percentile(0.5))
                self._time_figure(f"page {page:,}, p50, against page 1", times[page], times[1], 3)

    def _statistics(self) -> None:
        periods = {
            "all time": ((None, None), 500),
            "a year": ((TODAY - dt.timedelta(days=400), TODAY - dt.timedelta(days=36)), 10),
            "a month": ((TODAY - dt.timedelta(days=60), TODAY - dt.timedelta(days=31)), 10),
        }
        business = self.samples.business
        with self._services("circe") as ((circe,), token), self.server.connect(self.database) as connection:
            for name, (days, target) in periods.items():
                query = "&".join(f"{key}={day}" for key, day in zip(("from_date", "to_date"), days, strict=True) if day)
                path = f"{CUSTOMERS}/statistics/summary?{query}"
                statement, values = floor.to_psycopg(ONE_PASS), parameters(business, *days)
                [[found]] = connection.execute(statement, values).fetchall()
                try:
                    self._same(path, summary(found, business, *days), circe, token)
                    ours, theirs = [], []
                    for _ in range(self.rounds):
                        ours.append(self._run(circe, cycle([request(path, token)])).percentile(0.5))
                        begun = time.perf_counter()
                        connection.execute(statement, values).fetchone()
                        theirs.append(time.perf_counter() - begun)
                except RequestFailed as error:
                    print(error)
                    self.figures.append(
                        Figure(f"statistics of {name}", str(error)[:3], "", None, target, at_least=True)
                    )
                    continue
                ratio = median(other / mine for mine, other in zip(ours, theirs, strict=True))
                times = milliseconds(median(ours)), milliseconds(median(theirs))
                self.figures.append(
                    Figure(
                        f"statistics of {name}, one pass of SQL against ours, p50", *times, ratio, target, at_least=True
                    )
                )

    def _same(self, path: str, theirs: Any, circe: Service, token: str) -> None:
        found = [*find_differences(json.loads(Connection(circe.port).get(request(path, token))), theirs, path)]
        if found:
            raise SystemExit("\n".join(["The statistics differ from one pass of SQL:", *found]))

    # --- growth, writes -------------------------------------------------------------------------------------------

    def _growth(self) -> None:
        sizes = sorted({size for size in GROWTH_SIZES if size < self.customers} | {self.customers})
        databases = {size: self.server.prepare_database(size) for size in sizes}
        times: dict[tuple[str, int], list[float]] = defaultdict(list)
        with ExitStack() as stack:
            served = {}
            for size, database in databases.items():
                (circe,), token = stack.enter_context(self._services("circe", database=database))
                with self.server.connect(database) as connection:
                    served[size] = circe, token, samples(connection)
            for _ in range(self.rounds):
                for kind in GROWTH_KINDS:
                    for size, (circe, token, sample) in served.items():
                        messages = self._messages(kind, token, sample)
                        times[kind, size].append(self._run(circe, messages, min_requests=20).percentile(0.5))
        small = min(sizes, key=lambda size: abs(size - 5_000))
        for kind in GROWTH_KINDS:
            what = f"{kind}, p50, {self.customers:,} customers against {small:,}"
            self._time_figure(what, times[kind, self.customers], times[kind, small], 1.2)
            self.growth[kind] = {size: median(times[kind, size]) for size in sizes}
        rows = [[kind, *(milliseconds(value) for value in self.growth[kind].values())] for kind in GROWTH_KINDS]
        self.tables.append(("Growth, p50 with one client", ["customers", *(f"{size:,}" for size in sizes)], rows))

    def _writes(self) -> None:
        found, removed, spent = writes.measure_writes(
            self.server, self.database, self.samples.business.id, rounds=self.rounds, seconds=self.seconds
        )
        rows = []
        for script in writes.SCRIPTS:
            runs = found[script]
            ratio, with_audit = writes.ratio(runs, "without"), writes.ratio(runs, "without audit")
            rates = {variant: f"{median(values):,.0f}" for variant, values in runs.items()}
            rows.append([script, *rates.values(), f"{ratio:.2f}", f"{with_audit:.2f}"])
            if script != "create":
                what = f"{script}s/s of {writes.WRITERS} writers, against without totals, search index and policies"
                self.figures.append(Figure(what, rates["all"], rates["without"], ratio, 0.8, at_least=True))
        head = ["per second", "all", "without", "without audit too", "ratio", "ratio, audit too"]
        self.tables.append((f"Writes, by pgbench\n\nRemoved for “without”: {', '.join(removed)}.", head, rows))
        rows = [
            [script, name, milliseconds(time), f"{time / sum(times.values()):.0%}"]
            for script, times in spent.items()
            for name, time in sorted(times.items(), key=lambda item: -item[1])
        ]
        self.tables.append(("Where the time of a write goes in the database", ["what", "in", "p50", "share"], rows))


def _post(person: dict[str, Any], token: str) -> bytes:
    return request(CUSTOMERS, token, json.dumps(person).encode())
