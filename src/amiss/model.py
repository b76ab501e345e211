"""The whole path in one object: a table's schema, its encoder, a detector and a decision."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

import amiss
from amiss import crossfit, detectors, settings, store, surrogates
from amiss.attribution import blocks_of
from amiss.background import Background
from amiss.base import Classifier, Learner
from amiss.calibrate import Calibration
from amiss.crossfit import Recipe
from amiss.decision import Decision, Rule, benjamini_hochberg
from amiss.encoder import Encoder
from amiss.errors import LabelError, ModelFileError, OptionError, did_you_mean
from amiss.evaluate import ALERT_RATE, evaluate
from amiss.explain import Explanation, Judge, explain
from amiss.labels import Labels, match_labels, read_labels
from amiss.leaks import find_leaks
from amiss.reading import RawTable, ReadOptions, read
from amiss.schema import Schema
from amiss.table import Table
from amiss.verdict import Verdict, give
from amiss.verdicts import beside, verdict_frame
from amiss.weak import WeakClassifier

if TYPE_CHECKING:
    from amiss.series.model import SeriesModel

FOLDS, FOLDS_OF_MANY, MANY = 5, 3, 100_000  #: folds of honest scores, fewer on tables of many rows
DEFAULTS = {"AnomalyDetector": "unsupervised", "AnomalyClassifier": "supervised"}


@dataclass
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

    def score(self, data: Any, **reading: Any) -> pl.DataFrame:
        """Frame of (rows,) in row order: ``score`` (higher = more anomalous), ``p_value``, ``is_anomaly``; first
        ``probability`` of an anomaly, where the model learned from labels.

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

    def decide(self, rule: Rule) -> Model:
        """The same model with another rule; nothing is learned anew. Raises OptionError if it cannot be met."""
        decision = self.decision.with_rule(rule)
        if rule.name not in ("fdr", "alerts"):
            decision.threshold()
        return dataclasses.replace(self, decision=decision)

    def explain(self, data: Any, rows: int | Sequence[int] | None = None, **reading: Any) -> Explanation:
        """Why rows are amiss, and what would make them ordinary; see :func:`amiss.explain.explain`.

        rows: numbers from 1; an int for that many of the strangest; None for the flagged rows. data: as in :func:`fit`.
        """
        return self.explain_table(self.match(self.read(data, **reading)), rows)

    def explain_table(self, table: Table, rows: int | Sequence[int] | None = None, **known: Any) -> Explanation:
        """As :meth:`explain`, of a table that was matched already; known: its scores and verdicts, where they are."""
        return explain(Judge(self.encoder, self.detector, self.decision, self.background), table, rows, **known)

    def save(self, path: str | Path) -> None:
        """Write one ``.amiss`` file: JSON and arrays, no code. Raises OutputError where it cannot be written."""
        state, arrays = self.detector.to_state()
        manifest = {
            "card": self.card,
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
        return self._frame(score, self.decision.flag(score, times(self.rule, table)))

    def _frame(self, score: np.ndarray, flagged: np.ndarray) -> pl.DataFrame:
        probability = None if self.calibration is None else self.calibration.probability(score)
        return verdict_frame(score, self.decision.p_values(score), flagged, probability)

    @property
    def rule(self) -> Rule:
        """How rows are flagged."""
        return self.decision.rule


def times(rule: Rule, table: Table) -> np.ndarray | None:
    """(rows,) seconds since 1970 for a rule that counts by time, else None.

    Raises OptionError where the column that the rule names, or the table's only column of dates, is not to be found.
    """
    if not rule.per:
        return None
    dates = [c.name for c in table.schema if c.kind == "datetime"]
    chosen = [rule.column] if rule.column else dates
    if len(chosen) != 1 or chosen[0] not in dates:
        raise OptionError(
            f"the rule {rule} needs a column of dates",
            required="one, or its name after a colon: 50/day:COLUMN",
            found=", ".join(map(repr, dates)) or "none",
            hint=did_you_mean(rule.column, dates) if rule.column and dates else "",
        )
    return table.numbers(chosen[0])


def measured(y: np.ndarray, verdicts: pl.DataFrame, **options: Any) -> dict[str, Any]:
    """:func:`amiss.evaluate.evaluate` of a frame that :meth:`Model.score` made."""
    score, flagged = verdicts["score"].to_numpy(), verdicts["is_anomaly"].to_numpy()
    probability = verdicts["probability"].to_numpy() if "probability" in verdicts.columns else None
    return evaluate(y, score, flagged, probability, **options)


def load(path: str | Path) -> Model | SeriesModel:
    """The model that :meth:`Model.save` or :meth:`SeriesModel.save` wrote. Runs no code from the file. Raises
    ModelFileError where it is none."""
    head, arrays = store.load(path)
    try:
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
        return Model(schema, encoder, detector, decision, dict(head["card"]), [], background, calibration)
    except (KeyError, TypeError, AttributeError, OptionError) as error:
        raise ModelFileError(
            "the model's file lacks a part or holds a wrong one", where=str(path), found=repr(error)
        ) from error


def learner(name: str | None, *, labelled: bool = False) -> type[Learner]:
    """The class of a detector by name; the default one for no name. Raises OptionError for an unknown name."""
    if name is None:
        name = "AnomalyClassifier" if labelled else "AnomalyDetector"
    if name in DEFAULTS:
        return getattr(amiss, name)
    return detectors.find(name)


@dataclass
class Fit:
    """A table that was read and understood, ready to be learned from: what ``fit`` and ``detect`` have in common."""

    raw: RawTable
    table: Table
    labels: Labels | None
    recipe: Recipe
    card: dict[str, Any]
    rule: Rule
    leaks: list[dict[str, Any]]
    examples: bool = True

    @property
    def y(self) -> np.ndarray | None:
        return None if self.labels is None else self.labels.y

    @property
    def folds(self) -> int:
        wanted = FOLDS if self.table.rows <= MANY else FOLDS_OF_MANY
        return crossfit.possible_folds(self.table.rows, self.y, wanted)


def prepare(
    data: Any,
    label: str | int | None = None,
    *,
    detector: str | None = None,
    parameters: dict[str, Any] | None = None,
    setting: str | None = None,
    rule: Rule | None = None,
    contamination: float | None = None,
    seed: int = 0,
    budget: float | None = None,
    only: Sequence[str | int] = (),
    drop: Sequence[str | int] = (),
    anomaly: str | None = None,
    header: bool = True,
    names: Sequence[str] | None = None,
    nulls: Sequence[str] = (),
    examples: bool = True,
    report: Callable[[float, str], None] | None = None,
) -> Fit:
    """Read the table, understand its columns and labels, choose the detector. Parameters: see :func:`fit`."""
    reading: dict[str, Any] = {"header": header, "names": names, "nulls": list(nulls)}
    raw = read(data, ReadOptions.of(reading))
    if names is not None:  # in the order that reading found them to be in
        reading["names"] = raw.frame.columns[: len(names)]
    labels = None
    if label is not None:
        labels = read_labels(raw, label, anomaly=anomaly, nulls=nulls, allow_one_class=True)
    table = Table.learn(raw, only=only, drop=drop, label=label)
    choice = None if setting is None else settings.asked(setting, None if labels is None else labels.y)
    if choice is not None and choice.setting == settings.UNSUPERVISED:
        labels = None
    both = labels is not None and bool((labels.y == 1).any())
    without = choice is not None and choice.setting in (settings.UNSUPERVISED, settings.ONE_CLASS)
    kind = learner(detector, labelled=both and not without)
    if issubclass(kind, Classifier) and (without or not both):
        found = f"setting {choice.setting}" if choice else "no labels" if labels is None else "only normal labels"
        raise LabelError(
            f"{kind.__name__} learns from labels of both kinds", found=found, hint="give label=, or leave detector out"
        )
    if issubclass(kind, Classifier) and int((labels.y == 1).sum()) < 2:  # type: ignore[union-attr]
        raise LabelError(
            "one labelled anomaly is too few to learn from and to check what was learned",
            required="at least 2",
            hint="label more rows, or find anomalies without it: --setting one-class",
        )
    if contamination is not None:
        rule = Rule("contamination", contamination)
    recipe = Recipe(kind, _checked(kind, parameters or {}), seed, budget, report)
    choice = choice or _setting(kind, table, None if labels is None else labels.y, recipe)
    if choice.setting == settings.SUPERVISED and "unlabelled" in recipe.known:
        recipe = dataclasses.replace(recipe, parameters={"unlabelled": "left out"} | recipe.parameters)
    judged = both and not without and bool((labels.y == 0).any())  # type: ignore[union-attr]
    rule = rule or Rule("f1" if judged else "fdr")
    card = {
        "amiss": amiss.__version__,
        "source": raw.source,
        "rows": table.rows,
        "detector": kind.__name__,
        "setting": choice.setting,
        "setting_why": choice.why,
        "seed": seed,
        "reading": reading,
        "label": None if labels is None else {"column": labels.column, "spec": labels.spec},
    }
    leaks = find_leaks(table, labels.y, seed) if labels is not None and both else []
    return Fit(raw, table, labels, recipe, card, rule, leaks, examples)


def _setting(kind: type[Learner], table: Table, y: np.ndarray | None, recipe: Recipe) -> settings.Choice:
    """The setting by the labels; by trial where they leave it open to the default; else as the detector learns."""
    known = settings.by_labels(y)
    if not issubclass(kind, Classifier):
        if known is not None and known.setting in (settings.UNSUPERVISED, settings.ONE_CLASS):
            return known
        return settings.Choice(settings.ONE_CLASS, f"{kind.__name__} learns from rows that are no known anomalies")
    if issubclass(kind, WeakClassifier):
        return settings.Choice(settings.WEAK, f"{kind.__name__} learns from labelled anomalies among other rows")
    if "unlabelled" not in recipe.known:
        return settings.Choice(settings.SUPERVISED, f"{kind.__name__} learns from labelled rows")
    assert y is not None
    return known or settings.by_trial(table, y, recipe)


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
    notes = notes_of(task)
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


def judged(task: Fit, model: Model) -> tuple[pl.DataFrame, Verdict]:
    """Verdicts on the table that a model was fitted to: its frame, and the first sentence.

    Where no rows are known to be normal, the table is judged as a whole, beside made-up ones; see
    :mod:`amiss.surrogates`. A list with a share of false alarms then holds the rows that these speak for, which need
    not be those of the highest scores.
    """
    z = model.encoder.transform(task.table)
    score = model.detector.score_encoded(z)
    chance = None
    if model.decision.clean or (task.y is not None and (task.y == 1).any()):
        flagged = model.decision.flag(score, times(model.rule, task.table))
    else:
        blocks = blocks_of(model.encoder.columns_of_features(), len(model.schema.learned))
        chance = surrogates.p_values(z, score, task.recipe.again, task.recipe.seed, blocks)
        if model.rule.name == "fdr":
            flagged = benjamini_hochberg(chance, model.rule.value) & surrogates.evident(chance)
        else:
            flagged = model.decision.flag(score, times(model.rule, task.table))
    setting = str(model.card.get("setting", ""))
    verdict = give(
        model.decision,
        score,
        flagged,
        setting,
        seen=True,
        chance=None if chance is None else surrogates.evident(chance),
    )
    return model._frame(score, flagged), verdict


def notes_of(task: Fit) -> list[str]:
    """What the person should know about the table that was learned from."""
    notes = [f"setting: {task.card['setting']} ({task.card['setting_why']})"]
    notes += list(task.table.notes) + ([task.labels.note] if task.labels is not None and task.labels.note else [])
    for leak in task.leaks:
        notes.append(
            f"column {leak['column']!r} gives the label away on its own (ROC AUC {leak['roc_auc']:.3f}): likely a leak;"
            f" leave it out (drop) unless it is known before the label is"
        )
    return notes


@dataclass
class Detection:
    """What ``detect`` returns: ``frame`` is the input with score, p_value and is_anomaly in row order.

    model: where no labels were given, the model that scored. evaluation: where labels were given. verdict: whether
    anything is amiss. task: what was read.
    """

    frame: pl.DataFrame
    schema: Schema
    card: dict[str, Any]
    notes: list[str]
    columns: list[dict[str, Any]]
    leaks: list[dict[str, Any]]
    model: Model | None = None
    evaluation: dict[str, Any] | None = None
    verdict: Verdict | None = None
    task: Fit | None = None


def detect(data: Any, label: str | int | None = None, **options: Any) -> Detection:
    """Fit and score the same table; parameters as in :func:`fit`.

    Without labels, the rows are scored by a model fitted on them. With labels of both kinds, every row is scored by a
    model fitted on the other folds, its threshold chosen on the other folds, so that the evaluation is honest.
    """
    return detect_prepared(prepare(data, label, **options))


def detect_prepared(task: Fit) -> Detection:
    """Fit and score a prepared table."""
    if task.y is None or not (task.y == 1).any():
        model = fit_prepared(task)
        verdicts, verdict = judged(task, model)
        frame = beside(task.raw.frame, verdicts)
        return Detection(
            frame, task.table.schema, model.card, model.notes, model.encoder.describe(), task.leaks, model,
            verdict=verdict, task=task,
        )  # fmt: skip
    started, told = time.perf_counter(), task.recipe.detector(**task.recipe.parameters).tells_log_odds
    score, fold, encoder = crossfit.out_of_fold(task.table, task.y, task.recipe, task.folds)
    p_value, flagged, probability = np.empty(len(score)), np.empty(len(score), bool), np.full(len(score), np.nan)
    for i in range(task.folds):
        decision = Decision.learn(task.rule, score[fold != i], task.y[fold != i], task.recipe.seed)
        p_value[fold == i] = decision.p_values(score[fold == i])
        if task.rule.name == "alerts":
            continue
        flagged[fold == i] = decision.flag(score[fold == i])
        calibration = Calibration.learn(decision.held, decision.labels, task.recipe.seed, log_odds=told)
        if calibration is not None:
            probability[fold == i] = calibration.probability(score[fold == i])
    if task.rule.name == "alerts":  # a budget is of the whole table
        flagged = Decision(task.rule).flag(score, times(task.rule, task.table))
    verdicts = verdict_frame(score, p_value, flagged, None if np.isnan(probability).any() else probability)
    known, notes = task.y, notes_of(task)
    if not (known == 0).any():
        known = np.maximum(known, 0)
        notes.append("no row is known to be normal: the measures take the unlabelled rows for normal ones")
    card = task.card | {"seconds": round(time.perf_counter() - started, 3)}
    return Detection(
        beside(task.raw.frame, verdicts), task.table.schema, card, notes, encoder.describe(), task.leaks,
        evaluation=measured(known, verdicts), task=task,
        verdict=give(Decision.learn(task.rule, score, task.y), score, flagged, card["setting"], seen=True),
    )  # fmt: skip


def _checked(kind: type[Learner], parameters: dict[str, Any]) -> dict[str, Any]:
    known = [f.name for f in dataclasses.fields(kind)]
    for name in parameters:
        if name not in known:
            raise OptionError(f"{kind.__name__} has no parameter {name!r}", hint=did_you_mean(name, known))
    return dict(parameters)
