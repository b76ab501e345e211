"""The classifiers that the benchmark of labels compares: ours, and the peers that a person would reach for.

Every maker takes a seed and the share of anomalies, and returns something with scikit-learn's ``fit`` and
``predict_proba``. Peers take unlabelled rows as normal ones, as people do; ours are told which are unlabelled.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import amiss

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class KerasDense:
    """Dense 64-32-1 of Keras: ten epochs of Adam at batch 32, on standardised columns."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, x: np.ndarray, y: np.ndarray) -> KerasDense:
        os.environ.setdefault("KERAS_BACKEND", "jax")
        import keras

        keras.utils.set_random_seed(self.seed)
        self.scaler = StandardScaler().fit(x)
        layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(1, "sigmoid")]
        self.model = keras.Sequential(layers)
        self.model.compile("adam", "binary_crossentropy")
        self.model.fit(self.scaler.transform(x).astype("float32"), y, batch_size=32, epochs=10, verbose=0)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        chance = self.model.predict(self.scaler.transform(x).astype("float32"), batch_size=1024, verbose=0)[:, 0]
        return np.column_stack([1 - chance, chance])


def _xgboost(seed: int, share: float) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=seed, n_jobs=THREADS)


def _xgboost_weighted(seed: int, share: float) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=seed, n_jobs=THREADS, scale_pos_weight=(1 - share) / share)


def _lightgbm(seed: int, weight: str | None) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=seed, verbose=-1, n_jobs=THREADS, class_weight=weight)


def _catboost(seed: int, weight: str | None) -> Any:
    from catboost import CatBoostClassifier

    return CatBoostClassifier(
        random_seed=seed, verbose=0, auto_class_weights=weight, allow_writing_files=False, thread_count=THREADS
    )


def _xgbod(seed: int, share: float) -> Any:
    from pyod.models.xgbod import XGBOD

    return XGBOD(random_state=seed, n_jobs=THREADS)


#: name -> (maker, the package that it needs)
CLASSIFIERS: dict[str, tuple[Callable[[int, float], Any], str]] = {
    "amiss": (lambda seed, share: amiss.AnomalyClassifier(random_state=seed), "amiss"),
    "feedforward": (lambda seed, share: amiss.detectors.FeedForward(random_state=seed), "amiss"),
    "devnet": (lambda seed, share: amiss.detectors.DevNet(random_state=seed), "amiss"),
    "prenet": (lambda seed, share: amiss.detectors.PReNet(random_state=seed), "amiss"),
    "deepsad": (lambda seed, share: amiss.detectors.DeepSAD(random_state=seed), "amiss"),
    "mlp": (
        lambda seed, share: make_pipeline(StandardScaler(), MLPClassifier((100, 50), random_state=seed)),
        "sklearn",
    ),
    "mlp-raw": (lambda seed, share: MLPClassifier((100, 50), random_state=seed), "sklearn"),
    "histgb": (lambda seed, share: HistGradientBoostingClassifier(random_state=seed), "sklearn"),
    "histgb-weighted": (
        lambda seed, share: HistGradientBoostingClassifier(random_state=seed, class_weight="balanced"),
        "sklearn",
    ),
    "xgboost": (_xgboost, "xgboost"),
    "xgboost-weighted": (_xgboost_weighted, "xgboost"),
    "lightgbm": (lambda seed, share: _lightgbm(seed, None), "lightgbm"),
    "lightgbm-weighted": (lambda seed, share: _lightgbm(seed, "balanced"), "lightgbm"),
    "catboost": (lambda seed, share: _catboost(seed, None), "catboost"),
    "catboost-weighted": (lambda seed, share: _catboost(seed, "Balanced"), "catboost"),
    "keras": (lambda seed, share: KerasDense(seed), "keras"),
    "xgbod": (_xgbod, "pyod"),
}


def installed(name: str) -> bool:
    """Whether the package that a classifier needs is there."""
    return find_spec(CLASSIFIERS[name][1]) is not None


def chances(name: str, seed: int, x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(rows asked,) scores after learning x, y; y: 1, 0, and -1 unlabelled."""
    ours = CLASSIFIERS[name][1] == "amiss"
    known = y if ours else np.maximum(y, 0)
    model = CLASSIFIERS[name][0](seed, float((y == 1).mean()))
    if name == "xgbod":
        return np.asarray(model.fit(x, known).decision_function(asked))
    fitted = model.fit(x, known)
    return fitted.anomaly_score(asked) if ours else fitted.predict_proba(asked)[:, 1]


def chances_raw(name: str, seed: int, train: Any, label: str, asked: Any) -> np.ndarray:
    """As :func:`chances`, on polars frames of raw tables, of which ``train`` holds the labels.

    All get the columns that our reader takes for numbers, dates and categories; CatBoost and histogram trees get the
    latter as such, in their own way, the others not at all.
    """
    from amiss.task import prepare

    task = prepare(train, label, seed=seed)
    table, y = task.table, task.y
    other = type(table).match(_read(asked), table.schema, label=label)
    if name == "amiss":
        encoder, detector, _ = task.recipe.fit(table, y, np.arange(table.rows))
        return np.asarray(detector.score_encoded(encoder.transform(other)))
    own = [c for c in table.schema.learned if c.kind not in ("numeric", "datetime")]
    numbers = [c.name for c in table.schema.learned if c not in own]
    parts = [
        np.column_stack([t.numbers(c) for c in numbers]) if numbers else np.zeros((t.rows, 0)) for t in (table, other)
    ]
    model = CLASSIFIERS[name][0](seed, float(np.mean(y)))  # type: ignore[arg-type]
    if name.startswith("catboost"):
        words = [np.array([[w or "" for w in t.words(c.name)] for c in own], object).T for t in (table, other)]
        both = [np.hstack([p.astype(object), w]) if own else p for p, w in zip(parts, words)]
        model.set_params(cat_features=list(range(len(numbers), len(numbers) + len(own))))
    else:
        codes = []
        for t in (table, other):
            found = [t.codes(c.name, table.counts(c.name)[0][:250]) for c in own]
            codes.append(np.column_stack([np.where(f < 0, np.nan, f) for f in found]) if own else np.zeros((t.rows, 0)))
        both = [np.hstack([p, c]) for p, c in zip(parts, codes)]
        if name.startswith("histgb"):
            model.set_params(categorical_features=[*[False] * len(numbers), *[True] * len(own)])
    return np.asarray(model.fit(both[0], y).predict_proba(both[1])[:, 1])


def _read(frame: Any) -> Any:
    from amiss.reading import ReadOptions, read

    return read(frame, ReadOptions())
