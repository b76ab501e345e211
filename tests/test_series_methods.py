"""The methods for series: all find what is planted, border to border, say what is typical, and go into a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from amiss.errors import OptionError
from amiss.series import ALIASES, METHODS, find, implied
from amiss.series.base import SeriesLearner
from amiss.series.methods.reconstructor import covering
from amiss.series.methods.windows import held_out, place_rows, window_of

STEPS, TRAIN, WHERE = 1500, 700, slice(1100, 1130)
QUICK = {"steps": 60, "hidden": 16, "window": 32}


def series() -> np.ndarray:
    """(time, 2) waves of period 50; the second stands higher for 30 steps."""
    rng, t = np.random.default_rng(0), np.arange(STEPS)
    x = np.column_stack([np.sin(2 * np.pi * t / 50 + i) for i in range(2)]) + 0.05 * rng.standard_normal((STEPS, 2))
    x[WHERE, 1] += 1.5
    return x


def make(name: str, **parameters: Any) -> SeriesLearner:
    kind = find(name)
    known = {f: v for f, v in (QUICK | parameters).items() if f in kind.__dataclass_fields__}
    return kind(**known)


@pytest.fixture(scope="module", params=sorted(METHODS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(name: str) -> SeriesLearner:
    return make(name).fit(series()[:TRAIN])


def test_planted_stretch_its_channel_and_its_band(name: str, fitted: SeriesLearner) -> None:
    x = series()
    look = fitted.look(x)
    assert look.score.shape == (STEPS,)
    assert look.ordinary.shape == (TRAIN,)
    assert np.isfinite(look.score).all()
    assert look.causal == METHODS[name].causal
    if name == "SpectralResidual":  # sees edges, not levels
        assert look.score[WHERE.start - 2 : WHERE.stop + 2].max() > np.quantile(look.score, 0.95)
        return
    assert WHERE.start - 30 <= look.score.argmax() <= WHERE.stop + 30
    assert look.score.max() > 1.3 * look.score[:20].max(), "no border stands out"
    shares = look.shares(np.array([look.score.argmax()]))
    assert shares.argmax() == 1
    assert shares.sum() == pytest.approx(1)
    low, high = look.band()
    inside = (x >= low) & (x <= high)
    inside[WHERE.start - 60 : WHERE.stop + 60] = True
    assert inside[50:-50].mean() > 0.85
    assert (high >= low).all()
    assert (x[1112:1118, 1] > high[1112:1118, 1]).any() or METHODS[name].causal  # a forecaster follows the level


def test_causal_scores_do_not_change_when_more_comes(name: str, fitted: SeriesLearner) -> None:
    if not METHODS[name].causal:
        pytest.skip("looks ahead, and says so")
    x = series()
    assert np.allclose(fitted.anomaly_score(x[:1200]), fitted.anomaly_score(x)[:1200], atol=1e-3)
    ahead = make(name, lookahead=True).fit(x[:TRAIN])
    assert not ahead.look(x).causal


def test_missing_values_breaks_and_other_series(name: str, fitted: SeriesLearner) -> None:
    x = series()
    x[900:905, 0], x[950] = np.nan, np.inf
    look = fitted.look(x, [800])
    assert np.isfinite(look.score).all()
    assert WHERE.start - 30 <= look.score.argmax() <= WHERE.stop + 30 or name == "SpectralResidual"
    assert np.isfinite(np.concatenate(look.band())).all()
    for steps in (1, 3, 20, 100):
        assert np.isfinite(fitted.anomaly_score(series()[-steps:])).all()


def test_state_goes_to_and_fro_exactly(name: str, fitted: SeriesLearner) -> None:
    x = series()
    state, arrays = fitted.to_state()
    assert all(type(a) is np.ndarray for a in arrays.values())
    again = find(name).from_state(state, arrays)
    assert again.anomaly_score(x).tobytes() == fitted.anomaly_score(x).tobytes()


def test_names() -> None:
    assert find("lstm-forecaster") is find("RNNForecaster")
    assert implied("gru_forecaster") == {"cell": "gru"}
    assert {key for key, _ in ALIASES.values()} <= set(METHODS)
    with pytest.raises(OptionError, match="did you mean 'WindowPCA'"):
        find("WindowPCAs")
    for key in METHODS:
        assert "Fails" in (find(key).__doc__ or ""), "a docstring says when the method does not work"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("CNNForecaster", {"horizon": 0}),
        ("CNNForecaster", {"window": 129}),
        ("RNNForecaster", {"cell": "rnn"}),
        ("RNNAutoencoder", {"latent": 0}),
        ("PatchNeighbours", {"k": 0}),
        ("WindowPCA", {"floor": 2}),
        ("MatrixProfile", {"references": "all"}),
        ("SpectralResidual", {"amplitudes": 1}),
    ],
)
def test_parameters_out_of_range(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        make(name, **wrong).fit(series()[:100])


def test_short_training_parts_and_many_channels() -> None:
    rng = np.random.default_rng(0)
    wide = series()[:300] @ rng.standard_normal((2, 100)) + 0.1 * rng.standard_normal((300, 100))
    wide[250:256, 7] += 40
    for name in ("CNNAutoencoder", "WindowPCA", "MatrixProfile"):
        assert np.isfinite(make(name, steps=3).fit(series()[:20]).anomaly_score(series()[:60])).all()
    look = make("MixerForecaster").fit(wide[:200]).look(wide)
    assert 240 <= look.score.argmax() <= 270
    assert look.shares(np.array([252])).argmax() == 7


def test_windows_leave_no_step_out() -> None:
    places = covering(((0, 100), (100, 110), (110, 150)), 32, 8)
    rows = place_rows(places, ((0, 100), (100, 110), (110, 150)))
    seen = np.zeros(150, int)
    for place, low, high in rows:
        assert low <= place < high
        seen[place : min(place + 32, high)] += 1
    assert seen.min() >= 1
    assert held_out(2000, 32).sum() == 400
    assert held_out(300, 32).tolist() == [False] * 240 + [True] * 60
    assert not held_out(100, 32).any()
    assert [window_of(*w) for w in ((0, 0, 900), (0, 100, 900), (0, 10, 900), (20, 0, 900), (0, 0, 40))] == [
        64, 128, 32, 16, 8,
    ]  # fmt: skip
