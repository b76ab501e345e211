"""What is done about anomalies being few: by weights, by the loss, by the batches, by made-up rows; each by its name.

==============  ====================================================================================================
none            nothing: rare rows are learned as rare
class weights   both classes weigh the same in the loss
focal           rows that are sure already weigh little in the loss (Lin et al., 2017)
oversample      in an epoch, anomalies come again, at random, until there are as many as normal rows
undersample     in an epoch there are only as many normal rows as anomalies, others every time
balanced        half of every batch are anomalies
smote           anomalies between neighbouring ones are made up (Chawla et al., 2002); needs imbalanced-learn
auto            the one of these, smote apart, whose short trial ranks held-out rows best
==============  ====================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from amiss.base import Report
from amiss.classifier import Classifier
from amiss.errors import MissingExtraError, OptionError, did_you_mean
from amiss.sampling import Sampler, balanced, oversampled, undersampled

SAMPLERS: dict[str, Sampler] = {"oversample": oversampled, "undersample": undersampled, "balanced": balanced}
TRIED = ("none", "class weights", "focal", "oversample", "undersample", "balanced")
NAMES = (*TRIED, "smote", "auto")
FOCUS = 2.0  #: the focal loss's exponent
TRIAL_MEMBERS, TRIAL_STEPS, TRIAL_PATIENCE = 2, 400, 6
GAIN = 0.005  #: in average precision, that a remedy must bring in the trial to be taken
SMOTE_NEIGHBOURS, SMOTE_MOST = 5, 20_000  #: made-up rows a member, at most

Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(kw_only=True, eq=False, repr=False)
class ImbalancedClassifier(Classifier):
    """A classifier that takes a remedy for imbalance by name.

    imbalance: see :mod:`amiss.imbalance`. The fitted ``imbalance_`` is the one that was taken.
    """

    imbalance: str = "none"

    def fit_encoded(self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None) -> Classifier:
        self._check_parameters()
        self.imbalance_ = self.imbalance
        if self.imbalance == "auto":
            self.imbalance_ = "none" if y is None else self._tried(z, y)
        super().fit_encoded(z, y, report=report)
        return self

    def _tried(self, z: np.ndarray, y: np.ndarray) -> str:
        """The remedy whose short fit ranks the rows that it held out best."""
        found = {}
        for name in TRIED:
            trial = clone(self).set_params(
                imbalance=name, n_estimators=TRIAL_MEMBERS, steps=TRIAL_STEPS, patience=TRIAL_PATIENCE, random_state=0,
                validation_fraction=0.5,
            )  # fmt: skip
            trial.fit_encoded(z, y)
            rows, scores = trial.honest_
            if not len(rows) or not (y[rows] == 1).any():
                return "none"
            found[name] = average_precision_score(y[rows], scores)
        best = max(found, key=lambda name: found[name])
        return best if found[best] > found["none"] + GAIN else "none"

    def _remedy(self) -> str:
        return getattr(self, "imbalance_", self.imbalance)

    def _sampler(self) -> Sampler:
        return SAMPLERS.get(self._remedy()) or super()._sampler()

    def _focus(self) -> float:
        """The exponent by which the loss of rows that are sure already is lowered; 0 where it is not."""
        return FOCUS if self._remedy() == "focal" else 0.0

    def _row_weights(self, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
        weights = super()._row_weights(y, counts)
        if self._remedy() == "class weights":
            weights = weights * (counts.sum() / (2 * counts))[np.maximum(y, 0)].astype(np.float32)
        return weights

    def _resampled(
        self, data: dict[str, np.ndarray], splits: Splits, seed: int
    ) -> tuple[dict[str, np.ndarray], Splits]:
        if self._remedy() != "smote":
            return data, splits
        rows, own = len(data["x"]), []
        made = [smote(data["x"][learn], data["y"][learn], seed + i) for i, (learn, _) in enumerate(splits)]
        for (learn, held), new in zip(splits, made):
            own.append((np.concatenate([learn, rows + np.arange(len(new))]), held))
            rows += len(new)
        new = np.concatenate(made)
        typical = {"y": 1.0, "sample_weight": float(data["sample_weight"][data["y"] == 1].mean())}
        more = {name: np.full(len(new), value, np.float32) for name, value in typical.items()} | {"x": new}
        return {name: np.concatenate([array, more[name]]) for name, array in data.items()}, own

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.imbalance not in NAMES:
            hint = did_you_mean(str(self.imbalance), NAMES)
            raise OptionError(f"there is no remedy {self.imbalance!r}", required=", ".join(NAMES), hint=hint)


def smote(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Made-up anomalies (rows, columns) that bring x's up to its normal rows, ``SMOTE_MOST`` at most.

    None where there are fewer than two anomalies. Raises MissingExtraError where imbalanced-learn is not installed.
    """
    try:
        from imblearn.over_sampling import SMOTE
    except ImportError as error:
        raise MissingExtraError("imbalance='smote'", "imbalance") from error
    anomalies = int((y == 1).sum())
    wanted = min(len(y) - 2 * anomalies, SMOTE_MOST)
    if anomalies < 2 or wanted < 1:
        return x[:0]
    maker = SMOTE(
        sampling_strategy={1: anomalies + wanted}, k_neighbors=min(SMOTE_NEIGHBOURS, anomalies - 1), random_state=seed
    )
    return np.asarray(maker.fit_resample(x, (y == 1).astype(int))[0][len(x) :], np.float32)
