"""scikit-learn's own checks over the two default estimators and every method in ``amiss.detectors``.

No check is marked as failing or skipped here. scikit-learn itself skips one, of arrays that are not NumPy's, unless
SCIPY_ARRAY_API is set before SciPy is imported.
"""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import amiss
from amiss import detectors
from amiss.base import Learner
from amiss.classifier import Classifier
from amiss.weak import WeakClassifier

pytestmark = [
    # the checks fit on purpose what no detector can learn from, and look at what scikit-learn says of it
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


def quick(kind: type[Learner]) -> Learner:
    """An estimator that learns the checks' small tables in a moment."""
    settings: dict[str, Any] = {"n_estimators": 1, "hidden": (16,), "epochs": 30, "random_state": 0}
    if issubclass(kind, Classifier):
        # a check asks for an accuracy of 0.83 on 200 blobs: that takes more steps than finding outliers does
        settings |= {"learning_rate": 0.02, "dropout": 0.0, "patience": None}
    if issubclass(kind, WeakClassifier):
        settings |= {"epochs": 300, "hidden": (16, 8)}
    known = kind().get_params()
    return kind(**{name: value for name, value in settings.items() if name in known})


KINDS = [amiss.AnomalyDetector, amiss.AnomalyClassifier, *(detectors.find(name) for name in detectors.DETECTORS)]


@parametrize_with_checks([quick(kind) for kind in KINDS])
def test_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
