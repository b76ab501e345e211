"""What a raw column holds: numbers, dates, categories, text, or nothing that can be learned from.

The decision rests on the distinct cells, so that it costs little on long columns:

- *numeric*: at least 99 % of the cells that are not missing are numbers (the others count as missing, and the note says
  so), or all but one or two words such as ``unknown``. Codes with leading zeros and digits beyond 15 are words.
- *datetime*: at least 99 % fit one form of date or time; numbers count as seconds since 1970 only where the name says
  time or date and the values lie between 1990 and 2100.
- *identifier*: words that are different in (nearly) every row; whole numbers without repetition that are evenly spaced,
  or whose name says id, key, number, ... A measurement without repetition stays numeric.
- *category*: other words, however many; whole numbers with repetitions whose name ends in id, code, zip, ...
- *text*: sentences, mostly distinct. *constant*: one value, or none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from amiss import cells
from amiss.cells import make_parser, parse, parse_checked
from amiss.schema import Column, Kind

__all__ = ["infer_column", "parse", "parse_checked"]

MOSTLY = 0.99  #: share of the cells that has to fit
SOME = 200  #: cells that are looked at first
FEW = 20  #: rows under which "different in every row" says nothing
SENTENCE = 5.0  #: words in a cell of text, on average
_NAMES_A_THING = {"id", "ids", "uuid", "guid", "key", "identifier", "ident", "pk"}
_NAMES_A_CODE = _NAMES_A_THING | {"code", "zip", "zipcode", "postcode", "plz"}
_NAMES_A_NUMBER = _NAMES_A_THING | {"number", "no", "nr", "num", "index", "row", "rownum", "unnamed", "serial", "ref"}
_NAMES_A_TIME = {"time", "date", "ts", "timestamp", "datetime", "epoch", "created", "updated", "modified", "at", "when"}
_EPOCH = (631_152_000.0, 4_102_444_800.0)  # 1990 to 2100
_DAYS = (
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d %B %Y",  # %B takes Feb as well as February
    "%B %d, %Y",
    "%B %d %Y",
    "%d/%b/%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%a, %d %b %Y",
    "%a %b %d %Y",
)
_CLOCKS = (
    "",
    " %H:%M:%S%.f",
    " %H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    "T%H:%M:%S%.f",
    " %H:%M:%S %z",
    ":%H:%M:%S",
    ":%H:%M:%S %z",
)
_DIGIT = re.compile(r"\d").search
_DATELIKE = re.compile(r"(?=.{3,40}$).{0,12}\d.*[-/.: ].*\d").match
_TWINS = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}  # a day up to 12 may be a month


def infer_column(series: pl.Series, rows: int, nulls: Sequence[str] = ()) -> Column:
    """Name, kind and parser of one raw column of ``rows`` cells."""
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        return Column(series.name, "identifier", "words", series.null_count(), note=f"{series.dtype} in every cell")
    if cells.is_text(series.dtype):
        return _from_text(series, rows, tuple(nulls))
    return _from_typed(series, rows)


def _from_typed(series: pl.Series, rows: int) -> Column:
    dtype = series.dtype
    kind: Kind
    if dtype == pl.Duration:
        kind, parser = "numeric", "duration"
    elif dtype.is_temporal():
        kind, parser = "datetime", "time" if dtype == pl.Time else "date iso"
    else:
        kind, parser = "numeric", "number bool" if dtype == pl.Boolean else "number"
    values = parse(series, parser)
    present = series.filter(values.is_not_null()) if values.null_count() else series
    infinite = int(series.is_infinite().sum() or 0) if dtype.is_float() else 0
    note = f"{infinite:,} infinite cells count as missing" if infinite else ""
    if kind == "datetime" or parser in ("number bool", "duration"):
        return _settled(Column(series.name, kind, parser, values.null_count(), present.n_unique(), note), present)
    column = Column(series.name, "numeric", parser, values.null_count(), present.n_unique(), note)
    return _from_numbers(column, present, rows - column.missing)


def _from_text(series: pl.Series, rows: int, nulls: tuple[str, ...]) -> Column:
    plain = series.cast(pl.Float64, strict=False) if series.dtype == pl.String and not nulls else None
    if plain is not None and plain.null_count() == series.null_count() < rows and cells.is_finite(plain):
        found = _from_plain(series, plain, rows)  # most columns of numbers need no closer look
        if found:
            return found
    text = cells.strip(series)
    counted = text.drop_nulls().alias("word").value_counts(name="count")
    absent = cells.is_missing(counted["word"], nulls)
    present = counted.filter(~absent) if absent.any() else counted
    seen = int(present["count"].sum() or 0)
    column = Column(series.name, "category", make_parser("words", nulls), rows - seen, present.height)
    if present.height == 0:
        return replace(column, kind="constant", note="all missing")
    if present.height <= 6 and {word.lower() for word in present["word"]} <= {"true", "false"}:
        return _settled(replace(column, kind="numeric", parser=make_parser("number bool", nulls)), present["word"])
    some = _some(text, present["word"], nulls)
    found = None
    if sum(map(bool, map(_DIGIT, some))) >= len(some) / 2:
        found = _as_numbers(column, present, some, seen, nulls) or _as_dates(column, text, present, some, nulls)
    return found or _settled(_from_words(column, present, seen), present["word"])


def _some(text: pl.Series, words: pl.Series, nulls: tuple[str, ...]) -> pl.Series:
    """A few hundred cells from all over the column: what they rule out need not be tried on all."""
    some = text.gather_every(max(1, len(text) // SOME))
    absent = cells.is_missing(some, nulls)
    some = some.filter(~absent) if absent.any() else some
    return some if len(some) else words.sort().head(SOME)


def _from_plain(series: pl.Series, values: pl.Series, rows: int) -> Column | None:
    """A column of text of which every cell is a plain number, or None where the digits are rather names."""
    present = values.drop_nulls() if values.null_count() else values
    column = Column(series.name, "numeric", "number", values.null_count(), present.n_unique())
    numbers = present.to_numpy()
    if (numbers == np.floor(numbers)).all() and _is_code(series.drop_nulls()):
        return None
    return _from_numbers(column, present, rows - column.missing)


def _as_numbers(
    column: Column, present: pl.DataFrame, some: pl.Series, seen: int, nulls: tuple[str, ...]
) -> Column | None:
    """The column as numbers, if that is what it holds."""
    words, counts = present["word"], present["count"]
    either = cells.messy_numbers(some).is_not_null() | cells.messy_numbers(some, ("comma",)).is_not_null()
    if either.sum() < len(some) / 2:
        return None
    plain = words.cast(pl.Float64, strict=False)
    style = _style(words, counts) if plain.null_count() else ""
    values, _ = parse_checked(words, f"number {style}".strip())
    odd = present.filter(values.is_null())
    lost = int(odd["count"].sum() or 0)
    if lost > (1 - MOSTLY) * seen and not _is_unknown(odd, lost, seen, len(words)):
        return None
    if _is_code(words):
        return None
    shown = odd.sort("count", "word", descending=[True, False])["word"].head(20).to_list()
    note = f"{lost:,} cells that are no numbers count as missing: {', '.join(map(repr, shown[:3]))}" if lost else ""
    parser = make_parser(f"number {style}".strip(), (*nulls, *shown))
    numbers = words.filter(values.is_not_null())
    missing = column.missing + lost
    column = replace(column, kind="numeric", parser=parser, missing=missing, distinct=len(numbers), note=note)
    return _from_numbers(column, values.drop_nulls(), seen - lost)


def _is_unknown(odd: pl.DataFrame, lost: int, seen: int, distinct: int) -> bool:
    """One or two words, such as unknown, among many different numbers."""
    wordy = not odd["word"].str.contains(r"\d").any()
    return wordy and odd.height <= 2 and lost <= 0.2 * seen and distinct - odd.height >= FEW


def _style(words: pl.Series, counts: pl.Series) -> str:
    """Decimal comma or point, and whether every cell is a percentage."""
    point, comma = cells.messy_numbers(words), cells.messy_numbers(words, ("comma",))
    for_comma = counts.filter(point.is_null() & comma.is_not_null()).sum()
    moved = (point != comma).fill_null(False) & words.str.contains(".", literal=True)
    for_point = counts.filter(moved | (point.is_not_null() & comma.is_null())).sum()
    style = ["comma"] if for_comma > for_point else []
    style += ["percent"] if words.str.ends_with("%").all() else []
    return " ".join(style)


def _is_code(words: pl.Series) -> bool:
    """Digits that are rather a name: leading zeros at one width, or more digits than a float holds."""
    digits = words.str.contains(r"^\d+$")
    if not digits.all():
        return False
    widths = words.str.len_chars()
    return bool(widths.max() > 15 or (widths.min() == widths.max() >= 3 and words.str.starts_with("0").any()))  # type: ignore[operator]


def _from_numbers(column: Column, present: pl.Series, seen: int) -> Column:
    """Numbers may still name things, or be moments. ``present``: at least every distinct value, of ``seen`` cells."""
    if column.distinct < 2:
        return _settled(column, present)
    name, last = _name_words(column.name)
    values = present.cast(pl.Float64).to_numpy()
    low, high = float(values.min()), float(values.max())
    unit = _epoch_unit(low, high) if name & _NAMES_A_TIME else ""
    if unit:
        return replace(column, kind="datetime", parser=column.parser.replace("number", f"epoch {unit}", 1))
    if seen < FEW or not bool((values == np.floor(values)).all()):
        return column
    if column.distinct == seen:
        if high - low + 1 <= 1.05 * seen or _evenly_spaced(values):
            return replace(column, kind="identifier", note="whole numbers in a row, each once")
        if name & _NAMES_A_NUMBER:
            return replace(column, kind="identifier", note="whole numbers, each once, and so named")
    if last in _NAMES_A_CODE and column.distinct > FEW:
        parser = make_parser("words", cells.split_parser(column.parser)[2])
        if column.distinct >= MOSTLY * seen:
            return replace(column, kind="identifier", note="whole numbers, hardly any twice, and so named")
        return replace(column, kind="category", parser=parser, note="whole numbers that name things")
    return column


def _epoch_unit(low: float, high: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if _EPOCH[0] * scale <= low and high <= _EPOCH[1] * scale:
            return unit
    return ""


def _evenly_spaced(values: np.ndarray) -> bool:
    steps = np.diff(np.sort(values))
    return bool(steps.min() == steps.max())


def _name_words(name: str) -> tuple[set[str], str]:
    """The words of a column's name (userId, USER_ID, user id), and the last of them."""
    parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    return set(parts), parts[-1] if parts else ""


