"""The search: honest, resumable, reproducible; and a clear word for what cannot be searched."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

import amiss
from amiss import tune as public
from amiss.cli import main
from amiss.errors import InputError, LabelError, MissingExtraError, OptionError
from amiss.imbalance import TRIED
from amiss.journal import Journal
from amiss.space import Range, space
from amiss.task import learner
from amiss.trials import Tuned
from amiss.words import fields_of, typed, written

#: one small shape, so that a program or two serve all trials
FIXED = {
    "n_estimators": 1, "epochs": 4, "hidden": (16,), "bins": 0, "dropout": 0.0, "activation": "relu", "batch_size": 32,
}  # fmt: skip
SETS = [word for k, v in FIXED.items() for word in ("--set", f"{k}={written(v)}")]


def make(rows: int = 160) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    y = (np.arange(rows) % 8 == 0).astype(int)
    return pl.DataFrame(
        {
            "amount": rng.normal(size=rows) + 1.5 * y, "weight": rng.normal(size=rows),
            "who": [f"w{i % 20}" for i in rng.permutation(rows)],
            "day": pl.Series(19_000 + np.arange(rows)).cast(pl.Int32).cast(pl.Date), "fraud": y,
        }
    )  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def search(**options: Any) -> Tuned:
    known: dict[str, Any] = {"trials": 4, "folds": 2, "drop": ["who"], "parameters": FIXED}
    return public(make(), "fraud", **known | options)


@pytest.fixture(scope="module")
def found() -> Tuned:
    return search()


def words(tuned: Tuned) -> list[Any]:
    return [(t.drawn, t.scores, t.state) for t in tuned.trials]


def test_trials_and_winner(found: Tuned) -> None:
    assert [t.number for t in found.trials] == [0, 1, 2, 3]
    assert found.trials[0].parameters == {}
    done = [t for t in found.trials if t.state == "done"]
    assert found.best.mean == max(t.mean for t in done)
    assert all(0 < t.mean <= 1 and len(t.scores) == 2 for t in done)
    assert found.table()["trial"][0] == found.best.number
    assert json.dumps(found.to_json(), allow_nan=False)
    parameters = found.model.detector.get_params()
    for name, word in found.settings.items():
        assert parameters[name] == typed(name, word, fields_of(type(found.model.detector))[name])


def test_held_out_rows_do_not_steer(found: Tuned) -> None:
    """With labels of the held-out rows turned round, trials stay as they were; what the winner is worth does not."""
    from amiss.splits import folds

    frame = make()
    y = frame["fraud"].to_numpy()
    _, test = folds(y, 5, 0)[0]
    turned = y.copy()
    turned[test] = y[test][::-1]
    assert not np.array_equal(y, turned)
    other = public(frame.with_columns(fraud=turned), "fraud", trials=4, folds=2, drop=["who"], parameters=FIXED)
    kept = {tuple(np.round(t.scores, 12)) for t in found.trials}
    if np.array_equal(folds(turned, 5, 0)[0][1], test):  # same part held out: same rows searched
        assert {tuple(np.round(t.scores, 12)) for t in other.trials} == kept
        assert other.held_out["winner"] != found.held_out["winner"]
    assert found.held_out["rows"] == len(test)


def test_same_seed_same_search_and_killed_ones_go_on(found: Tuned, tmp_path: Path) -> None:
    path = tmp_path / "j.trials"
    search(trials=2, journal=path)
    with open(path, "ab") as file:
        file.write(b'{"number": 2, "param')  # what a kill leaves
    resumed = search(journal=path)
    assert words(resumed) == words(found)
    assert resumed.settings == found.settings
    assert any("goes on" in note for note in resumed.notes)
    assert len(path.read_text().splitlines()) == 5
    with pytest.raises(OptionError, match=r"another work(.|\n)*changed: seed"):
        search(journal=path, seed=1)
    path.write_text("no journal\n")
    with pytest.raises(OptionError, match="no journal of ours"):
        search(journal=path)


def test_the_printed_command_makes_the_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make().write_csv("my table.csv")
    made = run("tune", "my table.csv", "--label", "fraud", "--trials", 3, "--folds", 2, "--drop", "who", *SETS,
               "-o", "w.amiss", "--report", "r.html", "--table", "t.csv", "--seed", 3)  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "that the search never saw" in made.stdout
    command = made.stdout.splitlines()[-1].strip()
    again = shlex.split(command)
    assert again[:3] == ["amiss", "fit", "my table.csv"]
    again[-1] = "v.amiss"
    assert run(*again[1:]).exit_code == 0
    a, b = amiss.load("w.amiss"), amiss.load("v.amiss")
    assert a.score("my table.csv").equals(b.score("my table.csv"))
    assert pl.read_csv("t.csv").height == 3
    page = Path("r.html").read_text("utf-8")
    assert 'id="tuning"' in page
    told = json.loads(run("tune", "my table.csv", "--label", "fraud", "--trials", 3, "--folds", 2, "--drop", "who",
                          *SETS, "-o", "w.amiss", "--json", "--seed", 3).stdout)  # fmt: skip
    assert shlex.split(told["command"])[-1] == "w.amiss"
    assert len(told["tuning"]["trials"]) == 3
    assert told["tuning"]["held_out"]["gain"].keys() == {"value", "low", "high"}
    assert told["detector"] == "AnomalyClassifier"


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_kill_9_and_the_same_command(tmp_path: Path) -> None:
    make().write_csv(tmp_path / "t.csv")
    command = [sys.executable, "-m", "amiss", "tune", "t.csv", "--label", "fraud", "--folds", "2", "--drop", "who",
               *SETS, "-o", "w.amiss", "--json", "--trials"]  # fmt: skip
    with subprocess.Popen([*command, "500"], cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        until = time.monotonic() + 120
        journal = tmp_path / "w.trials"
        while time.monotonic() < until and not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    kept = journal.read_text().splitlines()
    assert len(kept) >= 3
    assert not (tmp_path / "w.amiss").exists()
    done = run("tune", tmp_path / "t.csv", "--label", "fraud", "--folds", 2, "--drop", "who", *SETS, "-o",
               tmp_path / "w.amiss", "--json", "--trials", len(kept))  # fmt: skip
    assert done.exit_code == 0, done.output
    assert journal.read_text().splitlines()[: len(kept)][1:-1] == kept[1:-1]
    assert (tmp_path / "w.amiss").exists()


def test_groups_times_and_budget() -> None:
    grouped = search(drop=[], group="who", trials=1)
    assert "who" not in grouped.model.schema.names
    timed = search(time="day", trials=1)
    assert timed.held_out["rows"] == 32
    short = search(trials=None, budget=0.01)
    assert len(short.trials) == 1
    assert len(short.trials[0].scores) == 1, "the first trial ends after the fold within which the budget was over"
    assert any("budget" in note for note in short.notes)


def test_a_detector_without_labels_is_judged_by_them() -> None:
    fixed = {"n_estimators": 1, "epochs": 2, "hidden": (8, 2)}
    tuned = search(detector="Autoencoder", parameters=fixed, trials=2)
    assert type(tuned.model.detector).__name__ == "Autoencoder"
    assert tuned.best.mean > 0


def test_interrupted_search_keeps_its_best(monkeypatch: pytest.MonkeyPatch) -> None:
    from amiss.tuning import Search

    real, calls = Search._fold, []

    def fold(self: Search, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(Search, "_fold", fold)
    tuned = search()
    assert len(tuned.trials) == 1
    assert any("Ctrl-C" in note for note in tuned.notes)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "group": ({"group": "whom"}, "did you mean 'who'"),
    "time": ({"time": "dya"}, "did you mean 'day'"),
    "no time": ({"time": "who"}, "time column cannot be read"),
    "both": ({"time": "day", "group": "who"}, "not both"),
    "metric": ({"metric": "accuracy"}, "no such metric"),
    "trials": ({"trials": 0}, "trials is out of range"),
    "folds": ({"folds": 1}, "folds is out of range"),
    "nothing to search": ({"detector": "AnomalyDetector", "parameters": {}}, "no parameter"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_searched(name: str) -> None:
    options, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        search(**options)


def test_labels_that_will_not_do() -> None:
    frame = make()
    with pytest.raises(LabelError, match="too few labels of one kind"):
        public(frame.with_columns(fraud=(pl.int_range(160) < 4).cast(int)), "fraud", parameters=FIXED, trials=1)
    with pytest.raises(LabelError):
        public(frame.with_columns(fraud=pl.lit(0)), "fraud", trials=1)
    few = public(frame.with_columns(fraud=(pl.int_range(160) < 6).cast(int)), "fraud", parameters=FIXED, trials=1)
    assert any("folds instead of 5" in note for note in few.notes)
    assert "fraud" not in few.model.schema.names


def test_a_leak_is_told(tmp_path: Path) -> None:
    make().with_columns(paid=pl.col("fraud") * 2 + 0.5).write_csv(tmp_path / "t.csv")
    made = run(
        "tune", tmp_path / "t.csv", "--label", "fraud", "--trials", 1, "--folds", 2, *SETS, "-o", tmp_path / "w.amiss"
    )
    assert made.exit_code == 0, made.output
    assert "LIKELY LEAKS: paid" in made.stdout
    assert "--drop paid" in made.stdout


def test_a_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'amiss\[tune\]'"):
        search()


@pytest.mark.parametrize("name", ["AnomalyClassifier", "FeedForward", "Autoencoder"])
def test_the_space_is_the_detector_s_own(name: str) -> None:
    kind = learner(name)
    hints, defaults = fields_of(kind), kind().get_params()
    found = space(kind, ("dropout",))
    assert found.keys() <= hints.keys()
    assert "dropout" not in found
    for key, choices in found.items():
        for word in [written(defaults[key])] if isinstance(choices, Range) else choices.words:
            assert word == written(typed(key, word, hints[key]))
        kind(**{key: defaults[key]})


@pytest.mark.parametrize("name", ["AnomalyClassifier", "FeedForward"])
def test_imbalance_and_regularisation_are_searched(name: str) -> None:
    found, kind = space(learner(name)), learner(name)
    names = {"dropout", "weight_decay", "label_smoothing", "mixup", "imbalance"}
    assert names <= found.keys()
    assert "class_weight" not in found  # a remedy of its own beside it would count twice
    assert set(found["imbalance"].words) == set(TRIED)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(120, 3)).astype(np.float32)
    y = (np.arange(120) % 6 == 0).astype(np.int8)
    for word in found["imbalance"].words:  # what a search may draw, a detector takes
        kind(imbalance=word, epochs=1, n_estimators=1, hidden=(4,), random_state=0).fit_encoded(z, y)


def test_journals_survive_torn_lines(tmp_path: Path) -> None:
    path, rng = tmp_path / "j", random.Random(0)
    first = Journal(path, {"work": 1})
    for i in range(5):
        first.add({"i": i})
    whole = path.read_bytes()
    for _ in range(10):
        cut = rng.randrange(len(b'{"work": 1}\n'), len(whole))
        path.write_bytes(whole[:cut])
        again = Journal(path, {"work": 1})
        assert again.lines == [{"i": i} for i in range(whole[:cut].count(b"\n") - 1)]
        again.add({"i": "next"})
        assert Journal(path, {"work": 1}).lines[-1] == {"i": "next"}
    path.write_bytes(b"")
    assert Journal(path, {"work": 2}).lines == []
