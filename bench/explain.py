"""Does the blame fall on the columns where an anomaly was planted, and does deleting the blamed cells calm the score?

``python bench/explain.py [TABLE ...] [--rows N] [--detector NAME | --labelled]``. Planted: in real normal rows, one or
two cells moved 4 to 8 deviations away, or, ``swapped``, drawn from another row, so that only the combination is
strange. ``--labelled``: the model also learned from ``LABELLED`` anomalies of the same kind, with labels. Told:
how often exactly the planted columns stand first among the flagged rows, by amiss and by per-column z-scores.
Deletion: the fall of the scores, in parts of their excess over an ordinary row's, when the first two columns are made
typical, by amiss, z-scores, KernelSHAP on the same score (sampled coalitions, weighted least squares; Lundberg and
Lee, 2017) and chance.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import polars as pl

from amiss.attribution import attribute, blocks_of
from amiss.explain import ordinary_limit
from amiss.model import Model, fit
from datasets import tabular

TABLES = ("cardio", "magic.gamma", "pendigits", "thyroid", "Waveform", "wine")
COALITIONS = 256
LABELLED = 200
KINDS = ((1, False), (2, False), (1, True))  #: planted cells of a row, and whether they come from another row


def frame(x: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({f"c{i}": x[:, i] for i in range(x.shape[1])})


def kernel_shap(model: Model, row: np.ndarray, blocks: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """(columns,) Shapley values of one encoded row's score, against the background's typical row."""
    assert model.background is not None
    columns, base = len(blocks), np.median(model.background.z, axis=0)
    size = rng.integers(1, columns, COALITIONS)
    mask = np.argsort(rng.random((COALITIONS, columns)), axis=1) < size[:, None]
    rows = np.tile(base, (COALITIONS + 2, 1)).astype(np.float32)
    for j, features in enumerate(blocks):
        rows[np.ix_(np.flatnonzero(mask[:, j]), features)] = row[features]
    rows[-1] = row
    score = model.detector.score_encoded(rows)
    weight = np.sqrt((columns - 1) / (size * (columns - size)))
    # the values sum to the whole difference: the last is what the others leave
    a = (mask[:, :-1].astype(float) - mask[:, -1:]) * weight[:, None]
    b = (score[:COALITIONS] - score[-2] - mask[:, -1] * (score[-1] - score[-2])) * weight
    found, *_ = np.linalg.lstsq(a, b, rcond=None)
    return np.append(found, score[-1] - score[-2] - found.sum())


def planted(
    x: np.ndarray, train: np.ndarray, columns: list[int], count: int, swap: bool, rng: np.random.Generator
) -> tuple[np.ndarray, list[set[int]]]:
    """Rows with ``count`` strange cells each, and where they are."""
    x, where, middle, spread = x.copy(), [], train.mean(0), train.std(0)
    for row in x:
        chosen = rng.choice(len(columns), count, replace=False)
        for j in chosen:
            c = columns[j]
            away = middle[c] + rng.choice([-1, 1]) * rng.uniform(4, 8) * spread[c]
            row[c] = train[rng.integers(len(train)), c] if swap else away
        where.append(set(chosen.tolist()))
    return x, where


def learned_from(
    train: np.ndarray, kind: tuple[int, bool], detector: str | None, labelled: bool, rng: np.random.Generator
) -> Model:
    """A model of normal rows, or of those and labelled anomalies of a kind."""
    if not labelled:
        return fit(frame(train), detector=detector)
    moving = np.flatnonzero(train.std(0) > 0).tolist()
    strange, _ = planted(train[rng.integers(len(train), size=LABELLED)], train, moving, *kind, rng)
    label = np.repeat([0, 1], [len(train), LABELLED])
    return fit(frame(np.concatenate([train, strange])).with_columns(label=pl.Series(label)), "label")


def examine(name: str, rows: int, detector: str | None, labelled: bool) -> None:
    x, y = tabular(name, 0, 4_000)
    rng = np.random.default_rng(0)
    x = rng.permutation(x[y == 0])
    rows = min(rows, len(x) // 3)
    train, test = x[rows:], x[:rows]
    for number, (count, swap) in enumerate(KINDS):
        if labelled or number == 0:
            model = learned_from(train, (count, swap), detector, labelled, rng)
        assert model.background is not None
        learned = [int(c.name[1:]) for c in model.schema.learned]
        blocks = blocks_of(model.encoder.columns_of_features(), len(learned))
        limit = ordinary_limit(model.decision)
        strange, where = planted(test, train, learned, count, swap, rng)
        z = model.encoder.transform(model.match(model.read(frame(strange))))
        started = time.perf_counter()
        found = attribute(z, model.detector.score_encoded, model.background, blocks, limit)
        seconds = time.perf_counter() - started
        flagged = np.flatnonzero(found.score > limit)
        far = np.abs((strange - train.mean(0)) / (train.std(0) + 1e-12))[:, learned]
        order = {"amiss": found.share, "z-scores": far}
        hits = {
            k: np.mean([set(np.argsort(-v[i])[:count].tolist()) == where[i] for i in flagged]) for k, v in order.items()
        }
        some = flagged[:40]
        order["KernelSHAP"] = np.zeros_like(found.share)
        for i in some:
            order["KernelSHAP"][i] = kernel_shap(model, z[i], blocks, rng)
        order["chance"] = rng.random(found.share.shape)
        calmed = {}
        for k, value in order.items():
            changed = z[some].copy()
            for row, i in zip(changed, some):
                for j in np.argsort(-value[i])[:2]:
                    row[blocks[j]] = model.background.z[found.typical[i, j], blocks[j]]
            fall = found.score[some] - model.detector.score_encoded(changed)
            calmed[k] = fall.sum() / max((found.score[some] - np.median(model.background.score)).sum(), 1e-9)
        kind = "swapped" if swap else "moved"
        told = ", ".join(f"{k} {v:.2f}" for k, v in hits.items())
        fell = ", ".join(f"{k} {v:.2f}" for k, v in calmed.items())
        share = f"flagged {len(flagged) / rows:.2f}"
        print(f"{name:12} {count} {kind:8} {share} | first: {told} | fall: {fell} | {seconds:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--detector")
    parser.add_argument("--labelled", action="store_true")
    options = parser.parse_args()
    for name in options.tables:
        examine(name, options.rows, options.detector, options.labelled)


if __name__ == "__main__":
    main()
