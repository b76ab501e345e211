"""``StreamDetector``: rows as they arrive, the same bits however they come, nothing of the future."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.errors import InputError, ModelFileError
from amiss.series.stream import StreamDetector
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


def test_the_same_bits_however_rows_arrive_and_nothing_of_the_future() -> None:
    x, _ = planted("stretch", 3)
    stream = StreamDetector().fit(x[:TRAIN])
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


def test_a_stream_goes_on_from_its_state() -> None:
    x, _ = planted("flat", 2)
    stream = StreamDetector().fit(x[:TRAIN])
    whole = stream.update(x)
    stream.reset().update(x[:777])
    state, arrays = stream.to_state()
    assert all(type(a) is np.ndarray for a in arrays.values())
    again = StreamDetector.from_state(state, arrays)
    assert again.update(x[777:]).tobytes() == whole[777:].tobytes()
    assert again.threshold_ == stream.threshold_
    with pytest.raises(ModelFileError, match="damaged"):
        StreamDetector.from_state({}, {})


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
