"""Networks as views: members blind to a fold of the references each, so that every reference has an honest score.

A new row is scored by the members blind to the first fold only: as many as score a reference, so that honest scores of
references are spread like those of new rows. The other members are there for honesty alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from amiss.sampling import pad_columns
from amiss.train import Method, Plan, Progress, Trained, score_members, train
from amiss.views import tails

FOLDS = 2
TAIL_ROWS = 40  #: with fewer rows a fold, all folds share one tail
WIDE, LEAST = 256, 100  #: beyond so many columns there are fewer steps, but at least so many

Networks = Mapping[str, tuple[str, Method]]  #: the space that each network sees rows in, and its three functions
Report = Callable[[Progress], None]
State = dict[str, Any]


def fit(
    networks: Networks,
    rows: Mapping[str, np.ndarray],
    fold: np.ndarray,
    members: int,
    plan: Plan,
    size: int,
    report: Report | None = None,
) -> tuple[State, str]:
    """Train every network's members, and why training stopped.

    rows: {space: (rows, columns)}. fold: (rows,) from 0 to FOLDS - 1. members: for each fold. plan: of one network, its
    budget that of all. size: rows that are scored at a time.
    """
    state: State = {}
    stopped = "epochs"
    for i, (name, (space, method)) in enumerate(networks.items()):
        x = pad_columns(rows[space])
        columns = rows[space].shape[1]
        steps = (
            plan.steps if plan.steps is None else max(min(plan.steps, LEAST), plan.steps * WIDE // max(columns, WIDE))
        )
        budget = plan.budget and plan.budget / len(networks)
        splits = [(np.flatnonzero(fold != j), np.zeros(0, int)) for j in list(range(FOLDS)) * members]
        own = replace(plan, steps=steps, budget=budget, seed=plan.seed + i)
        trained = train(method, {"x": x}, splits, own, columns=columns, report=_after(report, i, len(networks)))
        state[name] = {"weights": trained.weights, "buffers": trained.buffers}
        honest = score(method, state[name], rows[space], fold, size)
        apart = len(fold) >= FOLDS * TAIL_ROWS
        state[name]["tails"] = {str(j): tails.fit(honest[fold == j] if apart else honest) for j in range(FOLDS)}
        if trained.stopped == "interrupted":
            plan = replace(plan, epochs=0)  # the networks that follow stay as they began
        stopped = trained.stopped if stopped == "epochs" else stopped
    return state, stopped


def surprise(method: Method, state: State, rows: np.ndarray, fold: np.ndarray, size: int) -> np.ndarray:
    """(rows,) minus the log of the share of the fold (rows,), 0 for a new row, that its blind members score as high.

    Each fold has a tail of its own, as networks differ in how sure of themselves they are.
    """
    scores, result = score(method, state, rows, fold, size), np.empty(len(rows))
    for j in np.unique(fold):
        result[fold == j] = tails.surprise(state["tails"][str(j)], scores[fold == j])
    return result


def score(method: Method, state: State, rows: np.ndarray, fold: np.ndarray, size: int) -> np.ndarray:
    """(rows,) float64 > 0: the mean of the members that are blind to a row's fold."""
    total = np.full(len(rows), 1e-9)
    for j in np.unique(fold):
        weights, buffers = ({k: v[j::FOLDS] for k, v in state[part].items()} for part in ("weights", "buffers"))
        for block, each in score_members(method, Trained(weights, buffers), pad_columns(rows), size):
            total[block] += np.where(fold[block] == j, each.mean(0), 0.0)
    return total


def _after(report: Report | None, done: int, networks: int) -> Report | None:
    """A report of one network as one of all of them."""
    if report is None:
        return None

    def heard(progress: Progress) -> None:
        epochs = progress.epochs
        report(progress._replace(epoch=done * epochs + progress.epoch, epochs=networks * epochs))

    return heard
