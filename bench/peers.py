"""What a person could pick instead: detectors of scikit-learn, PyOD and DeepOD, and DTE-C, each with its own defaults.

A peer is a function from (training rows, rows to score, seed) to scores, higher = more anomalous. Packages are imported
when a peer is asked for, so that one environment need not hold them all; :func:`absent` says which are missing. All but
DeepOD are in the bench group: it asks for an old PyTorch and runs with a new one (``pip install --no-deps deepod``).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

Scorer = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def knn5(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    model = NearestNeighbors(n_neighbors=5).fit(train)
    return model.kneighbors(None if np.array_equal(train, test) else test)[0].mean(1)


def lof(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    if np.array_equal(train, test):
        return -LocalOutlierFactor().fit(train).negative_outlier_factor_
    return -LocalOutlierFactor(novelty=True).fit(train).score_samples(test)


def iforest(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def dtec(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return import_module("dtec").score(train, test, seed)


def pyod(module: str, name: str, **parameters: Any) -> Scorer:
    """A detector of PyOD; its random state where it takes one."""

    def run(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        kind = getattr(import_module(f"pyod.models.{module}"), name)
        given = dict(parameters)
        if name == "DeepSVDD":
            given["n_features"] = train.shape[1]
        if name != "ECOD":
            given["random_state"] = seed
        return kind(**given).fit(train).decision_function(test)

    return run


def deepod(name: str) -> Scorer:
    """A detector of DeepOD, on the processor."""

    def run(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        kind = getattr(import_module("deepod.models.tabular"), name)
        return kind(device="cpu", verbose=0, random_state=seed).fit(train).decision_function(test)

    return run


PEERS: dict[str, Scorer] = {
    "knn5": knn5,
    "lof": lof,
    "iforest": iforest,
    "ecod": pyod("ecod", "ECOD"),
    "autoencoder": pyod("auto_encoder", "AutoEncoder", verbose=0),
    "deepsvdd": pyod("deep_svdd", "DeepSVDD", verbose=0),
    "lunar": pyod("lunar", "LUNAR"),
    "dif": pyod("dif", "DIF"),
    "dtec": dtec,
    "vae": pyod("vae", "VAE", verbose=0),
    "neutral": deepod("NeuTraL"),
    "icl": deepod("ICL"),
}

#: Those of the side-by-side table; the others are looked at beside our own form of the same method.
USUAL = ("knn5", "lof", "iforest", "ecod", "autoencoder", "deepsvdd", "lunar", "dif", "dtec")

PACKAGES = {"dtec": "torch", "neutral": "deepod", "icl": "deepod"} | dict.fromkeys(
    ("ecod", "autoencoder", "deepsvdd", "lunar", "dif", "vae"), "pyod"
)
#: What compiles for seconds when it is first used in a process, and is used once before it is measured.
COMPILING = ("autoencoder", "vae")

#: Imported before any measurement starts, so that no method pays for it.
HEAVY = (
    "sklearn.ensemble",
    "sklearn.neighbors",
    "amiss.default",
    "amiss.detectors.nearest",
    "torch._dynamo",  # what PyTorch's optimisers import when they are first used
    *(f"pyod.models.{module}" for module in ("ecod", "auto_encoder", "deep_svdd", "lunar", "dif", "vae")),
    "deepod.models.tabular",
)


def absent(peer: str) -> str | None:
    """The package that a peer needs and that is not installed."""
    package = PACKAGES.get(peer)
    return package if package and find_spec(package) is None else None
