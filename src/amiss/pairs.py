"""Pairs of columns of few values that tell of anomalies what neither does alone: dates of a year, faults by rate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from amiss.parts import Feature
from amiss.table import Table

VALUES_MOST = 32  #: of a column that may be paired
COLUMNS_MOST = 40  #: that are paired: those whose values are spread the most evenly
PAIRS_MOST = 8  #: that become features, those that tell the most
ANOMALIES_LEAST = 65  #: labelled ones
LOOKED_AT = 50_000  #: rows, at most, that tell which pairs to take
TOLD = 8.0  #: standard deviations by which a pair's chi-squared statistic is beyond what chance would make it
CELL_LEAST, CELL_MOST = 0.2, 25.0  #: variance of a pair of values that counts there; what it counts for at most
PRIOR = 2.0  #: anomalies, found and expected, that every pair of values has beforehand
ROUNDS = 15  #: of fitting the expected anomalies, which are then exact to a few per cent


@dataclass
class Pair:
    """The logarithm of how many more anomalies each pair of values has than its columns, one by one, would tell.

    first, second: columns. values: theirs, numbers or words. lifts: (first values + 1, second values + 1) of them, and
    of a missing value, last. A value never seen is told nothing of: 0.
    """

    first: str
    second: str
    values: tuple[list[Any], list[Any]]
    lifts: list[list[float]]

    @property
    def feature(self) -> Feature:
        return Feature(f"anomalies of {self.first} with {self.second}", self.first, "pair")

    def encode(self, table: Table) -> np.ndarray:
        """(rows,) float64."""
        one, other = (_codes(table, n, v) for n, v in zip((self.first, self.second), self.values))
        return self.told(one, other)

    def told(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(rows,) the lifts of places in the values of the first column and of the second; -1: none of them."""
        return np.where((one >= 0) & (other >= 0), np.asarray(self.lifts)[one, other], 0.0)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Pair:
        """Inverse of :meth:`to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        first, second = state["values"]
        lifts = np.asarray(state["lifts"], np.float64)
        if lifts.shape != (len(first) + 1, len(second) + 1):
            raise ValueError(f"lifts of {lifts.shape} for {len(first)} and {len(second)} values")
        return cls(str(state["first"]), str(state["second"]), (first, second), lifts.tolist())


def learn_pairs(table: Table, rows: np.ndarray, y: np.ndarray, fold: np.ndarray) -> list[tuple[Pair, np.ndarray]]:
    """The pairs that are worth a feature, the one that tells the most first, each with the feature of the rows.

    rows: of the table, to learn from. y: (rows,) 1, 0, -1 = unlabelled. fold: (rows,) of each; its feature comes from
    the others, so that its own label is not in it.
    """
    if (y == 1).sum() < ANOMALIES_LEAST:
        return []
    known = np.flatnonzero(y >= 0)
    columns = _columns(table, rows)
    some = known[:: -(-len(known) // LOOKED_AT)]
    told = [
        (_told(*_counts(codes, other, sizes, y[some])), name, second)
        for (name, second), codes, other, sizes in (
            ((a, b), columns[a][1][some], columns[b][1][some], (len(columns[a][0]) + 1, len(columns[b][0]) + 1))
            for a, b in combinations(columns, 2)
        )
    ]
    learned = []
    for _, first, second in sorted((t for t in told if t[0] > TOLD), reverse=True)[:PAIRS_MOST]:
        (values, one), (others, other) = columns[first], columns[second]
        sizes = len(values) + 1, len(others) + 1
        pair = Pair(
            first, second, (values, others), _lifts(*_counts(one[known], other[known], sizes, y[known])).tolist()
        )
        own = np.empty(len(rows))
        for held in np.unique(fold):
            rest, inside = known[fold[known] != held], fold == held
            lifts = _lifts(*_counts(one[rest], other[rest], sizes, y[rest]))
            own[inside] = lifts[one[inside], other[inside]]
        learned.append((pair, own))
    return learned


def _columns(table: Table, rows: np.ndarray) -> dict[str, tuple[list[Any], np.ndarray]]:
    """Values, and codes of the rows, of the columns that may be paired."""
    found: dict[str, tuple[list[Any], np.ndarray]] = {}
    spread = {}
    for column in table.schema.learned:
        name = column.name
        if column.kind == "category" and column.distinct <= 4 * VALUES_MOST:
            words = table.counts(name)[0]
            codes = table.codes(name, words)[rows]
            values: list[Any] = [words[i] for i in np.unique(codes[codes >= 0])]
        elif column.kind == "numeric":
            numbers = table.numbers(name)[rows]
            values = np.unique(numbers[np.isfinite(numbers)])[: VALUES_MOST + 1].tolist()
        else:
            continue
        if 2 <= len(values) <= VALUES_MOST:
            codes = _codes(table, name, values)[rows]
            share = np.bincount(codes, minlength=1) / len(rows)
            found[name], spread[name] = (values, codes), -float((share * np.log(np.maximum(share, 1e-12))).sum())
    chosen = set(sorted(spread, key=lambda name: -spread[name])[:COLUMNS_MOST])
    return {name: pair for name, pair in found.items() if name in chosen}


def _codes(table: Table, name: str, values: list[Any]) -> np.ndarray:
    """(rows,) place in values; one more for a missing value; -1 for any other."""
    if isinstance(values[0], str):
        codes = table.codes(name, values)
        return np.where(codes == -1, len(values), np.maximum(codes, -1))
    numbers, own = table.numbers(name), np.asarray(values)
    place = np.minimum(np.searchsorted(own, numbers), len(own) - 1)
    return np.where(np.isnan(numbers), len(own), np.where(own[place] == numbers, place, -1))


def _counts(one: np.ndarray, other: np.ndarray, sizes: tuple[int, int], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and anomalies among them, of each pair of values."""
    cell, cells = one * sizes[1] + other, sizes[0] * sizes[1]
    rows, found = np.bincount(cell, minlength=cells), np.bincount(cell[y == 1], minlength=cells)
    return rows.reshape(sizes).astype(float), found.reshape(sizes).astype(float)


def _expected(rows: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Anomalies of each pair of values, were the log-odds a sum of one number for each value (Deming and Stephan, 1940,
    of iterative proportional fitting)."""
    share = found.sum() / max(rows.sum(), 1)
    kinds = np.stack([rows * share, rows * (1 - share)])
    target = np.stack([found, rows - found])
    for _ in range(ROUNDS):
        for axis in (1, 2):
            kinds *= target.sum(axis, keepdims=True) / np.maximum(kinds.sum(axis, keepdims=True), 1e-12)
        kinds *= rows / np.maximum(kinds.sum(0), 1e-12)
    return kinds[0]


def _told(rows: np.ndarray, found: np.ndarray) -> float:
    """By how many standard deviations the anomalies of pairs of values are more uneven than by chance."""
    expected = _expected(rows, found)
    variance = expected * (1 - expected / np.maximum(rows, 1))
    counts = variance > CELL_LEAST
    off = np.minimum((found - expected)[counts] ** 2 / variance[counts], CELL_MOST)
    return float((off.sum() - counts.sum()) / np.sqrt(2 * max(1, counts.sum())))


def _lifts(rows: np.ndarray, found: np.ndarray) -> np.ndarray:
    return np.log((found + PRIOR) / (_expected(rows, found) + PRIOR))
