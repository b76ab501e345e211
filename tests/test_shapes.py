"""Shapes of columns: densities and survivals that belong together, gaps told as often as they should be."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.apart import apart
from amiss.shapes import SHAPES, gap_p_values


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_a_density_is_the_fall_of_its_survival(shape: int) -> None:
    density, survival, median = SHAPES[shape]
    d = np.geomspace(1e-3, 20, 20_000)
    middle = np.sqrt(d[1:] * d[:-1])
    fallen = np.exp(survival(d[:-1])) - np.exp(survival(d[1:]))
    assert np.allclose(np.exp(density(middle)) * np.diff(d), fallen, rtol=1e-3, atol=1e-12)
    assert np.exp(survival(np.array([median])))[0] == pytest.approx(0.5)


def test_a_gap_of_an_exponential_column_is_as_rare_as_told() -> None:
    rng = np.random.default_rng(0)
    p = np.array([gap_p_values(np.sort(rng.exponential(size=2_000)), 1)[0] for _ in range(400)])
    for level in (0.5, 0.1, 0.02):
        assert (p <= level).mean() == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / len(p)) + 0.1 * level)


@pytest.mark.parametrize(("rows", "columns", "far"), [(300, 5, 30), (1_000, 8, 15), (5_000, 20, 15)])
def test_a_cell_far_from_a_normal_column_stands_apart_and_no_other_does(rows: int, columns: int, far: float) -> None:
    x = np.random.default_rng(rows).normal(size=(rows, columns))
    assert all((p == 1).all() for p in apart(list(x.T)))
    x[7, 2] = far
    found = [np.flatnonzero(p < 1).tolist() for p in apart(list(x.T))]
    assert found == [[7] if column == 2 else [] for column in range(columns)]


def test_cells_beyond_all_numbers_are_no_error() -> None:
    x = np.random.default_rng(0).normal(size=1_000)
    x[0], x[1] = 1e300, -1e300
    (found,) = apart([x])
    assert np.flatnonzero(found < 1).tolist() == [0, 1]
