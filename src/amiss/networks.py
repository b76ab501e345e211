"""Networks that several methods share: weights as flat dictionaries of arrays, and the functions that apply them.

Initial weights are drawn with NumPy: nothing is compiled for them, whatever the table's shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.errors import OptionError, check_number, did_you_mean

Weights = dict[str, Array]

CENTRE_ROWS, LEAST_CENTRE = 4096, 0.1  #: rows that a centre is the mean of; a centre at zero is reached by no weights
SLOPE = 0.1  #: of the leaky rectifier
FAR = 1e30  #: squared distance to a reference that only fills up the array
LEAST_REFERENCES = 512  #: references are padded to a power of two from here up, so that tables share programs
NEAREST_ROWS = 128  #: rows whose distances to all references are held at once

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


def init_mlp(
    rng: np.random.Generator, sizes: Sequence[int], inputs: int | None = None, bias: bool = True
) -> dict[str, np.ndarray]:
    """Weights ``w0, b0, w1, b1, ...`` of a dense network with ``sizes`` units a layer, the input included.

    inputs: true number of inputs where the input is padded; the scale follows it (Glorot and Bengio, 2010).
    bias: whether there are ``b0, b1, ...``.
    """
    weights = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        true_in = inputs if i == 0 and inputs else fan_in
        limit = np.sqrt(6 / (true_in + fan_out))
        weights[f"w{i}"] = rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
        if bias:
            weights[f"b{i}"] = np.zeros(fan_out, np.float32)
    return weights


def init_centred(
    rng: np.random.Generator, rows: np.ndarray, hidden: Sequence[int], columns: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Weights of a dense network without biases, and the mean of what it makes of rows, away from zero.

    For methods that measure a distance to a fixed centre: with biases, or a centre that weights of zero reach, a
    network can map everything onto it. The network's activation is the leaky rectifier of slope ``SLOPE``."""
    weights = init_mlp(rng, (rows.shape[-1], *hidden), columns, bias=False)
    z = rows[:CENTRE_ROWS]
    for i in range(len(hidden)):  # the forward pass in NumPy: nothing is compiled for it
        z = z @ weights[f"w{i}"]
        z = np.where(z > 0, z, SLOPE * z) if i < len(hidden) - 1 else z
    centre = z.mean(0)
    away = np.where(centre < 0, -LEAST_CENTRE, LEAST_CENTRE)
    return weights, np.where(np.abs(centre) < LEAST_CENTRE, away, centre).astype(np.float32)


def leaky(x: Array) -> Array:
    """The leaky rectifier of slope ``SLOPE``: one that is bounded can map everything onto a centre."""
    return jax.nn.leaky_relu(x, SLOPE)


def mlp(
    weights: Weights, x: Array, act: Callable[[Array], Array], dropout: float = 0.0, key: Array | None = None
) -> Array:
    """Apply a dense network: (rows, inputs) -> (rows, outputs), linear in its last layer.

    dropout: share of hidden units set to zero where ``key`` is given (Srivastava et al., 2014).
    """
    last = sum(name[0] == "w" for name in weights) - 1
    for i in range(last + 1):
        x = x @ weights[f"w{i}"]
        if f"b{i}" in weights:
            x = x + weights[f"b{i}"][None, :]
        if i < last:
            x = act(x)
            if dropout > 0 and key is not None:
                key, now = jax.random.split(key)
                x = drop(x, dropout, now)
    return x


def drop(x: Array, rate: float, key: Array) -> Array:
    """Inverted dropout. One word is drawn, and a unit's number is hashed with it (MurmurHash3's finaliser, Appleby,
    2011): a generator's bits for every unit would cost as much as the network does."""
    word = jax.random.bits(key, (), jnp.uint32)
    unit = jax.lax.iota(jnp.uint32, x.size).reshape(x.shape)
    mixed = (unit + jnp.uint32(1)) * jnp.uint32(0x9E3779B9) ^ word
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> jnp.uint32(shift))) * jnp.uint32(factor)
    mixed = mixed ^ (mixed >> jnp.uint32(16))
    return jnp.where(mixed >= jnp.uint32(round(rate * (2**32 - 1))), x / (1 - rate), 0.0)


def prefix(name: str, weights: dict[str, Any]) -> dict[str, Any]:
    """Weights of one of a method's networks, under names that begin with ``name``."""
    return {name + key: array for key, array in weights.items()}


def part(name: str, weights: dict[str, Any]) -> dict[str, Any]:
    """Inverse of :func:`prefix`: the weights whose names begin with ``name``."""
    return {key.removeprefix(name): array for key, array in weights.items() if key.startswith(name)}


def init_conv(rng: np.random.Generator, inputs: int, units: int, size: int) -> dict[str, np.ndarray]:
    """Weights of :func:`conv`, scaled as He et al. (2015) do."""
    scale = np.sqrt(2 / (size * inputs))
    w = (rng.standard_normal((size * inputs, units)) * scale).astype(np.float32)
    return {"w": w, "b": np.zeros(units, np.float32)}


