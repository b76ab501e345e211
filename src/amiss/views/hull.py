"""How far a row lies from the hull of its nearest references: off the surface on which rows lie around it.

Local hyperplane distance (Vincent and Bengio, 2001), or what is left when a row is put together from its neighbours
(Roweis and Saul, 2000). Where columns depend on each other, a row beside the surface can be as near to its neighbours
as they are to each other, but lies off the plane through them. No network has to learn that surface.
"""

from __future__ import annotations

import numpy as np

RIDGE = 0.1  #: of the neighbours' mean squared distance to their middle: how dear it is to move along the hull


def score(rows: np.ndarray, references: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(rows,) distance of rows (rows, columns) to the affine hull of the references that index (rows, count) names.

    The point of the hull is chosen by ridge regression, so that far along the hull is far, too.
    """
    near = references[index]
    middle = near.mean(1)
    spread, gap = near - middle[:, None], (rows - middle)[:, :, None]
    gram = spread @ spread.transpose(0, 2, 1)
    count = gram.shape[1]
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2) / count + 1e-9
    weight = np.linalg.solve(gram + ridge[:, None, None] * np.eye(count, dtype=gram.dtype), spread @ gap)
    left = gap - spread.transpose(0, 2, 1) @ weight
    return np.sqrt(np.square(left[:, :, 0], dtype=np.float64).sum(1))
