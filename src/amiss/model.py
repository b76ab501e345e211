"""The whole path in one object: a table's schema, its encoder, a detector and a decision."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from amiss import crossfit, store
from amiss.attribution import blocks_of
from amiss.background import Background
from amiss.base import Learner
from amiss.calibrate import Calibration
from amiss.crossfit import Recipe
from amiss.decision import Decision, Rule
from amiss.encoder import Encoder
from amiss.errors import LabelError, OptionError, did_you_mean
from amiss.evaluate import ALERT_RATE, evaluate
from amiss.explain import Explanation, Judge, explain
from amiss.labels import Labels, match_labels, read_labels
from amiss.reading import RawTable, ReadOptions, read
from amiss.schema import Schema
from amiss.table import Table
from amiss.task import Fit, learner, notes_of, prepare
from amiss.verdict import Verdict, give, one_rule, untold
from amiss.verdicts import COLUMNS, verdict_frame

if TYPE_CHECKING:
    from amiss.series.model import SeriesModel


@dataclass(repr=False)
class Model:
    """What ``fit`` returns and a ``.amiss`` file holds.

    schema: columns it learned from. encoder: table -> matrix. detector: matrix -> score. decision: score -> verdict.
    card: what was learned from what, with which settings; fit for JSON. notes: what the person should know.
    background: ordinary training rows, kept (in the file, too) to explain others; one made-up row where the fit was
    told to keep none; None in files without them.
    calibration: score -> probability, where labels of both kinds were known.
    """

    schema: Schema
    encoder: Encoder
    detector: Learner
    decision: Decision
    card: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    background: Background | None = None
    calibration: Calibration | None = None

    def __repr__(self) -> str:
        learned, rows = self.schema.learned, self.card.get("rows", "?")
        kind = f"{type(self.detector).__name__}, {self.card.get('setting', '?')}"
        return f"<amiss.Model: {kind}, learned from {rows} rows x {len(learned)} columns; rule {self.rule}>"

    def score(self, data: Any, **reading: Any) -> pl.DataFrame:
        """Frame of (rows,) in row order: ``score`` (higher = more anomalous), ``p_value``, ``is_anomaly``; first
        ``probability`` of an anomaly, where the model learned from labels.

        Rows are held against those of training, one by one: a table that the model learned from is judged as a whole by
        :func:`amiss.detection.judged`, as ``amiss detect`` and ``amiss score`` do.

        data: as in :func:`fit`; columns go by name. reading: header, names and nulls, as in :func:`fit`,
        those of the fit unless given. Raises ColumnError for absent columns and for text where numbers are required.
        """
        return self.score_table(self.match(self.read(data, **reading)))

    def evaluate(
        self, data: Any, label: str | int | None = None, *, k: int | None = None, alert_rate: float = ALERT_RATE,
        **reading: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Measures of the model's verdicts against the labels in ``data``; see :func:`amiss.evaluate.evaluate`.

        label: the label column, the one of the fit unless given.
        """
        raw = self.read(data, **reading)
        labels = self.labels(raw, label)
        verdicts = self.score_table(self.match(raw, labels.column))
        return measured(labels.y, verdicts, k=k, alert_rate=alert_rate)

    def verdict(self, verdicts: pl.DataFrame, seen: bool = False) -> Verdict:
        """Whether anything is amiss in a table that :meth:`score` has scored; seen: the model learned from it."""
        score, flagged = verdicts["score"].to_numpy(), verdicts["is_anomaly"].to_numpy()
        return give(self.decision, score, flagged, str(self.card.get("setting", "")), seen)

    def decide(self, rule: Rule | None = None, **rules: Any) -> Model:
        """The same model with another rule; nothing is learned anew: ``model.decide(alerts=50)``.

        rule: a :class:`~amiss.decision.Rule`, or instead one of fdr, contamination, alerts, cost_miss (and cost_alarm),
        precision, recall and threshold; see :func:`amiss.verdict.rule_of`. Raises OptionError if it cannot be met.
        """
        rule = one_rule(rule, rules)
        decision = self.decision.with_rule(rule)
        if rule.name not in ("fdr", "alerts"):
            decision.threshold()
        date_column(rule, self.schema)
        notes = [note for note in self.notes if note not in _unmet(self.decision)]
        return dataclasses.replace(self, decision=decision, notes=notes)

    def explain(self, data: Any, rows: int | Sequence[int] | None = None, **reading: Any) -> Explanation:
        """Why rows are amiss, and what would make them ordinary; see :func:`amiss.explain.explain`.

        rows: numbers from 1; an int for that many of the strangest; None for the flagged rows. data: as in :func:`fit`.
        """
        return self.explain_table(self.match(self.read(data, **reading)), rows)

    def explain_table(self, table: Table, rows: int | Sequence[int] | None = None, **known: Any) -> Explanation:
        """As :meth:`explain`, of a table that was matched already; known: its scores and verdicts, where they are."""
        if not known:
            verdicts = self.score_table(table)
            known = {o: verdicts[n].to_numpy() for o, n in zip(("score", "p_value", "flagged"), COLUMNS)}
        return explain(Judge(self.encoder, self.detector, self.decision, self.background), table, rows, **known)

    def save(self, path: str | Path) -> None:
        """Write one ``.amiss`` file: JSON and arrays, no code. Raises OutputError where it cannot be written."""
        state, arrays = self.detector.to_state()
        manifest = {
            "card": self.card,
            "notes": self.notes,
            "schema": self.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "detector": {"name": type(self.detector).__name__, "state": state},
            "decision": self.decision.to_json(),
        }
        held = {"decision/held": self.decision.held, "decision/labels": self.decision.labels}
        if self.calibration is not None:
            manifest["calibration"] = self.calibration.to_json()
        if self.background is not None:
            manifest["background"], kept = self.background.to_state()
            held |= {f"background/{k}": v for k, v in kept.items()}
        store.save(path, manifest, {f"detector/{k}": v for k, v in arrays.items()} | held)

    def read(self, data: Any, **reading: Any) -> RawTable:
        """Read as the training table was read."""
        options = self.card.get("reading", {}) | {k: v for k, v in reading.items() if v is not None}
        return read(data, ReadOptions.of(options))

    def learned_from(self, raw: RawTable) -> bool:
        """Whether this is the very table that the model learned from."""
        return raw.digest() == self.card.get("data")

    def labels(self, raw: RawTable, label: str | int | None = None) -> Labels:
        """Labels of another table by the rule of the training table, or by the values' own meaning."""
        known = self.card.get("label")
        if label is None and known is None:
            raise LabelError("the model was fitted without labels", required="the label column", hint="give label=")
        if known is not None:
            return match_labels(raw, known["column"] if label is None else label, known["spec"], nulls=raw.nulls)
        assert label is not None
        return read_labels(raw, label, nulls=raw.nulls)

    def recipe(self) -> Recipe:
        """How to make such a detector again: its class, the parameters that are not its defaults, and the seed."""
        kind = type(self.detector)
        default, own = kind().get_params(deep=False), self.detector.get_params(deep=False)
        own = {n: own[n] for n in default if n not in ("random_state", "budget") and own[n] != default[n]}
        return Recipe(kind, own, int(self.card.get("seed", 0)))

    def match(self, raw: RawTable, label: str | int | None = None) -> Table:
        """A table held against the schema."""
        known = self.card.get("label")
        if label is None and known is not None and known["column"] in raw.frame.columns:
            label = known["column"]
        return Table.match(raw, self.schema, label=label)

    def score_table(self, table: Table) -> pl.DataFrame:
        """As :meth:`score`, of a table that was matched already."""
        score = self.detector.score_encoded(self.encoder.transform(table))
        return self.frame(score, self.decision.flag(score, times(self.rule, table)))

    def frame(self, score: np.ndarray, flagged: np.ndarray, p_value: np.ndarray | None = None) -> pl.DataFrame:
        """Scores and what was decided of them, as :meth:`score` returns them; p_value: where another than the
        decision's was asked."""
        probability = None if self.calibration is None else self.calibration.probability(score)
        p_value = self.decision.p_values(score) if p_value is None else p_value
        return verdict_frame(score, p_value, flagged, probability)

    @property
    def rule(self) -> Rule:
        """How rows are flagged."""
        return self.decision.rule


