"""Which rows to label next, answers taken in, and whether more labels would help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

import amiss
from amiss import suggest
from amiss.answers import go_on, read_answers
from amiss.cli import main
from amiss.errors import InputError, LabelError, OptionError
from amiss.learning import learning_curve
from amiss.model import Model
from amiss.suggestion import choose

QUICK = {"n_estimators": 1, "epochs": 20, "hidden": (16,), "bins": 0, "batch_size": 32}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def make(rows: int = 240) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 8 == 0
    columns = {"amount": rng.normal(size=rows) + 3 * y, "weight": rng.normal(size=rows) - 2 * y}
    return pl.DataFrame(columns | {"name": [f"K{i}" for i in range(rows)], "fraud": np.where(y, "yes", "no")})


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with t.csv, which has no label, and m.amiss, which learned from it."""
    folder = tmp_path_factory.mktemp("free")
    make().drop("fraud").write_csv(folder / "t.csv")
    amiss.fit(folder / "t.csv").save(folder / "m.amiss")
    return folder


@pytest.fixture(scope="module")
def labelled() -> Model:
    """Learned from a table in which half of the labels are missing."""
    return amiss.fit(half(), "fraud", detector="FeedForward", parameters=QUICK)


def half() -> pl.DataFrame:
    return make().with_columns(pl.when(pl.int_range(240) < 120).then("fraud").alias("fraud"))


def answer(asked: pl.DataFrame) -> pl.DataFrame:
    truth = make()["fraud"]
    return asked.with_columns(label=truth[(asked["row"] - 1).to_list()])


# --- what to ask for -------------------------------------------------------------------------------------------------


def test_suggestions_are_strange_and_unlike_each_other() -> None:
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(size=(300, 3)), np.full((30, 3), 6.0) + rng.normal(0, 0.01, (30, 3)), [[0, 0, 9.0]]])
    score = np.abs(z).sum(1)
    rows, why = choose(z, score, None, np.full(len(z), -1), 8)
    assert len(set(rows)) == 8
    assert 330 in rows
    assert ((rows >= 300) & (rows < 330)).sum() <= 3, "thirty rows that are alike need no thirty labels"
    assert why.count("ordinary") == 2
    assert np.median(score[rows[np.array(why) == "strange"]]) > np.quantile(score, 0.8)


def test_uncertain_rows_are_asked_for() -> None:
    z = np.random.default_rng(0).normal(size=(200, 2))
    chance = 1 / (1 + np.exp(-4 * z[:, 0]))
    rows, why = choose(z, z[:, 0], chance, np.full(200, -1), 20)
    unsure = rows[np.array(why) == "uncertain"]
    assert len(unsure) > 5
    assert ((chance[unsure] > 0.1) & (chance[unsure] < 0.9)).mean() > 0.8


def test_labelled_rows_are_not_asked_for(labelled: Model) -> None:
    asked = suggest(labelled, half(), 30)
    assert asked.columns == ["row", "why", "probability", "score", "p_value"]
    assert asked.height == 30
    assert (asked["row"] > 120).all()
    assert suggest(labelled, half(), 500).height == 120
    with pytest.raises(LabelError, match="every row has a label"):
        suggest(labelled, make(), 5)
    with pytest.raises(OptionError, match="k is out of range"):
        suggest(labelled, half(), 0)


# --- taking the answers in -------------------------------------------------------------------------------------------


def test_ask_answer_and_go_on(free: Path, tmp_path: Path) -> None:
    made = run("suggest", free / "m.amiss", free / "t.csv", "--k", 40, "-o", tmp_path / "ask.csv")
    assert made.exit_code == 0, made.output
    assert "--continue" in made.stdout
    asked = pl.read_csv(tmp_path / "ask.csv")
    assert asked.columns[:2] == ["row", "label"]
    assert asked["label"].null_count() == 40
    answer(asked).write_csv(tmp_path / "done.csv")
    model = tmp_path / "next.amiss"
    told = run(
        "fit", free / "t.csv", "--continue", free / "m.amiss", "--labels", tmp_path / "done.csv", "-o", model, "--json"
    )
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)["continued"]
    assert found["given"] == 40
    assert found["labels"]["anomalies"] > 8
    assert found["gain"].keys() >= {"before", "after", "low", "high"}
    again = json.loads(run("suggest", model, free / "t.csv", "--json", "--k", 15).stdout)
    assert not {r["row"] for r in again["suggested"]} & set(asked["row"])
    # answers add up, in place; one of them is another than before
    pl.DataFrame({"name": ["K200", "K0"], "answer": ["normal", "normal"]}).write_csv(tmp_path / "more.csv")
    before = json.loads(told.stdout)["continued"]["labels"]
    more = json.loads(
        run("fit", free / "t.csv", "--continue", model, "--labels", tmp_path / "more.csv", "--json").stdout
    )
    assert sum(more["continued"]["labels"][k] for k in ("anomalies", "normal")) >= 40
    assert more["continued"]["labels"]["normal"] > before["normal"]
    truth = (make()["fraud"] == "yes").to_numpy()
    score = amiss.load(model).score(free / "t.csv")["score"].to_numpy()
    assert np.mean(score[truth][:, None] > score[~truth]) > 0.85


