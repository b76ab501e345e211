"""Every method without labels, one-class, beside another implementation of the same method on the same rows.

``python bench/published.py [TABLE ...] [-m METHOD ...] [--limit SECONDS] [-o FILE] [--with FILE ...]``. Splits, seeds
and measurements are those of ``bench/detect.py``; what the files hold is not run again. Papers report other measures,
other tables or copied rows (ADBench and DTE draw tables under 1,000 rows with replacement before they split them), so
their numbers cannot be compared row by row: what is compared is what their programs, or PyOD's and DeepOD's, do here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from detect import KEY, measure, merged, read
from peers import absent

TABLES = ("wine", "glass", "Ionosphere", "letter", "cardio", "Pima", "fault", "thyroid", "Wilt", "Waveform")

#: Ours -> the other implementation, and what is done otherwise here, or why there is no other.
PAIRS: dict[str, tuple[str | None, str]] = {
    "Autoencoder": ("autoencoder", "PyOD: batch normalisation, dropout, 10 epochs"),
    "NearestNeighbours": ("knn5", "scikit-learn, brute or tree; here heavy tails are bent first"),
    "DTE": ("dtec", "the authors' settings in PyTorch; here 128-128, no dropout, 1,500 steps, two members"),
    "DeepSVDD": ("deepsvdd", "PyOD: 100 epochs, one member; here 120 steps, four members"),
    "VariationalAutoencoder": ("vae", "PyOD: squared error alone as the score; here the likelihood bound"),
    "NeuTraL": ("neutral", "DeepOD, from the authors' program: no biases, 100 epochs"),
    "ICL": ("icl", "DeepOD, from the authors' program: batch normalisation, all windows, 100 epochs"),
    "LUNAR": ("lunar", "PyOD: k = 5, 200 epochs, all training rows as references"),
    "DeepIsolationForest": ("dif", "PyOD: the authors' program; here trees are grown level by level"),
    "Denoiser": (None, "no other: an own form; a prototype had AP .79 on letter and .50 on thyroid, z-scored"),
    "MaskedColumns": (None, "no other: MCM learns its masks, here they are drawn"),
}


def mean(runs: list[dict[str, Any]], method: str | None, tables: list[str]) -> np.ndarray | None:
    """AUROC, average precision, median processor seconds over the tables; None where one is missing."""
    mine = {r["table"]: r for r in runs if r["method"] == method and r["setting"] == "one-class" and r["seed"] == 0}
    if not tables or not set(tables) <= set(mine):
        return None
    found = np.array([[mine[t]["roc_auc"], mine[t]["average_precision"], mine[t]["cpu"]] for t in tables])
    return np.array([*found[:, :2].mean(0), np.median(found[:, 2])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("-m", "--methods", nargs="+", default=list(PAIRS))
    parser.add_argument("--limit", type=float, default=300)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--with", dest="others", type=Path, nargs="+", default=[])
    wish = parser.parse_args()
    kept, others = read(wish.output), [run for path in wish.others for run in read(path)]
    for method in wish.methods:
        for name in [n for n in (method, PAIRS[method][0]) if n and not absent(n)]:
            for table in wish.tables:
                if ("one-class", table, 0, name) not in {tuple(r[k] for k in KEY) for r in [*others, *kept]}:
                    kept = merged(kept, [measure("one-class", table, 0, name, wish.limit)])
                    if wish.output:
                        wish.output.write_text(json.dumps(kept, indent=0) + "\n")
    runs = merged(others, kept)
    head = ("AUROC", "AP", "CPU s")
    head = "".join(f"{word:>8}" for word in ("AUROC", "AP", "CPU s"))
    print(f"{'method':24}{'tables':>7}{head}   {head}   other")
    for method in wish.methods:
        other, words = PAIRS[method]
        done = {r["table"] for r in runs if r["method"] == other and "failed" not in r}
        tables = [t for t in wish.tables if other is None or t in done]
        ours, theirs = mean(runs, method, tables), mean(runs, other, tables)
        if ours is None:
            continue
        shown = f"{theirs[0]:8.3f}{theirs[1]:8.3f}{theirs[2]:8.1f}" if theirs is not None else " " * 24
        print(f"{method:24}{len(tables):7}{ours[0]:8.3f}{ours[1]:8.3f}{ours[2]:8.1f}   {shown}   {words}", flush=True)


if __name__ == "__main__":
    main()
