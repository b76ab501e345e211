"""Evidence without labels: silent on chance, loud on what chance does not make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import amiss
from amiss import surrogates
from amiss.apart import apart, odd
from amiss.cli import main
from amiss.decision import benjamini_hochberg
from amiss.surrogates import FEWEST, Chance, ask, replaced, surrogate


def dependent(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, 2))
    return (hidden @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(rows, 6))).astype(np.float32)


def asked(z: np.ndarray, seed: int = 0) -> Chance:
    return ask(z, np.square(z).sum(1), seed)


def alone(z: np.ndarray) -> np.ndarray:
    """(rows,) bool: rows with a cell that stands apart."""
    return np.asarray(np.min([*apart(list(z.T))], axis=0) < 1)


def test_a_surrogate_keeps_cells_and_correlations_and_nothing_else() -> None:
    z = dependent(800)
    z[:, 5] = np.abs(z[:, 4])  # a dependency that no correlation shows
    made = surrogate(z, np.random.default_rng(1))
    assert np.array_equal(np.sort(z, axis=0), np.sort(made, axis=0))
    assert np.abs(np.corrcoef(z[:, :5].T) - np.corrcoef(made[:, :5].T)).max() < 0.15
    assert np.abs(made[:, 5] - np.abs(made[:, 4])).mean() > 0.2
    assert np.isfinite(surrogate(np.zeros((60, 3), np.float32), np.random.default_rng(0))).all()
    words = np.eye(3, dtype=np.float32)[np.random.default_rng(0).integers(0, 3, 800)]
    both = np.column_stack([z, words])
    made = surrogate(both, np.random.default_rng(0), [*(np.array([j]) for j in range(6)), np.arange(6, 9)])
    assert (made[:, 6:].sum(1) == 1).all()
    assert surrogate(z[:, :1], np.random.default_rng(0)).shape == (800, 1)


def test_cells_that_no_tail_explains_are_replaced() -> None:
    rng = np.random.default_rng(0)
    z = np.column_stack([rng.normal(size=1_000), rng.lognormal(0, 1, 1_000), rng.poisson(0.1, 1_000)])
    calm = replaced(z, rng)
    assert np.array_equal(calm, z)
    z[:5, 0] = 40
    calm = replaced(z, rng)
    assert (calm[:5, 0] < 10).all()
    assert np.array_equal(calm[5:], z[5:])
    assert np.flatnonzero(alone(z)).tolist() == [0, 1, 2, 3, 4]
    assert not alone(calm).any()


def test_a_number_far_from_a_columns_one_value_is_evidence() -> None:
    column = np.ones(300)
    column[7] = 50
    assert np.flatnonzero(odd([column, np.random.default_rng(0).normal(size=300)], 300)).tolist() == [7]
    assert not odd([column] * 4, 300).any()  # of so many columns one may well have such a cell
    column[7] = 0
    assert not odd([column], 300).any()  # a flag
    column[[7, 8]] = 50, 8
    assert not odd([column], 300)[:7].any()
    column[[7, 8]] = 12, 3
    assert not odd([column], 300).any()


def test_counts_must_be_stark_to_stand_apart() -> None:
    counts = np.random.default_rng(0).poisson(3, 300).astype(float)
    for value, found in ((40, []), (300, [7])):
        counts[7] = value
        assert np.flatnonzero(next(apart([counts])) < 1).tolist() == found


DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "gauss": lambda rng, size: rng.normal(size=size),
    "counts": lambda rng, size: rng.poisson(0.3, size=size).astype(float),
    "many counts": lambda rng, size: np.where(rng.random(size) < 0.5, 0.0, rng.geometric(0.02, size=size)),
    "heavy": lambda rng, size: rng.standard_t(3, size=size),
    "skewed": lambda rng, size: rng.lognormal(0, 1.5, size=size),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_hardly_any_table_of_chance_has_a_cell_that_stands_apart(kind: str) -> None:
    """One of a hundred may: four of sixty are seen once in three hundred times."""
    for size in ((100, 20), (250, 5), (1_000, 5)):
        spoke = [alone(DRAWS[kind](np.random.default_rng([seed, *size]), size)).any() for seed in range(60)]
        assert sum(spoke) <= 3, size


@pytest.mark.parametrize("kind", ["gauss", "counts", "heavy"])
def test_silence_on_chance(kind: str) -> None:
    assert not asked(DRAWS[kind](np.random.default_rng(3), (250, 5)).astype(np.float32)).evident


def test_a_surrogate_is_no_stranger_than_other_surrogates() -> None:
    """And no less: their rows' p-values are nearly those of chance, where a stranger's are not."""
    z = dependent(150)
    p = np.concatenate([asked(surrogate(z, np.random.default_rng(run)), run).p for run in range(10)])
    assert 0.07 < (p <= 0.1).mean() < 0.11


def test_broken_dependencies_and_far_rows_are_found_and_told_first() -> None:
    """Of a line, of a curve, and of a category; and rows far out in every column."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    group = rng.integers(0, 4, 600)
    z = np.column_stack([x, x.sum(1), x[:, 0] ** 2, group, np.array([0.0, 6, -4, 2])[group]])
    z[:, [2, 3, 5]] += 0.2 * rng.normal(size=(600, 3))
    z[:4, 2] += np.array([4, -4, 4, -4])
    z[4:8, 3] = 2 + rng.random(4) * (np.abs(x[4:8, 0]) < 1)
    x[4:8, 0] = z[4:8, 0] = 0.1
    z[8:12, 5] = np.array([6.0, -4, 2, -4])[group[8:12]]
    z[12:16] = 6 * rng.choice([-1, 1], (4, 6))
    told = asked(z.astype(np.float32))
    assert told.evident
    assert set(np.argsort(told.p, kind="stable")[:48]) >= set(range(16))
    assert benjamini_hochberg(told.p, 0.1)[[*range(4), *range(12, 16)]].all()
    assert ((told.p > 0) & (told.p <= 1)).all()


