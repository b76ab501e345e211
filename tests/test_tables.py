"""The real tables as they are: read, learned from, and told better than chance.

Parts of the tables and short training, so that all of it takes a minute or two; the full floors belong to ``bench``.
Skipped where the tables are absent: see ``AMISS_DATA``.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

import amiss
from amiss.detection import Detection, detect
from amiss.reading import ReadOptions, read, read_names
from amiss.task import prepare

SHORT: dict[str, Any] = {"n_estimators": 2, "epochs": 12, "patience": 3, "others": False}
WHOLE = "hypothyroid"  #: the table that all kinds of network learn from


class Case(NamedTuple):
    """file, how it is read and what is learned; the ROC AUC that a short fit on ``rows`` rows must reach.

    honest: no column gives the label away.
    """

    file: str
    label: str | int
    floor: float
    options: dict[str, Any]
    names: str = ""
    rows: int = 6000
    honest: bool = False


CASES = {
    "stroke": Case("stroke.csv", "stroke", 0.80, {}, honest=True),
    "hypothyroid": Case("hypothyroid.data.txt", 1, 0.93, {"header": False}, honest=True),
    "ai4i2020": Case("ai4i2020.csv", "Machine_failure", 0.92, {"drop": ["TWF", "HDF", "PWF", "OSF", "RNF"]}, rows=9999),
    "vehicle_claims": Case("vehicle_claims.csv.gz", "FraudFound_P", 0.72, {}, honest=True),
    "heart_2020": Case("heart_2020.csv.gz", "HeartDisease", 0.80, {}, rows=20_000),
    "nsl_kdd": Case(
        "nsl_kdd_train.txt.gz", 42, 0.98, {"header": False, "drop": [43]}, "nsl_kdd_field_names.csv", honest=True
    ),
    "sales_reports": Case("sales_reports.csv.gz", "Insp", 0.70, {}, rows=60_000),
}


def some(tables: Path, case: Case, tmp: Path) -> Path:
    """The first lines of the table, as a text like the table itself; the whole where it is short."""
    source = tables / case.file
    with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as lines:
        part = [line for _, line in zip(range(case.rows + 1), lines, strict=False)]
    path = tmp / Path(case.file).name.removesuffix(".gz")
    path.write_bytes(b"".join(part))
    return path


@pytest.fixture(scope="module")
def detected(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Detection]:
    """Results by table, each made once when it is first asked for."""

    class Made(dict[str, Detection]):
        def __missing__(self, name: str) -> Detection:
            case = CASES[name]
            names = read_names(tables / case.names) if case.names else None
            path = some(tables, case, tmp_path_factory.mktemp(name))
            self[name] = detect(
                str(path), case.label, names=names, parameters=SHORT | {"others": name == WHOLE}, **case.options
            )
            return self[name]

    return Made()


@pytest.mark.parametrize("name", CASES)
def test_labelled_table(detected: dict[str, Detection], name: str) -> None:
    found = detected[name]
    assert found.evaluation is not None
    assert found.evaluation["roc_auc"] > CASES[name].floor
    assert (
        found.evaluation["average_precision"] > 2 * found.evaluation["chance"]["average_precision"] or name == "nsl_kdd"
    )
    assert found.frame["score"].is_finite().all()
    assert found.frame["p_value"].is_between(0, 1).all()
    assert not (CASES[name].honest and found.leaks)


def test_identifiers_and_missing_values_are_seen(detected: dict[str, Detection], tables: Path) -> None:
    kinds = {c.name: c.kind for c in detected["stroke"].schema}
    assert kinds["id"] == "identifier"
    assert kinds["bmi"] == "numeric"
    assert detected["stroke"].schema["bmi"].missing > 0
    assert "bmi is missing" in next(c for c in detected["stroke"].columns if c["column"] == "bmi")["features"]
    kinds = {c.name: c.kind for c in prepare(str(tables / "ai4i2020.csv"), "Machine_failure").table.schema}
    assert kinds["UDI"] == "identifier", "the byte-order mark is no part of the name"
    assert kinds["Product_ID" if "Product_ID" in kinds else "Product ID"] == "identifier"


def test_leaks_are_found(tables: Path) -> None:
    leaks = {leak["column"] for leak in prepare(str(tables / "ai4i2020.csv"), "Machine_failure").leaks}
    assert {"HDF", "OSF", "PWF"} <= leaks <= {"TWF", "HDF", "PWF", "OSF", "RNF"}


def test_other_tests_have_other_attacks(tables: Path, tmp_path: Path) -> None:
    """Fitted on one file and evaluated on the other, in which there are attacks, hence labels, never seen."""
    names = read_names(tables / "nsl_kdd_field_names.csv")
    options: dict[str, Any] = {"header": False, "names": names, "drop": [43]}
    train, test = tables / "nsl_kdd_train.txt.gz", tables / "nsl_kdd_test.txt.gz"
    model = amiss.fit(str(train), 42, parameters=SHORT | {"epochs": 6}, **options)
    model.save(tmp_path / "m.amiss")
    found = amiss.load(tmp_path / "m.amiss").evaluate(str(test))
    assert found["rows"] == 22_544
    assert found["roc_auc"] > 0.88
    assert found["recall"] > 0.5


@pytest.mark.parametrize("file", ["stroke.csv", "kdd99_10pct.csv.gz"])
def test_without_labels(tables: Path, tmp_path: Path, file: str) -> None:
    path = some(tables, Case(file, "", 0, {}, rows=5000), tmp_path)
    header = file == "stroke.csv"
    drop = ["stroke"] if header else [42]
    found = detect(str(path), header=header, drop=drop)
    assert found.model is not None
    assert found.frame["is_anomaly"].mean() < 0.3
    assert found.frame["score"].is_finite().all()


def test_columns_of_dates_and_many_categories(tables: Path) -> None:
    frame = pl.read_parquet(tables / "card_transactions_sim.parquet", n_rows=30_000)
    raw = read(frame, ReadOptions())
    assert raw.frame.height == 30_000
    found = detect(frame, "TX_FRAUD", parameters=SHORT)
    assert [leak["column"] for leak in found.leaks] == ["TX_FRAUD_SCENARIO"]
    assert {c.name: c.kind for c in found.schema}["TX_DATETIME"] == "datetime"
