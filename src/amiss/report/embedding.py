"""A map of the rows: the two directions in which the encoded table spreads most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from amiss.background import take

if TYPE_CHECKING:
    from amiss.report.summarise import Findings

NEAR = 4.0  #: ordinary rows lie within this many deviations; what lies further is drawn logarithmically


def embed(found: Findings, drawn: np.ndarray, most: int) -> list[dict[str, Any]]:
    """Dots of at most ``most`` rows, a third of them flagged at most: x, y, row number, score, flagged.

    Principal components of the rows that are not flagged (Pearson, 1901); far rows are drawn closer than they are.
    """
    if found.explainer is None:
        return []
    hot, rest = drawn[found.flagged[drawn]], drawn[~found.flagged[drawn]]
    rng = np.random.default_rng(0)
    hot = hot[np.argsort(-found.score[hot], kind="stable")][: most // 3]
    rest = np.sort(rng.permutation(rest)[: most - len(hot)])
    places = np.concatenate([rest, hot]).astype(int)
    z = found.explainer.encoder.transform(take(found.table, places)).astype(np.float64)
    z = np.sign(z) * np.where(np.abs(z) <= NEAR, np.abs(z), NEAR + np.log1p(np.abs(np.abs(z) - NEAR)))
    base = z[: len(rest)] if len(rest) > 2 else z
    middle = base.mean(0)
    _, _, axes = np.linalg.svd(base - middle, full_matrices=False)
    flat = np.zeros((len(z), 2))
    flat[:, : len(axes[:2])] = (z - middle) @ axes[:2].T
    return [
        {
            "row": int(p) + 1,
            "x": round(float(a), 3),
            "y": round(float(b), 3),
            "score": round(float(found.score[p]), 5),
            "hot": bool(found.flagged[p]),
        }
        for p, (a, b) in zip(places, flat)
    ]
