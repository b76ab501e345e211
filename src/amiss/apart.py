"""Cells so far from all others of their column that they are evidence by themselves.

Distances from a column's median, on either side, fall off as a power at most (Pareto). Of such tails the logs of the
ordered distances have independent exponential gaps, the i-th times i (Rényi, 1953), whose mean is Hill's (1975) index
of the tail. So the gap below the j furthest cells is held against the mean gap of those that follow: few cells tell
little of it, so ``WORTH`` gaps of a tail as heavy as Student's with three degrees of freedom are added, which is a
Gamma prior and makes the p-value that of a Pareto's of the second kind. Tails lighter than a power's are taken for too
heavy, which costs power only; much heavier ones speak too often where rows are few. Where rows are many, all cells of
the column tell more (:mod:`amiss.shapes`): both p-values are asked, and share the level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from amiss.shapes import gap_p_values

LEVEL = 0.01  #: of the question whether any cell of a table stands apart
TAIL = 0.05  #: share of the cells whose gaps tell how heavy a tail is
LEAST = 5  #: of fewer gaps nothing is said
WORTH, SHAPE = 40.0, 1 / 3  #: gaps that are added, and their mean
BY_ALL = 1 / 3  #: of the level, for what all cells of the column say
STRANGE = 0.003  #: how likely it is that a tail is not of the shape of the other cells
FEW = 0.02  #: share of a column's cells that can stand apart, on either side
TIED = 0.03  #: share of the cells of a column beyond which one value is that of counts
ONE_DAY = 0.2  #: the same, of dates
ALIKE = 5  #: so many cells always may
TIMES = 3.0  #: as many times further out than all others they are, at least
STARK = 30.0  #: the same, in columns of ``TIED`` cells
CLEAR = 10.0  #: the same, where all other cells but a few are one value
RARE = 0.01  #: share of new rows that would have a number other than their column's one value


def apart(columns: Sequence[np.ndarray], dates: Sequence[np.ndarray] = ()) -> Iterator[np.ndarray]:
    """(rows,) of one column after the other: p-values of the question whether any cell of the table stands apart.

    columns, dates: (rows,) float, NaN = missing. 1 for cells that do not, at the level ``LEVEL``. Counts, which have
    tails of their own, must be ``STARK`` times as far out as all others; of dates many may be the same day.
    """
    for i, column in enumerate(both := [*columns, *dates]):
        found = np.ones(len(column))
        ordered = np.sort(column[np.isfinite(column)].astype(np.float64))
        often = max(ALIKE, int((TIED if i < len(columns) else ONE_DAY) * len(ordered)))
        tied = len(ordered) > often and bool((ordered[often:] == ordered[:-often]).any())
        for sign in (1, -1) if len(ordered) > often else ():
            distance = sign * (ordered[::sign] - np.median(ordered))
            furthest, p = _gaps(distance, STARK if tied else TIMES)
            p = np.minimum(p * 2 * len(both), 1)  # both sides of every column are asked
            for j in np.flatnonzero(p <= LEVEL):
                far = sign * (column - np.median(ordered)) >= furthest[j]
                found[far] = np.minimum(found[far], p[j])
        yield found


def _gaps(rising: np.ndarray, times: float) -> tuple[np.ndarray, np.ndarray]:
    """The furthest distances (groups + 1,), falling, and the p-value of the gap below each but the last (groups,): 1
    where they are not ``times`` as far as the next.

    rising: (cells,) distances of a column on one side of its middle, negative on the other. The p-values of the groups
    share the level, 1 / (j (j + 1)) for the j furthest cells.
    """
    count = max(LEAST, int(TAIL * len(rising)))
    furthest = rising[::-1][: count + 1]
    if len(furthest) <= count or furthest[-1] <= 0:
        return np.zeros(1), np.zeros(0)
    logs, place = np.log(furthest), np.arange(1, count + 1)
    gaps = np.cumsum(place * (logs[:-1] - logs[1:]))
    groups = max(1, min(int(FEW * len(rising)), count // 2))
    furthest, place, rest = furthest[: groups + 1], place[:groups], gaps[-1] - gaps[:groups]
    stark = furthest[:-1] >= times * furthest[1:]
    if not stark.any():
        return furthest, np.ones(groups)
    here = place * (logs[:groups] - logs[1 : groups + 1])
    tail = (1 + here / (rest + WORTH * SHAPE)) ** -(count - place + WORTH)
    whole = STRANGE * tail + (1 - STRANGE) * gap_p_values(rising, groups)
    p = np.minimum(tail / (1 - BY_ALL), whole / BY_ALL) * place * (place + 1)
    return furthest, np.where(stark, p, 1)


def odd(columns: list[np.ndarray], rows: int) -> np.ndarray:
    """(rows,) bool: rows with a number that is far from a column's one value, where nearly all rows have that value.

    Such rows must be so few that, by exchangeability, a new row is one of them in any of the columns with a chance of
    at most ``RARE``; and so far, in units of the value itself or of 1, that they are no flag that is seldom set.
    """
    found = np.zeros(rows, bool)
    for column in columns:
        middle = np.nanmedian(column)
        distance = np.nan_to_num(np.abs(column - middle))
        ordered = np.sort(distance[distance > 0])
        if 0 < len(ordered) * len(columns) <= RARE * rows:
            enough = np.concatenate([[TIMES * max(abs(middle), 1)], CLEAR * ordered[:-1]])
            far = ordered[ordered >= np.maximum(enough, enough[0])]
            if len(far):
                found |= distance >= far[0]
    return found
