"""Reading: every format and object gives the same table, and what is none is refused with a message that helps."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amiss.errors import InputError, TableError
from amiss.reading import ReadOptions, read, read_names
from amiss.table import Table

ROWS = [("x", "1", "2.5"), ("y", "2", ""), ("z w", "3", "-1")]
HEAD = ("a", "b", "c")


def text(separator: str = ",", end: str = "\n", head: bool = True) -> str:
    return end.join(separator.join(row) for row in ([HEAD] if head else []) + ROWS) + end


def put(folder: Path, name: str, content: str | bytes) -> str:
    place = folder / name
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(place)


def cells(raw) -> list[tuple]:
    return [tuple("" if c is None else str(c) for c in row) for row in raw.frame.rows()]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separator_and_line_ends_are_found(tmp_path, separator, end):
    raw = read(put(tmp_path, "t.txt", text(separator, end)))
    assert raw.frame.columns == list(HEAD)
    assert cells(raw) == ROWS
    assert bool(raw.notes) == (separator != ",")


def test_old_mac_line_ends(tmp_path):
    assert cells(read(put(tmp_path, "t.csv", text(end="\r")))) == ROWS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_with_a_mark_or_a_pattern(tmp_path, encoding):
    raw = read(put(tmp_path, "t.csv", "größe,ß\nä,1\nö,2\n".encode(encoding)))
    assert raw.frame.columns == ["größe", "ß"]
    assert cells(raw) == [("ä", "1"), ("ö", "2")]


def test_latin_1_is_read_with_a_note(tmp_path):
    raw = read(put(tmp_path, "t.csv", "stadt,n\nKöln,1\nMünchen,2\n".encode("latin-1")))
    assert cells(raw) == [("Köln", "1"), ("München", "2")]
    assert "Windows-1252" in raw.notes[0]


def test_broken_utf_16_is_refused_by_name(tmp_path):
    with pytest.raises(TableError, match="UTF-16"):
        read(put(tmp_path, "t.csv", "a,b\n1,2\n".encode("utf-16") + b"\x00"))


@pytest.mark.parametrize("junk", [bytes(range(256)) * 20, b"a,b\n1,\x00\n", b"\x01\x02\x03\x04" * 30])
def test_binary_junk_is_refused(tmp_path, junk):
    with pytest.raises(TableError, match="no text"):
        read(put(tmp_path, "t.csv", junk))


@pytest.mark.parametrize(("start", "name"), [(b"PK\x03\x04", "Excel"), (b"%PDF", "PDF"), (b"\x93NUMPY", "NumPy")])
def test_foreign_formats_are_refused_by_name(tmp_path, start, name):
    with pytest.raises(TableError, match=name):
        read(put(tmp_path, "t.csv", start + bytes(100)))


def test_quotes_hold_separators_line_ends_and_quotes(tmp_path):
    raw = read(put(tmp_path, "t.csv", 'a,b\n"x, y","1\n2"\n"say ""so""",3\n'))
    assert cells(raw) == [("x, y", "1\n2"), ('say "so"', "3")]


def test_quotes_after_a_blank(tmp_path):
    assert cells(read(put(tmp_path, "t.csv", 'a, b\n1, "x, y"\n2, "z"\n'))) == [("1", "x, y"), ("2", "z")]


def test_inch_signs_are_no_quotes(tmp_path):
    assert cells(read(put(tmp_path, "t.csv", 'size,n\n5" pipe,1\n"6"" pipe",2\n7" pipe,3\n')))[0] == ('5" pipe', "1")
    assert cells(read(put(tmp_path, "t.tsv", 'a\tb\n"open\t1\nx\t2\n'))) == [('"open', "1"), ("x", "2")]


def test_unclosed_quote_names_its_line(tmp_path):
    with pytest.raises(TableError, match=r"line 3"):
        read(put(tmp_path, "t.csv", 'a,b\n1,"x,y"\n2,"z\n3,4,5\n'))


def test_blank_lines_are_left_out(tmp_path):
    assert cells(read(put(tmp_path, "t.csv", "\n\na,b\n\n1,2\n\r\n  \n3,4\n\n\n"))) == [("1", "2"), ("3", "4")]


