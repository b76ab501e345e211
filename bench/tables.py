"""The main job on the raw tables: how good, how long, how much memory; each table in a process of its own.

``python bench/tables.py [NAME ...] [-o FILE]``. With labels: five stratified folds; card_transactions_sim by time
(the last fifth is the test), nsl_kdd trained on its own file and tested on the other. Without: the label is dropped,
all rows are learned from and scored, and scikit-learn's isolation forest is fitted to the very same encoded matrix.
Known anomalies are 80 % of kdd99 and 47 % of nsl_kdd, which no method without labels can be right about.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from datasets import FOLDER, RAW


def with_labels(name: str) -> dict:
    import polars as pl

    import amiss
    from amiss.detection import detect

    table = RAW[name]
    if name == "card_transactions_sim":
        frame = pl.read_parquet(table.path).sort("TX_DATETIME")
        cut = frame.height * 4 // 5
        return amiss.fit(frame[:cut], table.label, **table.options).evaluate(frame[cut:])
    if name == "nsl_kdd_train":
        return amiss.fit(table.path, table.label, **table.options).evaluate(FOLDER / "tables" / "nsl_kdd_test.txt.gz")
    return detect(table.path, table.label, **table.options).evaluation or {}


def without_labels(name: str) -> dict:
    import numpy as np
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import average_precision_score, roc_auc_score

    from amiss.detection import detect
    from amiss.evaluate import evaluate
    from amiss.labels import read_labels
    from amiss.reading import ReadOptions, read

    table = RAW[name]
    options = dict(table.options)
    started = time.perf_counter()
    found = detect(table.path, **options | {"drop": [*options.get("drop", []), table.label]})
    seconds = time.perf_counter() - started
    assert found.model is not None
    assert found.task is not None
    z = found.model.encoder.transform(found.task.table)
    forest = -IsolationForest(random_state=0).fit(z).score_samples(z)
    raw = read(table.path, ReadOptions(header=options.get("header", True)))
    y = read_labels(raw, table.label).y
    return {
        "seconds": seconds,
        "rate": float((y == 1).sum() / (y >= 0).sum()),
        "forest_roc_auc": float(roc_auc_score(y[y >= 0], forest[y >= 0])),
        "forest_average_precision": float(average_precision_score(y[y >= 0], forest[y >= 0])),
        **evaluate(y, found.frame["score"].to_numpy(), np.asarray(found.frame["is_anomaly"])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(RAW))
    parser.add_argument("--one", choices=["labels", "none"], help=argparse.SUPPRESS)
    parser.add_argument("--settings", default="labels,none")
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    if wish.one:
        started = time.perf_counter()
        measures = (with_labels if wish.one == "labels" else without_labels)(wish.names[0])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": time.perf_counter() - started, **measures, "memory_mb": memory}))
        return
    results = []
    print(f"{'table':24} {'labels':7} {'ROC AUC':>8} {'AP':>7} {'F1':>6} {'seconds':>8} {'MB':>6}")
    for name in wish.names:
        for setting in wish.settings.split(","):
            command = [sys.executable, __file__, name, "--one", setting]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name:24} {setting:7} failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(done.stdout.strip().splitlines()[-1])
            results.append({"table": name, "setting": setting, **found})
            print(
                f"{name:24} {setting:7} {found['roc_auc']:8.3f} {found['average_precision']:7.3f} {found['f1']:6.3f}"
                f" {found['seconds']:8.1f} {found['memory_mb']:6.0f}"
                + (f"   forest AP {found['forest_average_precision']:.3f}" if setting == "none" else ""),
                flush=True,
            )
    if wish.output:
        wish.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