def times(rule: Rule, table: Table) -> np.ndarray | None:
    """(rows,) seconds since 1970 for a rule that counts by time, else None.

    Raises OptionError where the column that the rule names, or the table's only column of dates, is not to be found.
    """
    column = date_column(rule, table.schema)
    return None if column is None else table.numbers(column)


def date_column(rule: Rule, schema: Schema) -> str | None:
    """The column of dates by which a rule counts, None for a rule that does not. Raises OptionError as for times."""
    if not rule.per:
        return None
    dates = [c.name for c in schema if c.kind == "datetime"]
    chosen = [rule.column] if rule.column else dates
    if len(chosen) != 1 or chosen[0] not in dates:
        raise OptionError(
            f"the rule {rule} needs a column of dates",
            required="one, or its name after a colon: 50/day:COLUMN",
            found=", ".join(map(repr, dates)) or "none",
            hint=did_you_mean(rule.column, dates) if rule.column and dates else "",
        )
    return chosen[0]


def measured(y: np.ndarray, verdicts: pl.DataFrame, **options: Any) -> dict[str, Any]:
    """:func:`amiss.evaluate.evaluate` of a frame that :meth:`Model.score` made."""
    score, flagged = verdicts["score"].to_numpy(), verdicts["is_anomaly"].to_numpy()
    probability = verdicts["probability"].to_numpy() if "probability" in verdicts.columns else None
    return evaluate(y, score, flagged, probability, **options)


