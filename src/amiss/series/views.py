"""The views of a series: what each window length and method says, a number per step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amiss.series.neighbours import mahalanobis, nearest_apart
from amiss.series.windows import Stretch, condense, describe, to_steps, window_starts

SCALES = (8, 32, 64, 128)  #: window lengths in steps, beside the period and its double
SHORTEST, LONGEST = 4, 600
PAIRS = 1.5e8  #: pairs of windows compared at one length; beyond, windows are taken at a stride
NEIGHBOUR = 5  #: the k-th nearest, beside the nearest
LEARNED_NEAR = 64  #: the learned view has the window length nearest to this


@dataclass(frozen=True)
class Frame:
    """How a series is looked at.

    windows: lengths. train: steps at the beginning that are the training part. stretches: parts without a break.
    prefix: compare with the training part alone, not with the whole series.
    """

    windows: tuple[int, ...]
    train: int
    stretches: tuple[Stretch, ...]
    prefix: bool = False

    @property
    def learned(self) -> int:
        """Length of the windows that the learned view embeds."""
        return learned_length(self.windows)


def learned_length(windows: Sequence[int]) -> int:
    return min(windows, key=lambda length: abs(length - LEARNED_NEAR))


def window_lengths(period: int, steps: int) -> tuple[int, ...]:
    """Lengths for a training part of ``steps``: none is longer than a third of it."""
    longest = max(min(LONGEST, steps // 3), SHORTEST)
    wanted = SCALES + ((period, 2 * period) if period else ())
    return tuple(sorted({max(SHORTEST, min(length, longest)) for length in wanted}))


def stride_of(steps: int, length: int, frame: Frame) -> int:
    """Steps between windows, so that no more than PAIRS of them are compared."""
    count = max(steps - length + 1, 1)
    share = max(frame.train - length + 1, 1) / count if frame.prefix else 1.0
    return max(1, int(np.ceil(np.sqrt(count * count * share / PAIRS))))


def views(z: np.ndarray, frame: Frame, embed: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """(time,) scores by view of z (time, channels) float32; NaN where a view has nothing to say.

    embed: weights of :mod:`amiss.series.patches`, for the learned view.
    """
    steps, found = len(z), {}
    for length in frame.windows:
        stride = stride_of(steps, length, frame)
        starts = window_starts(frame.stretches, length, stride)
        if not len(starts):
            continue
        references = int((starts <= frame.train - length).sum()) if frame.prefix else len(starts)
        apart, block = max(length // 2 // stride, 1), max(1, length // stride // 2)
        f = condense(describe(z, starts, length), max(references, 1))
        near, kth = nearest_apart(f, max(references, 1), apart, NEIGHBOUR, block)
        profiles = {"near": near, "kth": kth, "maha": mahalanobis(f, max(references, 2))}
        if embed is not None and length == frame.learned:
            from amiss.series.patches import embeddings

            e = embeddings(embed, z, starts, length)
            profiles["net"], _ = nearest_apart(e, max(references, 1), apart, 1, block)
        for name, profile in profiles.items():
            found[f"{name}{length}"] = to_steps(profile, starts, length, frame.stretches, steps)
    return found
