"""Card fraud: nobody has labelled anything; which payments should be looked at, why, and how many a day?

``python examples/card_fraud.py [FOLDER]`` makes 1,500 payments, ten of them with a stolen card, and writes payments.csv
and report.html.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from amiss.detection import Detection, detect
from amiss.report import write_report


def payments(rows: int = 1_500, frauds: int = 10, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """The table, and which rows are frauds."""
    rng = np.random.default_rng(seed)
    items, hour = rng.poisson(3, rows) + 1, np.clip(rng.normal(14, 3, rows), 0, 23.9)
    weight = items * rng.lognormal(0, 0.2, rows)  # kilograms
    amount = 12 * items * rng.lognormal(0, 0.3, rows)
    fraud = np.zeros(rows, bool)
    fraud[rng.choice(rows, frauds, replace=False)] = True
    amount[fraud] *= 30
    table = {"amount": amount.round(2), "items": items, "weight": weight.round(2), "hour": hour.round(1)}
    return pl.DataFrame(table), fraud


def main(folder: Path) -> Detection:
    table, _ = payments()
    table.write_csv(folder / "payments.csv")
    found = detect(folder / "payments.csv")
    assert found.verdict is not None
    assert found.model is not None
    print(found.verdict.sentence())
    print(found.model.explain(folder / "payments.csv", rows=3))
    write_report(folder / "report.html", found)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
