"""Anomalies among a crowded category's own rows near a number or a moment: a terminal's frauds of these weeks, the
inspections that a product failed at such prices, as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from amiss.pairs import ANOMALIES_LEAST
from amiss.parts import ONE_HOT, PRIOR, CategoryPart, Feature, Part
from amiss.table import Table

BINS = 64  #: of equal counts of rows, that a number or a moment is cut into
AFTER = 16  #: bins without a row that follow a column's moments, so that what was known fades for later ones
SAME_TIME = 0.99  #: correlation of ranks with a column of moments, from which a column of numbers is one too
REACH = 1 / 26  #: share of the rows within which a row nearby counts for 1 / e of one that is here
OWN = 1.0  #: rows that what is expected counts for beside the rows nearby
TOLD = 3.0  #: standard errors by which held-out labels must be likelier than without the feature
HOPELESS = -1.0  #: the same, of one fold, below which the others are not looked at
ALIKE = 0.95  #: correlation with a feature of the same category that has been taken, from which one is left
MOST = 4  #: features, those that tell the most
CATEGORIES_MOST, NUMBERS_MOST = 4, 32  #: columns that are tried: the categories of the most values, the first numbers
VALUES_LEAST, VALUES_MOST = 4 * ONE_HOT, 50_000  #: of a category that is tried
BLOCK = 16_384  #: rows that are looked at together


@dataclass
class Near:
    """Log-odds of the anomaly among rows of the same value of ``category`` and near in ``number``.

    edges: between the bins of the number; those of moments go on after the last one, so that what was known fades.
    values: how many the category has; a missing one and one never seen come after them. cells, rows, found: places of
    bins that hold labelled rows, value by value, and how many rows and anomalies they hold.
    """

    category: str
    number: str
    edges: list[float]
    values: int
    cells: list[int]
    rows: list[int]
    found: list[int]

    @property
    def feature(self) -> Feature:
        return Feature(f"anomalies of {self.category} near {self.number}", self.category, "near")

    def encode(self, table: Table, part: CategoryPart) -> np.ndarray:
        """(rows,) float64; part: of the category."""
        shape = self.values + 2, len(self.edges) + 2
        counts = np.zeros((2, shape[0] * shape[1]))
        counts[:, self.cells] = self.rows, self.found
        bins = _bins(table.numbers(self.number), self.edges)
        return _odds(counts.reshape(2, *shape), _values(table, part), bins)[1]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Near:
        """Inverse of :meth:`to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        near = cls(**state)
        cells = np.asarray(near.cells, np.int64)
        size = (int(near.values) + 2) * (len(near.edges) + 2)
        if not len(cells) == len(near.rows) == len(near.found) or (
            len(cells) and not 0 <= cells.min() <= cells.max() < size
        ):
            raise ValueError("counts that do not belong to their cells")
        return near


def learn_near(
    table: Table, rows: np.ndarray, y: np.ndarray, fold: np.ndarray, parts: Sequence[Part]
) -> list[tuple[Near, np.ndarray]]:
    """What is worth a feature, the one that tells the most first, each with the feature of the rows.

    rows: of the table, to learn from. y: (rows,) 1, 0, -1 = unlabelled. fold: (rows,) of each; its feature comes from
    the others, so that its own label is not in it. A feature is worth it where labels are likelier by it than by the
    value and the number each on their own (Micci-Barreca, 2001, of the smoothing).
    """
    if (y == 1).sum() < ANOMALIES_LEAST or not (y == 0).any():
        return []
    crowded = [
        p for p in parts if isinstance(p, CategoryPart) and p.rates and VALUES_LEAST <= len(p.values) <= VALUES_MOST
    ]
    crowded = sorted(crowded, key=lambda p: -len(p.values))[:CATEGORIES_MOST]
    codes = {part.column: _values(table, part)[rows] for part in crowded}
    tried = []
    for name in _numbers(table, rows) if crowded else ():
        number = table.numbers(name)[rows]
        edges = _edges(number[np.isfinite(number)], table.schema[name].kind == "datetime")
        bins = _bins(number, edges)
        for part in crowded:
            shape = len(part.values) + 2, len(edges) + 2
            told, own, counts = _tried(codes[part.column], bins, y, fold, shape)
            if told > TOLD:
                cells = np.flatnonzero(counts[0])
                known, found = counts.reshape(2, -1)[:, cells].tolist()
                near = Near(part.column, name, edges.tolist(), len(part.values), cells.tolist(), known, found)
                tried.append((told, near, own))
    learned: list[tuple[Near, np.ndarray]] = []
    for _, near, own in sorted(tried, key=lambda t: -t[0]):
        like = [o for n, o in learned if n.category == near.category and np.corrcoef(o, own)[0, 1] > ALIKE]
        if len(learned) < MOST and not like:
            learned.append((near, own))
    return learned


def _numbers(table: Table, rows: np.ndarray) -> list[str]:
    """Columns of numbers and of moments that are tried; numbers that run as a column of moments does are left."""
    kinds = {c.name: c.kind for c in table.schema.learned if c.kind in ("numeric", "datetime")}
    moments = [rankdata(table.numbers(name)[rows]) for name, kind in kinds.items() if kind == "datetime"]
    found = []
    for name, kind in kinds.items():
        rank = rankdata(table.numbers(name)[rows]) if moments and kind == "numeric" else None
        if rank is None or not any(abs(np.corrcoef(rank, m)[0, 1]) > SAME_TIME for m in moments):
            found.append(name)
    return found[:NUMBERS_MOST]


def _edges(known: np.ndarray, moments: bool) -> np.ndarray:
    """Ascending edges between bins of a column's known values."""
    if not len(known):
        return np.zeros(0)
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
    if not moments or not np.ptp(known):
        return edges
    return np.append(edges, known.max() + np.ptp(known) / BINS * np.arange(1, AFTER + 1))


def _tried(
    code: np.ndarray, bins: np.ndarray, y: np.ndarray, fold: np.ndarray, shape: tuple[int, int]
) -> tuple[float, np.ndarray, np.ndarray]:
    """By how many standard errors held-out labels are likelier; (rows,) the feature; (2, values, bins) the counts."""
    cell, known = code * shape[1] + bins, y >= 0

    def counted(chosen: np.ndarray) -> np.ndarray:
        kinds = [chosen & known, chosen & (y == 1)]
        return np.stack([np.bincount(cell[k], minlength=shape[0] * shape[1]) for k in kinds]).reshape(2, *shape)

    def told(rows: np.ndarray) -> float:
        sign = np.where(y == 1, -1.0, 1.0)[rows]
        gain = np.logaddexp(0, sign * expected[rows]) - np.logaddexp(0, sign * odds[rows])
        return float(gain.sum() / max(gain.std() * np.sqrt(len(gain)), 1e-12)) if len(gain) else 0.0

    whole, expected, odds = counted(known), np.empty(len(y)), np.empty(len(y))
    for held in np.unique(fold):
        inside = fold == held
        expected[inside], odds[inside] = _odds(whole - counted(inside), code[inside], bins[inside])
        if told(known & inside) < HOPELESS:
            return -np.inf, odds, whole
    return told(known), odds, whole


def _odds(counts: np.ndarray, code: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (rows,) that value and bin tell, each on its own, and with the rows of the value nearby.

    counts: (2, values, bins) labelled rows, and anomalies among them. code, bins: (rows,) the value and bin of each.
    """
    wide = counts.shape[2]
    total, anomalies = counts.sum((1, 2))
    base = np.clip(anomalies / max(total, 1), 1e-4, 1 - 1e-4)
    expected = np.full(len(code), -np.log(base / (1 - base)))
    for axis, own in ((0, bins), (1, code)):
        n, f = (c.sum(axis)[own] for c in counts)
        expected += np.log((f + PRIOR * base) / (n - f + PRIOR * (1 - base)))
    place = np.arange(wide - 1)
    near = np.eye(wide)  # a missing number, last, is near itself alone
    near[:-1, :-1] = np.exp(-np.abs(place[:, None] - place) / (REACH * len(place)))
    n, f = np.empty((2, len(code)))
    for start in range(0, len(code), BLOCK):
        some = slice(start, start + BLOCK)
        n[some], f[some] = ((c[code[some]] * near[bins[some]]).sum(1) for c in counts)
    share = 1 / (1 + np.exp(-expected))
    return expected, np.log((f + OWN * share) / (n - f + OWN * (1 - share)))


def _values(table: Table, part: CategoryPart) -> np.ndarray:
    """(rows,) place in the part's values; after them a missing one, and one never seen."""
    codes = table.codes(part.column, part.values)
    return np.where(codes >= 0, codes, np.where(codes == -1, len(part.values), len(part.values) + 1))


def _bins(number: np.ndarray, edges: Any) -> np.ndarray:
    """(rows,) bin of each number, a missing one last."""
    return np.where(np.isfinite(number), np.searchsorted(np.asarray(edges), number, "right"), len(edges) + 1)
