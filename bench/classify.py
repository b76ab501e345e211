"""Learning from full labels on 22 numeric tables beside gradient-boosted trees: average precision on a held-out 30 %.

``python bench/classify.py [--tables A,B] [--seeds 3] [--methods amiss,mlp,histgb,...] [-o FILE]``. Peers that are not
installed (xgboost, lightgbm, catboost) are left out and named.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import amiss
from datasets import tabular, tabular_names


def make(name: str, seed: int) -> Any:
    """A fresh classifier, its defaults unless the name says more."""
    if name == "amiss":
        return amiss.AnomalyClassifier(random_state=seed)
    if name == "feedforward":
        return amiss.detectors.FeedForward(random_state=seed)
    if name == "mlp":
        return make_pipeline(StandardScaler(), MLPClassifier((100, 50), random_state=seed))
    if name == "histgb":
        return HistGradientBoostingClassifier(random_state=seed)
    if name == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(random_state=seed)
    if name == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(random_state=seed, verbose=-1)
    from catboost import CatBoostClassifier

    weights = "Balanced" if name == "catboost-weighted" else None
    return CatBoostClassifier(random_state=seed, verbose=0, auto_class_weights=weights, allow_writing_files=False)


METHODS = ("amiss", "mlp", "histgb", "xgboost", "lightgbm", "catboost", "catboost-weighted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(tabular_names()))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    warnings.simplefilter("ignore")
    methods = wish.methods.split(",")
    for name in [m for m in methods if m.split("-")[0] in ("xgboost", "lightgbm", "catboost")]:
        if find_spec(name.split("-")[0]) is None:
            print(f"{name} is not installed and left out")
            methods.remove(name)
    results: list[dict[str, Any]] = []
    for table in wish.tables.split(","):
        for seed in range(wish.seeds):
            x, y = tabular(table, seed)
            train, test, known, truth = train_test_split(x, y, test_size=0.3, stratify=y, random_state=seed)
            for name in methods:
                started, cpu = time.perf_counter(), time.process_time()
                chance = make(name, seed).fit(train, known).predict_proba(test)[:, 1]
                results.append({
                    "table": table, "seed": seed, "method": name,
                    "average_precision": average_precision_score(truth, chance),
                    "roc_auc": roc_auc_score(truth, chance),
                    "seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu,
                })  # fmt: skip
        mean = {
            m: np.mean(
                [(r["average_precision"], r["seconds"]) for r in results if (r["table"], r["method"]) == (table, m)], 0
            )
            for m in methods
        }
        print(f"{table:17}", *(f"{m} {v[0]:.3f} {v[1]:.1f}s" for m, v in mean.items()), flush=True)
    keys = sorted({(r["table"], r["seed"]) for r in results})
    at = {(r["table"], r["seed"], r["method"]): r for r in results}
    values = np.array([[at[(*k, m)]["average_precision"] for m in methods] for k in keys])
    ranks = np.mean([rankdata(-row) for row in values], 0)
    for m, v, r in zip(methods, values.mean(0), ranks):
        print(f"{m:18} mean AP {v:.4f}  mean rank {r:.2f}")
    if wish.output:
        wish.output.write_text(json.dumps(results, indent=0) + "\n")


if __name__ == "__main__":
    main()