def test_a_model_with_labels_goes_on(labelled: Model) -> None:
    found = go_on(labelled, half(), pl.DataFrame({"row": [121, 122, 129, 1], "fraud": ["yes", "no", "yes", "no"]}))
    assert (found.given, found.changed) == (4, 1)
    assert found.labelled == {"anomalies": 16, "normal": 107, "unlabelled": 117}
    assert any("known otherwise" in note for note in found.notes)
    assert found.model.detector.get_params()["hidden"] == (16,)
    assert found.model.card["label"] == labelled.card["label"]
    assert found.model.evaluate(make())["roc_auc"] > 0.8


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"row": [1, 1], "label": ["yes", "no"]}, "contradict each other"),
        ({"row": [1, 999], "label": ["yes", "no"]}, r"does not have(.|\n)*1 to 240(.|\n)*'999'"),
        ({"row": [0], "label": ["yes"]}, "does not have"),
        ({"name": ["K1", "K777"], "label": ["yes", "no"]}, r"'K777'"),
        ({"who": ["K1"], "label": ["yes"]}, "which rows"),
        ({"row": [1, 2]}, "holds no labels"),
        ({"row": [1, 2], "label": [None, ""]}, "holds no labels"),
        ({"row": [1], "label": ["maybe"]}, "neither an anomaly nor normal"),
    ],
)
def test_answers_that_will_not_do(free: Path, labels: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        go_on(amiss.load(free / "m.amiss"), free / "t.csv", pl.DataFrame(labels))


def test_the_column_that_was_filled_in_counts(labelled: Model) -> None:
    known = labelled.card["label"]["column"]
    answers = pl.DataFrame(
        {"row": [1, 2], known: [None, None], "label": ["0", "1"]}, schema_overrides={known: pl.String}
    )
    raw = labelled.read(half())
    assert read_answers(answers, raw, labelled.card["label"])[1].tolist() == [0, 1]
    with pytest.raises(LabelError, match=r"no labels(.|\n)*column 'fraud'|column 'fraud'(.|\n)*no labels"):
        read_answers(answers.drop("label"), raw, labelled.card["label"])


def test_options_that_will_not_do(free: Path, tmp_path: Path) -> None:
    pl.DataFrame({"row": [1, 2], "label": ["yes", "no"]}).write_csv(tmp_path / "l.csv")
    before = (free / "m.amiss").read_bytes()
    go = ["fit", free / "t.csv", "--continue", free / "m.amiss"]
    for arguments, words in (
        (go, "--labels FILE"),
        ([*go, "--labels", tmp_path / "l.csv", "--label", "x"], "does not go with --continue"),
        (["fit", free / "t.csv", "--labels", tmp_path / "l.csv", "-o", tmp_path / "x.amiss"], "needs --continue"),
        ([*go, "--labels", tmp_path / "none.csv"], "no such file"),
        (["fit", free / "t.csv"], "-o"),
    ):
        made = run(*arguments)
        assert made.exit_code == 2, made.output
        assert words in made.stderr
    assert (free / "m.amiss").read_bytes() == before


def test_answers_belong_to_one_table(free: Path) -> None:
    table = pl.read_csv(free / "t.csv")
    first = go_on(
        amiss.load(free / "m.amiss"), table, pl.DataFrame({"row": [1, 2, 9, 10, 17, 18], "label": [1, 0, 1, 0, 1, 0]})
    )
    with pytest.raises(InputError, match="not the table"):
        go_on(first.model, table.reverse(), pl.DataFrame({"row": [3], "label": [0]}))
    assert len(first.model.card["answers"]["rows"]) == 6


# --- would more labels help ------------------------------------------------------------------------------------------


def test_learning_curve(labelled: Model, tmp_path: Path) -> None:
    make().write_csv(tmp_path / "t.csv")
    labelled.save(tmp_path / "m.amiss")
    ask = ["evaluate", tmp_path / "m.amiss", tmp_path / "t.csv", "--learning-curve"]
    made = run(
        "evaluate",
        tmp_path / "m.amiss",
        tmp_path / "t.csv",
        "--learning-curve",
        "--json",
        "--report",
        tmp_path / "r.html",
    )
    assert made.exit_code == 0, made.output
    curve = json.loads(made.stdout)["learning_curve"]
    assert curve["labels"] == sorted(curve["labels"])
    assert curve["anomalies"][-1] == 20
    assert all(low <= v <= high for low, v, high in zip(curve["low"], curve["average_precision"], curve["high"]))
    assert curve["average_precision"][-1] > 0.5
    assert 'id="learning"' in (tmp_path / "r.html").read_text("utf-8")
    assert "50 more labels" in run(*ask).stdout


def test_no_learning_curve(labelled: Model, free: Path) -> None:
    raw = labelled.read(make())
    y = labelled.labels(raw).y
    few = np.where((y == 1) & (np.cumsum(y == 1) > 5), -1, y)
    with pytest.raises(LabelError, match="too few labels for a learning curve"):
        learning_curve(labelled, labelled.match(raw), few)
    other = amiss.load(free / "m.amiss")
    with pytest.raises(LabelError, match="does not learn from labels"):
        learning_curve(other, other.match(other.read(free / "t.csv")), y)