def test_a_line_of_separators_is_a_row(tmp_path):
    assert cells(read(put(tmp_path, "t.csv", "a,b\n,\n1,2\n"))) == [("", ""), ("1", "2")]


@pytest.mark.parametrize(("line", "count"), [("3", 1), ("3,4,5", 3)])
def test_ragged_lines_are_named_by_number(tmp_path, line, count):
    with pytest.raises(TableError) as error:
        read(put(tmp_path, "t.csv", f'a,b\n"1\n1",2\n{line}\n4,5\n{line}\n'))
    assert f"line 4 has {count} field" in str(error.value)
    assert "2 fields" in error.value.required
    assert "1 more such" in error.value.found


def test_a_title_above_the_header(tmp_path):
    with pytest.raises(TableError, match="remove title lines"):
        read(put(tmp_path, "t.csv", "Report of the year\na,b,c\n" + "1,2,3\n" * 10))


def test_decimal_commas_do_not_separate(tmp_path):
    raw = read(put(tmp_path, "t.csv", "1,5;2,5\n3,25;4,0\n"), ReadOptions(header=False))
    assert cells(raw) == [("1,5", "2,5"), ("3,25", "4,0")]


def test_commas_in_prose_do_not_separate(tmp_path):
    raw = read(put(tmp_path, "t.tsv", "said\tn\nyes, well\t1\nno, never, ever\t2\n"))
    assert raw.frame.columns == ["said", "n"]


def test_one_column(tmp_path):
    raw = read(put(tmp_path, "t.csv", "a\n1\n\n3\n\n"))
    assert cells(raw) == [("1",), ("",), ("3",)]
    assert "no separator" in raw.notes[0]


def test_cells_are_left_as_they_are(tmp_path):
    raw = read(put(tmp_path, "t.csv", "a,b\n007, 1.50 \n1e3,NA\n"))
    assert raw.frame.dtypes == [pl.String, pl.String]
    assert cells(raw) == [("007", " 1.50 "), ("1e3", "NA")]


@pytest.mark.parametrize("content", ["", "\n\n", "   \n", b"\xef\xbb\xbf"])
def test_empty_file(tmp_path, content):
    with pytest.raises(TableError, match="empty"):
        read(put(tmp_path, "t.csv", content))


@pytest.mark.parametrize("content", ["a,b,c", "a,b,c\n", "a,b,c\n\n"])
def test_header_only(tmp_path, content):
    with pytest.raises(TableError, match="no rows"):
        read(put(tmp_path, "t.csv", content))


def test_missing_file_says_which_is_near(tmp_path):
    put(tmp_path, "claims.csv", text())
    with pytest.raises(TableError, match=r"did you mean 'claims.csv'"):
        read(str(tmp_path / "claim.csv"))
    with pytest.raises(TableError, match="no such file"):
        read(tmp_path / "nowhere" / "claim.csv")


def test_directory_and_impossible_names(tmp_path):
    with pytest.raises(TableError, match=r"directory(.|\n)*\*\.csv"):
        read(str(tmp_path))
    for name in ("x" * 5000, "a\0b.csv"):
        with pytest.raises(TableError):
            read(name)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may read everything")
def test_unreadable(tmp_path):
    place = put(tmp_path, "t.csv", text())
    os.chmod(place, 0)
    with pytest.raises(TableError, match="cannot be read"):
        read(place)


