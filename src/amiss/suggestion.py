"""Which rows to label next: those whose labels would teach most."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from amiss.answers import known_labels
from amiss.errors import LabelError, check_number
from amiss.model import Model
from amiss.reading import RawTable

POOL = 5_000  #: rows that are compared with each other, the most promising ones
FAR = 1e9  #: the distance of a row that there is nothing to compare with
NEAR = 4.0  #: a feature's distance counts up to this many deviations
SPREAD = 4  #: one suggestion in so many is drawn from all scores, so that what is ordinary is learned, too
COMPARED = 500  #: labelled rows that suggestions are to differ from, at most


def suggest(model: Model, data: Any, k: int = 20, *, seed: int = 0, **reading: Any) -> pl.DataFrame:
    """The ``k`` unlabelled rows of ``data`` whose labels would teach the model most, most useful first.

    Frame of ``row`` (its number, from 1), ``why`` ('strange', 'uncertain' or 'ordinary'), ``score``, ``p_value`` and,
    where the model has one, ``probability``. A row is worth more the less sure the model is of it and the stranger it
    is, and the less it is like the rows suggested before it and those that are labelled (Brinker, 2003: diversity in
    batches). Works for models without labels, too. data: as in :func:`amiss.fit`; where it holds the model's label
    column, rows that have a label are left out. Raises LabelError where no row is without one.
    """
    check_number("k", k, 1, whole=True)
    raw = data if isinstance(data, RawTable) else model.read(data, **reading)
    y = known_labels(model, raw)
    if (y >= 0).all():
        raise LabelError(
            "every row has a label already", where=raw.source, required="rows without one, to suggest from"
        )
    table = model.match(raw)
    verdicts = model.score_table(table)
    z = model.encoder.transform(table)
    probability = verdicts["probability"].to_numpy() if "probability" in verdicts.columns else None
    rows, why = choose(z, verdicts["score"].to_numpy(), probability, y, min(k, int((y < 0).sum())), seed)
    chosen = verdicts.drop("is_anomaly")[rows.tolist()]
    return pl.DataFrame({"row": rows + 1, "why": why}).hstack(chosen)


def choose(
    z: np.ndarray, score: np.ndarray, probability: np.ndarray | None, y: np.ndarray, k: int, seed: int = 0
) -> tuple[np.ndarray, list[str]]:
    """(k,) places of rows to label, and why each.

    z: (rows, features). score, probability: (rows,). y: (rows,) of 1, 0 and -1; rows of -1 are to choose from.
    """
    free = np.flatnonzero(y < 0)
    rank = np.empty(len(free))
    rank[np.argsort(-score[free], kind="stable")] = np.arange(len(free))
    strange = 1 / (1 + rank / k)
    unsure = np.zeros(len(free)) if probability is None else 4 * probability[free] * (1 - probability[free])
    worth = np.maximum(strange, unsure)
    pool = np.argsort(-worth, kind="stable")[: max(POOL, 4 * k)]
    labelled = np.flatnonzero(y >= 0)
    if len(labelled) > COMPARED:
        labelled = np.random.default_rng(seed).choice(labelled, COMPARED, replace=False)
    rows = free[pool]
    # a row that is like none before it counts in full, one that has a twin counts for nothing
    apart = np.full(len(pool), FAR)
    for place in labelled:
        np.minimum(apart, _distance(z[rows], z[place]), out=apart)
    usual = float(np.median(_distance(z[rows], np.median(z, 0)))) or 1.0
    picked: list[int] = []
    why: list[str] = []
    left = np.ones(len(free), bool)
    ordinary = _spread(rank, k // SPREAD, seed)
    for i in range(k):
        at, reason = -1, "ordinary"
        if i % SPREAD == SPREAD - 1 and left[ordinary[i // SPREAD]]:
            at = int(ordinary[i // SPREAD])
        else:
            gain = np.where(left[pool], worth[pool] * apart / (apart + usual), -1.0)
            at = int(pool[np.argmax(gain)])
            reason = "uncertain" if unsure[at] > strange[at] else "strange"
        left[at] = False
        picked.append(at)
        why.append(reason)
        np.minimum(apart, _distance(z[rows], z[free[at]]), out=apart)
    return free[np.array(picked, int)], why


def _spread(rank: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Places of rows spread evenly over all ranks of the score."""
    order = np.argsort(rank, kind="stable")
    at = (np.arange(count) + np.random.default_rng(seed).random()) / max(count, 1)
    return order[np.minimum((at * len(order)).astype(int), len(order) - 1)]


def _distance(z: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.sqrt((np.minimum(np.abs(z - row), NEAR) ** 2).mean(1))
