"""Measures of scores on series equal the references' own numbers, slow readings of the definitions, and plain cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amiss.errors import LabelError
from amiss.series.affiliation import affiliation, best_affiliation_f1
from amiss.series.metrics import evaluate_series, event_scores
from amiss.series.nab import FEW_FALSE, nab_score, row_values
from amiss.series.period import benchmark_period, find_period
from amiss.series.vus import stretches, vus

#: (seed, window, VUS-ROC, VUS-PR, affiliation precision, recall) of :func:`made` by the package TSB_AD 1.5
REFERENCE = [
    (0, 0, 0.849663111772487, 0.5470797047279565, 0.6343389783236462, 0.9950386387159933),
    (0, 1, 0.849663111772487, 0.5470797047279565, 0.6343389783236462, 0.9950386387159933),
    (0, 30, 0.8929510000217425, 0.5974924362815655, 0.6343389783236462, 0.9950386387159933),
    (1, 125, 0.932345989622858, 0.6990157977109767, 0.7055166584910282, 0.9422915127800161),
    (2, 60, 0.9168269415403302, 0.6857602414212335, 0.7067617356734706, 0.9754807920987121),
]


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with events at both borders, near each other and of one step, and a score; with ties for seed 1."""
    rng = np.random.default_rng(seed)
    label = np.zeros(600, int)
    for start, length in ((0, 5), (100, 30), (140, 1), (300, 50), (590, 10)):
        label[start : start + length] = 1
    return label, np.round(rng.normal(size=600) + label * 1.5, 1 if seed == 1 else 6)


@pytest.mark.parametrize(("seed", "window", "roc", "pr", "precision", "recall"), REFERENCE)
def test_equal_to_the_reference(seed: int, window: int, roc: float, pr: float, precision: float, recall: float) -> None:
    label, score = made(seed)
    assert vus(label, score, window) == pytest.approx((roc, pr), abs=1e-9)
    assert affiliation(label, score > 1.5)[:2] == pytest.approx((precision, recall), abs=1e-9)


def test_perfect_scores_are_near_one_and_random_ones_at_chance() -> None:
    label, _ = made(0)
    rng = np.random.default_rng(1)
    perfect, chance = label + 0.01 * rng.random(600), rng.random(600)
    assert vus(label, perfect, 0) == pytest.approx((1, 1), abs=0.01)
    assert vus(label, perfect, 40)[1] > 0.85
    assert vus(label, chance, 0) == pytest.approx((0.5, label.mean()), abs=0.08)
    assert affiliation(label, label) == pytest.approx((1, 1, 1))
    assert best_affiliation_f1(label, perfect) == pytest.approx(1)
    assert affiliation(label, rng.random(600) < 0.5)[0] == pytest.approx(0.5, abs=0.15)


def test_affiliation_equals_sampled_definition() -> None:
    """The integrals, by sampling positions finely."""
    label, marks = np.zeros(60, int), np.zeros(60, int)
    label[20:28] = 1
    marks[[12, 13, 25, 26, 50]] = 1
    position = np.arange(0, 60, 0.02) + 0.01
    inside, marked = label[position.astype(int)] > 0, marks[position.astype(int)] > 0
    to_event = np.maximum(np.maximum(20 - position, position - 28), 0)
    precision = np.mean([(to_event > d).mean() if d > 0 else 1.0 for d in to_event[marked]])
    to_mark = np.abs(position[inside][:, None] - position[marked][None, :]).min(1)
    recall = np.mean(
        [(np.abs(position - y) > d).mean() for y, d in zip(position[inside], np.where(to_mark < 0.03, 0, to_mark))]
    )
    assert affiliation(label, marks)[:2] == pytest.approx((precision, recall), abs=0.01)


