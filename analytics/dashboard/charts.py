"""Charts and tables of the figures, as the dashboard draws them.

Horizontal measures are percents of the width, so that a chart fits any screen and its text keeps its size. Vertical
measures are pixels.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from itertools import count, groupby, pairwise
from typing import Any, NamedTuple

from django.utils.formats import date_format

from analytics.breakdowns import MONTHS_PER_YEAR
from analytics.dashboard.list_urls import ListUrls
from analytics.months import (
    MonthlyFigures,
    count_new_customers_by_month,
    sum_revenue_by_month,
    to_first_day,
    to_month_number,
)
from analytics.statistics import THRESHOLD_FIELDS, Period
from circe.backoffice.regional import format_amount, format_number
from customers.models import Customer

CHART_HEIGHT_PX = 160
MAX_SCALE_STEPS = 4
MAX_BARS = 48
MIN_BAR_PLACES = 6
MAX_LABELS = 12
# In percent of the bar's width: the narrowest segment that can be seen, and the narrowest with room for its name.
MIN_SEGMENT_PERCENT = 1.5
MIN_LABELLED_PERCENT = 20
# By the number of months of a bar: the name of such a span.
SPAN_NAMES = {1: "month", 12: "year", 120: "decade", 1200: "century"}
UNIT_NAMES = {10**12: "tn", 10**9: "bn", 10**6: "M", 10**3: "k"}
# By segment, in the order of the bar: its name, and its meaning, into which the thresholds of the business are filled.
SEGMENT_TEXTS = {
    "vip": ("VIP", "tagged vip, or {vip_min_visits} visits or more and of the {vip_top_percent} % who spent most"),
    "regular": ("Regular", "everybody else"),
    "new": ("New", "no visit yet, or the first one in the last {new_within_days} days"),
    "at_risk": ("At risk", "last visit more than {at_risk_after_days} days ago, and nothing booked"),
}


class Tick(NamedTuple):
    """A horizontal line of a chart, with the label of its value."""

    y: float
    label: str


class Bar(NamedTuple):
    """The bar of a span of months: `name` is that of the span, and `url` is the list of what was counted. `label` and
    `year` stand below the bar. They are empty where there is no room.
    """

    name: str
    value: str
    label: str
    year: str
    x: float
    y: float
    height: float
    url: str = ""


class BarChart(NamedTuple):
    """The figures by month as bars, of the shortest span that needs at most MAX_BARS. `bar_distance` is the width from
    the start of one bar to the start of the next.
    """

    name: str
    title: str
    span: str
    bars: list[Bar]
    ticks: list[Tick]
    bar_distance: float
    is_empty: bool


class Segment(NamedTuple):
    """A segment of the customers, as one section of the bar."""

    key: str
    name: str
    meaning: str
    value: str
    share: str
    x: float
    width: float
    is_labelled: bool


class TopCustomer(NamedTuple):
    """A row of a top list, with formatted figures."""

    customer: Customer
    appointments: str
    spent: str
    appointments_url: str
    visits_url: str


def format_percent(value: int, whole: int) -> str:
    """Returns the percentage of a value, such as `12.5 %`. It is `0.0 %` if the whole is 0."""
    return f"{format_number(round(100 * value / whole, 1) if whole else 0, 1)} %"


def build_charts(period: Period, currency: str, list_urls: ListUrls) -> list[BarChart]:
    """Returns the charts of the period. All of them have the same months."""
    customers, revenue = count_new_customers_by_month(period), sum_revenue_by_month(period)
    empty = dict.fromkeys(sorted(customers | revenue), 0)
    return [
        build_bar_chart(
            "New customers", empty | customers, link=lambda span: list_urls.created(_intersect(span, period))
        ),
        build_bar_chart(
            "Revenue", empty | revenue, currency, link=lambda span: list_urls.visits(_intersect(span, period))
        ),
    ]


def _intersect(span: Period, period: Period) -> Period:
    """Returns the days of a span that are in the period too."""
    first, last = (span.first or dt.date.min), (span.last or dt.date.max)
    return Period(max(first, period.first or first), min(last, period.last or last))


def get_span(key: int, span: int) -> Period:
    """Returns the days of the `key`-th span of `span` months since the year 0."""
    first, after = max(key * span, MONTHS_PER_YEAR), key * span + span
    is_last = after >= (dt.MAXYEAR + 1) * MONTHS_PER_YEAR
    return Period(to_first_day(first), None if is_last else to_first_day(after) - dt.timedelta(days=1))


def build_bar_chart(
    name: str, series: MonthlyFigures, currency: str = "", link: Callable[[Period], str] = lambda span: ""
) -> BarChart:
    """Returns the chart of the figures of at least one month. `currency` is empty where the values are no amounts.
    `link` returns the URL of the list of what a bar counts, for the days of that bar.
    """
    span = next((span for span in SPAN_NAMES if len(series) <= MAX_BARS * span), max(SPAN_NAMES))
    values = {
        key: sum(value for _, value in months)
        for key, months in groupby(series.items(), key=lambda month: to_month_number(month[0]) // span)
    }
    tick_values = choose_scale(max(values.values()))
    bar_distance = 100 / max(len(values), MIN_BAR_PLACES)
    labels = choose_labels(list(values), span)
    bars = []
    for index, (key, value) in enumerate(values.items()):
        height = round(max(CHART_HEIGHT_PX * value / tick_values[-1], 1 if value else 0), 2)
        x = round(index * bar_distance, 3)
        y = CHART_HEIGHT_PX - height
        label, year = labels.get(key, ("", ""))
        url = link(get_span(key, span))
        bars.append(Bar(name_span(key, span), format_amount(value, currency), label, year, x, y, height, url))
    return BarChart(
        name=name,
        title=f"{name} per {SPAN_NAMES[span]}" + (f", {currency}" if currency else ""),
        span=SPAN_NAMES[span],
        bars=bars,
        ticks=[
            Tick(CHART_HEIGHT_PX - CHART_HEIGHT_PX * value / tick_values[-1], abbreviate(value))
            for value in tick_values
        ],
        bar_distance=round(bar_distance, 3),
        is_empty=not any(values.values()),
    )


def name_span(key: int, span: int) -> str:
    """Returns the name of the `key`-th span of `span` months since the year 0: `March 2026`, `2026`, `2020–2029`."""
    if span == 1:
        return date_format(to_first_day(key), "YEAR_MONTH_FORMAT")
    first, last = (month // 12 for month in (key * span, key * span + span - 1))
    return str(first) if first == last else f"{first}–{last}"


def choose_labels(keys: list[int], span: int) -> dict[int, tuple[str, str]]:
    """Returns label and year of the spans that have room for them. The year is empty where the label before has the
    same year.
    """
    labelled = keys[:: divide_rounding_up(len(keys), MAX_LABELS)]
    if span > 1:
        return {key: (str(key * span // 12), "") for key in labelled}
    year_changes = {key for before, key in pairwise(labelled) if before // 12 != key // 12}
    # The first label has a year too, unless the second has one: the two would touch.
    dated = year_changes if year_changes & set(labelled[:2]) else {labelled[0], *year_changes}
    return {key: (date_format(to_first_day(key), "M"), str(key // 12) if key in dated else "") for key in labelled}


def choose_scale(highest: int) -> range:
    """Returns the values at the lines of a chart: from 0 in round steps to the first that is not below `highest`."""
    round_numbers = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(number for number in round_numbers if number * MAX_SCALE_STEPS >= highest)
    return range(0, max(divide_rounding_up(highest, step), 1) * step + 1, step)


def divide_rounding_up(value: int, divisor: int) -> int:
    """Returns the quotient rounded up, in integers: a float is not exact for large amounts."""
    return -(-value // divisor)


def abbreviate(value: int) -> str:
    """Returns a round number in few characters, such as `1.5M`."""
    size = next((size for size in UNIT_NAMES if value >= size), 1)
    scaled = value / size
    return f"{format_number(int(scaled) if scaled.is_integer() else scaled)}{UNIT_NAMES.get(size, '')}"


def build_segments(counts: dict[str, int], thresholds: list[dict[str, Any]]) -> list[Segment]:
    """Returns the segments from left to right; no segment if there are no customers. A segment with customers is wide
    enough to be seen. A threshold that differs between businesses is shown as an ellipsis.
    """
    total = sum(counts.values())
    if not total:
        return []
    widths = {key: max(100 * n / total, MIN_SEGMENT_PERCENT) if n else 0 for key, n in counts.items()}
    limits = {name: get_common_value({business[name] for business in thresholds}) for name in THRESHOLD_FIELDS}
    segments, x = [], 0.0
    for key, (name, template) in SEGMENT_TEXTS.items():
        width = 100 * widths[key] / sum(widths.values())
        value, share = format_amount(counts[key]), format_percent(counts[key], total)
        is_labelled = width >= MIN_LABELLED_PERCENT
        meaning = template.format(**limits)
        segments.append(Segment(key, name, meaning, value, share, round(x, 3), round(width, 3), is_labelled))
        x += width
    return segments


def get_common_value(values: set[Any]) -> str:
    """Returns the one value of the set, or an ellipsis where there are several."""
    return str(*values) if len(values) == 1 else "…"


def build_top_list(customers: Iterable[Any], period: Period, list_urls: ListUrls) -> list[TopCustomer]:
    """Returns the rows of a top list."""
    return [
        TopCustomer(
            customer,
            format_amount(customer.total_appointments),
            format_amount(customer.total_spent),
            list_urls.appointments(period, customer=customer.pk),
            list_urls.visits(period, customer=customer.pk),
        )
        for customer in customers
    ]
