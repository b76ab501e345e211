"""Which channels make a step strange: where its window differs from the window elsewhere that is most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amiss.series.windows import Stretch, describe, window_starts

MOST_VALUES = 1 << 24  #: numbers that describe the windows to compare with, at a time
QUERIES = 256
CHANNELS = 3  #: named of an event or a row


def blame(
    z: np.ndarray, windows: Sequence[int], stretches: Sequence[Stretch], steps: np.ndarray, train: int | None = None
) -> np.ndarray:
    """(steps, channels) squared differences of z (time, channels) float32, at the places ``steps``, from the nearest
    separate window, summed over the window lengths. train: compare with the first so many steps alone."""
    total = np.zeros((len(steps), z.shape[1]))
    for length in windows:
        if len(z) < length:
            continue
        fewest = max(32 // z.shape[1], 8) * z.shape[1]
        starts = window_starts(stretches, length, max(1, -(-len(z) * fewest // MOST_VALUES)))
        if train is not None:
            starts = starts[starts <= train - length]
        if not len(starts):
            continue
        others = describe(z, starts, length)
        square = 0.5 * (others**2).sum(1)
        mine = np.clip(steps - length // 2, 0, len(z) - length)
        own = describe(z, mine, length)
        for i in range(0, len(mine), QUERIES):
            near = own[i : i + QUERIES] @ others.T - square[None]
            near[np.abs(starts[None] - mine[i : i + QUERIES, None]) < max(length // 2, 1)] = -np.inf
            best = np.argmax(near, 1)
            found = np.isfinite(near[np.arange(len(best)), best])
            gap = (others[best] - own[i : i + QUERIES]) ** 2
            total[i : i + QUERIES] += found[:, None] * gap.reshape(len(gap), -1, z.shape[1]).sum(1)
    return total


def blamed(share: np.ndarray, channels: tuple[str, ...]) -> str:
    """The channels that have most of it, in words."""
    places = [int(i) for i in np.argsort(-share, kind="stable")[:CHANNELS] if share[i] > 0.05]
    return ", ".join(f"{channels[i]} {share[i]:.0%}" for i in places)
