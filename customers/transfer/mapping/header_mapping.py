"""Maps the columns of a file to the columns of Circe, and reads the cells of a row by it."""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from circe.api.time_zone import local_today
from customers.extensions import export_columns
from customers.models import Channel
from customers.transfer.birthdays import UnreadableBirthday, read_birthday
from customers.transfer.cell_times import put_year_first
from customers.transfer.cell_words import means_unknown
from customers.transfer.columns import (
    COLUMN_BY_NAME,
    REFUSED_ROW_COLUMNS,
    TENANT_COLUMN,
    find_column,
    is_object_id,
    tenant_language_code,
)
from customers.transfer.day_order import DayOrder
from customers.transfer.examination import ColumnExamination
from customers.transfer.mapping.column_names import (
    FULL_NAME_HEADERS,
    NEVER_PROPOSED,
    PARTICLE_HEADERS,
    RANK_BY_NAME,
    TARGET_BESIDE,
    TARGET_BY_NAME,
)
from customers.transfer.mapping.column_rules import NOT_IMPORTED, UNMAPPED, ColumnRule
from customers.transfer.mapping.presets import PRESETS, Preset, find_preset
from customers.transfer.tables import find_date_format, normalize_header, to_storable

# By column of Circe: the separator with which the texts of several columns of a file are joined. For a column of Circe
# that is not listed, the first text is taken.
JOINED_BY = {
    "first_name": " ",
    "last_name": " ",
    "address": ", ",
    "notes": "\n",
    "accessibility_needs": "\n",
    "tags": ";",
    "preferred_categories": ";",
}
INSTANT_TARGETS = ("created_at", "consent_at")
# If several columns of a file go to one of these, a single no counts as no.
CONSENT_TARGETS = {"accepts_email", "accepts_sms", "accepts_push", "accepts_whatsapp", "marketing_consent"}
# A column whose header has one of these words, normalized, is about marketing by this channel alone.
_WORDS_BY_CHANNEL = {
    Channel.EMAIL: """
        mail, newsletter, epost, correo, courriel, posta elettronica, surel, sähköposti, почта, рассылка,
        メール, メルマガ, 이메일, 邮件, 郵件, อีเมล, nyhetsbrev, nyhedsbrev, nieuwsbrief, infolettre, boletín, boletim,
        uutiskirje, biuletyn, buletin, bülten, hírlevél, zpravodaj
    """,
    Channel.SMS: "sms, text message, tekstmelding, textmeddelande, смс",
    Channel.PUSH: "push",
    Channel.WHATSAPP: "whatsapp",
}
CHANNEL_BY_WORD = {
    normalize_header(word): channel for channel, words in _WORDS_BY_CHANNEL.items() for word in words.split(",")
}
# Columns of Circe that a file may fill, under a known name, from a column without a rule in the preset. The id and the
# source of another system mean nothing in Circe.
FOUND_BESIDE_PRESET = {"last_name", "email", "phone", "date_of_birth", "gender", "address", "notes", "tags"}
# The formats of dates that a header tells: day, month, year in several languages.
_ORDER_BY_FORMAT = {
    **dict.fromkeys(["dmy", "dma", "jma", "tmj", "gma", "gmy", "gga", "gag", "дмг", "dmj", "dmå"], DayOrder.DAY_FIRST),
    "mdy": DayOrder.MONTH_FIRST,
}
MIN_HEADER_SIMILARITY = 0.82
MIN_CONTAINED_LETTERS = 5
# A file of another program may have headers of any length: only the first characters are compared.
MAX_KEY_CHARACTERS = 100
_WORD = re.compile(r"\w+")
_LOOKS_LIKE_PHONE = re.compile(r"[\d\s()+./-]*\d{3}[\d\s()+./-]*\Z")
_LOOKS_LIKE_DATA = re.compile(rf".*@.*\..*|{_LOOKS_LIKE_PHONE.pattern}")


def is_own_column(header: str) -> bool:
    """Returns whether Circe adds this column to its files beside the columns that an import reads."""
    return header.lower() in {*REFUSED_ROW_COLUMNS, TENANT_COLUMN, *(column.name for column in export_columns)}


def header_key(header: str) -> str:
    """Returns the form in which headers are compared and remembered."""
    return normalize_header(header)[:MAX_KEY_CHARACTERS]


def known_names() -> list[str]:
    """Returns the normalized headers that presets and lists of names map, beside the names of Circe's own columns."""
    names = {name for preset in PRESETS for name in preset.rules}
    return sorted(names | TARGET_BY_NAME.keys() | FULL_NAME_HEADERS)


