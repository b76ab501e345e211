"""Does the verdict keep its word? Silence on noise, the share of false alarms, and the power.

``python bench/fdr.py [--runs N] [--rows N]``. With the default detector:

- noise: Gaussian tables, and the numeric tables with every column permuted. Counted: runs with a verdict "amiss".
- one-class: a model fitted on normal rows marked as such, rows of both kinds scored at --fdr 0.1.
- polluted: 3 % anomalies among the training rows, no labels.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import polars as pl

from amiss.errors import AmissError
from amiss.model import Model, fit
from datasets import tabular, tabular_names

WIDEST = 60


def frame(x: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({f"c{i}": x[:, i] for i in range(x.shape[1])})


def judged(model: Model, x: np.ndarray, y: np.ndarray | None = None) -> dict[str, float]:
    """Whether anything is amiss; with labels, the share of false alarms among the flagged, and of anomalies found."""
    verdicts = model.score(frame(x))
    flagged = verdicts["is_anomaly"].to_numpy()
    found: dict[str, float] = {"amiss": model.verdict(verdicts).anything_amiss, "flagged": flagged.sum()}
    if y is not None:
        found |= {"false": flagged[y == 0].sum() / max(1, flagged.sum()), "power": flagged[y == 1].mean()}
    return found


def noise(run: int, rows: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(run)
    found = {}
    for n, d in ((200, 5), (1_000, 2), (1_000, 20), (2_000, 10)):
        x = rng.normal(size=(n, d))
        found[f"gauss {n} x {d}"] = judged(fit(frame(x), seed=run), x)
    for name in tabular_names():
        x, _ = tabular(name, run, rows)
        if x.shape[1] <= WIDEST:
            x = np.column_stack([rng.permutation(column) for column in x.T])
            found[f"permuted {name}"] = judged(fit(frame(x), seed=run), x)
    return found


def labelled(run: int, rows: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(run)
    found = {}
    for name in tabular_names():
        x, y = tabular(name, run, 10_000)
        if x.shape[1] > WIDEST:
            continue
        normal, strange = rng.permutation(np.flatnonzero(y == 0))[: 2 * rows], rng.permutation(np.flatnonzero(y == 1))
        half = len(normal) // 2
        few = strange[: max(2, int(0.05 * half))]
        test = np.concatenate([normal[half:], few])
        clean = frame(x[normal[:half]]).with_columns(label=pl.lit(0))
        found[f"one-class {name}"] = judged(fit(clean, "label", seed=run), x[test], y[test])
        mixed = np.concatenate([normal[:half], strange[: max(2, int(0.03 * half))]])
        found[f"polluted {name}"] = judged(fit(frame(x[mixed]), seed=run), x[mixed], y[mixed])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000)
    options = parser.parse_args()
    lines: list[dict[str, Any]] = []
    for run in range(options.runs):
        for part in (noise, labelled):
            try:
                found = part(run, options.rows)
            except AmissError as error:
                print(f"{part.__name__} run {run}: {error}")
                continue
            lines += [{"kind": k.split()[0], "table": k.split(maxsplit=1)[1], **v} for k, v in found.items()]
    told = pl.DataFrame([{k: float(v) if k not in ("kind", "table") else v for k, v in line.items()} for line in lines],
                        infer_schema_length=None)  # fmt: skip
    print(told.group_by("kind").agg(pl.len().alias("runs"), pl.exclude("table").mean()).sort("kind"))
    loud = told.filter(pl.col("kind").is_in(["gauss", "permuted"]) & (pl.col("amiss") > 0))
    print("noise called amiss:", loud["table"].to_list())


if __name__ == "__main__":
    main()
