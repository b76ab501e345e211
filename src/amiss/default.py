"""The detectors that a person gets who names none."""

from __future__ import annotations

from dataclasses import dataclass

from amiss.detectors.autoencoder import Autoencoder
from amiss.detectors.feedforward import FeedForward


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyDetector(Autoencoder):
    """The default without labels."""


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyClassifier(FeedForward):
    """The default with labels."""
