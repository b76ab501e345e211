"""Which rows to label next: 40 suggested ones beside 40 at random and the 40 of the highest score.

``python bench/suggest.py [--tables ...] [--out FILE]``. Half of a table is learned from, half judges. At first ten
rows are labelled, two of them anomalies; a classifier of few members learns from them, names 40 rows in each way, is
told their labels, and learns again. Average precision on the other half, three seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

import amiss
from amiss.numeric import Scaler
from amiss.suggestion import choose
from datasets import tabular

FIRST, ANOMALIES, ASKED, SEEDS, ROWS = 10, 2, 40, (0, 1, 2), 4_000


def classifier(seed: int) -> amiss.AnomalyClassifier:
    return amiss.AnomalyClassifier(n_estimators=2, steps=600, unlabelled="left out", random_state=seed)


def one(name: str, seed: int) -> dict[str, float]:
    x, y = tabular(name, seed, ROWS)
    x, test_x, y, test_y = train_test_split(x, y, test_size=0.5, stratify=y, random_state=seed)
    rng = np.random.default_rng(seed)
    known = np.full(len(y), -1, np.int8)
    for value, count in ((1, ANOMALIES), (0, FIRST - ANOMALIES)):
        known[rng.choice(np.flatnonzero(y == value), count, replace=False)] = value

    def learned(rows: np.ndarray) -> amiss.AnomalyClassifier:
        labels = known.copy()
        labels[rows] = y[rows]
        return classifier(seed).fit(x[labels >= 0], labels[labels >= 0])

    def judged(model: amiss.AnomalyClassifier) -> float:
        return float(average_precision_score(test_y, model.anomaly_score(test_x)))

    first = learned(np.zeros(0, int))
    score, free = first.anomaly_score(x), np.flatnonzero(known < 0)
    probability = first.predict_proba(x)[:, 1]
    z = Scaler.fit(x, True).transform(x)
    asked = {
        "suggested": choose(z, score, probability, known, ASKED, seed)[0],
        "random": rng.choice(free, ASKED, replace=False),
        "top-scored": free[np.argsort(-score[free], kind="stable")[:ASKED]],
    }
    found = {"first ten": judged(first)}
    for way, rows in asked.items():
        found[way] = judged(learned(rows))
        found[f"anomalies, {way}"] = int(y[rows].sum())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", default=["annthyroid", "campaign", "thyroid", "Wilt"])
    parser.add_argument("--out", default=str(Path(__file__).parent / "results" / "suggest.json"))
    options = parser.parse_args()
    results: dict[str, list[dict[str, float]]] = {}
    for name in options.tables:
        results[name] = []
        for seed in SEEDS:
            results[name].append(one(name, seed))
            print(name, seed, {k: round(v, 3) for k, v in results[name][-1].items()}, flush=True)
    mean = {name: {k: float(np.mean([r[k] for r in rows])) for k in rows[0]} for name, rows in results.items()}
    for name, found in mean.items():
        print(name, {k: round(v, 3) for k, v in found.items()})
    settings = {"first": FIRST, "asked": ASKED, "rows": ROWS, "seeds": SEEDS, "members": 2, "steps": 600}
    Path(options.out).write_text(json.dumps({"settings": settings, "mean": mean, "seeds": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