def load(path: str | Path) -> Model | SeriesModel:
    """The model that :meth:`Model.save` or :meth:`SeriesModel.save` wrote. Runs no code from the file. Raises
    ModelFileError where it is none."""
    head, arrays = store.load(path)
    with store.parts_of(path):
        if head.get("kind") == "series":
            from amiss.series.model import SeriesModel

            return SeriesModel.from_parts(head, arrays)
        schema = Schema.from_json(head["schema"])
        encoder = Encoder.from_json(schema, head["encoder"])
        own = {k.removeprefix("detector/"): v for k, v in arrays.items() if k.startswith("detector/")}
        detector = learner(head["detector"]["name"]).from_state(head["detector"]["state"], own)
        decision = Decision.from_json(head["decision"], arrays["decision/held"], arrays["decision/labels"])
        background = None
        if "background" in head:
            kept = {k.removeprefix("background/"): v for k, v in arrays.items() if k.startswith("background/")}
            background = Background.from_state(head["background"], kept)
        calibration = Calibration.from_json(head["calibration"]) if "calibration" in head else None
        notes = [str(note) for note in head["notes"]]
        return Model(schema, encoder, detector, decision, dict(head["card"]), notes, background, calibration)


def fit(data: Any, label: str | int | None = None, **options: Any) -> Model | SeriesModel:
    """Learn what is normal in a table, or, with labels, what is not. With ``time=``, the name of a column of times, the
    rows are series, and what else may be given is told at :func:`amiss.series.model.fit_series`.

    data: a path, a glob, ``-`` for stdin, a polars or pandas frame, an Arrow table, a numpy array, rows of JSON.
    label: name of the label column, or its place (1, 2, ...); None learns without labels.
    options: detector: a name in ``amiss.detectors``. parameters: of that detector. setting: one of
        ``amiss.settings.SETTINGS``, by the labels unless given. rule: a
        :class:`~amiss.decision.Rule`; contamination: share of rows to flag, short for that rule. seed: same seed,
        same bits. budget: seconds of training. only, drop: columns to learn from or to leave out. anomaly: the label
        value that is the anomaly. header, names, nulls: how a text is read. examples: whether the model keeps training
        rows (512 at most) to explain others by. report: called with the share done.

    Raises an :class:`~amiss.errors.InputError` for anything that the data or an option has wrong.
    """
    if options.get("time") is not None:
        from amiss.series.model import fit_series

        return fit_series(data, label, **options)
    return fit_prepared(prepare(data, label, **options))


def fit_prepared(task: Fit) -> Model:
    """Learn from a prepared table."""
    started = time.perf_counter()
    held, held_labels, fitted = crossfit.held_out_scores(task.table, task.y, task.recipe, task.folds)
    encoder, detector = fitted
    decision = Decision.learn(task.rule, held, held_labels, task.recipe.seed)
    card = task.card | {
        "seconds": round(time.perf_counter() - started, 3),
        "stopped": getattr(detector, "stopped_", ""),
    }
    background = Background.learn(task.table, task.y, encoder, detector, task.recipe.seed)
    notes = notes_of(task) + untold(decision) + _unmet(decision)
    if not task.examples:
        background = background.anonymous(blocks_of(encoder.columns_of_features(), len(encoder.schema.learned)))
        if detector.keeps_rows:
            notes.append(
                f"{type(detector).__name__} scores rows by their distances to training rows, which the model's file"
                " holds as numbers; a detector that does not, e.g. Autoencoder, keeps none"
            )
    card["examples"] = len(background) if background.examples else 0
    calibration = Calibration.learn(decision.held, decision.labels, task.recipe.seed, log_odds=detector.tells_log_odds)
    return Model(task.table.schema, encoder, detector, decision, card, notes, background, calibration)


def _unmet(decision: Decision) -> list[str]:
    """Says so where the held-out rows cannot meet the rule: what was learned is kept, and takes another rule."""
    try:
        if decision.rule.name in ("precision", "recall"):
            decision.threshold()
    except OptionError as error:
        return [f"{error.problem}: nothing can be flagged until `amiss decide` gives the model another rule"]
    return []
