"""How far rows lie from the bulk of the training rows, in Mahalanobis' distance.

The bulk is what is left when the strangest rows are dropped, as in robust estimates of covariance (Rousseeuw and
Van Driessen, 1999).
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


def score(state: dict[str, np.ndarray], rows: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(rows,) squared distances.

    inside: (rows,) bool; such a row is one of the bulk, and is measured as if it were not (Sherman and Morrison, 1950).
    """
    rows = rows - state["centre"]
    along = np.square(rows @ state["vectors"])
    beyond = np.maximum(np.square(rows).sum(1) - along.sum(1), 0) * state["rest"]  # what no direction holds
    squares, count = along @ state["precision"] + beyond, float(state["count"])
    own = (count / (count - 1)) ** 2 / np.maximum(1 - squares * count / (count - 1) ** 2, LEAST)
    return np.where(inside, squares * own, squares)
