"""How far out a row lies in the column in which it lies furthest out, beyond all training rows too.

The tails of single columns (:mod:`amiss.views.margins`) add up over columns, so that one cell drowns in many, and end
where the training rows end. Here every column's two tails go on as Pareto's (Hill, 1975), and their p-values are mixed
by a harmonic mean (Wilson, 2019): one cell alone can speak, and the further out, the louder.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

TAIL, LEAST = 0.05, 10  #: share of the rows, and how many at least, that tell how a column's tail goes on
NARROW = 0.02  #: a tail's slope at least, so that where a column simply ends, what lies beyond is not without bound

State = dict[str, np.ndarray]


def fit(rows: np.ndarray) -> State:
    """Learn from training rows (rows, columns) the order of every column, and how its two tails go on."""
    rows = rows.astype(np.float64)
    count, median = len(rows), np.median(rows, axis=0)
    ordered = np.sort(np.stack([rows - median, median - rows]), axis=1)
    tail = max(1, min(max(LEAST, int(TAIL * count)), count // 3))
    start, last = ordered[:, count - tail - 1], ordered[:, count - tail :]
    begun = start > 0  # else more than half of the rows are the median, and the tail's slope is taken to be 1
    ratio = np.where(begun[:, None], last / np.where(begun, start, 1.0)[:, None], np.e)
    return {"median": median, "ordered": ordered, "slope": np.maximum(np.log(ratio).mean(1), NARROW)}


def score(state: State, rows: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(rows,) minus the log of the harmonic mean of the tails' p-values; higher = a cell further out, 0 at least.

    inside: (rows,) bool; such a row is a training row, and is held against the others.
    """
    count, own = state["ordered"].shape[1], inside.astype(int)
    out = np.stack([rows - state["median"], state["median"] - rows])
    below = [[np.searchsorted(o, v) for o, v in zip(o.T, v.T)] for o, v in zip(state["ordered"], out)]
    as_far = count - np.array(below).transpose(0, 2, 1) - own[:, None]
    edge = np.maximum(state["ordered"][:, count - 1 - own], 0)
    known = edge > 0  # else no other row is on this side of the median, and nothing tells how far is far
    beyond = np.log(np.where(known, np.maximum(out, edge), 1) / np.where(known, edge, 1)) / state["slope"][:, None]
    evidence = np.where(as_far < 1, beyond, 0) - np.log(np.maximum(as_far, 1) / count)
    return logsumexp(evidence, axis=(0, 2)) - np.log(evidence[0, 0].size * 2)
