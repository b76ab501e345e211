"""What a search may choose: ranges by a parameter's name. A detector's own table says which of them it has.

A parameter that is not named here is searched where its type lists its values (``Literal``), and else stays as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any, Literal, NamedTuple, get_args, get_origin

from amiss.words import fields_of, written


class Range(NamedTuple):
    """Numbers from ``low`` to ``high``, drawn on a logarithmic scale where ``log``."""

    low: float
    high: float
    log: bool = False

    def word(self, drawn: Any) -> str:
        """What was drawn, as ``--set`` takes it: three digits are plenty."""
        return f"{drawn:.3g}"

    def holding(self, word: str) -> Range:
        """The range with a default in it; a logarithmic one has no place for zero."""
        low = self.low if self.log and float(word) <= 0 else min(self.low, float(word))
        return Range(low, max(self.high, float(word)), self.log)

    def drawn(self, word: str) -> Any:
        return max(self.low, float(word))

    def distribution(self, optuna: Any) -> Any:
        return optuna.distributions.FloatDistribution(self.low, self.high, log=self.log)


class Choice(NamedTuple):
    """One of some values, written as ``--set`` takes them."""

    words: tuple[str, ...]

    def word(self, drawn: Any) -> str:
        return str(drawn)

    def holding(self, word: str) -> Choice:
        return self if word in self.words else Choice((word, *self.words))

    def drawn(self, word: str) -> Any:
        return word

    def distribution(self, optuna: Any) -> Any:
        return optuna.distributions.CategoricalDistribution(self.words)


#: layers, activation, rate, regularisation, imbalance; the ranges are wide, and the defaults lie within them
RANGES: dict[str, Range | Choice] = {
    "hidden": Choice(("64", "64,32", "128,64", "100,50", "256,128", "256,256", "256,128,64", "512,256")),
    "activation": Choice(("relu", "silu", "gelu", "tanh")),
    "learning_rate": Range(2e-4, 2e-2, True),
    "weight_decay": Range(1e-4, 1.0, True),
    "dropout": Choice(("0.0", "0.1", "0.25", "0.4", "0.5")),  # few values, as every one is a program to compile
    "bins": Choice(("0", "8", "16", "32")),
    "label_smoothing": Choice(("0.0", "0.05", "0.1")),
    "mixup": Choice(("0.0", "0.2", "0.4")),
    "batch_size": Choice(("none", "32", "64", "128", "256", "512")),
    "imbalance": Choice(("none", "class weights", "focal", "oversample", "undersample", "balanced")),
    "class_weight": Choice(("none", "balanced")),
    "schedule": Choice(("constant", "cosine")),
}
#: parameters that are no choices of a search even where their type lists values
FIXED = ("random_state", "budget", "steps", "contamination")


def space(kind: type, fixed: Collection[str] = ()) -> dict[str, Range | Choice]:
    """What there is to choose for a detector's class, by parameter, less ``fixed`` ones; defaults lie within."""
    hints, found = fields_of(kind), dict[str, Range | Choice]()
    for each in dataclasses.fields(kind):
        if each.name in fixed or each.name in FIXED:
            continue
        listed = _literal(hints[each.name])
        known = Choice(listed) if listed else RANGES.get(each.name)
        if known is not None:
            found[each.name] = known.holding(written(each.default))
    if "imbalance" in found:
        found.pop("class_weight", None)  # it would weigh the classes twice
    return found


def _literal(hint: Any) -> tuple[str, ...]:
    """The values that a type lists, as words; none for any other type."""
    parts = [hint] if get_origin(hint) is Literal else [a for a in get_args(hint) if get_origin(a) is Literal]
    words = [written(value) for part in parts for value in get_args(part)]
    if words and type(None) in get_args(hint):
        words.append("none")
    return tuple(words)