def test_many_alike_anomalies_are_found() -> None:
    """A twentieth of the amounts, times 30, where amounts depend on the shop."""
    rng = np.random.default_rng(1)
    shop = rng.integers(0, 6, 800)
    amount = np.array([2.5, 3, 3.5, 4, 2, 3])[shop] + 0.4 * rng.normal(size=800)
    amount[:40] += np.log(30)
    z = np.column_stack([np.exp(amount), shop, rng.normal(size=(800, 3))])
    told = asked(((z - z.mean(0)) / z.std(0)).astype(np.float32))
    assert told.evident
    assert benjamini_hochberg(told.p, 0.1)[:40].mean() > 0.9


def test_few_rows_say_nothing_and_the_same_seed_says_the_same() -> None:
    z = dependent(FEWEST - 1)
    assert (asked(z).p == 1).all()
    z = dependent(80)
    assert np.array_equal(asked(z, 4).p, asked(z, 4).p)


def test_long_tables_are_asked_about_their_strangest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROWS": 200, "ASKED": 300}.items():
        monkeypatch.setattr(surrogates, name, value)
    z = dependent(3_000)
    assert not asked(z).evident
    z[:6] += np.array([6, -6, 6, -6, 6, -6], np.float32)
    told = asked(z)
    assert told.evident
    assert benjamini_hochberg(told.p, 0.1)[:6].all()
    assert told.asked.sum() == 300
    p = told.told(np.full(len(z), 1e-4))
    assert p[~told.asked].min() >= p[told.asked].max()


@pytest.mark.parametrize("kind", ["normal", "uniform", "exponential"])
@pytest.mark.parametrize("rows", [100, 300, 1_000])
def test_one_cell_a_hundred_times_as_far_out_is_evidence_in_almost_every_table(rows: int, kind: str) -> None:
    found = []
    for seed in range(40):
        z = getattr(np.random.default_rng(seed), kind)(size=(rows, 3))
        middle = np.median(z[:, 0])
        z[7, 0] = middle + 100 * np.quantile(np.abs(z[:, 0] - middle), 0.95)
        found.append(alone(z)[7])
    assert np.mean(found) >= 0.97


def test_missing_cells_and_dates_are_no_matter() -> None:
    rng = np.random.default_rng(0)
    date = 1.7e9 + 1e6 * rng.normal(size=300)
    date[5] = 0.0
    date[rng.random(300) < 0.3] = np.nan
    date[5] = 0.0
    assert np.flatnonzero(alone(date[:, None])).tolist() == [5]
    day = 86_400.0 * rng.integers(20_000, 20_030, 300)  # a month, and the first day of 1970
    day[5] = 0.0
    assert np.flatnonzero(next(apart([], [day])) < 1).tolist() == [5]
    assert not alone(np.full((300, 1), np.nan)).any()
    assert not alone(np.where(np.arange(300) < 3, 1.0, np.nan)[:, None]).any()


def test_one_rule_for_a_table_that_was_learned_from(tmp_path: Path) -> None:
    """`detect`, and `score` with a saved model, agree on the table; other rows are held against it one by one."""
    z = dependent(120)
    z[:5] += np.array([12, -12, 12, -12, 12, -12], np.float32)
    pl.DataFrame(z, schema=list("abcdef")).write_csv(tmp_path / "t.csv")
    pl.DataFrame(z[::-1], schema=list("abcdef")).write_csv(tmp_path / "other.csv")
    quick = {"parameters": {"epochs": 1, "n_estimators": 1}}
    found, model = amiss.detect(tmp_path / "t.csv", **quick), amiss.fit(tmp_path / "t.csv", **quick)
    model.save(tmp_path / "m.amiss")
    told = {}
    for name in ("t", "other"):
        ran = CliRunner().invoke(main, ["score", str(tmp_path / "m.amiss"), str(tmp_path / f"{name}.csv"), "--json"])
        assert ran.exit_code == 0, ran.output
        told[name] = json.loads(ran.stdout)
    assert found.verdict is not None
    assert told["t"]["verdict"] == json.loads(json.dumps(found.verdict.to_json()))
    assert told["t"]["verdict"]["method"] == "surrogates"
    assert any("very table" in note for note in told["t"]["notes"])
    assert told["other"]["verdict"]["method"] == "tail"


@pytest.mark.parametrize("share", [0.01, 0.08])
def test_that_much_of_a_long_table_is_strange_is_seen_twice(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ROWS rows and fewer all are measured at once."""
    looks = []

    def measured(z: np.ndarray, asked: np.ndarray, *_: object) -> tuple[np.ndarray, bool]:
        looks.append(len(z))
        strange = np.arange(len(asked)) < share * len(z)
        return np.where(strange & (len(looks) == 1), 1e-5, 0.9), len(looks) == 1

    monkeypatch.setattr(surrogates, "_by_part", measured)
    z = np.random.default_rng(0).standard_normal((3 * surrogates.ROWS, 3)).astype(np.float32)
    found = ask(z, z[:, 0])
    assert (found.evident, len(looks)) == ((True, 1) if share < surrogates.LARGE else (False, 2))
    looks.clear()
    assert ask(z[: surrogates.ROWS], z[: surrogates.ROWS, 0]).evident
    assert len(looks) == 1