def test_unreadable_by_a_failing_disk(tmp_path, monkeypatch):
    def fail(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(TableError, match="Permission denied"):
        read(__file__)


def test_duplicate_names(tmp_path):
    with pytest.raises(TableError, match=r"'a' at 1 and 3") as error:
        read(put(tmp_path, "t.csv", "a,b,a\nx,y,z\n"))
    assert "--names" in error.value.hint
    with pytest.raises(TableError, match=r"looks like data: give --no-header"):
        read(put(tmp_path, "t.csv", "0,0,x\n1,2,y\n"))


def test_no_header(tmp_path):
    raw = read(put(tmp_path, "t.csv", text(head=False)), ReadOptions(header=False))
    assert raw.frame.columns == ["c1", "c2", "c3"]
    assert cells(raw) == ROWS


def test_a_header_of_numbers_is_noted(tmp_path):
    assert any("--no-header" in note for note in read(put(tmp_path, "t.csv", "1,2\n3,4\n")).notes)


def test_names_without_a_name(tmp_path):
    assert read(put(tmp_path, "t.csv", "a,,b\n1,2,3\n")).frame.columns == ["a", "c2", "b"]


def test_given_names(tmp_path):
    place = put(tmp_path, "t.csv", text(head=False))
    assert cells(read(place, ReadOptions(header=False, names=("p", "q", "r")))) == ROWS
    raw = read(place, ReadOptions(names=("p", "q")))
    assert raw.frame.columns == ["p", "q", "c3"]
    assert cells(raw) == ROWS
    assert "first line is taken as data" in raw.notes[0]
    assert "the rest are c3" in raw.notes[1]
    assert cells(read(put(tmp_path, "h.csv", text()), ReadOptions(names=HEAD))) == ROWS
    with pytest.raises(TableError, match="4 names for 3 columns"):
        read(place, ReadOptions(names=("p", "q", "r", "s")))
    with pytest.raises(TableError, match="more than once"):
        read(place, ReadOptions(names=("p", "p")))


def test_files_of_names(tmp_path):
    assert read_names(put(tmp_path, "n.txt", "a\nb c\n\nd\n")) == ("a", "b c", "d")
    assert read_names(put(tmp_path, "n.csv", "a,continuous\nb,symbolic\n")) == ("a", "b")
    names = read_names(put(tmp_path, "n.names", "| a comment\nsick, well.\n\nage:\t continuous.\nsex: M,F,?.\n"))
    assert names == ("class", "age", "sex")
    assert names.classes == {"sick", "well"}
    with pytest.raises(TableError, match="empty"):
        read_names(put(tmp_path, "e.txt", "\n"))
    with pytest.raises(TableError, match="more than once"):
        read_names(put(tmp_path, "d.txt", "a\na\n"))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ("sick,1,M\nwell,2,F\n", ["class", "age", "sex"]),
        ("1,M,sick.\n2,F,well.\n", ["age", "sex", "class"]),
    ],
)
def test_the_class_is_where_its_words_are(tmp_path, rows, columns):
    names = read_names(put(tmp_path, "n.names", "sick, well.\nage: continuous.\nsex: M,F,?.\n"))
    assert read(put(tmp_path, "t.data", rows), ReadOptions(header=False, names=names)).frame.columns == columns


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


def test_packed_files(tmp_path):
    data = text().encode()
    assert cells(read(put(tmp_path, "t.csv.gz", gzip.compress(data)))) == ROWS
    assert cells(read(put(tmp_path, "t.csv", gzip.compress(gzip.compress(data))))) == ROWS
    assert cells(read(put(tmp_path, "t.csv.zst", zstd(data)))) == ROWS
    quoted = 'a,b\n"x, ""y""\n\nz",ä\n'.encode()
    assert cells(read(put(tmp_path, "q.csv.zst", zstd(quoted)))) == [('x, "y"\n\nz', "ä")]
    for name, packed in (("t.csv.gz", gzip.compress(data)), ("t.csv.zst", zstd(data))):
        with pytest.raises(TableError, match="damaged"):
            read(put(tmp_path, name, packed[:-5]))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather", ".ipc", ".dat"])
def test_columnar_files(tmp_path, suffix):
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [1.5, 2.5]})
    place = tmp_path / f"odd[1]*{suffix}"
    frame.write_parquet(place) if suffix in (".parquet", ".dat") else frame.write_ipc(place)
    assert read(place).frame.equals(frame)
    with pytest.raises(TableError, match="cut short"):
        read(put(tmp_path, f"t{suffix}", place.read_bytes()[:-40]))
    if suffix != ".dat":
        with pytest.raises(TableError, match="is not"):
            read(put(tmp_path, f"t{suffix}", text()))


