"""A feed-forward classifier: the probability that a row is an anomaly, learned from labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from amiss.base import Classifier
from amiss.networks import activation, check_layers, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method


@lru_cache
def _method(hidden: tuple[int, ...], act: str, dropout: float) -> Method:
    function = activation(act)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        return Params(init_mlp(rng, (data["x"].shape[-1], *hidden, 1), columns), {})

    def losses(logits: Array, batch: Batch) -> Array:
        return optax.sigmoid_binary_cross_entropy(logits, batch["y"])

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return losses(mlp(params.weights, batch["x"], function, dropout, key)[:, 0], batch)

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return losses(score(params, batch["x"]), batch)

    def score(params: Params, rows: Array) -> Array:
        return jnp.squeeze(mlp(params.weights, rows, function), -1)

    return Method(init, loss, score, monitor)


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForward(Classifier):
    """Dense layers with a sigmoid output, trained by binary cross-entropy (Rumelhart, Hinton and Williams, 1986).

    Finds rows like the labelled anomalies. Fails on kinds of anomaly that no label shows, and with a handful of labels.
    The score is the log-odds of the anomaly.

    hidden: units of each hidden layer; (64, 32) with batch_size=32, epochs=10, patience=None is the classic
    Dense 64-32-1. activation: relu, leaky_relu, tanh, sigmoid, silu, gelu, elu, selu or identity.
    dropout: share of hidden units dropped while training, in [0, 1).
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    n_estimators: int = 4
    weight_decay: float = 1e-4
    learning_rate: float = 2e-3
    validation_fraction: float = 0.15
    patience: int | None = 15

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, float(self.dropout))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_layers(self.hidden, self.activation, self.dropout)
