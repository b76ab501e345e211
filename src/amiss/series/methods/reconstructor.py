"""What the autoencoders of windows share: a network that must pass a window through few numbers is what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.errors import check_number
from amiss.params import Params
from amiss.sampling import Data
from amiss.series.base import Prepared, Report, shares_of
from amiss.series.methods.windows import WindowNetwork, huber, over_period, place_rows, spread_of, take
from amiss.series.windows import Stretch
from amiss.train import Batch, Method

OVERLAP = 8  #: windows that cover a step
HIDDEN = 4  #: one part in so many of every other window is hidden in training, and to be reproduced all the same


class Autoencoding(NamedTuple):
    """init(rng, window, inputs, outputs) -> weights by name; apply(weights, x (rows, window, inputs), outputs) ->
    (rows, window, outputs)."""

    init: Callable[[np.random.Generator, int, int, int], dict[str, Any]]
    apply: Callable[[dict[str, Any], Array, int], Array]


@lru_cache
def reconstructions(network: Autoencoding, window: int, channels: int) -> Method:
    """Windows through a bottleneck; ``score`` gives what comes out, (rows, window, channels)."""

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        return Params(network.init(rng, window, 2 * channels, channels), {})

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        span = take(params.buffers, batch["x"], 0, window)
        where, which = jax.random.split(key)
        first = jax.random.randint(where, (len(batch["x"]), 1, 1), 0, window)
        at = (jnp.arange(window)[None, :, None] - first) % window
        whole = jax.random.bernoulli(which, 0.5, first.shape)  # as windows are when they are scored
        known = span.known * ((at >= window // HIDDEN) | whole)
        x = jnp.concatenate([span.values * known, known], -1)
        gap = network.apply(params.weights, x, channels) - span.values
        return (huber(gap) * span.known).sum((1, 2)) / jnp.maximum(span.known.sum((1, 2)), 1)

    def score(params: Params, rows: Array) -> Array:
        span = take(params.buffers, rows, 0, window)
        return network.apply(params.weights, jnp.concatenate([span.values, span.known], -1), channels)

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False)
class Reconstructor(WindowNetwork):
    """A network reproduces windows from few numbers; what it cannot reproduce is strange.

    Every step is covered by about eight windows, the first and last ones of a stretch by one at least; residuals are in
    units of those on held-out parts of the training part, by channel, squared, and averaged over windows and over half
    a period.
    """

    latent: int = 8

    def network(self) -> Autoencoding:
        """The network that the method differs by."""
        raise NotImplementedError

    def _method(self, channels: int) -> Method:
        return reconstructions(self.network(), self.windows_[0], channels)

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        y, seen = self._reduced(z, known)
        window = self._window(len(y))
        self.windows_ = (window,)
        places = np.arange(len(y) - window + 1)
        self.arrays_["net"] = self._trained(y, seen, places, (0, window, window), report)
        square, _ = self._residuals(z, known, ((0, len(z)),))
        self.arrays_["spread"] = spread_of(np.sqrt(square[self._held_out(len(z))]))

    def _residuals(
        self, z: np.ndarray, known: np.ndarray, stretches: tuple[Stretch, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean squared residuals over the windows that cover a step, NaN where it is unknown, and the mean of what came
        out: (time, channels) each."""
        y, seen = self._reduced(z, known)
        window = self.windows_[0]
        square, total = np.zeros((2, *z.shape))
        count = np.zeros(len(z))
        rows = place_rows(covering(stretches, window, max(window // OVERLAP, 1)), stretches)
        for mine, said in self._said(y, seen, rows, 0, window):
            said = self._restored(said)
            for k in range(window):
                inside = mine[:, 0] + k < mine[:, 2]
                at = mine[inside, 0] + k
                square[at] += (said[inside, k] - z[at]) ** 2
                total[at] += said[inside, k]
                count[at] += 1
        count = np.maximum(count, 1)[:, None]
        return np.where(known, square / count, np.nan), total / count

    def _look(self, p: Prepared) -> Any:
        square, expected = self._residuals(p.z, p.known, p.stretches)
        parts = over_period(np.nan_to_num(square) / self.arrays_["spread"][None] ** 2, p, self.period_)
        return np.sqrt(parts.mean(1)), lambda steps: shares_of(parts[steps]), lambda: expected.astype(np.float32)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("latent", self.latent, 1, whole=True)


def covering(stretches: tuple[Stretch, ...], window: int, stride: int) -> np.ndarray:
    """First steps of windows that leave no step out; a stretch shorter than a window has one that reaches beyond it."""
    found = [np.append(np.arange(a, max(b - window, a), stride), max(b - window, a)) for a, b in stretches]
    return np.unique(np.concatenate(found))
