"""The answer on the command line: verdict first, rules, reasons, reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from amiss.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of sales with known frauds, and a model that learned from it."""
    place, rng = tmp_path_factory.mktemp("answers"), np.random.default_rng(0)
    lines = ["amount,weight,shop,fraud"]
    for i in range(300):
        weight, fraud = rng.lognormal(1, 0.4), int(i % 20 == 3)
        amount = (weight * 10 + rng.normal()) * (30 if fraud else 1)
        lines.append(f"{amount:.2f},{weight:.2f},{rng.choice(['north', 'south'])},{fraud}")
    (place / "t.csv").write_text("\n".join(lines) + "\n")
    made = run("fit", place / "t.csv", "--label", "fraud", "--detector", "FeedForward", "--set", "n_estimators=1",
               "--set", "epochs=60", "--recall", "0.9", "-o", place / "m.amiss")  # fmt: skip
    assert made.exit_code == 0, made.output
    return place


def test_the_verdict_comes_first_and_a_report_is_written(folder: Path) -> None:
    quick = ["--detector", "Autoencoder", "--set", "epochs=5", "--set", "n_estimators=1"]
    table, page = folder / "t.csv", folder / "r.html"
    made = run("detect", table, "--drop", "fraud", "--alerts", "12", "--report", page, *quick)
    assert made.exit_code == 0, made.output
    assert "12" in made.stdout.splitlines()[0]
    assert "300 rows" in made.stdout.splitlines()[0]
    assert "<h1" in page.read_text("utf-8")
    told = json.loads(run("detect", table, "--drop", "fraud", "--alerts", "12", "--json", *quick).stdout)
    assert told["verdict"]["flagged"] == told["anomalies"] == 12
    assert told["verdict"]["rule"] == "alerts"
    assert isinstance(told["verdict"]["anything_amiss"], bool)


def test_reasons_on_the_command_line(folder: Path) -> None:
    made = run("explain", folder / "m.amiss", folder / "t.csv", "--row", 4)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("row 4: score ")
    assert "amount = " in made.stdout
    told = json.loads(run("explain", folder / "m.amiss", folder / "t.csv", "--top", 3, "--json", "--lang", "zh").stdout)
    assert len(told["rows"]) == 3
    assert "占分数的" in told["rows"][0]["sentence"]
    assert run("explain", folder / "m.amiss", folder / "t.csv", "--row", 999).exit_code == 2
    assert run("explain", folder / "m.amiss", folder / "t.csv", "--row", 1, "--top", 2).exit_code == 2


def test_a_rule_is_changed_without_training(folder: Path) -> None:
    made = run("decide", folder / "m.amiss", "--alerts", 7, "-o", folder / "n.amiss")
    assert made.exit_code == 0, made.output
    scored = json.loads(
        run("score", folder / "n.amiss", folder / "t.csv", "--json", "--report", folder / "s.json").stdout
    )
    assert scored["anomalies"] == scored["verdict"]["flagged"] == 7
    assert json.loads((folder / "s.json").read_text("utf-8"))["verdict"]["flagged"] == 7
    promised = run("decide", folder / "m.amiss", "--precision", 0.5, "-o", folder / "n.amiss")
    assert "precision on other labelled rows: " in promised.stdout
    told = json.loads(
        run("evaluate", folder / "n.amiss", folder / "t.csv", "--json", "--report", folder / "e.html").stdout
    )
    assert told["verdict"]["rule"] == "precision"
    assert "<polyline" in (folder / "e.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--alerts", 5, "--fdr", 0.1], "only one rule"), ([], "no rule is given"), (["--fdr", 7], "out of range"),
     (["--cost-miss", 0], "cost is out of range"), (["--contamination", 0.9], "out of range")],
)  # fmt: skip
def test_rules_that_will_not_do(folder: Path, options: list[object], word: str) -> None:
    made = run("decide", folder / "m.amiss", *options)
    assert made.exit_code == 2
    assert word in made.output


def test_measures_of_the_table_that_was_learned_from_are_not_sold_as_honest(folder: Path) -> None:
    made = run("fit", folder / "t.csv", "--label", "fraud", "--detector", "FeedForward", "--set", "n_estimators=1",
               "--set", "epochs=5", "-o", folder / "l.amiss", "--report", folder / "l.json")  # fmt: skip
    assert made.exit_code == 0, made.output
    notes = json.loads((folder / "l.json").read_text("utf-8"))["notes"]
    assert any("the measures flatter it" in note for note in notes)
    made = run("score", folder / "l.amiss", folder / "t.csv", "-o", folder / "s.csv")
    assert "by a model that has not seen it" in " ".join(made.output.split())


def test_a_report_has_a_place(folder: Path) -> None:
    for path in (folder / "r.pdf", folder / "none" / "r.html", folder):
        assert run("detect", folder / "t.csv", "--report", path).exit_code == 2
