"""``SeriesDetector``: planted anomalies are found, same seed same bits, what is awkward is said or refused."""

from __future__ import annotations

import time

import numpy as np
import pytest

import amiss.series.detector as module
from amiss.errors import InputError, ModelFileError
from amiss.series.detector import SeriesDetector
from amiss.series.events import events_of
from amiss.series.windows import moving_average, resampled, stretches_of, to_steps, window_starts, window_view

STEPS, TRAIN = 2400, 800


def wave(channels: int = 1, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """(time, channels) noisy waves of period 50, each at its own phase."""
    rng = np.random.default_rng(seed)
    t = np.arange(steps)[:, None]
    return np.sin(2 * np.pi * t / 50 + np.arange(channels)) + 0.05 * rng.standard_normal((steps, channels))


def planted(kind: str, channels: int = 1) -> tuple[np.ndarray, slice]:
    """A series and the steps that are amiss."""
    x, where = wave(channels), slice(1500, 1550)
    if kind == "point":
        where = slice(1512, 1513)
        x[where, 0] += 1.5
    elif kind == "stretch":  # twice as fast: no value is unusual
        x[where, 0] = np.sin(2 * np.pi * np.arange(50) / 25)
    elif kind == "contextual":  # a trough where a crest should be
        x[where, 0] = -x[where, 0]
    else:
        x[where, 0] = x[1500, 0]
    return x, where


@pytest.mark.parametrize("kind", ["point", "stretch", "contextual", "flat"])
def test_planted_anomalies_score_highest(kind: str) -> None:
    x, where = planted(kind)
    score = SeriesDetector().fit(x[:TRAIN]).anomaly_score(x)
    assert score.shape == (STEPS,)
    assert score.dtype == np.float64
    assert where.start - 30 <= score.argmax() <= where.stop + 30
    far = np.ones(STEPS, bool)
    far[where.start - 160 : where.stop + 160] = False
    assert score.max() > 1.5 * score[far].max()


def test_polluted_training_series_will_do() -> None:
    x, where = planted("stretch")
    score = SeriesDetector().fit(x[:, 0]).anomaly_score(x[:, 0])
    assert where.start - 30 <= score.argmax() <= where.stop + 30


def test_same_seed_same_bits_and_another_seed_others() -> None:
    x, _ = planted("point")
    scores = [SeriesDetector(random_state=s).fit(x[:TRAIN]) for s in (0, 0, 1)]
    assert scores[0].anomaly_score(x).tobytes() == scores[1].anomaly_score(x).tobytes()
    assert not np.array_equal(scores[0].weights_["w0"], scores[2].weights_["w0"])


def test_training_lowers_the_loss_of_the_embedding() -> None:
    """Neighbours in time are nearer to each other than to other windows."""
    x, _ = planted("point")
    from amiss.series.patches import embeddings

    fitted = SeriesDetector().fit(x[:TRAIN])
    e = embeddings(fitted.weights_, ((x - fitted.centre_) / fitted.scale_).astype(np.float32), np.arange(400), 64)
    assert np.allclose((e * e).sum(1), 1, atol=1e-4)
    near, far = (e[:-2] * e[2:]).sum(1).mean(), (e[:-25] * e[25:]).sum(1).mean()
    assert near > far + 0.5


def test_state_goes_to_and_fro_exactly() -> None:
    x, _ = planted("flat", 2)
    fitted = SeriesDetector(references="prefix").fit(x[:TRAIN])
    state, arrays = fitted.to_state()
    assert all(type(a) is np.ndarray for a in arrays.values())
    again = SeriesDetector.from_state(state, arrays)
    assert again.anomaly_score(x).tobytes() == fitted.anomaly_score(x).tobytes()
    with pytest.raises(ModelFileError, match="damaged"):
        SeriesDetector.from_state({}, arrays)


def test_another_series_than_that_of_training() -> None:
    x, where = planted("flat")
    fitted = SeriesDetector(references="prefix").fit(wave(seed=5)[:TRAIN])
    score, ordinary = fitted.score_steps(x)
    assert score.shape == (STEPS,)
    assert ordinary.shape == (TRAIN,)
    assert where.start - 30 <= score.argmax() <= where.stop + 30
    for short in (1, 3, 20, 100):
        assert np.isfinite(fitted.anomaly_score(x[:short])).all()


def test_channel_to_blame() -> None:
    x = wave(5)
    x[1500:1530, 3] += 1
    fitted = SeriesDetector().fit(x[:TRAIN])
    assert 1450 < fitted.anomaly_score(x).argmax() < 1580
    shares = fitted.contributions(x, [1515])
    assert shares.shape == (1, 5)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 3
    assert shares.max() > 0.6


def test_missing_values_are_filled_and_said() -> None:
    x, where = planted("flat", 2)
    x[100:105, 1], x[2000, 0], x[2100, 1] = np.nan, np.inf, np.nan
    fitted = SeriesDetector().fit(x[:TRAIN])
    assert any("5 missing values in 5 steps" in note for note in fitted.notes_)
    score = fitted.anomaly_score(x)
    assert np.isfinite(score).all()
    assert where.start - 30 <= score.argmax() <= where.stop + 30


def test_channels_that_stand_still_or_are_empty() -> None:
    x = np.column_stack([wave(), np.full(STEPS, 7.0), np.full(STEPS, np.nan)])
    x[1500, 1] = 8
    fitted = SeriesDetector().fit(x[:TRAIN])
    assert any("stand still" in n and "channel 2" in n for n in fitted.notes_)
    assert any("no value" in n and "channel 3" in n for n in fitted.notes_)
    assert 1400 < fitted.anomaly_score(x).argmax() < 1600
    assert np.ptp(SeriesDetector().fit(np.ones(100)).anomaly_score(np.ones(300))) == 0


def test_short_training_part_takes_short_windows_and_says_so() -> None:
    x, _ = planted("point")
    fitted = SeriesDetector().fit(x, train=20)
    assert max(fitted.windows_) <= 8
    assert any("no window is longer" in note for note in fitted.notes_)
    assert np.isfinite(fitted.anomaly_score(x)).all()


def test_two_thousand_channels() -> None:
    rng = np.random.default_rng(0)
    x = wave(20, 600) @ rng.standard_normal((20, 2000)) + 0.1 * rng.standard_normal((600, 2000))
    x[450:460, 7] += 30
    started = time.perf_counter()
    fitted = SeriesDetector().fit(x[:300])
    score = fitted.anomaly_score(x)
    assert 430 < score.argmax() < 480
    assert fitted.contributions(x, [455]).argmax() == 7
    assert any("principal axes" in note for note in fitted.notes_)
    assert time.perf_counter() - started < 30


def test_long_series_goes_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    x, where = planted("stretch")
    fitted = SeriesDetector(learned=False).fit(x[:500])
    monkeypatch.setattr(module, "BLOCK", 700)
    for references in ("series", "prefix"):
        fitted.references = references
        score = fitted.anomaly_score(x)
        assert np.isfinite(score).all()
        assert where.start - 30 <= score.argmax() <= where.stop + 30


def test_no_window_spans_a_break() -> None:
    x = wave()
    x = np.concatenate([x[:1500], x[1525:]])  # half a period is cut out
    fitted = SeriesDetector().fit(x[:TRAIN])
    told, untold = fitted.score_steps(x, [1500])[0], fitted.anomaly_score(x)
    assert untold[1450:1550].max() > 1.5 * told[1450:1550].max()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: SeriesDetector().fit(x[:1]), "too short"),
        (lambda x: SeriesDetector().fit(np.array(["a", "b"])), "other things than numbers"),
        (lambda x: SeriesDetector().fit(np.zeros((3, 4, 5))), "wrong shape"),
        (lambda x: SeriesDetector().fit(np.zeros((0, 1))), "wrong shape"),
        (lambda x: SeriesDetector().fit(np.full(100, np.nan)), "no value at all"),
        (lambda x: SeriesDetector().fit(x, train=5), "the training part is too short"),
        (lambda x: SeriesDetector().fit(x, train=10**6), "train is out of range"),
        (lambda x: SeriesDetector(references="all").fit(x), "references"),
        (lambda x: SeriesDetector(random_state=-1).fit(x), "random_state"),
        (lambda x: SeriesDetector(learned=False).fit(x).anomaly_score(np.zeros((50, 3))), "other channels"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_words(wrong: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        wrong(wave())  # type: ignore[operator]


def test_events_join_near_stretches_and_hold_their_peaks() -> None:
    score = np.array([0, 1, 5, 0, 2, 0, 0, 0, 0, 9.0])
    found = events_of(score > 0, score, 1 / (1 + score), gap=1)
    assert [(e.first, e.last, e.peak, e.score, e.steps) for e in found] == [(1, 4, 2, 5.0, 4), (9, 9, 9, 9.0, 1)]
    assert events_of(np.zeros(5, bool), np.zeros(5), np.ones(5)) == []


def test_windows_and_back() -> None:
    x = np.arange(12.0)
    assert moving_average(x, 3)[[0, 5, 11]] == pytest.approx([0.5, 5, 10.5])
    assert stretches_of([4, 5, 30], 12, 3) == [(0, 5), (5, 12)]
    assert window_starts([(0, 4), (4, 12)], 4, 3).tolist() == [0, 4, 7]
    assert window_view(x[:, None], 5).shape == (8, 5, 1)
    assert resampled(window_view(x[:, None], 5)[2], 9)[:, 0] == pytest.approx(np.arange(2, 6.01, 0.5))
    steps = to_steps(np.array([1.0, 1, 1, 1, 1]), np.arange(5), 4, [(0, 8), (8, 10)], 10)
    assert steps[:8] == pytest.approx(np.ones(8))
    assert np.isnan(steps[8:]).all()
