"""How good scores are, where labels tell: every measure beside what chance would give."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from amiss.errors import LabelError


def evaluate(y: np.ndarray, score: np.ndarray, flagged: np.ndarray) -> dict[str, Any]:
    """Measures of scores and verdicts against labels, fit for JSON.

    y: (rows,) 1 anomaly, 0 normal, -1 unlabelled (left out). score: (rows,) higher = more anomalous.
    flagged: (rows,) bool verdicts, at a threshold that was chosen without these labels.
    ``chance`` holds what scores and as many flags drawn at random would reach. Raises LabelError for one class only.
    """
    known = y >= 0
    y, score, flagged = y[known], score[known], flagged[known].astype(int)
    rows, anomalies = len(y), int((y == 1).sum())
    if anomalies in (0, rows):
        raise LabelError(
            "an evaluation needs labels of both kinds", found=f"{anomalies} anomalies among {rows} labelled rows"
        )
    tn, fp, fn, tp = (int(v) for v in metrics.confusion_matrix(y, flagged, labels=[0, 1]).ravel())
    base, rate = anomalies / rows, float(flagged.mean())
    return {
        "rows": rows,
        "anomalies": anomalies,
        "flagged": int(flagged.sum()),
        "roc_auc": float(metrics.roc_auc_score(y, score)),
        "average_precision": float(metrics.average_precision_score(y, score)),
        "accuracy": (tp + tn) / rows,
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "confusion_matrix": [[tn, fp], [fn, tp]],
        "classification_report": metrics.classification_report(
            y, flagged, labels=[0, 1], target_names=["normal", "anomaly"], output_dict=True, zero_division=0
        ),
        "chance": {
            "roc_auc": 0.5,
            "average_precision": base,
            "accuracy": rate * base + (1 - rate) * (1 - base),
            "balanced_accuracy": 0.5,
            "precision": base,
            "recall": rate,
            "f1": 2 * rate * base / (rate + base),
        },
    }


def best_f1_threshold(y: np.ndarray, score: np.ndarray) -> float:
    """The score from which on rows are called anomalies so that F1 is highest; y in {1, 0, -1}."""
    known = y >= 0
    precision, recall, thresholds = metrics.precision_recall_curve(y[known], score[known])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[:-1]))])
