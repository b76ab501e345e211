"""Internal contrastive learning: rows whose windows of columns do not go with the rest of the row are anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Network
from amiss.errors import Range
from amiss.networks import init_mlp, mlp, part, prefix
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

WINDOWS = 32  # windows of a row at most; the paper takes all, whose cost grows with the square of the columns


def _sizes(width: int) -> tuple[int, int]:
    """Columns a window and windows, by the padded width (the paper's 2, 10 and columns - 150)."""
    size = 2 if width <= 32 else max(10, width - 150)
    return size, min(WINDOWS, width)


def _windows(rng: np.random.Generator, width: int, columns: int) -> dict[str, np.ndarray]:
    """Columns of every window and of its complement as indices and masks; windows of few columns are filled up."""
    size, count = _sizes(width)
    real = max(1, min(size, columns // 2))  # at least half of the columns stay outside
    order = rng.permutation(columns)
    starts = rng.permutation(columns - real + 1)[:count]
    arrays = {"inside": (count, size), "outside": (count, width)}
    found = {name: np.zeros(shape, np.float32) for name, shape in arrays.items()}
    found |= {f"{name}_mask": np.zeros(shape, np.float32) for name, shape in arrays.items()}
    for i, start in enumerate(np.sort(starts)):
        chosen = order[start : start + real], np.concatenate([order[:start], order[start + real :]])
        for name, index in zip(arrays, chosen):
            found[name][i, : len(index)] = index
            found[f"{name}_mask"][i, : len(index)] = 1
    return found | {"there": (np.arange(count) < len(starts)).astype(np.float32)}


@lru_cache
def _method(hidden: tuple[int, ...], temperature: float) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width = data["x"].shape[-1]
        size, _ = _sizes(width)
        real = max(1, min(size, columns // 2))
        window = init_mlp(rng, (size, *hidden), real)
        rest = init_mlp(rng, (width, *hidden), max(1, columns - real))
        return Params(prefix("window_", window) | prefix("rest_", rest), _windows(rng, width, columns))

    def encode(params: Params, rows: Array, network: str, name: str) -> Array:
        index = params.buffers[name].astype(int)
        taken = rows[:, index] * params.buffers[f"{name}_mask"][None]  # (rows, windows, columns)
        z = mlp(part(network, params.weights), taken.reshape(-1, taken.shape[-1]), jax.nn.leaky_relu)
        z = z / jnp.sqrt(jnp.sum(z * z, -1, keepdims=True) + 1e-6)
        return z.reshape(*taken.shape[:2], -1)

    def score(params: Params, rows: Array) -> Array:
        """(rows,) the contrastive loss: a window's encoding should be like that of its complement, of all windows."""
        inside = encode(params, rows, "window_", "inside")
        outside = encode(params, rows, "rest_", "outside")
        alike = jnp.einsum("bvz,bwz->bvw", outside, inside) / temperature
        there = params.buffers["there"]
        alike = jnp.where(there[None, None, :] > 0, alike, -1e9)
        own = jnp.diagonal(alike, axis1=1, axis2=2)
        return (jax.nn.logsumexp(alike, -1) - own) @ there / jnp.sum(there)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return score(params, batch["x"])

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class ICL(Detector, Network):
    """Internal contrastive learning (Shenkar and Wolf, ICLR 2022).

    Two networks encode each window of columns and the row's other columns, such that a window is most like its own
    complement among the row's windows. They are not told which columns they see. The contrastive loss is the score.

    Finds dependency anomalies. Fails on tables of few columns (with one column every score is equal), and where columns
    are independent.
    Cost: 1,000 steps a member whatever the rows, the dearest ones here: each passes up to 32 windows a row.

    Differs from the paper: at most 32 windows, each member's columns in an order of its own (the paper's several
    permutations), no batch normalisation, smaller networks.

    hidden: units of each layer of both networks, the common space last. temperature: of the contrastive loss.
    """

    hidden: tuple[int, ...] = (64, 64, 32)
    temperature: float = 0.1
    n_estimators: int = 2
    steps: int | None = 1000
    batch_size: int | None = 64

    ranges: ClassVar[dict[str, Range]] = {"temperature": Range(0, open_low=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), float(self.temperature))
