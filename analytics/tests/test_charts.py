"""The bars, labels and colours of the charts."""

import datetime as dt
import re
from itertools import pairwise

import pytest
from django.conf import settings

from analytics.dashboard.charts import abbreviate, build_bar_chart, build_segments, choose_scale

# --- charts ---------------------------------------------------------------------------------------------------------


def series(first, n, value=1):
    """Returns `n` months, beginning with January of the year `first`."""
    return {dt.date(first + index // 12, index % 12 + 1, 1): value for index in range(n)}


@pytest.mark.parametrize("highest", [0, 1, 3, 4, 5, 19, 20, 21, 999, 1000, 1001, 10**12 + 1, 10**18 - 1])
def test_a_scale_has_few_round_lines_up_to_the_highest_value(highest):
    lines = list(choose_scale(highest))
    (step,) = {after - before for before, after in pairwise(lines)}
    assert lines[0] == 0
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert len(lines) <= 5
    assert lines[-1] - step < max(highest, 1) <= lines[-1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1500, "1.5k"), (2_500_000, "2.5M"), (10**9, "1bn"), (15 * 10**12, "15tn")],
)
def test_round_numbers_are_abbreviated(value, expected):
    assert abbreviate(value) == expected


def test_bars_have_the_positions_and_heights_of_their_values():
    chart = build_bar_chart(
        "Revenue", {dt.date(2024, 12, 1): 0, dt.date(2025, 1, 1): 1, dt.date(2025, 2, 1): 4000}, "IDR"
    )
    assert chart.title == "Revenue per month, IDR"
    assert [(bar.name, bar.value) for bar in chart.bars] == [
        ("December 2024", "0 IDR"),
        ("January 2025", "1 IDR"),
        ("February 2025", "4,000 IDR"),
    ]
    # 0 has no height; a small value is still visible.
    assert [(bar.y, bar.height) for bar in chart.bars] == [(160, 0), (159, 1), (0, 160)]
    assert [round(bar.x, 1) for bar in chart.bars] == [0, 16.7, 33.3]
    assert [(tick.y, tick.label) for tick in chart.ticks] == [
        (160, "0"),
        (120, "1k"),
        (80, "2k"),
        (40, "3k"),
        (0, "4k"),
    ]


@pytest.mark.parametrize(
    ("months", "title", "bars", "last"),
    [
        (1, "Visits per month", 1, "January 2001"),
        (48, "Visits per month", 48, "December 2004"),
        (49, "Visits per year", 5, "2005"),
        (49 * 12, "Visits per decade", 5, "2040–2049"),
        (490 * 12, "Visits per century", 5, "2400–2499"),
        (7999 * 12, "Visits per century", 80, "9900–9999"),
    ],
)
def test_many_months_are_grouped_into_longer_spans(months, title, bars, last):
    chart = build_bar_chart("Visits", series(2001, months))
    assert (chart.title, len(chart.bars), chart.bars[-1].name) == (title, bars, last)
    assert sum(int(bar.value.replace(",", "")) for bar in chart.bars) == months
    assert sum(bool(bar.label) for bar in chart.bars) <= 12
    assert chart.bars[-1].x + chart.bar_distance <= 100.01


@pytest.mark.parametrize(
    ("first", "n", "below"),
    [
        (dt.date(2025, 11, 1), 3, ["Nov 2025", "Dec ", "Jan 2026"]),
        (dt.date(2025, 12, 1), 3, ["Dec ", "Jan 2026", "Feb "]),
        (dt.date(2025, 12, 1), 1, ["Dec 2025"]),
        (
            dt.date(2025, 1, 1),
            26,
            [*["Jan 2025", "Apr ", "Jul ", "Oct ", "Jan 2026", "Apr ", "Jul ", "Oct ", "Jan 2027"]],
        ),
    ],
)
def test_a_year_is_shown_where_it_begins_and_labels_do_not_touch(first, n, below):
    start = 12 * first.year + first.month - 1
    months = {dt.date(number // 12, number % 12 + 1, 1): 1 for number in range(start, start + n)}
    bars = build_bar_chart("Visits", months).bars
    assert [f"{bar.label} {bar.year}" for bar in bars if bar.label] == below


THRESHOLDS = {"at_risk_after_days": 90, "new_within_days": 30, "vip_min_visits": 5, "vip_top_percent": 10}


def test_segments_fill_the_bar_and_the_smallest_is_visible():
    made = build_segments({"vip": 1, "regular": 99_999, "new": 0, "at_risk": 50_000}, [THRESHOLDS])
    assert [(segment.value, segment.share) for segment in made] == [
        ("1", "0.0 %"), ("99,999", "66.7 %"), ("0", "0.0 %"), ("50,000", "33.3 %"),
    ]  # fmt: skip
    assert [segment.width > 1 for segment in made] == [True, True, False, True]
    assert made[-1].x + made[-1].width == pytest.approx(100, abs=0.01)
    assert [segment.is_labelled for segment in made] == [False, True, False, True]


def test_a_threshold_that_differs_between_businesses_is_an_ellipsis():
    made = build_segments(
        dict.fromkeys(("vip", "regular", "new", "at_risk"), 1), [THRESHOLDS, THRESHOLDS | {"new_within_days": 7}]
    )
    meanings = {segment.key: segment.meaning for segment in made}
    assert "in the last … days" in meanings["new"]
    assert "more than 90 days ago" in meanings["at_risk"]


# --- colours --------------------------------------------------------------------------------------------------------

STYLES = (settings.BASE_DIR / "analytics" / "static" / "circe" / "dashboard.css").read_text()


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("theme", "background"), [("light", "#fff"), ("dark", "#121212")])
def test_colours_have_enough_contrast_to_the_page_and_to_their_text(theme, background):
    block = re.search(rf'html\[data-theme="{theme}"\] {{(.*?)}}', STYLES, re.DOTALL)[1]
    colours = dict(re.findall(r"--([\w-]+): (#\w+);", block))
    text_colour = colours.pop("segment-text")
    assert set(colours) == {"bar", "vip", "regular", "new", "at-risk"}
    for name, colour in colours.items():
        assert contrast(colour, background) >= 3, name
        assert contrast(colour, text_colour) >= 4.5, name


def test_the_dark_theme_is_the_same_by_choice_and_by_the_system():
    blocks = [re.findall(r"--[\w-]+: #\w+;", block) for block in re.findall(r"{([^{}]*--bar:[^{}]*)}", STYLES)]
    assert len(blocks) == 3
    assert blocks[1] == blocks[2] != blocks[0]


def test_no_text_of_the_page_is_smaller_than_eleven_pixels():
    sizes = re.findall(r"font-size: ([\d.]+)(px|rem)", STYLES)
    assert all(float(size) * (16 if unit == "rem" else 1) >= 11 for size, unit in sizes)
