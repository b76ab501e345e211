"""Production quality: which parts will fail the final test, where a miss costs twenty false alarms?"""

from __future__ import annotations

import numpy as np
import polars as pl

import amiss
from amiss.decision import Rule, operating_point


def parts(rows: int, seed: int) -> pl.DataFrame:
    """Parts fail where a hot machine turns fast, or where the tool is worn out."""
    rng = np.random.default_rng(seed)
    heat, speed, wear = rng.normal(300, 2, rows), rng.normal(1_500, 150, rows), rng.uniform(0, 250, rows)
    failed = ((heat - 300) / 2 + (speed - 1_500) / 150 > 2.6) | (wear > 242)
    words = np.where(failed, "failed", "ok")
    return pl.DataFrame(
        {"machine": rng.choice(["A", "B"], rows), "heat": heat, "speed": speed, "wear": wear, "test": words}
    )


def main(rows: int = 1_500) -> dict[str, float]:
    model = amiss.fit(parts(rows, 0), label="test", rule=Rule("cost", 20))
    promised = operating_point(model.decision)
    low, high = promised["recall_low"], promised["recall_high"]
    print(f"on held-out parts it finds {promised['recall']:.0%} of the failures ({low:.0%} to {high:.0%})")
    reached = model.evaluate(parts(rows, 1))
    print(f"on the next parts {reached['recall']:.0%}, and {reached['precision']:.0%} of the alarms are right")
    return reached


if __name__ == "__main__":
    main()