def looks_like_data(header: Sequence[str]) -> bool:
    """Returns whether the first row of a file looks like a customer. Then the file has no header."""
    return any(_LOOKS_LIKE_DATA.match(name) for name in header)


def digest_header(header: Sequence[str]) -> str:
    """Returns a digest of the set of headers of a file, without the columns that Circe adds to its files."""
    keys = {header_key(name) for name in header if not is_own_column(name)}
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def channels_in_header(header: str) -> set[Channel]:
    """Returns the channels by which a column grants marketing: those that its header names, or all if it names none."""
    name = normalize_header(header)
    return {channel for word, channel in CHANNEL_BY_WORD.items() if word in name} or {*Channel}


@dataclass(frozen=True)
class OmittedCell:
    """A cell that is not imported although its column is. `reason` says why, without the text of the cell."""

    column: str
    text: str
    reason: str


@dataclass
class MappedRow:
    """The texts of a row by column of Circe. `errors` has the reasons why a text can't be read, by column of Circe.
    `marketing_channels` are the channels that the filled columns of `marketing_consent` are about. If none is filled, they
    are those of all these columns.
    """

    texts: dict[str, str] = field(default_factory=dict)
    marketing_channels: set[Channel] = field(default_factory=set)
    omitted: list[OmittedCell] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


