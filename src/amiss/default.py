"""The detectors that a person gets who names none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from amiss.base import HONEST_MOST, Detector, Report
from amiss.detectors.denoiser import Denoiser
from amiss.detectors.feedforward import FeedForward
from amiss.errors import OptionError, Range, TableError
from amiss.handful import FEW, VOICES
from amiss.train import Plan
from amiss.views import critic, mixture

WIDTH, STEPS = 128, 700  #: units of the hidden layers, and optimiser steps, of the networks without labels


def networks() -> mixture.Networks:
    """The networks that the default without labels looks at rows with."""
    return {
        "denoiser": ("copula", Denoiser(hidden=(WIDTH, WIDTH)).method()),
        "critic": ("ranks", critic.method(WIDTH)),
    }


SOME_ROWS = 20_000  #: rows that show how loud what speaks beside the trained networks is
MANY, STEPS_OF_MANY, STEPS_LEAST = 50_000, 1_500, 750  #: rows beyond which batches are so wide that fewer steps do
WIDE = 32  #: columns of many rows beyond which there are fewer still, as a step costs more


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyDetector(Detector):
    """The default without labels: neighbours, networks and wide views of a row, mixed by how polluted the rows are.

    Finds local, global, dependency and clustered anomalies, in clean training data and in polluted. Fails where
    most rows are anomalies. It needs no parameters. See :mod:`amiss.views.mixture`.

    n_estimators: members of each of its two small networks for each of three folds. epochs: passes over the rows that
    they learn from, 4,096 at most; there are no more than 700 steps. budget: seconds of their training; None: no limit.
    """

    n_estimators: int = 1
    epochs: int = STEPS
    budget: float | None = None

    ranges: ClassVar[dict[str, Range]] = {
        "n_estimators": Range(1, whole=True),
        "epochs": Range(0, whole=True),
        "budget": Range(0, optional=True),
    }
    bend: ClassVar[bool] = False
    keeps_rows: ClassVar[bool] = True

    def fit_encoded(
        self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None
    ) -> AnomalyDetector:
        self._check_parameters()
        if len(z) < 2:
            raise TableError("a detector cannot learn from so few rows", required="at least 2 rows", found=f"{len(z)}")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        _, rows, _ = self._training_data(z, y)
        plan = Plan(self.epochs, 64, 6e-3, schedule="cosine", patience=None, budget=self.budget, seed=seed, steps=STEPS)
        state, picked, honest, stopped = mixture.init(
            z[rows], np.random.default_rng(seed), networks(), self.n_estimators, plan, report
        )
        self._keep({"weights": {}, "buffers": state}, z.shape[1], stopped)
        self.honest_ = (rows[picked][:HONEST_MOST], honest[:HONEST_MOST])
        return self

    def score_encoded(self, z: np.ndarray) -> np.ndarray:
        return mixture.score(self.members_["buffers"], z, networks())


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyClassifier(FeedForward):
    """The default with labels: feed-forward networks that also see every column cut at quantiles of both kinds of rows.

    Cuts give networks what trees have, a bend at any column's own values; dropout and weight decay keep them from
    over-fitting the few anomalies. Together the members hold out every row once, and stop where the average precision
    of these rows is best. See :class:`~amiss.detectors.feedforward.FeedForward`.

    frozen, likeness: with n anomalies, 64 at most, networks with a frozen hidden layer (:mod:`amiss.frozen`) and
    kernels at the anomalies (:mod:`amiss.likeness`) speak so many n-th times as loud as the trained ones; 0 for none.
    unlabelled: 'normal': rows of y = -1 are taken for normal ones, which most of them are; 'left out': they are not
    looked at.
    """

    activation: str = "silu"
    bins: int = 8
    column_rate: float = 6.0
    frozen: float = 8.0
    likeness: float = 20.0
    dropout: float = 0.5
    mixup: float = 0.3
    weight_decay: float = 0.1
    n_estimators: int = 8
    average: float = 0.98
    validation_fraction: float = 0.125
    patience: int | None = 8
    stopping: str = "average precision"
    unlabelled: str = "normal"

    takes_unlabelled: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {"frozen": Range(0), "likeness": Range(0)}

    def _plan(self, rows: int, columns: int, seed: int) -> Plan:
        plan = super()._plan(rows, columns, seed)
        if plan.steps is not None or rows <= MANY:
            return plan
        return replace(plan, steps=max(STEPS_LEAST, STEPS_OF_MANY * WIDE // max(columns, WIDE)))

    def fit_encoded(
        self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None
    ) -> AnomalyClassifier:
        if self.unlabelled not in ("normal", "left out"):
            required = "'normal' or 'left out'"
            raise OptionError("unlabelled is not understood", required=required, found=repr(self.unlabelled))
        if y is not None and self.unlabelled == "normal" and (y == 1).any():
            y = np.maximum(y, 0)
        self.few_ = bool(self.frozen or self.likeness) and y is not None and 0 < (y == 1).sum() <= FEW  # type: ignore[misc]
        super().fit_encoded(z, y, report=report)
        return self

    def _settle(self, z: np.ndarray, y: np.ndarray | None) -> None:
        if not self.few_ or y is None:
            return
        some = z[np.random.default_rng(0).permutation(np.flatnonzero(y >= 0))[:SOME_ROWS]]
        trained, voices = self.score_encoded(some), dict(zip(VOICES, (self.frozen, self.likeness)))
        for name in voices:  # one after another, each alone beside the trained networks
            self._say(name, share=1.0)
            alone = self.score_encoded(some) - trained
            self._say(name, share=0.0)
            voices[name] *= trained.std() / ((y == 1).sum() * max(alone.std(), 1e-9))
        for name, share in voices.items():
            self._say(name, share=share)

    def _say(self, name: str, share: float) -> None:
        self.members_["buffers"][f"{name}_share"] = np.full(self.n_estimators, share, np.float32)
