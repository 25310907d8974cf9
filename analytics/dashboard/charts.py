"""The figures as pictures: what the pages of the back office draw.

Across, a picture is measured in percents of its width, so that it fits any screen while its text keeps its size;
upwards, in pixels.
"""

from collections.abc import Iterable
from itertools import count, groupby, pairwise
from typing import Any, NamedTuple

from django.utils.dateformat import format as write

from analytics.months import Series, first_day, month_number, new_customers_by_month, revenue_by_month
from analytics.statistics import THRESHOLDS, Period, summary
from customers.models import Customer

HEIGHT = 160
LINES = 4
MOST_BARS = 48
FEWEST_SLOTS = 6
MOST_LABELS = 12
# Percents of a bar: the narrowest part that can be seen, and one with room for its name on a phone.
NARROWEST = 1.5
ROOMY = 20
# The months of a bar, and what so many are called.
SPANS = {1: "month", 12: "year", 120: "decade", 1200: "century"}
SIZES = {10**12: "tn", 10**9: "bn", 10**6: "M", 10**3: "k"}
SEGMENT_WORDS = {
    "vip": ("VIP", "tagged vip, or {vip_min_visits} visits or more and of the {vip_top_percent} % who spent most"),
    "regular": ("Regular", "everybody else"),
    "new": ("New", "no visit yet, or the first one in the last {new_within_days} days"),
    "at_risk": ("At risk", "last visit more than {at_risk_after_days} days ago, and nothing booked"),
}


class Tile(NamedTuple):
    """One figure. `query` is that of the list of just these customers, None where there is no such list."""

    name: str
    value: str
    about: str = ""
    query: str | None = None


class Tick(NamedTuple):
    """A line across a chart, and the number it stands for."""

    y: float
    label: str


class Bar(NamedTuple):
    """What a span of months amounts to. `label` and `year` stand below it, empty where there is no room."""

    name: str
    value: str
    label: str
    year: str
    x: float
    y: float
    height: float


class BarChart(NamedTuple):
    """A series as bars of the shortest span that doesn't crowd them. Each has a `slot`, which leaves some room between."""

    name: str
    title: str
    span: str
    bars: list[Bar]
    ticks: list[Tick]
    slot: float
    is_empty: bool


class Part(NamedTuple):
    """A segment as a part of all customers."""

    key: str
    name: str
    meaning: str
    value: str
    share: str
    x: float
    width: float
    is_roomy: bool


class Place(NamedTuple):
    """A customer's place in a top list."""

    customer: Customer
    appointments: str
    spent: str


def dashboard(period: Period) -> dict[str, Any]:
    """What the page of figures shows of the customers in scope: the context of its templates."""
    counted = summary(period)
    figures, currencies = counted["statistics"], counted["currencies"]
    currency = currencies[0] if len(currencies) == 1 else ""
    return {
        "currencies": currencies,
        "currency": currency,
        "now": tiles_of_now(figures),
        "during": tiles_of_the_period(figures, currency),
        "charts": charts_of(period, currency),
        "segments": parts(figures["customer_segments"], counted["definitions"]["thresholds"]),
        "retention": {
            "base": amount(figures["retention_base"]),
            "rate": f"{figures['retention_rate']} %",
            "churn": f"{figures['churn_rate']} %",
        },
        "tops": {
            "Most appointments": places(figures["top_customers_by_appointments"]),
            "Highest spending": places(figures["top_customers_by_revenue"]),
        },
    }


def amount(value: float, currency: str = "") -> str:
    """`1,250,000 IDR`."""
    return f"{value:,} {currency}".strip()


def percent(part: int, whole: int) -> str:
    """`12.5 %`; of nothing, 0."""
    return f"{100 * part / whole if whole else 0:.1f} %"


def tiles_of_now(figures: dict[str, Any]) -> list[Tile]:
    """The figures as of now, whatever the period."""
    total, active, walk_in = (figures[name] for name in ("total_customers", "active_customers", "walk_in_customers"))
    return [
        Tile("Customers", amount(total), query=""),
        Tile("Active", amount(active), f"{percent(active, total)} of all", "is_active__exact=1"),
        Tile("Walk-ins", amount(walk_in), f"{percent(walk_in, total)} of all", "registered=no"),
    ]


def tiles_of_the_period(figures: dict[str, Any], currency: str) -> list[Tile]:
    """The figures of the period, with averages over all customers."""
    each, spent = figures["avg_appointments_per_customer"], figures["avg_spent_per_customer"]
    return [
        Tile("New customers", amount(figures["new_customers_in_period"])),
        Tile("Appointments", amount(figures["total_appointments"]), f"{amount(each)} per customer"),
        Tile("Revenue", amount(figures["total_revenue"], currency), f"{amount(spent, currency)} per customer"),
    ]


