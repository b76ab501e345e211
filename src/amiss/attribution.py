"""How much of a row's score each of its columns is to blame for: whatever the detector, by asking it again.

A column's cell is replaced by what is typical given the rest of the row, and the fall of the score is what the cell
was worth (removal). The cell is put into the nearest ordinary row, and the rise is what it is worth alone (insertion).
Their mean is the average over the first and the last place in the order of columns, the two ends that the Shapley
value averages over (Shapley, 1953); it needs two evaluations a column instead of thousands, and only columns whose
cells are far from the typical ones, measured by how much rows like this one vary, are asked about. Where two are
strange together or hide each other, the blame is followed greedily: the worst column is repaired, then the others are
asked again, given the repaired row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from amiss.background import Background, column_distances

NEAR = 15  #: ordinary rows that say what is typical
STEPS = 4  #: columns that are repaired at most
ASKED = 10  #: columns that the detector is asked about: those whose cells lie furthest from what is typical
AGAIN = 5  #: of these, columns that are asked again after a repair
CELLS_AT_ONCE = 16_000_000  #: size of the matrices that are scored at once

Score = Callable[[np.ndarray], np.ndarray]


@dataclass
class Attribution:
    """Of (rows,) rows and (columns,) learned columns.

    score: (rows,). effect: (rows, columns) score that a column is worth; sums to about the score's excess.
    share: (rows, columns) of the positive effects, summing to 1, or 0 where nothing is to blame.
    near: (rows, columns, NEAR) background rows that resemble the row, the column and the other blamed ones left out.
    typical: (rows, columns) the background row whose cell stands for the typical one.
    order: (rows, STEPS) columns in the order in which they were repaired, -1 = no more. left: (rows, STEPS) score
    after each repair. alike: (rows, 3) most similar background rows.
    """

    score: np.ndarray
    effect: np.ndarray
    share: np.ndarray
    near: np.ndarray
    typical: np.ndarray
    order: np.ndarray
    left: np.ndarray
    alike: np.ndarray


def blocks_of(columns_of_features: np.ndarray, columns: int) -> list[np.ndarray]:
    """The features of each column."""
    return [np.flatnonzero(columns_of_features == j) for j in range(columns)]


def attribute(
    z: np.ndarray, score: Score, background: Background, blocks: list[np.ndarray], limit: float | np.ndarray
) -> Attribution:
    """Blame for the rows z (rows, features).

    score: (n, features) -> (n,), higher = more anomalous. limit: from which score downwards a row is ordinary; one
    for all, or (n,).
    """
    size = max(1, CELLS_AT_ONCE // max(1, len(blocks) * max(z.shape[1], len(background))))
    size = min(size, 1024)
    limits = np.broadcast_to(limit, len(z))
    parts = [slice(i, i + size) for i in range(0, len(z), size)]
    found = [_Chunk(z[part], score, background, blocks, limits[part]).run() for part in parts]
    names = Attribution.__dataclass_fields__
    if not found:
        found = [_empty(len(blocks))]
    return Attribution(**{name: np.concatenate([getattr(part, name) for part in found]) for name in names})


def _empty(columns: int) -> Attribution:
    flat, wide = np.zeros((0, columns)), np.zeros((0, columns), int)
    return Attribution(
        np.zeros(0), flat, flat, np.zeros((0, columns, 0), int), wide, np.zeros((0, STEPS), int), np.zeros((0, STEPS)),
        np.zeros((0, 3), int),
    )  # fmt: skip


class _Chunk:
    """Some rows, explained together."""

    def __init__(
        self, z: np.ndarray, score: Score, background: Background, blocks: list[np.ndarray], limit: np.ndarray
    ) -> None:
        self.z, self.score, self.background, self.blocks, self.limit = z, score, background, blocks, limit
        self.distances = column_distances(z, background.z, blocks)

    def run(self) -> Attribution:
        z, rows = self.z, np.arange(len(self.z))
        before = self.score(z)
        near, typical = self.typical(self.distances)
        asked = _best(self.oddity(near, typical), ASKED)
        removal = before[:, None] - self.repaired(z, typical, asked, before)
        effect = np.where(asked, 0.5 * (removal + self.insertion(asked)), 0.0)
        order, left = np.full((len(z), STEPS), -1), np.tile(before[:, None], (1, STEPS)).astype(float)
        current, distances = z.copy(), self.distances.copy()
        gain, open_ = effect.copy(), np.ones(effect.shape, bool)
        going = before > self.limit
        now = before.copy()
        for step in range(min(STEPS, len(self.blocks))):
            if not going.any():
                break
            if step:
                candidates = asked & open_ & going[:, None] & _best(np.where(asked & open_, effect, -np.inf), AGAIN)
                self.update(distances, near, typical, candidates)
                after = self.repaired(current, typical, candidates, now)
                gain = np.where(candidates, now[:, None] - after, -np.inf)
            pick = np.argmax(np.where(open_, gain, -np.inf), axis=1)
            going &= gain[rows, pick] > 0
            self.repair(current, distances, pick, typical, going)
            open_[rows[going], pick[going]] = False
            order[going, step] = pick[going]
            now[going] = self.score(current[going]) if going.any() else now[going]
            if step:
                effect[rows[going], pick[going]] = np.maximum(
                    effect[rows[going], pick[going]], 0.5 * gain[rows[going], pick[going]]
                )
            left[:, step:] = now[:, None]
            going = going & (now > self.limit)
        positive = np.maximum(effect, 0)
        total = positive.sum(1, keepdims=True)
        share = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
        return Attribution(before, effect, share, near, typical, order, left, self.alike())

    def typical(self, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns, NEAR) rows nearest without the column, and (rows, columns) the one in their middle."""
        near = np.empty((*distances.shape[::2], min(NEAR, len(self.background))), int)
        middle = np.empty(distances.shape[::2], int)
        self.update(distances, near, middle, np.ones(middle.shape, bool))
        return near, middle

    def update(self, distances: np.ndarray, near: np.ndarray, middle: np.ndarray, which: np.ndarray) -> None:
        """Find :meth:`typical` anew for the rows and columns that ``which`` asks for, in place."""
        total, count = distances.sum(-1), near.shape[2]
        for j, features in enumerate(self.blocks):
            rows = np.flatnonzero(which[:, j])
            if not len(rows):
                continue
            rest = total[rows] - distances[rows, :, j]
            found = np.argpartition(rest, count - 1, axis=1)[:, :count]
            values = self.background.z[found][:, :, features]
            off = ((values - np.median(values, axis=1, keepdims=True)) ** 2).sum(-1)
            near[rows, j], middle[rows, j] = found, found[np.arange(len(found)), np.argmin(off, axis=1)]

    def oddity(self, near: np.ndarray, typical: np.ndarray) -> np.ndarray:
        """(rows, columns) distance of the row's cell from the typical one, in spreads of the rows like it."""
        found = np.empty(typical.shape)
        for j, features in enumerate(self.blocks):
            middle = self.background.z[typical[:, j]][:, features]
            spread = np.abs(self.background.z[near[:, j]][:, :, features] - middle[:, None]).sum(-1).mean(1)
            found[:, j] = np.abs(self.z[:, features] - middle).sum(1) / (spread + 0.1)
        return found

    def repaired(self, z: np.ndarray, typical: np.ndarray, which: np.ndarray, before: np.ndarray) -> np.ndarray:
        """(rows, columns) score of each row with one column made typical where ``which`` asks, else ``before``."""
        row, column = np.nonzero(which)
        changed = z[row]
        for j, features in enumerate(self.blocks):
            at = np.flatnonzero(column == j)
            changed[at[:, None], features] = self.background.z[typical[row[at], j][:, None], features]
        found = np.repeat(before[:, None], which.shape[1], axis=1)
        if len(changed):
            found[row, column] = self.score(changed)
        return found

    def insertion(self, which: np.ndarray) -> np.ndarray:
        """(rows, columns) rise of the nearest ordinary row's score with the row's own cell put in."""
        nearest = np.argmin(self.distances.sum(-1), axis=1)
        row, column = np.nonzero(which)
        changed = self.background.z[nearest[row]]
        for j, features in enumerate(self.blocks):
            at = np.flatnonzero(column == j)
            changed[at[:, None], features] = self.z[row[at][:, None], features]
        found = np.zeros(which.shape)
        if len(changed):
            found[row, column] = self.score(changed) - self.background.score[nearest[row]]
        return found

    def repair(
        self, current: np.ndarray, distances: np.ndarray, pick: np.ndarray, typical: np.ndarray, going: np.ndarray
    ) -> None:
        """Make one column of each going row typical, and its distances those of the new cell."""
        for i in np.flatnonzero(going):
            features = self.blocks[pick[i]]
            current[i, features] = self.background.z[typical[i, pick[i]], features]
            new = column_distances(current[i : i + 1], self.background.z, [features])
            distances[i, :, pick[i]] = new[0, :, 0]

    def alike(self) -> np.ndarray:
        """(rows, 3) nearest ordinary rows."""
        return np.argsort(self.distances.sum(-1), axis=1, kind="stable")[:, :3]


def _best(value: np.ndarray, count: int) -> np.ndarray:
    """(rows, columns) bool: the ``count`` largest of each row."""
    if value.shape[1] <= count:
        return np.ones(value.shape, bool)
    edge = np.partition(value, -count, axis=1)[:, -count]
    return value >= edge[:, None]
