"""Label-free detection on 22 numeric tables, one-class and unsupervised, beside the usual peers.

``python bench/detect.py [--tables A,B] [--seeds 3] [--detectors AnomalyDetector,...] [--peers knn5,lof,...]
[--limit SECONDS] [-o FILE] [--with FILE ...] [--summary FILE]``. One-class: a random half of the normal rows is learned
from, the rest and all anomalies are scored. Unsupervised: all rows are learned from without labels and scored. At most
10,000 rows by stratified sampling, no row is repeated before the split, columns are z-scored by training rows.

Every measurement has a process of its own, which has imported everything before it starts: seconds, processor seconds
and memory beyond what the process began with are those of fit and score, compiling included. One that takes longer than
the limit, or fails, counts as chance. ``-o`` keeps what the file holds of other methods, tables and seeds; ``--with``
shows results of other files beside it. With ``--detectors '' --peers ''`` nothing is run, and the files are shown.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from datasets import tabular, tabular_names
from peers import COMPILING, HEAVY, PEERS, USUAL, absent

SETTINGS = ("one-class", "unsupervised")
KEY = ("setting", "table", "seed", "method")
Run = dict[str, Any]


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


def ours(name: str, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    import amiss

    kind: Any = amiss.AnomalyDetector if name == "AnomalyDetector" else amiss.detectors.find(name)
    return kind(random_state=seed).fit(train).anomaly_score(test)


def measured(setting: str, table: str, seed: int, method: str) -> Run:
    """Fit and score in this process."""
    warnings.simplefilter("ignore")
    train, test, y = split(*tabular(table, seed), setting, seed)
    if method in COMPILING:
        PEERS[method](train[:40], train[:40], seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    score = PEERS[method](train, test, seed) if method in PEERS else ours(method, train, test, seed)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {
        "setting": setting, "table": table, "seed": seed, "method": method, "chance": float(y.mean()),
        "roc_auc": float(roc_auc_score(y, score)), "average_precision": float(average_precision_score(y, score)),
        "seconds": round(seconds, 3), "cpu": round(cpu, 3), "memory_mb": round(memory, 1),
    }  # fmt: skip


def _answer(pipe: Connection, *what: Any) -> None:
    try:
        pipe.send(measured(*what))
    except Exception as error:
        pipe.send({"failed": f"{type(error).__name__}: {error}"[:300]})


def measure(setting: str, table: str, seed: int, method: str, limit: float) -> Run:
    """The same in a process of its own, ended after ``limit`` seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(there, setting, table, seed, method))
    process.start()
    there.close()
    try:
        found = here.recv() if here.poll(limit) else {"failed": f"not done after {limit:g} s", "cpu": limit}
    except EOFError:
        found = {"failed": "the process died"}
    process.kill()
    process.join()
    if "failed" in found:
        chance = float(split(*tabular(table, seed), setting, seed)[2].mean())
        found = {"setting": setting, "table": table, "seed": seed, "method": method, "chance": chance, **found}
        found |= {"roc_auc": 0.5, "average_precision": chance, "seconds": found.get("cpu", 0.0)}
    return {"cpu": 0.0, "memory_mb": None} | found


def merged(*parts: list[Run]) -> list[Run]:
    """Runs by setting, table, seed and method; later parts win."""
    return list({tuple(run[k] for k in KEY): run for part in parts for run in part}.values())


def read(path: Path | None) -> list[Run]:
    return json.loads(path.read_text()) if path and path.exists() else []


