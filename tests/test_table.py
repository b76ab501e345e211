"""The checked table: learned once, matched afterwards; and the real tables as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from amiss.errors import ColumnError, InputError, TableError
from amiss.labels import match_labels, read_labels
from amiss.reading import ReadOptions, read, read_names
from amiss.schema import Schema
from amiss.table import Table, resolve


def frame(rows: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame({
        "id": range(rows),
        "price": [f"${v:,.2f}" for v in rng.lognormal(8, 1, rows)],
        "town": [["Rome", "Oslo", "Bern", None][i % 4] for i in range(rows)],
        "when": [f"{i % 28 + 1:02d}.03.2024" for i in range(rows)],
        "same": ["x"] * rows,
        "price2": rng.normal(size=rows),
    }).with_columns(again=pl.col("price"), label=pl.Series([i % 9 == 0 for i in range(rows)]))  # fmt: skip


def test_learn():
    table = Table.learn(read(frame()), label="label")
    assert table.rows == 60
    assert {c.name: c.kind for c in table.schema} == {
        "id": "identifier", "price": "numeric", "town": "category", "when": "datetime", "same": "constant",
        "price2": "numeric", "again": "duplicate",
    }  # fmt: skip
    assert table.schema["again"].note == "equal to 'price'"
    assert [c.name for c in table.schema.learned] == ["price", "town", "when", "price2"]
    assert "column 'same' (constant, not used): always 'x'" in table.notes
    price = table.numbers("price")
    assert price.dtype == np.float64
    assert price[0] == float(str(frame()["price"][0]).replace("$", "").replace(",", ""))
    words, counts = table.counts("town")
    assert words == ["Bern", "Oslo", "Rome"]
    assert counts.tolist() == [15, 15, 15]
    codes = table.codes("town", ["Rome", "Bern"])
    assert codes.dtype == np.int32
    assert codes[:4].tolist() == [0, -2, 1, -1]
    assert table.codes("town", [])[:4].tolist() == [-2, -2, -2, -1]
    assert table.words("town")[:4] == ["Rome", "Oslo", "Bern", None]
    assert table.numbers("when")[1] - table.numbers("when")[0] == 86400


def test_counts_go_by_number_then_by_word():
    table = Table.learn(read(pl.DataFrame({"a": ["b", "c", "a", "c"], "b": [1.5, 2, 3, 4]})))
    assert table.counts("a")[0] == ["c", "a", "b"]
    assert table.counts("a")[1].tolist() == [2, 1, 1]


@pytest.mark.parametrize(("options", "names"), [
    ({"only": ("price", "town")}, ["price", "town"]),
    ({"only": ("2", 3)}, ["price", "town"]),
    ({"drop": ("1", "when", "same", "again"), "label": "label"}, ["price", "town", "price2"]),
    ({"drop": "town", "only": ["town", "price"]}, ["price"]),
    ({"only": 3, "drop": None}, ["town"]),
    ({"only": ("town", "label", "price"), "label": 8}, ["price", "town"]),
])  # fmt: skip
def test_columns_by_name_and_by_place(options, names):
    assert list(Table.learn(read(frame()), **options).schema.names) == names


def test_a_name_goes_before_a_place():
    raw = read(pl.DataFrame({"2": [1, 2], "b": [3, 4]}))
    assert [resolve(raw, key) for key in ("2", 2, "1", "b")] == ["2", "2", "2", "b"]
    for wrong in ("0", "3", "c"):
        with pytest.raises(ColumnError, match=f"no column '?{wrong}"):
            resolve(raw, wrong)


def test_wrong_names_are_named_together():
    with pytest.raises(ColumnError, match="did you mean 'price'"):
        Table.learn(read(frame()), drop=("prise",))
    with pytest.raises(ColumnError, match=r"nowhere(.|\n)*prise(.|\n)*labell"):
        Table.learn(read(frame()), drop=("prise",), only=("nowhere",), label="labell")


@pytest.mark.parametrize(("columns", "says"), [
    ({"a": [1.5], "b": [2.5]}, "one row"),
    ({"a": [1.5, 2.5]}, "one column"),
    ({"a": ["x"] * 30, "b": range(30)}, "no column can be learned from"),
    ({"a": [None, None], "b": [float("nan"), float("inf")]}, "all missing"),
])  # fmt: skip
def test_nothing_to_learn_from(columns, says):
    with pytest.raises(TableError, match=says) as error:
        Table.learn(read(pl.DataFrame(columns)))
    assert error.value.found
    with pytest.raises(TableError, match="no column is left"):
        Table.learn(read(pl.DataFrame({"a": [1, 2], "b": [1, 2]})), drop=("a",), label="b")


def test_match_goes_by_name():
    raw = read(frame())
    schema = Schema.from_json(Table.learn(raw, label="label").schema.to_json())
    other = read(frame().select("label", "when", "price2", pl.lit(1).alias("new"), "town", "price").head(5))
    table = Table.match(other, schema, label="label")
    assert table.notes == ["columns the model does not know are ignored: 'new'"]
    assert table.rows == 5
    learned = Table.learn(raw, label="label")
    for name in ("price", "when", "price2"):
        np.testing.assert_array_equal(table.numbers(name), learned.numbers(name)[:5])


def test_match_of_one_row_and_of_none_of_the_values():
    schema = Table.learn(read(frame()), label="label").schema
    row = {"price": "?", "town": "Lima", "when": "", "price2": float("inf")}
    table = Table.match(read([row]), schema)
    assert np.isnan([table.numbers(n)[0] for n in ("price", "when", "price2")]).all()
    assert table.codes("town", ["Rome"]).tolist() == [-2]
    assert table.notes == ["columns without any value here: 'price', 'when', 'price2'"]


def test_match_names_all_absent_columns():
    schema = Table.learn(read(frame()), label="label").schema
    with pytest.raises(ColumnError, match=r"2 columns(.|\n)*'price', 'when'"):
        Table.match(read(frame().drop("price", "when", "id", "same")), schema)


def test_match_names_all_cells_that_do_not_fit():
    schema = Table.learn(read(frame()), label="label").schema
    other = frame().with_columns(
        price=pl.Series(["1", "2", "dear", "cheap", *["5"] * 56]), when=pl.Series([*["01.03.2024"] * 59, "soon"])
    )
    with pytest.raises(ColumnError) as error:
        Table.match(read(other), schema)
    assert "column 'price', row 3: 'dear' is not a number, and 1 more such rows" in str(error.value)
    assert "column 'when', row 60: 'soon' is not a date" in str(error.value)
    Table.match(read(other, ReadOptions(nulls=("dear", "cheap", "soon"))), schema)


def test_missing_words_of_the_person_are_remembered():
    raw = read(
        [{"a": "unknown" if i == 3 else f"{i}.5", "b": i % 3} for i in range(50)], ReadOptions(nulls=("unknown",))
    )
    table = Table.learn(raw)
    assert np.isnan(table.numbers("a")[3])
    again = Table.match(read([{"a": "unknown", "b": 1}]), table.schema)
    assert np.isnan(again.numbers("a")[0])


def test_five_thousand_columns():
    rng = np.random.default_rng(0)
    raw = read(rng.normal(size=(40, 5000)))
    table = Table.learn(raw)
    assert len(table.schema.learned) == 5000
    assert len(Table.match(raw, table.schema).schema) == 5000
    text = raw.frame.cast(pl.String)
    assert len(Table.learn(read(text)).schema.learned) == 5000


def test_a_category_of_400_000_values():
    words = [f"w{i % 400_000}" for i in range(600_000)]
    table = Table.learn(read(pl.DataFrame({"a": words, "b": np.arange(600_000) % 7})))
    assert table.schema["a"].kind == "category"
    names, counts = table.counts("a")
    assert len(names) == 400_000
    codes = table.codes("a", names)
    assert (np.bincount(codes) == counts).all()


@pytest.fixture
def learn(tables: Path) -> Callable[..., Table]:
    """A real table, learned."""

    def of(name: str, *, label=None, header: bool = True, names: str | None = None, **options) -> Table:
        given = read_names(tables / names) if names else None
        return Table.learn(read(tables / name, ReadOptions(header=header, names=given)), label=label, **options)

    return of


def of_kind(table: Table, kind: str) -> list[str]:
    return [c.name for c in table.schema if c.kind == kind]


def test_vehicle_claims(learn):
    table = learn("vehicle_claims.csv.gz", label="FraudFound_P")
    assert (table.rows, len(table.schema)) == (15420, 32)
    assert of_kind(table, "identifier") == ["PolicyNumber"]
    assert len(of_kind(table, "category")) == 24
    assert table.schema["PastNumberOfClaims"].missing == 0  # "none" is a word there
    assert of_kind(table, "numeric") == [
        "WeekOfMonth", "WeekOfMonthClaimed", "Age", "RepNumber", "Deductible", "DriverRating", "Year",
    ]  # fmt: skip
    labels = read_labels(table.raw, "FraudFound_P")
    assert int((labels.y == 1).sum()) == 923


def test_sales_reports(learn):
    table = learn("sales_reports.csv.gz", label="Insp")
    assert {c.name: (c.kind, c.distinct) for c in table.schema if c.kind == "category"} == {
        "ID": ("category", 6016), "Prod": ("category", 4548),
    }  # fmt: skip
    assert (table.schema["Quant"].kind, table.schema["Quant"].missing) == ("numeric", 13842)
    assert np.isnan(table.numbers("Val")).sum() == 1182
    labels = read_labels(table.raw, "Insp")
    assert [int((labels.y == v).sum()) for v in (1, 0, -1)] == [1270, 14462, 385414]


def test_card_transactions(learn):
    table = learn("card_transactions_sim.parquet", label="TX_FRAUD", drop=("TX_FRAUD_SCENARIO",))
    assert {c.name: c.kind for c in table.schema} == {
        "TRANSACTION_ID": "identifier", "TX_DATETIME": "datetime", "CUSTOMER_ID": "category", "TERMINAL_ID": "category",
        "TX_AMOUNT": "numeric", "TX_TIME_SECONDS": "numeric", "TX_TIME_DAYS": "numeric",
    }  # fmt: skip
    seconds = table.numbers("TX_DATETIME")
    np.testing.assert_array_equal(seconds - seconds[0] + 31, table.numbers("TX_TIME_SECONDS"))


def test_nsl_kdd(learn, tables):
    table = learn("nsl_kdd_train.txt.gz", header=False, names="nsl_kdd_field_names.csv", label="42", drop=("43",))
    assert (table.rows, len(table.schema)) == (25192, 41)
    assert of_kind(table, "category") == ["protocol_type", "service", "flag"]
    assert of_kind(table, "constant") == ["num_outbound_cmds", "is_host_login"]
    test = read(tables / "nsl_kdd_test.txt.gz", ReadOptions(False, read_names(tables / "nsl_kdd_field_names.csv")))
    matched = Table.match(test, table.schema, label="42")
    assert matched.rows == 22544
    labels = read_labels(table.raw, "42")
    assert (labels.normal, int(labels.y.sum())) == (("normal",), 11743)
    assert int(match_labels(test, "42", labels.spec).y.sum()) == 12833  # new attacks are anomalies


def test_kdd99(learn, tables):
    with pytest.raises(TableError, match="--no-header"):
        read(tables / "kdd99_10pct.csv.gz")
    table = learn("kdd99_10pct.csv.gz", header=False, label="42")
    assert (table.rows, len(table.schema)) == (494021, 41)
    assert of_kind(table, "category") == ["c2", "c3", "c4"]
    assert of_kind(table, "constant") == ["c20", "c21"]
    assert read_labels(table.raw, "42").normal == ("normal.",)


def test_ai4i2020(learn):
    table = learn("ai4i2020.csv", label="Machine_failure", drop=("TWF", "HDF", "PWF", "OSF", "RNF"))
    assert table.schema.names[0] == "UDI"  # the byte-order mark is gone
    assert of_kind(table, "identifier") == ["UDI", "Product ID"]
    assert of_kind(table, "category") == ["Type"]
    assert len(of_kind(table, "numeric")) == 5


def test_stroke(learn):
    table = learn("stroke.csv", label="stroke")
    assert of_kind(table, "identifier") == ["id"]
    assert (table.schema["bmi"].kind, table.schema["bmi"].missing) == ("numeric", 201)
    assert table.schema["smoking_status"].distinct == 4


def test_hypothyroid(learn):
    table = learn("hypothyroid.data.txt", header=False, names="hypothyroid.names.txt", label="1")
    assert table.raw.frame.columns[:3] == ["class", "age", "sex"]
    assert "class" not in table.schema.names
    assert of_kind(table, "numeric") == ["age", "TSH", "T3", "TT4", "T4U", "FTI", "TBG"]
    assert table.schema["TBG"].missing == 2903
    assert read_labels(table.raw, "1").anomaly == "hypothyroid"


def test_heart_2020(learn):
    table = learn("heart_2020.csv.gz", label="HeartDisease")
    assert len(of_kind(table, "category")) == 13
    assert of_kind(table, "numeric") == ["BMI", "PhysicalHealth", "MentalHealth", "SleepTime"]
    assert table.numbers("BMI")[0] == 16.6


def test_a_semicolon_table_with_times(data_folder):
    folder = data_folder / "series" / "skab" / "valve1"
    raw = read(str(folder / "[01].csv"))
    table = Table.learn(raw, label="anomaly", drop=("changepoint",))
    assert "the separator is a semicolon" in raw.notes
    assert table.schema["datetime"].parser == "date iso"
    assert len(of_kind(table, "numeric")) == 8


def test_no_real_table_is_refused(tables):
    for place in sorted(tables.iterdir()):
        if "names" not in place.name:
            try:
                Table.learn(read(place))
            except InputError as error:
                assert "--no-header" in str(error), place  # noqa: PT017
