"""The answer's first sentence: is anything amiss, and how sure is that?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from amiss.decision import PERIODS, Decision, Rule, benjamini_hochberg, operating_point
from amiss.errors import OptionError
from amiss.report.strings import say, translated

DRIFT = 0.01  #: the held-out rows' and the batch's bulk differ more than chance allows at this level


@dataclass(frozen=True)
class Verdict:
    """Of a batch of scored rows.

    anything_amiss: whether there is evidence, at level .05 for the whole batch, or labels taught what to look for and
    rows like that were found. rows, flagged: counts. rule, value: how rows were flagged. setting: as in the model's
    card. threshold: lowest flagged score. warnings: why the numbers may not hold. promise: what the rule reached on
    held-out labelled rows, with intervals. method: what the evidence rests on: 'labels', 'conformal' p-values against
    known normal rows (exact), 'surrogates' (:mod:`amiss.surrogates`) or 'tail', fitted to the bulk of held-out scores
    (:meth:`~amiss.decision.Decision.tail_p_values`); the last two assume what their pages say and promise nothing.
    """

    anything_amiss: bool
    rows: int
    flagged: int
    rule: str
    value: float
    setting: str
    threshold: float | None = None
    warnings: tuple[str, ...] = ()
    promise: dict[str, float] | None = None
    per: str = ""
    method: str = ""

    def sentence(self, lang: str = "en") -> str:
        """E.g. ``12 of 15,420 rows are amiss (at most 1 in 10 of these expected by chance)``."""
        words: dict[str, Any] = {
            "count": f"{self.flagged:,}",
            "rows": f"{self.rows:,}",
            "rule": Rule(self.rule, self.value, self.per).words(lang),
        }
        if not self.anything_amiss:
            return say("verdict.none_but" if self.flagged else "verdict.none", lang, **words)
        kind = "fdr" if self.rule == "fdr" else "supervised" if self.setting == "supervised" else "rule"
        if kind == "fdr":
            words["share"] = say("verdict.one_in", lang, n=f"{1 / self.value:.3g}")
        return say(f"verdict.{kind}" + "_one" * (self.flagged == 1), lang, **words)

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        return asdict(self) | {"sentence": self.sentence(lang), "warnings": self.told(lang)}

    def told(self, lang: str = "en") -> list[str]:
        """The warnings in a language."""
        return [translated(warning, lang) for warning in self.warnings]


def give(
    decision: Decision, score: np.ndarray, flagged: np.ndarray, setting: str = "unsupervised", seen: bool = False,
    chance: bool | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on a batch: score (rows,), flagged (rows,) bool. seen: the model has learned from these rows.

    chance: what :func:`amiss.surrogates.evident` says, where it was asked.

    Where labels taught the model, a flagged row is one that looks like a known anomaly, which is evidence enough.
    """
    method = "labels" if setting == "supervised" else "conformal" if decision.clean else "tail"
    if setting == "supervised":
        amiss = bool(flagged.any())
    elif chance is not None and not decision.clean:
        amiss, method = chance, "surrogates"
    else:
        amiss = decision.evidence(score)
    promise = None
    if decision.rule.name in ("cost", "precision", "recall"):
        promise = operating_point(decision)
    return Verdict(
        amiss,
        len(score),
        int(flagged.sum()),
        decision.rule.name,
        decision.rule.value,
        setting,
        float(score[flagged].min()) if flagged.any() else None,
        tuple(warnings_of(decision, score, method, seen, bool(flagged.any()))),
        promise,
        decision.rule.per,
        method,
    )


def warnings_of(
    decision: Decision, score: np.ndarray, method: str, seen: bool = False, flagged: bool = True
) -> list[str]:
    """Where exchangeability fails, and what the share of false alarms rests on."""
    found = []
    normal = decision.normal
    if len(normal) < 50 and decision.rule.name == "fdr":
        found.append(f"few held-out rows ({len(normal)}) to compare with: the share of false alarms is a rough guess")
    if method == "surrogates" and flagged and decision.rule.name == "fdr":
        found.append(
            "the share of false alarms is measured on made-up tables with this one's columns and correlations: it"
            " assumes that ordinary rows are like theirs, and is no guarantee; a column that marks known normal rows"
            " makes it one"
        )
    if decision.tied:
        found.append(
            f"{decision.tied:,} rows have the same score where the strangest {decision.rule.value:.2%} end: all of them"
            " are left out"
        )
    if method == "labels":
        found += untold(decision)
    if method == "conformal" and flagged and decision.rule.name == "fdr":
        exact = decision.p_values(score)
        if not benjamini_hochberg(exact, decision.rule.value).any():
            found.append(
                "the held-out rows are too few to be sure of these rows by themselves: a tail fitted to their scores"
                " flags them, which is no guarantee where tails are heavy; more known normal rows make it one"
            )
    if method == "tail" and flagged and decision.rule.name == "fdr":
        found.append(
            "the training rows may hold anomalies, so the share of false alarms rests on a tail fitted to the bulk of"
            " the scores and is no guarantee; a column that marks known normal rows makes it one"
        )
    if not seen and method != "labels" and drifted(normal, score):
        found.append(
            "the rows differ from the training rows as a whole (drift): p-values and the share of false alarms do not"
            " hold for them; fit again on newer rows"
        )
    return found


