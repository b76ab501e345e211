"""Series -> windows, and scores of windows -> scores per step.

A stretch is a part of the series, [start, stop), whose steps follow each other without a break; no window
crosses its borders. Window i of a stretch begins at step i and holds ``length`` steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from amiss.sampling import Data, Gather

PARTS = 32  #: numbers that describe one window
LEAST_PARTS = 8  #: of each channel, however many there are
AXES_ROWS = 5000  #: windows from which principal axes are taken

Stretch = tuple[int, int]


def moving_average(x: np.ndarray, length: int) -> np.ndarray:
    """Mean of x (time,) over ``length`` steps around each step; over fewer at the borders."""
    length = int(length)
    if length <= 1:
        return x
    sums = np.concatenate([[0], np.cumsum(x, dtype=float)])
    first = np.arange(len(x)) - length // 2
    low, high = np.maximum(first, 0), np.minimum(first + length, len(x))
    return (sums[high] - sums[low]) / (high - low)


def local_peak(x: np.ndarray, reach: int) -> np.ndarray:
    """(time,) largest of x (time,) within ``reach`` steps on both sides, by doubling the width that is looked over."""
    wanted, width = 2 * reach + 1, 1
    best = np.pad(np.asarray(x, float), reach, constant_values=-np.inf)
    while width < wanted:
        shift = min(width, wanted - width)
        best = np.maximum(best[:-shift], best[shift:])
        width += shift
    return best


def stretches_of(borders: Sequence[int], steps: int, least: int) -> list[Stretch]:
    """The stretches of a series of ``steps`` that is broken before each of ``borders``; those shorter than ``least``
    are joined to the one before, or to the next."""
    found: list[Stretch] = []
    for a, b in pairwise([0, *sorted({b for b in borders if 0 < b < steps}), steps]):
        if found and (b - a < least or found[-1][1] - found[-1][0] < least):
            found[-1] = (found[-1][0], b)
        else:
            found.append((a, b))
    return found


def blocks_of(steps: int, most: int) -> list[Stretch]:
    """As few blocks of about equal length as there can be, none longer than ``most``."""
    count = -(-steps // most)
    edges = np.linspace(0, steps, count + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def window_starts(stretches: Sequence[Stretch], length: int, stride: int) -> np.ndarray:
    """First steps of the windows that are looked at, (windows,), in order."""
    return np.concatenate([np.arange(0)] + [np.arange(a, b - length + 1, stride) for a, b in stretches])


def describe(z: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Windows of z (time, channels) -> (windows, numbers) float32: means of equal parts of each channel.

    Scaled so that distances between descriptions are about those between windows, per step.
    """
    per_channel = min(length, max(PARTS // z.shape[1], LEAST_PARTS))
    edges = np.linspace(0, length, per_channel + 1).round().astype(int)
    sums = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(z, 0, dtype=float)])
    width = np.diff(edges)
    f = np.empty((len(starts), per_channel, z.shape[1]), np.float32)
    for k in range(per_channel):
        f[:, k] = (sums[starts + edges[k + 1]] - sums[starts + edges[k]]) / width[k]
    f *= np.sqrt(width / length)[None, :, None].astype(np.float32)
    return f.reshape(len(starts), -1)


def condense(f: np.ndarray, references: int) -> np.ndarray:
    """(windows, at most PARTS): descriptions along the principal axes of the first ``references`` of them."""
    if f.shape[1] <= PARTS:
        return f
    rows = f[np.linspace(0, references - 1, min(references, AXES_ROWS)).astype(int)]
    _, axes = np.linalg.eigh(np.cov(rows.T))
    return f @ axes[:, -PARTS:].astype(np.float32)


def to_steps(
    profile: np.ndarray, starts: np.ndarray, length: int, stretches: Sequence[Stretch], steps: int
) -> np.ndarray:
    """Scores of windows (windows,) -> (steps,): a step's is the mean over all windows that cover it.

    Windows between those looked at are interpolated; steps that no window can say anything of, in stretches that are
    too short, are NaN.
    """
    out = np.full(steps, np.nan)
    for a, b in stretches:
        n = b - a
        if n < length:
            continue
        mine = (starts >= a) & (starts < b)
        every = np.interp(np.arange(n - length + 1), starts[mine] - a, profile[mine])
        before = length // 2  # a window's score stands at its middle; border windows count for the border
        centred = np.concatenate([np.full(before, every[0]), every, np.full(n - len(every) - before, every[-1])])
        out[a:b] = moving_average(centred, length)
    return out


def window_view(z: np.ndarray, length: int) -> np.ndarray:
    """All windows of z (time, channels), (windows, length, channels), as a view: no copy is made."""
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(z, length, axis=0), 2, 1)


def resampled(windows: np.ndarray, length: int) -> np.ndarray:
    """Windows (..., steps, channels) at ``length`` evenly spaced points, linearly between their steps; float32."""
    steps = windows.shape[-2]
    if steps == length:
        return np.ascontiguousarray(windows, np.float32)
    at = np.linspace(0, steps - 1, length)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, steps - 1)
    share = (at - low).astype(np.float32)[:, None]
    return (windows[..., low, :] * (1 - share) + windows[..., high, :] * share).astype(np.float32)


def gather_windows(length: int) -> Gather:
    """The gather of sequences: rows of ``data`` are windows (:func:`window_view`), a batch holds them resampled."""

    def gather(data: Data, index: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": resampled(data["x"][index], length)}

    return gather


class PairsInTime:
    """A sampler: half of a batch are windows drawn at random, the other half each a neighbour in time of one of them.

    reach: places in ``rows`` (in order of time) that a neighbour is away at most.
    """

    def __init__(self, reach: int, steps: int) -> None:
        self.reach, self.steps = reach, steps

    def __call__(
        self, rng: np.random.Generator, data: Data, rows: np.ndarray, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        anchor = rng.integers(0, len(rows), (self.steps, batch_size // 2))
        shift = rng.integers(1, self.reach + 1, anchor.shape) * rng.choice([-1, 1], anchor.shape)
        index = np.concatenate([anchor, np.clip(anchor + shift, 0, len(rows) - 1)], 1)
        return rows[index], np.ones(index.shape, np.float32)
