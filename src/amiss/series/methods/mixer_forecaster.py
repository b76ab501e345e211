"""An MLP-mixer that foresees the next steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.networks import init_mlp, mlp, part, prefix
from amiss.series.methods.forecaster import Forecaster, Network

PATCHES, BLOCKS = 8, 2


@lru_cache
def _network(hidden: int) -> Network:
    width = max(hidden // 2, 1)

    def init(rng: np.random.Generator, window: int, inputs: int) -> tuple[dict[str, Any], int]:
        weights = prefix("patch_", init_mlp(rng, (window // PATCHES * inputs, width)))
        for i in range(BLOCKS):
            weights |= prefix(f"time{i}_", init_mlp(rng, (PATCHES, 2 * PATCHES, PATCHES)))
            weights |= prefix(f"unit{i}_", init_mlp(rng, (width, 2 * width, width)))
        return weights, PATCHES * width

    def apply(weights: dict[str, Any], x: Array) -> Array:
        h = mlp(part("patch_", weights), x.reshape(len(x) * PATCHES, -1), jax.nn.gelu).reshape(len(x), PATCHES, width)
        for i in range(BLOCKS):
            turned = jnp.swapaxes(_normed(h), 1, 2).reshape(-1, PATCHES)
            mixed = mlp(part(f"time{i}_", weights), turned, jax.nn.gelu).reshape(len(x), width, PATCHES)
            h = h + jnp.swapaxes(mixed, 1, 2)
            h = h + mlp(part(f"unit{i}_", weights), _normed(h).reshape(-1, width), jax.nn.gelu).reshape(h.shape)
        return _normed(h).reshape(len(x), -1)

    return Network(init, apply)


def _normed(h: Array) -> Array:
    """Layer normalisation (Ba et al., 2016) without its scale, which the next layer has."""
    h = h - h.mean(-1, keepdims=True)
    return h / jnp.sqrt((h * h).mean(-1, keepdims=True) + 1e-5)


@dataclass(kw_only=True, eq=False)
class MixerForecaster(Forecaster):
    """Values that an MLP-mixer over patches of time does not foresee (TSMixer: Chen et al., TMLR 2023).

    Finds points and changes that the steps before do not announce. Fails on slow changes, which it follows, and
    where the series cannot be foreseen at all. Causal.

    window: steps that are seen (8 to 128; 0: by the period). horizon: steps that are foreseen. hidden: twice the units
    of a patch. steps: of the optimiser. lookahead: average scores over later steps, too. Cost: seconds, whatever the
    length of the training part.
    """

    def network(self) -> Network:
        return _network(self.hidden)
