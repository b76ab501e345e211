"""A series as people have it -> (time, channels) float64 without gaps, and notes on what was done to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.errors import TableError

LEAST_STEPS = 16  #: to learn from
MOST_CHANNELS = 64  #: beyond it, principal axes of the channels stand for them
BESIDE = 2  #: of these, what the axes leave and the largest value
AXES_ROWS = 20_000  #: steps from which those axes are taken
LISTED = 12  #: names of channels in a note


def as_series(series: Any, what: str = "the series") -> np.ndarray:
    """(time, channels) float64 of an array of one or two dimensions. Raises TableError for anything else."""
    try:
        x = np.asarray(series, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TableError(
            f"{what} holds other things than numbers", required="numbers, (time,) or (time, channels)",
            found=str(error)[:200], hint="choose the numeric columns; a text column is no channel",
        ) from error  # fmt: skip
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2 or 0 in x.shape:
        raise TableError(f"{what} has the wrong shape", required="(time,) or (time, channels)", found=f"{x.shape}")
    return x


def missing(x: np.ndarray) -> np.ndarray:
    """(time, channels) bool: NaN or infinite."""
    return ~np.isfinite(x)


def filled(x: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """x (time, channels) with straight lines over missing values, the nearest value at the ends, 0 where a channel
    has none. before: (channels,) values that came before the first step."""
    gone = missing(x)
    if not gone.any():
        return x
    x, step = x.copy(), np.arange(len(x))
    for channel in np.flatnonzero(gone.any(0)):
        known = ~gone[:, channel]
        if known.any():
            x[~known, channel] = np.interp(step[~known], step[known], x[known, channel])
        else:
            x[:, channel] = 0.0 if before is None else before[channel]
    return x


def notes_on(x: np.ndarray, names: list[str] | None = None) -> list[str]:
    """What a person should know of the channels that are learned from."""
    gone = missing(x)
    names = names or [f"channel {i + 1}" for i in range(x.shape[1])]
    notes = []
    if gone.all():
        raise TableError("the series holds no value at all", required="numbers", found="missing values only")
    empty = gone.all(0)
    some = int(gone[:, ~empty].sum())
    if some:
        steps = int(gone[:, ~empty].any(1).sum())
        notes.append(f"{some:,} missing values in {steps:,} steps are filled by straight lines between known ones")
    still = ~empty & np.asarray([np.ptp(c[np.isfinite(c)]) == 0 if np.isfinite(c).any() else False for c in x.T])
    if empty.any():
        listed = _listed(names, empty)
        notes.append(f"{empty.sum()} of {len(names)} channels hold no value and are not looked at: {listed}")
    if still.any():
        listed = _listed(names, still)
        notes.append(f"{still.sum()} of {len(names)} channels stand still in the training part: {listed}")
    if len(names) > MOST_CHANNELS:
        notes.append(
            f"{len(names)} channels are looked at along at most {MOST_CHANNELS - BESIDE} principal axes, by what "
            "they leave and by the largest value"
        )
    return notes


def _listed(names: list[str], which: Any) -> str:
    some = [names[i] for i in np.flatnonzero(which)[:LISTED]]
    return ", ".join(some) + (f" and {which.sum() - LISTED} more" if which.sum() > LISTED else "")


def channel_axes(z: np.ndarray) -> np.ndarray | None:
    """(channels, axes) principal axes of many standardised channels; None where the channels are few enough.

    Only those whose variance is larger than that of any axis of as much white noise (Marchenko and Pastur, 1967), one
    at least: others fit the training part alone.
    """
    if z.shape[1] <= MOST_CHANNELS:
        return None
    rows = z[np.linspace(0, len(z) - 1, min(len(z), AXES_ROWS)).astype(int)]
    if MOST_CHANNELS <= len(rows) < rows.shape[1]:  # the same axes, from the smaller side
        _, sizes, found = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
        variance, axes = sizes**2 / max(len(rows) - 1, 1), found.T
    else:
        variance, axes = (each[..., ::-1] for each in np.linalg.eigh(np.cov(rows.T)))
    telling = int((variance > (1 + np.sqrt(rows.shape[1] / len(rows))) ** 2).sum())
    return np.ascontiguousarray(axes[:, : min(max(telling, 1), MOST_CHANNELS - BESIDE)]).astype(np.float32)


def along_axes(z: np.ndarray, axes: np.ndarray | None) -> np.ndarray:
    """z (rows, numbers) float32 along the axes, and the length of what they leave: (rows, axes + 1)."""
    if axes is None:
        return z
    seen = z @ axes
    left = np.maximum((z * z).sum(1) - (seen * seen).sum(1), 0)
    return np.column_stack([seen, np.sqrt(left)]).astype(np.float32)


def few_channels(z: np.ndarray, axes: np.ndarray | None) -> np.ndarray:
    """z (time, channels) float32 as it is, or for many channels (time, axes + BESIDE): along the axes, what they leave,
    and the largest value in size, for one channel of many that goes its own way."""
    return z if axes is None else np.column_stack([along_axes(z, axes), np.abs(z).max(1)])
