"""How good scores are, where labels tell: every measure with an interval, and beside what chance would give."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from amiss import bootstrap
from amiss.errors import LabelError, check_number
from amiss.report.strings import say

ALERT_RATE = 0.05  #: share of all rows that a person looks at, where none is said
BINS = 10  #: points of a calibration curve
#: every measure that is told, in order; the lower the Brier score, the better
MEASURES = (
    "roc_auc", "average_precision", "precision_at_k", "recall_at_rate", "precision", "recall", "f1", "accuracy",
    "balanced_accuracy", "brier",
)  # fmt: skip


def evaluate(
    y: np.ndarray, score: np.ndarray, flagged: np.ndarray, probability: np.ndarray | None = None, *,
    k: int | None = None, alert_rate: float = ALERT_RATE,
) -> dict[str, Any]:  # fmt: skip
    """Measures of scores and verdicts against labels, fit for JSON.

    y: (rows,) 1 anomaly, 0 normal, -1 unlabelled (left out). score: (rows,) higher = more anomalous.
    flagged: (rows,) bool verdicts, at a threshold that was chosen without these labels. probability: (rows,) of an
    anomaly, where there is one: adds the Brier score (1950) and a calibration curve. k: precision is told of the k
    highest scores; as many as there are anomalies where None. alert_rate: recall is told of this share of all rows.

    ``interval`` holds a 95 % bootstrap interval of each measure, ``chance`` what scores and as many flags drawn at
    random would reach (Brier: what everyone's base rate would). Raises LabelError for one class only.
    """
    known = y >= 0
    y, score, flagged = y[known], score[known], flagged[known].astype(int)
    rows, anomalies = len(y), int((y == 1).sum())
    if anomalies in (0, rows):
        raise LabelError(
            "an evaluation needs labels of both kinds", found=f"{anomalies} anomalies among {rows} labelled rows"
        )
    k = anomalies if k is None else k
    check_number("k", k, 1, whole=True)
    check_number("alert rate", alert_rate, 0, 1, open_low=True)
    tn, fp, fn, tp = (int(v) for v in metrics.confusion_matrix(y, flagged, labels=[0, 1]).ravel())
    base, rate = anomalies / rows, float(flagged.mean())
    cells = bootstrap.Cells(y, score)
    whole = {n: float(v[0]) for n, v in bootstrap.ranking(cells.counts[None], k, alert_rate).items()}
    exact = whole | {
        "roc_auc": float(metrics.roc_auc_score(y, score)),
        "average_precision": float(metrics.average_precision_score(y, score)),
    }
    drawn = cells.draw()
    samples = bootstrap.ranking(drawn, k, alert_rate)
    at_threshold = {n: float(v) for n, v in _verdicts(*map(float, (tp, fp, fn, tn))).items()}
    found: dict[str, Any] = {
        "rows": rows,
        "anomalies": anomalies,
        "flagged": tp + fp,
        **exact,
        "k": int(k),
        "alert_rate": float(alert_rate),
        **at_threshold,
        "confusion_matrix": [[tn, fp], [fn, tp]],
        "classification_report": metrics.classification_report(
            y, flagged, labels=[0, 1], target_names=["normal", "anomaly"], output_dict=True, zero_division=0
        ),
        "chance": {
            "roc_auc": 0.5,
            "average_precision": base,
            "precision_at_k": base,
            "recall_at_rate": float(alert_rate),
            "accuracy": rate * base + (1 - rate) * (1 - base),
            "balanced_accuracy": 0.5,
            "precision": base,
            "recall": rate,
            "f1": 2 * rate * base / (rate + base),
        },
        "interval": {n: bootstrap.interval(samples[n], whole[n], exact[n]) for n in samples},
    }
    resampled = _verdicts(*bootstrap.verdicts(tp, fp, fn, tn))
    found["interval"] |= {n: bootstrap.interval(resampled[n], v, v) for n, v in at_threshold.items()}
    if probability is not None:
        probability = probability[known]
        errors = (probability - y) ** 2
        brier, sums = float(errors.mean()), cells.sums(errors) / np.maximum(cells.counts, 1)
        found["brier"], found["chance"]["brier"] = brier, base * (1 - base)
        means = (drawn * sums).sum((1, 2)) / np.maximum(drawn.sum((1, 2)), 1)
        found["interval"]["brier"] = bootstrap.interval(means, brier, brier)
        found["calibration"] = calibration_curve(y, probability)
    return found


def named_measures(found: dict[str, Any], lang: str = "en") -> list[tuple[str, float, tuple[float, float], float]]:
    """(name, value, interval, chance) of every measure that an evaluation holds, in order."""
    numbers = {"k": f"{found['k']:,}", "rate": f"{100 * found['alert_rate']:.3g}"}
    return [
        (say(f"measure.{key}", lang, **numbers), found[key], tuple(found["interval"][key]), found["chance"][key])
        for key in MEASURES
        if key in found
    ]


def _verdicts(tp: Any, fp: Any, fn: Any, tn: Any) -> dict[str, Any]:
    """Measures of verdicts from counts, numbers or arrays alike; nothing found makes precision and F1 zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, spared = np.divide(tp, tp + fn), np.divide(tn, tn + fp)
        return {
            "accuracy": np.divide(tp + tn, tp + fp + fn + tn),
            "balanced_accuracy": (recall + spared) / 2,
            "precision": np.where(np.add(tp, fp) > 0, np.divide(tp, tp + fp), 0.0),
            "recall": recall,
            "f1": np.where(np.add(tp, fn) > 0, np.divide(2 * tp, 2 * tp + fp + fn), np.nan),
        }


def calibration_curve(y: np.ndarray, probability: np.ndarray) -> dict[str, list[float]]:
    """How often rows of about one probability were anomalies: ``predicted``, ``observed`` and ``rows`` of each bin.

    Bins hold equally many rows, but the last ones halve again and again: there anomalies are, and rows are few.
    """
    order = np.argsort(probability, kind="stable")
    shares = np.concatenate([np.linspace(0, 0.5, BINS // 2, endpoint=False), 1 - 0.5 ** np.arange(1, BINS // 2 + 2)])
    cuts = np.unique((shares * len(y)).astype(int))
    if len(cuts) > 1 and len(y) - cuts[-1] < 5:
        cuts = cuts[:-1]
    bins = np.split(order, cuts[1:])
    return {
        "predicted": [float(probability[b].mean()) for b in bins],
        "observed": [float(y[b].mean()) for b in bins],
        "rows": [len(b) for b in bins],
    }


def best_f1_threshold(y: np.ndarray, score: np.ndarray) -> float:
    """The score from which on rows are called anomalies so that F1 is highest; y in {1, 0, -1}."""
    known = y >= 0
    precision, recall, thresholds = metrics.precision_recall_curve(y[known], score[known])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[:-1]))])
