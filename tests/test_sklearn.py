"""scikit-learn's own checks over the two default estimators and every method in ``amiss.detectors``.

No check is marked as failing or skipped here. scikit-learn itself skips one, of arrays that are not NumPy's, unless
SCIPY_ARRAY_API is set before SciPy is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import amiss
from amiss import detectors
from amiss.base import Learner
from amiss.classifier import Classifier
from amiss.detectors.feedforward import FeedForward
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


def test_the_anomaly_is_the_class_that_says_so() -> None:
    rng = np.random.default_rng(0)
    y = np.where(rng.random(200) < 0.3, "bad", "ok")
    x = rng.normal(size=(200, 2)) + 2 * (y == "bad")[:, None]
    found = FeedForward(n_estimators=1, epochs=30, hidden=(8,), random_state=0).fit(x, y)
    assert (list(found.classes_), found.anomaly_class_) == (["bad", "ok"], "bad")
    score = found.anomaly_score(x)
    assert score[y == "bad"].mean() > score[y == "ok"].mean()
    assert (found.predict(x) == y).mean() > 0.85
    assert np.array_equal(found.predict_proba(x)[:, 1] > 0.5, found.decision_function(x) > 0)
