"""Table -> matrix: what each kind of column becomes, from training rows alone, and the way back to the column."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from amiss.encoder import Encoder
from amiss.errors import ModelFileError
from amiss.parts import ONE_HOT
from amiss.reading import read
from amiss.table import Table

ROWS = 400


def make_frame(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    start = datetime(2021, 1, 1)
    return pl.DataFrame({
        "number": rng.normal(50, 9, rows),
        "holes": [None if rng.random() < 0.1 else rng.normal() for _ in range(rows)],
        "money": [f"${v:,.2f}" for v in rng.lognormal(8, 2, rows)],
        "town": rng.choice(["Rome", "Oslo", "Bern"], rows, p=[0.6, 0.3, 0.1]),
        "sex": rng.choice(["f", "m"], rows),
        "shop": [f"shop {i}" for i in rng.integers(0, rows // 4, rows)],
        "when": [start + timedelta(hours=int(h)) for h in rng.integers(0, 24 * 900, rows)],
        "same": ["x"] * rows,
        "id": range(1, rows + 1),
    })  # fmt: skip


def table(frame: pl.DataFrame) -> Table:
    return Table.learn(read(frame))


def fit(frame: pl.DataFrame, **options: Any) -> tuple[Encoder, np.ndarray, Table]:
    learned = table(frame)
    encoder, z = Encoder.fit_transform(learned, **options)
    return encoder, z, learned


def again(encoder: Encoder, frame: pl.DataFrame) -> np.ndarray:
    return encoder.transform(Table.match(read(frame), encoder.schema))


def at(encoder: Encoder, name: str) -> int:
    return [f.name for f in encoder.features].index(name)


def test_matrix_and_features_agree() -> None:
    encoder, z, learned = fit(make_frame())
    assert (z.dtype, z.shape) == (np.float32, (ROWS, len(encoder.features)))
    assert np.isfinite(z).all()
    assert len({f.name for f in encoder.features}) == len(encoder.features)
    assert np.array_equal(encoder.transform(learned), z)
    assert np.array_equal(again(encoder, make_frame()), z)


def test_every_feature_maps_back_to_its_column() -> None:
    encoder, _, learned = fit(make_frame())
    learnt = [c.name for c in learned.schema.learned]
    assert "same" not in learnt
    assert "id" not in learnt
    owner = encoder.columns_of_features()
    assert [learnt[i] for i in owner] == [f.column for f in encoder.features]
    assert set(owner) == set(range(len(learnt)))


def test_numbers_are_standardised_and_flags_stay() -> None:
    encoder, z, _ = fit(make_frame())
    for name in ("number", "money", "rarity of town", "when elapsed"):
        assert z[:, at(encoder, name)].mean() == pytest.approx(0, abs=1e-4)
        assert z[:, at(encoder, name)].std() == pytest.approx(1, abs=1e-4)
    missing = make_frame()["holes"].is_null().to_numpy()
    assert np.array_equal(z[:, at(encoder, "holes is missing")], missing)
    assert (z[missing, at(encoder, "holes")] == 0).all()
    town = make_frame()["town"].to_numpy()
    assert np.array_equal(z[:, at(encoder, "town = Rome")], town == "Rome")
    assert [f.name for f in encoder.features if f.column == "sex" and f.role == "is"] == [
        f"sex = {make_frame()['sex'].mode()[0]}"
    ], "two values need one column"


def test_only_training_rows_are_learned_from() -> None:
    frame = make_frame()
    rows = np.arange(0, ROWS, 2)
    encoder, z, learned = fit(frame, rows=rows)
    number = frame["number"].to_numpy()
    expected = (number - number[rows].mean()) / number[rows].std()
    assert np.allclose(z[:, at(encoder, "number")], expected, atol=1e-4)
    spoilt = frame.with_row_index("i").with_columns(
        number=pl.when(pl.col("i") % 2 == 1).then(1e9).otherwise("number"),
        town=pl.when(pl.col("i") % 2 == 1).then(pl.lit("Atlantis")).otherwise("town"),
    )
    other = Table.match(read(spoilt.drop("i")), learned.schema)
    second, changed = Encoder.fit_transform(other, rows)
    assert second.to_json() == encoder.to_json(), "what the other rows hold does not matter"
    assert np.array_equal(changed[rows], z[rows])


def test_rows_do_not_depend_on_each_other() -> None:
    encoder, z, _ = fit(make_frame())
    order = np.random.default_rng(0).permutation(ROWS)
    assert np.array_equal(again(encoder, make_frame()[order.tolist()]), z[order])
    assert np.array_equal(again(encoder, make_frame()[7:9]), z[7:9])


def test_value_never_seen_is_a_value_of_its_own() -> None:
    encoder, z, _ = fit(make_frame())
    strange = again(encoder, make_frame().with_columns(town=pl.lit("Atlantis")))
    assert (strange[:, [at(encoder, f"town = {t}") for t in ("Rome", "Oslo", "Bern")]] == 0).all()
    rarity = at(encoder, "rarity of town")
    assert strange[0, rarity] > z[:, rarity].max()
    gone = again(encoder, make_frame().with_columns(town=pl.lit(None, dtype=pl.String)))
    assert np.isfinite(gone).all()
    assert gone[0, rarity] == 0


def test_values_missing_for_the_first_time() -> None:
    """No column says so, as none was learned; the value is the mean."""
    encoder, _, _ = fit(make_frame())
    z = again(encoder, make_frame().with_columns(number=pl.lit(None, dtype=pl.Float64)))
    assert (z[:, at(encoder, "number")] == 0).all()


def test_category_of_many_values_is_bounded() -> None:
    rng = np.random.default_rng(0)
    values = rng.permutation(np.repeat(np.arange(100_000), 4))
    frame = pl.DataFrame({"shop": [f"s{v}" for v in values], "number": rng.normal(size=len(values))})
    y = (rng.random(len(values)) < 0.05).astype(np.int8)
    encoder, z, _ = fit(frame, y=y)
    assert len(encoder.features) <= ONE_HOT + 4
    assert [f.role for f in encoder.features if f.column == "shop"] == ["rarity", "rate"]
    assert np.isfinite(z).all()


def test_at_most_so_many_columns_for_frequent_values() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"code": [f"c{v}" for v in rng.integers(0, 60, 3000)], "number": rng.normal(size=3000)})
    encoder, _, _ = fit(frame)
    assert sum(f.role == "is" for f in encoder.features) == ONE_HOT


def test_rates_of_anomalies_are_learned_and_smoothed() -> None:
    rng = np.random.default_rng(0)
    shops = rng.integers(0, 200, 6000)
    y = (rng.random(6000) < np.where(shops < 10, 0.8, 0.02)).astype(np.int8)
    frame = pl.DataFrame({"shop": [f"s{v}" for v in shops], "number": rng.normal(size=6000)})
    encoder, z, _ = fit(frame, y=y)
    rate = z[:, at(encoder, "anomaly rate of shop")]
    assert rate[shops < 10].min() > rate[shops >= 10].max()
    new = again(encoder, frame.with_columns(shop=pl.lit("new")))[0, at(encoder, "anomaly rate of shop")]
    assert rate.min() < new < rate[shops < 10].min(), "a value never seen has the table's rate"


@pytest.mark.parametrize("kind", ["crowded", "each value twice", "nearly each its own"])
def test_own_labels_are_not_in_the_rates(kind: str) -> None:
    """Labels of pure noise: rates of training rows tell no more than chance, in either direction.

    The standard deviation of the AUC is 0.009 here; leaving one's own label in gives 0.7 to 1, and leaving it out one
    row at a time gives far less than a half.
    """
    rng = np.random.default_rng(0)
    rows = 12_000
    size = {"crowded": 300, "each value twice": rows // 2, "nearly each its own": rows * 3 // 4}[kind]
    frame = pl.DataFrame({"shop": [f"s{v}" for v in rng.integers(0, size, rows)], "number": rng.normal(size=rows)})
    y = (rng.random(rows) < 0.1).astype(np.int8)
    learned = Table.learn(read(frame))
    if learned.schema["shop"].kind != "category":
        pytest.skip("an identifier is not learned from")
    encoder, z = Encoder.fit_transform(learned, None, y)
    auc = roc_auc_score(y, z[:, at(encoder, "anomaly rate of shop")])
    assert abs(auc - 0.5) < 0.045


def priced(rows: int = 4000) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Products with prices of their own; an anomaly costs three times what it should, of all prices an ordinary one."""
    rng = np.random.default_rng(0)
    product, y = rng.integers(0, 300, rows), (rng.random(rows) < 0.05).astype(np.int8)
    price = np.exp(rng.normal(0, 2, 300)[product] + rng.normal(0, 0.1, rows)) * np.where(y == 1, 3, 1)
    frame = pl.DataFrame({"product": [f"p{v}" for v in product], "price": price, "number": rng.normal(size=rows)})
    return frame, product, y