def _as_dates(
    column: Column, text: pl.Series, present: pl.DataFrame, some: pl.Series, nulls: tuple[str, ...]
) -> Column | None:
    """The column as dates, if one form fits its cells."""
    words, counts = present["word"], present["count"]
    if sum(map(bool, map(_DATELIKE, some))) < 0.9 * len(some):
        return None
    form, values = _form(some, words, counts)
    if not form:
        return None
    note = ""
    if form[:5] in _TWINS:
        form, note = _day_or_month(form, text, words)
        values = _moments(words, form)
    parser = "time" if form == "time" else f"date {form}"
    odd = present.filter(values.is_null()).sort("count", "word", descending=[True, False])["word"].to_list()
    lost = int(counts.filter(values.is_null()).sum() or 0)
    if lost:
        note = f"{lost:,} cells that are no dates count as missing: {', '.join(map(repr, odd[:3]))}"
    return _settled(
        replace(
            column,
            kind="datetime",
            parser=make_parser(parser, (*nulls, *odd[:20])),
            missing=column.missing + lost,
            distinct=len(words) - len(odd),
            note=note,
        ),
        words,
    )


def _form(some: pl.Series, words: pl.Series, counts: pl.Series) -> tuple[str, pl.Series]:
    """The form that fits the cells, or an empty text; and the moments that the words are in it."""
    for form in ("iso", "time", *(day + clock for day in _DAYS for clock in _CLOCKS)):
        fits = _moments(some, form)
        if fits.null_count() > 0.1 * len(some) or (form not in ("iso", "time") and fits.median() < -4e10):  # type: ignore[operator]
            continue  # the second: a year such as 97 read as the year 97
        values = _moments(words, form)
        if float(counts.filter(values.is_not_null()).sum()) >= MOSTLY * float(counts.sum()):
            return form, values
    return "", words


