"""Network intrusion: traffic that is known to be harmless is there to learn from, attacks are not.

A column that marks the known normal rows makes the share of false alarms exact: ``fdr`` 0.1 means at most one in ten.
"""

from __future__ import annotations

import numpy as np
import polars as pl

import amiss


def connections(rows: int, attacks: int = 0, seed: int = 0) -> pl.DataFrame:
    """Connections in seconds and bytes; attacks send a lot, get nothing back, and do not last."""
    rng = np.random.default_rng(seed)
    duration = rng.lognormal(1, 0.6, rows)
    sent, got = duration * rng.lognormal(6, 0.4, rows), duration * rng.lognormal(8, 0.4, rows)
    protocol = rng.choice(["tcp", "udp"], rows, p=[0.8, 0.2])
    if attacks:
        duration[:attacks], sent[:attacks], got[:attacks] = 0.01, sent[:attacks] * 50, 0
    return pl.DataFrame({"duration": duration, "sent": sent, "got": got, "protocol": protocol})


def main() -> pl.DataFrame:
    quiet = connections(1_000, seed=1).with_columns(attack=pl.lit("normal"))
    model = amiss.fit(quiet, label="attack")
    today = connections(500, attacks=15, seed=2)
    verdicts = model.score(today)
    print(model.verdict(verdicts).sentence())
    print(model.explain(today, rows=2))
    return verdicts


if __name__ == "__main__":
    main()
