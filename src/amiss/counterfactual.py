"""The smallest change of the fewest columns that makes a row ordinary, within the values seen in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.attribution import Attribution, Score
from amiss.background import Background

TRIED = 48  #: cells of other rows that are tried for each column


@dataclass(frozen=True)
class Change:
    """What to change in one row.

    columns: places of the changed columns. sources: the background row each new cell is taken from.
    score: of the changed row, as the detector gives it. enough: whether that is ordinary.
    """

    columns: tuple[int, ...]
    sources: tuple[int, ...]
    score: float
    enough: bool


def change(
    row: np.ndarray,
    found: Attribution,
    at: int,
    score: Score,
    background: Background,
    blocks: list[np.ndarray],
    limit: float,
) -> Change | None:
    """The change for row ``at`` of an attribution, encoded as ``row`` (features,); None where it is ordinary already.

    The columns are those that were repaired, without the ones that turn out not to be needed. Each new cell is then
    moved back towards the old one as far as the row stays ordinary, so that the change is small.
    """
    if found.score[at] <= limit:
        return None
    columns = [int(j) for j in found.order[at] if j >= 0]
    if not columns:
        return None
    sources = {j: int(found.typical[at, j]) for j in columns}
    value = _scored(row, sources, score, background, blocks)
    if value > limit:
        return Change(tuple(sources), tuple(sources.values()), value, False)
    for j in reversed(columns[:-1]):  # an earlier column may have become needless by a later one
        fewer = {k: s for k, s in sources.items() if k != j}
        if fewer and _scored(row, fewer, score, background, blocks) <= limit:
            sources = fewer
    for j in sources:
        sources[j] = _closest(row, sources, j, score, background, blocks, limit)
    return Change(tuple(sources), tuple(sources.values()), _scored(row, sources, score, background, blocks), True)


def _scored(
    row: np.ndarray, sources: dict[int, int], score: Score, background: Background, blocks: list[np.ndarray]
) -> float:
    return float(score(_changed(row, sources, background, blocks)[None, :])[0])


def _changed(row: np.ndarray, sources: dict[int, int], background: Background, blocks: list[np.ndarray]) -> np.ndarray:
    changed = row.copy()
    for j, source in sources.items():
        changed[blocks[j]] = background.z[source, blocks[j]]
    return changed


def _closest(
    row: np.ndarray,
    sources: dict[int, int],
    column: int,
    score: Score,
    background: Background,
    blocks: list[np.ndarray],
    limit: float,
) -> int:
    """The background row whose cell is nearest the old one among those that leave the row ordinary."""
    cells = background.z[:, blocks[column]]
    _, first = np.unique(cells, axis=0, return_index=True)
    gap = ((cells[first] - row[blocks[column]]) ** 2).sum(1)
    mine = ((cells[sources[column]] - row[blocks[column]]) ** 2).sum()
    tried = first[np.argsort(gap, kind="stable")]
    tried = tried[np.sort(gap) < mine]
    if not len(tried):
        return sources[column]
    tried = tried[np.unique(np.linspace(0, len(tried) - 1, min(TRIED, len(tried))).astype(int))]
    rows = np.repeat(_changed(row, sources, background, blocks)[None, :], len(tried), axis=0)
    rows[:, blocks[column]] = cells[tried]
    fine = np.flatnonzero(score(rows) <= limit)
    return int(tried[fine[0]]) if len(fine) else sources[column]
