"""Networks against NumPy, their first weights, and dropout."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from amiss.errors import OptionError
from amiss.networks import ACTIVATIONS, activation, check_layers, drop, init_mlp, mlp
from amiss.params import Layout, flatten, ravel, stack, unflatten

BY_HAND = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_mlp_is_what_it_says(name: str) -> None:
    rng = np.random.default_rng(0)
    weights = init_mlp(rng, (5, 7, 4, 2))
    weights = {k: v + rng.normal(0, 0.1, v.shape).astype(np.float32) for k, v in weights.items()}
    x = rng.normal(size=(11, 5)).astype(np.float32)
    h = BY_HAND[name](x @ weights["w0"] + weights["b0"])
    h = BY_HAND[name](h @ weights["w1"] + weights["b1"])
    assert np.allclose(mlp(weights, x, activation(name)), h @ weights["w2"] + weights["b2"], atol=1e-5)


def test_first_weights() -> None:
    weights = init_mlp(np.random.default_rng(0), (64, 32, 1), inputs=10)
    assert {k: v.shape for k, v in weights.items()} == {"w0": (64, 32), "b0": (32,), "w1": (32, 1), "b1": (1,)}
    assert all(v.dtype == np.float32 for v in weights.values())
    assert not weights["b0"].any()
    limit = np.sqrt(6 / (10 + 32))  # by the real inputs, not those of padding
    assert 0.95 * limit < np.abs(weights["w0"]).max() <= limit
    again = init_mlp(np.random.default_rng(0), (64, 32, 1), inputs=10)
    assert np.array_equal(weights["w0"], again["w0"])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 0.999])
def test_dropout_keeps_the_mean(rate: float) -> None:
    x = np.ones((400, 500), np.float32)
    dropped = np.asarray(drop(x, rate, jax.random.key(0)))
    assert abs((dropped == 0).mean() - min(rate, 255 / 256)) < 0.005
    assert abs(dropped.mean() - 1) < 0.1
    assert len(np.unique(dropped)) == 2


def test_dropout_only_while_training() -> None:
    weights = init_mlp(np.random.default_rng(0), (4, 64, 1))
    x = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    act = activation("relu")
    plain = np.asarray(mlp(weights, x, act))
    assert np.array_equal(mlp(weights, x, act, 0.5), plain)
    assert np.array_equal(mlp(weights, x, act, 0.0, jax.random.key(0)), plain)
    assert not np.array_equal(mlp(weights, x, act, 0.5, jax.random.key(0)), plain)
    draws = np.mean([np.asarray(mlp(weights, x, act, 0.5, jax.random.key(i))) for i in range(400)], 0)
    assert np.allclose(draws, plain, atol=0.1)


def test_ranks_are_not_promoted() -> None:
    """A loss of (rows, 1) against (rows,) would be the mean over all pairs of rows: refused while testing."""
    with pytest.raises(ValueError, match="rank_promotion"):
        _ = jax.numpy.ones((3, 1)) - jax.numpy.ones(3)


def test_layers_that_make_no_network() -> None:
    check_layers((3,), "relu", 0.0)
    check_layers([64, 32], "tanh", 0.99)
    wrong: list[tuple[Any, Any, Any]] = [((), "relu", 0), ((3, -1), "relu", 0), ((3.5,), "relu", 0), (3, "relu", 0)]
    for hidden, act, dropout in [*wrong, ((3,), "rellu", 0), ((3,), "relu", 1), ((3,), "relu", -0.1)]:
        with pytest.raises(OptionError):
            check_layers(hidden, act, dropout)


def test_parameters_flat_and_back() -> None:
    tree = {"net": {"w": np.arange(6.0).reshape(2, 3), "b": np.zeros(3)}, "scale": np.float32(2)}
    assert list(flatten(tree)) == ["net/w", "net/b", "scale"]
    assert unflatten(flatten(tree)).keys() == tree.keys()
    other = {"net": {"w": np.ones((2, 3)), "b": np.ones(3)}, "scale": np.float32(3)}
    flat, layout, decays = ravel([tree, other])
    assert (flat.shape, flat.dtype) == ((2, 10), np.float32)
    assert decays.tolist() == [1] * 6 + [0] * 4, "weight decay is for matrices"
    back = layout.unravel(flat[0])
    assert np.array_equal(back["net"]["w"], tree["net"]["w"])
    assert back["scale"] == 2
    assert hash(layout) == hash(Layout(*layout))
    assert stack([tree, other])["net"]["w"].shape == (2, 2, 3)
