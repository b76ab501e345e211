"""The detectors that a person gets who names none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from amiss.base import HONEST_MOST, Detector, Report
from amiss.detectors.feedforward import FeedForward
from amiss.errors import TableError
from amiss.views import mixture


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyDetector(Detector):
    """The default without labels: local and wide views of a row's neighbourhood, mixed by how polluted the rows are.

    Finds local, global, dependency and clustered anomalies, in clean training data and in polluted. Fails where
    most rows are anomalies. It has no parameters to set.
    See :mod:`amiss.views.mixture`.
    """

    bend: ClassVar[bool] = False
    keeps_rows: ClassVar[bool] = True

    def fit_encoded(
        self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None
    ) -> AnomalyDetector:
        self._check_parameters()
        if len(z) < 2:
            raise TableError("a detector cannot learn from so few rows", required="at least 2 rows", found=f"{len(z)}")
        _, rows, _ = self._training_data(z, y)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        state, picked, honest = mixture.init(z[rows], rng)
        self.members_ = {"weights": {}, "buffers": state}
        self.history_, self.stopped_, self.columns_ = [], "nothing to train", z.shape[1]
        self.honest_ = (rows[picked][:HONEST_MOST], honest[:HONEST_MOST])
        return self

    def score_encoded(self, z: np.ndarray) -> np.ndarray:
        return mixture.score(self.members_["buffers"], z)


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyClassifier(FeedForward):
    """The default with labels: feed-forward networks that also see every column cut at quantiles of both kinds of rows.

    Cuts give networks what trees have, a bend at any column's own values; dropout and weight decay keep them from
    over-fitting the few anomalies. Together the members hold out every row once, and stop where the average precision
    of these rows is best. See :class:`~amiss.detectors.feedforward.FeedForward`.
    """

    activation: str = "silu"
    bins: int = 8
    column_rate: float = 6.0
    dropout: float = 0.25
    weight_decay: float = 0.1
    n_estimators: int = 8
    average: float = 0.98
    validation_fraction: float = 0.125
    stopping: str = "average precision"
