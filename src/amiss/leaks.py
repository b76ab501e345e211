"""Columns that give the label away on their own: usually written after the fact, and useless on new rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from amiss.encoder import Encoder
from amiss.table import Table

LOOK_AT = 20_000  #: rows looked at, at most
AUC, PRECISION, RECALL = 0.99, 0.98, 0.10


def find_leaks(table: Table, y: np.ndarray, seed: int = 0) -> list[dict[str, Any]]:
    """Columns from which alone a small tree separates held-out rows (ROC AUC of 0.99 or more), or names a tenth of
    the anomalies with hardly a false alarm; strongest first. y (table rows,) in {1, 0, -1}."""
    rows = np.flatnonzero(y >= 0)
    if min((y[rows] == 1).sum(), (y[rows] == 0).sum()) < 4:
        return []
    encoder, z = Encoder.fit_transform(table)
    if len(rows) > LOOK_AT:  # all anomalies that fit, as they are the rare ones
        rng = np.random.default_rng(seed)
        anomalies, normal = rng.permutation(rows[y[rows] == 1]), rng.permutation(rows[y[rows] == 0])
        anomalies = anomalies[: LOOK_AT // 2]
        rows = np.sort(np.concatenate([anomalies, normal[: LOOK_AT - len(anomalies)]]))
    z, y = z[rows], y[rows]
    owner = encoder.columns_of_features()
    splitter = StratifiedKFold(2, shuffle=True, random_state=seed)
    found = []
    for i, column in enumerate(table.schema.learned):
        tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=2, random_state=seed)
        chance = cross_val_predict(tree, z[:, owner == i], y, cv=splitter, method="predict_proba")[:, 1]
        auc = float(roc_auc_score(y, chance))
        precision, recall, _ = precision_recall_curve(y, chance)
        sure = float(recall[precision >= PRECISION].max(initial=0.0))
        if auc >= AUC or (sure >= RECALL and column.distinct <= 10):
            found.append(
                {"column": column.name, "roc_auc": round(auc, 4), "recall_without_false_alarms": round(sure, 4)}
            )
    return sorted(found, key=lambda leak: -max(leak["roc_auc"], leak["recall_without_false_alarms"]))