def test_arrow_stream(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.write_ipc_stream(tmp_path / "t.arrow")
    assert read(tmp_path / "t.arrow").frame.equals(frame)


def test_json(tmp_path):
    rows = [{"a": 1, "b": "x"}, {"a": 2.5, "c": None}, {"a": None, "b": "y", "c": {"k": [1]}}]
    lines = "\n".join(json.dumps(row) for row in rows)
    tables = [
        read(put(tmp_path, "t.jsonl", lines)),
        read(put(tmp_path, "t.ndjson", lines + "\n\n")),
        read(put(tmp_path, "t.json", json.dumps(rows))),
        read(put(tmp_path, "u.json", json.dumps(rows, indent=1))),
        read(put(tmp_path, "u.jsonl", json.dumps(rows))),
        read(put(tmp_path, "v", lines)),
        read(rows),
    ]
    for raw in tables:
        assert cells(raw) == [("1.0", "x", ""), ("2.5", "", ""), ("", "y", '{"k": [1]}')]
    mixed = read(put(tmp_path, "m.jsonl", '{"a": 1}\n{"a": "x"}\n{"a": true}\n'))
    assert cells(mixed) == [("1",), ("x",), ("true",)]


@pytest.mark.parametrize(("name", "content", "says"), [
    ("t.jsonl", '{"a": 1}\n{"a": \n', "line 2 is no JSON"), ("t.jsonl", '{"a": 1}\n3\n', "line 2 is no object"),
    ("t.json", "[1, 2]", "no table"), ("t.json", "[]", "no table"), ("t.json", "[" * 100000, "no JSON"),
    ("t.json", "{}", "no columns"), ("t.json", "3", "is no object"),
])  # fmt: skip
def test_bad_json(tmp_path, name, content, says):
    with pytest.raises(TableError, match=says):
        read(put(tmp_path, name, content))


def test_several_files(tmp_path):
    first, second = put(tmp_path, "1.csv", text()), put(tmp_path, "2.csv", "c;b;a\n9;8;7\n")
    for source in ([first, second], str(tmp_path / "*.csv"), [str(tmp_path / "?.csv")]):
        raw = read(source)
        assert cells(raw) == [*ROWS, ("7", "8", "9")]
        assert "1 more" in raw.source
    third = put(tmp_path, "3.csv", "a,b,d\n1,2,3\n")
    with pytest.raises(TableError, match=r"3\.csv(.|\n)*lacks 'c'; it has also 'd'"):
        read([first, second, third])
    with pytest.raises(TableError, match="pattern"):
        read(str(tmp_path / "*.parquet"))
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [[1]]}).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(TableError, match="'a' has another type"):
        read(str(tmp_path / "*.parquet"))


