"""What classifiers of columns cut at quantiles share: the cuts, a learned scale of every input, scores as log-odds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from amiss.base import Report
from amiss.bins import init_bins, piecewise, room_for_bins
from amiss.calibrate import logistic
from amiss.classifier import Classifier
from amiss.errors import Range
from amiss.imbalance import ImbalancedClassifier
from amiss.sampling import Data

ROOM_ROWS = 20_000  #: rows, at most, that are looked at for how many columns are cut


def init_seen(data: Data, bins: int, leaves: int, room: int | None, columns: int) -> tuple[dict[str, Any], int, int]:
    """Buffers for :func:`seen` and of the score's scale, how many inputs there are, and how many of them are real."""
    buffers = init_bins(data["x"], bins, data["y"], room, leaves) if bins else {}
    buffers |= {"gain": np.ones((), np.float32), "shift": np.zeros((), np.float32)}
    inputs = data["x"].shape[-1] + (buffers["low"].size if bins else 0)
    return buffers, inputs, columns + int((buffers["slope"] > 0).sum()) if bins else columns


def seen(buffers: Any, rows: Any) -> Any:
    """(rows, columns) -> (rows, inputs): what the networks see of rows. NumPy or JAX."""
    return piecewise(buffers, rows) if "low" in buffers else rows


def scaled(weights: dict[str, Array], first: str, rate: float) -> dict[str, Array]:
    """The weights without ``scale``, by which each input of the ``first`` of them is multiplied; ``rate``: how much
    faster it is learned. Of the first weights rather than of rows: its gradient then costs no product of matrices."""
    weights = dict(weights)
    if "scale" in weights:
        weights[first] = (1 + rate * weights.pop("scale"))[:, None] * weights[first]
    return weights


def cross_entropy(logits: Array, y: Array, focus: float) -> Array:
    """(rows,) the loss of each; of rows that are sure already less, the more so the greater ``focus`` is."""
    each = optax.sigmoid_binary_cross_entropy(logits, y)
    return each * jnp.abs(y - jax.nn.sigmoid(logits)) ** focus if focus else each


@dataclass(kw_only=True, eq=False, repr=False)
class CutClassifier(ImbalancedClassifier):
    """A classifier whose networks may see columns cut at quantiles, and whose score is the log-odds of the anomaly.

    bins: quantile bins of all rows, and as many of the anomalies, that every column is also cut into (piecewise-linear
    encoding, Gorishniy et al., 2022); 0 for the bare columns.
    leaves: of a classification tree of each column, whose thresholds are cuts beside these quantiles; 0 for none.
    column_rate: how much faster than the weights a scale of every input is learned, which mutes columns; 0 for none.
    """

    bins: int = 0
    leaves: int = 0
    column_rate: float = 0.0

    ranges: ClassVar[dict[str, Range]] = {
        "bins": Range(0, whole=True),
        "leaves": Range(0, whole=True),
        "column_rate": Range(0),
    }
    room_: ClassVar[int | None] = None  #: columns that there is room to cut, the same for all members

    @property
    def tells_log_odds(self) -> bool:
        return self.class_weight is None and self._remedy() == "none"

    def fit_encoded(self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None) -> Classifier:
        if self.bins and y is not None and len(z):
            part = slice(None, None, -(-len(z) // ROOM_ROWS))
            self.room_ = room_for_bins(z[part], self.bins, y[part], self.leaves)  # type: ignore[misc]
        super().fit_encoded(z, y, report=report)
        rows, scores = self.honest_
        if self.stopping != "loss" and y is not None and len(np.unique(y[rows])) == 2:
            # average precision does not see the scores' scale: it is brought to that of log-odds (Platt, 1999)
            self.speak(*self._log_odds(y[rows], scores))
        return self

    def speak(self, gain: float, shift: float = 0.0) -> None:
        """Multiply the score by ``gain``, then add ``shift``."""
        buffers, (rows, scores) = self.members_["buffers"], self.honest_
        buffers["gain"] = np.asarray(buffers["gain"] * gain, np.float32)
        buffers["shift"] = np.asarray(buffers["shift"] * gain + shift, np.float32)
        self.honest_ = rows, scores * gain + shift

    def _log_odds(self, y: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """By what scores (rows,) are multiplied, and what is added, to make log-odds of them."""
        return logistic(scores, y, self._row_weights(y, np.bincount(y, minlength=2)))