def charts_of(period: Period, currency: str) -> list[BarChart]:
    """What the period brought, month by month, over the same months."""
    customers, revenue = new_customers_by_month(period), revenue_by_month(period)
    empty = dict.fromkeys(sorted(customers | revenue), 0)
    return [bar_chart("New customers", empty | customers), bar_chart("Revenue", empty | revenue, currency)]


def bar_chart(name: str, series: Series, currency: str = "") -> BarChart:
    """The chart of a series that isn't empty. Amounts are in `currency`; plain numbers have none."""
    span = next((span for span in SPANS if len(series) <= MOST_BARS * span), max(SPANS))
    values = {
        key: sum(value for _, value in months)
        for key, months in groupby(series.items(), key=lambda month: month_number(month[0]) // span)
    }
    lines = scale(max(values.values()))
    slot = 100 / max(len(values), FEWEST_SLOTS)
    below = labels(list(values), span)
    bars = []
    for index, (key, value) in enumerate(values.items()):
        height = round(max(HEIGHT * value / lines[-1], 1 if value else 0), 2)
        x = round(index * slot, 3)
        bars.append(
            Bar(name_of(key, span), amount(value, currency), *below.get(key, ("", "")), x, HEIGHT - height, height)
        )
    return BarChart(
        name=name,
        title=f"{name} per {SPANS[span]}" + (f", {currency}" if currency else ""),
        span=SPANS[span],
        bars=bars,
        ticks=[Tick(HEIGHT - HEIGHT * line / lines[-1], short(line)) for line in lines],
        slot=round(slot, 3),
        is_empty=not any(values.values()),
    )


def name_of(key: int, span: int) -> str:
    """The name of the `key`-th span of so many months since the year 0: `March 2026`, `2026`, `2020–2029`."""
    if span == 1:
        return write(first_day(key), "F Y")
    first, last = (month // 12 for month in (key * span, key * span + span - 1))
    return str(first) if first == last else f"{first}–{last}"


def labels(keys: list[int], span: int) -> dict[int, tuple[str, str]]:
    """For as many spans as there is room: the name in few letters, and below it the year where that is another."""
    labelled = keys[:: rounded_up(len(keys), MOST_LABELS)]
    if span > 1:
        return {key: (str(key * span // 12), "") for key in labelled}
    turns = {key for before, key in pairwise(labelled) if before // 12 != key // 12}
    # Two years side by side would touch.
    dated = turns if turns & set(labelled[:2]) else {labelled[0], *turns}
    return {key: (write(first_day(key), "M"), str(key // 12) if key in dated else "") for key in labelled}


def scale(highest: int) -> range:
    """The numbers at the lines of a chart: from 0 in round steps to the first that is no lower than `highest`."""
    step = next(digit * 10**power for power in count() for digit in (1, 2, 5) if digit * 10**power * LINES >= highest)
    return range(0, max(rounded_up(highest, step), 1) * step + 1, step)


def rounded_up(value: int, divisor: int) -> int:
    """The quotient, exact for amounts that floats can't tell apart."""
    return -(-value // divisor)


def short(value: int) -> str:
    """A round number in few letters: `1.5M`."""
    size = next((size for size in SIZES if value >= size), 1)
    return f"{value / size:,.10g}{SIZES.get(size, '')}"


def parts(counts: dict[str, int], thresholds: list[dict[str, Any]]) -> list[Part]:
    """The segments side by side, even a tiny one to be seen; without customers none.

    Thresholds in which businesses differ are left open.
    """
    total = sum(counts.values())
    if not total:
        return []
    widths = {key: max(100 * n / total, NARROWEST) if n else 0 for key, n in counts.items()}
    limits = {name: the_one({business[name] for business in thresholds}) for name in THRESHOLDS}
    made, x = [], 0.0
    for key, (name, meaning) in SEGMENT_WORDS.items():
        width = 100 * widths[key] / sum(widths.values())
        value, share = amount(counts[key]), percent(counts[key], total)
        made.append(
            Part(key, name, meaning.format(**limits), value, share, round(x, 3), round(width, 3), width >= ROOMY)
        )
        x += width
    return made


def the_one(values: set[Any]) -> str:
    """The value that all have, or an ellipsis."""
    return str(*values) if len(values) == 1 else "…"


def places(customers: Iterable[Any]) -> list[Place]:
    """A top list with its figures written out."""
    return [Place(one, amount(one.total_appointments), amount(one.total_spent)) for one in customers]
