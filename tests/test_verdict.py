"""Verdicts and rules: silence on noise, a sentence that counts, rules that are met or say why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import hypergeom

import amiss
from amiss.decision import RULES, Decision, Rule, benjamini_hochberg, crowded, operating_point, wilson
from amiss.errors import OptionError
from amiss.verdict import drifted, give, rule_of

HELD = 2_000


def decision(rule: Rule | None = None, labelled: float = 0.0, seed: int = 0, clean: bool = False) -> Decision:
    """Held-out scores like chi-squared numbers; a share of them labelled anomalies that score higher."""
    rng = np.random.default_rng(seed)
    score = rng.chisquare(8, HELD)
    y = (rng.random(HELD) < labelled).astype(int)
    score[y == 1] += 12
    return Decision.learn(rule or Rule(), score, y if labelled or clean else None)


@pytest.mark.parametrize("draw", ["chisquare", "normal", "exponential", "lognormal", "gamma"])
@pytest.mark.parametrize("clean", [False, True])
def test_silence_on_scores_of_ordinary_rows(draw: str, clean: bool) -> None:
    rng = np.random.default_rng(0)
    shapes = {"chisquare": (6,), "gamma": (2,), "lognormal": (0, 0.7)}.get(draw, ())
    spoken = 0
    for _ in range(100):
        held, score = (getattr(rng, draw)(*shapes, size=1_000) for _ in range(2))
        found = Decision.learn(Rule(), held, np.zeros(1_000, int) if clean else None)
        spoken += give(found, score, found.flag(score)).anything_amiss
    assert spoken <= 10  # of 100, at level .05


@pytest.mark.parametrize("clean", [False, True])
def test_far_rows_are_evidence(clean: bool) -> None:
    rng = np.random.default_rng(1)
    score = np.concatenate([rng.chisquare(8, 990), rng.chisquare(8, 10) + 60])
    found = decision(clean=clean)
    flagged = found.flag(score)
    verdict = give(found, score, flagged)
    assert verdict.anything_amiss
    assert flagged[-10:].all()
    assert verdict.flagged <= 14
    assert (
        verdict.sentence() == f"{verdict.flagged} of 1,000 rows are amiss (at most 1 in 10 of these expected by chance)"
    )
    assert "1,000 行" in verdict.sentence("zh")


def test_a_crowd_is_told_by_an_exact_test() -> None:
    normal, score = np.arange(40.0), np.concatenate([np.arange(30.0) - 0.5, np.full(10, 50.0)])
    tests = [hypergeom.sf(t - 1, 80, 40, t) for t in (4, 8)] + [hypergeom.sf(9, 80, 40, 16)]
    assert crowded(normal, score) == pytest.approx(3 * min(tests))
    assert crowded(normal, normal) > 0.9  # equals are no crowd
    assert crowded(normal, score[:0]) == 1


def test_rows_no_stranger_than_the_strangest_normal_ones_are_evidence_together() -> None:
    rng = np.random.default_rng(4)
    found = Decision.learn(Rule(), rng.chisquare(8, 1_000), np.zeros(1_000, int))
    score = np.concatenate([rng.chisquare(8, 950), rng.uniform(25, 28, 50)])
    assert found.evidence(score)
    assert found.flag(score)[-50:].all()
    assert not found.evidence(score[:950])


def test_a_list_that_rests_on_a_fitted_tail_alone_says_so() -> None:
    found = decision(clean=True)
    one, many = (np.concatenate([np.full(990, 5.0), np.full(count, 80.0)]) for count in (1, 10))
    for score, rests in ((one, True), (many, False)):
        verdict = give(found, score, found.flag(score))
        assert verdict.anything_amiss
        assert verdict.method == "conformal"
        assert any("a tail fitted to their scores" in warning for warning in verdict.warnings) is rests


def test_with_clean_rows_the_share_of_false_alarms_is_kept() -> None:
    rng, shares, found_of = np.random.default_rng(2), [], []
    for seed in range(60):
        found = decision(seed=seed, clean=True)
        score = np.concatenate([rng.chisquare(8, 950), rng.chisquare(8, 50) + 25])
        flagged = found.flag(score)
        shares.append(flagged[:950].sum() / max(1, flagged.sum()))
        found_of.append(flagged[950:].mean())
    assert np.mean(shares) <= 0.1 + 3 * np.std(shares) / np.sqrt(60)
    assert np.mean(found_of) > 0.5


def test_no_evidence_is_said() -> None:
    found = decision()
    score = decision(seed=5).held
    none = give(found, score, found.flag(score))
    assert none.sentence() == "No evidence that anything is amiss"
    assert none.to_json()["anything_amiss"] is False
    all_the_same = found.with_rule(Rule("alerts", 50))
    told = give(all_the_same, score, all_the_same.flag(score)).sentence()
    assert (
        told
        == "No evidence that anything is amiss; the rule alerts 50 flags the 50 strangest of 2,000 rows all the same"
    )


def test_a_list_that_no_one_can_guarantee_says_so() -> None:
    score = np.append(decision(seed=5).held, 99)
    assert any("is no guarantee" in w for w in give(decision(), score, score > 90).warnings)
    assert not give(decision(), score, score > 100).warnings
    crowd = np.append(score, np.full(40, 99))
    assert not give(decision(clean=True), crowd, crowd > 90).warnings
    assert give(decision(clean=True), score, score > 90).method == "conformal"
    told = give(decision(), score, score > 90, chance=True)
    assert (told.method, told.anything_amiss) == ("surrogates", True)
    assert any("made-up tables" in w for w in told.warnings)
    assert not give(decision(), score, score > 100, chance=False).anything_amiss


def test_drift_is_said_and_anomalies_are_not_drift() -> None:
    rng = np.random.default_rng(3)
    held = np.sort(rng.chisquare(8, HELD))
    assert not drifted(held, rng.chisquare(8, 900))
    assert not drifted(held, np.concatenate([rng.chisquare(8, 900), rng.chisquare(8, 90) + 50]))
    assert drifted(held, rng.chisquare(8, 900) * 2)
    shifted = give(decision(clean=True), rng.chisquare(8, 900) * 2, np.zeros(900, bool))
    assert any("drift" in w for w in shifted.warnings)


def test_labels_that_cannot_be_told_apart_flag_nothing_and_say_so() -> None:
    rng = np.random.default_rng(0)
    spoke = 0
    for _ in range(60):
        blind = Decision.learn(Rule("f1"), rng.normal(size=300).round(1), (rng.random(300) < 0.3).astype(np.int8))
        flagged = blind.flag(blind.held)
        told = give(blind, blind.held, flagged, "supervised", seen=True)
        assert flagged.any() == blind.told_apart == (not any("told apart" in w for w in told.warnings))
        spoke += blind.told_apart
    assert spoke <= 8  # of 60 at the level .05
    labels = np.repeat(np.array([0, 1], np.int8), [280, 20])
    assert Decision.learn(Rule("f1"), rng.normal(size=300) + labels, labels).told_apart


def test_precision_and_recall_are_met_on_the_held_out_rows() -> None:
    found = decision(labelled=0.1)
    y, score = found.labels, found.held
    for name in ("precision", "recall"):
        ruled = found.with_rule(Rule(name, 0.8))
        flagged = ruled.flag(score)
        point = operating_point(ruled)
        reached = y[flagged].mean() if name == "precision" else flagged[y == 1].mean()
        assert reached >= 0.8
        assert point[name] == pytest.approx(reached)
        assert point[f"{name}_low"] < reached < point[f"{name}_high"]
    loose = found.with_rule(Rule("recall", 0.5)).threshold()
    assert loose >= found.with_rule(Rule("recall", 0.9)).threshold()


def test_a_rule_that_cannot_be_met_says_what_can() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=1_000)
    y = (rng.random(1_000) < 0.3).astype(int)
    noise = Decision.learn(Rule("precision", 0.99), score, y)
    with pytest.raises(OptionError, match=r"precision 0\.99 is not reachable on the held-out rows: the best is 0\.\d"):
        noise.threshold()


def test_the_cost_rule_is_cheapest() -> None:
    found = decision(Rule("cost", 20), labelled=0.05)
    y, score, at = found.labels, found.held, found.threshold()
    cost = lambda t: 20 * ((score < t) & (y == 1)).sum() + ((score >= t) & (y == 0)).sum()  # noqa: E731
    assert cost(at) == min(cost(t) for t in score)
    dear = found.with_rule(Rule("cost", 1e-9))
    assert not dear.flag(score[y == 0][-3:]).any()


@pytest.mark.parametrize("rule", [Rule("precision", 0.9), Rule("recall", 0.9), Rule("cost", 2.0), Rule("f1", 1)])
def test_rules_of_labels_need_labels(rule: Rule) -> None:
    with pytest.raises(OptionError, match="needs a model that was fitted with labels"):
        decision(rule).threshold()


@pytest.mark.parametrize(
    ("name", "value"),
    [("fdr", 0), ("fdr", 1.5), ("contamination", 0.6), ("alerts", 0), ("alerts", 2.5), ("precision", 0), ("recall", 2),
     ("cost", -1), ("fdr", float("nan")), ("nothing", 1)],
)  # fmt: skip
def test_rules_out_of_range(name: str, value: float) -> None:
    with pytest.raises(OptionError):
        Rule(name, value)


def test_alerts_flags_that_many_of_any_batch() -> None:
    found = decision(Rule("alerts", 50))
    assert found.flag(np.arange(1_000.0)).sum() == 50
    assert found.flag(np.zeros(20)).sum() == 20
    assert found.flag(np.zeros(0)).sum() == 0


def test_alerts_of_every_day() -> None:
    rng = np.random.default_rng(0)
    score, seconds = rng.normal(size=500), rng.integers(0, 9, 500) * 86_400.0 + rng.uniform(0, 86_400, 500)
    seconds[:40] = np.nan
    flagged = Decision(Rule("alerts", 5, "day")).flag(score, seconds)
    day = np.where(np.isnan(seconds), -1, seconds // 86_400)
    for one in np.unique(day):
        assert flagged[day == one].sum() == 5
        assert score[flagged & (day == one)].min() > score[~flagged & (day == one)].max()
    monday = 4 * 86_400.0  # 5 January 1970
    two = Decision(Rule("alerts", 1, "week")).flag(np.array([1.0, 2, 3]), monday + np.array([-1.0, 0, 604_799]))
    assert two.tolist() == [True, False, True]
    rule = Rule("alerts", 5, "day", "when")
    assert Decision.from_json(Decision(rule).to_json(), np.zeros(0), np.zeros(0)).rule == rule
    with pytest.raises(OptionError, match="needs the rows' times"):
        Decision(rule).flag(score)


def test_options_become_one_rule() -> None:
    assert rule_of() is None
    assert rule_of(alerts=50) == Rule("alerts", 50)
    assert rule_of(cost_miss=100, cost_alarm=2) == Rule("cost", 50)
    assert rule_of(cost_miss=100) == Rule("cost", 100)
    assert rule_of(alerts="50/day") == Rule("alerts", 50, "day")
    assert rule_of(alerts="9/week:posted at") == Rule("alerts", 9, "week", "posted at")
    for wrong in ("many", "5/", "5/year", "2.5", "-1", "/day"):
        with pytest.raises(OptionError, match="50/day"):
            rule_of(alerts=wrong)
    with pytest.raises(OptionError, match="only alerts are counted by time"):
        Rule("fdr", 0.1, "day")
    with pytest.raises(OptionError, match="fdr and precision"):
        rule_of(fdr=0.1, precision=0.9)
    with pytest.raises(OptionError, match="cost is out of range"):
        rule_of(cost_miss=0)


def test_every_rule_has_a_name() -> None:
    assert {str(Rule(name, 0.25 if high <= 1 else 1)).split()[0] for name, (_, high) in RULES.items()} == set(RULES)


def test_wilson() -> None:
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


def test_benjamini_hochberg() -> None:
    p = np.array([0.001, 0.8, 0.04, 0.02, 0.5])
    assert benjamini_hochberg(p, 0.1).tolist() == [True, False, True, True, False]


def test_a_saved_model_takes_another_rule(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(120, 3))
    frame = pl.DataFrame({f"x{i}": values[:, i] for i in range(3)})
    quick = {"n_estimators": 1, "epochs": 2, "hidden": (4, 2)}
    amiss.fit(frame, detector="Autoencoder", parameters=quick).save(tmp_path / "m.amiss")
    loaded = amiss.load(tmp_path / "m.amiss")
    loaded.decide(Rule("alerts", 7)).save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    assert again.decision.rule == Rule("alerts", 7)
    assert again.score(frame)["is_anomaly"].sum() == 7
    with pytest.raises(OptionError, match="labels of both kinds"):
        again.decide(Rule("precision", 0.9))
    assert again.verdict(again.score(frame), seen=True).flagged == 7
