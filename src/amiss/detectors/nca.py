"""NCA: a row is as anomalous as the rows near it, in a space that is learned so that this comes true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.cut import CutClassifier, cross_entropy, init_seen, scaled, seen
from amiss.errors import Range, check_number
from amiss.networks import drop
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

SPREAD = 2.0  #: standard deviation of what a row is mapped to, at first
UNIT_RATE = 3.0  #: how much faster than the weights the unit of distance is learned
NEVER = -1e9  #: logarithm of the weight of what is no neighbour
FLOOR = 1e-3  #: share of each kind that is taken to be near any row, so that log-odds stay finite
NEAREST = 1e-6  #: squared distance below which rows are one


@lru_cache
def _method(
    dimensions: int,
    references: int,
    dropout: float,
    bins: int,
    leaves: int,
    scale: float,
    focus: float,
    room: int | None,
) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        buffers, inputs, real = init_seen(data, bins, leaves, room, columns)
        space = rng.standard_normal((inputs, dimensions)) * SPREAD / np.sqrt(real)
        weights = {"space": space.astype(np.float32), "unit": np.zeros(1, np.float32), "prior": np.zeros(1, np.float32)}
        if scale:
            weights["scale"] = np.zeros(inputs, np.float32)
        return Params(weights, buffers | _references(rng, data, references))

    def place(params: Params, rows: Array, key: Array | None = None) -> Array:
        inputs = seen(params.buffers, rows)
        return (inputs if key is None else drop(inputs, dropout, key)) @ scaled(params.weights, "space", scale)["space"]

    def odds(params: Params, places: Array, others: Array, y: Array, log_weight: Array) -> Array:
        """(rows,) log-odds of the anomaly at places (rows, dimensions), from y and log_weight (others,) of others."""
        squares = jnp.sum(places * places, 1)[:, None] + jnp.sum(others * others, 1)[None] - 2 * places @ others.T
        unit = jnp.exp(UNIT_RATE * params.weights["unit"][0])
        near = jax.nn.softmax(log_weight - jnp.sqrt(jnp.maximum(squares, NEAREST)) * unit, 1)
        anomalous = near @ y
        return jnp.log(anomalous + FLOOR) - jnp.log(1 - anomalous + FLOOR) + params.weights["prior"][0]

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        """The other rows of a batch are a row's neighbours."""
        places, y = place(params, batch["x"], key if dropout else None), batch["y"]
        log_weight = jnp.where(batch["weight"] > 0, jnp.log(jnp.maximum(batch["weight"], 1e-9)), NEVER)
        log_weight = log_weight[None] + jnp.where(jnp.eye(len(y), dtype=bool), NEVER, 0.0)
        return cross_entropy(odds(params, places, places, y, log_weight), y, focus)

    def score(params: Params, rows: Array) -> Array:
        b = params.buffers
        log_weight = jnp.where(_twins(rows, b["rows"]), NEVER, b["log_weight"][None])
        among = place(params, b["rows"])
        return odds(params, place(params, rows), among, b["y"], log_weight) * b["gain"] + b["shift"]

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return cross_entropy(score(params, batch["x"]), batch["y"], focus)

    return Method(init, loss, score, monitor)


def _twins(rows: Array, references: Array) -> Array:
    """(rows, references) whether a row is taken to be that reference, the nearest one, as it equals it: a kept row is
    not its own neighbour, in scoring as in training, while its further copies are."""
    lengths = jnp.sum(references * references, 1)[None]
    squares = jnp.sum(rows * rows, 1)[:, None] + lengths - 2 * rows @ references.T
    nearest = jnp.argmin(squares, 1)
    gap = jnp.max(jnp.abs(rows - references[nearest]), 1)
    return (jnp.arange(len(references))[None] == nearest[:, None]) & (gap == 0)[:, None]


def _references(rng: np.random.Generator, data: Data, most: int) -> dict[str, np.ndarray]:
    """``most`` of a member's training rows: half of them anomalies at most, each for as many as it is drawn from."""
    x, y = data["x"], data["y"]
    weight = data.get("sample_weight", np.ones(len(x), np.float32))
    kinds = [rng.permutation(np.flatnonzero(y == 1)), rng.permutation(np.flatnonzero(y != 1))]
    kept = [kinds[0][: most // 2]]
    kept.append(kinds[1][: most - len(kept[0])])
    many = np.concatenate([np.full(len(k), len(kind) / max(1, len(k))) for kind, k in zip(kinds, kept)])
    rows = np.concatenate(kept)
    missing = most - len(rows)
    return {
        "rows": np.pad(x[rows], ((0, missing), (0, 0))),
        "y": np.pad(y[rows], (0, missing)).astype(np.float32),
        "log_weight": np.pad(np.log(many * weight[rows]), (0, missing), constant_values=NEVER).astype(np.float32),
    }


@dataclass(kw_only=True, eq=False, repr=False)
class NCA(CutClassifier):
    """Neighbourhood components analysis (Goldberger, Roweis, Hinton and Salakhutdinov, 2004): learned neighbours.

    Rows are mapped into a space in which a row's neighbours, weighed by the exponential of minus their distance, are to
    tell whether it is an anomaly; the other rows of a batch are its neighbours in training, rows that each member keeps
    afterwards, as in ModernNCA (Ye et al., 2024). The map is linear in the columns and their cuts. The score is the
    log-odds of the anomaly.

    Finds rows among labelled anomalies, in small clusters and along boundaries of any shape. Fails on kinds of anomaly
    that no label shows, and with a handful of labels.
    Cost: 400 steps a member at most; scoring compares each row with the kept ones. The model holds encoded rows.

    dimensions: of the space. references: rows that each member keeps. dropout: share of a row's inputs that are dropped
    while training, in [0, 1). imbalance: a remedy by name, see :mod:`amiss.imbalance`.
    """

    dimensions: int = 64
    references: int = 512
    dropout: float = 0.0
    bins: int = 8
    column_rate: float = 6.0
    n_estimators: int = 4
    steps: int | None = 400
    batch_size: int | None = 256
    weight_decay: float = 0.01
    learning_rate: float = 1e-2
    average: float = 0.98
    validation_fraction: float = 0.15
    stopping: str = "average precision"

    keeps_rows: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {"dimensions": Range(1, whole=True), "references": Range(2, whole=True)}

    def method(self) -> Method:
        return _method(
            int(self.dimensions), int(self.references), float(self.dropout), int(self.bins), int(self.leaves),
            float(self.column_rate), self._focus(), self.room_,
        )  # fmt: skip

    def _as_ensemble(self, scores: np.ndarray, every: np.ndarray) -> np.ndarray:
        return scores  # the members that learned from a row know its neighbours too well to show what new rows score

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("dropout", self.dropout, 0, 1, open_high=True)
