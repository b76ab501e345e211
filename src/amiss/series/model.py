"""``SeriesModel``: what was learned of the series of a table, in one object and one file."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from amiss import store
from amiss.blas import one_thread
from amiss.decision import Rule
from amiss.errors import LabelError, ModelFileError, OptionError, TableError
from amiss.labels import Labels, match_labels, read_labels
from amiss.reading import RawTable, ReadOptions, read
from amiss.schema import Schema
from amiss.series import find, implied
from amiss.series.detect import BLAMED, Judged, SeriesDetection, assemble, card_of, judge, learned, rule_words
from amiss.series.explain import SeriesExplanation, explain_series
from amiss.series.frame import Series, TimeTable, as_time_table, match_time_table, until
from amiss.series.live import Live
from amiss.series.watch import Watch
from amiss.table import Columns
from amiss.verdict import one_rule
from amiss.verdicts import COLUMNS, verdict_frame

KIND = "series"  #: what a file of such a model says of itself
MOST_STEPS = 100_000  #: of the training part of a series that a model learns from and keeps: the last ones
RULES = ("fdr", "contamination", "alerts", "threshold")  #: rules that need no labels


@dataclass
class SeriesModel:
    """What ``fit`` with ``time=`` returns and its ``.amiss`` file holds.

    schema: the channels, in order. time: the time column. parser: how its cells are read. by: the column that names
    the series a row belongs to. detectors: a fitted detector by the series' name. streams: what scores its
    rows as they come, likewise. rule: how steps are flagged; None: by the training part
    (:func:`amiss.series.detect.judged`). card: what was learned from what. notes: what the person should know.
    """

    schema: Schema
    time: str
    parser: str
    by: str | None
    detectors: dict[str, Any]
    streams: dict[str, Live] = field(default_factory=dict)
    rule: Rule | None = None
    card: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the training part is known to be ordinary."""
        return bool(self.card.get("setting") == "one-class")

    @property
    def rule_words(self) -> str:
        """How steps are flagged, for the person."""
        return rule_words(self.rule, self.clean, new=True)

    def score(
        self, data: Any, *, causal: bool = False, adaptive: bool = False, **reading: Any
    ) -> pl.DataFrame:  # fmt: skip
        """Frame of (rows,) in row order: ``score`` (higher = more anomalous), ``p_value``, ``is_anomaly`` and, where
        that is true, ``channels`` to blame.

        data: as in :func:`amiss.fit`, with the time, the series' names and the channels in columns called as in
        training. Scores use later rows, too, unless ``causal``: then they are those that a stream of the rows in order
        of time has (:class:`amiss.series.watch.Watch`), ``adaptive`` or not.
        Null where a row has no time or belongs to a series that was not learned.
        Raises ColumnError for absent columns and for text where numbers are required.
        """
        raw = self.read(data, **reading)
        if causal or adaptive:
            with one_thread():  # as a stream's: more threads would add up in another order
                return self.replay(raw, adaptive=adaptive)
        return self.detect(raw).frame.select(*COLUMNS, BLAMED)

    def evaluate(self, data: Any, label: str | int | None = None, **reading: Any) -> dict[str, Any]:
        """Measures of the verdicts against the labels in ``data`` by the series' name; see
        :func:`amiss.series.metrics.evaluate_series`. label: the label column, the one of the fit unless given."""
        raw = self.read(data, **reading)
        return self.detect(raw, self.labels(raw, label)).evaluation

    def explain(self, data: Any, rows: int | Sequence[int] | None = None, **reading: Any) -> SeriesExplanation:
        """Why stretches are amiss: which channels, what they held, what would be typical. rows: numbers from 1, each
        looked at by itself; an int for that many of the strangest stretches; None for the flagged ones."""
        return explain_series(self.detect(self.read(data, **reading)), rows)

    def detect(self, raw: RawTable, labels: Labels | None = None) -> SeriesDetection:
        """Verdicts, events and measures of a table that was read already."""
        started = clock.perf_counter()
        table = self._table(raw, labels)

        def one(each: Series, notes: list[str]) -> Judged:
            late = int((~np.isfinite(each.values)).sum())
            if late:
                notes.append(f"{late:,} missing values are filled by straight lines")
            return judge(table, each, self.detector(each.name), self.rule, self.clean, int(self.card["seed"]), True)

        found = assemble(raw, table, one, self.card, self.rule_words, labels)
        found.card["seconds"] = round(clock.perf_counter() - started, 3)
        return found

    def replay(self, raw: RawTable, *, adaptive: bool = False) -> pl.DataFrame:
        """As :meth:`score`, as if the table's rows had come one by one in order of time."""
        table, watch = self._table(raw, None, as_they_come=True), Watch(self, adaptive)
        columns = np.full((3, raw.frame.height), np.nan)
        blamed = np.full(raw.frame.height, "", dtype=object)
        for each in table.series:
            told = watch.push(each.times, [each.name] * len(each.times), each.values)
            mine = each.place >= 0
            columns[:, mine] = np.stack([told.score, told.p_value, told.flagged])[:, each.place[mine]]
            blamed[mine] = np.array(told.channels, dtype=object)[each.place[mine]]
        frame = verdict_frame(columns[0], columns[1], columns[2] == 1)
        return frame.with_columns(
            pl.col("score", "p_value").fill_nan(None), pl.Series(BLAMED, blamed.tolist(), pl.String)
        )  # fmt: skip

    def _table(self, raw: RawTable, labels: Labels | None, as_they_come: bool = False) -> TimeTable:
        known = self.card.get("label") or {}
        away = [c for c in (known.get("column"), None if labels is None else labels.column) if c in raw.frame.columns]
        return match_time_table(raw, self.schema, self.time, self.parser, self.by, away, as_they_come)

    def detector(self, name: str) -> Any:
        """The detector of a series. Raises TableError for one that was not learned."""
        if name not in self.detectors:
            known = ", ".join(map(repr, list(self.detectors)[:6]))
            raise TableError(
                f"the model has not learned a series {name!r}", required=f"one of {known}", found=repr(name),
                hint="fit again with rows of it",
            )  # fmt: skip
        return self.detectors[name]

    def decide(self, rule: Rule | None = None, **rules: Any) -> SeriesModel:
        """The same model with another rule, as :meth:`amiss.model.Model.decide`; nothing is learned anew."""
        return replace(self, rule=check_rule(one_rule(rule, rules)))

    def read(self, data: Any, **reading: Any) -> RawTable:
        """Read as the training table was read."""
        options = self.card.get("reading", {}) | {k: v for k, v in reading.items() if v is not None}
        return read(data, ReadOptions.of(options))

    def labels(self, raw: RawTable, label: str | int | None = None, anomaly: str | None = None) -> Labels:
        """Labels of another table by the rule of the training table, or by the values' own meaning."""
        known = self.card.get("label")
        if label is None and known is None:
            raise LabelError("the model was fitted without labels", hint="name the column that holds them: --label COL")
        if known is not None and anomaly is None:
            return match_labels(raw, known["column"] if label is None else label, known["spec"], nulls=raw.nulls)
        return read_labels(raw, label or str((known or {}).get("column")), anomaly=anomaly, nulls=raw.nulls)

    def save(self, path: str | Path) -> None:
        """Write one ``.amiss`` file: JSON and arrays, no code. Raises OutputError where it cannot be written."""
        parts: list[dict[str, Any]] = []
        arrays: dict[str, np.ndarray] = {}
        for i, (name, detector) in enumerate(self.detectors.items()):
            state, own = detector.to_state()
            live, more = self.streams[name].to_state(f"{i}/stream/")
            parts.append({"series": name, "name": type(detector).__name__, "state": state, "stream": live})
            arrays |= {f"{i}/detector/{key}": array for key, array in own.items()} | more
        manifest = {
            "kind": KIND, "card": self.card, "schema": self.schema.to_json(), "notes": self.notes, "parts": parts,
            "time": {"column": self.time, "parser": self.parser, "by": self.by},
            "rule": None if self.rule is None else [self.rule.name, self.rule.value],
        }  # fmt: skip
        store.save(path, manifest, arrays)

    @classmethod
    def load(cls, path: str | Path) -> SeriesModel:
        """What :func:`amiss.load` gives, without what models of tables need: it is there sooner. Raises ModelFileError
        for what is no model of series."""
        head, arrays = store.load(path)
        if head.get("kind") != KIND:
            raise ModelFileError(
                "this is no model of series", where=str(path), hint="fit one: amiss fit DATA --time COL -o model.amiss"
            )
        with store.parts_of(path):
            return cls.from_parts(head, arrays)

    @classmethod
    def from_parts(cls, head: dict[str, Any], arrays: dict[str, np.ndarray]) -> SeriesModel:
        """Inverse of what :meth:`save` writes; to be called within :func:`amiss.store.parts_of`."""
        detectors, streams = {}, {}
        for i, part in enumerate(head["parts"]):
            both = (f"{i}/detector/", f"{i}/stream/")
            own, more = ({k.removeprefix(p): v for k, v in arrays.items() if k.startswith(p)} for p in both)
            detectors[str(part["series"])] = find(part["name"]).from_state(part["state"], own)
            streams[str(part["series"])] = Live.from_state(part["stream"], more)
        if not detectors:
            raise ModelFileError("the model's file holds no series")
        when, rule = head["time"], head["rule"]
        return cls(
            Schema.from_json(head["schema"]), str(when["column"]), str(when["parser"]), when["by"], detectors, streams,
            None if rule is None else Rule(str(rule[0]), float(rule[1])), dict(head["card"]), list(head["notes"]),
        )  # fmt: skip


