"""How much of a row's score each of its columns is to blame for: whatever the detector, by asking it again.

A column's cell is replaced by what is typical given the rest of the row, and the fall of the score is what the cell
was worth (removal). The cell is put into the nearest ordinary row, and the rise is what it is worth alone (insertion).
Their mean is the average over the first and the last place in the order of columns, the two ends that the Shapley
value averages over (Shapley, 1953); it needs two evaluations a column instead of thousands. Where two columns are
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
WIDE = 8  #: columns that are asked again from the third step on
CELLS_AT_ONCE = 4_000_000  #: size of the matrices that are scored at once

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
    z: np.ndarray, score: Score, background: Background, blocks: list[np.ndarray], limit: float
) -> Attribution:
    """Blame for the rows z (rows, features).

    score: (n, features) -> (n,), higher = more anomalous. limit: from which score downwards a row is ordinary.
    """
    size = max(1, CELLS_AT_ONCE // max(1, len(blocks) * max(z.shape[1], len(background))))
    size = min(size, 128)
    found = [_Chunk(z[i : i + size], score, background, blocks, limit).run() for i in range(0, len(z), size)]
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
        self, z: np.ndarray, score: Score, background: Background, blocks: list[np.ndarray], limit: float
    ) -> None:
        self.z, self.score, self.background, self.blocks, self.limit = z, score, background, blocks, limit
        self.distances = column_distances(z, background.z, blocks)

    def run(self) -> Attribution:
        z, rows = self.z, np.arange(len(self.z))
        before = self.score(z)
        near, typical = self.typical(self.distances)
        removal = before[:, None] - self.repaired(z, typical, np.ones((len(z), len(self.blocks)), bool))
        effect = 0.5 * (removal + self.insertion())
        order, left = np.full((len(z), STEPS), -1), np.tile(before[:, None], (1, STEPS)).astype(float)
        current, distances = z.copy(), self.distances.copy()
        gain, open_ = effect.copy(), np.ones(effect.shape, bool)
        going = before > self.limit
        now = before.copy()
        for step in range(min(STEPS, len(self.blocks))):
            if not going.any():
                break
            if step:
                candidates = open_ & going[:, None]
                if step > 1:
                    candidates &= _best(np.where(open_, effect, -np.inf), WIDE)
                near_now, typical_now = self.typical(distances)
                after = self.repaired(current, typical_now, candidates)
                gain = np.where(candidates, now[:, None] - after, -np.inf)
                typical = np.where(open_, typical_now, typical)
                near = np.where(open_[:, :, None], near_now, near)
            pick = np.argmax(np.where(open_, gain, -np.inf), axis=1)
            going &= gain[rows, pick] > 0
            self.repair(current, distances, pick, typical, going)
            open_[rows[going], pick[going]] = False
            order[going, step] = pick[going]
            now = np.where(going, self.score(current), now)
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
        count = min(NEAR, len(self.background))
        total = distances.sum(-1)
        near = np.empty((*distances.shape[::2], count), int)
        middle = np.empty(distances.shape[::2], int)
        for j, features in enumerate(self.blocks):
            rest = total - distances[:, :, j]
            found = np.argpartition(rest, count - 1, axis=1)[:, :count]
            values = self.background.z[found][:, :, features]
            off = ((values - np.median(values, axis=1, keepdims=True)) ** 2).sum(-1)
            near[:, j], middle[:, j] = found, found[np.arange(len(found)), np.argmin(off, axis=1)]
        return near, middle

    def repaired(self, z: np.ndarray, typical: np.ndarray, which: np.ndarray) -> np.ndarray:
        """(rows, columns) score of each row with one column made typical, where ``which`` asks; infinite elsewhere."""
        row, column = np.nonzero(which)
        changed = z[row]
        for j, features in enumerate(self.blocks):
            at = np.flatnonzero(column == j)
            changed[at[:, None], features] = self.background.z[typical[row[at], j][:, None], features]
        found = np.full(which.shape, np.inf)
        found[row, column] = self.score(changed) if len(changed) else 0
        return found

    def insertion(self) -> np.ndarray:
        """(rows, columns) rise of the nearest ordinary row's score with the row's own cell put in."""
        nearest = np.argmin(self.distances.sum(-1), axis=1)
        columns = len(self.blocks)
        changed = np.repeat(self.background.z[nearest], columns, axis=0)
        for j, features in enumerate(self.blocks):
            changed[j::columns, features] = self.z[:, features]
        scores = self.score(changed).reshape(len(self.z), columns)
        return scores - self.background.score[nearest][:, None]

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
