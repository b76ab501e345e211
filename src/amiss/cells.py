"""How a cell becomes a value: text -> numbers, dates, words, by a parser that is one line of text.

A parser is a word and its arguments, then perhaps a JSON list of further words that mean missing:

- ``number [comma] [percent] [bool]``: ``1e5``, ``$60,000.00``, ``1 234``, ``(12)`` = -12; with ``comma`` ``12,5`` and
  ``1.234,5``; a percent sign is dropped with ``percent``, else ``45%`` is 0.45; with ``bool`` true and
  false are 1 and 0.
- ``date FORMAT`` or ``date iso``: seconds since 1970 in UTC; a text without time zone is taken as UTC.
- ``time``: seconds since midnight. ``epoch s|ms|us|ns``: a number that counts since 1970. ``duration``: seconds.
- ``words``: the text itself without blanks around it.

A typed column (from Parquet, say) needs no parsing; a parser learned from text takes it too, and the other way round.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import polars as pl

from amiss.errors import ModelFileError

_MISSING = (
    "",
    "?",
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "null",
    "nan",
    "-nan",
    "nat",
    "-",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "+infinity",
    "-infinity",
    "#div/0!",
    "#value!",
    "#ref!",
    "#num!",
    "#name?",
)  # not "none": it is a word of its own in many tables (no earlier claim, no suppliment)
#: words that mean missing, in the ways they are written
MISSING = frozenset(
    v
    for w in _MISSING
    for v in (w, w.upper(), w.title(), w.capitalize(), w.replace("nan", "NaN"), w.replace("nat", "NaT"))
)
_MISSING_WORDS = pl.Series(sorted(MISSING))
_BLANKS = "[\\s\u00a0\u2007\u2009\u202f]"
_MONEY = r"(?:[$€£¥₹₽₩]|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|kr|zł|R\$|US\$)"
_FINAL = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_ISO = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M%z",
    "%Y-%m-%dT%H:%M%z",
)
_TIMES = ("%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def make_parser(word: str, missing: Sequence[str] = ()) -> str:
    """The parser's text: ``word``, and the words that mean missing in this column."""
    return f"{word} {json.dumps(sorted(missing))}" if missing else word


def split_parser(parser: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The parser's word, its arguments and its words for missing; ModelFileError for anything else."""
    head, bracket, tail = parser.partition("[") if not parser.startswith("date") else _split_date(parser)
    try:
        missing = tuple(str(word) for word in json.loads(bracket + tail)) if bracket else ()
    except (ValueError, TypeError) as error:
        raise ModelFileError("the model's schema is damaged", found=f"parser {parser!r}") from error
    word, _, rest = head.strip().partition(" ")
    if word not in ("number", "date", "time", "epoch", "duration", "words"):
        raise ModelFileError("the model's schema has an unknown parser", found=repr(parser))
    return word, (rest,) if word == "date" else tuple(rest.split()), missing


def _split_date(parser: str) -> tuple[str, str, str]:
    """A date's format may hold a bracket, its list begins with the one before a quote."""
    head, bracket, tail = parser.partition(' ["')
    return head, bracket.strip()[:1], tail and '"' + tail


def parse(series: pl.Series, parser: str, nulls: Sequence[str] = ()) -> pl.Series:
    """Values: Float64 (numbers, seconds) or String (words); null = missing, or not to be understood."""
    return parse_checked(series, parser, nulls)[0]


def parse_checked(series: pl.Series, parser: str, nulls: Sequence[str] = ()) -> tuple[pl.Series, pl.Series | None]:
    """The values, and a mask of the cells that hold something which is no such value (None: there is no such cell)."""
    word, arguments, missing = split_parser(parser)
    nulls = (*nulls, *missing)
    if word == "words":
        return words(series, nulls), None
    if word == "duration" or not is_text(series.dtype):
        return _typed(series, word, arguments)
    if word == "number":
        return _numbers(series, arguments, nulls)
    if word == "epoch":
        values, bad = _numbers(series, (), nulls)
        return values / _PER_SECOND.get(arguments[0] if arguments else "s", 1.0), bad
    left = strip(series)
    values = dates(left, arguments[0]) if word == "date" else times(left)
    return values, _bad(values, left, nulls)


def is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null, pl.Object) or dtype.is_nested() or dtype == pl.Binary


