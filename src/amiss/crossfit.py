"""Honest scores: of rows that the detector which scores them has not learned from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from amiss import splits
from amiss.base import ENOUGH, Learner
from amiss.classifier import Classifier
from amiss.encoder import Encoder
from amiss.table import Table
from amiss.train import Progress

Fitted = tuple[Encoder, Learner]

ENOUGH_LABELLED = 50  #: held-out rows of each kind that will do without more fits


@dataclass(frozen=True)
class Recipe:
    """How to make a detector, however often.

    clean: learn from rows known to be normal (y = 0) alone. budget: seconds for all fits together. hurry: after
    Ctrl-C, the seconds that the fit had which it ended: those that follow get no more. report: called with the share of
    all work done and a line of text.
    """

    detector: type[Learner]
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    budget: float | None = None
    report: Callable[[float, str], None] | None = None
    hurry: list[float] = field(default_factory=list)
    clean: bool = False

    @property
    def known(self) -> list[str]:
        """Names of the detector's parameters."""
        return [f.name for f in fields(self.detector)]

    def fit(
        self, table: Table, y: np.ndarray | None, rows: np.ndarray, part: int = 0, parts: int = 1
    ) -> tuple[Encoder, Learner, np.ndarray]:
        """Encoder and detector learned from ``rows`` alone, and the whole table encoded.

        part, parts: which of how many fits this is.
        """
        learned = rows
        if self.clean and y is not None:
            learned, y = rows[y[rows] == 0], np.where(y == 0, 0, 1)  # a detector without labels passes rows of 1 over
        encoder, z = Encoder.fit_transform(table, learned, y, self.detector.bend)
        options: dict[str, Any] = {"random_state": self.seed, **self.parameters}
        limits = self.hurry if self.budget is None else [*self.hurry, self.budget / parts]
        if parts > 1 and "rounds" in self.detector.__dataclass_fields__:  # what only judges need not be the last word
            options.setdefault("rounds", 1)
        if limits and "budget" in self.detector.__dataclass_fields__:  # others train nothing
            options["budget"] = min(limits)

        def watch(progress: Progress) -> None:
            share = (part + progress.epoch / max(1, progress.epochs)) / parts
            if self.report is not None:
                self.report(share, f"fit {part + 1} of {parts}, epoch {progress.epoch}, loss {progress.validation:.4g}")

        detector = self.detector(**options)
        started = time.perf_counter()
        detector.fit_encoded(z[rows], None if y is None else y[rows], report=watch)
        if detector.stopped_ == "interrupted":
            self.hurry.append(time.perf_counter() - started)
        if self.report is not None:
            self.report((part + 1) / parts, f"fit {part + 1} of {parts} done")
        return encoder, detector, z


def out_of_fold(
    table: Table,
    y: np.ndarray | None,
    recipe: Recipe,
    folds: int,
    parts: int | None = None,
    whole: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, Encoder]:
    """(rows,) scores, each from a detector fitted on the other folds; (rows,) the fold of each row; one encoder.

    whole: (rows,) scores by a detector that learned from all rows, to whose scale those of the folds are brought.
    """
    score, fold = np.empty(table.rows), np.empty(table.rows, int)
    for i, (rows, held) in enumerate(_folds(table.rows, y, folds, recipe.seed)):
        encoder, detector, z = recipe.fit(table, y, rows, i, parts or folds)
        score[held], fold[held] = detector.score_encoded(z[held]), i
        if whole is not None:
            score[held] = on_scale(score[held], detector.score_encoded(z[rows]), whole[rows])
    return score, fold, encoder


def held_out_scores(
    table: Table, y: np.ndarray | None, recipe: Recipe, folds: int
) -> tuple[np.ndarray, np.ndarray | None, Fitted]:
    """Scores of held-out rows, their labels, and the encoder and detector fitted on the whole table.

    A detector holds rows out of its training: those rows' scores are honest and cost nothing. Where there are too few
    of them (a small table, a rare label), every row is held out once, by folds.
    """
    encoder, detector, z = recipe.fit(table, y, np.arange(table.rows))
    rows, score = detector.honest_
    labels = None if y is None else y[rows]
    if len(rows) >= min(ENOUGH, table.rows // 2) and _enough_labels(y, labels):
        return *_known(score, labels, recipe), (encoder, detector)
    # a network's scores without labels have no unit: two fits may differ by any factor; and of several kinds with
    # labels two fits may hear others, whose log-odds of rows that are clearly normal differ
    alone = isinstance(detector, Classifier) and "kinds" not in detector.members_
    whole = None if alone else detector.score_encoded(z)
    score, _, _ = out_of_fold(table, y, recipe, possible_folds(table.rows, y, folds), whole=whole)
    return *_known(score, y, recipe), (encoder, detector)


def _known(score: np.ndarray, y: np.ndarray | None, recipe: Recipe) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores and labels of the rows that tell what is normal: those known to be, where nothing else is learned from."""
    kept = slice(None) if y is None or not recipe.clean else y >= 0
    return score[kept], None if y is None else y[kept]


def on_scale(scores: np.ndarray, theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """One detector's scores on the scale of another: quantile by quantile of rows that both have learned from.

    theirs, ours: (rows,) scores of those rows by the one and by the other. Beyond them the scale goes on as it is on
    the whole.
    """
    levels = np.linspace(0, 1, min(256, len(theirs)))
    of, to = np.quantile(theirs, levels), np.quantile(ours, levels)
    unit = (to[-1] - to[0]) / (of[-1] - of[0]) if of[-1] > of[0] else 1.0
    beyond = np.minimum(scores - of[0], 0) + np.maximum(scores - of[-1], 0)
    return np.interp(scores, of, to) + unit * beyond


def _enough_labels(y: np.ndarray | None, held: np.ndarray | None) -> bool:
    if y is None or held is None:
        return True
    return all((held == value).sum() >= min(ENOUGH_LABELLED, (y == value).sum() // 2) for value in (0, 1))


def _folds(rows: int, y: np.ndarray | None, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(training rows, held-out rows) of each fold, stratified by labels. Raises LabelError where labels are too few."""
    if y is None or not (y == 1).any():
        yield from KFold(count, shuffle=True, random_state=seed).split(np.zeros(rows))
        return
    yield from splits.folds(y if (y == 0).any() else np.maximum(y, 0), count, seed)


def possible_folds(rows: int, y: np.ndarray | None, wanted: int) -> int:
    """So many folds as are wanted, but no more than the rarer kind of label has rows; 2 at least."""
    fewest = rows if y is None or not (y == 1).any() else min((y == 1).sum(), (y == 0).sum() or (y == -1).sum())
    return int(max(2, min(wanted, fewest)))
