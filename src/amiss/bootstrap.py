"""How far a measure might be off: intervals by the Poisson bootstrap (Chamandy et al., 2012), whatever the size.

A bootstrap sample of rows is a count for every row. Rows of one class and of one score count alike, so that counts are
drawn for cells of (score, class): the highest scores have cells of their own, lower ones share some hundreds. A million
rows cost little more than a thousand.
"""

from __future__ import annotations

import numpy as np

SAMPLES = 400  #: bootstrap samples
ALONE, CELLS = 512, 1024  #: scores from the top with a cell of their own, and cells in all
PAIRED = 20_000  #: rows that two scores are compared on, at most
LEVEL = 0.95


def interval(drawn: np.ndarray, whole: float, exact: float) -> list[float]:
    """[low, high] that holds ``LEVEL`` of the samples' values, moved by what the cells cost the value itself.

    drawn: (samples,) values, NaN where a sample held one class only. whole: of all rows by cells. exact: of all rows.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return [exact, exact]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) + (exact - whole)
    return [float(np.clip(min(low, exact), 0, 1)), float(np.clip(max(high, exact), 0, 1))]


class Cells:
    """Counts of rows by score and class, from the highest score down.

    y: (rows,) of 1 and 0. score: (rows,). ``weights`` gives sums of other values by cell.
    """

    def __init__(self, y: np.ndarray, score: np.ndarray) -> None:
        order = np.argsort(-score, kind="stable")
        steps = np.flatnonzero(np.diff(score[order])) + 1  # places where the score changes
        ranks = np.unique(
            np.concatenate([np.arange(ALONE), np.geomspace(ALONE, max(ALONE + 1, len(y)), CELLS - ALONE)])
        )
        at = np.searchsorted(steps, ranks.astype(int))
        cuts = np.unique(np.concatenate([[0], steps[at[at < len(steps)]]]))
        place = np.empty(len(y), int)
        place[order] = np.searchsorted(cuts, np.arange(len(y)), side="right") - 1
        self.place, self.y = place, y
        self.counts = np.stack([np.bincount(place[y == v], minlength=len(cuts)) for v in (1, 0)]).astype(float)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(2, cells) sums of ``values`` (rows,) over the anomalies and the normal rows of each cell."""
        cells = self.counts.shape[1]
        return np.stack([np.bincount(self.place[self.y == v], values[self.y == v], cells) for v in (1, 0)])

    def draw(self, seed: int = 0, samples: int = SAMPLES) -> np.ndarray:
        """(samples, 2, cells) counts of bootstrap samples."""
        return np.random.default_rng(seed).poisson(self.counts, (samples, *self.counts.shape)).astype(float)


def ranking(counts: np.ndarray, k: float, rate: float) -> dict[str, np.ndarray]:
    """Measures of rankings: counts (samples, 2, cells) of anomalies and normal rows, highest scores first.

    Rows of one cell are in random order. k: rows at the top whose precision is told; rate: share of rows at the top
    whose recall is told. Each measure is (samples,), NaN where a sample holds one class only.
    """
    hits, alarms = (np.cumsum(counts[:, i], 1) for i in (0, 1))
    all_hits, all_alarms = hits[:, -1], alarms[:, -1]
    top = hits + alarms
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(top > 0, hits / top, 0)
        average = (counts[:, 0] * precision).sum(1) / all_hits
        wins = (counts[:, 1] * (hits - counts[:, 0] / 2)).sum(1)  # anomalies above each normal row, ties for half
        auc = wins / (all_hits * all_alarms)
        rows = top[:, -1]
        of_k = np.minimum(k, rows)
        found = {
            "roc_auc": auc,
            "average_precision": average,
            "precision_at_k": _until(counts, hits, top, of_k) / of_k,
            "recall_at_rate": _until(counts, hits, top, rate * rows) / all_hits,
        }
    both = (all_hits > 0) & (all_alarms > 0)
    return {name: np.where(both, values, np.nan) for name, values in found.items()}


def _until(counts: np.ndarray, hits: np.ndarray, top: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """(samples,) anomalies expected among the first ``limit`` rows (samples,), the cell at the limit being cut."""
    cell = np.minimum((top < limit[:, None]).sum(1), top.shape[1] - 1)
    at = np.arange(len(counts))
    here = counts[at, :, cell]
    size = here.sum(1)
    before = hits[at, cell] - here[:, 0]
    share = np.clip(limit - (top[at, cell] - size), 0, size) / np.maximum(size, 1e-12)
    return before + here[:, 0] * share


def verdicts(tp: int, fp: int, fn: int, tn: int, seed: int = 0, samples: int = SAMPLES) -> np.ndarray:
    """(4, samples) counts of bootstrap samples of a confusion matrix."""
    return np.random.default_rng(seed).poisson(np.array([tp, fp, fn, tn], float), (samples, 4)).astype(float).T


def gain(y: np.ndarray, before: np.ndarray, after: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """(difference, low, high): average precision of the scores ``after`` less that of ``before``, on the same rows.

    y: (rows,) of 1 and 0. The bootstrap draws rows once for both scores, so that what makes rows hard cancels out.
    """
    rng = np.random.default_rng(seed)
    if len(y) > PAIRED:
        rows = np.concatenate([np.flatnonzero(y == 1)[: PAIRED // 2], rng.permutation(np.flatnonzero(y == 0))])[:PAIRED]
        y, before, after = y[rows], before[rows], after[rows]
    counts = np.vstack([np.ones(len(y)), rng.poisson(1.0, (SAMPLES, len(y)))])
    difference = _average_precision(y, after, counts) - _average_precision(y, before, counts)
    low, high = np.nanquantile(difference[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(difference[0]), float(low), float(high)


def _average_precision(y: np.ndarray, score: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(samples,) of rows that count (samples, rows) times; NaN where no anomaly does."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=-np.inf))  # rows of one score are taken together
    hits, top = np.cumsum(counts[:, order] * y[order], 1)[:, ends], np.cumsum(counts[:, order], 1)[:, ends]
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.diff(hits, prepend=0, axis=1) * np.where(top > 0, hits / top, 0)).sum(1) / hits[:, -1]
