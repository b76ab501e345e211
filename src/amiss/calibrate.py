"""Score -> probability of an anomaly, learned on held-out labelled rows.

Ways compete, and the one that explains rows it has not seen better is kept: a logistic curve (Platt, 1999), a rising
curve of any shape (isotonic regression; Zadrozny and Elkan, 2002) and, where the score is one of log-odds, the score as
it is, which stays unless another is better by more than chance. All are kept as one rising broken line from score to
log-odds, so that a probability never changes the order of two rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.isotonic import isotonic_regression

from amiss.errors import ModelFileError

FEWEST = 5  #: labelled held-out rows of each kind without which nothing is learned
FOLDS = 5
KNOTS = 200  #: corners of the line, at most
LEAST_SLOPE = 1e-3  #: a standard deviation of the score: scores that say nothing keep their order


@dataclass(frozen=True)
class Calibration:
    """A rising broken line: ``log_odds`` (knots,) at ``scores`` (knots,), going on beyond them with ``slope``.

    method: 'as is', 'platt' or 'isotonic'. loss: log loss a row, nats, of each on rows left out of it.
    """

    scores: np.ndarray
    log_odds: np.ndarray
    slope: float
    method: str
    loss: dict[str, float] = field(default_factory=dict)

    @classmethod
    def learn(
        cls, score: np.ndarray, y: np.ndarray | None, seed: int = 0, *, log_odds: bool = False
    ) -> Calibration | None:
        """From scores (rows,) of rows that the detector had not learned from, and y (rows,) in {1, 0, -1}.

        log_odds: whether the score is one of log-odds, which may be kept as it is. None where fewer than ``FEWEST`` of
        either kind are known.
        """
        if y is None:
            return None
        known = (y >= 0) & np.isfinite(score)
        score, y = np.asarray(score, float)[known], y[known].astype(float)
        if min((y == 1).sum(), (y == 0).sum()) < FEWEST:
            return None
        fold = np.empty(len(y), int)
        rng = np.random.default_rng(seed)
        for value in (0, 1):  # stratified, or a fold might hold no anomaly
            rows = rng.permutation(np.flatnonzero(y == value))
            fold[rows] = np.arange(len(rows)) % FOLDS
        ways = {"platt": _platt, "isotonic": _isotonic} | ({"as is": _as_is} if log_odds else {})
        losses = {name: np.empty(len(y)) for name in ways}
        for name, way in ways.items():
            for i in range(FOLDS):
                out = fold == i
                losses[name][out] = _losses(way(score[~out], y[~out]).to_log_odds(score[out]), y[out])
        best = min(("platt", "isotonic"), key=lambda name: losses[name].sum())
        if log_odds:  # by less than a standard error is no better
            gain = losses["as is"] - losses[best]
            if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(y)):
                best = "as is"
        found = ways[best](score, y)
        loss = {name: float(each.mean()) for name, each in losses.items()}
        return cls(found.scores, found.log_odds, found.slope, best, loss)

    def to_log_odds(self, score: np.ndarray) -> np.ndarray:
        """(rows,) log-odds of an anomaly, rising with the score (rows,)."""
        score = np.asarray(score, float)
        beyond = np.minimum(score - self.scores[0], 0) + np.maximum(score - self.scores[-1], 0)
        return np.interp(score, self.scores, self.log_odds) + self.slope * beyond

    def probability(self, score: np.ndarray) -> np.ndarray:
        """(rows,) probability of an anomaly, in (0, 1)."""
        return 1 / (1 + np.exp(-np.clip(self.to_log_odds(score), -500, 500)))

    def to_json(self) -> dict[str, Any]:
        return {
            "scores": self.scores.tolist(), "log_odds": self.log_odds.tolist(), "slope": self.slope,
            "method": self.method, "loss": self.loss,
        }  # fmt: skip

    @classmethod
    def from_json(cls, state: Any) -> Calibration:
        """Inverse of :meth:`to_json`. Raises ModelFileError for anything else."""
        try:
            scores, log_odds = (np.asarray(state[name], float) for name in ("scores", "log_odds"))
            if scores.ndim != 1 or scores.shape != log_odds.shape or not len(scores) or (np.diff(scores) <= 0).any():
                raise ValueError("no rising line")
            return cls(scores, log_odds, float(state["slope"]), str(state["method"]), dict(state["loss"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError("the model's calibration is damaged", found=repr(error)) from error


def _losses(log_odds: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(rows,) log loss, nats."""
    return np.asarray(np.logaddexp(0, log_odds) - y * log_odds)


