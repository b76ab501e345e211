"""A convolutional network that foresees the next steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax import Array

from amiss.networks import conv, init_conv, init_mlp
from amiss.series.methods.forecaster import Forecaster, Network

SIZE, HOP = 4, 2  #: steps of a frame, and between frames, in both layers


@lru_cache
def _network(hidden: int) -> Network:
    def init(rng: np.random.Generator, window: int, inputs: int) -> tuple[dict[str, Any], int]:
        frames = window
        for _ in range(2):
            frames = (frames - SIZE) // HOP + 1
        layers = {
            "near": init_conv(rng, inputs, hidden // 2, SIZE),
            "far": init_conv(rng, hidden // 2, hidden // 2, SIZE),
        }
        return layers | {"dense": init_mlp(rng, (frames * (hidden // 2), hidden))}, hidden

    def apply(weights: dict[str, Any], x: Array) -> Array:
        h = jax.nn.gelu(conv(weights["near"], x, SIZE, HOP))
        h = jax.nn.gelu(conv(weights["far"], h, SIZE, HOP)).reshape(len(x), -1)
        return jax.nn.gelu(h @ weights["dense"]["w0"] + weights["dense"]["b0"][None, :])

    return Network(init, apply)


@dataclass(kw_only=True, eq=False)
class CNNForecaster(Forecaster):
    """Values that a convolutional network does not foresee (DeepAnT: Munir et al., IEEE Access 2019).

    Finds points and changes that the steps before do not announce. Fails on slow changes, which it follows, and
    where the series cannot be foreseen at all. Causal.

    window: steps that are seen (8 to 128; 0: by the period). horizon: steps that are foreseen. hidden: units. steps:
    of the optimiser. Cost: seconds, whatever the length of the training part.
    """

    def network(self) -> Network:
        return _network(self.hidden)
