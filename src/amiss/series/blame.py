"""Which channels make a step strange: where its window differs from the window elsewhere that is most like it."""

from __future__ import annotations

import numpy as np

from amiss.series.views import Frame, stride_of
from amiss.series.windows import describe, window_starts

MOST_VALUES = 1 << 24  #: numbers that describe the windows to compare with, at a time


def blame(z: np.ndarray, frame: Frame, steps: np.ndarray) -> np.ndarray:
    """(steps, channels) shares, each row summing to 1, of z (time, channels) float32, at the places ``steps``.

    Squared differences by channel from the nearest separate window, summed over the window lengths. A row of zeros:
    there is nothing to compare with.
    """
    total = np.zeros((len(steps), z.shape[1]))
    for length in frame.windows:
        stride = stride_of(len(z), length, frame)
        fewest = max(32 // z.shape[1], 8) * z.shape[1]
        stride = max(stride, -(-len(z) * fewest // MOST_VALUES))
        starts = window_starts(frame.stretches, length, stride)
        if frame.prefix:
            starts = starts[starts <= frame.train - length]
        mine = np.clip(steps - length // 2, 0, len(z) - length)
        if not len(starts) or len(z) < length:
            continue
        others = describe(z, starts, length)
        for i, (start, own) in enumerate(zip(mine, describe(z, mine, length))):
            gap = (others - own) ** 2
            square = gap.sum(1)
            square[np.abs(starts - start) < max(length // 2, 1)] = np.inf
            best = int(np.argmin(square))
            if np.isfinite(square[best]):
                total[i] += gap[best].reshape(-1, z.shape[1]).sum(0)
    whole = total.sum(1, keepdims=True)
    return np.divide(total, whole, out=np.zeros_like(total), where=whole > 0)