def untold(decision: Decision) -> list[str]:
    """Says so where held-out rows do not show that the labels can be told apart."""
    if decision.told_apart:
        return []
    return [
        "held-out rows do not show that the labels can be told apart by the columns: their scores rank the"
        " anomalies no better than chance; look for other columns, more labels, or labels that are wrong"
    ]


def drifted(normal: np.ndarray, score: np.ndarray) -> bool:
    """Whether the lower three quarters of two sets of scores differ: anomalies move the top, drift moves the rest.

    A two-sample test of Kolmogorov and Smirnov on the scores below the held-out third quartile, with the share of
    rows below it allowed to move by a tenth.
    """
    if len(normal) < 50 or len(score) < 50:
        return False
    edge = float(np.quantile(normal, 0.75))
    share = float((score <= edge).mean())
    if abs(share - 0.75) > 0.1 + 3 * np.sqrt(0.19 / len(score)):
        return True
    a, b = np.sort(normal[normal <= edge]), np.sort(score[score <= edge])
    both = np.concatenate([a, b])
    gap = np.abs(np.searchsorted(a, both, "right") / len(a) - np.searchsorted(b, both, "right") / len(b)).max()
    limit = np.sqrt(-0.5 * np.log(DRIFT / 2)) * np.sqrt(1 / len(a) + 1 / len(b))
    return bool(gap > limit + 0.05)


def rule_of(
    fdr: float | None = None,
    contamination: float | None = None,
    alerts: float | str | None = None,
    cost_miss: float | None = None,
    cost_alarm: float | None = None,
    precision: float | None = None,
    recall: float | None = None,
    threshold: float | None = None,
) -> Rule | None:
    """The one rule that was asked for; None for none.

    alerts: a number, or ``50/day``, or ``50/day:COLUMN``. Raises OptionError for two rules at once, and for costs that
    are not both above 0.
    """
    asked: list[Rule] = [] if alerts is None else [_alerts(alerts)]
    for name, value in {
        "fdr": fdr, "contamination": contamination, "precision": precision, "recall": recall, "threshold": threshold,
    }.items():  # fmt: skip
        if value is not None:
            asked.append(Rule(name, float(value)))
    if cost_miss is not None or cost_alarm is not None:
        miss, alarm = 1.0 if cost_miss is None else cost_miss, 1.0 if cost_alarm is None else cost_alarm
        if not (miss > 0 and alarm > 0 and np.isfinite(miss) and np.isfinite(alarm)):
            raise OptionError("a cost is out of range", required="above 0", found=f"miss {miss:g}, alarm {alarm:g}")
        asked.append(Rule("cost", miss / alarm))
    if len(asked) > 1:
        raise OptionError(
            "only one rule can decide", required="one of them", found=" and ".join(rule.name for rule in asked)
        )
    return asked[0] if asked else None


def one_rule(rule: Rule | None, rules: dict[str, Any]) -> Rule:
    """``rule``, or the one that ``rules`` name as :func:`rule_of` takes them. Raises OptionError for none."""
    found = rule or rule_of(**rules)
    if found is None:
        raise OptionError("no rule is given", hint="for example alerts=50, fdr=0.05 or cost_miss=100")
    return found


def _alerts(text: float | str) -> Rule:
    number, _, rest = str(text).partition("/")
    per, _, column = rest.partition(":")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not value > 0 or value != int(value) or ("/" in str(text) and per not in PERIODS):
        raise OptionError(
            "alerts is out of range", required=f"a whole number above 0, or so many per {' or '.join(PERIODS)}: 50/day",
            found=repr(text),
        )  # fmt: skip
    return Rule("alerts", value, per, column)
