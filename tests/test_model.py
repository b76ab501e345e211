"""The whole path on made tables: fit, score, evaluate, save, load, in whatever form the next table comes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

import amiss
from amiss import store
from amiss.decision import Rule
from amiss.detection import detect
from amiss.errors import ColumnError, LabelError, ModelFileError, OptionError
from amiss.model import Model
from amiss.task import prepare

QUICK: dict[str, Any] = {"parameters": {"n_estimators": 2, "epochs": 40, "learning_rate": 0.01, "hidden": (32, 4)}}
UNLABELLED = QUICK | {"detector": "Autoencoder"}
LEAN = {"parameters": QUICK["parameters"] | {"others": False}}  #: one kind of network, of tables with many labels


def make(rows: int = 600, seed: int = 0, share: float = 0.1) -> pl.DataFrame:
    """Rows whose numbers follow one hidden cause, save in frauds."""
    rng = np.random.default_rng([5, seed])
    fraud = rng.random(rows) < share
    cause = rng.normal(size=rows)
    frame = {f"n{j}": np.where(fraud, rng.normal(size=rows), cause) * (j + 1) + 0.1 * rng.normal(size=rows)
             for j in range(4)}  # fmt: skip
    frame["amount"] = np.exp(frame["n0"])
    words = rng.choice(["card", "cash", "cheque"], rows, p=[0.7, 0.2, 0.1])
    return pl.DataFrame(frame).with_columns(
        pay=pl.Series(words), shop=pl.Series([f"s{v}" for v in rng.integers(0, 60, rows)]),
        id=pl.Series([f"T{i:06d}" for i in range(rows)]), fraud=pl.Series(np.where(fraud, "yes", "no")),
    )  # fmt: skip


def digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(b"".join(frame[c].to_numpy().tobytes() for c in frame.columns)).hexdigest()


@pytest.fixture(scope="module")
def supervised() -> Model:
    return amiss.fit(make(1500), "fraud", **QUICK)


@pytest.fixture(scope="module")
def unsupervised() -> Model:
    return amiss.fit(make(1500).drop("fraud"), **UNLABELLED)


@pytest.fixture(params=["supervised", "unsupervised"])
def model(request: pytest.FixtureRequest) -> Model:
    return request.getfixturevalue(request.param)


def test_score_is_a_frame_in_row_order(model: Model) -> None:
    new = make(seed=1)
    found = model.score(new)
    columns = {"score": pl.Float64, "p_value": pl.Float64, "is_anomaly": pl.Boolean}
    assert found.schema == ({"probability": pl.Float64} if model.calibration else {}) | columns
    assert found.height == new.height
    assert found["p_value"].is_between(0, 1).all()
    assert model.score(new.reverse()).reverse().equals(found)
    assert model.score(new[5:8])["score"].equals(found["score"][5:8])
    order = np.argsort(found["score"].to_numpy(), kind="stable")
    assert (np.diff(found["p_value"].to_numpy()[order]) <= 0).all()


def test_frauds_are_found(model: Model) -> None:
    new = make(1500, seed=1)
    score = model.score(new)
    y = (new["fraud"] == "yes").to_numpy()
    assert roc_auc_score(y, score["score"].to_numpy()) > 0.85
    strangest = np.argsort(-score["score"].to_numpy(), kind="stable")[: y.sum()]
    assert y[strangest].mean() > 0.4 > 3 * y.mean()


def test_columns_go_by_name(model: Model) -> None:
    new = make(seed=1)
    plain = model.score(new)
    assert model.score(new.select(sorted(new.columns, reverse=True))).equals(plain)
    assert model.score(new.with_columns(extra=pl.lit(1))).equals(plain)
    table = model.match(model.read(new.with_columns(extra=pl.lit(1))))
    assert any("'extra'" in note and "ignored" in note for note in table.notes)
    assert model.score(new.drop("id")).equals(plain), "what was not learned is not needed"
    with pytest.raises(ColumnError, match=r"'n1'(.|\n)*'pay'"):
        model.score(new.drop("n1", "pay"))


def test_values_that_were_not_there_before(model: Model) -> None:
    new = make(seed=1)
    strange = new.with_columns(pay=pl.lit("barter"), n0=pl.lit(None, dtype=pl.Float64))
    assert model.score(strange)["score"].is_finite().all()
    with pytest.raises(ColumnError, match=r"'n2', row 1: 'much' is not a number"):
        model.score(new.with_columns(n2=pl.lit("much")))
    far = new.with_columns(n0=pl.lit(float("inf")), n1=pl.lit(1e300))
    assert model.score(far)["score"].is_finite().all()


def test_evaluation_is_of_the_models_own_verdicts(model: Model) -> None:
    new = make(seed=1)
    label = None if model.card["label"] else "fraud"
    found = model.evaluate(new, label)
    score, y = model.score(new), (new["fraud"] == "yes").to_numpy()
    assert found["roc_auc"] == roc_auc_score(y, score["score"].to_numpy())
    assert found["flagged"] == score["is_anomaly"].sum()
    assert found["confusion_matrix"][1][1] == (score["is_anomaly"].to_numpy() & y).sum()


def test_saved_and_loaded_in_another_process(model: Model, tmp_path: Path) -> None:
    path, data = tmp_path / "m.amiss", tmp_path / "new.parquet"
    make(seed=1).write_parquet(data)
    model.save(path)
    assert amiss.load(path).score(data).equals(model.score(data))
    code = (
        "import sys, hashlib, amiss; f = amiss.load(sys.argv[1]).score(sys.argv[2]);"
        "print(hashlib.sha256(b''.join(f[c].to_numpy().tobytes() for c in f.columns)).hexdigest())"
    )
    ran = subprocess.run([sys.executable, "-c", code, path, data], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == digest(model.score(data))


def test_loaded_model_saves_the_same_file(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "a.amiss")
    amiss.load(tmp_path / "a.amiss").save(tmp_path / "b.amiss")
    assert (tmp_path / "a.amiss").read_bytes() == (tmp_path / "b.amiss").read_bytes()


@pytest.mark.parametrize("part", ["schema", "encoder", "detector", "decision", "card", "notes"])
def test_file_that_lacks_a_part(unsupervised: Model, tmp_path: Path, part: str) -> None:
    path = tmp_path / "m.amiss"
    unsupervised.save(path)
    head, arrays = store.load(path)
    head = {k: v for k, v in head.items() if k not in ("format", "sha256")}
    for damaged in ({k: v for k, v in head.items() if k != part}, head | {part: None}, head | {part: {"name": "X"}}):
        if part in ("card", "notes") and damaged.get(part):
            continue
        store.save(path, damaged, arrays)
        with pytest.raises(ModelFileError):
            amiss.load(path)


def test_same_seed_same_bits() -> None:
    new = make(200, seed=1)
    first, again = (amiss.fit(make(300), "fraud", **QUICK).score(new) for _ in range(2))
    assert first.equals(again)
    assert not amiss.fit(make(300), "fraud", seed=1, **QUICK).score(new).equals(first)


@pytest.mark.parametrize(("rows", "draws"), [(1500, 4), (7000, 1)])
def test_p_values_are_uniform_on_normal_rows(rows: int, draws: int, tmp_path: Path) -> None:
    """One-class: what is held out is like what comes. The mean distance to uniform stays within three standard errors
    of what chance gives (Kolmogorov's distribution: mean .869, deviation .260), and is the same after saving."""
    distances = []
    for seed in range(9, 9 + draws):
        clean = make(rows + 3000, seed=seed, share=0.0).drop("fraud", "shop", "id")
        model = amiss.fit(clean[:rows])
        p = model.score(clean[rows:])["p_value"].to_numpy()
        # held-out rows are themselves a sample: the distance of both together
        distances.append(kstest(p, "uniform").statistic / np.sqrt(1 / 3000 + 1 / len(model.decision.normal)))
    assert np.mean(distances) < 0.869 + 3 * 0.260 / np.sqrt(draws)
    model.save(tmp_path / "m.amiss")
    assert np.array_equal(amiss.load(tmp_path / "m.amiss").score(clean[rows:])["p_value"].to_numpy(), p)


def test_another_rule_without_training(model: Model) -> None:
    new = make(seed=1)
    plain = model.score(new)
    few = model.decide(Rule("alerts", 5)).score(new)
    assert few["is_anomaly"].sum() == 5
    assert few["score"].equals(plain["score"])
    assert set(few.sort("score")["is_anomaly"][-5:]) == {True}
    assert model.decide(Rule("contamination", 0.2)).score(new)["is_anomaly"].mean() == pytest.approx(0.2, abs=0.08)


def test_a_rule_that_cannot_be_met_is_said_and_what_was_learned_is_kept() -> None:
    noise = make(300).with_columns(fraud=pl.Series(np.random.default_rng(0).choice(["yes", "no"], 300)))
    found = amiss.fit(noise, "fraud", rule=Rule("precision", 0.999), **LEAN)
    assert any("precision 0.999 is not reachable on the held-out rows" in note for note in found.notes)
    assert any("told apart" in note for note in found.notes), "labels drawn by lot: said at fit, too"
    with pytest.raises(OptionError, match="not reachable"):
        found.score(noise)
    other = found.decide(Rule("alerts", 5))
    assert not any("not reachable" in note for note in other.notes)
    assert other.score(noise)["is_anomaly"].sum() == 5


def test_a_rule_by_name_and_one_that_counts_by_dates_there_are_none_of(model: Model) -> None:
    assert model.decide(alerts=5).rule == Rule("alerts", 5)
    assert model.decide(fdr=0.2).rule == Rule("fdr", 0.2)
    with pytest.raises(OptionError, match="no rule is given"):
        model.decide()
    with pytest.raises(OptionError, match="needs a column of dates"):
        model.decide(alerts="50/day")
    assert len(repr(model)) < 200


def test_labels_with_one_class_or_holes() -> None:
    frame = make(300)
    with pytest.raises(LabelError, match="anomalies alone"):
        amiss.fit(frame.with_columns(fraud=pl.lit("yes")), "fraud", **QUICK)
    normal = prepare(frame.with_columns(fraud=pl.lit("no")), "fraud")
    assert normal.card["setting"] == "one-class"
    with pytest.raises(LabelError, match="labels of both kinds"):
        prepare(frame.with_columns(fraud=pl.lit("no")), "fraud", detector="feedforward")
    holes = frame.with_columns(fraud=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("fraud"))
    task = prepare(holes, "fraud")
    assert task.y is not None
    assert (task.y[::3] == -1).all()
    assert set(task.y) == {-1, 0, 1}
    assert "unlabelled 100" in task.labels.note  # type: ignore[union-attr]
    assert amiss.fit(holes, "fraud", **LEAN).score(frame)["score"].is_finite().all()


def test_options_that_are_wrong() -> None:
    with pytest.raises(OptionError, match="did you mean 'epochs'"):
        amiss.fit(make(50), detector="Autoencoder", parameters={"epoch": 3})
    with pytest.raises(OptionError, match="AnomalyDetector has no parameter 'hidden'"):
        amiss.fit(make(50), parameters={"hidden": 3})
    with pytest.raises(OptionError, match="did you mean 'Autoencoder'"):
        amiss.fit(make(50), detector="auto-encoder2")
    with pytest.raises(ColumnError, match="did you mean 'fraud'"):
        amiss.fit(make(50), "froud")
    with pytest.raises(OptionError, match="contamination is out of range"):
        amiss.fit(make(50), contamination=0.9)
    with pytest.raises(OptionError, match="epochs is out of range"):
        amiss.fit(make(50), detector="Autoencoder", parameters={"epochs": -1})


def test_detect_without_labels() -> None:
    frame = make().drop("fraud")
    found = detect(frame, **UNLABELLED)
    assert found.frame.columns == [*frame.columns, "score", "p_value", "is_anomaly"]
    assert found.frame.select(frame.columns).equals(frame)
    assert found.evaluation is None
    assert found.model is not None
    assert {c["column"] for c in found.columns} == set(frame.columns)


def test_detect_with_labels_is_honest() -> None:
    """Labels drawn by lot cannot be told, whatever the columns: the scores are of rows that were not learned from."""
    rng = np.random.default_rng(0)
    frame = make(2000).with_columns(fraud=pl.Series(np.where(rng.random(2000) < 0.3, "yes", "no")))
    found = detect(frame, "fraud", **LEAN)
    assert found.evaluation is not None
    assert abs(found.evaluation["roc_auc"] - 0.5) < 0.065
    assert found.verdict is not None
    assert found.verdict.flagged == 0
    assert any("can be told apart" in warning for warning in found.verdict.warnings)
    real = detect(make(1500), "fraud", **LEAN)
    assert real.evaluation is not None
    assert real.evaluation["roc_auc"] > 0.85
    assert real.evaluation["f1"] > 2 * real.evaluation["chance"]["f1"]
    assert real.leaks == []


def test_leaks_are_said() -> None:
    frame = make().with_columns(paid_back=pl.col("fraud") == "yes")
    found = detect(frame, "fraud", **LEAN)
    assert [leak["column"] for leak in found.leaks] == ["paid_back"]
    assert any("'paid_back' gives the label away" in note for note in found.notes)


def test_budget_and_report() -> None:
    heard: list[tuple[float, str]] = []
    options = {
        "parameters": {"n_estimators": 1, "epochs": 10**6, "patience": None},
        "budget": 1.0,
        "detector": "Autoencoder",
    }
    model = amiss.fit(make(200).drop("fraud"), report=lambda share, text: heard.append((share, text)), **options)
    assert model.card["stopped"] == "budget"
    assert heard[-1][0] == 1
    assert all(0 <= share <= 1 for share, _ in heard)


def test_any_kind_of_data(supervised: Model, tmp_path: Path) -> None:
    frame = make(100, seed=1)
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    plain = supervised.score(frame)["score"].to_numpy()
    for data in (tmp_path / "t.parquet", frame.to_pandas(), frame.to_arrow(), frame.to_dicts()):
        assert np.array_equal(supervised.score(data)["score"].to_numpy(), plain)
    assert np.allclose(supervised.score(str(tmp_path / "t.csv"))["score"].to_numpy(), plain)


def test_array_has_columns_by_place() -> None:
    x = make(300).select("n0", "n1", "n2", "n3").to_numpy()
    model = amiss.fit(x, **UNLABELLED)
    assert model.schema.names == ("c1", "c2", "c3", "c4")
    assert model.score(x).height == 300
