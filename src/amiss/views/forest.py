"""An isolation forest as arrays (Liu, Ting and Zhou, 2008): complete trees, so that all rows walk down together."""

from __future__ import annotations

import numpy as np

SAMPLE, DEPTH = 256, 8


def fit(rows: np.ndarray, trees: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Trees on small samples of rows (rows, columns).

    column, cut: (trees, 2^depth - 1) of the inner nodes. length: (trees, 2^depth) path lengths of the leaves.
    """
    depth = min(DEPTH, max(int(np.ceil(np.log2(min(SAMPLE, len(rows))))), 1))
    column = np.zeros((trees, 2**depth - 1), np.int32)
    cut = np.full((trees, 2**depth - 1), np.inf, np.float32)
    length = np.zeros((trees, 2**depth), np.float32)
    for tree in range(trees):
        _grow(rows[rng.permutation(len(rows))[:SAMPLE]], column[tree], cut[tree], length[tree], depth, rng)
    norm = np.asarray(max(_mean_path(min(SAMPLE, len(rows))), 1e-9))
    return {"column": column, "cut": cut, "length": length, "norm": norm}


def score(forest: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """(rows,) 2^(-mean path / mean path of a random tree), in (0, 1]; higher = sooner isolated."""
    depth = int(np.log2(forest["length"].shape[1]))
    total, each = np.zeros(len(rows)), np.arange(len(rows))
    for column, cut, length in zip(forest["column"], forest["cut"], forest["length"]):
        node = np.zeros(len(rows), np.intp)
        for _ in range(depth):
            node = 2 * node + 1 + (rows[each, column[node]] > cut[node])
        total += length[node - len(cut)]
    return 2.0 ** (-total / len(forest["cut"]) / forest["norm"])


def _grow(
    rows: np.ndarray, column: np.ndarray, cut: np.ndarray, length: np.ndarray, depth: int, rng: np.random.Generator
) -> None:
    """Fill one tree's arrays; a leaf above the last level owns all leaves below it."""
    todo = [(0, 0, rows)]
    while todo:
        node, level, part = todo.pop()
        low, high = (part.min(0), part.max(0)) if len(part) else (np.zeros(1), np.zeros(1))
        varied = np.flatnonzero(high > low)
        if level == depth or not len(varied):
            first = (node + 1) * 2 ** (depth - level) - 2**depth
            length[first : first + 2 ** (depth - level)] = level + _mean_path(len(part))
            continue
        chosen = varied[rng.integers(len(varied))]
        column[node], cut[node] = chosen, rng.uniform(low[chosen], high[chosen])
        left = part[:, chosen] <= cut[node]
        todo += [(2 * node + 1, level + 1, part[left]), (2 * node + 2, level + 1, part[~left])]


def _mean_path(rows: int) -> float:
    """Mean depth of an unsuccessful search in a binary tree of so many rows."""
    if rows <= 2:
        return float(rows == 2)
    return 2 * (np.log(rows - 1) + np.euler_gamma) - 2 * (rows - 1) / rows
