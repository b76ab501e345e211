"""Score -> p-value -> anomaly or not, by the person's rule. Changing the rule needs no training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from amiss.errors import ModelFileError, OptionError
from amiss.evaluate import best_f1_threshold

HELD_MOST = 20_000  #: held-out scores kept in a model
RULES = ("fdr", "contamination", "alerts", "f1", "threshold")


@dataclass(frozen=True)
class Rule:
    """How scores become verdicts.

    fdr: share of false alarms among the flagged rows of a batch, at most, by Benjamini and Hochberg (1995).
    contamination: share of rows to flag. alerts: number of rows of a batch to flag, at most.
    f1: the threshold with the best F1 on held-out labelled rows. threshold: a score.
    """

    name: str = "fdr"
    value: float = 0.1

    def __post_init__(self) -> None:
        limits = {"fdr": (0, 1), "contamination": (0, 0.5), "alerts": (0, np.inf)}
        if self.name not in RULES:
            raise OptionError("there is no such rule", required=" or ".join(RULES), found=repr(self.name))
        low, high = limits.get(self.name, (-np.inf, np.inf))
        if not low < self.value <= high:
            raise OptionError(
                f"{self.name} is out of range", required=f"above {low}, at most {high}", found=repr(self.value)
            )


@dataclass(frozen=True)
class Decision:
    """A rule, and the held-out scores that it is measured against.

    held: (n,) scores of rows that the scoring detector had not learned from, sorted.
    labels: (n,) int8 labels of those rows: 1, 0 or -1 for unlabelled.
    """

    rule: Rule = field(default_factory=Rule)
    held: np.ndarray = field(default_factory=lambda: np.zeros(0))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))

    @classmethod
    def learn(cls, rule: Rule, held: np.ndarray, labels: np.ndarray | None, seed: int = 0) -> Decision:
        """Keep held-out scores (a sample of long ones) in order."""
        labels = np.full(len(held), -1, np.int8) if labels is None else labels.astype(np.int8)
        if len(held) > HELD_MOST:
            chosen = np.random.default_rng(seed).choice(len(held), HELD_MOST, replace=False)
            held, labels = held[chosen], labels[chosen]
        order = np.argsort(held, kind="stable")
        return cls(rule, np.asarray(held, np.float64)[order], labels[order])

    def with_rule(self, rule: Rule) -> Decision:
        return replace(self, rule=rule)

    @property
    def normal(self) -> np.ndarray:
        """Sorted held-out scores of rows that are not known anomalies."""
        return self.held[self.labels != 1]

    def p_values(self, score: np.ndarray) -> np.ndarray:
        """(rows,) conformal p-values: the share of held-out normal rows at least as strange (Vovk et al., 2005).

        Uniform for rows like the held-out ones; where those hold anomalies too, p-values are too large, not too small.
        """
        normal = self.normal
        above = len(normal) - np.searchsorted(normal, score, side="left")
        return (1 + above) / (1 + len(normal))

    def tail_p_values(self, score: np.ndarray) -> np.ndarray:
        """(rows,) p-values that go on beyond the held-out rows, by a tail fitted to the bulk of their scores.

        A generalised Pareto tail through the quantiles 1/2, 3/4 and 7/8 (Pickands, 1975), never lighter than
        exponential: an eighth of the held-out rows may be anomalies without making the tail too heavy.
        """
        normal = self.normal
        if len(normal) < 8:
            return np.ones(len(score))
        q1, q2, q3 = np.quantile(normal, (0.5, 0.75, 0.875))
        if q2 <= q1:
            return self.p_values(score)
        shape = float(np.clip(np.log2(max((q3 - q2) / (q2 - q1), 1e-9)), 0.0, 2.0))
        scale = (q2 - q1) * shape / (2**shape - 1) if shape > 1e-6 else (q2 - q1) / np.log(2)
        excess = np.maximum(score - q1, 0) / scale
        tail = 0.5 * ((1 + shape * excess) ** (-1 / shape) if shape > 1e-6 else np.exp(-excess))
        return np.where(score > q1, tail, self.p_values(score))

    def threshold(self) -> float:
        """The score from which on a row is an anomaly, for rules that have one whatever the batch."""
        if self.rule.name == "threshold":
            return self.rule.value
        if self.rule.name == "f1":
            if not (self.labels == 1).any() or not (self.labels == 0).any():
                raise OptionError("the rule f1 needs a model that was fitted with labels of both kinds")
            return best_f1_threshold(self.labels, self.held)
        if self.rule.name == "contamination":
            return float(np.quantile(self.held, 1 - self.rule.value)) if len(self.held) else np.inf
        raise OptionError(f"the rule {self.rule.name} depends on the batch and has no threshold")

    def flag(self, score: np.ndarray) -> np.ndarray:
        """(rows,) bool verdicts on a batch of scores."""
        if not len(score):
            return np.zeros(0, bool)
        if self.rule.name == "fdr":
            return benjamini_hochberg(self.tail_p_values(score), self.rule.value)
        if self.rule.name == "alerts":
            count = min(len(score), int(self.rule.value))
            flagged = np.zeros(len(score), bool)
            flagged[np.argsort(-score, kind="stable")[:count]] = True
            return flagged
        return score >= self.threshold()

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.rule.name, "value": self.rule.value}

    @classmethod
    def from_json(cls, state: Any, held: np.ndarray, labels: np.ndarray) -> Decision:
        try:
            return cls(Rule(str(state["rule"]), float(state["value"])), held, labels)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError("the model's decision is damaged", found=repr(error)) from error


def benjamini_hochberg(p: np.ndarray, q: float) -> np.ndarray:
    """(rows,) bool: rejected at false discovery rate q (Benjamini and Hochberg, 1995)."""
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= q * np.arange(1, len(p) + 1) / len(p))
    rejected = np.zeros(len(p), bool)
    if len(passed):
        rejected[order[: passed[-1] + 1]] = True
    return rejected
