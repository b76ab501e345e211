"""SeriesDetector on the series of TSB-AD and SKAB: mean VUS-PR for each family, and seconds of CPU time a series.

``python bench/series.py [tuning] [u] [m] [skab] [--detector NAME] [--every N] [-o FILE]``. TSB-AD: fitted on the
training prefix, the whole series is scored, VUS with the benchmark's own window. Settings are chosen on ``tuning``
alone. ``--every``: the N-th, 2N-th, ... file by name alone, for slow methods. SKAB: fitted
on the first 400 rows of each file, compared with them alone, flagged by the default rule; F1 over the rows of all
files, with those 400 and without. Pin to one core: ``taskset -c 0 env OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from amiss.series import find, implied
from amiss.series.detect import judged
from amiss.series.detector import SeriesDetector
from amiss.series.drift import THRESHOLD, DriftDetector
from amiss.series.nab import nab_score
from amiss.series.period import benchmark_period
from amiss.series.vus import vus
from datasets import FOLDER

SKAB_TRAIN = 400  #: rows of each file that its authors train on
SETS = {"tuning": "tsb_ad_u_tuning", "u": "tsb_ad_u", "m": "tsb_ad_m"}
#: mean VUS-PR on the whole of the rebuilt series, as published; none of these three numbers is of the same third
PUBLISHED = {"u": {"TSPulse": 0.570, "MMPAD": 0.448, "CNN": 0.273}, "m": {"StreamVAE": 0.437, "k-means": 0.392}}


def tsb_ad(
    folder: str, name: str, parameters: dict[str, Any], every: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each series."""
    rows = []
    method = find(name)
    for path in sorted((FOLDER / "series" / folder).glob("*.npz"))[every - 1 :: every]:
        with np.load(path) as file:
            x, label, train = file["data"], file["label"].astype(int), int(file["train"])
        started = time.process_time()
        score = method(**implied(name) | parameters).fit(x[:train]).anomaly_score(x)
        seconds = time.process_time() - started
        roc, pr = vus(label, score, benchmark_period(x))
        rows.append(
            {"file": path.stem, "family": path.stem.split("_")[1], "steps": len(x), "channels": x.shape[1],
             "train": train, "vus_pr": round(pr, 4), "vus_roc": round(roc, 4), "cpu": round(seconds, 2)}
        )  # fmt: skip
        say(f"{path.stem[:44]:46} {len(x):7} x {x.shape[1]:<3} {pr:.3f} {seconds:6.2f} s")
    return rows


def skab(parameters: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """F1 over all rows of all files, and false and missed alarms as shares."""
    labels, marks, seconds = [], [], []
    for path in sorted((FOLDER / "series" / "skab").glob("*/*.csv")):
        if path.parent.name == "anomaly-free":
            continue
        frame = pl.read_csv(path, separator=";")
        x = frame.drop("datetime", "anomaly", "changepoint").to_numpy().astype(float)
        started = time.process_time()
        fitted = SeriesDetector(**{"references": "prefix"} | parameters).fit(x[:SKAB_TRAIN])
        score, ordinary = fitted.score_steps(x)
        marks.append(judged(None, score, ordinary, True, fitted.windows_[-1])[1])
        seconds.append(time.process_time() - started)
        labels.append(frame["anomaly"].to_numpy() > 0)
        say(f"{path.parent.name}/{path.name:12} {len(x):6} rows {seconds[-1]:6.2f} s")
    found: dict[str, Any] = {"files": len(labels), "cpu_median": round(float(np.median(seconds)), 2)}
    for name, first in (("all rows", 0), ("rows after training", SKAB_TRAIN)):
        y, flag = (np.concatenate([each[first:] for each in many]) for many in (labels, marks))
        hits, false, missed = int((y & flag).sum()), int((~y & flag).sum()), int((y & ~flag).sum())
        found[name] = {
            "f1": round(2 * hits / (2 * hits + false + missed), 4),
            "false_alarms": round(false / int((~y).sum()), 4),
            "missed": round(missed / int(y.sum()), 4),
        }
    return found


def nab(say: Callable[[str], None]) -> dict[str, Any]:
    """Numenta benchmark, standard profile: DriftDetector, causal, fitted on the first 15 % (750 rows at most).

    Settings were chosen on every other series; ``others`` are those that were looked at once.
    """
    folder, found = FOLDER / "series" / "nab", []
    marked = json.loads((folder / "labels" / "combined_windows.json").read_text())
    for path in sorted((folder / "data").glob("*/*.csv")):
        frame = pl.read_csv(path).with_columns(pl.col("timestamp").str.to_datetime())
        x, times = frame["value"].to_numpy().astype(float), frame["timestamp"]
        seconds = times.dt.epoch("s").to_numpy()
        wanted = [pl.Series(pair).str.to_datetime() for pair in marked[f"{path.parent.name}/{path.name}"]]
        windows = [(int((times < w[0]).sum()), int((times <= w[1]).sum()) - 1) for w in wanted]
        train, unit = min(int(0.15 * len(x)), 750), float(np.median(np.diff(seconds)))
        day = round(86_400 / unit)
        slots = np.floor(seconds % 86_400 / unit + 0.01).astype(int) % day
        stream = DriftDetector(season=day).fit(x[:train], slots[:train])
        said = stream.step(x[train:], slots[train:])
        found.append((np.concatenate([np.zeros(train), np.where(said.flagged, said.score, 0.0)]), windows))
        say(f"{path.parent.name}/{path.name}")
    parts = {"chosen on": found[::2], "others": found[1::2], "all": found}
    return {
        name: {
            "best threshold": [round(v, 2) for v in nab_score(part)],
            "fixed": round(nab_score(part, THRESHOLD)[0], 2),
        }
        for name, part in parts.items()
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means, by family too."""
    families: dict[str, list[float]] = {}
    for row in rows:
        families.setdefault(row["family"], []).append(row["vus_pr"])
    seconds = [row["cpu"] for row in rows]
    return {
        "files": len(rows),
        "vus_pr": round(float(np.mean([row["vus_pr"] for row in rows])), 4),
        "vus_roc": round(float(np.mean([row["vus_roc"] for row in rows])), 4),
        "cpu_median": round(float(np.median(seconds)), 2),
        "cpu_most": max(seconds),
        "families": {k: [round(float(np.mean(v)), 3), len(v)] for k, v in families.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=[*SETS, "skab", "nab"])
    parser.add_argument("--detector", default="SeriesDetector", help="a method for series; SKAB takes the default")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=JSON", help="a parameter of the method")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of TSB-AD, every N-th file alone")
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    parameters = {k: json.loads(v) for k, v in (pair.split("=", 1) for pair in wish.set)}
    results: dict[str, Any] = {"parameters": parameters}
    if wish.detector != "SeriesDetector":
        results["detector"] = wish.detector
    if wish.output and wish.output.exists():  # other sets' results stay
        results = json.loads(wish.output.read_text()) | results
    for name in wish.sets:
        if name in ("skab", "nab"):
            say = partial(print, flush=True)
            results[name] = skab(parameters, say) if name == "skab" else nab(say)
            print(name, json.dumps(results[name]), flush=True)
            continue
        rows = tsb_ad(SETS[name], wish.detector, parameters, wish.every, lambda text: print(text, flush=True))
        covers = {"covers": f"every {wish.every}. file by name"} if wish.every > 1 else {}
        results[name] = {"summary": covers | summary(rows), "published": PUBLISHED.get(name, {}), "rows": rows}
        print(name, json.dumps(results[name]["summary"]), flush=True)
    if wish.output:
        wish.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
