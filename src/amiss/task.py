"""What is to be learned from what: a table that was read and understood, the detector, the setting and the rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import amiss
from amiss import crossfit, detectors, settings
from amiss.base import Learner
from amiss.classifier import Classifier
from amiss.crossfit import Recipe
from amiss.decision import Rule
from amiss.errors import LabelError, OptionError, did_you_mean
from amiss.labels import Labels, read_labels
from amiss.leaks import find_leaks
from amiss.reading import RawTable, ReadOptions, read
from amiss.table import Columns, Table
from amiss.weak import WeakClassifier

FOLDS, FOLDS_OF_MANY, MANY = 5, 3, 100_000  #: folds of honest scores, fewer on tables of many rows
DEFAULTS = {"AnomalyDetector": "unsupervised", "AnomalyClassifier": "supervised"}


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
    only: Columns = (),
    drop: Columns = (),
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
    y = None if labels is None else labels.y
    choice = settings.without_anomalies(y) if setting is None else settings.asked(setting, y)
    if choice is not None and choice.setting == settings.UNSUPERVISED:
        labels = None
    both = labels is not None and bool((labels.y == 1).any())
    without = choice is not None and choice.setting in (settings.UNSUPERVISED, settings.ONE_CLASS)
    kind = learner(detector, labelled=both and not without)
    if issubclass(kind, Classifier) and (without or not both):
        found = "no labels" if y is None else f"setting {choice.setting}" if setting else "only normal labels"  # type: ignore[union-attr]
        raise LabelError(
            f"{kind.__name__} learns from labels of both kinds",
            found=found,
            hint="leave the detector out" + (", or name the label column" if y is None else ""),
        )
    if issubclass(kind, Classifier):
        _check_counts(labels)  # type: ignore[arg-type]
    if contamination is not None:
        rule = Rule("contamination", contamination)
    recipe = Recipe(kind, _checked(kind, parameters or {}), seed, budget, report)
    if choice is not None and choice.setting == settings.ONE_CLASS:
        recipe = dataclasses.replace(recipe, clean=labels is not None and bool((labels.y == 0).any()))
    choice = choice or _setting(kind, table, y, recipe)  # type: ignore[arg-type]
    some = labels is not None and bool((labels.y == -1).any())
    if choice.setting == settings.SUPERVISED and some and "unlabelled" in recipe.known:
        recipe = dataclasses.replace(recipe, parameters={"unlabelled": "left out"} | recipe.parameters)
    judged = both and not without and bool((labels.y == 0).any())  # type: ignore[union-attr]
    rule = rule or Rule("f1" if judged else "fdr")
    card = {
        "amiss": amiss.__version__,
        "source": raw.source,
        "rows": table.rows,
        "data": raw.digest(),
        "detector": kind.__name__,
        "setting": choice.setting,
        "setting_why": choice.why,
        "seed": seed,
        "reading": reading,
        "label": None if labels is None else {"column": labels.column, "spec": labels.spec},
    }
    leaks = find_leaks(table, labels.y, seed) if labels is not None and both else []
    return Fit(raw, table, labels, recipe, card, rule, leaks, examples)


def _check_counts(labels: Labels) -> None:
    """Raise LabelError where a single row stands for one of both kinds, and none is unlabelled that could be of it."""
    anomalies, normal, unlabelled = (int((labels.y == value).sum()) for value in (1, 0, -1))
    if anomalies >= 2 and (normal != 1 or unlabelled):
        return
    what = "anomaly" if anomalies < 2 else "normal row"
    raise LabelError(
        f"one labelled {what} is too few to learn from and to check what was learned",
        where=f"column {labels.column!r}",
        required="at least 2",
        found=f"{anomalies:,} anomalies ({labels.anomaly}) and {normal:,} normal rows",
        hint="label more rows, or find anomalies without it: --setting unsupervised"
        if anomalies < 2
        else "label more rows, name the anomaly with --anomaly if it is the other value, or --setting unsupervised",
    )


def _setting(kind: type[Learner], table: Table, y: np.ndarray, recipe: Recipe) -> settings.Choice:
    """The setting where there are labelled anomalies: by trial where the labels leave it open, else as one learns."""
    if not issubclass(kind, Classifier):
        return settings.Choice(settings.ONE_CLASS, f"{kind.__name__} learns from rows that are no known anomalies")
    if issubclass(kind, WeakClassifier):
        return settings.Choice(settings.WEAK, f"{kind.__name__} learns from labelled anomalies among other rows")
    if "unlabelled" not in recipe.known:
        return settings.Choice(settings.SUPERVISED, f"{kind.__name__} learns from labelled rows")
    return settings.by_labels(y) or settings.by_trial(table, y, recipe)


def notes_of(task: Fit) -> list[str]:
    """What the person should know about the table that was learned from."""
    notes = [f"setting: {task.card['setting']} ({task.card['setting_why']})"]
    notes += task.table.notes
    if task.labels is not None:
        notes += [note for note in (task.labels.note, task.labels.once) if note]
    for leak in task.leaks:
        notes.append(
            f"column {leak['column']!r} gives the label away on its own (ROC AUC {leak['roc_auc']:.3f}): likely a leak;"
            f" leave it out (drop) unless it is known before the label is"
        )
    return notes


def _checked(kind: type[Learner], parameters: dict[str, Any]) -> dict[str, Any]:
    known = [f.name for f in dataclasses.fields(kind)]
    for name in parameters:
        if name not in known:
            raise OptionError(f"{kind.__name__} has no parameter {name!r}", hint=did_you_mean(name, known))
    return dict(parameters)