class HeaderMapping:
    """Says for each column of a file which column of Circe it goes to.

    `corrections` are what a person has decided: by `header_key`, the name of a column of Circe, or NOT_IMPORTED. If
    there is no correction for a column, the preset decides. For a column that the preset does not name, its name decides,
    within the limits that `Preset` tells.
    `day_order` is what a person has decided about the dates.
    """

    def __init__(
        self,
        header: Sequence[str],
        corrections: Mapping[str, str] | None = None,
        day_order: DayOrder | None = None,
        examination: Sequence[ColumnExamination] = (),
    ) -> None:
        self.header, self.examination, self.corrections = header, examination, corrections or {}
        self.preset: Preset | None = find_preset(header)
        self.rules = [self._find_rule(name) for name in header]
        # The columns of the file by column of Circe, those that are preferred first.
        self.indexes_by_target: dict[str, list[int]] = {rule.target: [] for rule in self.rules if rule.target}
        order = [(rule.is_fallback, rule.rank, index) for index, rule in enumerate(self.rules)]
        for *_, index in sorted(order):
            if target := self.rules[index].target:
                self.indexes_by_target[target].append(index)
        # By column of the file that goes to `marketing_consent`: the channels that it is about.
        self.marketing_channels = {
            index: channels_in_header(header[index]) for index in self.indexes_by_target.get("marketing_consent", [])
        }
        self.fallback_indexes = [index for index, rule in enumerate(self.rules) if rule.target and rule.is_fallback]
        self.decided_day_order = day_order
        self.day_order = day_order or self._find_day_order()
        # Each column of instants may have an order of its own.
        self.instant_orders = {name: self._find_order_in([name]) or self.day_order for name in INSTANT_TARGETS}

    # --- the columns ------------------------------------------------------------------------------------------------

    def _find_rule(self, header: str) -> ColumnRule:
        proposed = self._find_rule_by_name(header)
        chosen = self.corrections.get(header_key(header), proposed.target)
        if chosen not in COLUMN_BY_NAME:
            return UNMAPPED
        # A person who confirms the proposal keeps how the preset reads the cells.
        return proposed if chosen == proposed.target else ColumnRule(target=chosen)

    def _is_ignored_own_column(self, header: str) -> bool:
        """Returns whether Circe writes the column itself and an import ignores it. A column with names of favourites is
        ignored only if the file has the column of their ids too.
        """
        column = find_column(header)
        return is_own_column(header) and not (column and column.name not in map(str.lower, self.header))

    def _find_rule_by_name(self, header: str) -> ColumnRule:
        key = normalize_header(header)
        if self._is_ignored_own_column(header):
            return UNMAPPED
        if self.preset is None:
            return self._find_rule_by_known_name(header, key)
        if key in self.preset.rules:
            return self.preset.rules[key]
        if header.lower() in COLUMN_BY_NAME:
            return ColumnRule(target=header.lower())
        rule = self._find_rule_by_known_name(header, key)
        in_preset = {self.preset.rules.get(normalize_header(name), UNMAPPED).target for name in self.header}
        return rule if rule.target in FOUND_BESIDE_PRESET - in_preset else UNMAPPED

    def _find_rule_by_known_name(self, header: str, key: str) -> ColumnRule:
        column = find_column(header)
        meanings = TARGET_BESIDE.get(key, {})
        if other := next((name for name in map(normalize_header, self.header) if name in meanings), None):
            return ColumnRule(target=meanings[other])
        samples = self.examination[self.header.index(header)].samples if self.examination else []
        if key in {"contact", "sms"} and samples and all(map(_LOOKS_LIKE_PHONE.match, samples)):
            return ColumnRule(target="phone")
        # Circe does not use the `Customer ID` of another system. A column `id` whose only value is wrong stays.
        if column and column.name == "id" and len(samples) > (header == "id") and not any(map(is_object_id, samples)):
            return UNMAPPED
        if key in FULL_NAME_HEADERS:
            return ColumnRule(target="first_name", is_fallback=True)
        target = column.name if column else TARGET_BY_NAME.get(key, NOT_IMPORTED)
        # If the texts of several columns are joined, the order of the columns in the file decides.
        rank = -(key in PARTICLE_HEADERS) if target in JOINED_BY else RANK_BY_NAME.get((target, key), 0)
        return ColumnRule(target=target, rank=rank)

    @property
    def filled_indexes(self) -> list[int]:
        """The indexes of the columns of the file that have text in a row, without those that Circe writes itself."""
        return [
            index
            for index, name in enumerate(self.header)
            if not self._is_ignored_own_column(name) and not (self.examination and self.examination[index].is_empty)
        ]

    @property
    def unmapped_indexes(self) -> list[int]:
        """The indexes of the columns with text that are not imported."""
        return [index for index in self.filled_indexes if not self.rules[index].target]

    @property
    def undecided_indexes(self) -> list[int]:
        """The indexes of columns about which a person is to be asked, since no preset, no known name and no decision
        maps them.
        """
        if self.preset:
            return []
        return [index for index in self.unmapped_indexes if header_key(self.header[index]) not in self.corrections]

    def name_column(self, index: int) -> str:
        """Returns the header of a column, for people."""
        return to_storable(self.header[index])[:50] or f"column {index + 1} (without a name)"

    def propose_target(self, index: int) -> str:
        """Returns the column of Circe that the header of an unmapped column resembles, or NOT_IMPORTED."""
        key = header_key(self.header[index])
        if NEVER_PROPOSED.search(self.header[index].replace("_", " ")):
            return NOT_IMPORTED
        if close := difflib.get_close_matches(
            key, [*TARGET_BY_NAME, *FULL_NAME_HEADERS], n=1, cutoff=MIN_HEADER_SIMILARITY
        ):
            return TARGET_BY_NAME.get(close[0], "first_name")
        contained = [name for name in TARGET_BY_NAME if len(name) >= MIN_CONTAINED_LETTERS and name in key]
        return TARGET_BY_NAME[max(contained, key=_suits_best)] if contained else NOT_IMPORTED

    def describe(self) -> list[tuple[str, str]]:
        """Returns which columns of the file with text go to which column of Circe, where the names differ."""
        filled = frozenset(self.filled_indexes)
        described = []
        for target, indexes in self.indexes_by_target.items():
            names = [self.name_column(index) for index in indexes if index in filled]
            if names and [name.lower() for name in names] != [target]:
                described.append((target, ", ".join(names)))
        return described

    def _find_day_order(self) -> DayOrder | None:
        """Returns the order of day and month in dates: that of the preset, the one that the columns of birthdays show, or
        the one that their headers tell, such as `Birthday (MM/DD/YYYY)`. If there is none, returns that of the instants.
        """
        if self.preset and self.preset.day_order:
            return self.preset.day_order
        return self._find_order_in(["date_of_birth"]) or self._find_order_in(INSTANT_TARGETS)

    def _find_order_in(self, targets: Sequence[str]) -> DayOrder | None:
        indexes = [index for target in targets for index in self.indexes_by_target.get(target, [])]
        orders = {self.examination[index].day_order for index in indexes if self.examination} - {None}
        orders = orders or {_ORDER_BY_FORMAT.get(find_date_format(self.header[index])) for index in indexes} - {None}
        return next(iter(orders)) if len(orders) == 1 else None

    # --- the cells --------------------------------------------------------------------------------------------------

    def read_row(self, cells: Sequence[str]) -> MappedRow:
        """Returns the texts of a row of the file. A column of Circe is left out if the row ends before the cells for
        it.
        """
        row = MappedRow()
        values = {
            target: self._values(indexes, cells)
            for target, indexes in self.indexes_by_target.items()
            if min(indexes) < len(cells)
        }
        self._drop_repeated_last_name(values)
        for target, found in values.items():
            row.texts[target] = self._combine(row, target, found)
        filled = [index for index, _ in values.get("marketing_consent", ())]
        for index in filled or self.marketing_channels:
            row.marketing_channels |= self.marketing_channels[index]
        self._omit_fallbacks(row, cells)
        # A cell that another system leaves empty says nothing about a customer of Circe.
        if self.preset:
            row.texts = {target: text for target, text in row.texts.items() if text}
        self._read_birthday(row)
        for target in self.instant_orders.keys() & row.texts.keys():
            row.texts[target] = put_year_first(row.texts[target], self.instant_orders[target])
        if means_unknown(row.texts.get("gender", "")):
            self._omit(row, "gender", row.texts.pop("gender"), "This says that the gender is not known.")
        return row

    def _values(self, indexes: Sequence[int], cells: Sequence[str]) -> list[tuple[int, str]]:
        """Returns the values of several columns, each with the index of its column. If only fallbacks are filled,
        returns the value of the first of them.
        """
        found = [(index, value) for index in indexes for value in self._read_cell(index, cells)]
        main = [one for one in found if not self.rules[one[0]].is_fallback]
        return main or found[:1]

    def _read_cell(self, index: int, cells: Sequence[str]) -> list[str]:
        return self.rules[index].values(cells[index].strip()) if index < len(cells) else []

    def _drop_repeated_last_name(self, values: dict[str, list[tuple[int, str]]]) -> None:
        """Removes a last name whose words are all in the full name. The full name becomes the first name as a whole."""
        first, last = values.get("first_name"), values.get("last_name")
        if first and last and self.rules[first[0][0]].is_fallback:
            full = _find_words(first[0][1])
            values["last_name"] = [(index, value) for index, value in last if not _find_words(value) <= full]

    def _combine(self, row: MappedRow, target: str, found: list[tuple[int, str]]) -> str:
        if not found:
            return ""
        if target in JOINED_BY:
            return JOINED_BY[target].join(dict.fromkeys(value for _, value in found))
        taken = next((one for one in found if target in CONSENT_TARGETS and not _is_granted(target, one[1])), found[0])
        label, column = _label(target), self.name_column(taken[0])
        reason = (
            f"There is one {label} for all of these columns, and “{column}” refuses it."
            if target in CONSENT_TARGETS
            else f"A customer has one {label}, which is taken from “{column}”."
        )
        others = dict.fromkeys(one for one in found if one[1] != taken[1])
        row.omitted += [OmittedCell(self.name_column(index), to_storable(value), reason) for index, value in others]
        return taken[1]

    def _omit_fallbacks(self, row: MappedRow, cells: Sequence[str]) -> None:
        """Reports a full name or address that was not taken, if it has a word that is nowhere else in the row."""
        for index in self.fallback_indexes:
            for text in self._read_cell(index, cells):
                if not _find_words(text) <= _find_words(" ".join(row.texts.values())):
                    reason = f"The {_label(self.rules[index].target)} is taken from other columns."
                    row.omitted.append(OmittedCell(self.name_column(index), to_storable(text), reason))

    def _read_birthday(self, row: MappedRow) -> None:
        text = row.texts.get("date_of_birth")
        if not text:
            return
        try:
            day = read_birthday(text, self.day_order, local_today(), tenant_language_code())
        except UnreadableBirthday as error:
            row.errors["date_of_birth"] = str(error)
            del row.texts["date_of_birth"]
            return
        if day:
            row.texts["date_of_birth"] = day.isoformat()
        else:
            del row.texts["date_of_birth"]
            self._omit(row, "date_of_birth", text, "This is no date of birth with day, month and year.")

    def _omit(self, row: MappedRow, target: str, text: str, reason: str) -> None:
        name = ", ".join(self.name_column(index) for index in self.indexes_by_target[target])
        row.omitted.append(OmittedCell(name, to_storable(text), reason))


def _suits_best(name: str) -> tuple[bool, int]:
    # `Email opt-in` tells of a consent, and not the address.
    return TARGET_BY_NAME[name] == "marketing_consent", len(name)


def _label(target: str) -> str:
    return "e-mail address" if target == "email" else target.replace("_", " ")


def _find_words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _is_granted(target: str, text: str) -> bool:
    try:
        return bool(COLUMN_BY_NAME[target].parse(text))
    except ValidationError:
        return False
