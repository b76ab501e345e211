"""How strange rows are among their own, by seven simple measures: no networks, so many tables can be asked.

In two spaces (:mod:`amiss.views.spaces`; soft, where far cells stay far, and ranks, where they do not), learned from
the usual rows alone:

- the distance from the middle, in all directions alike (Mahalanobis'): dependencies of two columns that break;
- the mean distance there to a few neighbours: rows that nobody is like;
- the three cells that the other columns foretell worst, by an additive model of each column: a column's effect on
  another may rise and fall, or be a category's.

And the tails of the columns alone: many cells that are each a little far out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.views import margins, spaces
from amiss.views.neighbours import nearest, squared

TRIM = 0.2  #: share of the rows, the strangest, that the measures do not learn from
NEIGHBOURS = 5
SHRINK = 0.05  #: share of the correlations that is shrunk towards none
BINS, FEATURES = 8, 600  #: steps of an additive effect; steps of all columns together
RIDGE = 5.0
REACH = 3.5  #: cells further out are taken for this far out, in deviations, when effects are learned
SURPRISE = 0.2  #: what a cell differs from its foretold value, in deviations, that always counts as little
WORST = 3  #: cells of a row that count
INNER = 0.5, 1 - TRIM  #: quantiles of a measure that stand for its middle and its spread
LEAST = 0.05  #: the least spread
BLOCK = 4_096  #: rows at a time
SPACES = "soft", "ranks"
COUNT = 3 * len(SPACES) + 1  #: measures


@dataclass(frozen=True)
class Space:
    """What the usual rows look like in one space.

    references: (rows, columns), whitened. root: (columns, columns) whitens. cuts: each column's steps. effects:
    (steps of all columns, columns). base, middle, unit: (columns,) of what the effects leave.
    """

    centre: np.ndarray
    scale: np.ndarray
    root: np.ndarray
    references: np.ndarray
    cuts: list[np.ndarray]
    effects: np.ndarray
    base: np.ndarray
    middle: np.ndarray
    unit: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, kept: np.ndarray) -> Space:
        """Learn from the rows ``kept`` of x (rows, columns)."""
        columns, usual = x.shape[1], x[kept]
        centre, scale = usual.mean(0), usual.std(0)
        scale = np.where(scale > 1e-9, scale, 1.0)
        root = _whitening((usual - centre) / scale)
        references = (((x - centre) / scale) @ root).astype(np.float32)
        bins = min(BINS, FEATURES // columns)
        levels = np.arange(1, bins) / bins if bins > 2 else np.zeros(0)
        cuts = [np.unique(edges) for edges in np.quantile(x, levels, axis=0).T]
        effects, base = _additive(_steps(usual, cuts), np.clip(usual, -REACH, REACH), cuts)
        left = x - _steps(x, cuts) @ effects - base
        middle = np.median(left, 0)
        unit = np.maximum(1.4826 * np.median(np.abs(left - middle), 0), 0.5 * left[kept].std(0))
        unit = np.maximum(unit, SURPRISE * scale)
        return cls(
            centre, scale, root, references, cuts, effects, base, middle, np.where(unit > 1e-9, unit, 1.0)
        )  # fmt: skip

    def measure(self, x: np.ndarray, twin: np.ndarray) -> list[np.ndarray]:
        """Three times (rows,) of x (rows, columns). twin: (rows,) bool, whether a row is one of those learned from."""
        white = (((x - self.centre) / self.scale) @ self.root).astype(np.float32)
        near = nearest(squared(white, self.references), NEIGHBOURS, twin)[0]
        left = (x - _steps(x, self.cuts) @ self.effects - self.base - self.middle) / self.unit
        most = min(WORST, x.shape[1])
        worst = np.partition(np.square(left), -most, axis=1)[:, -most:]
        return [np.square(white, dtype=np.float64).sum(1), near.mean(1), worst.sum(1)]


@dataclass(frozen=True)
class Measures:
    """The seven, learned from rows. inner: (measures, 2) middle and spread of each, in logs, of those rows."""

    known: dict[str, dict[str, np.ndarray]]
    each: dict[str, Space]
    ordered: np.ndarray
    inner: np.ndarray

    @classmethod
    def fit(cls, z: np.ndarray, rng: np.random.Generator) -> tuple[Measures, np.ndarray]:
        """Learn from rows z (rows, columns), and what they are told of these rows; see :meth:`measure`."""
        known = spaces.fit(z, rng, every=False)
        rows = spaces.apply(known, z)
        kept = usual(rows)
        each = {name: Space.fit(rows[name].astype(np.float64), kept) for name in SPACES}
        plain = cls(known, each, margins.fit(z), np.tile([0.0, 1.0], (COUNT, 1)))
        raw = plain._logs(z, rows, np.ones(len(z), bool))
        low, high = np.quantile(raw, INNER, axis=1)
        measures = cls(known, each, plain.ordered, np.column_stack([low, np.maximum(high - low, LEAST)]))
        return measures, np.stack([raw, measures._beside(raw)])

    def measure(self, z: np.ndarray, twin: np.ndarray) -> np.ndarray:
        """(2, measures, rows) logs, higher = stranger: as they are, and beside the middle of those learned from.

        twin: (rows,) bool, whether a row is one of those learned from.
        """
        found = []
        for start in range(0, len(z), BLOCK):
            part = slice(start, start + BLOCK)
            found.append(self._logs(z[part], spaces.apply(self.known, z[part]), twin[part]))
        raw = np.concatenate(found, axis=1)
        return np.stack([raw, self._beside(raw)])

    def _logs(self, z: np.ndarray, rows: dict[str, np.ndarray], twin: np.ndarray) -> np.ndarray:
        """(measures, rows) of rows z, given in all spaces, too."""
        own = [m for name in SPACES for m in self.each[name].measure(rows[name].astype(np.float64), twin)]
        return np.asarray(np.log(np.stack([*own, margins.score(self.ordered, z)]) + 1e-12))

    def _beside(self, raw: np.ndarray) -> np.ndarray:
        return (raw - self.inner[:, :1]) / self.inner[:, 1:]


def usual(rows: dict[str, np.ndarray], trim: float = TRIM) -> np.ndarray:
    """Places of the rows {space: (rows, columns)} without the strangest share ``trim``.

    By the ranks of three, together: the furthest cell, the distance from the middle in a space without correlations,
    and there the distance to a few neighbours.
    """
    soft, white = rows["soft"], rows["white"]
    near = nearest(squared(white, white), NEIGHBOURS, np.ones(len(white), bool))[0][:, -1]
    measures = np.abs(soft).max(1), (white**2).sum(1), near
    count = len(soft)
    surprise = -sum(np.log(count - np.argsort(np.argsort(m, kind="stable"), kind="stable")) for m in measures)
    return np.sort(np.argsort(surprise, kind="stable")[: int((1 - trim) * count)])


def _whitening(rows: np.ndarray) -> np.ndarray:
    """(columns, columns) inverse root of the correlations of standardised rows (rows, columns), shrunk towards none."""
    count, columns = rows.shape
    if count < columns:
        _, roots, directions = np.linalg.svd(rows, full_matrices=False)
        values, vectors = roots**2 / count, directions.T
    else:
        values, vectors = np.linalg.eigh(rows.T @ rows / count)
    rest = SHRINK**-0.5  # of directions that the rows do not have
    gain = ((1 - SHRINK) * np.maximum(values, 0) + SHRINK) ** -0.5
    found: np.ndarray = rest * np.eye(columns) + (vectors * (gain - rest)) @ vectors.T
    return found


def _steps(x: np.ndarray, cuts: list[np.ndarray]) -> np.ndarray:
    """(rows, steps of all columns): each column's value, and which of its steps it lies in as columns of 0 and 1."""
    made = np.zeros((len(x), x.shape[1] + sum(map(len, cuts))))
    at = 0
    for column, own in zip(x.T, cuts):
        made[:, at] = np.clip(column, -REACH, REACH)
        if len(own):
            cell = np.searchsorted(own, column, "left")
            inside = np.flatnonzero(cell)
            made[inside, at + cell[inside]] = 1
        at += 1 + len(own)
    return made


