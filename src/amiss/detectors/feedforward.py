"""A feed-forward classifier: the probability that a row is an anomaly, learned from labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from amiss.base import Report
from amiss.calibrate import logistic
from amiss.errors import Range
from amiss.handful import handful, init_handful
from amiss.imbalance import ImbalancedClassifier
from amiss.networks import activation, init_bins, init_mlp, mlp, piecewise, room_for_bins
from amiss.params import Params
from amiss.sampling import Data, mixing
from amiss.train import Batch, Method

ROOM_ROWS = 20_000  #: rows, at most, that are looked at for how many columns are cut


@lru_cache
def _method(
    hidden: tuple[int, ...],
    act: str,
    dropout: float,
    bins: int,
    scale: float,
    focus: float,
    smooth: float,
    mix: float,
    room: int | None,
    few: bool,
) -> Method:
    function, shares = activation(act), mixing(mix)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        buffers = init_bins(data["x"], bins, data["y"], room) if bins else {}
        if few:
            buffers |= init_handful(rng, data["x"], data["y"], columns, partial(seen, buffers))
        buffers |= {n: np.asarray(v, np.float32) for n, v in (("gain", 1), ("shift", 0), ("mixes", rng.random()))}
        more = buffers["low"].size if bins else 0
        sizes = (data["x"].shape[-1] + more, *hidden, 1)
        weights = init_mlp(rng, sizes, columns + int((buffers["slope"] > 0).sum()) if bins else columns)
        return Params(weights | ({"scale": np.zeros(sizes[0], np.float32)} if scale else {}), buffers)

    def logit(params: Params, x: Array, key: Array | None = None) -> Array:
        weights = dict(params.weights)
        if scale:  # of the first weights rather than of x: its gradient then costs no product of matrices
            weights["w0"] = (1 + scale * weights.pop("scale"))[:, None] * weights["w0"]
        return jnp.squeeze(mlp(weights, x, function, dropout, key), -1)

    def seen(buffers: Any, rows: Any) -> Any:
        return piecewise(buffers, rows) if bins else rows

    def losses(logits: Array, y: Array) -> Array:
        each = optax.sigmoid_binary_cross_entropy(logits, y)
        return each * jnp.abs(y - jax.nn.sigmoid(logits)) ** focus if focus else each

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        x, y = seen(params.buffers, batch["x"]), batch["y"] * (1 - smooth) + smooth / 2
        if mix:
            share_key, key = jax.random.split(key)
            drawn = jax.random.randint(share_key, y.shape, 0, len(shares))
            share = jnp.asarray(shares)[drawn] * params.buffers["mixes"]
            x = x + share[:, None] * (jnp.roll(x, 1, 0) - x)
            y = y + share * (jnp.roll(y, 1) - y)
        return losses(logit(params, x, key), y)

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return losses(logit(params, seen(params.buffers, batch["x"])), batch["y"])

    def score(params: Params, rows: Array) -> Array:
        buffers, inputs = params.buffers, seen(params.buffers, rows)
        return (logit(params, inputs) + handful(buffers, rows, inputs)) * buffers["gain"] + buffers["shift"]

    return Method(init, loss, score, monitor)


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForward(ImbalancedClassifier):
    """Dense layers with a sigmoid output, trained by binary cross-entropy (Rumelhart, Hinton and Williams, 1986).

    Finds rows like the labelled anomalies. Fails on kinds of anomaly that no label shows, and with a handful of labels.
    The score is the log-odds of the anomaly.

    hidden: units of each hidden layer; (64, 32) with batch_size=32, epochs=10, patience=None is the classic
    Dense 64-32-1. activation: relu, leaky_relu, tanh, sigmoid, silu, gelu, elu, selu or identity.
    dropout: share of hidden units dropped while training, in [0, 1).
    bins: quantile bins of all rows, and as many of the anomalies, that every column is also cut into (piecewise-linear
    encoding, Gorishniy et al., 2022); 0 for the bare columns.
    column_rate: how much faster than the weights a scale of every input is learned, which mutes columns; 0 for none.
    label_smoothing: what a label says too surely, in [0, 1): 0.1 learns 0.95 and 0.05 (Szegedy et al., 2016).
    mixup: both parameters of the beta distribution that pairs of rows and labels are mixed by (Zhang et al., 2018), by
    each member to a degree of its own; 0 for none. imbalance: a remedy by name, see :mod:`amiss.imbalance`.
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    bins: int = 0
    column_rate: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    n_estimators: int = 4
    weight_decay: float = 1e-4
    learning_rate: float = 2e-3
    validation_fraction: float = 0.15
    patience: int | None = 15

    ranges: ClassVar[dict[str, Range]] = {
        "bins": Range(0, whole=True),
        "column_rate": Range(0),
        "label_smoothing": Range(0, 1, open_high=True),
        "mixup": Range(0),
    }
    room_: ClassVar[int | None] = None  #: columns that there is room to cut, the same for all members
    few_: ClassVar[bool] = False  #: whether :mod:`amiss.handful` speaks beside each trained network

    def method(self) -> Method:
        return _method(
            tuple(self.hidden), self.activation, float(self.dropout), int(self.bins), float(self.column_rate),
            self._focus(), float(self.label_smoothing), float(self.mixup), self.room_, self.few_,
        )  # fmt: skip

    @property
    def tells_log_odds(self) -> bool:
        return self.class_weight is None and self._remedy() == "none"

    def fit_encoded(self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None) -> FeedForward:
        if self.bins and y is not None and len(z):
            part = slice(None, None, -(-len(z) // ROOM_ROWS))
            self.room_ = room_for_bins(z[part], self.bins, y[part])  # type: ignore[misc]
        super().fit_encoded(z, y, report=report)
        rows, scores = self.honest_
        if self.stopping == "loss" or y is None or len(np.unique(y[rows])) < 2:
            return self
        # average precision does not see the scores' scale: it is brought to that of log-odds (Platt, 1999)
        weights = self._row_weights(y[rows], np.bincount(y[rows], minlength=2))
        gain, shift = logistic(scores, y[rows], weights)
        for name, value in (("gain", gain), ("shift", shift)):
            self.members_["buffers"][name] = np.full(self.n_estimators, value, np.float32)
        self.honest_ = rows, scores * gain + shift
        return self
