"""What a search tried and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from amiss.model import Model
from amiss.task import Fit


@dataclass
class Trial:
    """One choice of parameters. parameters: those that differ from the defaults, as ``--set`` takes them.

    scores: of the folds that were run. state: 'done', 'pruned' (given up as hopeless) or 'failed'.
    """

    number: int
    parameters: dict[str, str]
    drawn: dict[str, Any]
    scores: list[float]
    state: str
    seconds: float
    note: str = ""

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores)) if self.scores else float("nan")


@dataclass
class Tuned:
    """What a search found.

    model: fitted on all rows with the winner's parameters. best: the winning trial. settings: its parameters and those
    the person fixed, as ``--set`` takes them. trials: all of them. folds: of each trial.
    held_out: ``winner`` and ``default``, evaluations on rows that the search never saw, and ``gain``, the difference
    of their average precision, with ``low`` and ``high``, its 95 % interval.
    """

    task: Fit
    model: Model
    best: Trial
    settings: dict[str, str]
    trials: list[Trial]
    metric: str
    folds: int
    held_out: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def table(self) -> pl.DataFrame:
        """A row a trial, best first: number, score, folds, state, seconds and every parameter that was searched."""
        names = list(dict.fromkeys(n for t in self.trials for n in t.drawn))
        rows = [
            {
                "trial": t.number, self.metric: t.mean if t.scores else None, "folds": len(t.scores), "state": t.state,
                "seconds": round(t.seconds, 2), **{n: str(t.parameters.get(n, "default")) for n in names},
            }
            for t in self.ranked()
        ]  # fmt: skip
        return pl.DataFrame(rows, infer_schema_length=None)

    def ranked(self) -> list[Trial]:
        """Trials that ran all their folds first, best first."""
        return sorted(self.trials, key=lambda t: (t.state != "done", -t.mean if t.scores else np.inf, t.number))

    def to_json(self) -> dict[str, Any]:
        """Fit for JSON: the winner, what it is worth, all trials."""
        return {
            "metric": self.metric, "folds": self.folds, "best": self.best.number, "best_score": self.best.mean,
            "default_score": self.trials[0].mean, "parameters": self.settings, "held_out": self.held_out,
            "trials": [
                {"trial": t.number, "score": t.mean if t.scores else None, "scores": t.scores, "state": t.state,
                 "seconds": round(t.seconds, 3), "parameters": t.parameters, "note": t.note}
                for t in self.trials
            ],
        }  # fmt: skip
