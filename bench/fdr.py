"""Does the verdict keep its word? Silence on noise, the share of false alarms, and the power.

``python bench/fdr.py [PART ...] [--runs N] [--rows N] [--tables A,B] [--first RUN] [-o FILE]``. With the default
detector:

- silence: `amiss detect` on Gaussian tables and on the numeric tables with every column permuted. Counted: runs with a
  verdict "amiss".
- cells: the rule for cells that stand apart, alone, on independent columns of many shapes. power, power_20: whether one
  cell is found that is a hundred times, or twenty, as far from the middle as 95 % of its column.
- chance: all that is asked without labels (`amiss.surrogates`) on the same tables.
- detect: `amiss detect` without labels on the tables as they are, and on payments with a few amounts times 30.
- one-class: a model fitted on normal rows marked as such, rows of both kinds scored at --fdr 0.1.
- polluted: a model fitted without labels on normal rows and 3 % anomalies, rows of both kinds scored.

false: share of the flagged rows that are normal. power: share of the anomalies that are flagged. ceiling: the same of
the highest scores, as many as keep a precision of .9.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import amiss
from amiss.apart import apart
from amiss.surrogates import ask
from datasets import tabular, tabular_names

WIDEST = 200
GAUSSIAN = ((100, 5), (300, 20), (1_000, 10), (1_000, 30), (2_000, 50))  # of odd runs, correlated
PAYMENTS = (0.001, 0.005, 0.01, 0.03, 0.05)
ANOMALIES, POLLUTION = 0.05, 0.03  # of the scored rows, and of those learned from

SHAPES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "uniform": lambda rng, size: rng.random(size),
    "exponential": lambda rng, size: rng.exponential(size=size),
    "lognormal 1": lambda rng, size: rng.lognormal(0, 1, size),
    "lognormal 1.5": lambda rng, size: rng.lognormal(0, 1.5, size),
    "Student 5": lambda rng, size: rng.standard_t(5, size),
    "Student 3": lambda rng, size: rng.standard_t(3, size),
    "Student 2": lambda rng, size: rng.standard_t(2, size),
    "Poisson": lambda rng, size: rng.poisson(3, size).astype(float),
    "geometric": lambda rng, size: rng.geometric(0.02, size).astype(float),
    "zeros and counts": lambda rng, size: np.where(rng.random(size) < 0.9, 0.0, rng.geometric(0.2, size)),
}

Found = dict[str, Any]


def frame(x: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({f"c{i}": x[:, i] for i in range(x.shape[1])})


def told(amiss_: bool, flagged: np.ndarray, y: np.ndarray, score: np.ndarray) -> Found:
    """Whether anything is amiss; of the flagged rows, the share that is normal; of the anomalies, that is flagged.

    ceiling: the share of the anomalies among the highest scores, as many as keep a precision of .9.
    """
    hits = np.cumsum(y[np.argsort(-score, kind="stable")])
    best = hits[hits >= 0.9 * np.arange(1, len(y) + 1)].max(initial=0) / max(1, y.sum())
    false = float(flagged[y == 0].sum() / max(1, flagged.sum()))
    power = float(flagged[y == 1].mean()) if (y == 1).any() else None
    return {
        "amiss": float(amiss_),
        "flagged": int(flagged.sum()),
        "false": false,
        "power": power,
        "ceiling": float(best),
    }


def detected(x: np.ndarray, y: np.ndarray, run: int) -> Found:
    found = amiss.detect(frame(x), seed=run)
    return told(found.verdict.anything_amiss, found.frame["is_anomaly"].to_numpy(), y, found.frame["score"].to_numpy())


def scored(model: Any, x: np.ndarray, y: np.ndarray) -> Found:
    verdicts = model.score(frame(x))
    return told(
        model.verdict(verdicts).anything_amiss, verdicts["is_anomaly"].to_numpy(), y, verdicts["score"].to_numpy()
    )


def payments(rows: int, share: float, run: int) -> tuple[np.ndarray, np.ndarray]:
    """Amounts that depend on the shop, hour, age and a delay; a share of the amounts times 30."""
    rng = np.random.default_rng(run)
    shop = rng.integers(0, 6, rows)
    amount = np.exp(np.array([2.5, 3, 3.5, 4, 2, 3])[shop] + 0.4 * rng.normal(size=rows))
    y = (np.arange(rows) < max(1, share * rows)).astype(int)
    others = rng.normal(14, 4, rows).clip(0, 23.9), rng.normal(40, 12, rows), rng.gamma(2, 30, rows)
    return np.column_stack([amount * np.where(y, 30, 1), shop, *others]), y


def silence(run: int, rows: int, names: list[str]) -> Iterator[tuple[str, Callable[[], Found]]]:
    for n, d in GAUSSIAN:
        rng = np.random.default_rng([run, n, d])
        x = rng.normal(size=(n, d)) @ (rng.normal(size=(d, d)) if run % 2 else np.eye(d))
        yield f"gauss {n} x {d}", lambda x=x: detected(x, np.zeros(len(x)), run)  # type: ignore[misc]
    for name in names:
        x, _ = tabular(name, run, rows)
        rng = np.random.default_rng(run)
        x = np.column_stack([rng.permutation(column) for column in x.T])
        yield f"permuted {name}", lambda x=x: detected(x, np.zeros(len(x)), run)  # type: ignore[misc]


def cells(run: int, rows: int, names: list[str]) -> Iterator[tuple[str, Callable[[], Found]]]:
    for n in (100, 300, 1_000, 5_000):
        for columns in (1, 5, 20):
            for shape, draw in SHAPES.items():
                x = draw(np.random.default_rng([run, n, columns]), (n, columns))
                yield f"cells {shape} {n} x {columns}", lambda x=x: stand_apart(x)  # type: ignore[misc]


def stand_apart(x: np.ndarray) -> Found:
    found = {"amiss": float(any((p < 1).any() for p in apart(list(x.T))))}
    middle = np.median(x[:, 0])
    far = np.quantile(np.abs(x[:, 0] - middle), 0.95)
    for times, name in ((100, "power"), (20, "power_20")):
        planted = x.copy()
        planted[0, 0] = middle + times * far
        found[name] = float(any(p[0] < 1 for p in apart(list(planted.T))))
    return found


def chance(run: int, rows: int, names: list[str]) -> Iterator[tuple[str, Callable[[], Found]]]:
    for shape, draw in SHAPES.items():
        x = draw(np.random.default_rng([run, 300, 5]), (300, 5))
        z = ((x - x.mean(0)) / np.maximum(x.std(0), 1e-9)).astype(np.float32)
        yield (
            f"chance {shape} 300 x 5",
            lambda x=x, z=z: {"amiss": float(ask(z, np.square(z).sum(1), run, numbers=list(x.T)).evident)},  # type: ignore[misc]
        )


def detect(run: int, rows: int, names: list[str]) -> Iterator[tuple[str, Callable[[], Found]]]:
    for share in PAYMENTS:
        x, y = payments(rows, share, run)
        yield f"payments {share:g}", lambda x=x, y=y: detected(x, y, run)  # type: ignore[misc]
    for name in names:
        x, y = tabular(name, run, rows)
        yield f"table {name}", lambda x=x, y=y: detected(x, y, run)  # type: ignore[misc]


def halves(name: str, run: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y, normal rows to learn from, other rows to score with some anomalies, and anomalies in neither."""
    rng = np.random.default_rng(run)
    x, y = tabular(name, run, 10_000)
    normal, strange = rng.permutation(np.flatnonzero(y == 0))[: 2 * rows], rng.permutation(np.flatnonzero(y == 1))
    half = len(normal) // 2
    few = max(2, int(ANOMALIES * half))
    return x, y, normal[:half], np.concatenate([normal[half:], strange[:few]]), strange[few:]


