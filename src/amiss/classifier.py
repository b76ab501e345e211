"""What learns from labels: training data with weights, held-out rows by class, and scikit-learn's classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import average_precision_score
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from amiss.base import HELD_OUT_LEAST, Network
from amiss.calibrate import Calibration
from amiss.errors import LabelError, OptionError
from amiss.meaning import which_is_anomaly
from amiss.numeric import Scaler
from amiss.sampling import pad_columns
from amiss.train import Judge

SLIGHT = 1e-6  #: of a member, for what a fifth of five falls short of one


@dataclass(kw_only=True, eq=False, repr=False)
class Classifier(ClassifierMixin, Network):
    """A detector that learns from labels: a binary classifier; ``anomaly_class_`` is the class that is the anomaly.

    class_weight: 'balanced', a dictionary from class to weight, or None.
    stopping: 'loss': each member stops by its own held-out loss; 'average precision': all stop together, by that of
    all rows that are held out.
    """

    class_weight: Any = None
    stopping: str = "loss"

    takes_unlabelled: ClassVar[bool] = False  #: whether rows of y = -1 are learned from

    def fit(self, X: Any, y: Any) -> Classifier:
        """Learn from X (rows, columns), numeric and finite, and y (rows,) of two classes, 0 normal and 1 anomaly.

        Of another pair of numbers the larger one is the anomaly; of two texts, the one that says so (bad, fraud, ...)
        beside one that does not (ok, normal, ...), else the rarer: see ``anomaly_class_``. Where y holds 1, 0 and -1,
        rows of -1 are unlabelled, and beside 1 alone in methods that learn from such rows.
        Raises LabelError for one class or more than two.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        classes = np.unique(y)
        unlabelled = np.zeros(len(y), bool)
        if np.array_equal(classes, [-1, 0, 1]):
            unlabelled, classes = y == -1, classes[1:]
        elif self.takes_unlabelled and np.array_equal(classes, [-1, 1]):
            unlabelled = y == -1
        if len(classes) != 2:
            count = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
            only = "Only binary classification is supported. " if len(classes) > 2 else ""
            raise LabelError(
                f"{only}A classifier needs two classes, normal and anomaly",
                found=f"{count}: " + ", ".join(map(repr, classes.tolist()[:6])) + (", ..." if len(classes) > 6 else ""),
                hint="give y as 1 (anomaly), 0 (normal) and -1 (unlabelled)",
            )
        self.classes_, known = classes, int((y == classes[1]).sum())
        texts = classes.dtype.kind in "OUS"
        at = which_is_anomaly([str(c) for c in classes], (len(y) - known, known)) if texts else 1
        self.anomaly_class_ = classes[at]
        codes = np.where(unlabelled, -1, (y == self.anomaly_class_).astype(np.int8))
        self.scaler_ = Scaler.fit(X, self.bend)
        self.fit_encoded(self.scaler_.transform(X), codes)
        rows, score = self.honest_  # with class weights, probabilities are those of the weighted classes
        own = self.class_weight is None
        self.calibration_ = Calibration.learn(score, codes[rows], log_odds=self.tells_log_odds) if own else None
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """(rows,): log-odds of the second of ``classes_``: where that is the anomaly, as it is of numbers, in the order
        of :meth:`anomaly_score`, else in the opposite one.

        Calibrated on rows that the members held out, where they held out enough of both classes.
        """
        score = self.anomaly_score(X)
        odds = score if self.calibration_ is None else self.calibration_.to_log_odds(score)
        return odds if self.classes_[1] == self.anomaly_class_ else -odds

    def predict_proba(self, X: Any) -> np.ndarray:
        """(rows, 2): probabilities of the two ``classes_``, from :meth:`decision_function`."""
        second = 1 / (1 + np.exp(-np.clip(self.decision_function(X), -500, 500)))
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> np.ndarray:
        """(rows,) the likelier of ``classes_``."""
        likelier = (self.decision_function(X) > 0).astype(int)  # first: it says so where the estimator is not fitted
        return self.classes_[likelier]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _training_data(
        self, z: np.ndarray, y: np.ndarray | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        if y is None:
            raise LabelError("this detector learns from labels", required="a label column", found="none")
        rows, kinds = self._learned(y)
        weights = self._row_weights(y, np.bincount(kinds, minlength=2))
        return {"x": pad_columns(z), "y": y.astype(np.float32), "sample_weight": weights}, rows, kinds

    def _learned(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows to learn from, of y in {1, 0, -1}, and whether each is an anomaly (1) or not (0).

        Raises LabelError where there are no rows of one kind.
        """
        rows = np.flatnonzero(y >= 0)
        counts = np.bincount(y[rows], minlength=2)
        if counts.min() == 0:
            raise LabelError(
                "this detector needs rows of both kinds",
                found=f"{counts[1]} labelled anomalies and {counts[0]} labelled normal rows",
            )
        return rows, y[rows]

    def _as_ensemble(self, scores: np.ndarray, every: np.ndarray) -> np.ndarray:
        """One member's scores spread wider than the mean of many: brought to its spread, quantile by quantile."""
        levels = np.linspace(0, 1, min(512, every.shape[1]))
        alone, together = np.quantile(every, levels), np.quantile(every.mean(0), levels)
        beyond = np.minimum(scores - alone[0], 0) + np.maximum(scores - alone[-1], 0)
        return np.interp(scores, alone, together) + beyond

    def _judge(self, data: dict[str, np.ndarray]) -> Judge | None:
        if self.stopping != "average precision":
            return None

        def missed(rows: np.ndarray, scores: np.ndarray) -> float:
            y = data["y"][rows] == 1
            return 1 - average_precision_score(y, scores) if y.any() else 1.0

        return missed

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.stopping not in ("loss", "average precision"):
            required = "'loss' or 'average precision'"
            raise OptionError("there is no such stopping", required=required, found=repr(self.stopping))

    def _splits(
        self, rows: np.ndarray, labels: np.ndarray | None, rng: np.random.Generator
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """As they are, but each member holds out rows of its own, stratified by ``labels``."""
        held, fraction = np.zeros((self.n_estimators, len(rows)), bool), self.validation_fraction
        if self.patience is not None and fraction * len(rows) >= HELD_OUT_LEAST:
            for value in [None] if labels is None else np.unique(labels):
                own = np.flatnonzero(np.ones(len(rows), bool) if labels is None else labels == value)
                count, order = fraction * len(own), rng.permutation(own)
                for member in range(self.n_estimators):  # one after another through all rows, and again, in a new order
                    start, stop = round(member * count), round((member + 1) * count)
                    if member and int((member + SLIGHT) * fraction) > int((member - 1 + SLIGHT) * fraction):
                        order = rng.permutation(own)
                    picked = order[np.arange(start, max(start + 1, stop)) % len(own)]
                    held[member, picked[: len(own) - 1]] = True
        return [(rows[~out], rows[out]) for out in held]

    def _row_weights(self, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
        if self.class_weight is None:
            normal, anomaly = 1.0, 1.0
        elif isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                raise OptionError(
                    "class_weight is not understood",
                    required="None, 'balanced' or a dict",
                    found=repr(self.class_weight),
                )
            normal, anomaly = counts.sum() / (2 * counts)
        else:
            classes = getattr(self, "classes_", np.array([0, 1]))
            normal, anomaly = (float(self.class_weight.get(c, 1.0)) for c in classes.tolist())
        return np.where(y == 1, anomaly, normal).astype(np.float32)
