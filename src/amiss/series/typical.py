"""What is typical at a step: what stands between surroundings like its own, elsewhere in the series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amiss.series.windows import Stretch, describe

AROUND, LONGEST = 32, 256  #: steps on each side that are compared, where there is no period; and at most
NEIGHBOURS = 8
MOST_REFERENCES, QUERIES = 4096, 512
VALUES = 1 << 24  #: values of neighbours that are held at a time


def typical(z: np.ndarray, stretches: Sequence[Stretch], period: int, train: int) -> np.ndarray:
    """(time, channels) float32: median of what the nearest other places have, in units of z (time, channels).

    The series is cut into pieces; each is looked up by what stands before and after it, never by its own values, among
    at most 4,096 places of the series that do not overlap with it; the first and last pieces by one side. The
    neighbours' values are taken as they are, or moved to the level of the surroundings: by channel, whichever was
    nearer on the first ``train`` steps.
    """
    around = int(np.clip(period or AROUND, 8, LONGEST))
    piece = max(around // 4, 1)
    plain = np.broadcast_to(np.median(z, 0), z.shape).astype(np.float32)
    if len(z) < 4 * around:
        return plain
    moved = plain.copy()
    last = len(z) - piece
    middle = np.append(np.arange(around, last - around, piece), last - around)
    _look_up(plain, moved, z, stretches, middle, [-around, piece], around, piece)
    head = np.append(np.arange(0, around - piece, piece), around - piece)
    for places, side in ((head, piece), (last - head[::-1], -around)):
        found = np.arange(max(-side, 0), len(z) - max(side, 0) - around, piece)
        _look_up(plain, moved, z, stretches, places, [side], around, piece, found)
    gaps = [np.median(np.abs(z[:train] - one[:train]), 0) for one in (plain, moved)]
    return np.where((gaps[0] <= gaps[1])[None], plain, moved)


def _look_up(
    plain: np.ndarray, moved: np.ndarray, z: np.ndarray, stretches: Sequence[Stretch], places: np.ndarray,
    sides: list[int], around: int, piece: int, among: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Fill the pieces of both arrays (time, channels) that begin at ``places``. sides: where the surroundings begin, in
    steps from a piece's beginning. among: where neighbours may begin; None: at the places themselves."""
    among = places if among is None else among
    reach = among[:, None] + np.array([min(0, *sides), max(piece, *(s + around for s in sides)) - 1])
    ends = np.array([b for _, b in stretches])
    whole = np.searchsorted(ends, reach[:, 0], "right") == np.searchsorted(ends, reach[:, 1], "right")
    among = among[whole] if whole.sum() > NEIGHBOURS else among
    among = among[np.linspace(0, len(among) - 1, min(len(among), MOST_REFERENCES)).astype(int)]
    own, their = (np.concatenate([describe(z, at + s, around) for s in sides], 1) for at in (places, among))
    mine_level, level = (_level(z, at, sides, around) for at in (places, among))
    square, k, steps = -0.5 * (their**2).sum(1), min(NEIGHBOURS, len(among)), np.arange(piece)
    at_once = max(1, min(QUERIES, VALUES // (k * piece * z.shape[1])))
    for i in range(0, len(places), at_once):
        mine = places[i : i + at_once]
        near = own[i : i + at_once] @ their.T + square[None]
        near[np.abs(mine[:, None] - among[None]) < around + piece] = -np.inf
        best = np.argpartition(-near, k - 1, axis=1)[:, :k]
        values = z[among[best][..., None] + steps]  # (places, k, piece, channels)
        shift = mine_level[i : i + at_once, None] - level[best]
        plain[mine[:, None] + steps] = np.median(values, 1)
        moved[mine[:, None] + steps] = np.median(values + shift[:, :, None], 1)


def _level(z: np.ndarray, places: np.ndarray, sides: list[int], around: int) -> np.ndarray:
    """(places, channels) float32 means of the surroundings."""
    sums = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(z, 0, dtype=float)])
    return (sum(sums[places + s + around] - sums[places + s] for s in sides) / (around * len(sides))).astype(np.float32)
