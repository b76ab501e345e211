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
    "FeedForward": Entry("feedforward", ("supervised",), "rows like the labelled anomalies"),
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
