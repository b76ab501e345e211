"""Score -> p-value -> anomaly or not, by the person's rule. Changing the rule needs no training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from amiss import tails
from amiss.errors import ModelFileError, OptionError
from amiss.report.strings import say

HELD_MOST = 20_000  #: held-out scores kept in a model
#: how a rule's value is bounded: above, at most
RULES: dict[str, tuple[float, float]] = {
    "fdr": (0, 1),
    "contamination": (0, 0.5),
    "alerts": (0, np.inf),
    "f1": (-np.inf, np.inf),
    "threshold": (-np.inf, np.inf),
    "cost": (0, np.inf),
    "precision": (0, 1),
    "recall": (0, 1),
}
PERIODS = {"hour": 3_600, "day": 86_400, "week": 604_800}  #: seconds
MONDAY = 4 * 86_400  #: the first Monday since 1970, from which weeks are counted
CHANCE = 1.645  #: deviations above chance from which on labels can be told apart, at the level .05
EVIDENCE = 0.05  #: level of the question whether anything is amiss at all
FITTED = 0.01  #: the part of it that fitted tails get where held-out rows are known to be normal
TINY = 1e-12
CROWDED = 0.2  #: share of the strangest rows, at most, that are counted
FEWEST = 5  #: a precision is told from at least this many flagged rows
TOLD = 8  #: of fewer held-out rows no tail is fitted
EXACT = 10  #: with this many clean held-out rows at least as strange, their share is the p-value and nothing is fitted


@dataclass(frozen=True)
class Rule:
    """How scores become verdicts.

    fdr: share of false alarms among the flagged rows of a batch, at most, by Benjamini and Hochberg (1995).
    contamination: share of rows to flag, at most: what ties where it ends is left out.
    alerts: number of rows to flag, at most: of a batch, or, with ``per``, of every hour, day or week by the dates in
    ``column`` (the table's only one unless named); of rows that tie the first ones.
    cost: what a missed anomaly costs, in false alarms; flags where that is cheapest.
    precision, recall: the largest set of flagged rows that reaches it on held-out labelled rows.
    f1: the threshold with the best F1 on held-out labelled rows. threshold: a score.
    """

    name: str = "fdr"
    value: float = 0.1
    per: str = ""
    column: str = ""

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise OptionError("there is no such rule", required=" or ".join(RULES), found=repr(self.name))
        low, high = RULES[self.name]
        if not low < self.value <= high or (self.name == "alerts" and self.value != int(self.value)):
            whole = "a whole number " if self.name == "alerts" else ""
            raise OptionError(
                f"{self.name} is out of range",
                required=f"{whole}above {low:g}" + (f", at most {high:g}" if high < np.inf else ""),
                found=repr(self.value),
            )
        if self.per and (self.name != "alerts" or self.per not in PERIODS):
            raise OptionError(
                "only alerts are counted by time",
                required=f"alerts per {' or '.join(PERIODS)}",
                found=f"{self.name} per {self.per!r}",
            )

    def __str__(self) -> str:
        return self.words()

    def words(self, lang: str = "en") -> str:
        """Short, e.g. ``alerts 50/day``."""
        per = f"/{say(f'per.{self.per}', lang)}" if self.per else ""
        return say(f"rule.{self.name}", lang, value=f"{self.value:g}{per}")

    def sentence(self, lang: str = "en") -> str:
        """Which rows it flags."""
        share = f"{self.value:.0%}" if self.name == "fdr" else f"{self.value:.2%}"
        per = say(f"per.{self.per}", lang) if self.per else ""
        return say(f"flagged.{self.name}{'_per' * bool(per)}", lang, value=f"{self.value:g}", share=share, per=per)


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

    @classmethod
    def within(cls, rule: Rule, score: np.ndarray) -> Decision:
        """Held against these scores themselves, all of them: a share of them is a share of no others."""
        return cls(rule, np.sort(score.astype(np.float64)), np.full(len(score), -1, np.int8))

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

    @property
    def clean(self) -> bool:
        """Whether the held-out rows are known to be normal, so that p-values are exact for rows like them."""
        return len(self.held) > 0 and not (self.labels == -1).any() and bool((self.labels == 0).any())

    @cached_property
    def _quantiles(self) -> list[np.ndarray]:
        """Of the normal scores, where each of the tails goes through."""
        return tails.through(self.normal)

    def tail_p_values(self, score: np.ndarray) -> np.ndarray:
        """(rows,) p-values that go on beyond the held-out rows, by fitted tails: see :mod:`amiss.tails`.

        Where the held-out rows are known to be normal, the exact p-values are kept as far as they go.
        """
        exact = self.p_values(score)
        if len(self.normal) < TOLD:
            return np.ones(len(score))
        fitted = tails.fitted(self._quantiles, score, exact)
        if not self.clean:
            return fitted
        return np.where(exact * (1 + len(self.normal)) > EXACT, exact, np.minimum(fitted, exact))

    def evidence(self, score: np.ndarray) -> bool:
        """Whether a batch holds evidence, at the level ``EVIDENCE``, that anything is amiss.

        Where held-out rows are known to be normal, too many of the batch among the strangest of both are; what is far
        out alone is told by the fitted tails, which get little of the level, as they promise nothing.
        """
        return self._evident(score, self.tail_p_values(score))

    def _evident(self, score: np.ndarray, p: np.ndarray) -> bool:
        if not self.clean:
            return bool(benjamini_hochberg(p, EVIDENCE).any())
        return crowded(self.normal, score) <= EVIDENCE - FITTED or bool(benjamini_hochberg(p, FITTED).any())

    @cached_property
    def told_apart(self) -> bool:
        """Whether the held-out rows show that the labels can be told apart by the scores at all.

        One-sided test of Wilcoxon (1945), Mann and Whitney (1947), at the level .05.
        """
        bad, good = (np.count_nonzero(self.labels == label) for label in (1, 0))
        if not bad or not good:
            return True
        known = self.labels >= 0
        score = self.held[known]  # in order
        rank = (np.searchsorted(score, score) + np.searchsorted(score, score, "right") + 1) / 2
        above = rank[self.labels[known] == 1].sum() - bad * (bad + good + 1) / 2
        return bool(above > CHANCE * np.sqrt(bad * good * (bad + good + 1) / 12))

    def threshold(self) -> float:
        """The score from which on a row is an anomaly, for rules that have one whatever the batch; that of the best F1
        is infinite where labels are not :attr:`told_apart`: to flag nearly all rows would be best.

        Raises OptionError for a rule that needs labels and has none, or that the held-out rows cannot meet.
        """
        name, value = self.rule.name, self.rule.value
        if name == "threshold":
            return value
        if name == "contamination":
            return self._share()[0]
        if name not in ("f1", "cost", "precision", "recall"):
            raise OptionError(f"the rule {name} depends on the batch and has no threshold")
        if not (self.labels == 1).any() or not (self.labels == 0).any():
            raise OptionError(
                f"the rule {name} needs a model that was fitted with labels of both kinds",
                hint="use fdr, contamination, alerts or threshold, or fit with a label column",
            )
        if name == "f1" and not self.told_apart:
            return np.inf
        if name == "f1":
            from amiss.evaluate import best_f1_threshold  # brings scikit-learn, which streams do without

            return best_f1_threshold(self.labels, self.held)
        return operating_point(self)["threshold"]

    @property
    def tied(self) -> int:
        """Of a rule that flags a share: how many held-out rows tie where it ends and are left out, all of them."""
        return self._share()[1] if self.rule.name == "contamination" else 0

    def _share(self) -> tuple[float, int]:
        """The score from which on at most the rule's share (rounded up to a row) of the held-out rows lies, and how
        many were left out for being equals that only a draw could part."""
        rows = len(self.held)
        most = int(np.ceil(self.rule.value * rows - TINY))
        if not rows:
            return np.inf, 0
        last = self.held[rows - most]
        if most == rows or self.held[rows - most - 1] < last:
            return float(last), 0
        return float(np.nextafter(last, np.inf)), int((self.held == last).sum())

    def flag(self, score: np.ndarray, seconds: np.ndarray | None = None) -> np.ndarray:
        """(rows,) bool verdicts on a batch of scores.

        seconds: (rows,) since 1970, for a rule that counts by time; rows without a time (NaN) are one period.
        """
        if not len(score):
            return np.zeros(0, bool)
        if self.rule.name == "fdr":  # a list is shown only where there is evidence that it is more than chance
            p = self.tail_p_values(score)
            return benjamini_hochberg(p, self.rule.value) & self._evident(score, p)
        if self.rule.name == "alerts":
            return self._strangest(score, seconds)
        return score >= self.threshold()

    def _strangest(self, score: np.ndarray, seconds: np.ndarray | None) -> np.ndarray:
        """The ``value`` strangest rows, of each period where the rule counts by time."""
        rule = self.rule
        period = np.zeros(len(score))
        if rule.per:
            if seconds is None:
                raise OptionError(f"{rule} needs the rows' times", required="a column of dates")
            period = np.floor((seconds - MONDAY * (rule.per == "week")) / PERIODS[rule.per])
        order = np.lexsort((-score, period))  # NaN sorts last, and is one period
        _, first, which = np.unique(period[order], return_index=True, return_inverse=True)
        flagged = np.zeros(len(score), bool)
        flagged[order[np.arange(len(score)) - first[which] < rule.value]] = True
        return flagged

    def to_json(self) -> dict[str, Any]:
        rule = self.rule
        when = {"per": rule.per, "column": rule.column} if rule.per else {}
        return {"rule": rule.name, "value": rule.value, **when}

    @classmethod
    def from_json(cls, state: Any, held: np.ndarray, labels: np.ndarray) -> Decision:
        try:
            rule = Rule(
                str(state["rule"]), float(state["value"]), str(state.get("per", "")), str(state.get("column", ""))
            )
            return cls(rule, held, labels)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelFileError("the model's decision is damaged", found=repr(error)) from error


def benjamini_hochberg(p: np.ndarray, q: float) -> np.ndarray:
    """(rows,) bool: rejected at false discovery rate q (Benjamini and Hochberg, 1995)."""
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= q * np.arange(1, len(p) + 1) / len(p))
    rejected = np.zeros(len(p), bool)
    if len(passed):
        rejected[order[: passed[-1] + 1]] = True
    return rejected


def crowded(normal: np.ndarray, score: np.ndarray) -> float:
    """How often so many of a batch would be among the strangest rows if all were like the normal ones.

    normal: (n,) and score: (rows,), of which the t strangest of both are counted, t = 4, 8, 16, ...: the smallest
    p-value of Fisher's exact test, times the number of tests (Bonferroni). Exact for scores of any shape.
    """
    n, rows = len(normal), len(score)
    order = np.argsort(-np.concatenate([normal, score]), kind="stable")  # of equals, the normal ones come first
    found, least, tests, t = np.cumsum(order >= n), 1.0, 0, 4
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + rows + 1)))])  # its logarithm

    def choose(of: int, k: np.ndarray | int) -> np.ndarray:
        ways: np.ndarray = factorial[of] - factorial[k] - factorial[of - k]
        return ways

    while t <= CROWDED * (n + rows):
        hits = np.arange(found[t - 1], min(t, rows) + 1)
        p = np.exp(choose(rows, hits) + choose(n, t - hits) - choose(n + rows, t)).sum()
        least, tests, t = min(least, float(p)), tests + 1, 2 * t
    return min(1.0, least * max(1, tests))


def operating_point(decision: Decision) -> dict[str, float]:
    """Where a rule of cost, precision or recall comes to lie on the held-out labelled rows.

    threshold; precision and recall there, each with the 95 % interval ``(.._low, .._high)`` of Wilson (1927); for cost
    also the cost a row. Raises OptionError where no threshold meets the rule.
    """
    known = decision.labels >= 0
    y, score = decision.labels[known], decision.held[known]
    cuts, at = np.unique(score, return_index=True)  # sorted: everything from ``at`` on is flagged
    flagged = len(score) - at
    hits = int(y.sum()) - np.concatenate([[0], np.cumsum(y)])[at]
    precision, recall = hits / flagged, hits / max(1, int(y.sum()))
    name, value = decision.rule.name, decision.rule.value
    if name == "cost":
        cost = value * (int(y.sum()) - hits) + (flagged - hits)
        best = int(len(cuts) - 1 - np.argmin(cost[::-1]))
        if cost[best] >= value * int(y.sum()):  # nothing beats to flag nothing
            return {"threshold": float(np.nextafter(cuts[-1], np.inf)), "precision": 0.0, "recall": 0.0}
    else:
        reached = np.where(flagged >= min(FEWEST, int(y.sum())), precision, 0.0) if name == "precision" else recall
        fit = np.flatnonzero(reached >= value)
        if not len(fit):
            top = np.floor(100 * reached.max()) / 100
            raise OptionError(
                f"{name} {value:g} is not reachable on the held-out rows: the best is {top:g}",
                required=f"a {name} that the model reaches",
                hint="ask for less, or label more rows and fit again",
            )
        best = int(fit[0] if name == "precision" else fit[-1])
    found = {"threshold": float(cuts[best]), "precision": float(precision[best]), "recall": float(recall[best])}
    for what, of in (("precision", int(flagged[best])), ("recall", int(y.sum()))):
        found[f"{what}_low"], found[f"{what}_high"] = wilson(int(hits[best]), of)
    if name == "cost":
        found["cost"] = float(cost[best]) / len(y)
    return found


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    if not of:
        return 0.0, 1.0
    share, unit = hits / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / unit
    half = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / unit
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
