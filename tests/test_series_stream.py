"""``StreamDetector``: rows as they arrive, the same bits however they come, nothing of the future."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from amiss import blas
from amiss.errors import InputError, ModelFileError
from amiss.series.drift import DriftDetector
from amiss.series.stream import Stream, StreamDetector
from test_series import STEPS, TRAIN, planted, wave


@pytest.mark.parametrize("kind", ["point", "stretch", "contextual", "flat"])
@pytest.mark.parametrize("channels", [1, 6])
def test_planted_anomalies_raise_the_alarm_in_time(kind: str, channels: int) -> None:
    x, where = planted(kind, channels)
    stream = StreamDetector().fit(x[:TRAIN])
    score = stream.update(x)
    alarms = np.flatnonzero(score > stream.threshold_)
    assert len(alarms)
    assert where.start <= alarms[0] <= where.stop
    assert alarms[-1] < where.stop + stream.warm_up_


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Many small products on a busy machine: threads would wait for each other."""
    with blas.one_thread():
        yield


BOTH = [StreamDetector(), DriftDetector(season=50)]


@pytest.mark.parametrize("stream", BOTH, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_bits_however_rows_arrive_and_nothing_of_the_future(stream: Stream, channels: int) -> None:
    x, _ = planted("stretch", channels)
    stream.fit(x[:TRAIN])
    whole = stream.update(x)
    one_by_one = np.concatenate([stream.reset().update(x[:1])] + [stream.update(row[None]) for row in x[1:500]])
    assert one_by_one.tobytes() == whole[:500].tobytes()
    rng, at, parts = np.random.default_rng(0), 0, []
    stream.reset()
    while at < STEPS:
        count = int(rng.integers(1, 200))
        parts.append(stream.update(x[at : at + count]))
        at += count
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    other = x.copy()
    other[1000:] = 99
    assert stream.reset().update(other)[:1000].tobytes() == whole[:1000].tobytes()


@pytest.mark.parametrize("stream", BOTH, ids=lambda s: type(s).__name__)
def test_a_stream_goes_on_from_its_state(stream: Stream) -> None:
    x, _ = planted("flat", 2)
    stream.fit(x[:TRAIN])
    whole = stream.update(x)
    stream.reset().update(x[:777])
    state, arrays = stream.to_state()
    assert all(type(a) is np.ndarray for a in arrays.values())
    again = type(stream).from_state(state, arrays)
    assert again.update(x[777:]).tobytes() == whole[777:].tobytes()
    assert again.threshold_ == stream.threshold_
    live = stream.live()
    assert sum(a.nbytes for a in live.values()) < sum(a.nbytes for a in arrays.values())
    stream.reset().go_on(live)
    assert stream.update(x[777:]).tobytes() == whole[777:].tobytes()
    for wrong in (lambda: type(stream).from_state({}, {}), lambda: stream.go_on({})):
        with pytest.raises(ModelFileError, match=r"damaged|another version|another model"):
            wrong()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_drifts_becomes_the_usual_and_a_stretch_is_told_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = np.cumsum(rng.standard_normal(6000) * 0.05) + rng.standard_normal(6000)
    plain[3000:] *= 3
    x = plain.copy()
    x[5000:5005] += 40
    stream = DriftDetector().fit(x[:1000])
    flagged = np.flatnonzero(stream.step(x[1000:]).flagged) + 1000
    assert 5000 in flagged
    assert len(flagged) < 20
    without = np.flatnonzero(DriftDetector().fit(x[:1000]).step(plain[1000:]).flagged) + 1000
    after = np.arange(5001, 5401)
    assert set(np.intersect1d(after, flagged)) <= set(without)  # the stretch itself is not told again
    fixed = StreamDetector().fit(x[:1000])
    assert (fixed.step(x[1000:]).flagged).mean() > 0.2


def test_many_channels_and_the_one_to_blame() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 300))
    x[1200, 7] = 60
    for stream in (StreamDetector(), DriftDetector()):
        said = stream.fit(x[:1000]).step(x[1000:])
        assert said.flagged[200]
        assert said.shares[200].argmax() == 7


def test_many_channels_have_the_same_bits_however_rows_come_and_noise_is_ordinary() -> None:
    x = np.random.default_rng(0).standard_normal((1100, 100))
    for stream in (StreamDetector(), DriftDetector()):
        whole = stream.fit(x[:1000]).step(x[1000:])
        stream.reset()
        parts = np.concatenate([stream.step(x[a:b]).score for a, b in ((1000, 1001), (1001, 1040), (1040, 1100))])
        assert parts.tobytes() == whole.score.tobytes()
        assert not whole.flagged.any()


def test_missing_values_and_still_channels() -> None:
    x = np.column_stack([wave(), np.full(STEPS, 3.0)])
    stream = StreamDetector().fit(x[:TRAIN])
    x[1000, 0], x[1300, :] = np.nan, np.inf
    score = stream.update(x)
    assert np.isfinite(score).all()
    assert score.max() < stream.threshold_
    x[2000, 1] = 4
    assert stream.reset().update(x)[2000] > stream.threshold_


def test_what_does_not_fit_is_refused() -> None:
    stream = StreamDetector().fit(wave(2)[:TRAIN])
    for wrong in (lambda: stream.update(np.zeros((5, 3))), lambda: stream.update(["a"]), lambda: stream.fit([1.0])):
        with pytest.raises(InputError):
            wrong()
    with pytest.raises(InputError, match="references"):
        StreamDetector(references=0).fit(wave())
