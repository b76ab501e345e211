"""Would more labels help? Average precision on held-out rows, learned from ever more of the labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from amiss import splits
from amiss.background import take
from amiss.classifier import Classifier
from amiss.errors import LabelError
from amiss.model import Model
from amiss.table import Table

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  #: of the labels that may be learned from
FOLDS = 3
ROWS = 10_000  #: rows that the curve is drawn from, at most
FEWEST = 8  #: labelled anomalies without which no curve can be drawn
MORE = 50
SMALL = 0.01  #: a gain in average precision that is hardly worth the labels


def learning_curve(
    model: Model, table: Table, y: np.ndarray, *, more: int = MORE, report: Callable[[float, str], None] | None = None
) -> dict[str, Any]:
    """Learn anew, as the model was, from parts of the labels, judged by cross-validation; fit for JSON.

    y: (rows,) 1, 0, -1. ``labels``, ``anomalies``: what each point learned from. ``average_precision`` with ``low``
    and ``high``, twice the standard error over folds. ``expected_gain``, ``gain_low``, ``gain_high``: of ``more``
    labels like these, by a curve a - b / sqrt(labels) through each fold's points. ``sentence``: the same in words.
    Raises LabelError with fewer than eight labels of a kind, or for a model that does not learn from labels.
    """
    recipe = dataclasses.replace(model.recipe(), report=None)
    if not issubclass(recipe.detector, Classifier):
        raise LabelError(
            "the model does not learn from labels", found=recipe.detector.__name__,
            hint="fit it with --label, or leave the learning curve out",
        )  # fmt: skip
    kinds = int((y == 1).sum()), int((y == 0).sum())
    if min(kinds) < FEWEST:
        raise LabelError(
            "too few labels for a learning curve", required=f"at least {FEWEST} anomalies and normal rows",
            found=f"{kinds[0]} anomalies, {kinds[1]} normal rows",
        )  # fmt: skip
    total, rng = int((y >= 0).sum()), np.random.default_rng(recipe.seed)
    if len(y) > ROWS:
        rows = [rng.permutation(np.flatnonzero(y == v)) for v in (1, 0, -1)]
        rows = [r[: max(min(len(r), FEWEST), round(len(r) * ROWS / len(y)))] for r in rows]
        chosen = np.sort(np.concatenate(rows))
        table, y = take(table, chosen), y[chosen]
    parts = splits.folds(y, FOLDS, recipe.seed)
    fewest = min(int((y[rows] == 1).sum()) for rows, _ in parts)
    shares = [s for s in SHARES if s * fewest >= 2]
    score, labels, anomalies = (np.zeros((FOLDS, len(shares))) for _ in range(3))
    for i, (learned, held) in enumerate(parts):
        orders = [rng.permutation(learned[y[learned] == v]) for v in (1, 0)]
        for j, share in enumerate(shares):
            if report is not None:
                report((i * len(shares) + j) / (FOLDS * len(shares)), f"learning curve, fold {i + 1} of {FOLDS}")
            known = np.full(len(y), -1, np.int8)
            for order, value in zip(orders, (1, 0)):  # smaller parts lie within larger ones
                known[order[: max(1, round(share * len(order)))]] = value
            _, detector, z = recipe.fit(table, known, learned)
            score[i, j] = splits.measure("average_precision", y[held], detector.score_encoded(z[held]))
            labels[i, j], anomalies[i, j] = (known >= 0).sum(), (known == 1).sum()
    mean, error = score.mean(0), score.std(0, ddof=1) / np.sqrt(FOLDS)
    gains = np.array([_slope(n, s) for n, s in zip(labels, score)]) * (total**-0.5 - (total + more) ** -0.5)
    gain, spread = float(gains.mean()), float(2 * gains.std(ddof=1) / np.sqrt(FOLDS))
    found: dict[str, Any] = {
        "labels": labels.mean(0).round().astype(int).tolist(),
        "anomalies": anomalies.mean(0).round().astype(int).tolist(),
        "average_precision": mean.tolist(), "low": (mean - 2 * error).clip(0, 1).tolist(),
        "high": (mean + 2 * error).clip(0, 1).tolist(), "folds": FOLDS, "more": more, "known": total,
        "expected_gain": gain, "gain_low": gain - spread, "gain_high": gain + spread,
    }  # fmt: skip
    return found | {"sentence": _sentence(found, kinds[0] / sum(kinds))}


def _slope(labels: np.ndarray, score: np.ndarray) -> float:
    """b of score = a - b / sqrt(labels); the later points, which say more of what comes, count more."""
    x, weight = -(labels**-0.5), labels
    x = x - np.average(x, weights=weight)
    spread = (weight * x * x).sum()
    return float((weight * x * score).sum() / spread) if spread > 0 else 0.0


def _sentence(found: dict[str, Any], rate: float) -> str:
    more, gain, low, high = (found[k] for k in ("more", "expected_gain", "gain_low", "gain_high"))
    about = max(1, round(more * rate))
    told = f"{more} more labels like these (about {about} of them anomalies)"
    numbers = f"average precision {gain:+.3f} ({low:+.3f} to {high:+.3f})"
    if gain < SMALL:
        return f"No: {told} would hardly help: {numbers}."
    if low <= 0:
        return f"Perhaps: {told} might help a little: {numbers}, which may be nothing."
    return f"Yes: {told} would help: {numbers}."