def test_numbers_are_seen_beside_those_of_their_category() -> None:
    frame, product, y = priced()
    encoder, z, learned = fit(frame, y=y)
    assert [f.name for f in encoder.features if f.role == "centred"] == ["price beside product"], "number has none"
    place = at(encoder, "price beside product")
    assert encoder.features[place].column == "price"
    assert roc_auc_score(y, z[:, place]) > 0.95
    assert roc_auc_score(y, z[:, at(encoder, "price")]) < 0.7
    part = encoder.parts[0]
    log = np.log(frame["price"].to_numpy())
    others = (product == product[0]) & (np.arange(len(log)) != 0)
    mean = (log[others].sum() + 2 * log.mean()) / (others.sum() + 2)
    codes = learned.codes("product", part.values)
    own = part.centred_without_own(learned, "price", codes, np.arange(len(log)))[0]
    assert own == pytest.approx(log[0] - mean), "a row that is learned from is not in its own mean"
    odd = pl.DataFrame({"product": ["never seen"], "price": [float(np.exp(log.mean()))], "number": [0.0]})
    assert abs(again(encoder, odd)[0, place]) < 0.1, "a value never seen has the table's mean"
    assert not any(f.role == "centred" for f in fit(frame)[0].features), "without labels the matrix is as it was"
    other = Encoder.from_json(encoder.schema, json.loads(json.dumps(encoder.to_json())))
    assert np.array_equal(other.transform(learned), encoder.transform(learned))


