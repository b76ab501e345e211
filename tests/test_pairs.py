"""Pairs of columns that tell more together: which are taken, what they say, and that no row sees its own label."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from amiss.encoder import Encoder
from amiss.errors import ModelFileError
from amiss.pairs import ANOMALIES_LEAST, Pair, learn_pairs
from amiss.reading import read
from amiss.table import Table

ROWS = 4000


def frame(seed: int = 0, rows: int = ROWS) -> tuple[pl.DataFrame, np.ndarray]:
    """Anomalies where shop and year agree in a way that neither tells alone; colour tells by itself."""
    rng = np.random.default_rng(seed)
    shop, year, colour = rng.integers(4, size=rows), rng.integers(3, size=rows), rng.integers(3, size=rows)
    odds = np.where((shop + year) % 3 == 0, 0.14, 0.02) * np.where(colour == 1, 2, 1)
    columns = {
        "shop": np.array(["north", "east", "south", "west"])[shop],
        "year": 2001 + year,
        "colour": np.array(["red", "green", "blue"])[colour],
        "size": rng.normal(size=rows),
    }
    return pl.DataFrame(columns), (rng.random(rows) < odds).astype(int)


def as_table(data: pl.DataFrame) -> Table:
    return Table.learn(read(data))


def test_the_pair_that_tells_is_taken_and_no_other() -> None:
    data, y = frame()
    table, rows, fold = as_table(data), np.arange(ROWS), np.arange(ROWS) % 5
    [(pair, own)] = learn_pairs(table, rows, y, fold)
    assert {pair.first, pair.second} == {"shop", "year"}
    told = pair.encode(table)
    assert told[y == 1].mean() > told[y == 0].mean() + 0.3
    assert own[y == 1].mean() > own[y == 0].mean() + 0.2
    assert not learn_pairs(table, rows, np.random.default_rng(1).permutation(y), fold)
    few = np.where(np.cumsum(y) < ANOMALIES_LEAST, y, 0)
    assert not learn_pairs(table, rows, few, fold)
    assert len(learn_pairs(table, rows, np.where(rows % 9 == 0, -1, y), fold)) == 1


def test_a_row_does_not_see_its_own_label() -> None:
    """What a row is told stays the same whatever its own label, and that of its fold, is."""
    data, y = frame()
    table, rows, fold = as_table(data), np.arange(ROWS), np.arange(ROWS) % 5
    inside = fold == 2
    other = np.where(inside, 0, y)
    [(_, told)], [(_, again)] = learn_pairs(table, rows, y, fold), learn_pairs(table, rows, other, fold)
    assert np.array_equal(told[inside], again[inside])
    assert not np.array_equal(told[~inside], again[~inside])


def test_values_never_seen_and_missing_ones() -> None:
    data, y = frame()
    gone = data.with_columns(shop=pl.when(pl.int_range(ROWS) % 10 > 0).then("shop"))
    [(pair, _)] = learn_pairs(as_table(gone), np.arange(ROWS), y, np.arange(ROWS) % 5)
    table = as_table(gone)
    new = Table.match(read(gone.head(3).with_columns(shop=pl.Series(["moon", None, "north"]), year=2001)), table.schema)
    unseen, missing, known = pair.encode(new)
    assert unseen == 0
    assert abs(missing) < 0.5  # of no pair more than of others
    north = gone.select((pl.col("shop") == "north").fill_null(False) & (pl.col("year") == 2001)).to_series().to_numpy()
    assert known == pair.encode(table)[north][0]


def test_the_encoder_keeps_pairs() -> None:
    data, y = frame()
    table = as_table(data)
    encoder, z = Encoder.fit_transform(table, y=y)
    at = [i for i, feature in enumerate(encoder.features) if feature.role == "pair"]
    assert len(at) == 1
    assert z.shape == (ROWS, len(encoder.features))
    assert "with" in encoder.features[at[0]].name
    assert any("with that of" in step for entry in encoder.describe() for step in entry["steps"])
    assert not np.array_equal(z[:, at], encoder.transform(table)[:, at])  # training rows are told by other folds
    again = Encoder.from_json(table.schema, json.loads(json.dumps(encoder.to_json())))
    other, _ = frame(1)
    assert np.array_equal(again.transform(as_table(other)), encoder.transform(as_table(other)))
    assert not Encoder.fit(table).pairs


def test_pairs_agree_with_columns_that_were_exchanged() -> None:
    """As rows are exchanged cell by cell for an explanation, a pair follows both of its columns."""
    data, y = frame()
    data = data.with_columns(shop=pl.when(pl.int_range(ROWS) % 10 > 0).then("shop"))
    table = as_table(data)
    encoder, _ = Encoder.fit_transform(table, y=y)
    z, agree = encoder.transform(table), encoder.agreement()
    assert np.allclose(agree(z), z, atol=1e-6)
    owner, names = encoder.columns_of_features(), [c.name for c in table.schema.learned]
    pair = next(i for i, feature in enumerate(encoder.features) if feature.role == "pair")
    for name in ("shop", "year"):
        mixed, other = z.copy(), as_table(data.with_columns(data[name].reverse()))
        block = [k for k in np.flatnonzero(owner == names.index(name)) if k != pair]
        mixed[:, block] = z[::-1][:, block]
        assert np.allclose(agree(mixed)[:, pair], encoder.transform(other)[:, pair], atol=1e-6)
    plain = Encoder.fit(table)
    assert plain.agreement()(z) is z


@pytest.mark.parametrize("damage", [{"lifts": [[0.0]]}, {"values": [["a"]]}, {"first": None, "lifts": "x"}])
def test_damaged_pairs_are_refused(damage: dict) -> None:
    data, y = frame()
    table = as_table(data)
    state = json.loads(json.dumps(Encoder.fit(table, y=y).to_json()))
    state["pairs"][0] |= damage
    with pytest.raises(ModelFileError):
        Encoder.from_json(table.schema, state)
    assert isinstance(Pair.from_json(Encoder.fit(table, y=y).pairs[0].to_json()), Pair)
