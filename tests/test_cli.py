"""The command line as a person meets it: results, JSON, files, and a clear word for whatever is wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amiss.cli import main

QUICK = ["--set", "epochs=2", "--set", "n_estimators=1"]


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def lines(rows: int = 90, label: bool = True) -> list[str]:
    """A header and rows: two numbers, a category, a date and the label; every ninth row is an anomaly."""
    rng = random.Random(0)
    made = ["id,amount,weight,kind,day" + (",fraud" if label else "")]
    for i in range(rows):
        odd = i % 9 == 0
        cells = [f"K{i:04}", f"{rng.gauss(90 if odd else 50, 3):.2f}", f"{rng.gauss(5, 1):.3f}", rng.choice("abc")]
        made.append(",".join([*cells, f"2024-03-{1 + i % 28:02}", *([str(int(odd))] if label else [])]))
    return made


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_text("\n".join(lines()) + "\n")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model fitted with labels."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "train.csv").write_text("\n".join(lines()))
    made = run("fit", folder / "train.csv", "--label", "fraud", "-o", folder / "m.amiss", "--set", "epochs=20", "-q")
    assert (made.exit_code, made.output) == (0, "")
    return folder / "m.amiss"


def strict_json(text: str) -> dict:
    """One JSON object and nothing else; NaN is none."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


# --- what a person gets ----------------------------------------------------------------------------------------------


def test_detect_without_labels_shows_strangest_rows(table: Path) -> None:
    made = run("detect", table, "--drop", "fraud", "--contamination", "0.1")
    assert made.exit_code == 0, made.output
    for words in ("The strangest rows", "id (identifier", "2 numeric, 1 category, 1 date", "of 90 rows", "look amiss"):
        assert words in made.stdout.replace("'", "")
    assert made.stderr == ""
    told = made.stdout[made.stdout.index("Why the strangest are") :]
    assert told.count("row ") == 3 <= told.count("typical for rows like this")
    found = strict_json(run("detect", table, "--drop", "fraud", "--contamination", "0.1", "--json").stdout)
    assert [r["row"] for r in found["why"]] == [r["row"] for r in found["strangest"][:3]]


def test_detect_with_labels_tells_measures_beside_chance(table: Path) -> None:
    made = run("detect", table, "--label", "fraud", *QUICK)
    assert made.exit_code == 0, made.output
    for words in ("ROC AUC", "by chance", "called anomaly", "macro avg", "anomaly is fraud = 1"):
        assert words in made.stdout


