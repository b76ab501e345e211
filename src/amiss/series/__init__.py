"""Time series: points, stretches and channels that are amiss.

The methods by name; a method's module is imported when it is first asked for. What a method has is
:class:`amiss.series.base.SeriesLearner`'s: ``fit``, ``look``, ``score_steps``, ``to_state`` and more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from amiss.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from amiss.series.base import SeriesLearner


class Entry(NamedTuple):
    """module: in this folder. causal: whether scores are independent of later steps. finds: one line."""

    module: str
    causal: bool
    finds: str


METHODS: dict[str, Entry] = {
    "SeriesDetector": Entry("detector", False, "the default: windows unlike all others, at several lengths at once"),
    "CNNForecaster": Entry("methods.cnn_forecaster", True, "values that a convolutional network did not foresee"),
    "RNNForecaster": Entry("methods.rnn_forecaster", True, "values that an LSTM or GRU did not foresee"),
    "MixerForecaster": Entry("methods.mixer_forecaster", True, "values that an MLP-mixer did not foresee"),
    "CNNAutoencoder": Entry("methods.cnn_autoencoder", False, "windows that a convolutional network cannot reproduce"),
    "RNNAutoencoder": Entry("methods.rnn_autoencoder", False, "windows that a recurrent network cannot reproduce"),
    "PatchNeighbours": Entry(
        "methods.patch_neighbours", False, "windows far, in a learned embedding, from those of the training part"
    ),
    "WindowPCA": Entry("methods.window_pca", False, "windows that do not vary together as those of the training part"),
    "MatrixProfile": Entry("methods.matrix_profile", False, "shapes that are like no other in the series"),
    "SpectralResidual": Entry("methods.spectral_residual", False, "points that stand out of the series' spectrum"),
}
#: other names, and the parameters that they stand for
ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "LSTMForecaster": ("RNNForecaster", {"cell": "lstm"}),
    "GRUForecaster": ("RNNForecaster", {"cell": "gru"}),
    "LSTMAutoencoder": ("RNNAutoencoder", {"cell": "lstm"}),
    "GRUAutoencoder": ("RNNAutoencoder", {"cell": "gru"}),
}

__all__ = ["ALIASES", "METHODS", "find", "implied"]


def find(name: str | None) -> type[SeriesLearner]:
    """The class called ``name``, in any case, with or without dashes; the default one for no name. Raises OptionError
    for an unknown name."""
    key = _entry(name)[0]
    return getattr(import_module(f"amiss.series.{METHODS[key].module}"), key)


def implied(name: str | None) -> dict[str, Any]:
    """The parameters that a name stands for: ``cell`` of an LSTMForecaster."""
    return dict(_entry(name)[1])


def _entry(name: str | None) -> tuple[str, dict[str, Any]]:
    known = {_plain(key): (key, dict[str, Any]()) for key in METHODS}
    known |= {_plain(key): found for key, found in ALIASES.items()}
    plain = _plain(name or "SeriesDetector")
    if plain not in known:
        hint = did_you_mean(str(name), [*METHODS, *ALIASES])
        raise OptionError(f"there is no detector of series called {name!r}", hint=hint)
    return known[plain]


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()
