"""Writing: every format comes back as it was, nothing is half-written, no input is overwritten."""

from __future__ import annotations

import io
import os
import sys

import polars as pl
import pytest

from amiss.errors import OutputError
from amiss.reading import read
from amiss.writing import atomic_bytes, check_writable, write

FRAME = pl.DataFrame(
    {"name": ["x, y", 'say "so"', None, "ä\nb"], "n": [1, 2, 3, None], "score": [0.1, 1e-300, 2.5, -3.0]}
)


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.csv.gz", "o.tsv.gz", "o.parquet", "o.pq", "o.jsonl", "o.ndjson",
                                  "o.arrow", "o.feather", "o.ipc", "O.CSV"])  # fmt: skip
def test_every_format_comes_back(tmp_path, name):
    place = tmp_path / name
    write(FRAME, place)
    back = read(place).frame
    assert back.columns == FRAME.columns
    assert back["name"].to_list() == FRAME["name"].to_list()
    assert back["score"].cast(pl.Float64).to_list() == FRAME["score"].to_list()
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_standard_output(capfdbinary):
    write(FRAME.head(1), "-")
    assert capfdbinary.readouterr().out == b'name,n,score\n"x, y",1,0.1\n'


def test_a_reader_that_leaves_early_is_no_error(monkeypatch):
    class Gone(io.BytesIO):
        def write(self, data):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(Gone()))
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    write(FRAME, "-")
    monkeypatch.undo()


def test_formulas_are_guarded_in_csv_alone(tmp_path):
    cells = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-x", " =1", "-5", "+3.5", "-", "1e-5", "-1,5%", "plain", None]
    frame = pl.DataFrame({"a": cells})
    write(frame, tmp_path / "o.csv")
    want = ["'=1+1", "'+cmd|' /C calc'!A0", "'@SUM(A1)", "'-x", "' =1", *cells[5:-1], ""]
    assert [c or "" for c in pl.read_csv(tmp_path / "o.csv", infer_schema=False)["a"]] == want
    assert read(tmp_path / "o.csv").frame["a"].to_list() == cells[:-1]
    write(frame, tmp_path / "o.jsonl")
    assert read(tmp_path / "o.jsonl").frame.equals(frame)
    write(frame.rename({"a": "=cmd|x"}), tmp_path / "n.csv")
    assert (tmp_path / "n.csv").read_text().startswith("'=cmd|x\n")
    assert read(tmp_path / "n.csv").frame.columns == ["=cmd|x"]
    write(frame, tmp_path / "p.csv", guard_formulas=False)
    assert read(tmp_path / "p.csv").frame["a"][0] == "=1+1"


def test_cells_that_text_does_not_hold(tmp_path):
    frame = pl.DataFrame({"a": [[1, 2], None], "b": [{"k": 1}, {"k": 2}], "c": [b"x", None]})
    for name in ("o.csv", "o.jsonl"):
        write(frame, tmp_path / name)
        assert read(tmp_path / name).frame["a"].to_list() == ["[1, 2]", None]
    write(frame, tmp_path / "o.parquet")


@pytest.mark.parametrize("name", ["o.xlsx", "o", "o.parquet.gz", "o.json", ".csv", "o.gz"])
def test_unknown_extensions(tmp_path, name):
    for act in (lambda p: write(FRAME, p), check_writable):
        with pytest.raises(OutputError, match="extension") as error:
            act(tmp_path / name)
        assert ".parquet" in error.value.required
    assert list(tmp_path.iterdir()) == []


def test_other_extensions_may_be_asked_for(tmp_path):
    check_writable(tmp_path / "m.amiss", extensions=(".amiss",))
    with pytest.raises(OutputError, match=r"\.amiss"):
        check_writable(tmp_path / "m.csv", extensions=(".amiss",))


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="directory"):
        check_writable(tmp_path / "folder.csv")
    with pytest.raises(OutputError, match="does not exist"):
        check_writable(tmp_path / "nowhere" / "o.csv")
    (tmp_path / "file").write_text("")
    for odd in (tmp_path / "file" / "o.csv", f"{tmp_path}/a\0.csv", tmp_path / ("x" * 300 + ".csv")):
        with pytest.raises(OutputError):
            write(FRAME, odd)
    check_writable("-")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_protected_places(tmp_path):
    (tmp_path / "o.csv").write_text("old")
    os.chmod(tmp_path / "o.csv", 0o400)
    with pytest.raises(OutputError, match="write-protected"):
        check_writable(tmp_path / "o.csv")
    os.chmod(tmp_path, 0o500)
    with pytest.raises(OutputError, match="cannot be written in"):
        check_writable(tmp_path / "p.csv")
    os.chmod(tmp_path, 0o700)


def test_a_folder_that_refuses(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match="Read-only"):
        check_writable(tmp_path / "o.csv")


def test_inputs_are_not_overwritten(tmp_path, monkeypatch):
    source = tmp_path / "in.csv"
    source.write_text("a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to(source)
    os.link(source, tmp_path / "hard.csv")
    monkeypatch.chdir(tmp_path)
    for path in ("in.csv", source, tmp_path / "x" / ".." / "in.csv", "link.csv", "hard.csv"):
        for inputs in ([source], ["-", "in.csv"], ["*.csv"]):
            with pytest.raises(OutputError):
                write(FRAME, path, inputs=inputs)
    write(FRAME, "out.csv", inputs=[source, "-", FRAME])  # type: ignore[list-item]
    assert source.read_text() == "a,b\n1,2\n"


def test_nothing_is_half_written(tmp_path, monkeypatch):
    place = tmp_path / "o.csv"
    place.write_text("old")

    def break_off(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", break_off)
    with pytest.raises(OutputError, match="No space left"):
        write(FRAME, place)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.DataFrame, "write_csv", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(FRAME, place)
    monkeypatch.undo()
    assert place.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["o.csv"]


def test_a_link_stays_and_permissions_too(tmp_path):
    real = tmp_path / "real.csv"
    real.write_text("old")
    os.chmod(real, 0o640)
    (tmp_path / "link.csv").symlink_to(real)
    write(FRAME, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert real.read_text().startswith("name,")
    assert real.stat().st_mode & 0o777 == 0o640
    mask = os.umask(0o022)
    try:
        write(FRAME, tmp_path / "new.csv")
    finally:
        os.umask(mask)
    assert (tmp_path / "new.csv").stat().st_mode & 0o777 == 0o644


def test_bytes(tmp_path):
    atomic_bytes(tmp_path / "m.amiss", b"abc")
    atomic_bytes(tmp_path / "m.amiss", b"def")
    assert (tmp_path / "m.amiss").read_bytes() == b"def"
    for odd in (tmp_path, os.devnull, tmp_path / "nowhere" / "m.amiss"):
        with pytest.raises(OutputError):
            atomic_bytes(odd, b"")