def _additive(steps: np.ndarray, target: np.ndarray, cuts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """effects (steps, columns) and base (columns,): ridge regressions of each column on the steps of all others.

    One inverse serves all: leaving a block of features out of a regression is a correction of the block's size.
    """
    owner = np.repeat(np.arange(len(cuts)), [1 + len(own) for own in cuts])
    level, mean = steps.mean(0), target.mean(0)
    inner = steps - level
    moment = inner.T @ (target - mean)
    moment[owner[:, None] == np.arange(len(cuts))] = 0
    if len(inner) < len(owner):  # the same by way of the rows (Woodbury), of which there are fewer
        half = np.linalg.solve(inner @ inner.T + RIDGE * np.eye(len(inner)), inner)
        inverse = (np.eye(len(owner)) - inner.T @ half) / RIDGE
        effects = (moment - inner.T @ (half @ moment)) / RIDGE
    else:
        inverse = np.linalg.inv(inner.T @ inner + RIDGE * np.eye(len(owner)))
        effects = inverse @ moment
    for j in range(len(cuts)):
        own = np.flatnonzero(owner == j)
        effects[:, j] -= inverse[:, own] @ np.linalg.solve(inverse[np.ix_(own, own)], effects[own, j])
        effects[own, j] = 0
    return effects, mean - level @ effects
