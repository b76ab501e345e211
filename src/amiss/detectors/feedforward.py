"""A feed-forward classifier: the probability that a row is an anomaly, learned from labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from amiss.base import Classifier
from amiss.errors import check_number
from amiss.networks import activation, check_layers, init_bins, init_mlp, mlp, piecewise
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method


@lru_cache
def _method(hidden: tuple[int, ...], act: str, dropout: float, bins: int) -> Method:
    function = activation(act)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        buffers = init_bins(data["x"], bins) if bins else {}
        more = buffers["low"].size if bins else 0
        sizes = (data["x"].shape[-1] + more, *hidden, 1)
        return Params(init_mlp(rng, sizes, columns + more), buffers)

    def logit(params: Params, rows: Array, key: Array | None = None) -> Array:
        x = piecewise(params.buffers, rows) if bins else rows
        return jnp.squeeze(mlp(params.weights, x, function, dropout, key), -1)

    def losses(logits: Array, batch: Batch) -> Array:
        return optax.sigmoid_binary_cross_entropy(logits, batch["y"])

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return losses(logit(params, batch["x"], key), batch)

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return losses(score(params, batch["x"]), batch)

    def score(params: Params, rows: Array) -> Array:
        return logit(params, rows)

    return Method(init, loss, score, monitor)


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForward(Classifier):
    """Dense layers with a sigmoid output, trained by binary cross-entropy (Rumelhart, Hinton and Williams, 1986).

    Finds rows like the labelled anomalies. Fails on kinds of anomaly that no label shows, and with a handful of labels.
    The score is the log-odds of the anomaly.

    hidden: units of each hidden layer; (64, 32) with batch_size=32, epochs=10, patience=None is the classic
    Dense 64-32-1. activation: relu, leaky_relu, tanh, sigmoid, silu, gelu, elu, selu or identity.
    dropout: share of hidden units dropped while training, in [0, 1).
    bins: quantile bins that every column is also cut into (piecewise-linear encoding); 0 for the bare columns.
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    bins: int = 0
    n_estimators: int = 4
    weight_decay: float = 1e-4
    learning_rate: float = 2e-3
    validation_fraction: float = 0.15
    patience: int | None = 15

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, float(self.dropout), int(self.bins))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_layers(self.hidden, self.activation, self.dropout)
        check_number("bins", self.bins, 0, whole=True)
