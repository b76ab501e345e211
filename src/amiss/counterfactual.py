"""The smallest change of the fewest columns that makes a row ordinary, within the values seen in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from amiss.attribution import Attribution
from amiss.background import Background

HALVINGS = 5  #: steps by which a new cell is moved back towards the old one
TAKEN = 10  #: columns, at most, that are taken from the nearest ordinary row where repairs were not enough

#: (places of rows, for each the background row that the new cell of each changed column is taken from) -> their scores
Rescore = Callable[[Sequence[int], Sequence[dict[int, int]]], np.ndarray]


@dataclass
class Change:
    """What to change in one row.

    sources: the background row that the new cell of each changed column is taken from. score: of the changed row, as
    the detector gives it. enough: whether that is ordinary.
    """

    sources: dict[int, int] = field(default_factory=dict)
    score: float = float("nan")
    enough: bool = False


def changes(
    z: np.ndarray,
    found: Attribution,
    rescore: Rescore,
    background: Background,
    blocks: list[np.ndarray],
    limit: float | np.ndarray,
) -> list[Change | None]:
    """The change for each row of z (rows, features), which ``found`` is of; None where the row is ordinary already.

    rescore: the score of changed rows, as if the person had changed their cells: no change is believed that it has not
    seen. limit: from which score downwards a row is ordinary; one for all, or (rows,).

    The columns are those that were repaired, or else those most to blame, with the cells of the nearest ordinary row;
    without the ones that turn out not to be needed. Each new cell is then moved back towards the old one as far as the
    row stays ordinary, so that the change is small. All rows take a step at a time, for a detector scores many rows at
    hardly more than the price of one.
    """
    return _Search(z, found, rescore, background, blocks, limit).run()


class _Search:
    def __init__(
        self, z: np.ndarray, found: Attribution, rescore: Rescore, background: Background, blocks: list[np.ndarray],
        limit: float | np.ndarray,
    ) -> None:  # fmt: skip
        self.z, self.rescore, self.background, self.blocks = z, rescore, background, blocks
        self.limit = np.broadcast_to(limit, len(z))
        self.changes: list[Change | None] = [self.first(found, i) for i in range(len(z))]
        open_ = {i: change for i, change in enumerate(self.changes) if change is not None}
        self.try_({i: change.sources for i, change in open_.items() if change.score <= self.limit[i]})
        self.try_({i: self.second(found, i) for i in open_ if not self.enough(i)})

    def first(self, found: Attribution, i: int) -> Change | None:
        """All repaired columns, as they were repaired."""
        columns = [int(j) for j in found.order[i] if j >= 0]
        if found.score[i] <= self.limit[i] or not columns:
            return None
        return Change({j: int(found.typical[i, j]) for j in columns}, float(found.left[i, -1]))

    def enough(self, i: int) -> bool:
        change = self.changes[i]
        return change is not None and change.enough

    def second(self, found: Attribution, i: int) -> dict[int, int]:
        """The columns most to blame, as they are in the nearest ordinary row; none where there is no such row."""
        ordinary = np.flatnonzero(self.background.score <= self.limit[i])
        if not len(ordinary):
            return {}
        nearest = int(ordinary[np.argmin(((self.background.z[ordinary] - self.z[i]) ** 2).sum(1))])
        return dict.fromkeys(np.argsort(-found.effect[i], kind="stable")[:TAKEN].tolist(), nearest)

    def run(self) -> list[Change | None]:
        columns = {i: list(c.sources) for i, c in enumerate(self.changes) if c is not None and c.enough}
        deepest = max(map(len, columns.values()), default=0)
        for place in range(deepest - 1, -1, -1):  # a column may be needless by another that came with it or later
            rows = [i for i, names in columns.items() if len(names) > place and len(self.sources(i)) > 1]
            self.try_({i: {j: s for j, s in self.sources(i).items() if j != columns[i][place]} for i in rows})
        for place in range(deepest):
            rows = [i for i, names in columns.items() if len(names) > place and names[place] in self.sources(i)]
            self.shrink({i: columns[i][place] for i in rows})
        return self.changes

    def try_(self, sources: dict[int, dict[int, int]]) -> set[int]:
        """Take over the sources of those rows that they make ordinary, and say which."""
        if not sources:
            return set()
        taken = set()
        for (i, new), value in zip(sources.items(), self.rescore(list(sources), list(sources.values()))):
            if value <= self.limit[i]:
                self.changes[i] = Change(new, float(value), True)
                taken.add(i)
        return taken

    def shrink(self, columns: dict[int, int]) -> None:
        """Move one new cell of each row towards the old one, by halving among the cells of other rows."""
        closer, low, high = {}, {}, {}
        for i, j in columns.items():
            cells, old = self.background.z[:, self.blocks[j]], self.z[i, self.blocks[j]]
            _, first = np.unique(cells, axis=0, return_index=True)
            gap = ((cells[first] - old) ** 2).sum(1)
            mine = gap[np.flatnonzero((cells[first] == cells[self.sources(i)[j]]).all(1))[0]]
            order = np.argsort(gap, kind="stable")
            closer[i] = first[order[gap[order] < mine]]
            low[i], high[i] = 0, len(closer[i])
        for _ in range(HALVINGS):
            tried = {i: (low[i] + high[i]) // 2 for i in columns if low[i] < high[i]}
            taken = self.try_({i: self.sources(i) | {columns[i]: int(closer[i][at])} for i, at in tried.items()})
            for i, at in tried.items():
                low[i], high[i] = (low[i], at) if i in taken else (at + 1, high[i])

    def sources(self, i: int) -> dict[int, int]:
        change = self.changes[i]
        assert change is not None
        return change.sources
