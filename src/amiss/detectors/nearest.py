"""Nearest neighbours: rows far from the rows most like them are anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Ensemble
from amiss.errors import OptionError, Range
from amiss.networks import FAR, LEAST_REFERENCES, init_references, nearest
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Method, Trained


@lru_cache
def _method(k: int, distance: str, references: int, share: float) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        most = min(references, max(1, round(share * len(data["x"]))))
        return Params({}, init_references(rng, data["x"], most))

    def score(params: Params, rows: Array) -> Array:
        distances = nearest(params.buffers, rows, k)
        real = distances < 0.1 * FAR**0.5
        distances = jnp.where(real, distances, 0)
        if distance == "kth":
            return jnp.max(distances, -1)
        return jnp.sum(distances, -1) / jnp.maximum(jnp.sum(real, -1), 1)

    return Method(init, None, score)


@dataclass(kw_only=True, eq=False, repr=False)
class NearestNeighbours(Detector, Ensemble):
    """Distance to the nearest training rows (Ramaswamy, Rastogi and Shim, SIGMOD 2000; Angiulli and Pizzuti, 2002).

    Finds local and global anomalies: rows in places where training rows are few. Fails where anomalies come in groups
    of more than k, where most columns are noise, and where dense and sparse regions of normal rows lie side by side.
    Cost: nothing to train; scoring grows with rows times references times columns, exact and in blocks.

    A training row does not count itself: of references equal to the row bit by bit, one is left out. So a row with k or
    more copies has distance 0, a single one does not.

    k: neighbours, at most 500. distance: 'mean' of the k distances, or the 'kth'.
    references: training rows that are kept, drawn at random; all of them where there are fewer. With more than one
    member, each keeps another random half of the rows.
    """

    keeps_rows: ClassVar[bool] = True

    k: int = 5
    distance: str = "mean"
    references: int = 8192

    ranges: ClassVar[dict[str, Range]] = {
        "k": Range(1, LEAST_REFERENCES - 12, whole=True),
        "references": Range(1, whole=True),
    }

    def method(self) -> Method:
        return _method(self.k, self.distance, self.references, 1.0 if self.n_estimators == 1 else 0.5)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.distance not in ("mean", "kth"):
            raise OptionError("there is no such distance", required="'mean' or 'kth'", found=repr(self.distance))

    def _held_out(self, rows: int) -> int:
        return 0

    def _honest(
        self, x: np.ndarray, splits: Sequence[tuple[np.ndarray, np.ndarray]], trained: Trained
    ) -> tuple[np.ndarray, np.ndarray]:
        """All rows: as a training row does not count itself, its score is what it would be as a new row."""
        return super()._honest(x, [(rows, rows) for rows, _ in splits], trained)
