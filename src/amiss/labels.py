"""A label column -> y: 1 anomaly, 0 normal, -1 unlabelled. (Not scikit-learn's ``predict``, where -1 is an outlier.)

Which of the column's values are anomalies:

1. those the person names; all others are normal, or the other way round where the person names the normal ones;
2. else, where a value says so (1, true, yes, anomaly, fraud, attack, ...) and all others say the contrary or are one;
3. else, where one value says normal (0, ok, benign, ...), all others;
4. else, of two values, the rarer. Three or more values that say nothing are refused, with their counts; so are three
   or more numbers of which 0 is not the commonest: these number classes.

Empty cells are unlabelled, and so are words such as unknown or unlabelled, unless the person names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from amiss import cells
from amiss.errors import LabelError, ModelFileError
from amiss.meaning import ANOMALY_WORDS, NORMAL_WORDS, UNLABELLED_WORDS, same_word
from amiss.reading import RawTable
from amiss.table import resolve

_SHOWN = 12
_MOST_CLASSES = 20  #: with more different numbers it is a measurement, not a label

Rest = Literal["normal", "anomaly", "unlabelled", "refuse"]


@dataclass(frozen=True)
class Labels:
    """What the label column says.

    y: (rows,) int8: 1 anomaly, 0 normal, -1 unlabelled.
    column: its name. anomaly: the values that count as anomalies, as text. normal: those that count as normal.
    note: how that was found, for the person. spec: the rule, for :func:`match_labels`, fit for JSON.
    once: a note on values that a single row has and nobody named, which may be slips of the pen; else empty.
    """

    y: np.ndarray
    column: str
    anomaly: str
    normal: tuple[str, ...]
    note: str
    spec: dict[str, Any] = field(default_factory=dict)
    once: str = ""


@dataclass(frozen=True)
class _Rule:
    """Keys of anomalies and of normal rows, and what any other value is."""

    anomaly: frozenset[str]
    normal: frozenset[str]
    rest: Rest
    why: str


def read_labels(
    raw: RawTable,
    column: str | int,
    *,
    anomaly: str | None = None,
    normal: str | None = None,
    nulls: Sequence[str] = (),
    allow_one_class: bool = False,
) -> Labels:
    """Find out what ``column`` (a name, or a place 1, 2, ...) says.

    anomaly, normal: the values that count as such, separated by commas; letter case does not matter, and 1 is 1.0.
    allow_one_class: labels that are all normal will do (training data known to be clean), and anomalies among rows
        that are unlabelled.

    Raises ColumnError where the column is absent, LabelError where it cannot be understood.
    """
    name = resolve(raw, column)
    words = _words(raw, name, nulls)
    counts = _counts(words)
    if not counts:
        raise LabelError(
            "the label column is empty",
            where=f"{raw.source}, column {name!r}",
            required="a value for at least some rows",
            found=f"{len(words):,} missing cells",
        )
    rule = _named(anomaly, normal, counts, raw, name) if anomaly or normal else _guessed(counts, raw, name)
    return _labels(words, counts, name, rule, raw, allow_one_class)


def match_labels(
    raw: RawTable,
    column: str | int,
    spec: Mapping[str, Any],
    *,
    nulls: Sequence[str] = (),
    allow_one_class: bool = False,
) -> Labels:
    """Labels of another table by the rule of the first: ``spec`` is ``Labels.spec``.

    A value that the first table did not hold is what the rule makes of it: an anomaly where all but the normal are.
    """
    try:
        rest: Rest = spec["rest"]
        if rest not in get_args(Rest):
            raise ValueError(rest)
        rule = _Rule(frozenset(map(str, spec["anomaly"])), frozenset(map(str, spec["normal"])), rest, "as in training")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError("the model's rule for labels is damaged", found=repr(error)) from error
    name = resolve(raw, column)
    words = _words(raw, name, nulls)
    return _labels(words, _counts(words), name, rule, raw, allow_one_class)


def _words(raw: RawTable, name: str, nulls: Sequence[str]) -> pl.Series:
    return cells.words(raw.frame[name], (*raw.nulls, *nulls))


def _counts(words: pl.Series) -> dict[str, int]:
    """Value -> rows, most frequent first."""
    counted = words.drop_nulls().alias("word").value_counts(name="count")
    return dict(counted.sort("count", "word", descending=[True, False]).iter_rows())


def _named(anomaly: str | None, normal: str | None, counts: dict[str, int], raw: RawTable, name: str) -> _Rule:
    """The rule by the values that the person gave, each of which must occur."""
    known = {same_word(word) for word in counts}
    keys = []
    for given in (anomaly, normal):
        whole = given and same_word(given) in known  # a value may hold a comma
        wanted = [given or ""] if whole else (given or "").split(",")
        keys.append(frozenset(same_word(w) for w in wanted if w.strip()))
        absent = [w.strip() for w in wanted if w.strip() and same_word(w) not in known]
        if absent:
            raise LabelError(
                f"no row has the label {' or '.join(map(repr, absent))}",
                where=_where(raw, name),
                required="values that occur",
                found=_listed(counts),
            )
    if keys[0] & keys[1]:
        raise LabelError(
            "a value is named both as anomaly and as normal",
            where=_where(raw, name),
            found=", ".join(sorted(keys[0] & keys[1])),
        )
    if keys[0] and keys[1]:
        return _Rule(keys[0], keys[1], "unlabelled", "as named")
    if keys[0] and known - keys[0] == {"-1"}:  # of 1 and -1 the other one is no word for unlabelled
        return _Rule(keys[0], frozenset(["-1"]), "normal", "as named")
    return _Rule(keys[0], keys[1], "normal" if keys[0] else "anomaly", "as named")


def _guessed(counts: dict[str, int], raw: RawTable, name: str) -> _Rule:
    """The rule by what the values say."""
    totals: dict[str, int] = {}
    for word, count in counts.items():
        totals[same_word(word)] = totals.get(same_word(word), 0) + count
    keys = {key for key in totals if key not in UNLABELLED_WORDS}
    numbers = {key for key in keys if _is_number(key)}
    bad, good = keys & ANOMALY_WORDS, keys & NORMAL_WORDS
    if numbers - {"0", "1"}:  # 1, 2, 3 number the classes; 0 and others may count faults
        bad = bad - {"1"}
    if len(numbers) <= _MOST_CLASSES and not (keys == {"1"} and "-1" in totals):
        if bad and bad | good == keys:
            return _Rule(frozenset(bad), frozenset(good), "refuse", "by its name")
        classes = len(numbers) > 2 and good == {"0"} and totals["0"] < max(totals[key] for key in numbers)
        if good and not classes:
            return _Rule(frozenset(keys - good), frozenset(good), "anomaly", "all that is not normal")
        if bad and not classes:
            return _Rule(frozenset(bad), frozenset(keys - bad), "refuse" if len(keys) == 2 else "normal", "by its name")
        if len(keys) == 1:
            return _Rule(frozenset(), frozenset(keys), "refuse", "the only value")
        rare, common = sorted(keys, key=lambda key: totals[key])[:2] if keys else ("", "")
        if len(keys) == 2 and totals[rare] < totals[common]:
            return _Rule(frozenset([rare]), frozenset([common]), "refuse", "the rarer value")
    if len(numbers) > _MOST_CLASSES:
        raise LabelError(
            "the label column holds measurements, it seems, no labels",
            where=_where(raw, name),
            required=f"a value that says anomaly or normal, or {_MOST_CLASSES} different numbers at most",
            found=f"{len(numbers):,} different numbers, {min(map(float, numbers)):g} to {max(map(float, numbers)):g}",
            hint="name the column of labels, or the numbers that are anomalies: --anomaly A,B",
        )
    raise LabelError(
        "it is not clear which labels are anomalies",
        where=_where(raw, name),
        required="two values, or a value that says normal or anomaly",
        found=_listed(counts),
        hint=f"name the anomaly, e.g. --anomaly {_quoted(list(counts)[-1])}",
    )


def _is_number(key: str) -> bool:
    try:
        float(key)
    except ValueError:
        return False
    return True


def _labels(
    words: pl.Series, counts: dict[str, int], name: str, rule: _Rule, raw: RawTable, allow_one_class: bool
) -> Labels:
    """y by the rule, checked for having two classes."""
    verdicts: dict[str, int] = {}
    for word in counts:
        key = same_word(word)
        if key in rule.anomaly:
            verdicts[word] = 1
        elif key in rule.normal:
            verdicts[word] = 0
        elif key in UNLABELLED_WORDS or rule.rest == "unlabelled":
            verdicts[word] = -1
        elif rule.rest == "refuse":
            raise LabelError(
                f"the label {word!r} is neither an anomaly nor normal",
                where=_where(raw, name),
                required=f"one of {', '.join(sorted(rule.anomaly | rule.normal))}",
                found=_listed(counts),
            )
        else:
            verdicts[word] = 1 if rule.rest == "anomaly" else 0
    y = words.replace_strict(list(verdicts), list(verdicts.values()), default=-1, return_dtype=pl.Int8).fill_null(-1)
    groups = {v: [w for w in counts if verdicts[w] == v] for v in (1, 0, -1)}
    totals = {v: sum(counts[w] for w in group) for v, group in groups.items()}
    unlabelled = len(words) - totals[1] - totals[0]
    one_will_do = allow_one_class and (totals[0] or (totals[1] and unlabelled))
    if not (totals[0] and totals[1]) and not one_will_do:
        only = "anomalies" if totals[1] else "normal rows" if totals[0] else "unlabelled rows"
        raise LabelError(
            f"the label column holds {only} alone",
            where=_where(raw, name),
            required="anomalies and normal rows",
            found=_listed(counts),
            hint="name the anomaly with --anomaly, or do without the label"
            if totals[0]
            else "label some normal rows too, or leave the cells of rows that nobody looked at empty",
        )
    anomaly = ", ".join(groups[1]) or ", ".join(sorted(rule.anomaly))
    note = f"anomaly is {name} = {_short(groups[1])} ({rule.why}): {totals[1]:,} rows; normal {totals[0]:,}"
    if not totals[1]:
        note = f"normal is {name} = {_short(groups[0])}: {totals[0]:,} rows; no anomaly is labelled"
    note += f"; unlabelled {unlabelled:,}" if unlabelled else ""
    spec = {"column": name, "anomaly": sorted(rule.anomaly), "normal": sorted(rule.normal), "rest": rule.rest}
    once = _once(verdicts, counts) if rule.why not in ("as named", "as in training") else ""
    return Labels(y.to_numpy().astype(np.int8), name, anomaly, tuple(groups[0]), note, spec, once)


def _once(verdicts: dict[str, int], counts: dict[str, int]) -> str:
    """A note on values of a single row, where there are more values than two: they may be slips of the pen."""
    totals: dict[tuple[str, int], int] = {}
    for word, verdict in verdicts.items():
        if verdict >= 0:
            totals[same_word(word), verdict] = totals.get((same_word(word), verdict), 0) + counts[word]
    single = {verdict: [key for (key, v), count in totals.items() if v == verdict and count == 1] for verdict in (1, 0)}
    if len(totals) < 3 or not (single[1] or single[0]):
        return ""
    told = [f"{_short(words)} (anomaly)" if verdict else _short(words) for verdict, words in single.items() if words]
    note = f"labels that a single row has: {', '.join(told)}; if that is a slip, correct it or name the anomalies"
    return note


def _where(raw: RawTable, name: str) -> str:
    return f"{raw.source}, column {name!r}"


def _listed(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{word!r} ({count:,})" for word, count in list(counts.items())[:_SHOWN])
    return shown + (f" and {len(counts) - _SHOWN} more values" if len(counts) > _SHOWN else "")


def _short(words: list[str]) -> str:
    return (
        " or ".join(words[:4]) + (f" or {len(words) - 4} more" if len(words) > 4 else "") if words else "nothing here"
    )


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word
