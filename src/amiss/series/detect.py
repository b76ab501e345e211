"""A table with a time column in, the same table with score, p_value and is_anomaly out, and its events."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any

import numpy as np
import polars as pl

import amiss
from amiss.decision import Decision, Rule
from amiss.errors import LabelError, TableError
from amiss.labels import Labels, read_labels
from amiss.plain import finite
from amiss.reading import RawTable, ReadOptions, read
from amiss.series import find, implied
from amiss.series.base import Look
from amiss.series.causes import Cause, causes_of
from amiss.series.events import Event, events_of
from amiss.series.frame import Series, TimeTable, as_time_table, time_words, until
from amiss.series.metrics import evaluate_series
from amiss.series.windows import local_peak
from amiss.table import Columns
from amiss.verdicts import beside, verdict_frame

MOST_BLAMED = 200  #: events whose channels are told, the strangest first
BLAMED = "channels"  #: the column that names the channels to blame
ALARM = 2.0  #: times the highest score of an ordinary training part; chosen on the tuning series of TSB-AD
SPREADS = 8.0  #: where nothing is known to be ordinary, likewise
SHARP = 0.5


@dataclass
class SeriesDetection:
    """frame: the input with score, p_value, is_anomaly and channels, in row order; empty where a row has no time.

    events: a row for each stretch: series, start, end, steps, peak, score, p_value, channels, why. causal: whether
    scores use no later steps. evaluation: where labels were given, measures by series' name. judged: what was found
    out about each series, by its name. y: (rows,) labels 1, 0 and -1, where they were given.
    """

    frame: pl.DataFrame
    events: pl.DataFrame
    table: TimeTable
    raw: RawTable
    card: dict[str, Any]
    notes: list[str]
    rule: str
    evaluation: dict[str, Any] = field(default_factory=dict)
    causal: bool = False
    judged: dict[str, Judged] = field(default_factory=dict)
    y: np.ndarray | None = None


@dataclass
class Judged:
    """A series with its verdicts: score, p_value, flagged (steps,) each; its events; what the detector says of it."""

    score: np.ndarray
    p_value: np.ndarray
    flagged: np.ndarray
    events: list[SeriesEvent]
    look: Look


@dataclass(frozen=True)
class SeriesEvent:
    """A stretch, and the channels that are to blame, the first one most."""

    event: Event
    causes: list[Cause]


def detect_series(
    data: Any, time: str | int, series: str | int | None = None, *, train_until: str | int | None = None,
    rule: Rule | None = None, contamination: float | None = None, seed: int = 0, only: Columns = (),
    drop: Columns = (), label: str | int | None = None, anomaly: str | None = None,
    detector: str | None = None, reading: ReadOptions | None = None, bands: bool = False, lang: str = "en",
    report: Callable[[float, str], None] | None = None, **parameters: Any,
) -> SeriesDetection:  # fmt: skip
    """Find what is amiss in the series of a table.

    data: as in :func:`amiss.fit`. time: the time column; its rows may come in any order, see :mod:`.frame`.
    series: a column that names the series a row belongs to; each is learned alone. train_until: a time, or a number of
    rows: what comes first tells what is ordinary; None: learned from all of it. label, anomaly: a column that is not
    learned from and measures the result, and its value that is the anomaly.
    rule, contamination: how steps are flagged, for each series alone. detector: a name in :data:`amiss.series.METHODS`.
    bands: put the typical low and high of every channel beside the rows, too. lang: of the reasons. parameters: of that
    detector.
    """
    started = clock.perf_counter()
    raw = read(data, reading)
    table = as_time_table(raw, time, series, only=only, drop=drop, label=label)
    labels = None if label is None else read_labels(raw, label, anomaly=anomaly, nulls=raw.nulls)
    rule = Rule("contamination", contamination) if contamination is not None else rule
    method, parameters = find(detector), implied(detector) | parameters
    clean = train_until is not None

    def one(each: Series, notes: list[str]) -> Judged:
        fitted, train = learned(table, each, method, train_until, seed, parameters, notes)
        late = int(np.isnan(each.values[train:]).sum())
        if late:
            notes.append(f"{_prefix(each)}{late:,} missing values after the training part are filled by straight lines")
        return judge(table, each, fitted, rule, clean, seed)

    card = card_of(raw, method, clean, seed, parameters, labels)
    found = assemble(raw, table, one, card, rule_words(rule, clean), labels, report, bands, lang)
    found.card["seconds"] = round(clock.perf_counter() - started, 3)
    return found


def card_of(
    raw: RawTable, method: Any, clean: bool, seed: int, parameters: dict[str, Any], labels: Labels | None
) -> dict[str, Any]:
    """What is learned from what. clean: whether a training part is known to be ordinary."""
    own = method(random_state=seed, **parameters)
    return {
        "amiss": amiss.__version__, "source": raw.source, "rows": raw.frame.height, "detector": method.__name__,
        "setting": "one-class" if clean else "unsupervised", "seed": seed,
        "label": None if labels is None else {"column": labels.column, "spec": labels.spec},
        "parameters": {f.name: finite(getattr(own, f.name)) for f in fields(own)},
    }  # fmt: skip


def assemble(
    raw: RawTable, table: TimeTable, one: Callable[[Series, list[str]], Judged], card: dict[str, Any], words: str,
    labels: Labels | None = None, report: Callable[[float, str], None] | None = None, bands: bool = False,
    lang: str = "en",
) -> SeriesDetection:  # fmt: skip
    """The verdicts of every series beside the table's rows. one: judges a series; what it refuses is left out where
    there are others. bands, lang: as of :func:`detect_series`."""
    columns = np.full((3, raw.frame.height), np.nan)
    blamed = np.full(raw.frame.height, "", dtype=object)
    edges = np.full((2 * len(table.channels) if bands else 0, raw.frame.height), np.nan)
    events, notes, judged_ = [], list(table.notes), dict[str, Judged]()
    for i, each in enumerate(table.series):
        if report is not None:
            report(i / len(table.series), f"learning {each.name}".rstrip())
        try:
            found = one(each, notes)
        except TableError as error:
            if len(table.series) == 1:
                raise
            notes.append(f"series {each.name!r} is left out: {error.problem} ({error.found})")
            continue
        mine = each.place >= 0
        columns[:, mine] = np.stack([found.score, found.p_value, found.flagged])[:, each.place[mine]]
        told = np.full(len(found.score), "", dtype=object)
        for one_ in found.events:
            told[one_.event.first : one_.event.last + 1] = _channels(one_.causes)
        blamed[mine] = told[each.place[mine]]
        if bands:
            both = np.stack(found.look.band(), 2)[each.place[mine]]  # (rows, channels, 2)
            edges[:, mine] = both.reshape(len(both), -1).T
        events += [event_words(table, each, one_, lang) for one_ in found.events]
        judged_[each.name] = found
    known = np.isfinite(columns[0])
    if not known.any():
        raise TableError("no row could be scored", where=raw.source, found="; ".join(notes)[:400])
    flagged_rows = known & (columns[2] == 1)
    verdicts = verdict_frame(columns[0], columns[1], flagged_rows)
    verdicts = verdicts.with_columns(
        pl.col("score", "p_value").fill_nan(None), pl.Series(BLAMED, np.where(flagged_rows, blamed, ""), pl.String)
    )
    for (channel, end), edge in zip(product(table.channels, ("low", "high")), edges):
        verdicts = verdicts.with_columns(pl.Series(f"{channel} {end}", edge).fill_nan(None))
    frame, notes = beside(raw.frame, verdicts), list(dict.fromkeys(notes))
    measured = {} if labels is None else _evaluate(table, labels, columns, notes)
    causal = all(each.look.causal for each in judged_.values())
    return SeriesDetection(
        frame, _event_frame(events), table, raw, dict(card), notes, words, measured, causal, judged_,
        None if labels is None else labels.y,
    )  # fmt: skip


def _evaluate(table: TimeTable, labels: Labels, columns: np.ndarray, notes: list[str]) -> dict[str, Any]:
    """Measures for each series by its name, over its rows in order of time."""
    found = {}
    for series in table.series:
        rows = np.flatnonzero((series.place >= 0) & (labels.y >= 0) & np.isfinite(columns[0]))
        rows = rows[np.argsort(series.place[rows], kind="stable")]
        score, _, flagged = columns[:, rows]
        try:
            known = np.nan_to_num(series.values[series.place[rows]])
            found[series.name] = evaluate_series(labels.y[rows], score, flagged == 1, series=known)
        except (LabelError, ValueError):  # of a series without any row, too
            notes.append(f"series {series.name!r} has not labels of both kinds: it is not measured")
    return found


def learned(
    table: TimeTable, series: Series, method: Any, train_until: str | int | None, seed: int,
    parameters: dict[str, Any], notes: list[str], most: int | None = None,
) -> tuple[Any, int]:  # fmt: skip
    """A detector fitted to the training part of a series, and the steps of that part. most: only the last so many."""
    train, own_notes = until(table, series, train_until), list[str]()
    x = series.values if train is None else series.values[:train]
    if most is not None and len(x) > most:
        own_notes.append(f"the last {most:,} of {len(x):,} steps are learned from")
        x = x[-most:]
    detector = method(random_state=seed, **parameters).fit(x, None if train is None else len(x))
    own_notes += [_named(note, table.channels) for note in detector.notes_]
    notes += [_prefix(series) + note for note in own_notes]
    return detector, len(x)


def judge(
    table: TimeTable, series: Series, detector: Any, rule: Rule | None, clean: bool, seed: int, new: bool = False
) -> Judged:
    """Verdicts on the steps of a series, and its events. new: the detector has learned from another table."""
    x = series.values
    look = detector.look(x, series.breaks)
    score, ordinary = look.score, look.ordinary
    seconds = series.times if table.dated else None
    p_value, flagged = judged(rule, score, ordinary, clean, max(detector.windows_), seed, new, seconds)
    flagged &= np.isfinite(x).any(1)  # a step without any value is not accused
    found = events_of(flagged, score, p_value, gap=max(detector.period_, 8) // 4)
    strangest = sorted(found, key=lambda event: -event.score)[:MOST_BLAMED]
    blamed: dict[int, list[Cause]] = {}
    if strangest:
        shares, band = look.shares(np.array([event.peak for event in strangest])), look.band()
        for event, share in zip(strangest, shares):
            blamed[event.first] = causes_of(event, share, x, band, table.channels)
    told = [SeriesEvent(event, blamed.get(event.first, [])) for event in found]
    return Judged(score, p_value, flagged, told, look)


def judged(
    rule: Rule | None, score: np.ndarray, ordinary: np.ndarray, clean: bool, reach: int, seed: int = 0,
    new: bool = False, seconds: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """p-values and verdicts of score (time,), beside the training part's own scores ``ordinary``.

    new: score is of another series than ``ordinary``, which then tells what is usual and what share is flagged.
    seconds: (time,) since 1970, for a rule that counts by time; None where time is told in other numbers.
    Without a rule: where the training part is known to be ordinary (``clean``), steps that score more than ``ALARM``
    times as high as any of it; else those that are ``SPREADS`` upper quartiles above the median. Of these, steps under
    half of the highest score within ``reach`` steps are left out: windows that reach into an anomaly, not the anomaly.
    """
    told = Decision.learn(Rule(), ordinary, None, seed)
    p_value = told.tail_p_values(score)
    if rule is not None:
        share = rule.name == "contamination" and not new
        held = Decision.within(rule, score) if share else told.with_rule(rule)
        return p_value, held.flag(score, seconds)
    if clean:
        limit = ALARM * max(float(ordinary.max()), 0.0)
    else:
        middle, upper = np.quantile(ordinary if new else score, (0.5, 0.75))
        limit = middle + SPREADS * (upper - middle)
    return p_value, (score > limit) & (score >= SHARP * local_peak(score, reach))


def rule_words(rule: Rule | None, clean: bool, new: bool = False) -> str:
    """How steps were flagged, for the person; new: of another series than the one that was learned from."""
    if rule is None and clean:
        return f"steps that score more than {ALARM:g} times as high as any of the training part"
    if rule is None:
        return f"steps whose score lies {SPREADS:g} times as far above the median as the upper quartile does"
    if rule.name == "contamination":
        share = f"the strangest {rule.value:.2%} of the"
        return f"steps that score as high as {share} steps that were learned from" if new else f"{share} steps"
    return f"by the rule {rule}"


def _prefix(series: Series) -> str:
    return f"series {series.name!r}: " if series.name else ""


def _named(note: str, channels: list[str]) -> str:
    """A note with the channels' names."""
    for i in range(len(channels), 0, -1):
        note = note.replace(f"channel {i}", repr(channels[i - 1]))
    return note


def _channels(causes: list[Cause]) -> str:
    return ", ".join(f"{cause.channel} {cause.share:.0%}" for cause in causes)


def event_words(table: TimeTable, series: Series, one: SeriesEvent, lang: str) -> dict[str, Any]:
    """A row of ``events``."""
    event = one.event
    return {
        "series": series.name,
        "start": time_words(table, series.times[event.first]),
        "end": time_words(table, series.times[event.last]),
        "steps": event.steps,
        "peak": time_words(table, series.times[event.peak]),
        "score": event.score,
        "p_value": event.p_value,
        "channels": _channels(one.causes),
        "why": "; ".join(cause.told(time_words(table, series.times[cause.step]), lang) for cause in one.causes),
    }


def _event_frame(events: list[dict[str, Any]]) -> pl.DataFrame:
    text, number = pl.String, pl.Float64
    schema = {"series": text, "start": text, "end": text, "steps": pl.Int64, "peak": text, "score": number,
              "p_value": number, "channels": text, "why": text}  # fmt: skip
    frame = pl.DataFrame(events, schema=schema)
    return frame.drop("series") if not events or not frame["series"].str.len_chars().sum() else frame
