"""A recurrent network that reproduces windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.networks import CELLS, init_mlp, init_recurrent, mlp, part, prefix, recurrent
from amiss.series.base import choose
from amiss.series.methods.reconstructor import Autoencoding, Reconstructor

READS = 8  #: frames that a window is read and written in


@lru_cache
def _network(hidden: int, latent: int, cell: str) -> Autoencoding:
    def init(rng: np.random.Generator, window: int, inputs: int, outputs: int) -> dict[str, Any]:
        frame = window // min(READS, window)
        dense = prefix("in_", init_mlp(rng, (hidden, latent))) | prefix(
            "out_", init_mlp(rng, (hidden, frame * outputs))
        )
        reads, writes = (init_recurrent(rng, n, hidden, cell) for n in (frame * inputs, latent + min(READS, window)))
        return {"reads": reads, "writes": writes, "dense": dense}

    def apply(weights: dict[str, Any], x: Array, outputs: int) -> Array:
        frames = min(READS, x.shape[1])
        last = recurrent(weights["reads"], x.reshape(len(x), frames, -1), cell)[:, -1]
        code = mlp(part("in_", weights["dense"]), last, jnp.tanh)
        which = jnp.broadcast_to(jnp.eye(frames)[None], (len(x), frames, frames))  # the frame that is to be written
        told = jnp.concatenate([jnp.repeat(code[:, None], frames, 1), which], -1)
        states = recurrent(weights["writes"], told, cell).reshape(len(x) * frames, -1)
        return mlp(part("out_", weights["dense"]), states, jnp.tanh).reshape(len(x), x.shape[1], outputs)

    return Autoencoding(init, apply)


@dataclass(kw_only=True, eq=False)
class RNNAutoencoder(Reconstructor):
    """Windows that a recurrent network cannot write down again from its last state (EncDec-AD: Malhotra et al., 2016).

    Finds shapes that the training part does not have. Fails where anomalies are many enough to be learned too, and
    where the bottleneck passes anything. Looks ahead.

    cell: 'gru' or 'lstm'; a window is read and written in 8 frames. window: steps (8 to 128; 0: by the period).
    latent: numbers that a window passes through. hidden: units. steps: of the optimiser. Cost: seconds, whatever the
    length of the training part.
    """

    cell: str = "gru"

    def network(self) -> Autoencoding:
        return _network(self.hidden, self.latent, self.cell)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        choose("cell", self.cell, tuple(CELLS))
