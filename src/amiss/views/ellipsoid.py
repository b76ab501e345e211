"""How far rows lie from the bulk of the training rows, in Mahalanobis' distance: in all directions, and in the least.

The bulk is what is left when the strangest rows are dropped, as in robust estimates of covariance (Rousseeuw and
Van Driessen, 1999). Directions in which the rows hardly vary are the ones that a broken dependency shows in.
"""

from __future__ import annotations

import numpy as np

from amiss.views import spaces

SHRINK = 0.01  #: share of the mean variance that is added to every direction's
LEAST = 1e-6  #: what a row's leverage leaves of it, at least


def fit(rows: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Learn from the bulk of the training rows (rows, columns)."""
    centre, values, vectors = spaces.principal(rows.astype(np.float64), rng)
    floor = max(SHRINK * values.sum() / rows.shape[1], 1e-9)
    return {
        "centre": centre,
        "vectors": vectors,
        "precision": 1 / (values + floor),
        "rest": np.asarray(1 / floor),
        "count": np.asarray(max(len(rows), 2)),
    }


def score(state: dict[str, np.ndarray], rows: np.ndarray, inside: np.ndarray) -> list[np.ndarray]:
    """Two times (rows,): squared distances over all directions, and over the half that the bulk varies least in.

    inside: (rows,) bool; such a row is one of the bulk, and is measured as if it were not (Sherman and Morrison, 1950).
    """
    rows = rows - state["centre"]
    along = np.square(rows @ state["vectors"])
    least = along.shape[1] - max(along.shape[1] // 2, 1)
    beyond = np.maximum(np.square(rows).sum(1) - along.sum(1), 0) * state["rest"]  # what no direction holds
    each = along * state["precision"]
    every, most = each.sum(1) + beyond, each[:, :least].sum(1)
    count = float(state["count"])

    def without(squares: np.ndarray) -> np.ndarray:
        own = (count / (count - 1)) ** 2 / np.maximum(1 - squares * count / (count - 1) ** 2, LEAST)
        return np.where(inside, squares * own, squares)

    return [without(every), without(every) - without(most)]
