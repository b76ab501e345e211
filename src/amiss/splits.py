"""Which rows teach and which are held out: stratified by label, whole groups together, or forward in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from amiss.errors import LabelError, OptionError, check_number

Split = tuple[np.ndarray, np.ndarray]  #: rows that teach, rows that are held out


def folds(
    y: np.ndarray, count: int, seed: int = 0, *, groups: np.ndarray | None = None, times: np.ndarray | None = None
) -> list[Split]:
    """``count`` splits of rows with labels y (rows,) of 1, 0 and -1; every held-out part holds both kinds.

    groups: (rows,) codes; rows of one group are never on both sides. times: (rows,) numbers; every split holds out rows
    that are later than all that teach. Raises LabelError where labels or groups are too few for that.
    """
    check_number("folds", count, 2, whole=True)
    if groups is not None and times is not None:
        raise OptionError("folds are grouped or forward in time, not both", hint="leave one of the two out")
    if times is not None:
        return _forward(y, count, times)
    for value, name in ((1, "anomalies"), (0, "normal rows")):
        labelled = int((y == value).sum())
        if labelled < count:
            raise LabelError(
                f"there are too few labelled {name}", required=f"at least {count}, one for each fold",
                found=str(labelled),
                hint="label more rows, or find anomalies without it: --setting unsupervised",
            )  # fmt: skip
    if (y == -1).sum() < count:
        y = np.maximum(y, 0)  # too few unlabelled rows to be spread; where they lie does not matter
    if groups is None:
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(y, y))
    with_anomalies = len(np.unique(groups[y == 1]))
    if with_anomalies < count:
        raise LabelError(
            "too few groups hold anomalies", required=f"at least {count}, one for each fold", found=str(with_anomalies),
            hint="ask for fewer folds, or group by another column",
        )  # fmt: skip
    found = list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(y, y, groups))
    return [(rows, held) for rows, held in found if both(y[rows]) and both(y[held])]


def both(y: np.ndarray) -> bool:
    """Whether labels of both kinds are among y."""
    return bool((y == 1).any() and (y == 0).any())


def _forward(y: np.ndarray, count: int, times: np.ndarray) -> list[Split]:
    """Blocks of time of about as many rows each; each but the first is held out once, and all before it teach."""
    if not np.isfinite(times).all():
        raise LabelError(
            "some rows have no time", required="a readable time in every row", found=f"{(~np.isfinite(times)).sum():,}"
        )
    edges = np.unique(np.quantile(times, np.arange(1, count + 1) / (count + 1), method="higher"))
    block = np.searchsorted(edges, times, side="right")
    cut = [(np.flatnonzero(block < i), np.flatnonzero(block == i)) for i in range(1, len(edges) + 1)]
    kept = [(rows, held) for rows, held in cut if both(y[rows]) and both(y[held])]
    if len(kept) < min(2, count):
        raise LabelError(
            "the anomalies are not spread over time enough to learn from earlier ones and be judged by later ones",
            required="labelled rows of both kinds in two blocks of time and before them",
            found=f"{len(kept)} of {count} blocks", hint="ask for fewer folds, or leave the time out",
        )  # fmt: skip
    return kept


@dataclass
class AnomalyKFold:
    """Folds for scikit-learn's ``GridSearchCV`` and ``cross_val_score`` over detectors and classifiers alike.

    scikit-learn stratifies for classifiers only: an outlier detector gets folds as they come, some without an anomaly,
    and a score that is NaN. Here every held-out part has anomalies and normal rows in the table's proportion. y (rows,)
    holds 1 for anomalies and 0 for normal rows, or -1 for unlabelled ones, which are spread evenly; without y, or where
    y has one value only, folds are those of ``KFold``. With ``groups``, a group is never on both sides.

    n_splits: folds, at least 2. shuffle: shuffles rows first. random_state: an int for the same folds every time.
    Raises LabelError where a class has fewer rows than there are folds.
    """

    n_splits: int = 5
    shuffle: bool = True
    random_state: int | None = None

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Pairs of (training rows, held-out rows)."""
        seed = self.random_state if self.shuffle else None
        if y is None or len(np.unique(np.asarray(y))) < 2:
            yield from KFold(self.n_splits, shuffle=self.shuffle, random_state=seed).split(X)
            return
        y = np.asarray(y)
        for value, rows in zip(*np.unique(y, return_counts=True)):
            if rows < self.n_splits:
                raise LabelError(
                    f"there are too few rows labelled {value}", required=f"at least {self.n_splits}, one for each fold",
                    found=str(rows), hint="label more rows, or ask for fewer folds",
                )  # fmt: skip
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        yield from kind(self.n_splits, shuffle=self.shuffle, random_state=seed).split(np.zeros(len(y)), y, groups)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return self.n_splits


def anomaly_scorer(metric: str = "average_precision") -> Any:
    """A scorer for scikit-learn by ``anomaly_score``, higher = more anomalous, whatever the estimator.

    metric: 'average_precision' or 'roc_auc'. y holds 1 for anomalies and 0 for normal rows; rows of -1 are left out.
    scikit-learn's own scorers of these names take an outlier detector's ``decision_function``, in which anomalies
    are low, and so measure it upside down. Pipelines will do, where their last step is a detector of ours.
    """
    if metric not in METRICS:
        raise OptionError("there is no such metric", required=" or ".join(METRICS), found=repr(metric))
    return _Scorer(metric)


METRICS = {"average_precision": average_precision_score, "roc_auc": roc_auc_score}


@dataclass(frozen=True)
class _Scorer:
    """Called by scikit-learn as (estimator, X, y); a class, so that it can be sent to other processes."""

    metric: str

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        y = np.asarray(y)
        *steps, last = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
        for step in steps:
            X = X if step in (None, "passthrough") else step.transform(X)
        return measure(self.metric, y, last.anomaly_score(X))


def measure(metric: str, y: np.ndarray, score: np.ndarray) -> float:
    """One number, higher = better: of rows with y = 1 or 0. Raises LabelError where one kind is absent."""
    known = y >= 0
    if not both(y):
        raise LabelError("a measure needs labels of both kinds", found=f"{int((y == 1).sum())} anomalies")
    return float(METRICS[metric](y[known], score[known]))
