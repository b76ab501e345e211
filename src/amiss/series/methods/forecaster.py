"""What all forecasters share: windows, the loss, residuals in units of held-out ones; a network is what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from amiss.series.methods.windows import WindowNetwork, huber, over_period, place_rows, spread_of, take, trailing
from amiss.train import Batch, Method

HIDDEN_SHARE = 0.25  #: of the windows in training, whose earliest part is hidden: as at the beginning of a series
SPREAD_ROWS = 1024  #: held-out steps from which the units of residuals are taken


class Network(NamedTuple):
    """init(rng, window, inputs) -> weights by name and the number of features; apply(weights, x (rows, window,
    inputs)) -> features (rows, features)."""

    init: Callable[[np.random.Generator, int, int], tuple[dict[str, Any], int]]
    apply: Callable[[dict[str, Any], Array], Array]


@lru_cache
def forecasts(network: Network, window: int, horizon: int, channels: int) -> Method:
    """From ``window`` steps the next ``horizon``; ``score`` gives the forecasts, (rows, horizon * channels)."""
    length, outputs = window + horizon, horizon * channels

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        weights, features = network.init(rng, window, 2 * channels)
        head = rng.standard_normal((features + channels, outputs)) * 0.1 / np.sqrt(features)
        return Params(weights | {"head": head.astype(np.float32), "bias": np.zeros(outputs, np.float32)}, {})

    def predict(params: Params, values: Array, known: Array) -> Array:
        count = known.sum(1, keepdims=True)
        level = values.sum(1, keepdims=True) / jnp.maximum(count, 1)
        x = jnp.concatenate([(values - level) * known, known], -1)
        features = jnp.concatenate([network.apply(params.weights, x), level[:, 0]], -1)
        gap = features @ params.weights["head"] + params.weights["bias"][None, :]
        return gap.reshape(-1, horizon, channels) + level

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        span = take(params.buffers, batch["x"], window, length)
        rows = len(batch["x"])
        some, how = jax.random.split(key)
        hidden = jax.random.randint(how, (rows, 1, 1), 0, window + 1)
        hidden = jnp.where(jax.random.uniform(some, (rows, 1, 1)) < HIDDEN_SHARE, hidden, 0)
        known = span.known[:, :window] * (jnp.arange(window)[None, :, None] >= hidden)
        gap = predict(params, span.values[:, :window] * known, known) - span.values[:, window:]
        seen = span.known[:, window:]
        return (huber(gap) * seen).sum((1, 2)) / jnp.maximum(seen.sum((1, 2)), 1)

    def score(params: Params, rows: Array) -> Array:
        span = take(params.buffers, rows, window, window)
        return predict(params, span.values, span.known).reshape(len(rows), outputs)

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False)
class Forecaster(WindowNetwork):
    """A network foresees the next steps from those before; what it did not foresee is strange.

    Every step is foreseen from 1 to ``horizon`` steps before, the first ones from what little there is. Residuals are
    in units of those on held-out parts of the training part, by channel and distance, squared, averaged over distances
    and over the last ``horizon`` steps. lookahead: average over half a period on both sides instead: better where
    anomalies last, and not causal.
    """

    horizon: int = 8
    lookahead: bool = False

    @property
    def causal(self) -> bool:  # type: ignore[override]
        return not self.lookahead

    def network(self) -> Network:
        """The network that the method differs by."""
        raise NotImplementedError

    def _method(self, channels: int) -> Method:
        return forecasts(self.network(), self.windows_[0], self.horizon, channels)

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        y, seen = self._reduced(z, known)
        self.windows_ = (self._window(len(y)),)
        span = (self.windows_[0], self.windows_[0] + self.horizon, self.horizon)
        self.arrays_["net"] = self._trained(y, seen, np.arange(len(y)), span, report)
        held = np.flatnonzero(self._held_out(len(z)))
        held = held[np.linspace(0, len(held) - 1, min(len(held), SPREAD_ROWS)).astype(int)]
        found = []
        for level in range(self.windows_[0].bit_length() + 1):  # histories of 0, 1, 2, 4, ... steps
            rows = np.column_stack([held, held - (1 << level >> 1), np.full(len(held), len(z))]).astype(np.int32)
            found.append(spread_of(np.concatenate([gap for _, gap in self._gaps(z, known, rows)])))
        self.arrays_["spread"] = np.stack(found).astype(np.float32)

    def _gaps(self, z: np.ndarray, known: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows (windows, 3) and what follows them less what was foreseen, (windows, horizon, channels), block by block;
        NaN where the step is unknown or beyond the stretch."""
        y, seen = self._reduced(z, known)
        window, ahead = self.windows_[0], np.arange(self.horizon)
        blocks = self._said(y, seen, rows, window, window + self.horizon)
        for mine, said in blocks:
            said = self._restored(said.reshape(len(mine), self.horizon, -1))
            at = mine[:, :1] + ahead
            inside = at < mine[:, 2:]
            at = np.minimum(at, len(z) - 1)
            yield mine, np.where(known[at] & inside[..., None], z[at] - said, np.nan)

    def _look(self, p: Prepared) -> Any:
        parts, count = np.zeros((2, *p.z.shape))
        expected = p.z.copy()
        for mine, gap in self._gaps(p.z, p.known, place_rows(np.arange(len(p.z)), p.stretches)):
            seen = np.minimum(mine[:, 0] - mine[:, 1], self.windows_[0])
            level = np.ceil(np.log2(seen + 1)).astype(int)
            square = (gap / self.arrays_["spread"][level]) ** 2
            for h in range(self.horizon):
                inside = mine[:, 0] + h < mine[:, 2]
                at, said = mine[inside, 0] + h, ~np.isnan(square[inside, h])
                parts[at] += np.where(said, square[inside, h], 0)
                count[at] += said
            expected[mine[:, 0]] -= np.nan_to_num(gap[:, 0]).astype(np.float32)
        parts = parts / np.maximum(count, 1)
        parts = over_period(parts, p, self.period_) if self.lookahead else trailing(parts, p, self.horizon)
        return np.sqrt(parts.mean(1)), lambda steps: shares_of(parts[steps]), lambda: expected

    def _reach(self) -> int:
        return self.horizon

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("horizon", self.horizon, 1, whole=True)
