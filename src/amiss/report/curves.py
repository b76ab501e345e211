"""ROC, precision beside recall, calibration and the confusion matrix: as numbers, and as pictures on a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from amiss.report import plots
from amiss.report.card import table
from amiss.report.plots import esc
from amiss.report.strings import say

POINTS = 200  #: of a curve


def curves(y: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """roc and pr as [x, y], base: the share of anomalies. y: (rows,) in {1, 0, -1}, of both kinds. score: (rows,)."""
    known = y >= 0
    y, score = y[known], score[known]
    false, true, _ = metrics.roc_curve(y, score)
    precision, recall, _ = metrics.precision_recall_curve(y, score)
    # the last point is no threshold's: scikit-learn adds a precision of 1
    return {"roc": thin(false, true), "pr": thin(recall[:-1], precision[:-1]), "base": float(y.mean())}


def thin(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> list[list[float]]:
    """[x, y] of a line less the points that are close to others along it: a few rows at the top are half of a curve."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    at = np.unique(np.searchsorted(way, np.linspace(0, way[-1], min(most, len(x)))))
    at = np.unique(np.append(np.minimum(at, len(x) - 1), len(x) - 1))
    return [[round(float(v), 4) for v in line[at]] for line in (x, y)]


def pictures(found: dict[str, Any], matrix: Sequence[Sequence[int]] | None, lang: str) -> str:
    """Cards of what :func:`curves` returns, and of ``calibration`` ([predicted], [observed]) where it is there.

    matrix: [[normal called normal, normal called anomaly], [anomaly called normal, anomaly called anomaly]].
    """
    cards = [] if matrix is None else [(say("report.confusion", lang), _confusion(matrix, lang))]
    diagonal = ("c", [0, 1], [0, 1])
    drawn = [
        ("roc", [("a", *found["roc"]), diagonal], "false", "recall"),
        ("pr", [("a", *found["pr"]), ("c", [0, 1], [found["base"]] * 2)], "recall", "precision"),
    ]
    if "calibration" in found:
        drawn.append(("calibration", [("a", *found["calibration"]), diagonal], "predicted", "observed"))
    for key, lines, *axes in drawn:
        title, across, upright = (say(f"report.{name}", lang) for name in (key, *axes))
        cards.append((title, plots.curve(lines, title, across, upright, width=360)))
    body = "".join(f'<div class="card"><h3>{esc(title)}</h3>{drawing}</div>' for title, drawing in cards)
    return f'<div class="grid">{body}</div>'


def _confusion(matrix: Sequence[Sequence[int]], lang: str) -> str:
    heads = ["", say("report.called_normal", lang), say("report.called_anomaly", lang)]
    kinds = say("report.normal", lang), say("report.anomaly", lang)
    return table(heads, [[kind, *(f"{count:,}" for count in line)] for kind, line in zip(kinds, matrix)])
