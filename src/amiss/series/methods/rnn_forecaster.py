"""A recurrent network that foresees the next steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jax import Array

from amiss.networks import CELLS, init_recurrent, recurrent
from amiss.series.base import choose
from amiss.series.methods.forecaster import Forecaster, Network

READS = 8  #: frames that a window is read in: a step each would take many times as long


@lru_cache
def _network(hidden: int, cell: str) -> Network:
    def init(rng: np.random.Generator, window: int, inputs: int) -> tuple[dict[str, Any], int]:
        return init_recurrent(rng, window // min(READS, window) * inputs, hidden, cell), hidden

    def apply(weights: dict[str, Any], x: Array) -> Array:
        return recurrent(weights, x.reshape(len(x), min(READS, x.shape[1]), -1), cell)[:, -1]

    return Network(init, apply)


@dataclass(kw_only=True, eq=False)
class RNNForecaster(Forecaster):
    """Values that an LSTM or a GRU does not foresee (LSTM-AD: Malhotra et al., ESANN 2015).

    Finds points and changes that the steps before do not announce. Fails on slow changes, which it follows, and
    where the series cannot be foreseen at all. Causal.

    cell: 'lstm' or 'gru'; a window is read in 8 frames. window: steps that are seen (8 to 128; 0: by the period).
    horizon: steps that are foreseen. hidden: units. steps: of the optimiser. lookahead: average
    scores over later steps, too. Cost: seconds, whatever the length of the training part.
    """

    cell: str = "lstm"

    def network(self) -> Network:
        return _network(self.hidden, self.cell)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        choose("cell", self.cell, tuple(CELLS))