def _as_is(score: np.ndarray, y: np.ndarray) -> Calibration:
    """The score itself is the log-odds."""
    return Calibration(np.zeros(1), np.zeros(1), 1.0, "as is")


def _platt(score: np.ndarray, y: np.ndarray) -> Calibration:
    slope, offset = logistic(score, y)
    return Calibration(np.array([-offset / slope]), np.zeros(1), slope, "platt")


def logistic(score: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """slope, offset of the log-odds of y = 1 as a line in the score; it rises, or is all but flat.

    By Newton's method on Platt's smoothed targets, which keep it from being certain of a few rows. score, y: (rows,);
    weights: (rows,) of the rows, 1 if None.
    """
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, float) / np.mean(weights)
    ones, zeros = float((weights * y).sum()), float((weights * (1 - y)).sum())
    count = y.sum()
    target = np.where(y == 1, (count + 1) / (count + 2), 1 / (len(y) - count + 2))
    middle, scale = score.mean(), score.std() or 1.0
    x = (score - middle) / scale
    slope, offset = 0.0, float(np.log((ones + 1) / (zeros + 1)))

    def loss(a: float, b: float) -> float:
        return float((weights * _losses(a * x + b, target)).sum()) + 1e-6 * a * a

    now = loss(slope, offset)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(slope * x + offset, -500, 500)))
        gap, w = weights * (p - target), weights * p * (1 - p) + 1e-12
        gradient = np.array([(gap * x).sum() + 2e-6 * slope, gap.sum()])
        hessian = np.array([[(w * x * x).sum() + 2e-6, (w * x).sum()], [(w * x).sum(), w.sum() + 1e-9]])
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-6 and loss(slope - size * step[0], offset - size * step[1]) > now:
            size /= 2
        slope, offset = slope - size * float(step[0]), offset - size * float(step[1])
        before, now = now, loss(slope, offset)
        if before - now < 1e-9 * max(1.0, now):
            break
    slope = max(slope, LEAST_SLOPE) / scale
    return float(slope), float(offset - slope * middle)


def _isotonic(score: np.ndarray, y: np.ndarray) -> Calibration:
    """Pools adjacent violators (Ayer et al., 1955), a corner at each pool's middle; shares are drawn towards the mean.

    Between corners and beyond them the line rises, as in centred isotonic regression (Oron and Flournoy, 2017).
    """
    platt = _platt(score, y)
    order = np.argsort(score, kind="stable")
    values, first, sizes = np.unique(score[order], return_index=True, return_counts=True)
    fitted = isotonic_regression(np.add.reduceat(y[order], first) / sizes, sample_weight=sizes)
    pool = np.flatnonzero(np.concatenate([[True], np.diff(fitted) > 1e-12]))
    rows, hits, totals = (np.add.reduceat(v, pool) for v in (sizes, fitted * sizes, values * sizes))
    share = (hits + y.mean()) / (rows + 1)  # one more row, of the mean kind: no pool is ever certain
    share = np.maximum.accumulate(share)
    x = totals / rows
    kept = np.concatenate([[True], (np.diff(x) > 0) & (np.diff(share) > 1e-12)])
    x, share = x[kept], share[kept]
    if len(x) > KNOTS:
        some = np.unique(np.linspace(0, len(x) - 1, KNOTS).astype(int))
        x, share = x[some], share[some]
    return Calibration(x, np.log(share / (1 - share)), platt.slope, "isotonic")
