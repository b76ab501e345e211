"""Every method by name; a method's module is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from amiss.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from amiss.base import Learner


class Entry(NamedTuple):
    """module: file in this folder. settings: what labels it learns from. finds: one line for the person."""

    module: str
    settings: tuple[str, ...]
    finds: str


DETECTORS: dict[str, Entry] = {
    "Autoencoder": Entry(
        "autoencoder",
        ("one-class", "unsupervised"),
        "rows that a network trained to reproduce the table cannot reproduce",
    ),
    "NearestNeighbours": Entry(
        "nearest", ("one-class", "unsupervised"), "rows far from the rows that are most like them"
    ),
    "Denoiser": Entry("denoiser", ("one-class",), "rows in which a network that removes noise sees noise"),
    "DTE": Entry("dte", ("one-class",), "rows that look as if much noise had been added to them"),
    "MaskedColumns": Entry("masked", ("one-class", "unsupervised"), "values that do not fit the row's other values"),
    "DeepSVDD": Entry("deepsvdd", ("one-class",), "rows that a network maps far from the centre of the others"),
    "VariationalAutoencoder": Entry(
        "vae", ("one-class", "unsupervised"), "rows that are improbable under a generative model of the table"
    ),
    "NeuTraL": Entry("neutral", ("one-class",), "rows whose learned transformations are hard to tell apart"),
    "ICL": Entry("icl", ("one-class",), "rows in which some columns do not go with the others"),
    "LUNAR": Entry(
        "lunar", ("one-class", "unsupervised"), "rows whose distances to their nearest neighbours are unlike others'"
    ),
    "DeepIsolationForest": Entry(
        "deepforest", ("one-class", "unsupervised"), "rows that random cuts soon part from all others"
    ),
    "DevNet": Entry("devnet", ("weakly supervised",), "rows like a few labelled anomalies, by how far they deviate"),
    "DeepSAD": Entry(
        "deepsad", ("weakly supervised",), "rows that a network maps far from the others' centre, as labelled anomalies"
    ),
    "PReNet": Entry(
        "prenet", ("weakly supervised",), "rows like a few labelled anomalies, by how pairs of rows relate"
    ),
    "FeedForward": Entry("feedforward", ("supervised",), "rows like the labelled anomalies"),
    "NCA": Entry("nca", ("supervised",), "rows among labelled anomalies, in a space learned for that"),
}

__all__ = sorted(DETECTORS)


def __getattr__(name: str) -> Any:
    if name in DETECTORS:
        return getattr(import_module(f"amiss.detectors.{DETECTORS[name].module}"), name)
    raise AttributeError(f"module 'amiss.detectors' has no attribute {name!r}")


def find(name: str) -> type[Learner]:
    """The class called ``name``, in any case, with or without dashes. Raises OptionError for an unknown one."""
    plain = {_plain(word): key for key, entry in DETECTORS.items() for word in (key, entry.module)}
    if _plain(name) not in plain:
        raise OptionError(f"there is no detector {name!r}", hint=did_you_mean(name, DETECTORS))
    key = plain[_plain(name)]
    return getattr(import_module(f"amiss.detectors.{DETECTORS[key].module}"), key)


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()
