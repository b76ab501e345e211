"""Scoring 1,000,000 rows x 30 columns from Parquet, split into its parts, and how soon a cold process answers.

``python bench/scoring.py [--rows N]``. Every part is the median of five runs in one process; start-up is a new
process each time.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import amiss
from amiss.writing import write

COLUMNS, TRAIN, ROUNDS = 30, 20_000, 5


def median(action: Callable[[], Any]) -> tuple[float, Any]:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        big, small, out, kept = (Path(folder) / n for n in ("big.parquet", "small.csv", "out.parquet", "m.amiss"))
        values = rng.normal(size=(rows, COLUMNS))
        frame = pl.DataFrame({f"x{i}": values[:, i] for i in range(COLUMNS)})
        frame.write_parquet(big)
        frame[:100].write_csv(small)
        label = (values[:TRAIN, 0] + values[:TRAIN, 1] > 3).astype(int)
        parameters = {"hidden": (64, 32), "n_estimators": 1, "epochs": 3}
        model = amiss.fit(
            frame[:TRAIN].with_columns(label=pl.Series(label)), "label", detector="FeedForward", parameters=parameters
        )
        model.save(kept)
        reading, raw = median(lambda: model.read(big))
        matching, table = median(lambda: model.match(raw))
        encoding, matrix = median(lambda: model.encoder.transform(table))
        network, score = median(lambda: model.detector.score_encoded(matrix))
        deciding, _ = median(lambda: (model.decision.p_values(score), model.decision.flag(score)))
        whole, verdicts = median(lambda: model.score(big))
        writing, _ = median(lambda: write(frame.hstack(verdicts), out))
        parts = {
            "read": reading, "match": matching, "encode": encoding, "network": network, "decide": deciding,
            "score (all of these)": whole, "write": writing, "end to end": whole + writing,
        }  # fmt: skip
        for part, seconds in parts.items():
            print(f"{part:22} {seconds:7.3f} s {rows / seconds / 1e6:8.2f} million rows a second")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        program = Path(sys.executable).with_name("amiss")
        cold = {"amiss --help": ["--help"], "amiss score, 100 rows": ["score", kept, small, "-o", out, "--quiet"]}
        for name, arguments in cold.items():
            seconds, _ = median(
                lambda a=arguments: subprocess.run([program, *map(str, a)], check=True, capture_output=True)
            )
            print(f"{name:22} {seconds:7.3f} s as a cold process")


if __name__ == "__main__":
    main()