def strip(series: pl.Series) -> pl.Series:
    """Text of every cell without blanks around it."""
    return as_text(series).str.strip_chars()


def as_text(series: pl.Series) -> pl.Series:
    """Cells as text; whole numbers without ``.0``, so that 1 and 1.0 are one word."""
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if dtype.is_float():
        whole = series.is_not_null() & (series == series.floor()) & (series.abs() < 2**53)
        text = series.cast(pl.String)
        if not whole.any():
            return text
        return pl.select(
            pl.when(whole).then(series.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(text).alias(series.name)
        ).to_series()
    if dtype == pl.Object or dtype.is_nested() or dtype == pl.Binary:
        cells = [None if cell is None else str(cell) for cell in series.to_list()]
        return pl.Series(series.name, cells, dtype=pl.String)
    return series.cast(pl.String)


def is_missing(text: pl.Series, nulls: Sequence[str] = ()) -> pl.Series:
    """Mask of the cells, already stripped, that mean missing."""
    known = _MISSING_WORDS if not nulls else pl.Series([*MISSING, *(n.strip() for n in nulls)])
    mask = text.is_in(known.implode())
    return mask | text.is_null() if text.null_count() else mask


def words(series: pl.Series, nulls: Sequence[str] = ()) -> pl.Series:
    """Stripped text; null = missing."""
    text = strip(series)
    missing = is_missing(text, nulls)
    return text.set(missing, None) if missing.any() else text


def _bad(values: pl.Series, text: pl.Series, nulls: Sequence[str]) -> pl.Series | None:
    """Mask of the cells without a value that do not mean missing."""
    if not (values.null_count() > text.null_count()):
        return None
    bad = values.is_null() & ~is_missing(text, nulls)
    return bad if bad.any() else None


def _numbers(series: pl.Series, style: Sequence[str], nulls: Sequence[str]) -> tuple[pl.Series, pl.Series | None]:
    text, comma = as_text(series), "comma" in style
    fast = text.set(text.is_in(list(nulls)).fill_null(False), None) if nulls else text
    values = finite(fast.cast(pl.Float64, strict=False))
    if not comma and values.null_count() == text.null_count():
        return values, None
    left = fast.is_not_null() if comma else values.is_null() & fast.is_not_null()
    places = left.arg_true()
    rest = fast.gather(places).str.strip_chars()
    read = messy_numbers(rest, style)
    values = values.scatter(places, read)
    bad = read.is_null() & ~is_missing(rest, nulls)
    if not bad.any():
        return values, None
    mask = pl.repeat(False, len(series), eager=True, dtype=pl.Boolean).scatter(places.filter(bad), True)
    return values, mask


def finite(values: pl.Series) -> pl.Series:
    """Infinity and NaN become null."""
    if is_finite(values):
        return values
    odd = (~values.is_finite()).fill_null(False)
    return values.set(odd, None) if odd.any() else values


def is_finite(values: pl.Series) -> bool:
    """Whether all values are surely finite: one infinity or NaN makes the sum infinite or NaN."""
    return math.isfinite(values.sum() or 0.0)


def messy_numbers(text: pl.Series, style: Sequence[str] = ()) -> pl.Series:
    """Stripped text -> Float64: currency, grouping, decimal comma, per cent, brackets = negative; null = no number."""
    t = (
        text.str.replace_all("\u2212", "-", literal=True)
        .str.replace(r"^\((.*)\)$", "-$1")
        .str.replace(rf"^([+-]?){_BLANKS}*{_MONEY}{_BLANKS}*([+-]?)", "$1$2")
        .str.replace(rf"{_BLANKS}*{_MONEY}$", "")
    )
    share = t.str.ends_with("%")
    t = t.str.replace(rf"{_BLANKS}*%$", "")
    t = _ungroup(t, rf"{_BLANKS}", r"\d{3}", "[.,]")
    t = _ungroup(t, "['\u2019_]", r"\d{3}", "[.,]")
    if "bool" in style:
        t = t.str.replace("(?i)^true$", "1").str.replace("(?i)^false$", "0")
    if "comma" in style:  # 1.234,5; a point that cannot group is a decimal point all the same
        t = _ungroup(t, r"\.", r"\d{3}", ",").str.replace(r"^([+-]?\d*),(\d+)$", "$1.$2")
    else:
        t = _ungroup(t, ",", r"\d{2,3}", r"\.")
    t = t.set(~t.str.contains(_FINAL).fill_null(False), None)
    values = finite(t.cast(pl.Float64, strict=False))
    if "percent" in style or not share.any():
        return values
    return pl.select(pl.when(share).then(values / 100).otherwise(values)).to_series()


def _ungroup(text: pl.Series, sign: str, group: str, point: str) -> pl.Series:
    """Take thousands' signs out of the cells where they stand between whole groups: 1,234,567.8 and 1,00,000."""
    pattern = rf"^[+-]?[1-9]\d{{0,2}}(?:{sign}{group})*{sign}\d{{3}}(?:{point}\d*)?$"
    grouped = text.str.contains(pattern).fill_null(False)
    if not grouped.any():
        return text
    return pl.select(pl.when(grouped).then(text.str.replace_all(sign, "")).otherwise(text)).to_series()


def dates(text: pl.Series, form: str) -> pl.Series:
    """Stripped text -> seconds since 1970, null where it does not fit ``form`` (``iso``: any of its variants)."""
    if form != "iso":
        return _one_form(text, form)
    some = text.drop_nulls().head(50)
    forms = sorted(_ISO, key=lambda form: _one_form(some, form).null_count())  # the likely one first: each costs a pass
    values = _one_form(text, forms[0])
    for form in forms[1:]:
        if values.null_count() == text.null_count():
            break
        places = (values.is_null() & text.is_not_null()).arg_true()
        values = values.scatter(places, _one_form(text.gather(places), form))
    return values


def _one_form(text: pl.Series, form: str) -> pl.Series:
    if form.endswith("%z"):
        text = text.str.replace("[zZ]$", "+00:00")
    try:
        moments = text.str.to_datetime(form, strict=False, exact=True, time_unit="us")
    except pl.exceptions.PolarsError:  # a form that polars does not take fits nothing
        return pl.Series(text.name, [None] * len(text), dtype=pl.Float64)
    return moments.dt.epoch("us").cast(pl.Float64) / 1e6


def times(text: pl.Series) -> pl.Series:
    """Stripped text such as 23:59 -> seconds since midnight."""
    values = pl.Series(text.name, [None] * len(text), dtype=pl.Float64)
    for form in _TIMES:
        places = (values.is_null() & text.is_not_null()).arg_true()
        if len(places):
            clock = text.gather(places).str.to_time(form, strict=False)
            values = values.scatter(places, clock.cast(pl.Int64).cast(pl.Float64) / 1e9)
    return values


def _typed(series: pl.Series, word: str, arguments: tuple[str, ...]) -> tuple[pl.Series, pl.Series | None]:
    """A column with a type of its own; nothing to understand, only units."""
    dtype = series.dtype
    if dtype == pl.Date:
        values = series.cast(pl.Int32).cast(pl.Float64) * 86400.0
    elif dtype == pl.Datetime:
        values = series.dt.epoch("us").cast(pl.Float64) / 1e6
    elif dtype == pl.Time:
        values = series.cast(pl.Int64).cast(pl.Float64) / 1e9
    elif dtype == pl.Duration:
        values = series.dt.total_microseconds().cast(pl.Float64) / 1e6
    elif is_text(dtype):
        return _numbers(series, (), ())
    else:
        values = finite(series.cast(pl.Float64))
        if word == "epoch":
            values = values / _PER_SECOND.get(arguments[0] if arguments else "s", 1.0)
        if word in ("date", "time"):  # numbers where dates were learned are not to be understood
            return values, series.is_not_null() if values.null_count() < len(values) else None
    if word == "number" and dtype.is_temporal() and dtype not in (pl.Duration, pl.Time):
        return values, series.is_not_null() if values.null_count() < len(values) else None
    return values, None
