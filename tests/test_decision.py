"""Scores -> p-values -> verdicts: uniform under the null, false alarms kept to the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from amiss.decision import HELD_MOST, Decision, Rule, benjamini_hochberg
from amiss.errors import ModelFileError, OptionError
from amiss.verdict import give


def learn(rule: Rule | None = None, rows: int = 4000, labels: np.ndarray | None = None, seed: int = 0) -> Decision:
    return Decision.learn(rule or Rule(), np.random.default_rng(seed).normal(size=rows), labels)


def test_p_values_are_the_share_of_stranger_rows() -> None:
    decision = Decision.learn(Rule(), np.array([3.0, 1.0, 2.0, 4.0]), None)
    assert decision.p_values(np.array([0.0, 2.0, 2.5, 4.0, 9.0])).tolist() == [1, 0.8, 0.6, 0.4, 0.2]
    assert (Decision(Rule()).p_values(np.array([1.0, 5.0])) == 1).all(), "nothing held out, nothing is strange"


def test_p_values_are_super_uniform_under_the_null() -> None:
    """P(p <= u) <= u, and close to it, over many draws of few held-out rows."""
    rng = np.random.default_rng(0)
    p = np.concatenate([learn(rows=99, seed=s).p_values(rng.normal(size=50)) for s in range(400)])
    for u in (0.01, 0.05, 0.1, 0.3, 0.7):
        share = (p <= u + 1e-12).mean()
        assert share == pytest.approx(u, abs=4 * np.sqrt(u / 400 / 2))


def test_known_anomalies_are_not_what_is_normal() -> None:
    held = np.append(np.random.default_rng(0).normal(size=900), np.full(100, 50.0))
    labels = (held == 50).astype(np.int8)
    assert Decision.learn(Rule(), held, labels).p_values(np.array([49.0])) == 1 / 901
    assert Decision.learn(Rule(), held, None).p_values(np.array([49.0])) == 101 / 1001


def test_tail_goes_on_beyond_the_held_out_rows() -> None:
    decision = learn(rows=10_000)
    score = np.linspace(-4, 12, 400)
    p = decision.tail_p_values(score)
    assert ((p > 0) & (p <= 1)).all()
    assert (np.diff(p) <= 1e-3).all()
    assert decision.tail_p_values(np.array([12.0]))[0] < 0.1 * decision.p_values(np.array([12.0]))[0]
    bulk = np.linspace(0, 1.2, 20)
    assert np.allclose(decision.tail_p_values(bulk), decision.p_values(bulk), atol=0.04)
    assert (decision.tail_p_values(np.random.default_rng(1).normal(size=20_000)) < 0.01).mean() < 0.02


def test_few_or_equal_held_out_scores() -> None:
    assert (Decision.learn(Rule(), np.arange(7.0), None).tail_p_values(np.array([1e9])) == 1).all()
    same = Decision.learn(Rule(), np.ones(100), None)
    assert same.tail_p_values(np.array([1.0, 2.0])).tolist() == same.p_values(np.array([1.0, 2.0])).tolist()
    assert not same.flag(np.ones(50)).any()


def test_fdr_keeps_false_alarms_to_its_share() -> None:
    rng = np.random.default_rng(0)
    alarms, found = [], []
    for seed in range(20):
        decision = Decision.learn(Rule("fdr", 0.1), rng.normal(size=3000), None)
        score = np.append(rng.normal(size=1900), rng.normal(7, 1, 100))
        flagged = decision.flag(score)
        alarms.append(flagged[:1900].sum() / max(1, flagged.sum()))
        found.append(flagged[1900:].mean())
        assert decision.flag(rng.normal(size=500)).mean() < 0.02, seed
    assert np.mean(alarms) < 0.12
    assert np.mean(found) > 0.9


def test_contamination_alerts_and_threshold() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=4000)
    assert learn(Rule("contamination", 0.05)).flag(score).mean() == pytest.approx(0.05, abs=0.015)
    flagged = learn(Rule("alerts", 7)).flag(score)
    assert flagged.sum() == 7
    assert score[flagged].min() > score[~flagged].max()
    assert learn(Rule("alerts", 7)).flag(score[:3]).all()
    assert learn(Rule("alerts", 2)).flag(np.zeros(9)).sum() == 2
    assert np.array_equal(learn(Rule("threshold", 1.5)).flag(score), score >= 1.5)
    assert learn().flag(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("count", [500, 20_000])
def test_a_share_is_never_more_than_was_asked_whatever_ties(count: int) -> None:
    held = np.repeat([0.0, 1.0, 2.0], [count * 6 // 10, count * 397 // 1000, count * 3 // 1000])
    told = Decision.learn(Rule("contamination", 0.01), held, None)
    assert told.flag(held).sum() == count * 3 // 1000
    assert told.tied == count * 397 // 1000
    assert any("have the same score" in w for w in give(told, held, told.flag(held)).warnings)
    same = Decision.learn(Rule("contamination", 0.01), np.zeros(count), None)
    assert not same.flag(np.zeros(count)).any()
    assert same.tied == count
    clear = Decision.learn(Rule("contamination", 0.01), np.arange(float(count)), None)
    assert clear.flag(np.arange(float(count))).sum() == count // 100
    assert clear.tied == 0
    assert Decision.learn(Rule("contamination", 0.01), np.arange(30.0), None).flag(np.arange(30.0)).sum() == 1
    assert Decision(Rule("contamination", 0.01)).threshold() == np.inf


def test_f1_takes_the_best_threshold_on_held_out_rows() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, -1], [900, 100, 500]).astype(np.int8)
    held = np.where(labels == 1, rng.normal(3, 1, 1500), rng.normal(size=1500))
    threshold = Decision.learn(Rule("f1"), held, labels).threshold()

    def f1(at: float) -> float:
        known = labels >= 0
        tp = ((held >= at) & (labels == 1)).sum()
        return 2 * tp / ((held[known] >= at).sum() + (labels == 1).sum())

    assert f1(threshold) == pytest.approx(max(f1(t) for t in held[labels >= 0]))
    with pytest.raises(OptionError, match="labels of both kinds"):
        learn(Rule("f1")).threshold()
    with pytest.raises(OptionError, match="depends on the batch"):
        learn(Rule("fdr")).threshold()


def test_another_rule_needs_no_training() -> None:
    decision = learn()
    other = decision.with_rule(Rule("threshold", 2.0))
    assert other.held is decision.held
    assert other.threshold() == 2


def test_long_held_out_scores_are_sampled_with_their_labels() -> None:
    held = np.arange(3 * HELD_MOST, dtype=float)
    labels = (held % 2).astype(np.int8)
    decision = Decision.learn(Rule(), held, labels)
    assert len(decision.held) == HELD_MOST
    assert (np.diff(decision.held) > 0).all()
    assert np.array_equal(decision.labels, decision.held % 2)
    assert (decision.held.dtype, decision.labels.dtype) == (np.float64, np.int8)


@pytest.mark.parametrize(
    ("name", "value"),
    [("fdr", 0), ("fdr", 1.5), ("contamination", 0.51), ("contamination", -1), ("alerts", 0), ("magic", 1),
     ("threshold", float("nan"))],
)  # fmt: skip
def test_rules_out_of_range(name: str, value: float) -> None:
    with pytest.raises(OptionError):
        Rule(name, value)


def test_json_there_and_back() -> None:
    decision = learn(Rule("contamination", 0.07))
    again = Decision.from_json(decision.to_json(), decision.held, decision.labels)
    assert again.rule == decision.rule
    wrong: list[Any] = [None, {}, {"rule": "fdr"}, {"rule": "fdr", "value": "much"}]
    for state in wrong:
        with pytest.raises(ModelFileError, match="decision is damaged"):
            Decision.from_json(state, decision.held, decision.labels)


def test_benjamini_hochberg() -> None:
    p = np.array([0.9, 0.01, 0.03, 0.02, 0.5])
    assert benjamini_hochberg(p, 0.05).tolist() == [False, True, True, True, False]
    assert benjamini_hochberg(np.array([0.04, 0.9]), 0.05).tolist() == [False, False]
    assert benjamini_hochberg(np.zeros(0), 0.1).tolist() == []
