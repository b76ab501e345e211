"""What networks of windows share: windows are gathered inside the compiled programs, a batch holds places, and the
series lies beside the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.errors import check_number
from amiss.params import flatten, unflatten
from amiss.series.base import Prepared, Report, SeriesLearner
from amiss.series.calibrate import smooth
from amiss.series.period import FALLBACK
from amiss.series.windows import Stretch
from amiss.train import Method, Plan, Trained, score_members, train

LENGTHS = [1 << i for i in range(12, 40, 2)]  #: that a series is padded to
BLOCK = LENGTHS[3] - 1024  #: steps that are scored at a time
SIZES = (8, 16, 32, 64, 128)  #: windows in steps; few, so that series share programs
HELD_MOST = 1024  #: held-out windows that early stopping looks at
LEAST_SPREAD = 1e-3  #: of a channel's deviation: no smaller unit of residuals


def window_of(wanted: int, period: int, steps: int) -> int:
    """Steps of a window: the wanted ones (0: enough for a period), at most a third of the training part."""
    wanted = wanted or min((s for s in SIZES[2:] if s >= (period or 64)), default=SIZES[-1])
    return max((s for s in SIZES if s <= max(min(wanted, steps // 3), SIZES[0])), default=SIZES[0])


def check_window(window: int) -> None:
    """Raise OptionError for a window that there is not."""
    check_number("window", window, 0, SIZES[-1], whole=True)


class Span(NamedTuple):
    """Values and mask (rows, steps, channels) of the windows of a batch; values are 0 where the mask is."""

    values: Array
    known: Array


def place_rows(places: np.ndarray, stretches: Sequence[Stretch]) -> np.ndarray:
    """(rows, 3) int32: where windows begin, and the stretch whose steps alone they may see."""
    edges = np.array(stretches)
    mine = edges[np.searchsorted(edges[:, 1], np.clip(places, 0, edges[-1, 1] - 1), side="right")]
    return np.column_stack([places, mine]).astype(np.int32)


def padded(z: np.ndarray, known: np.ndarray, before: int, length: int) -> dict[str, np.ndarray]:
    """The series as shared arrays: ``before`` unknown steps first, and as many behind as make the length one of a
    few, so that series of other lengths share programs."""
    size = next(s for s in LENGTHS if s >= len(z) + before + length)
    around = ((before, size - len(z) - before), (0, 0))
    return {"z": np.pad(np.where(known, z, 0).astype(np.float32), around), "known": np.pad(known, around)}


def take(buffers: dict[str, Array], rows: Array, before: int, length: int) -> Span:
    """Windows of ``length`` steps that begin ``before`` steps earlier than the places in rows (rows, 3)."""

    def one(row: Array) -> tuple[Array, Array]:
        at = (row[0], 0)
        size = (length, buffers["z"].shape[1])
        steps = row[0] - before + jnp.arange(length)
        inside = (steps >= row[1]) & (steps < row[2])
        known = jax.lax.dynamic_slice(buffers["known"], at, size) & inside[:, None]
        return jax.lax.dynamic_slice(buffers["z"], at, size), known

    values, known = jax.vmap(one)(rows)
    known = known.astype(jnp.float32)
    return Span(values * known, known)


def huber(gap: Array) -> Array:
    """Squared near zero, linear beyond 1 (Huber, 1964): anomalies in the training part pull less."""
    size = jnp.abs(gap)
    return jnp.where(size < 1, 0.5 * gap * gap, size - 0.5)


def held_out(steps: int, reach: int) -> np.ndarray:
    """(steps,) bool: two tenths of the training part that are not learned from, so that residuals there are honest;
    the last fifth of a short part, all of one that is too short to do without any."""
    held = np.zeros(steps, bool)
    if steps >= 20 * reach:
        held[steps * 45 // 100 : steps * 55 // 100] = held[steps * 9 // 10 :] = True
    elif steps >= 6 * reach:
        held[steps * 4 // 5 :] = True
    return held


def fit_windows(
    method: Method, z: np.ndarray, known: np.ndarray, places: np.ndarray, span: tuple[int, int, int], plan: Plan,
    report: Report | None,
) -> dict[str, Any]:  # fmt: skip
    """Weights, trained on the windows of z (time, channels) at ``places``. span: steps before a place, steps in all,
    and how many of the last ones must not be held out."""
    before, length, last = span
    held = np.concatenate([[0], np.cumsum(held_out(len(z), last))])
    low, high = (np.clip(places - before + s, 0, len(z)) for s in (length - last, length))
    touched = held[high] > held[low]
    seen, watched = np.flatnonzero(~touched), np.flatnonzero(touched)
    watched = watched[np.linspace(0, len(watched) - 1, min(len(watched), HELD_MOST)).astype(int)]
    rows = place_rows(places, [(0, len(z))])
    trained = train(
        method, {"x": rows}, [(seen, watched)], plan, columns=z.shape[1],
        shared=padded(z, known, before, length), report=report,
    )  # fmt: skip
    return unflatten({name: np.asarray(array[0]) for name, array in flatten(trained.weights).items()})


def each_block(
    method: Method, net: dict[str, Any], z: np.ndarray, known: np.ndarray, rows: np.ndarray, before: int, length: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (windows, 3) of :func:`place_rows` and what the network says of them, (windows, ...), block by block.
    net: its weights."""
    weights = unflatten({name: array[None] for name, array in flatten(net).items()})
    for start in range(0, len(z), BLOCK):
        mine = rows[(rows[:, 0] >= start) & (rows[:, 0] < start + BLOCK)]
        if not len(mine):
            continue
        low, high = max(start - before, 0), min(start + BLOCK + length, len(z))
        shared = padded(z[low:high], known[low:high], before, length)
        trained = Trained(weights, {name: array[None] for name, array in shared.items()})
        for block, said in score_members(method, trained, mine - np.int32(low)):
            yield mine[block], said[0]