def test_nothing_marked_and_nothing_labelled() -> None:
    label, score = made(0)
    precision, recall, f1 = affiliation(label, np.zeros(600))
    assert math.isnan(precision)
    assert recall == 0
    assert math.isnan(f1)
    assert event_scores(label, np.zeros(600)) == (0, 0, 0)
    for measure in (lambda y: vus(y, score, 5), lambda y: affiliation(y, score > 0)):
        with pytest.raises(LabelError, match="labelled anomalous"):
            measure(np.zeros(600, int))
    with pytest.raises(LabelError, match="steps of both kinds"):
        evaluate_series(np.ones(600), score, score > 0)


def test_events_count_once_whatever_their_length() -> None:
    label, marks = np.zeros(100, int), np.zeros(100, int)
    label[10:40], label[60:62] = 1, 1
    marks[15], marks[80:90], marks[95] = 1, 1, 1
    assert event_scores(label, marks) == pytest.approx((1 / 3, 1 / 2, 0.4))
    assert [a.tolist() for a in stretches(label)] == [[10, 60], [39, 61]]


def test_nab_pays_early_marks_and_charges_false_ones() -> None:
    windows = [(500, 599)]
    early, late, false = (np.zeros(1000) for _ in range(3))
    early[500], late[598], false[300] = 1, 1, 1
    scores = [nab_score([(s, windows)], 0.5)[0] for s in (early, late, false, np.zeros(1000))]
    assert scores[0] == pytest.approx(100, abs=0.1)
    assert 50 < scores[1] < 60  # found late: hardly worth more than not missed
    assert scores[2] == pytest.approx(-5.5, abs=0.01)  # a false mark far from a window costs .11 of 2
    assert scores[3] == 0
    assert nab_score([(early, windows)]) == (pytest.approx(100, abs=0.1), 1.0)
    assert nab_score([(false, windows)], 0.5, FEW_FALSE)[0] == pytest.approx(-11, abs=0.01)


def test_nab_sweep_equals_reading_row_by_row() -> None:
    rng = np.random.default_rng(0)
    series = [(np.round(rng.random(n), 2), [(n // 3, n // 3 + 30), (n // 2, n // 2 + 50)]) for n in (400, 700)]

    def slow(threshold: float) -> float:
        total = 0.0
        for score, windows in series:
            value, owner = row_values(len(score), windows)
            marked = score >= threshold
            total += value[marked & (owner == -1)].sum()
            for k in range(len(windows)):
                hits = value[marked & (owner == k)]
                total += hits.max() if len(hits) else -1.0
        return total

    totals = [slow(t) for t in np.unique(np.concatenate([s for s, _ in series]))] + [slow(2.0)]
    assert nab_score(series)[0] == pytest.approx(100 * (max(totals) + 4) / 8)
    assert nab_score(series, 0.9)[0] == pytest.approx(100 * (slow(0.9) + 4) / 8)


def test_periods() -> None:
    t = np.arange(3000.0)
    wave = np.sin(2 * np.pi * t / 50)
    assert benchmark_period(wave) == 50
    assert benchmark_period(wave + np.sin(2 * np.pi * t / 17) * 0.5) == 51  # as the benchmark's own function says
    assert benchmark_period(t) == 125
    assert benchmark_period(np.random.default_rng(0).normal(size=3000)) == 188
    assert find_period(wave[:, None]) == 50
    assert find_period(np.column_stack([wave, np.zeros(3000)])) == 50
    assert find_period(np.zeros((3000, 1))) == find_period(np.random.default_rng(0).normal(size=(3000, 1))) == 0


def test_evaluation_is_fit_for_json_and_beside_chance() -> None:
    label, score = made(2)
    found = evaluate_series(label, score, score > 1.5, window=60)
    assert found["vus_pr"] == pytest.approx(REFERENCE[4][3])
    assert found["events"] == 5
    assert found["chance"]["auc_pr"] == pytest.approx(label.mean())
    assert found["flagged"] == (score > 1.5).sum()
    assert all(isinstance(v, (int, float, dict)) for v in found.values())
