"""Columns cut into bins: by quantiles of both kinds of rows, and by a tree of each column."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from amiss import bins as cutting
from amiss.bins import CUT_PAD, init_bins, piecewise, room_for_bins
from amiss.default import LEAVES, NARROW, AnomalyClassifier


def banded(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A column whose anomalies lie in two narrow bands that no quantile ends at; a column of two values; noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    x[:, 1] = x[:, 1] > 1
    inside = ((x[:, 0] > 0.3) & (x[:, 0] < 0.4)) | ((x[:, 0] > 1.1) & (x[:, 0] < 1.2))
    return x, inside.astype(int)


def ends(bins: dict[str, np.ndarray], column: int) -> np.ndarray:
    """Lower ends of a column's bins."""
    row = list(bins["columns"]).index(column)
    return bins["low"][row][bins["slope"][row] > 0]


@pytest.mark.parametrize("leaves", [0, 8])
def test_bins_are_the_same_in_numpy_and_jax(leaves: int) -> None:
    x, y = banded(300, 0)
    bins = init_bins(x, 4, y, leaves=leaves)
    assert np.allclose(piecewise(bins, x), piecewise(bins, jnp.asarray(x)), atol=1e-6)
    assert piecewise(bins, x).shape == (300, 3 + bins["low"].size)


def test_a_tree_cuts_where_the_kinds_part() -> None:
    """At every end of the bands, which quantiles miss; and as many bins as there is room for."""
    x, y = banded(4000, 0)
    bins = init_bins(x, 4, y, leaves=8)
    for end in (0.3, 0.4, 1.1, 1.2):
        assert np.abs(ends(bins, 0) - end).min() < 0.01
    assert np.abs(ends(init_bins(x, 4, 1 - y), 0) - 0.4).min() > 0.01
    assert bins["low"].shape == (CUT_PAD, 2 * 4 + 8)


def test_trees_of_long_tables_see_a_part_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = banded(8000, 0)
    monkeypatch.setattr(cutting, "TREE_ROWS", 2000)
    for end in (0.3, 0.4, 1.1, 1.2):
        assert 0 < np.abs(ends(init_bins(x, 4, y, leaves=8), 0) - end).min() < 0.05
    monkeypatch.setattr(cutting, "TREE_ROWS", 8000)
    assert min(np.abs(ends(init_bins(x, 4, y, leaves=8), 0) - 0.3)) < 0.005


def test_two_values_are_not_cut() -> None:
    x, y = banded(1000, 0)
    for leaves in (0, 8):
        bins = init_bins(x, 4, y, leaves=leaves)
        assert (np.diff(np.flatnonzero(bins["slope"].any(1))) == 1).all()
        assert 1 not in bins["columns"][bins["slope"].any(1)]
        assert room_for_bins(x, 4, y, leaves) == CUT_PAD


def test_a_rare_value_is_cut_by_a_tree_alone() -> None:
    """A column that is zero in nearly every row has one quantile; a tree sees what the others mean."""
    x, y = banded(2000, 0)
    x[:, 2] = np.where(np.arange(2000) % 50 == 0, np.arange(2000) / 1000, 0)
    y = (x[:, 2] > 0).astype(int) * (np.arange(2000) % 3 > 0)
    assert np.abs(ends(init_bins(x, 4, y, leaves=8), 2)).min() < 0.1


def test_no_leaves_are_quantiles_alone() -> None:
    x, y = banded(500, 0)
    for leaves in (0, 1):
        assert np.array_equal(init_bins(x, 4, y, leaves=leaves)["low"], init_bins(x, 4, y)["low"])
    assert len(ends(init_bins(x, 4, np.zeros(500, int), leaves=8), 0)) == 4  # nothing parts what is of one kind


def test_trees_cut_where_several_kinds_speak() -> None:
    """With more than 64 anomalies; with fewer the cuts are those of quantiles alone."""
    default = AnomalyClassifier()
    assert {kind.leaves for kind in default._kinds(NARROW).values()} == {LEAVES}
    assert [default._kinds(columns)["cut"].bins for columns in (NARROW, NARROW + 1)] == [8, 4]
    assert default.leaves == 0
