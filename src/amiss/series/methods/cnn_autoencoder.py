"""A convolutional network that reproduces windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax import Array

from amiss.networks import conv, init_conv, init_mlp, mlp, part, prefix
from amiss.series.methods.reconstructor import Autoencoding, Reconstructor

SIZE, HOP = 4, 2  #: steps of a frame, and between frames; a frame of the decoder makes HOP steps


@lru_cache
def _network(hidden: int, latent: int) -> Autoencoding:
    units = max(hidden // 2, 1)

    def init(rng: np.random.Generator, window: int, inputs: int, outputs: int) -> dict[str, Any]:
        frames = (window - SIZE) // HOP + 1
        weights = {"in": init_conv(rng, inputs, units, SIZE), "out": init_conv(rng, units, HOP * outputs, 1)}
        weights["in"] |= prefix("dense_", init_mlp(rng, (frames * units, hidden, latent)))
        weights["out"] |= prefix("dense_", init_mlp(rng, (latent, hidden, window // HOP * units)))
        return weights

    def apply(weights: dict[str, Any], x: Array, outputs: int) -> Array:
        h = jax.nn.gelu(conv(weights["in"], x, SIZE, HOP)).reshape(len(x), -1)
        h = mlp(part("dense_", weights["in"]), h, jax.nn.gelu)
        h = jax.nn.gelu(mlp(part("dense_", weights["out"]), h, jax.nn.gelu)).reshape(len(x), -1, units)
        return conv(weights["out"], h, 1, 1).reshape(len(x), x.shape[1], outputs)

    return Autoencoding(init, apply)


@dataclass(kw_only=True, eq=False)
class CNNAutoencoder(Reconstructor):
    """Windows that a convolutional network with a bottleneck cannot reproduce, a part of them hidden in training.

    Finds shapes that the training part does not have. Fails where anomalies are many enough to be learned too, and
    where the bottleneck passes anything. Looks ahead. Reference: Zhang et al., AAAI 2019 (MSCRED), much simplified.

    window: steps (8 to 128; 0: by the period). latent: numbers that a window passes through. hidden: units. steps: of
    the optimiser. Cost: seconds, whatever the length of the training part.
    """

    def network(self) -> Autoencoding:
        return _network(self.hidden, self.latent)