def test_json_is_one_object_with_all_fields(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    made = run("detect", table, "--label", "fraud", "-o", out, "--json", "--seed", "3", *QUICK)
    found = strict_json(made.stdout)
    assert (found["rows"], found["seed"], found["output"]) == (90, 3, str(out))
    assert (found["detector"], found["setting"], found["label"]) == ("AnomalyClassifier", "supervised", "fraud")
    assert {c["column"]: c["kind"] for c in found["columns"]}["id"] == "identifier"
    assert found["seconds"] > 0
    assert isinstance(found["leaks"], list)
    assert isinstance(found["notes"], list)
    measures = {"roc_auc", "average_precision", "precision", "recall", "f1", "accuracy", "confusion_matrix", "chance"}
    assert measures <= found["evaluation"].keys()
    frame = pl.read_parquet(out)
    assert frame.columns[-3:] == ["score", "p_value", "is_anomaly"]
    assert frame.height == 90
    assert found["anomalies"] == frame["is_anomaly"].sum()
    best = found["strangest"][0]
    assert frame["score"].arg_max() == best["row"] - 1


def test_a_leak_is_told_loudly(tmp_path: Path) -> None:
    made = [line + ("," + line[-1] if i else ",paid") for i, line in enumerate(lines())]
    (tmp_path / "t.csv").write_text("\n".join(made))
    shown = run("detect", tmp_path / "t.csv", "--label", "fraud", *QUICK)
    assert "LIKELY LEAKS: " in shown.stdout
    assert "--drop" in shown.stdout
    as_json = run("detect", tmp_path / "t.csv", "--label", "fraud", "--json", *QUICK)
    assert "paid" in [leak["column"] for leak in strict_json(as_json.stdout)["leaks"]]
    assert "LIKELY LEAKS" in as_json.stderr


def test_stdin_to_stdout(table: Path) -> None:
    made = run("detect", "-", "-o", "-", stdin=table.read_bytes())
    rows = list(csv.DictReader(io.StringIO(made.stdout)))
    assert len(rows) == 90
    assert list(rows[0])[-3:] == ["score", "p_value", "is_anomaly"]
    assert "<stdin>: 90 rows" in made.stderr


def test_fit_score_evaluate(model: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.csv"
    scored = run("score", model, table, "-o", out)
    assert scored.exit_code == 0, scored.output
    assert f"Written: {out}" in scored.stdout
    assert pl.read_csv(out).height == 90
    found = strict_json(run("evaluate", model, table, "--json").stdout)
    assert found["evaluation"]["roc_auc"] > 0.9
    told = run("evaluate", model, table)
    assert "called anomaly" in told.stdout


def test_scoring_needs_no_label_column_and_no_order(model: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(io.StringIO("\n".join(lines())), infer_schema=False)
    frame.select("kind", "day", "weight", "amount", "id").write_csv(tmp_path / "new.csv")
    frame.write_csv(tmp_path / "same.csv")
    a, b = (run("score", model, tmp_path / n, "--json") for n in ("new.csv", "same.csv"))
    assert strict_json(a.stdout)["strangest"] == strict_json(b.stdout)["strangest"]


def test_own_columns_of_our_names_are_kept(tmp_path: Path) -> None:
    made = lines()
    (tmp_path / "t.csv").write_text("\n".join([made[0].replace("weight", "score"), *made[1:]]))
    done = run("detect", tmp_path / "t.csv", "-o", tmp_path / "o.csv")
    assert "'score_input'" in done.stdout
    assert pl.read_csv(tmp_path / "o.csv").columns[2] == "score_input"


def test_no_header_places_and_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines()[1:]))
    found = strict_json(run("detect", path, "--no-header", "--label", "6", "--drop", "1,3", "--json", *QUICK).stdout)
    assert found["label"] == "c6"
    assert [c["column"] for c in found["columns"]] == ["c2", "c4", "c5"]
    (tmp_path / "names").write_text("id\namount\nweight\nkind\nday\nfraud\n")
    named = run("detect", path, "--names", tmp_path / "names", "--only", "amount", "--only", "kind", "--json")
    assert [c["column"] for c in strict_json(named.stdout)["columns"]] == ["amount", "kind"]


def test_several_files_are_one_table(table: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_bytes(table.read_bytes())
    assert strict_json(run("detect", table, tmp_path / "more.csv", "--json").stdout)["rows"] == 180


def test_same_seed_same_output(table: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        assert run("detect", table, "-o", tmp_path / name, "-q").output == ""
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_budget_ends_training_and_says_so(table: Path, tmp_path: Path) -> None:
    made = run("fit", table, "-o", tmp_path / "m.amiss", "--detector", "autoencoder", "--budget", "0.2s", "--json",
               "--set", "epochs=1000000", "--set", "patience=none")  # fmt: skip
    found = strict_json(made.stdout)
    assert found["stopped"] == "budget"
    assert any("budget" in note for note in found["notes"])


def test_lists(table: Path) -> None:
    listed = strict_json(run("detectors", "--json").stdout)
    assert {"Autoencoder", "FeedForward"} <= {d["name"] for d in listed["detectors"]}
    told = run("detectors", "feed-forward").stdout
    assert "class_weight" in told
    assert "128,64" in told
    health = strict_json(run("doctor", "--json").stdout)
    assert health["problems"] == []
    assert health["backend"]
    assert "Python" in run("doctor").stdout
    assert run("--version").stdout.startswith("amiss, version ")


def test_no_colour_and_no_stranger_steers_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    made = [line.replace(",a,", ",\x1b[31m[bold]a,") for line in lines()]
    (tmp_path / "t.csv").write_text("\n".join(made))
    coloured = run("detect", tmp_path / "t.csv").stdout
    assert "\x1b[" in coloured
    assert "[31m[bold]a" in coloured
    assert "\x1b[31m[bold]" not in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("detect", tmp_path / "t.csv").stdout


def test_a_fault_of_ours_is_exit_1_without_traceback(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, words in ((ZeroDivisionError("oh"), "fault of amiss"), (MemoryError(), "memory does not suffice")):

        def broken(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("amiss.commands.work.detect", broken)
        made = run("detect", table)
        assert (made.exit_code, made.stdout) == (1, "")
        assert words in made.stderr
        assert "Traceback" not in made.stderr
    monkeypatch.setenv("AMISS_DEBUG", "1")
    assert "Traceback" in run("detect", table).stderr


def test_giving_up_is_exit_130(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("amiss.commands.work.detect", interrupted)
    assert run("detect", table).exit_code == 130


# --- what is wrong, and where ----------------------------------------------------------------------------------------

ROWS = lines()
#: name -> (content, further arguments, words of the message)
BAD: dict[str, tuple[bytes, list[str], str]] = {
    "empty": (b"", [], "empty"),
    "header only": (ROWS[0].encode(), [], "no rows"),
    "one row": ("\n".join(ROWS[:2]).encode(), [], "one row"),
    "one column": (b"a\n" + b"\n".join(b"%d" % i for i in range(30)), [], "one column"),
    "nothing to learn": (b"id,x\n" + b"\n".join(b"%d,5" % i for i in range(30)), [], "no column can be learned"),
    "label of one class": (
        "\n".join([ROWS[0], *(r[:-1] + "1" for r in ROWS[1:])]).encode(), ["--label", "fraud"], "alone",
    ),
    "label absent": ("\n".join(ROWS).encode(), ["--label", "frauds"], "did you mean 'fraud'"),
    "label unclear": ("\n".join(ROWS).encode(), ["--label", "kind"], "--anomaly"),
    "no such anomaly": ("\n".join(ROWS).encode(), ["--label", "fraud", "--anomaly", "7"], "'7'"),
    "ragged": ("\n".join([*ROWS[:6], "1,2", *ROWS[6:]]).encode(), [], "line 7"),
    "binary": (bytes(range(256)) * 8, [], "no text"),
    "zip": (b"PK\x03\x04" + b"x" * 90, [], "zip archive"),
    "twice the name": ("\n".join(["a,a,c,d,e,f", *ROWS[1:]]).encode(), [], "'a' at 1 and 2"),
    "drop absent": ("\n".join(ROWS).encode(), ["--drop", "amounts"], "did you mean 'amount'"),
    "no detector": ("\n".join(ROWS).encode(), ["--detector", "feedforwrd"], "did you mean 'FeedForward'"),
    "detector without labels": ("\n".join(ROWS).encode(), ["--detector", "FeedForward"], "labels"),
    "no parameter": ("\n".join(ROWS).encode(), ["--set", "epoch=3"], "did you mean 'epochs'"),
    "parameter of its own": ("\n".join(ROWS).encode(), ["--set", "seed=3"], "--seed"),
    "wrong parameter": ("\n".join(ROWS).encode(), ["--set", "epochs=many"], "a whole number"),
    "no pair": ("\n".join(ROWS).encode(), ["--set", "epochs"], "key=value"),
    "budget": ("\n".join(ROWS).encode(), ["--budget", "soon"], "30s, 5m"),
    "contamination": ("\n".join(ROWS).encode(), ["--contamination", "0.9"], "out of range"),
    "anomaly alone": ("\n".join(ROWS).encode(), ["--anomaly", "1"], "--label"),
    "names absent": ("\n".join(ROWS).encode(), ["--names", "nowhere"], "no such file"),
    "two for stdout": ("\n".join(ROWS).encode(), ["--json", "-o", "-"], "standard output"),
    "format": ("\n".join(ROWS).encode(), ["-o", "out.xyz"], ".parquet"),
    "folder": ("\n".join(ROWS).encode(), ["-o", "nowhere/out.csv"], "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_exit_2_with_a_message(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, options, words = BAD[name]
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_bytes(content)
    made = run("detect", "t.csv", *options, *([] if "-o" in options else ["-o", "out.csv"]))
    assert made.exit_code == 2, made.output
    assert words in made.stderr
    assert made.stdout == ""
    assert os.listdir() == ["t.csv"], "something was left behind"


def test_places_that_will_not_do(table: Path, tmp_path: Path, model: Path) -> None:
    before = table.read_bytes()
    cases: list[tuple[list[str | Path], str]] = [
        (["detect", table, "-o", table], "overwrite the input"),
        (["detect", tmp_path], "directory"),
        (["detect", tmp_path / "claim.csv"], "did you mean 'claims.csv'"),
        (["detect", tmp_path / "*.parquet"], "no file fits"),
        (["fit", table, "-o", tmp_path / "m.zip"], ".amiss"),
        (["fit", table, "-o", "-"], "standard output"),
        (["fit", table], "'-o'"),
        (["score", tmp_path / "no.amiss", table], "no such file"),
        (["score", table, table], "not a model's file"),
        (["score", model, table, "-o", table], "overwrite the input"),
        (["evaluate", model, table, "--label", "fraudd"], "did you mean 'fraud'"),
        (["explode"], "No such command"),
        (["detect"], "Missing argument"),
    ]
    for arguments, words in cases:
        made = run(*arguments)
        assert made.exit_code == 2, made.output
        assert words in made.stderr
    assert table.read_bytes() == before


def test_models_that_will_not_do(model: Path, table: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.amiss").write_bytes(model.read_bytes()[:700])
    assert "cut short" in run("score", tmp_path / "cut.amiss", table).stderr
    text = table.read_text()
    (tmp_path / "bad.csv").write_text(text.replace(",a,", ",a,", 1).replace(text.split("\n")[4].split(",")[1], "much"))
    made = run("score", model, tmp_path / "bad.csv", "-o", tmp_path / "out.csv")
    assert (made.exit_code, "row 4: 'much' is not a number" in made.stderr) == (2, True)
    (tmp_path / "less.csv").write_text(text.replace("amount", "sum").replace("weight", "mass"))
    assert "'amount', 'weight'" in run("score", model, tmp_path / "less.csv").stderr
    assert not (tmp_path / "out.csv").exists()


GOOD: dict[str, Callable[[], bytes]] = {
    "utf-16": lambda: "\n".join(ROWS).encode("utf-16"),
    "latin-1": lambda: "\n".join(ROWS).replace("kind", "größe").encode("latin-1"),
    "nan everywhere": lambda: "\n".join([ROWS[0], *(r.replace(r.split(",")[1], "NaN") for r in ROWS[1:])]).encode(),
    "inf everywhere": lambda: "\n".join([ROWS[0], *(r.replace(r.split(",")[2], "-inf") for r in ROWS[1:])]).encode(),
    "some labels missing": lambda: "\n".join(r[:-1] if i % 5 == 2 else r for i, r in enumerate(ROWS)).encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_awkward_input_that_will_do(name: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(GOOD[name]())
    made = run("detect", tmp_path / "t.csv", "--label", "fraud", "--json", *QUICK)
    assert made.exit_code == 0, made.output
    assert strict_json(made.stdout)["rows"] == 90


def test_five_thousand_columns(tmp_path: Path) -> None:
    rng = random.Random(1)
    names = [",".join(f"x{i}" for i in range(5000))]
    (tmp_path / "t.csv").write_text(
        "\n".join(names + [",".join(f"{rng.random():.3f}" for _ in range(5000)) for _ in range(30)])
    )
    made = run("detect", tmp_path / "t.csv", "-q")
    assert made.exit_code == 0, made.output


CELLS = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "2.5", "1e308", "NaN", "inf", "?", "yes", "no", "a", "b", "2024-01-02", "$1,0"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    st.floats().map(str),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_table_brings_amiss_down(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any small table is either scored or refused with a message: never exit code 1."""
    width = data.draw(st.integers(1, 4))
    columns = [data.draw(st.lists(CELLS, min_size=6, max_size=14)) for _ in range(width)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([f"col{i}" for i in range(width)])
    writer.writerows(zip(*columns))
    path = tmp_path_factory.getbasetemp() / "random.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    label = data.draw(st.sampled_from([[], ["--label", "col0"]]))
    made = run("detect", path, "--json", *label, *(QUICK if label else []))
    assert made.exit_code in (0, 2), made.stderr
    if made.exit_code == 0:
        assert strict_json(made.stdout)["rows"] >= 2
    else:
        assert made.stderr.startswith("Error: ")
        assert made.stdout == ""


def test_the_terminal_speaks_chinese(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120), "y": np.arange(120) % 4 == 0})
    frame.write_csv(tmp_path / "t.csv")
    quick = ["--detector", "FeedForward", "--set", "epochs=1", "--set", "n_estimators=1", "--lang", "zh"]
    for verb in (["detect"], ["fit", "-o", str(tmp_path / "m.amiss")]):
        told = CliRunner().invoke(main, [*verb, str(tmp_path / "t.csv"), "--label", "y", *quick])
        assert told.exit_code == 0, told.output
        ours = r"\S*\.(csv|amiss)\S*|amiss \w+|--?\w+|FeedForward|ROC|Brier|true|false|probability|FILE"
        assert not re.search("[A-Za-z]{3,}", re.sub(ours, "", told.output)), told.output
