"""The figures of the dashboard: tiles that compare, tables by person, service, outlet and source, and the charts."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db.models import Model

from analytics.breakdowns import (
    calculate_figures,
    count_new_customers_by_source,
    find_earlier_periods,
    sum_appointments_by_subject,
)
from analytics.dashboard.charts import build_charts, build_segments, build_top_list, format_percent
from analytics.dashboard.list_urls import ListUrls
from analytics.statistics import Period, summarize
from circe.backoffice.regional import format_amount, format_number
from customers.admin.filters import NO_SOURCE
from tenants.models import Outlet, Service, Staff


class Tile(NamedTuple):
    """One figure. `about` is the text under it, and `url` the list of what it counts. `comparisons` compare it with earlier
    periods.
    """

    name: str
    value: str
    about: str = ""
    url: str = ""
    comparisons: Sequence["Comparison"] = ()


class Comparison(NamedTuple):
    """The comparison of a figure with an earlier period. `text` is the change, such as `+12.5 %`. `value`, `when` and
    `url` are of the earlier period: the figure, the name of the period, and the list of what the figure counts.
    """

    text: str
    value: str
    when: str
    url: str


class BreakdownRow(NamedTuple):
    """A row of a breakdown: the figures of one person, service, outlet or source, and the URLs of the lists that they
    count.

    `number` counts appointments; for a source it counts new customers. A source has no revenue.
    """

    name: str
    number: str
    number_url: str
    revenue: str = ""
    revenue_url: str = ""


class Breakdown(NamedTuple):
    """A table of the figures by person, service, outlet or source. `about` is a sentence with the average revenue of a
    member of staff. Only the table by person has it.
    """

    title: str
    number_title: str
    rows: list[BreakdownRow]
    about: str = ""


def build_dashboard(period: Period, tenant_query: str = "") -> dict[str, Any]:
    """Returns the template context of the figures of the business in scope, or of all businesses."""
    summary, list_urls = summarize(period), ListUrls(tenant_query)
    figures, currencies = summary["statistics"], summary["currencies"]
    currency = currencies[0] if len(currencies) == 1 else ""
    return {
        "currencies": currencies,
        "currency": currency,
        "now": build_current_tiles(figures, list_urls),
        "in_period": build_period_tiles(period, currency, list_urls),
        "charts": build_charts(period, currency, list_urls),
        "breakdowns": [*build_breakdowns(period, currency, list_urls), build_source_breakdown(period, list_urls)],
        "segments": build_segments(figures["customer_segments"], summary["definitions"]["thresholds"]),
        "retention": {
            "base": format_amount(figures["retention_base"]),
            "rate": f"{format_number(figures['retention_rate'])} %",
            "churn": f"{format_number(figures['churn_rate'])} %",
        },
        "tops": {
            "Most appointments": build_top_list(figures["top_customers_by_appointments"], period, list_urls),
            "Highest spending": build_top_list(figures["top_customers_by_revenue"], period, list_urls),
        },
    }


def build_current_tiles(figures: dict[str, Any], list_urls: ListUrls) -> list[Tile]:
    """Returns the figures as of now, which don't depend on the period."""
    total, active, walk_in = (figures[name] for name in ("total_customers", "active_customers", "walk_in_customers"))
    return [
        Tile("Customers", format_amount(total), url=list_urls.customers()),
        Tile(
            "Active",
            format_amount(active),
            f"{format_percent(active, total)} of all",
            list_urls.customers(is_active__exact=1),
        ),
        Tile(
            "Walk-ins",
            format_amount(walk_in),
            f"{format_percent(walk_in, total)} of all",
            list_urls.customers(registered="no"),
        ),
    ]


def build_period_tiles(period: Period, currency: str, list_urls: ListUrls) -> list[Tile]:
    """Returns the figures of the period, compared with those of earlier periods. Averages are for each customer who
    came in the period.
    """
    now = calculate_figures(period)
    earlier = {when: (one, calculate_figures(one)) for when, one in find_earlier_periods(period).items()}

    def compare(name: str, url: Callable[[Period], str], unit: str = "") -> list[Comparison]:
        return [
            Comparison(
                format_change(getattr(now, name), getattr(figures, name)),
                format_amount(getattr(figures, name), unit),
                when,
                url(one),
            )
            for when, (one, figures) in earlier.items()
        ]

    each = "per customer who came"
    rate = round(now.appointments / now.visitors, 1) if now.visitors else 0
    spent = format_amount(now.revenue // now.visitors if now.visitors else 0, currency)
    return [
        Tile(
            "New customers",
            format_amount(now.new_customers),
            url=list_urls.created(period),
            comparisons=compare("new_customers", list_urls.created),
        ),
        Tile(
            "Customers who came",
            format_amount(now.visitors),
            url=list_urls.visited(period),
            comparisons=compare("visitors", list_urls.visited),
        ),
        Tile(
            "Appointments",
            format_amount(now.appointments),
            f"{format_number(rate, 1)} {each}",
            list_urls.appointments(period),
            compare("appointments", list_urls.appointments),
        ),
        Tile(
            "Revenue",
            format_amount(now.revenue, currency),
            f"{spent} {each}",
            list_urls.visits(period),
            compare("revenue", list_urls.visits, currency),
        ),
    ]


def format_change(now: int, before: int) -> str:
    """Returns the change in percent, such as `+12.5 %`. It is empty where the earlier figure is 0."""
    if not before:
        return ""
    percent = round(100 * (now - before) / before, 1)
    return f"{'+' if percent > 0 else ''}{format_number(percent, 1)} %"


def build_breakdowns(period: Period, currency: str, list_urls: ListUrls) -> list[Breakdown]:
    """Returns the tables of the appointments and the revenue by person, service and outlet."""
    models: dict[str, tuple[str, type[Model]]] = {
        "staff": ("By person", Staff),
        "service": ("By service", Service),
        "outlet": ("By outlet", Outlet),
    }
    breakdowns = []
    for subject, figures in sum_appointments_by_subject(period).items():
        title, model = models[subject]
        names = model._default_manager.in_bulk([one.pk for one in figures])
        rows = [
            BreakdownRow(
                str(names.get(one.pk, "Removed")),
                format_amount(one.appointments),
                list_urls.appointments(period, **{f"{subject}__id__exact": one.pk}),
                format_amount(one.revenue),
                list_urls.visits(period, **{f"{subject}__id__exact": one.pk}),
            )
            for one in figures
        ]
        about = ""
        if subject == "staff" and figures:
            mean = format_amount(sum(one.revenue for one in figures) // len(figures), currency)
            people = "1 person" if len(figures) == 1 else f"{len(figures)} people"
            about = f"{people} had appointments in this period: {mean} each on average."
        breakdowns.append(Breakdown(title, "Appointments", rows, about))
    return breakdowns


def build_source_breakdown(period: Period, list_urls: ListUrls) -> Breakdown:
    """Returns the table of the new customers by source."""
    rows = [
        BreakdownRow(source or "Unknown", format_amount(number), list_urls.created(period, source=source or NO_SOURCE))
        for source, number in count_new_customers_by_source(period)
    ]
    return Breakdown("New customers by source", "New customers", rows)