def check_rule(rule: Rule) -> Rule:
    """Raises OptionError for a rule that needs labelled rows."""
    if rule.name not in RULES:
        raise OptionError(f"{rule.name} does not go with a series", required=" or ".join(RULES), found=rule.name)
    return rule


def fit_series(
    data: Any, label: str | int | None = None, *, time: str | int, series: str | int | None = None,
    train_until: str | int | None = None, detector: str | None = None, parameters: dict[str, Any] | None = None,
    rule: Rule | None = None, contamination: float | None = None, seed: int = 0, only: Columns = (), drop: Columns = (),
    anomaly: str | None = None, header: bool = True, names: Any = None, nulls: Any = (),
    report: Callable[[float, str], None] | None = None,
) -> SeriesModel:  # fmt: skip
    """Learn the series of a table.

    data, label, only, drop, anomaly, header, names, nulls, seed, report: as in :func:`amiss.fit`; the label is not
    learned from. time: the time column. series: a column that names the series a row belongs to; each is learned alone.
    train_until: a time, or a number of rows: what comes first is ordinary and learned from; None: all of it is.
    detector: a name in :data:`amiss.series.METHODS`. parameters: of that detector. rule, contamination: how steps are
    flagged.
    """
    started = clock.perf_counter()
    reading: dict[str, Any] = {"header": header, "names": names, "nulls": list(nulls)}
    raw = read(data, ReadOptions.of(reading))
    if names is not None:
        reading["names"] = raw.frame.columns[: len(names)]
    labels = None if label is None else read_labels(raw, label, anomaly=anomaly, nulls=raw.nulls, allow_one_class=True)
    table = as_time_table(raw, time, series, only=only, drop=drop, label=label)
    rule = Rule("contamination", contamination) if contamination is not None else rule
    method, parameters = find(detector), implied(detector) | (parameters or {})
    notes = list(table.notes)
    card = card_of(raw, method, train_until is not None, seed, parameters, labels) | {"reading": reading}
    detectors: dict[str, Any] = {}
    streams: dict[str, Live] = {}
    for i, each in enumerate(table.series):
        if report is not None:
            report(i / len(table.series), f"learning {each.name}".rstrip())
        try:
            fitted, _ = learned(table, each, method, train_until, seed, parameters, notes, most=MOST_STEPS)
            streams[each.name] = Live.learn(each, until(table, each, train_until), table.dated)
            detectors[each.name] = fitted
        except TableError as error:
            if len(table.series) == 1:
                raise
            notes.append(f"series {each.name!r} is left out: {error.problem} ({error.found})")
    if not detectors:
        raise TableError("no series could be learned from", where=raw.source, found="; ".join(notes)[:400])
    card["seconds"] = round(clock.perf_counter() - started, 3)
    return SeriesModel(
        table.schema, table.time, table.parser, table.by, detectors, streams,
        None if rule is None else check_rule(rule), card, list(dict.fromkeys(notes)),
    )  # fmt: skip
