"""``amiss detect --time`` as a person meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from amiss.cli import main
from test_series_table import ROWS, frame


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "machine.csv"
    frame().write_csv(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_detect_writes_the_table_and_its_events(table: Path, tmp_path: Path) -> None:
    out, events = tmp_path / "scores.csv", tmp_path / "events.csv"
    made = run(
        "detect", table, "--time", "when", "--drop", "label", "--train-until", 600, "-o", out, "--events", events
    )
    assert made.exit_code == 0, made.output
    for words in ("1,500 rows, 2 channels, 1 series", "2024-01-01T16:", "b 9", "not causal", "more than 2 times"):
        assert words in made.stdout
    scores = pl.read_csv(out)
    assert scores.columns == ["when", "a", "b", "word", "label", "score", "p_value", "is_anomaly", "channels"]
    assert scores.height == ROWS
    assert pl.read_csv(events)["channels"][0].startswith("b 9")


def test_json_is_one_object(table: Path) -> None:
    made = run("detect", table, "--time", "when", "--label", "label", "--contamination", 0.02, "--json")
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert found["anomalies"] == ROWS * 0.02
    assert found["channels"] == ["a", "b"]
    assert found["causal"] is False
    assert found["evaluation"][""]["event_recall"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--events", "x.csv"], "--events needs --time"),
        (["--time", "word"], "cannot be read"),
        (["--time", "when", "--detector", "Autoencoder"], "no detector of series called 'Autoencoder'"),
        (["--time", "when", "--set", "epochs=5"], "SeriesDetector has no parameter 'epochs'"),
        (["--time", "when", "--detector", "lstm-forecaster", "--set", "cell=rnn"], "cell is not understood"),
        (["--time", "when", "--train-until", "soon"], "not understood"),
        (["--time", "when", "--events", "no/such/folder.csv"], "folder does not exist"),
    ],
)
def test_what_does_not_go_is_said(table: Path, options: list[str], words: str) -> None:
    made = run("detect", table, *options)
    assert made.exit_code == 2
    assert words in made.stderr


def test_fit_then_score_then_evaluate(table: Path, tmp_path: Path) -> None:
    model, out, events = tmp_path / "m.amiss", tmp_path / "scores.csv", tmp_path / "events.csv"
    made = run("fit", table, "--time", "when", "--label", "label", "--train-until", 600, "-o", model)
    assert made.exit_code == 0, made.output
    for words in ("1,500 rows, 2 channels", "learned in", "amiss score"):
        assert words in made.stdout
    made = run("score", model, table, "-o", out, "--events", events)
    assert made.exit_code == 0, made.output
    scores = pl.read_csv(out)
    assert scores.columns[-4:] == ["score", "p_value", "is_anomaly", "channels"]
    flagged = scores.filter("is_anomaly")
    assert flagged["when"].min() >= scores["when"][950]
    assert flagged["when"].max() <= scores["when"][1075]
    assert flagged["channels"].str.starts_with("b ").all()
    assert pl.read_csv(events).height == 1
    made = run("evaluate", model, table, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["evaluation"][""]["event_f1"] == 1
    made = run("score", model, table, "--report", tmp_path / "r.html", "--quiet")
    assert made.exit_code == 0, made.output
    assert "1 stretch looks amiss" in (tmp_path / "r.html").read_text("utf-8")
    made = run("explain", model, table)
    assert made.exit_code == 0, made.output
    assert "b at " in made.stdout
    made = run("explain", model, table, "--row", 1000, "--json")
    assert json.loads(made.stdout)[0]["steps"] == 1
    made = run("decide", model, "--threshold", 1e6, "-o", tmp_path / "strict.amiss")
    assert made.exit_code == 0, made.output
    made = run("explain", tmp_path / "strict.amiss", table)
    assert made.stdout.strip() == "nothing is flagged"


def test_series_speak_chinese_and_a_fit_writes_its_report(table: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.html"
    for verb in (["detect", "--report", report], ["fit", "-o", tmp_path / "m.amiss", "--report", report]):
        made = run(*verb, table, "--time", "when", "--label", "label", "--train-until", 600, "--lang", "zh")
        assert made.exit_code == 0, made.output
        ours = r"\S*\.(csv|amiss|html)\S*|amiss \w+|SeriesDetector|VUS|AUC|affiliation|when|word"
        assert not re.search("[A-Za-z]{3,}", re.sub(ours, "", made.output)), made.output
        assert "训练部分最高分" in report.read_text("utf-8")
        report.unlink()