def _moments(words: pl.Series, form: str) -> pl.Series:
    return cells.times(words) if form == "time" else cells.dates(words, form)


def _day_or_month(form: str, text: pl.Series, words: pl.Series) -> tuple[str, str]:
    """01/02/2023: the reading that more cells allow; of two, the one that keeps the rows in order, else month first."""
    twin = _TWINS[form[:5]] + form[5:]
    lost = [cells.dates(words, candidate).null_count() for candidate in (form, twin)]
    if lost[0] != lost[1]:
        return (form, "") if lost[0] < lost[1] else (twin, "")
    for candidate in (twin, form):
        if cells.dates(text.drop_nulls(), candidate).drop_nulls().is_sorted():
            return candidate, ""
    chosen, says = (twin, "month") if "/" in form[:5] else (form, "day")
    return chosen, f"day and month cannot be told apart: read with the {says} first"


def _from_words(column: Column, present: pl.DataFrame, seen: int) -> Column:
    """Words: a category, sentences, or names of rows."""
    words = present["word"]
    if seen < FEW or column.distinct < 0.5 * seen:
        return column
    blanks = words.str.count_matches(r"\s+", literal=False)
    if float(blanks.mean()) + 1 >= SENTENCE:  # type: ignore[arg-type]
        return replace(column, kind="text", note="sentences")
    name, _ = _name_words(column.name)
    if column.distinct >= (0.95 if not name & _NAMES_A_NUMBER else 0.9) * seen:
        often = "each once" if column.distinct == seen else "hardly any twice"
        return replace(column, kind="identifier", note=f"words, {often}")
    return column


def _settled(column: Column, present: pl.Series) -> Column:
    """Without two different values there is nothing to learn, save whether the cell is there at all."""
    if column.distinct == 0:
        return replace(column, kind="constant", note="all missing")
    if column.distinct == 1:
        value = cells.as_text(present.head(1))[0] if len(present) else ""
        if column.missing == 0:
            return replace(column, kind="constant", note=f"always {value!r}")
        parser = make_parser("words", cells.split_parser(column.parser)[2])
        return replace(column, kind="category", parser=parser, note=f"{value!r} or missing")
    return column
