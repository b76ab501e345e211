"""Every method for series by name; a method's module is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from amiss.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from amiss.series.base import SeriesLearner


class Entry(NamedTuple):
    """module: in this package's parent. causal: whether scores are independent of later steps. finds: one line."""

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

__all__ = ["ALIASES", "METHODS", "find"]


def find(name: str) -> tuple[type[SeriesLearner], dict[str, Any]]:
    """The class called ``name``, in any case, with or without dashes, and the parameters that the name stands for.

    Raises OptionError for an unknown name.
    """
    known = {_plain(key): (key, dict[str, Any]()) for key in METHODS}
    known |= {_plain(key): found for key, found in ALIASES.items()}
    if _plain(name) not in known:
        raise OptionError(f"there is no method {name!r} for series", hint=did_you_mean(name, [*METHODS, *ALIASES]))
    key, parameters = known[_plain(name)]
    return getattr(import_module(f"amiss.series.{METHODS[key].module}"), key), parameters


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()
