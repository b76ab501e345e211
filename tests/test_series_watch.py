"""``amiss watch`` as a person meets it: a pipe, killed and started again, rows that are not as they should be."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.commands.arrivals import from_kafka, kafka_consumer
from amiss.commands.watch import watch
from amiss.console import Screen
from amiss.errors import InputError, MissingExtraError
from test_series_table import frame

OPTIONS: dict[str, Any] = {
    "state": None, "adaptive": False, "threshold": None, "header": None, "no_names": False, "kafka": None,
    "broker": None, "group": "amiss",
}  # fmt: skip
MADE = frame().select("when", "a", "b")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("watch") / "m.amiss"
    amiss.fit(MADE[:600], time="when", train_until=600, parameters={"learned": False}).save(path)
    return path


def run(
    saved: Path, text: str | bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **options: Any
) -> tuple[pl.DataFrame, str]:
    """What watch prints, as a table, and its notes."""
    data = text if isinstance(text, bytes) else text.encode()
    read, write = os.pipe()

    def feed() -> None:
        with os.fdopen(write, "wb") as file:
            file.write(data)

    threading.Thread(target=feed).start()
    with os.fdopen(read, "rb") as file:
        monkeypatch.setattr(sys, "stdin", file)
        try:
            watch(amiss.load(saved), OPTIONS | options, Screen(taken=True))  # type: ignore[arg-type]
        except InputError as error:
            print(error, file=sys.stderr)
    out = capsys.readouterr()
    return pl.read_csv(io.StringIO(out.out), infer_schema_length=None), out.err


def test_the_same_bits_as_one_batch_and_the_channel_to_blame(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = MADE[600:]
    for adaptive in (False, True):
        found, notes = run(saved, rows.write_csv(), monkeypatch, capsys, adaptive=adaptive)
        batch = amiss.load(saved).score(rows, causal=True, adaptive=adaptive)
        assert found["score"].to_numpy().tobytes() == batch["score"].to_numpy().tobytes()
        assert found["is_anomaly"].equals(batch["is_anomaly"])
        flagged = found.with_row_index().filter("is_anomaly")
        assert flagged["index"][0] in range(400, 412)
        assert flagged["channels"][0].startswith("b ")
        assert "900 rows" in notes
    text = "\n".join(json.dumps(row) for row in rows.to_dicts())
    again, notes = run(saved, text, monkeypatch, capsys, adaptive=True)
    assert again.equals(found)
    assert "the last line has no end" in notes


def test_killed_at_any_moment_it_goes_on_where_it_was(saved: Path, tmp_path: Path) -> None:
    state, rows = tmp_path / "state", MADE[600:].write_csv().splitlines(keepends=True)
    command = [sys.executable, "-m", "amiss", "watch", str(saved), "--state", str(state), "--no-names", "-q"]
    told: list[str] = []
    at = 1
    for stop in (30, None):
        process = subprocess.Popen(
            [*command, "-q"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(rows[0])
        if stop is None:
            out, err = process.communicate("".join(rows[at:]))
            assert process.returncode == 0, err
            told += out.splitlines()
            break
        while at <= stop:
            process.stdin.write(rows[at])
            process.stdin.flush()
            told.append(process.stdout.readline().rstrip("\n"))
            at += 1
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    batch = amiss.load(saved).score(MADE[600:], causal=True)
    assert np.array([float(line.split(",")[1]) for line in told]).tobytes() == batch["score"].to_numpy().tobytes()


def test_awkward_rows_are_scored_and_counted(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = MADE[600:700].write_csv().splitlines()
    lines[10] = lines[9]  # a time that repeats
    lines[20] = lines[5]  # and one that runs backwards
    lines[30] = lines[30].split(",")[0] + ",much,"
    lines[40] = "some day," + lines[40].split(",", 1)[1]
    del lines[50:70]  # a gap
    lines[60] = "b,when,a"  # another order
    lines[61] = ",".join(lines[61].split(",")[i] for i in (2, 0, 1))
    found, notes = run(saved, "\n".join(lines[:62]) + "\n", monkeypatch, capsys)
    assert found.height == 60
    assert found["score"].is_finite().all()
    for words in ("time repeats", "runs backwards", "no numbers (the last", ": 2", "not be read", "began anew): 3"):
        assert words in notes


def test_a_flood_of_alarms_is_said_once(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = MADE[600:900].with_columns(pl.col("a", "b") + 30).write_csv()
    told, notes = run(saved, moved, monkeypatch, capsys)
    assert told["is_anomaly"].mean() > 0.5
    assert notes.count("no longer like the part that was learned from") == 1
    _, notes = run(saved, MADE[:600].write_csv(), monkeypatch, capsys)
    assert "no longer like" not in notes


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["when,a", "2024-01-01 10:00,1"], "absent"),
        (["when,a,b", "2024-01-01 10:00,1,2", "2024-01-01 10:01,1,2,3"], "line 3: the columns of the stream change"),
        (["when,a,b", "2024-01-01 10:00,1,2", "2024-01-"], "line 3: the last line is torn"),
        (['{"when": "2024-01-01 10:00", "a": 1, "b": 2}', '{"when": "2024-01-01 10:01", "c": 2}'], "columns of the"),
        (['{"when": "2024-01-01 10:00", "a": 1, "b": 2}', '{"when": "2024'], "line 2: the last line is torn"),
        (['{"when": "2024-01-01 10:00", "a": 1, "b": 2}', "[1]no"], "line 2: the line is no JSON"),
    ],
)
def test_what_cannot_be_read_is_said_after_the_rows_before_it(
    saved: Path, lines: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found, notes = run(saved, "\n".join(lines) + "\n" * ("torn" not in words), monkeypatch, capsys)
    assert found.height == (0 if lines[0] == "when,a" else 1)
    assert words in notes


def test_command_line_refuses_in_words(saved: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from amiss.cli import main

    (tmp_path / "bad").write_text("nothing")
    for options, words in (
        (["--kafka", "topic"], "--kafka needs --broker"),
        (["--state", "no/such/state"], "state cannot be written"),
        (["--state", str(tmp_path / "bad")], "not a model's file"),
    ):
        made = CliRunner().invoke(main, ["watch", str(saved), *options])
        assert made.exit_code == 2
        assert words in made.stderr


class Consumer:
    """As confluent-kafka's, with messages at hand."""

    def __init__(self, lines: list[str]) -> None:
        self.lines, self.at, self.committed = lines, 0, 0

    def consume(self, count: int, timeout: float) -> list[Any]:
        if self.at >= len(self.lines):
            raise KeyboardInterrupt
        found = [
            SimpleNamespace(
                error=lambda: None, topic=lambda: "t", partition=lambda: 0, offset=lambda i=i: i,
                value=lambda i=i: self.lines[i].encode(),
            )
            for i in range(self.at, min(self.at + 25, len(self.lines)))
        ]  # fmt: skip
        self.at += len(found)
        return found

    def commit(self, asynchronous: bool) -> None:
        self.committed = self.at


def test_kafka_messages_are_scored_once(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps(row) for row in MADE[600:700].to_dicts()]
    options = OPTIONS | {"state": str(tmp_path / "state"), "no_names": True}
    told = []
    for count in (60, 100):  # the second one gets all messages again
        consumer = Consumer(lines[:count])
        with pytest.raises(KeyboardInterrupt):
            watch(amiss.load(saved), options, Screen(quiet=True), consumer)  # type: ignore[arg-type]
        told += capsys.readouterr().out.splitlines()
    assert len(told) == 100
    batch = amiss.load(saved).score(MADE[600:700], causal=True)
    assert [float(line.split(",")[1]) for line in told] == batch["score"].to_list()
    assert list(from_kafka(Consumer(lines[:20]), {"t/0": 15}, lambda: False).__next__().marks) == ["t/0"]


def test_without_confluent_kafka_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(MissingExtraError, match=r"amiss\[kafka\]"):
        kafka_consumer("localhost:9092", "t", "g")
