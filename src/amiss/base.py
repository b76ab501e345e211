"""The one ``fit``: encode, train, score; and scikit-learn's methods, derived from ``anomaly_score`` alone.

A detector is a file in ``detectors/``: a cached factory from its parameters to a :class:`~amiss.train.Method`, and a
class of parameters with a ``method()`` that calls it. Fitted state is NumPy arrays only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from amiss import train as loop
from amiss.errors import LabelError, OptionError, Range, TableError
from amiss.networks import check_layers
from amiss.numeric import Scaler
from amiss.params import flatten, unflatten
from amiss.sampling import Sampler, pad_columns, uniform
from amiss.train import Judge, Method, Plan, Progress, Trained

OFFSET_ROWS = 20_000  # the threshold of ``predict`` is taken from at most this many training rows
STEPS, EPOCHS_MOST = 3_000, 200  # where the person names no number of epochs
HONEST_MOST = 50_000  # rows whose held-out scores are kept
HELD_OUT, ENOUGH = 0.1, 500  # share of the rows that is held out where nothing is trained, and how many will do
HELD_OUT_LEAST = 8  # with fewer validation rows than this, early stopping would follow noise

Report = Callable[[Progress], None]


@dataclass(kw_only=True, eq=False, repr=False)
class Learner(BaseEstimator):
    """What all detectors share: fit and score on an encoded matrix, checked parameters, state to and fro.

    random_state: an int makes every bit of the result reproducible.
    """

    random_state: Any = None

    ranges: ClassVar[dict[str, Range]] = {}  #: numbers that a class's own parameters may be
    bend: ClassVar[bool] = True  #: whether heavy tails are bent before the detector sees them
    keeps_rows: ClassVar[bool] = False  #: whether a fitted one holds encoded training rows

    def fit_encoded(self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None) -> Learner:
        """Learn from z (rows, columns) float32, standardised and finite; y (rows,): 1 anomaly, 0 normal, -1 unlabelled.

        Raises OptionError for a parameter out of range, LabelError where labels are needed and missing.
        """
        raise NotImplementedError

    def score_encoded(self, z: np.ndarray) -> np.ndarray:
        """(rows,) float64 anomaly scores of z (rows, columns) float32, encoded as in training."""
        raise NotImplementedError

    @property
    def tells_log_odds(self) -> bool:
        """Whether the score is one of the log-odds of an anomaly among rows like those of training."""
        return False

    def _training_data(
        self, z: np.ndarray, y: np.ndarray | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        """Arrays for the loop, the rows to learn from, and their labels where splits are to be stratified."""
        return {"x": pad_columns(z)}, np.arange(len(z)), None

    def _keep(
        self, members: dict[str, Any], columns: int, stopped: str, history: Sequence[dict[str, float]] = ()
    ) -> None:
        """What a fit leaves: weights and buffers by name, the number of columns, why training ended, its course."""
        self.members_, self.columns_, self.stopped_ = members, columns, stopped
        self.history_ = list(history)

    def _check_parameters(self) -> None:
        """Raise OptionError for a number out of its range; classes add what is more than a number."""
        for kind in reversed(type(self).__mro__):
            for name, allowed in vars(kind).get("ranges", {}).items():
                allowed.check(name, getattr(self, name))

    # --- state ------------------------------------------------------------------------------------------------------

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays by path) of a fitted detector."""
        known = {f.name for f in fields(self)}
        parameters = {k: _plain(v) for k, v in self.get_params(deep=False).items() if k in known}
        return {"parameters": parameters, "columns": self.columns_}, flatten(self.members_)

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Learner:
        """Inverse of :meth:`to_state`."""
        known = {f.name: f.default for f in fields(cls)}
        parameters: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in state["parameters"].items() if k in known
        }
        self = cls(**parameters)
        self._keep({"weights": {}, "buffers": {}} | unflatten(arrays), int(state["columns"]), "loaded")
        return self

    # --- on numeric arrays, as scikit-learn -------------------------------------------------------------------------

    def anomaly_score(self, X: Any) -> np.ndarray:
        """(rows,) float64 anomaly scores of X (rows, columns); higher = more anomalous."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self.score_encoded(self.scaler_.transform(X))


@dataclass(kw_only=True, eq=False, repr=False)
class Ensemble(Learner):
    """A learner that is several members of one :class:`~amiss.train.Method`; they keep rows and train nothing.

    n_estimators: members; the score is their mean.
    """

    n_estimators: int = 1

    ranges: ClassVar[dict[str, Range]] = {"n_estimators": Range(1, whole=True)}

    def method(self) -> Method:
        """The three pure functions for these parameters."""
        raise NotImplementedError

    def _sampler(self) -> Sampler:
        """Which rows make a batch."""
        return uniform

    # --- on an encoded matrix ---------------------------------------------------------------------------------------

    def fit_encoded(self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None) -> Ensemble:
        self._check_parameters()
        if len(z) < 2:
            raise TableError("a detector cannot learn from so few rows", required="at least 2 rows", found=f"{len(z)}")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        data, rows, labels = self._training_data(z, y)
        plan = self._plan(len(rows), z.shape[1], seed)
        splits = self._splits(rows, labels, np.random.default_rng(seed))
        data, splits = self._resampled(data, splits, seed)
        watched = splits if plan.patience is not None else [(rows, rows[:0]) for rows, _ in splits]
        trained = loop.train(
            self.method(), data, watched, plan, columns=z.shape[1], sampler=self._sampler(), report=report,
            judge=self._judge(data),
        )  # fmt: skip
        members = {"weights": trained.weights, "buffers": trained.buffers}
        self._keep(members, z.shape[1], trained.stopped, trained.history)
        self._settle(z, y)
        self.honest_ = self._honest(data["x"], splits, trained)
        return self

    def _settle(self, z: np.ndarray, y: np.ndarray | None) -> None:
        """Set what a score needs beside the trained weights, as buffers of ``members_``."""

    def _honest(
        self, x: np.ndarray, splits: Sequence[tuple[np.ndarray, np.ndarray]], trained: Trained
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows that some members held out, and the mean of those members' scores: what new rows would score."""
        held = np.zeros((len(splits), len(x)), bool)
        for member, (_, rows) in enumerate(splits):
            held[member, rows] = True
        rows = np.flatnonzero(held.any(0))
        if len(rows) > HONEST_MOST:  # from all over the table, which may be sorted
            rows = np.sort(np.random.default_rng(0).choice(rows, HONEST_MOST, replace=False))
        every = np.empty((len(splits), len(rows)))
        for block, each in loop.score_members(self.method(), trained, x[rows]):
            every[:, block] = each
        out = held[:, rows]
        return rows, self._as_ensemble((every * out).sum(0) / out.sum(0), every) if len(rows) else every[0]

    def _as_ensemble(self, scores: np.ndarray, every: np.ndarray) -> np.ndarray:
        """(rows,) scores by those members that held a row out, beside all members' (members, rows)."""
        return scores

    def score_encoded(self, z: np.ndarray) -> np.ndarray:
        trained = Trained(self.members_["weights"], self.members_["buffers"])
        return loop.score(self.method(), trained, pad_columns(z))

    def _plan(self, rows: int, columns: int, seed: int) -> Plan:
        """How to train on so many rows and columns."""
        return Plan(epochs=0, seed=seed)

    def _resampled(
        self, data: dict[str, np.ndarray], splits: list[tuple[np.ndarray, np.ndarray]], seed: int
    ) -> tuple[dict[str, np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
        """The data with made-up rows behind it, which members' training rows may name."""
        return data, splits

    def _judge(self, data: dict[str, np.ndarray]) -> Judge | None:
        """What judges the held-out rows of all members together; None where each goes by its own."""
        return None

    def _held_out(self, rows: int) -> int:
        """How many of so many rows no member learns from: the ensemble's scores of them are those of new rows."""
        count = round(HELD_OUT * rows)
        return min(count, HONEST_MOST) if count >= ENOUGH else 0

    def _splits(
        self, rows: np.ndarray, labels: np.ndarray | None, rng: np.random.Generator
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """(training rows, held-out rows) for each member; the same for all, so that held-out rows have their mean."""
        held = np.zeros(len(rows), bool)
        held[rng.permutation(len(rows))[: self._held_out(len(rows))]] = True
        return [(rows[~held], rows[held])] * self.n_estimators

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if hasattr(self, "hidden"):
            check_layers(self.hidden, getattr(self, "activation", "relu"), getattr(self, "dropout", 0.0))


@dataclass(kw_only=True, eq=False, repr=False)
class Network(Ensemble):
    """Members that are trained: the parameters of training.

    n_estimators: members; the score is their mean.
    epochs: passes over the training rows; None: as many as ``steps`` take.
    steps: optimiser steps of a member where no epochs are given; None: about 3,000, but 200 epochs at most.
    batch_size: rows a step; None: 32 to 1024, by the number of rows.
    learning_rate, weight_decay: of AdamW. schedule: 'constant' or 'cosine'.
    validation_fraction: share of the rows that is held out, for early stopping and for p-values.
    patience: epochs without a better held-out loss before training stops; None trains to the end.
    average: what a running mean of the weights, which is what is kept, retains a step, in [0, 1); 0 for none.
    budget: seconds of training at most; None for no limit.
    """

    epochs: int | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "constant"
    validation_fraction: float = 0.1
    patience: int | None = 10
    average: float = 0.0
    budget: float | None = None

    ranges: ClassVar[dict[str, Range]] = {
        "epochs": Range(0, whole=True, optional=True),
        "steps": Range(0, whole=True, optional=True),
        "batch_size": Range(1, whole=True, optional=True),
        "learning_rate": Range(0),
        "weight_decay": Range(0),
        "validation_fraction": Range(0, 1, open_high=True),
        "patience": Range(0, whole=True, optional=True),
        "average": Range(0, 1, open_high=True),
        "budget": Range(0, optional=True),
    }

    def _plan(self, rows: int, columns: int, seed: int) -> Plan:
        batch_size = self.batch_size or _batch_size(rows)
        epochs, steps = self.epochs, self.steps if self.epochs is None else None
        if steps is not None:  # of the fewest batches that an epoch can have, so that steps are what ends it
            epochs = -(-steps // max(1, int((1 - self.validation_fraction) * rows) // batch_size))
        elif epochs is None:
            epochs = int(np.clip(np.ceil(STEPS / np.ceil(rows / batch_size)), 1, EPOCHS_MOST))
        return Plan(
            epochs, batch_size, self.learning_rate, self.weight_decay, self.schedule, self.patience, self.budget, seed,
            steps, self.average,
        )  # fmt: skip

    def _held_out(self, rows: int) -> int:
        count = round(self.validation_fraction * rows)
        stopping = self.patience is not None and self.validation_fraction * rows >= HELD_OUT_LEAST
        return min(count, HONEST_MOST, rows - 1) if stopping or count >= ENOUGH else 0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.schedule not in ("constant", "cosine"):
            raise OptionError("there is no such schedule", required="'constant' or 'cosine'", found=repr(self.schedule))


@dataclass(kw_only=True, eq=False, repr=False)
class Detector(OutlierMixin, Learner):
    """A detector that needs no labels.

    contamination: share of the training rows that ``predict`` calls outliers, in (0, 0.5].
    """

    contamination: float = 0.1

    ranges: ClassVar[dict[str, Range]] = {"contamination": Range(0, 0.5, open_low=True)}

    def fit(self, X: Any, y: Any = None) -> Detector:
        """Learn from X (rows, columns), numeric and finite; y is ignored unless the method takes labels."""
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        self.scaler_ = Scaler.fit(X, self.bend)
        z = self.scaler_.transform(X)
        self.fit_encoded(z)
        rng = np.random.default_rng(0)
        rows = np.arange(len(z)) if len(z) <= OFFSET_ROWS else rng.choice(len(z), OFFSET_ROWS, replace=False)
        self.offset_ = float(np.percentile(-self.score_encoded(z[rows]), 100 * self.contamination))
        return self

    def _training_data(
        self, z: np.ndarray, y: np.ndarray | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        rows = np.arange(len(z)) if y is None else np.flatnonzero(y != 1)  # known anomalies are not what is normal
        if len(rows) < 2:
            raise LabelError(
                "too few rows that are not labelled anomalies", required="at least 2", found=f"{len(rows)}"
            )
        return {"x": pad_columns(z)}, rows, None

    def score_samples(self, X: Any) -> np.ndarray:
        """(rows,): higher = more normal, scikit-learn's direction; minus :meth:`anomaly_score`."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """(rows,): negative = outlier."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """(rows,): -1 outlier, +1 inlier. (In y, -1 means something else: unlabelled.)"""
        return np.where(self.decision_function(X) < 0, -1, 1)


def _batch_size(rows: int) -> int:
    """A power of two near a hundredth of the rows: enough steps an epoch on small tables, wide ones on large."""
    return 2 ** int(np.clip(np.round(np.log2(max(rows, 1) / 100)), 5, 10))


def _plain(value: Any) -> Any:
    """A parameter as JSON holds it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, (bool, int, float, str, dict)) else None