def spread_of(gap: np.ndarray) -> np.ndarray:
    """(...,) robust deviations over the first axis of residuals (steps, ...), NaN left out."""
    if not len(gap) or np.isnan(gap).all():
        return np.ones(gap.shape[1:])
    known = np.where(np.isnan(gap).all(0), 1.0, np.abs(gap))
    return np.maximum(np.nanquantile(known, 0.9, axis=0) / 1.645, LEAST_SPREAD)


def trailing(parts: np.ndarray, p: Prepared, length: int) -> np.ndarray:
    """Means of parts (time, channels) over the last ``length`` steps of the stretch: no later step takes part."""
    sums = np.concatenate([np.zeros((1, parts.shape[1])), np.cumsum(parts, 0, dtype=float)])
    at = np.arange(len(parts))
    low = np.maximum(at + 1 - length, np.repeat([a for a, _ in p.stretches], [b - a for a, b in p.stretches]))
    return (sums[at + 1] - sums[low]) / (at + 1 - low)[:, None]


def over_period(parts: np.ndarray, p: Prepared, period: int) -> np.ndarray:
    """Means of parts (time, channels) around each step, over half and then a quarter of a period."""
    return np.column_stack([smooth(channel, period or FALLBACK, p.stretches) for channel in parts.T])


@dataclass(kw_only=True, eq=False)
class WindowNetwork(SeriesLearner):
    """A network that learns from windows by the one loop: its parameters, and how they are checked and obeyed."""

    window: int = 0
    hidden: int = 64
    steps: int = 400
    batch_size: int = 128
    learning_rate: float = 3e-3

    def _method(self, channels: int) -> Method:
        """What is learned, once ``windows_`` is known."""
        raise NotImplementedError

    def _window(self, steps: int) -> int:
        """Steps of a window, where ``steps`` are learned from."""
        return window_of(self.window, self.period_, steps)

    def _trained(
        self, y: np.ndarray, known: np.ndarray, places: np.ndarray, span: tuple[int, int, int], report: Report | None
    ) -> dict[str, Any]:
        """Weights, trained on y (time, channels); places and span as in :func:`fit_windows`."""
        plan = Plan(
            epochs=self.steps, steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate,
            schedule="cosine", patience=None, seed=self.random_state,
        )  # fmt: skip
        return fit_windows(self._method(y.shape[1]), y, known, places, span, plan, report)

    def _said(
        self, y: np.ndarray, known: np.ndarray, rows: np.ndarray, before: int, length: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What the network says of windows, as :func:`each_block`."""
        return each_block(self._method(y.shape[1]), self.arrays_["net"], y, known, rows, before, length)

    def _reach(self) -> int:
        """Steps in a row that must not be learned from, or none of them is held out."""
        return self.windows_[0]

    def _held_out(self, train: int) -> np.ndarray:
        held = held_out(train, self._reach())
        return held if held.any() else ~held

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_window(self.window)
        for name in ("hidden", "steps", "batch_size"):
            check_number(name, getattr(self, name), 1, whole=True)
        check_number("learning_rate", self.learning_rate, 0, open_low=True)