def conv(weights: Weights, x: Array, size: int, hop: int) -> Array:
    """Convolve x (rows, steps, inputs) over frames of ``size`` steps, ``hop`` apart: (rows, frames, units).

    As a matrix product over frames, which a CPU does some twenty times faster than XLA's own convolution.
    """
    last = (x.shape[1] - size) // hop * hop
    frames = jnp.concatenate([x[:, k : k + last + 1 : hop] for k in range(size)], -1)
    return frames @ weights["w"] + weights["b"][None, None, :]


CELLS = {"gru": 3, "lstm": 4}  #: recurrent cells, and the gates of each


def init_recurrent(rng: np.random.Generator, inputs: int, units: int, cell: str) -> dict[str, np.ndarray]:
    """Weights of :func:`recurrent`; an LSTM begins by remembering."""
    gates = CELLS[cell] * units
    u = rng.standard_normal((units, gates)) / np.sqrt(units)
    b = np.zeros(gates, np.float32)
    if cell == "lstm":
        b[units : 2 * units] = 1
    return {"w": init_mlp(rng, (inputs, gates), bias=False)["w0"], "u": u.astype(np.float32), "b": b}


def recurrent(weights: Weights, x: Array, cell: str) -> Array:
    """States (rows, steps, units) of a GRU (Cho et al., 2014) or an LSTM (Hochreiter and Schmidhuber, 1997) that reads
    x (rows, steps, inputs)."""
    units = weights["u"].shape[0]
    seen = jnp.moveaxis(x @ weights["w"] + weights["b"][None, None, :], 1, 0)
    none = jnp.zeros((len(x), units), x.dtype)

    def gru(h: Array, now: Array) -> tuple[Array, Array]:
        past = h @ weights["u"]
        keep, reset = jnp.split(jax.nn.sigmoid(now[:, : 2 * units] + past[:, : 2 * units]), 2, 1)
        new = jnp.tanh(now[:, 2 * units :] + reset * past[:, 2 * units :])
        h = keep * h + (1 - keep) * new
        return h, h

    def lstm(both: tuple[Array, Array], now: Array) -> tuple[tuple[Array, Array], Array]:
        h, c = both
        gates = now + h @ weights["u"]
        let, keep, out = jnp.split(jax.nn.sigmoid(gates[:, : 3 * units]), 3, 1)
        c = keep * c + let * jnp.tanh(gates[:, 3 * units :])
        h = out * jnp.tanh(c)
        return (h, c), h

    states = jax.lax.scan(gru, none, seen)[1] if cell == "gru" else jax.lax.scan(lstm, (none, none), seen)[1]
    return jnp.moveaxis(states, 0, 1)


def column_mask(width: int, columns: int) -> np.ndarray:
    """(width,) float32: 1 for the real columns, 0 for those of padding."""
    return (np.arange(width) < columns).astype(np.float32)


def init_references(rng: np.random.Generator, rows: np.ndarray, most: int) -> dict[str, np.ndarray]:
    """Buffers for :func:`nearest`: ``most`` of the rows at most, drawn at random, and their squared lengths."""
    chosen = rows[np.sort(rng.permutation(len(rows))[:most])].astype(np.float32)
    size = max(LEAST_REFERENCES, 1 << (len(chosen) - 1).bit_length())
    square = np.full(size, FAR, np.float32)
    square[: len(chosen)] = np.einsum("ij,ij->i", chosen, chosen)
    return {"rows": np.pad(chosen, ((0, size - len(chosen)), (0, 0))), "square": square}


def nearest(references: dict[str, Array], x: Array, count: int) -> Array:
    """(rows, count) Euclidean distances from x (rows, columns) to its nearest references, nearest first.

    A row that equals a reference bit by bit is taken to be that reference: one such twin is left out, so that a
    training row does not count itself, while its further copies count. Where there are fewer references, the rest
    is sqrt(FAR). Candidates are ranked by the expanded square, which a matrix product computes, and their distances
    then taken from differences, so that a twin's is exactly zero. The nearest are sought in the groups of references
    with the nearest best: they can be in no other, and a group's best is found faster than many are sorted.
    """
    every = len(references["square"])
    size = 1 << max(0, round(math.log2(every / (count + 1)) / 2))
    groups = every // size  # at least count + 1, as size is at most the square root's next power of two

    def block(x: Array) -> Array:
        near = 2 * (x @ references["rows"].T) - references["square"][None, :]
        _, group = jax.lax.top_k(jnp.max(near.reshape(len(x), size, groups), 1), count + 1)
        among = (jnp.arange(size)[None, :, None] * groups + group[:, None, :]).reshape(len(x), -1)
        _, place = jax.lax.top_k(jnp.take_along_axis(near, among, 1), count + 1)
        index = jnp.take_along_axis(among, place, 1)
        gap = references["rows"][index] - x[:, None, :]
        squared = jnp.where(references["square"][index] < FAR, jnp.sum(gap * gap, -1), FAR)
        squared = jnp.sort(squared, -1)
        return jnp.sqrt(jnp.where(squared[:, :1] == 0, squared[:, 1:], squared[:, :-1]))

    if len(x) % NEAREST_ROWS:
        return block(x)
    return jax.lax.map(block, x.reshape(-1, NEAREST_ROWS, x.shape[1])).reshape(len(x), count)
