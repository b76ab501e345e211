"""How good scores and verdicts on a series are, where labels tell.

Point-adjusted F1 is not offered: it counts a whole event as found when one step of it is marked, and all of its steps
as hits. Marks drawn at random then reach the highest F1 of all on long events (Kim et al., AAAI 2022), so it cannot
tell a detector from a coin. Event-wise precision counts stretches on both sides; affiliation is corrected for chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.errors import LabelError
from amiss.series.affiliation import affiliation, best_affiliation_f1
from amiss.series.nab import nab_score
from amiss.series.period import FALLBACK, benchmark_period
from amiss.series.vus import stretches, vus

__all__ = ["affiliation", "best_affiliation_f1", "evaluate_series", "event_scores", "nab_score", "stretches", "vus"]


def evaluate_series(
    label: np.ndarray, score: np.ndarray, flagged: np.ndarray, *, window: int | None = None,
    series: np.ndarray | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measures of score and flagged (both (time,)) against label (time,): 1 anomaly, 0 normal; fit for JSON.

    window: VUS's widest buffer; the period of ``series`` by TSB-AD's rule where it is None, 125 steps without either.
    Raises LabelError for one class only.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score  # costs more to import than all of this does

    label = np.asarray(label).astype(int)
    if label.min() == label.max():
        raise LabelError("an evaluation needs steps of both kinds", found=f"{label.sum()} anomalies of {len(label)}")
    if window is None:
        window = FALLBACK if series is None else benchmark_period(series)
    roc, pr = vus(label, score, window)
    near = affiliation(label, flagged)
    by_event = event_scores(label, flagged)
    share = float(label.mean())
    return {
        "steps": len(label),
        "events": len(stretches(label)[0]),
        "flagged": int(np.sum(flagged)),
        "vus_pr": pr,
        "vus_roc": roc,
        "auc_pr": float(average_precision_score(label, score)),
        "auc_roc": float(roc_auc_score(label, score)),
        **dict(zip(("affiliation_precision", "affiliation_recall", "affiliation_f1"), near)),
        **dict(zip(("event_precision", "event_recall", "event_f1"), by_event)),
        "window": window,
        "chance": {"auc_pr": share, "auc_roc": 0.5},
    }


def event_scores(label: np.ndarray, marks: np.ndarray) -> tuple[float, float, float]:
    """(precision, recall, F1) by stretches: marked ones that touch a true event, true events that are touched.

    One long mark over everything reaches 1: read it beside the share of steps that are marked, or affiliation.
    """
    (ts, te), (ps, pe) = stretches(label), stretches(marks)
    true, marked = _running(label), _running(marks)
    precision = float(np.mean(true[pe + 1] > true[ps])) if len(ps) else 0.0
    recall = float(np.mean(marked[te + 1] > marked[ts])) if len(ts) else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _running(marks: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(marks) > 0)])
