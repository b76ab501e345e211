"""Learning from labels, many and few, beside the peers: average precision on a held-out 30 %.

``python bench/classify.py [--labels full,5,10,20] [--tables A,B] [--seeds 3] [--methods amiss,mlp,...] [-o FILE]``

Full labels: the numeric tables, at most 10,000 rows, or with ``--tables raw`` the raw ones, at most 50,000 rows;
stratified 70/30. Few: so many labelled anomalies in the training part, everything else there unlabelled, on the numeric
tables of at least 1,000 rows. What FILE holds already is not run again.
Peers that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

from classifiers import CLASSIFIERS, chances, chances_raw, installed
from datasets import RAW, labelled, tabular, tabular_names

METHODS = "amiss,mlp,histgb,xgboost,lightgbm,catboost,catboost-weighted"
#: settings of the default were chosen on these; the others were looked at once
CHOSEN_ON = ["Pima", "SpamBase", "Waveform", "Wilt", "annthyroid", "campaign", "cardio", "cover", "fault", "letter"]
CHOSEN_ON += ["magic.gamma", "Cardiotocography", "Ionosphere", "glass"]
FEW_LEAST = 1000  #: rows of a table, at least, where few labels are measured


def few(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """y with ``count`` of its anomalies labelled 1, everything else unlabelled (-1)."""
    known = np.random.default_rng([seed, count]).permutation(np.flatnonzero(y == 1))[:count]
    result = np.full(len(y), -1)
    result[known] = 1
    return result


def measure(table: str, seed: int, labels: str, methods: list[str]) -> list[dict[str, Any]]:
    """One entry for each method on one split of one table."""
    x, y, column = labelled(table, seed) if table in RAW else (*tabular(table, seed), None)
    train, test, known, truth = train_test_split(x, y, test_size=0.3, stratify=y, random_state=seed)
    if labels != "full":
        known = few(known, int(labels), seed)
    found = []
    for name in methods:
        started, cpu = time.perf_counter(), time.process_time()
        if column is None:
            score = chances(name, seed, train, known, test)
        else:
            score = chances_raw(name, seed, train, column, test)
        found.append({
            "table": table, "seed": seed, "labels": labels, "method": name,
            "average_precision": round(float(average_precision_score(truth, score)), 5),
            "roc_auc": round(float(roc_auc_score(truth, score)), 5),
            "seconds": round(time.perf_counter() - started, 2), "cpu": round(time.process_time() - cpu, 2),
        })  # fmt: skip
    return found


def show(results: list[dict[str, Any]], labels: str) -> None:
    """Means and ranks over the tables and seeds that every method has."""
    at = {(r["table"], r["seed"], r["method"]): r["average_precision"] for r in results if r["labels"] == labels}
    methods = sorted({m for _, _, m in at})
    keys = sorted(k for k in {(t, s) for t, s, _ in at} if all((*k, m) in at for m in methods))
    if not keys:
        return
    values = np.array([[at[(*k, m)] for m in methods] for k in keys])
    tables = np.array([t for t, _ in keys])
    by_table = np.array([values[tables == t].mean(0) for t in np.unique(tables)])
    chosen = np.array([t in CHOSEN_ON for t in np.unique(tables)])
    rank = np.mean([rankdata(-row) for row in by_table], 0)
    print(f"\nlabels {labels}: {len(by_table)} tables, {len(keys)} splits")
    print(f"{'':18}{'AP':>8}{'chosen':>8}{'rest':>8}{'rank':>7}")
    for i in np.argsort(-by_table.mean(0)):
        parts = [by_table[part, i].mean() if part.any() else np.nan for part in (chosen, ~chosen)]
        print(f"{methods[i]:18}{by_table[:, i].mean():8.4f}{parts[0]:8.4f}{parts[1]:8.4f}{rank[i]:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", default="full")
    parser.add_argument("--tables", default=",".join(tabular_names()))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    warnings.simplefilter("ignore")
    methods = wish.methods.split(",")
    tables = list(RAW) if wish.tables == "raw" else wish.tables.split(",")
    for name in [m for m in methods if not installed(m)]:
        print(f"{name} is left out: {CLASSIFIERS[name][1]} is not installed")
        methods.remove(name)
    results: list[dict[str, Any]] = []
    if wish.output and wish.output.exists():
        results = json.loads(wish.output.read_text())
    for seed in range(wish.seeds):
        for labels in wish.labels.split(","):
            for table in tables:
                if labels != "full" and (table in RAW or len(tabular(table, seed)[1]) < FEW_LEAST):
                    continue
                done = {r["method"] for r in results if (r["table"], r["seed"], r["labels"]) == (table, seed, labels)}
                new = measure(table, seed, labels, [m for m in methods if m not in done])
                results += new
                shown = (f"{r['method']} {r['average_precision']:.3f} {r['seconds']:.1f}s" for r in new)
                print(f"{seed} {labels:4} {table:17}", *shown, flush=True)
                if wish.output and new:
                    part = wish.output.with_suffix(".part")
                    part.write_text("[\n" + ",\n".join(map(json.dumps, results)) + "\n]\n")
                    os.replace(part, wish.output)
    for labels in wish.labels.split(","):
        show([r for r in results if r["method"] in methods and r["table"] in tables], labels)


if __name__ == "__main__":
    main()
