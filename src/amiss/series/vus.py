"""Volume under the surface: range-based ROC and precision-recall curves, averaged over how exact a hit must be."""

from __future__ import annotations

import numpy as np

from amiss.errors import LabelError

THRESHOLDS = 250  #: quantiles of the score that serve as thresholds, as in TSB-AD


def stretches(marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last steps (both inclusive) of the stretches of marks (time,): two int arrays (stretches,)."""
    edges = np.diff(np.concatenate([[0], (np.asarray(marks) > 0).astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def vus(label: np.ndarray, score: np.ndarray, window: int) -> tuple[float, float]:
    """(VUS-ROC, VUS-PR) of score (time,) against label (time,) of 1 and 0 (Paparrizos et al., VLDB 2022).

    Mean over buffers w = 0 .. window of the areas under the range-based curves. For buffer w, every true event is
    widened by w // 2 steps on both sides with weight sqrt(1 - d / w), d being the distance. With
    pred = score >= threshold: TP = sum(weight * pred); P' = P + sum(weight * pred outside events) / 2;
    recall = min(TP / P', 1) * (share of the widened, merged events that are touched); precision = TP / sum(pred).
    window: TSB-AD takes the series' period, :func:`amiss.series.period.benchmark_period`.
    Costs O(n log n) once and O(steps near events) a buffer. Raises LabelError where nothing is labelled anomalous.
    """
    label, score = np.asarray(label).astype(int), np.asarray(score, float)
    n, positives, (start, end) = len(label), int(label.sum()), stretches(label)
    if len(start) == 0:
        raise LabelError("VUS needs at least one step that is labelled anomalous", found="none")
    ascending = np.sort(score)
    thresholds = ascending[::-1][np.linspace(0, n - 1, THRESHOLDS).astype(int)]
    marked = n - np.searchsorted(ascending, thresholds, "left")
    first = np.searchsorted(-thresholds, -score, "left")  # (time,) the highest threshold that marks a step
    inside = np.bincount(first[label > 0], minlength=THRESHOLDS)[:THRESHOLDS].cumsum()
    step, distance = _near_events(label, start, end, window // 2)
    near, slot = np.unique(step, return_inverse=True)  # steps that can carry weight
    roc = pr = 0.0
    for w in range(window + 1):
        m = np.searchsorted(distance, w // 2, "right")
        share = np.sqrt(1 - distance[:m] / max(w, 1))
        weight = np.minimum(np.bincount(slot[:m], share, minlength=len(near)), 1.0)
        outside = np.bincount(first[near], weight, minlength=THRESHOLDS)[:THRESHOLDS].cumsum()
        hits, widened = inside + outside, positives + outside / 2
        recall = np.minimum(hits / widened, 1) * _touched(first, start, end, w // 2, n)
        false_rate = (marked - hits) / (n - widened)
        x, y = np.concatenate([[0], false_rate, [1]]), np.concatenate([[0], recall, [1]])
        roc += float(np.dot(np.diff(x), (y[1:] + y[:-1]) / 2))
        pr += float(np.dot(np.diff(y[:-1]), hits / marked))
    return roc / (window + 1), pr / (window + 1)


def _near_events(label: np.ndarray, start: np.ndarray, end: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a step outside events and an event at most ``half`` away: steps and distances, nearest first."""
    d = np.arange(1, half + 1)
    step = np.concatenate([(end[:, None] + d).ravel(), (start[:, None] - d).ravel()])
    distance = np.tile(d, 2 * len(start))
    keep = (step >= 0) & (step < len(label))
    step, distance = step[keep], distance[keep]
    keep = label[step] == 0
    step, distance = step[keep], distance[keep]
    order = np.argsort(distance, kind="stable")
    return step[order], distance[order]


def _touched(first: np.ndarray, start: np.ndarray, end: np.ndarray, half: int, n: int) -> np.ndarray:
    """(thresholds,) share of the widened events, merged where they meet, that each threshold touches."""
    new = np.concatenate([[True], end[:-1] + half < start[1:] - half])
    low = np.maximum(start[new] - half, 0)
    high = np.minimum(end[np.concatenate([new[1:], [True]])] + half, n - 1)
    edges = np.stack([low, high + 1], 1).ravel()
    if edges[-1] == n:  # reduceat takes no index n: its last slice runs to the end by itself
        edges = edges[:-1]
    earliest = np.minimum.reduceat(first, edges)[::2]
    return np.bincount(earliest, minlength=THRESHOLDS)[:THRESHOLDS].cumsum() / len(low)
