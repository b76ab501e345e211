"""Label-free detection on 22 numeric tables, one-class and unsupervised, beside the usual peers.

``python bench/detect.py [--tables A,B] [--seeds 3] [--detectors AnomalyDetector,...] [--peers knn5,lof,iforest,ecod]
[-o FILE]``. One-class: a random half of the normal rows is learned from, the rest and all anomalies are scored.
Unsupervised: all rows are learned from without labels and scored. At most 10,000 rows by stratified sampling, no row
is repeated before the split, columns are z-scored by training rows.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

import amiss
from datasets import tabular, tabular_names

Scorer = Callable[[np.ndarray, np.ndarray | None, int], np.ndarray]
SETTINGS = ("one-class", "unsupervised")


def split(x: np.ndarray, y: np.ndarray, setting: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(training rows, scored rows, their labels), z-scored by the training rows."""
    if setting == "unsupervised":
        train, test, labels = x, x, y
    else:
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
        half = normal[: len(normal) // 2]
        rest = np.setdiff1d(np.arange(len(y)), half)
        train, test, labels = x[half], x[rest], y[rest]
    centre, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return (train - centre) / scale, (test - centre) / scale, labels


def ours(name: str) -> Callable[..., np.ndarray]:
    def run(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        kind = getattr(amiss, name) if name == "AnomalyDetector" else getattr(amiss.detectors, name)
        return kind(random_state=seed).fit(train).anomaly_score(test)

    return run


def knn5(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    same = train is test or (train.shape == test.shape and np.array_equal(train, test))
    model = NearestNeighbors(n_neighbors=5).fit(train)
    return model.kneighbors(None if same else test)[0].mean(1)


def lof(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    if np.array_equal(train, test):
        return -LocalOutlierFactor().fit(train).negative_outlier_factor_
    return -LocalOutlierFactor(novelty=True).fit(train).score_samples(test)


def iforest(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def ecod(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Empirical-CDF tails (Li et al., 2022), from training rows alone."""
    left = right = 0.0
    skewed = []
    for j in range(train.shape[1]):
        column = np.sort(train[:, j])
        below = np.searchsorted(column, test[:, j], "right") / len(column)
        above = 1 - np.searchsorted(column, test[:, j], "left") / len(column)
        low, high = -np.log(np.maximum(below, 1 / (len(column) + 1))), -np.log(np.maximum(above, 1 / (len(column) + 1)))
        skew = np.mean((column - column.mean()) ** 3)
        skewed.append(low if skew < 0 else high)
        left, right = left + low, right + high
    return np.maximum(np.maximum(left, right), np.sum(skewed, 0))


PEERS: dict[str, Callable[..., np.ndarray]] = {"knn5": knn5, "lof": lof, "iforest": iforest, "ecod": ecod}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(tabular_names()))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--detectors", default="AnomalyDetector")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    methods = {n: ours(n) for n in wish.detectors.split(",") if n} | {n: PEERS[n] for n in wish.peers.split(",") if n}
    results: list[dict[str, Any]] = []
    for setting in SETTINGS:
        for table in wish.tables.split(","):
            for seed in range(wish.seeds):
                train, test, y = split(*tabular(table, seed), setting, seed)
                for name, method in methods.items():
                    started, cpu = time.perf_counter(), time.process_time()
                    score = method(train, test, seed)
                    results.append({
                        "setting": setting, "table": table, "seed": seed, "method": name,
                        "roc_auc": roc_auc_score(y, score), "average_precision": average_precision_score(y, score),
                        "seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu,
                    })  # fmt: skip
            shown = {
                m: np.mean([(r["roc_auc"], r["average_precision"], r["seconds"]) for r in results
                            if (r["setting"], r["table"], r["method"]) == (setting, table, m)], 0)
                for m in methods
            }  # fmt: skip
            print(
                f"{setting:13} {table:17}",
                *(f"{m} {v[0]:.3f}/{v[1]:.3f} {v[2]:.1f}s" for m, v in shown.items()),
                flush=True,
            )
        summarise(results, setting, list(methods))
    if wish.output:
        wish.output.write_text(json.dumps(results, indent=0) + "\n")


def summarise(results: list[dict[str, Any]], setting: str, methods: list[str]) -> None:
    """Means over tables and seeds, and mean ranks by table."""
    keys = sorted({(r["table"], r["seed"]) for r in results if r["setting"] == setting})
    at = {(r["table"], r["seed"], r["method"]): r for r in results if r["setting"] == setting}
    for measure in ("roc_auc", "average_precision"):
        values = np.array([[at[(*key, m)][measure] for m in methods] for key in keys])
        ranks = np.mean([rankdata(-row) for row in values], 0)
        print(
            f"{setting} {measure}:", *(f"{m} {v:.4f} (rank {r:.2f})" for m, v, r in zip(methods, values.mean(0), ranks))
        )
    for m in methods:
        seconds = [at[(*key, m)]["seconds"] for key in keys]
        print(f"  {m}: median {np.median(seconds):.1f} s, worst {max(seconds):.1f} s")


if __name__ == "__main__":
    main()
