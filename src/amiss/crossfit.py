"""Honest scores: of rows that the detector which scores them has not learned from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

from amiss.base import Learner
from amiss.encoder import Encoder
from amiss.errors import LabelError
from amiss.table import Table
from amiss.train import Progress

Fitted = tuple[Encoder, Learner]


@dataclass(frozen=True)
class Recipe:
    """How to make a detector, however often.

    budget: seconds for all fits together. hurry: after Ctrl-C, the seconds that the fit had which it ended: those that
    follow get no more. report: called with the share of all work done and a line of text.
    """

    detector: type[Learner]
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    budget: float | None = None
    report: Callable[[float, str], None] | None = None
    hurry: list[float] = field(default_factory=list)

    def fit(
        self, table: Table, y: np.ndarray | None, rows: np.ndarray, part: int = 0, parts: int = 1
    ) -> tuple[Encoder, Learner, np.ndarray]:
        """Encoder and detector learned from ``rows`` alone, and the whole table encoded.

        part, parts: which of how many fits this is.
        """
        encoder, z = Encoder.fit_transform(table, rows, y)
        options: dict[str, Any] = {"random_state": self.seed, **self.parameters}
        limits = self.hurry if self.budget is None else [*self.hurry, self.budget / parts]
        if limits:
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
    table: Table, y: np.ndarray | None, recipe: Recipe, folds: int, parts: int | None = None
) -> tuple[np.ndarray, np.ndarray, Encoder]:
    """(rows,) scores, each from a detector fitted on the other folds; (rows,) the fold of each row; one encoder."""
    score, fold = np.empty(table.rows), np.empty(table.rows, int)
    for i, (rows, held) in enumerate(_folds(table.rows, y, folds, recipe.seed)):
        encoder, detector, z = recipe.fit(table, y, rows, i, parts or folds)
        score[held], fold[held] = detector.score_encoded(z[held]), i
    return score, fold, encoder


def held_out_scores(
    table: Table, y: np.ndarray | None, recipe: Recipe, small: int, folds: int, share: float, most: int
) -> tuple[np.ndarray, np.ndarray | None, Fitted]:
    """Scores of held-out rows, their labels, and the fitted encoder and detector.

    Up to ``small`` rows, every row is held out once, by folds, and the result is fitted on all rows. Beyond, a part
    is held out; without labels the result is fitted on the rest, and its p-values are exact; with labels it is
    fitted on all rows, as labelled anomalies are too dear to be left out.
    """
    every = np.arange(table.rows)
    if table.rows <= small:
        folds = _possible_folds(table.rows, y, folds)
        score, _, _ = out_of_fold(table, y, recipe, folds, folds + 1)
        encoder, detector, _ = recipe.fit(table, y, every, folds, folds + 1)
        return score, y, (encoder, detector)
    labelled = y is not None and bool((y == 1).any())
    rows, held = _hold_out(table.rows, y, share, most, recipe.seed)
    encoder, detector, z = recipe.fit(table, y, rows, 0, 1 + labelled)
    score = detector.score_encoded(z[held])
    if labelled:
        encoder, detector, _ = recipe.fit(table, y, every, 1, 2)
    return score, None if y is None else y[held], (encoder, detector)


def _folds(rows: int, y: np.ndarray | None, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(training rows, held-out rows) of each fold, stratified by labels. Raises LabelError where labels are too few."""
    if y is None or not (y == 1).any():
        yield from KFold(count, shuffle=True, random_state=seed).split(np.zeros(rows))
        return
    for value, name in ((1, "anomalies"), (0, "normal rows")):
        found = int((y == value).sum())
        if found < count:
            raise LabelError(
                f"there are too few labelled {name}",
                required=f"at least {count}, one for each fold",
                found=str(found),
                hint="label more rows, or leave the label out and find anomalies without it",
            )
    yield from StratifiedKFold(count, shuffle=True, random_state=seed).split(np.zeros(rows), y)


def _possible_folds(rows: int, y: np.ndarray | None, wanted: int) -> int:
    fewest = rows if y is None or not (y == 1).any() else min((y == 1).sum(), (y == 0).sum())
    return int(max(2, min(wanted, fewest)))


def _hold_out(rows: int, y: np.ndarray | None, share: float, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, held-out rows), stratified by labels where every kind of label has two rows."""
    size = min(int(share * rows), most)
    stratify = y is not None and min(np.unique(y, return_counts=True)[1]) > 1
    splitter = (StratifiedShuffleSplit if stratify else ShuffleSplit)(1, test_size=size, random_state=seed)
    return next(splitter.split(np.zeros(rows), y if stratify else None))
