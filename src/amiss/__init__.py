"""amiss: find what is amiss in a table or a time series with neural networks, and learn why."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "fit": "amiss.model",
    "load": "amiss.model",
    "detect": "amiss.detection",
    "tune": "amiss.tuning",
    "suggest": "amiss.suggestion",
    "Model": "amiss.model",
    "SeriesDetector": "amiss.series.detector",
    "AnomalyDetector": "amiss.default",
    "AnomalyClassifier": "amiss.default",
    "AnomalyKFold": "amiss.splits",
    "anomaly_scorer": "amiss.splits",
}

__all__ = ["__version__", "detectors", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name == "detectors":
        return import_module("amiss.detectors")
    raise AttributeError(f"module 'amiss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
