"""A critic: a network that is shown rows with some columns swapped or noised, and says of each column whether it was.

It learns density ratios (Gutmann and Hyvarinen, 2010), a column at a time (as Clark et al., 2020, do with words): where
columns do not go together, it says so, however ordinary each value is alone. Distances see such rows late.
"""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.networks import column_mask, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

NOISE = (0.1, 2.0)  #: least and largest scale of the noise, in standard deviations


@lru_cache
def method(width: int) -> Method:
    """The three functions of a critic with two hidden layers of ``width``; score: columns believed tampered with."""
    low, high = np.log(NOISE)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        wide = data["x"].shape[-1]
        return Params(init_mlp(rng, (wide, width, width, wide), columns), {"mask": column_mask(wide, columns)})

    def tamper(rows: Array, mask: Array, key: Array) -> tuple[Array, Array]:
        """Rows of which a share of the columns, log-uniform from one to all, is another row's or noised; and which."""
        one, two, three, four, five = jax.random.split(key, 5)
        share = jnp.exp(-jnp.log(jnp.sum(mask)) * jax.random.uniform(one, (len(rows), 1)))
        draw = jnp.where(mask[None, :] > 0, jax.random.uniform(two, rows.shape), 2.0)
        chosen = (draw < share) | (draw == jnp.min(draw, -1, keepdims=True))
        scale = jnp.exp(jax.random.uniform(three, (len(rows), 1), minval=low, maxval=high))
        noised = rows + scale * jax.random.normal(four, rows.shape)
        swap = jax.random.bernoulli(five, 0.5, (len(rows), 1))
        fake = jnp.where(chosen, jnp.where(swap, jnp.roll(rows, 1, axis=0), noised), rows)
        return fake * mask[None, :], chosen

    def believed(params: Params, rows: Array, real: Array) -> Array:
        """(rows, columns) minus the log of the chance given to what is so; 0 in padding."""
        logit = mlp(params.weights, rows, jax.nn.silu)
        return jax.nn.softplus(jnp.where(real, logit, -logit)) * params.buffers["mask"][None, :]

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        rows, mask = batch["x"], params.buffers["mask"]
        fake, chosen = tamper(rows, mask, key)
        both = believed(params, rows, jnp.ones_like(chosen)) + believed(params, fake, ~chosen)
        return jnp.sum(both, -1) / jnp.sum(mask)

    def score(params: Params, rows: Array) -> Array:
        return jnp.sum(believed(params, rows, jnp.ones(rows.shape, bool)), -1)

    return Method(init, loss, score)