def one_class(run: int, rows: int, names: list[str]) -> Iterator[tuple[str, Callable[[], Found]]]:
    for name in names:
        x, y, learned, test, _ = halves(name, run, rows)
        clean = frame(x[learned]).with_columns(label=pl.lit(0))
        yield (
            f"one-class {name}",
            lambda x=x[test], y=y[test], c=clean: scored(amiss.fit(c, "label", seed=run), x, y),  # type: ignore[misc]
        )


def polluted(run: int, rows: int, names: list[str]) -> Iterator[tuple[str, Callable[[], Found]]]:
    for name in names:
        x, y, learned, test, rest = halves(name, run, rows)
        mixed = np.concatenate([learned, rest[: int(POLLUTION * len(learned))]])
        yield (
            f"polluted {name}",
            lambda x=x[test], y=y[test], m=x[mixed]: scored(amiss.fit(frame(m), seed=run), x, y),  # type: ignore[misc]
        )


PARTS = {
    "silence": silence,
    "cells": cells,
    "chance": chance,
    "detect": detect,
    "one-class": one_class,
    "polluted": polluted,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--tables", help="names with commas between; all that are not very wide")
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    names = wish.tables.split(",") if wish.tables else tabular_names()
    names = [n for n in names if n and tabular(n, 0, 100)[0].shape[1] <= WIDEST]
    lines: list[Found] = []
    for run in range(wish.first, wish.first + wish.runs):
        for part in wish.parts or PARTS:
            for what, look in PARTS[part](run, wish.rows, names):
                started = time.perf_counter()
                kind, table = what.split(maxsplit=1)
                lines.append({"kind": kind, "table": table, "run": run, **look()})
                lines[-1]["seconds"] = round(time.perf_counter() - started, 2)
                print(json.dumps(lines[-1]), flush=True)
                if wish.output:
                    wish.output.write_text("\n".join(map(json.dumps, lines)) + "\n")
    told_ = pl.DataFrame(lines, infer_schema_length=None)
    with pl.Config(tbl_rows=200):
        print(told_.group_by("kind", "table").agg(pl.exclude("run").mean()).sort("kind", "table"))
        print(told_.group_by("kind").agg(pl.len().alias("runs"), pl.exclude("table", "run").mean()).sort("kind"))


if __name__ == "__main__":
    main()
