"""Standardising numeric columns: heavy tails, missing values, the way back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from amiss import numeric
from amiss.numeric import Scaler


def test_plain_columns_are_standardised() -> None:
    x = np.random.default_rng(0).normal([5, -1e6, 1e-9], [2, 1e3, 1e-8], (5000, 3))
    scaler = Scaler.fit(x)
    z = scaler.transform(x)
    assert (z.dtype, z.shape) == (np.float32, (5000, 3))
    assert not scaler.bent.any()
    assert np.allclose(z.mean(0), 0, atol=1e-4)
    assert np.allclose(z.std(0), 1, atol=1e-4)
    assert np.allclose(z, (x - x.mean(0)) / x.std(0), atol=1e-4)


def test_heavy_tails_are_bent_and_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.lognormal(0, 3, 5000), -rng.standard_cauchy(5000), rng.normal(size=5000)])
    scaler = Scaler.fit(x)
    assert scaler.bent.tolist() == [True, True, False]
    z = scaler.transform(x)
    assert np.abs(z).max() < 20, "one extreme value does not squeeze the rest"
    for j in range(3):
        order = np.argsort(x[:, j])
        assert (np.diff(z[order, j]) >= 0).all()
    middle = np.abs(z[:, 1]) < 0.5
    assert middle.mean() > 0.3, "the middle keeps its spread"


def test_one_outlier_leaves_the_others_apart() -> None:
    x = np.append(np.random.default_rng(0).normal(size=1000), 1e9)[:, None]
    z = Scaler.fit(x).transform(x)
    assert z[:1000].std() > 0.5
    assert z[1000, 0] > 5 * z[:1000].max()


def test_missing_values_become_the_mean() -> None:
    x = np.array([[1.0, np.nan], [3.0, 2.0], [np.nan, 4.0], [5.0, 9.0]])
    scaler = Scaler.fit(x)
    z = scaler.transform(x)
    assert np.isfinite(z).all()
    assert z[0, 1] == z[2, 0] == 0
    known = Scaler.fit(np.array([[1.0], [3.0], [5.0]]))
    assert (scaler.mean[0], scaler.deviation[0]) == (known.mean[0], known.deviation[0])


@pytest.mark.parametrize("value", [0.0, 7.0, -1e12, 1e-300])
def test_constant_columns_become_zero(value: float) -> None:
    scaler = Scaler.fit(np.full((50, 1), value))
    assert (scaler.transform(np.full((3, 1), value)) == 0).all()
    assert np.isfinite(scaler.transform(np.array([[value + 1], [1e308], [-1e308]]))).all()


def test_column_of_missing_values_and_no_rows_at_all() -> None:
    scaler = Scaler.fit(np.full((5, 2), np.nan))
    assert (scaler.transform(np.full((5, 2), np.nan)) == 0).all()
    empty = Scaler.fit(np.zeros((0, 3)))
    assert empty.transform(np.zeros((0, 3))).shape == (0, 3)
    assert Scaler.fit(np.zeros((4, 0))).transform(np.zeros((4, 0))).shape == (4, 0)


def test_mostly_one_value() -> None:
    """Quartiles that are equal: the deviation takes their place."""
    x = np.zeros((1000, 1))
    x[:10, 0] = np.arange(1, 11)
    z = Scaler.fit(x).transform(x)
    assert np.isfinite(z).all()
    assert len(np.unique(z)) == 11


def test_invert_is_the_way_back() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.lognormal(0, 3, 500), rng.normal(40, 3, 500)])
    scaler = Scaler.fit(x)
    assert np.allclose(scaler.invert(scaler.transform(x).astype(float)), x, rtol=1e-4, atol=1e-4)


def test_long_columns_are_learned_from_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(4000, 1))
    whole = Scaler.fit(x)
    monkeypatch.setattr(numeric, "FIT_ROWS", 500)
    part = Scaler.fit(x)
    assert abs(part.centre[0] - whole.centre[0]) < 0.2
    assert np.allclose(part.transform(x), whole.transform(x), atol=1e-5), "mean and deviation are of all rows"


def test_json_there_and_back_is_exact() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.lognormal(0, 3, 500), rng.normal(40, 3, 500), np.ones(500)])
    scaler = Scaler.fit(x)
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    assert np.array_equal(again.transform(x), scaler.transform(x))
    for name in Scaler.__dataclass_fields__:
        assert getattr(again, name).dtype == getattr(scaler, name).dtype
        assert np.array_equal(getattr(again, name), getattr(scaler, name))
