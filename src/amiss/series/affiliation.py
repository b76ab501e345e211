"""Affiliation precision and recall: how near marks are to events, beside marks placed at random."""

from __future__ import annotations

import numpy as np

from amiss.errors import LabelError
from amiss.series.vus import stretches


def affiliation(label: np.ndarray, marks: np.ndarray) -> tuple[float, float, float]:
    """(precision, recall, F1) of marks (time,) against label (time,), both of 1 and 0 (Huet et al., KDD 2022).

    Step i is the interval [i, i + 1). A true event's zone reaches to the midpoints towards its neighbours. Precision
    of a marked position: chance that a random position of its zone lies farther from the event. Recall of
    a position of the event: chance that a random position of the zone lies farther from it than the nearest mark.
    Precision and F1 are NaN where nothing is marked. Raises LabelError where nothing is labelled anomalous.
    """
    n = len(label)
    (ts, te), (ps, pe) = stretches(label), stretches(marks)
    if len(ts) == 0:
        raise LabelError("affiliation needs at least one step that is labelled anomalous", found="none")
    ts, te, ps, pe = (a.astype(float) for a in (ts, te + 1, ps, pe + 1))
    middle = (te[:-1] + ts[1:]) / 2
    low, high = np.concatenate([[0.0], middle]), np.concatenate([middle, [float(n)]])
    precisions, recalls = [], []
    for j0, j1, e0, e1 in zip(ts, te, low, high):
        i, k = np.searchsorted(pe, e0, "right"), np.searchsorted(ps, e1, "left")
        if i >= k:
            recalls.append(0.0)
            continue
        a, b = np.maximum(ps[i:k], e0), np.minimum(pe[i:k], e1)  # marks, cut at the zone's borders
        precisions.append(_precision(a, b, j0, j1, e0, e1))
        recalls.append(_recall(a, b, j0, j1, e0, e1))
    recall = float(np.mean(recalls))
    if not precisions:
        return float("nan"), recall, float("nan")
    precision = float(np.mean(precisions))
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def best_affiliation_f1(label: np.ndarray, score: np.ndarray, steps: int = 100) -> float:
    """Best affiliation F1 over evenly spaced thresholds, as TSB-AD reports it: an oracle's threshold."""
    found = [affiliation(label, score > t)[2] for t in np.linspace(score.min(), score.max(), steps)]
    return float(np.nanmax(found)) if not np.isnan(found).all() else 0.0


def _ramp(c: float, d: np.ndarray) -> np.ndarray:
    """Integral of max(0, c - u) for u from 0 to d."""
    m = np.minimum(c, d)
    return c * m - m * m / 2


def _precision(a: np.ndarray, b: np.ndarray, j0: float, j1: float, e0: float, e1: float) -> float:
    """Mean over the marks [a, b) (marks,) of the zone [e0, e1) with the event [j0, j1)."""
    size, left, right = e1 - e0, j0 - e0, e1 - j1

    def farther(d: np.ndarray) -> np.ndarray:
        """Integral of P(distance > u), u = 0 .. d."""
        return (_ramp(left, d) + _ramp(right, d)) / size

    inside = np.maximum(np.minimum(b, j1) - np.maximum(a, j0), 0)
    before = farther(np.maximum(j0 - a, 0)) - farther(np.maximum(j0 - np.minimum(b, j0), 0))
    after = farther(np.maximum(b - j1, 0)) - farther(np.maximum(np.maximum(a, j1) - j1, 0))
    total = inside + np.where(a < j0, before, 0) + np.where(b > j1, after, 0)
    return float(total.sum() / (b - a).sum())


def _recall(a: np.ndarray, b: np.ndarray, j0: float, j1: float, e0: float, e1: float) -> float:
    """Mean over the positions of the event [j0, j1), each measured to its nearest mark."""
    middle = (b[:-1] + a[1:]) / 2
    low = np.maximum(np.concatenate([[e0], middle]), j0)  # the part of the event that is nearest to each mark
    high = np.minimum(np.concatenate([middle, [e1]]), j1)
    total = np.maximum(np.minimum(high, b) - np.maximum(low, a), 0)
    l0, l1 = low, np.minimum(high, a)  # left of the mark
    d0, d1 = np.maximum(a - l1, 0), np.maximum(a - l0, 0)
    total = total + np.where(l1 > l0, _one_sided(d0, d1, a - e0, e1 - e0), 0)
    r0, r1 = np.maximum(low, b), high  # right of it
    d0, d1 = np.maximum(r0 - b, 0), np.maximum(r1 - b, 0)
    total = total + np.where(r1 > r0, _one_sided(d0, d1, e1 - b, e1 - e0), 0)
    return float(total.sum() / (j1 - j0))


def _one_sided(d0: np.ndarray, d1: np.ndarray, room: np.ndarray, size: float) -> np.ndarray:
    """Integral, over distances d0 .. d1 to a mark's edge, of 1 - (ball of that radius, cut at the zone) / size.

    Towards the mark the ball ends at the mark's edge, which is in the zone. On the other side it is cut at
    the zone's border, which a position at distance d has ``room - d`` away.
    """

    def area(d: np.ndarray) -> np.ndarray:
        far = room * room / 8 + room * (d - room / 2) - (d * d - room * room / 4) / 2
        other = np.where(d <= room / 2, d * d / 2, far)  # integral of min(u, room - u)
        return d - (d * d / 2 + other) / size

    return np.where(d1 > d0, area(d1) - area(d0), 0.0)