def summarise(runs: list[Run]) -> list[Run]:
    """A line for each setting and method: means over the tables and seeds that all of its methods were run on, mean
    ranks by average precision and AUROC, and processor seconds."""
    lines = []
    for setting in SETTINGS:
        at = {(r["table"], r["seed"], r["method"]): r for r in runs if r["setting"] == setting}
        methods = list(dict.fromkeys(m for _, _, m in at))
        pairs = dict.fromkeys((t, s) for t, s, _ in at)
        keys = [pair for pair in pairs if all((*pair, m) in at for m in methods)]
        if not keys:
            continue
        table = {
            n: np.array([[at[(*key, m)][n] for m in methods] for key in keys]) for n in ("roc_auc", "average_precision")
        }
        ranks = {name: np.mean([rankdata(-row) for row in values.round(6)], 0) for name, values in table.items()}
        for i, method in enumerate(methods):
            mine = [at[(*key, method)] for key in keys]
            cpu = [r["cpu"] for r in mine]
            lines.append({
                "setting": setting, "method": method, "tables": len({t for t, _ in keys}), "runs": len(keys),
                **{name: round(float(values[:, i].mean()), 4) for name, values in table.items()},
                "rank_average_precision": round(float(ranks["average_precision"][i]), 2),
                "rank_roc_auc": round(float(ranks["roc_auc"][i]), 2),
                "cpu_median": round(float(np.median(cpu)), 2), "cpu_worst": round(max(cpu), 2),
                "cpu_sum": round(sum(cpu), 1),
                "memory_mb_worst": max((r.get("memory_mb") or 0 for r in mine), default=0),
                "failed": [f"{r['table']} {r['seed']}: {r['failed']}" for r in mine if "failed" in r],
            })  # fmt: skip
    return lines


def show(lines: list[Run]) -> None:
    for setting in dict.fromkeys(line["setting"] for line in lines):
        mine = sorted((x for x in lines if x["setting"] == setting), key=lambda x: -x["average_precision"])
        print(f"\n{setting}: {mine[0]['tables']} tables, {mine[0]['runs']} runs a method")
        print(f"{'':22}{'AP':>7}{'rank':>7}{'AUROC':>8}{'rank':>7}{'CPU s median':>14}{'worst':>8}{'MB':>7}")
        for x in mine:
            print(
                f"{x['method']:22}{x['average_precision']:7.3f}{x['rank_average_precision']:7.2f}{x['roc_auc']:8.3f}"
                f"{x['rank_roc_auc']:7.2f}{x['cpu_median']:14.2f}{x['cpu_worst']:8.1f}{x['memory_mb_worst']:7.0f}"
                + (f"   not done: {len(x['failed'])}" if x["failed"] else "")
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(tabular_names()))
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--detectors", default="AnomalyDetector")
    parser.add_argument("--peers", default=",".join(USUAL))
    parser.add_argument("--limit", type=float, default=900)
    parser.add_argument("--resume", action="store_true", help="run only what the output file lacks")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--with", dest="others", type=Path, nargs="+", default=[])
    parser.add_argument("--without", default="", help="methods that are not shown: those run on fewer tables")
    parser.add_argument("--summary", type=Path)
    wish = parser.parse_args()
    methods = [m for m in f"{wish.detectors},{wish.peers}".split(",") if m]
    for method in [m for m in methods if absent(m)]:
        print(f"{method} is left out: {absent(method)} is not installed")
        methods.remove(method)
    kept = read(wish.output)
    done = {tuple(run[k] for k in KEY) for run in kept} if wish.resume else set()
    for table in wish.tables.split(",") if methods else []:
        for setting in wish.settings.split(","):
            for seed in range(wish.seeds):
                found = [measure(setting, table, seed, m, wish.limit) for m in methods
                         if (setting, table, seed, m) not in done]  # fmt: skip
                kept = merged(kept, found)
                if wish.output:
                    wish.output.write_text(json.dumps(kept, indent=0) + "\n")
                shown = (
                    f"{r['method']} {r['roc_auc']:.3f}/{r['average_precision']:.3f} {r['cpu']:.1f}s" for r in found
                )
                print(f"{setting:13} {table:17} {seed}", *shown, flush=True)
    runs = merged(*(read(path) for path in wish.others), kept)
    lines = summarise([run for run in runs if run["method"] not in wish.without.split(",")])
    show(lines)
    if wish.summary:
        wish.summary.write_text(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()
