"""Networks that several methods share: weights as flat dictionaries of arrays, and the functions that apply them.

Initial weights are drawn with NumPy: nothing is compiled for them, whatever the table's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.errors import OptionError, check_number, did_you_mean

Weights = dict[str, Array]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "gelu": jax.nn.gelu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "identity": lambda x: x,
}


def activation(name: str) -> Callable[[Array], Array]:
    """The activation called ``name``. Raises OptionError for an unknown name."""
    if name not in ACTIVATIONS:
        raise OptionError(f"there is no activation {name!r}", hint=did_you_mean(name, ACTIVATIONS))
    return ACTIVATIONS[name]


def check_layers(hidden: Sequence[int], act: str, dropout: float) -> None:
    """Raise OptionError where layers, activation or dropout are not what a dense network can be made of."""
    activation(act)
    if not isinstance(hidden, Sequence) or not hidden or any(not isinstance(h, int) or h < 1 for h in hidden):
        raise OptionError("hidden is not a list of layers", required="units a layer, e.g. (64, 32)", found=repr(hidden))
    check_number("dropout", dropout, 0, 1, open_high=True)


def init_mlp(rng: np.random.Generator, sizes: Sequence[int], inputs: int | None = None) -> dict[str, np.ndarray]:
    """Weights ``w0, b0, w1, b1, ...`` of a dense network with ``sizes`` units a layer, the input included.

    inputs: true number of inputs where the input is padded; the scale follows it (Glorot and Bengio, 2010).
    """
    weights = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        true_in = inputs if i == 0 and inputs else fan_in
        limit = np.sqrt(6 / (true_in + fan_out))
        weights[f"w{i}"] = rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
        weights[f"b{i}"] = np.zeros(fan_out, np.float32)
    return weights


def mlp(
    weights: Weights, x: Array, act: Callable[[Array], Array], dropout: float = 0.0, key: Array | None = None
) -> Array:
    """Apply a dense network: (rows, inputs) -> (rows, outputs), linear in its last layer.

    dropout: share of hidden units set to zero where ``key`` is given (Srivastava et al., 2014).
    """
    last = len(weights) // 2 - 1
    for i in range(last + 1):
        x = x @ weights[f"w{i}"] + weights[f"b{i}"][None, :]
        if i < last:
            x = act(x)
            if dropout > 0 and key is not None:
                key, now = jax.random.split(key)
                x = drop(x, dropout, now)
    return x


def drop(x: Array, rate: float, key: Array) -> Array:
    """Inverted dropout; a byte of randomness a unit, as drawing 32 bits would cost more than the network does."""
    dropped = min(round(256 * rate), 255)
    keep = jax.random.bits(key, x.shape, jnp.uint8) >= dropped
    return jnp.where(keep, x * (256 / (256 - dropped)), 0.0)
