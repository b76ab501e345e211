"""What the weakly supervised methods share: labels of three kinds, batches that hold anomalies, a boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from amiss.base import Report
from amiss.calibrate import logistic
from amiss.classifier import Classifier
from amiss.errors import LabelError
from amiss.sampling import Sampler, balanced
from amiss.train import Method

BOUNDARY_ROWS = 20_000  #: training rows, at most, that the boundary of ``predict`` is taken from


@dataclass(kw_only=True, eq=False, repr=False)
class WeakClassifier(Classifier):
    """A method that learns from a few labelled anomalies among rows that are mostly unlabelled.

    y holds 1 for an anomaly, 0 for a row known to be normal, -1 for an unlabelled one, which is taken to be normal more
    often than not. Half of every batch are anomalies. A method's buffers hold a ``boundary``, which its score lessens
    the raw one by: it is set after training to where a logistic curve finds a row as likely to be labelled 1 as not,
    both kinds weighing the same, so that positive scores mean anomaly. ``predict_proba`` follows the score, but is no
    calibrated probability.
    """

    takes_unlabelled: ClassVar[bool] = True

    def method(self) -> Method:
        raise NotImplementedError

    def fit_encoded(self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None) -> Classifier:
        super().fit_encoded(z, y, report=report)
        assert y is not None
        rows = np.arange(len(z))
        if len(z) > BOUNDARY_ROWS:
            drawn = np.random.default_rng(0).permutation(np.flatnonzero(y != 1))[:BOUNDARY_ROWS]
            rows = np.concatenate([drawn, np.flatnonzero(y == 1)[:BOUNDARY_ROWS]])
        anomaly = (y[rows] == 1).astype(int)
        counts = np.bincount(anomaly, minlength=2)
        # both kinds weigh the same, as in the batches; times the person's weights, which scores learned by heart forget
        weights = self._row_weights(anomaly, counts) / counts[anomaly]
        slope, offset = logistic(self.score_encoded(z[rows]), anomaly, weights)
        cut = np.float32(-offset / slope)
        self.members_["buffers"]["boundary"] = self.members_["buffers"]["boundary"] + cut
        held, scores = self.honest_
        self.honest_ = held, scores - float(cut)
        return self

    def _sampler(self) -> Sampler:
        return balanced

    def _learned(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # y in {1, 0, -1} goes into the batches as it is: DeepSAD tells known normal rows from unlabelled ones
        anomaly = y == 1
        if not anomaly.any() or anomaly.all():
            raise LabelError(
                "this detector needs labelled anomalies among other rows",
                required="some rows labelled 1, and some labelled 0 or -1 (unlabelled)",
                found=f"{anomaly.sum()} labelled anomalies of {len(y)} rows",
            )
        return np.arange(len(y)), anomaly.astype(np.int8)