def test_labels_of_other_rows_are_not_learned() -> None:
    frame = make_frame()
    rows, y = np.arange(0, ROWS, 2), (np.arange(ROWS) % 7 == 0).astype(np.int8)
    encoder, z, learned = fit(frame, rows=rows, y=y)
    flipped = np.where(np.arange(ROWS) % 2 == 1, 1 - y, y).astype(np.int8)
    second, changed = Encoder.fit_transform(learned, rows, flipped)
    assert second.to_json() == encoder.to_json()
    assert np.array_equal(z, changed)


def test_dates_are_circles_and_elapsed_time() -> None:
    encoder, z, _ = fit(make_frame())
    for cycle in ("hour of day", "day of week", "day of year"):
        sine, cosine = (z[:, at(encoder, f"when {cycle} {axis}")] for axis in ("sin", "cos"))
        assert np.allclose(sine**2 + cosine**2, 1, atol=1e-5)
    hour = np.array([w.hour for w in make_frame()["when"]])
    assert np.allclose(z[:, at(encoder, "when hour of day sin")], np.sin(2 * np.pi * hour / 24), atol=1e-4)
    order = np.argsort(make_frame()["when"].to_numpy(), kind="stable")
    assert (np.diff(z[order, at(encoder, "when elapsed")]) >= 0).all()


def test_dates_of_a_week_have_no_year() -> None:
    days = [datetime(2024, 5, 1) + timedelta(hours=5 * i) for i in range(60)]
    encoder, _, _ = fit(pl.DataFrame({"when": days, "number": np.random.default_rng(0).normal(size=60)}))
    assert {f.name for f in encoder.features if f.role == "cycle"} == {"when hour of day sin", "when hour of day cos"}


def test_sentences_are_known_by_their_looks() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["the", "parcel", "was", "late", "Damaged", "since", "12", "days", "and", "cold"])
    texts = [" ".join(rng.choice(words, rng.integers(5, 12))) + f" {i}" for i in range(100)]
    frame = pl.DataFrame({"note": texts, "number": rng.normal(size=100)})
    encoder, z, learned = fit(frame)
    assert learned.schema["note"].kind == "text"
    length = np.array([len(t) for t in texts])
    assert np.corrcoef(z[:, at(encoder, "length of note")], length)[0, 1] > 0.99
    assert np.isfinite(again(encoder, frame.with_columns(note=pl.lit("")))).all()


def test_json_there_and_back_is_exact() -> None:
    y = (np.arange(ROWS) % 7 == 0).astype(np.int8)
    encoder, _, learned = fit(make_frame(), y=y)
    state = json.loads(json.dumps(encoder.to_json(), allow_nan=False))
    back = Encoder.from_json(learned.schema, state)
    other = Table.match(read(make_frame(seed=5)), learned.schema)
    assert np.array_equal(back.transform(other), encoder.transform(other))
    assert back.features == encoder.features
    assert back.describe() == encoder.describe()


@pytest.mark.parametrize("state", [None, {}, {"parts": [{}], "scaler": {}}, {"parts": [{"kind": "magic"}]}])
def test_json_of_another_thing_is_refused(state: Any) -> None:
    with pytest.raises(ModelFileError, match="encoder is damaged"):
        Encoder.from_json(table(make_frame(30)).schema, state)


def test_describe_says_what_is_done() -> None:
    encoder, _, learned = fit(make_frame())
    described = {entry["column"]: entry for entry in encoder.describe()}
    assert list(described) == list(learned.schema.names)
    assert json.dumps(encoder.describe())
    assert any("asinh" in step for step in described["money"]["steps"])
    assert described["number"]["steps"][0] == "standardised"
    assert described["id"]["features"] == described["same"]["features"] == []
    assert described["id"]["steps"][0].startswith("left out")
    assert sum(len(entry["features"]) for entry in described.values()) == len(encoder.features)