def test_standard_input(tmp_path, monkeypatch):
    parquet = io.BytesIO()
    pl.DataFrame({"a": ["x"], "b": ["1"]}).write_parquet(parquet)
    for data in (
        b"a,b\nx,1\n",
        b"a\tb\nx\t1\n",
        gzip.compress(b"a,b\nx,1\n"),
        parquet.getvalue(),
        b'{"a": "x", "b": "1"}\n',
        b'[{"a": "x", "b": "1"}]',
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        raw = read("-")
        assert (raw.source, raw.frame.columns, cells(raw)) == ("<stdin>", ["a", "b"], [("x", "1")])


def test_frames_and_arrays():
    frame = pl.DataFrame({"a": [1.0, None], "b": ["x", "y"]})
    for source in (
        frame,
        frame.lazy(),
        frame.to_arrow(),
        pd.DataFrame({"a": [1.0, None], "b": ["x", "y"]}),
        [{"a": 1.0, "b": "x"}, {"a": None, "b": "y"}],
        {"a": [1.0, None], "b": ["x", "y"]},
    ):
        assert read(source).frame.equals(frame)
    assert read(np.arange(6).reshape(3, 2)).frame.to_dict(as_series=False) == {"c1": [0, 2, 4], "c2": [1, 3, 5]}
    assert read(np.zeros((2, 2)), ReadOptions(names=("p", "q"))).frame.columns == ["p", "q"]
    for dtype in (np.float16, np.float32, np.longdouble, ">f8", ">i4", np.int8, np.uint64, bool):
        assert read(np.ones((2, 2), dtype)).frame.cast(pl.Float64).sum().row(0) == (2.0, 2.0)
    mixed = read(np.array([[1, "x"], [None, 2.5]], object)).frame
    assert mixed.rows() == [(1, "x"), (None, "2.5")]
    masked = np.ma.masked_array([[1, 2], [3, 4]], [[True, False], [False, False]])
    assert read(masked).frame.rows() == [(None, 2), (3, 4)]
    assert read(np.array([["a", "1"]])).frame.rows() == [("a", "1")]
    assert read(np.array([(1, "x")], [("p", int), ("q", "U2")])).frame.rows() == [(1, "x")]


def test_pandas_as_it_comes():
    frame = pd.DataFrame({
        "mixed": [1, "x", None], "when": pd.to_datetime(["2020-01-01", None, "2020-01-03"]), 3: [True, False, None],
        "kind": pd.Categorical(["u", "v", None]), "int": pd.array([1, None, 3], dtype="Int64"),
    }, index=[7, 8, 9])  # fmt: skip
    raw = read(frame).frame
    assert raw.columns == ["mixed", "when", "3", "kind", "int"]
    assert raw["mixed"].to_list() == ["1", "x", None]
    assert raw["int"].to_list() == [1, None, 3]
    assert raw["when"].dtype == pl.Datetime
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(TableError, match="more than once"):
        read(twice)
    with pytest.raises(TableError):
        read(pd.Series([1, 2]))


@pytest.mark.parametrize("source", [
    3, None, [], [1, 2], object(), np.arange(3), np.zeros((2, 2, 2)), np.ones((2, 2), complex), {"a": [1], "b": [1, 2]},
    pl.DataFrame(), pl.DataFrame({"a": []}), np.zeros((0, 3)), np.zeros((3, 0)), pl.LazyFrame({"a": [1]}).select("b"),
    pa.table([[1], [2]], names=["a", "a"]),
])  # fmt: skip
def test_objects_that_are_no_table(source):
    with pytest.raises(TableError):
        read(source)


TOKENS = (
    "1 2.5 -3 1,5 $1,000 45% NA ? x yes 2020-01-02 28-Feb-97 01/02/2023 12:30 inf 1e400 00123 ; | é none (12) true [ $ "
    "1700000000 12345678901234567890 =1+1 \" ' \u2212 % - 1_000 9999-99-99 99999999-01-01 2020-01-01T00:00:00Z"
)
tokens = st.sampled_from([*TOKENS.split(" "), '["', "", "a b", "\t", "\ufeff"])
names = st.sampled_from(["a", "b", "id", "time", "label", "1", "", "a b", "class", "zip code", "when"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.lists(names, min_size=1, max_size=4),
    rows=st.lists(st.lists(tokens | st.text(max_size=6), min_size=1, max_size=4), max_size=30),
    separator=st.sampled_from(",;\t|"),
    header=st.booleans(),
    even=st.booleans(),
)
def test_only_input_errors_escape(tmp_path, head, rows, separator, header, even):
    if even:
        rows = [(row * 4)[: len(head)] for row in rows]
    content = "\n".join(separator.join(row) for row in [head, *rows])
    place = put(tmp_path, "t.csv", content.encode("utf-8", "ignore"))
    try:
        raw = read(place, ReadOptions(header=header))
        table = Table.learn(raw)
        Table.match(raw, table.schema)
    except InputError:
        return
    for column in table.schema.learned:
        if column.kind in ("numeric", "datetime"):
            values = table.numbers(column.name)
            assert values.dtype == np.float64
            assert values.shape == (table.rows,)
            assert not np.isinf(values).any()
        else:
            words, counts = table.counts(column.name)
            codes = table.codes(column.name, words)
            assert (np.bincount(codes[codes >= 0], minlength=len(words)) == counts).all()
            assert codes.min(initial=-1) >= -1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_any_bytes(tmp_path, data):
    for name in ("t.csv", "t.json", "t.jsonl", "t.parquet", "t.arrow", "t.csv.gz", "t.csv.zst"):
        for start in (b"", b"a,b\n", b"\xff\xfe", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PAR1"):
            try:
                read(put(tmp_path, name, start + data))
            except InputError:
                continue
