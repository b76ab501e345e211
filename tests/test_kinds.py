"""What a column holds, and how its cells become values."""

from __future__ import annotations

import datetime as dt
import json
import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.cells import parse, parse_checked, split_parser
from amiss.errors import ModelFileError
from amiss.kinds import infer_column
from amiss.schema import Schema


def infer(cells, name="x", nulls=()):
    series = cells if isinstance(cells, pl.Series) else pl.Series(name, cells, dtype=pl.String)
    return infer_column(series.alias(name), len(series), nulls)


def values(cells, name="x", nulls=()):
    """The column as it is understood: kind, and the values."""
    column = infer(cells, name, nulls)
    series = cells if isinstance(cells, pl.Series) else pl.Series(name, cells, dtype=pl.String)
    parsed, bad = parse_checked(series, column.parser, nulls)
    assert bad is None
    assert Schema.from_json(json.loads(json.dumps(Schema((column,)).to_json())))[name] == column
    return column.kind, parsed.to_list()


def seconds(*when: int) -> float:
    return dt.datetime(*when, tzinfo=dt.UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(("cells", "expected"), [
    (["1", "2.5", "-3", "1e5", "+4", ".5", "5."], [1, 2.5, -3, 1e5, 4, 0.5, 5]),
    ([" 1 ", "2\t", "\u00a03"], [1, 2, 3]),
    (["$60,000.00", "$1.50", "-$3", "$ 7"], [60000, 1.5, -3, 7]),
    (["1.500,25 €", "2,5 €", "1.000 €"], [1500.25, 2.5, 1000]),
    (["12,5", "13,25", "7"], [12.5, 13.25, 7]),
    (["1,234", "12,345,678", "999"], [1234, 12345678, 999]),
    (["0,125", "1,250"], [0.125, 1.25]),
    (["1,00,000", "5"], [100000, 5]),
    (["1 234", "12\u00a0345,5", "7"], [1234, 12345.5, 7]),
    (["1'234.5", "10"], [1234.5, 10]),
    (["45%", "7.5 %"], [45, 7.5]),
    (["45%", "0.5"], [0.45, 0.5]),
    (["(12)", "($1,300.50)", "3"], [-12, -1300.5, 3]),
    (["\u22125", "5"], [-5, 5]),
    (["USD 5", "7 EUR"], [5, 7]),
    (["true", "False", "TRUE"], [1, 0, 1]),
    (["1.234", "2.345", "3.5", "4.5"], [1.234, 2.345, 3.5, 4.5]),
])  # fmt: skip
def test_numbers_as_people_write_them(cells, expected):
    kind, parsed = values(cells)
    assert kind == "numeric"
    assert parsed == pytest.approx(expected)


MISSING = [
    "",
    "?",
    "NA",
    "N/A",
    "n/a",
    "null",
    "NULL",
    "-",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    " ",
    None,
    "#DIV/0!",
]


def test_words_for_missing():
    for cells, some in (
        ([str(i / 7) for i in range(100)], "numeric"),
        (["a", "b"] * 50, "category"),
        ([f"2020-01-{i % 28 + 1:02d}" for i in range(100)], "datetime"),
    ):
        column = infer([*cells, *MISSING])
        assert (column.kind, column.missing) == (some, len(MISSING))
        assert values([*cells, *MISSING])[1][100:] == [None] * len(MISSING)
    assert values(["none", "1", "2 to 4", "none"] * 9)[1][0] == "none"  # a word of its own


def test_further_words_for_missing():
    cells = [str(i % 40) for i in range(100)]
    assert infer([*cells, "-999"], nulls=("-999",)).missing == 1
    kind, parsed = values([*cells, "-999"], nulls=("-999",))
    assert (kind, parsed[-1]) == ("numeric", None)
    column = infer([*cells, "-999"], nulls=("-999",))
    assert parse(pl.Series(["3", "-999"]), column.parser).to_list() == [3, None]  # the model remembers
    assert parse(pl.Series(["a", "-999"]), infer(["a", "b", "-999"], nulls=("-999",)).parser).to_list() == ["a", None]


def test_few_words_among_numbers_are_missing():
    column = infer([str(i / 2) for i in range(1000)] + ["many"] * 3 + ["few"])
    assert (column.kind, column.missing) == ("numeric", 4)
    assert column.note == "4 cells that are no numbers count as missing: 'many', 'few'"
    assert parse_checked(pl.Series(["1", "many"]), column.parser)[1] is None
    bad = parse_checked(pl.Series(["1", "many", "x", None]), column.parser)[1]
    assert bad is not None
    assert bad.to_list() == [False, False, True, False]
    assert infer([str(i % 50) for i in range(100)] + ["unknown"] * 10).kind == "numeric"
    assert infer(["1", "2", "3", "4+"] * 30).kind == "category"
    assert infer(["3 years", "7 years", "more than 7"] * 30).kind == "category"


@pytest.mark.parametrize(("cells", "expected"), [
    (["2018-04-01", "2019-12-31"], [seconds(2018, 4, 1), seconds(2019, 12, 31)]),
    (["2018-04-01 00:00:31", "2018-04-01 00:02:10.5"],
     [seconds(2018, 4, 1, 0, 0, 31), seconds(2018, 4, 1, 0, 2, 10) + 0.5]),
    (["2018-04-01T12:00:00Z", "2018-04-01T12:00:00+02:00"], [seconds(2018, 4, 1, 12), seconds(2018, 4, 1, 10)]),
    (["2018-04-01 07:30", "2018-04-02 07:30"], [seconds(2018, 4, 1, 7, 30), seconds(2018, 4, 2, 7, 30)]),
    (["28-Feb-97", "01-MAR-98"], [seconds(1997, 2, 28), seconds(1998, 3, 1)]),
    (["28-Feb-1997", "1-Mar-1998"], [seconds(1997, 2, 28), seconds(1998, 3, 1)]),
    (["31.12.2024", "1.2.2024"], [seconds(2024, 12, 31), seconds(2024, 2, 1)]),
    (["31/12/2024", "01/02/2024"], [seconds(2024, 12, 31), seconds(2024, 2, 1)]),
    (["12/31/2024", "01/02/2024"], [seconds(2024, 12, 31), seconds(2024, 1, 2)]),
    (["12/31/24 5:07 PM", "01/02/24 11:00 AM"], [seconds(2024, 12, 31, 17, 7), seconds(2024, 1, 2, 11)]),
    (["Jan 5, 2020", "March 7, 2021"], [seconds(2020, 1, 5), seconds(2021, 3, 7)]),
    (["January 5, 2020", "March 7, 2021"], [seconds(2020, 1, 5), seconds(2021, 3, 7)]),
    (["5 Jan 2020", "17 Feb 2020"], [seconds(2020, 1, 5), seconds(2020, 2, 17)]),
    (["10/Oct/2000:13:55:36 -0700", "11/Oct/2000:13:55:36 -0700"],
     [seconds(2000, 10, 10, 20, 55, 36), seconds(2000, 10, 11, 20, 55, 36)]),
    (["2020/01/05 10:00:00", "2020/02/05 10:00:00"], [seconds(2020, 1, 5, 10), seconds(2020, 2, 5, 10)]),
    (["07:30", "23:59:30", "7:30 PM"], [27000, 86370, 70200]),
])  # fmt: skip
def test_dates_as_people_write_them(cells, expected):
    kind, parsed = values(cells * 10)
    assert kind == "datetime"
    assert parsed[: len(expected)] == pytest.approx(expected)


def test_day_or_month():
    rows = [f"{d:02d}/{m:02d}/2023" for m in range(1, 13) for d in range(1, 13)]
    assert infer(rows).parser == "date %d/%m/%Y"  # in order when the day comes first
    random.Random(0).shuffle(rows)
    column = infer(rows)
    assert column.parser == "date %m/%d/%Y"
    assert "cannot be told apart" in column.note
    assert infer([*rows, "13/01/2023"]).parser == "date %d/%m/%Y"
    assert infer([*rows, "01/13/2023"]).parser == "date %m/%d/%Y"


def test_epoch_seconds_need_a_name_and_a_range():
    start = 1_600_000_000
    cells = [str(start + 7919 * i * i % 1_000_003) for i in range(100)]
    assert values(cells, "time")[0] == "datetime"
    assert values(cells, "time")[1][1] == start + 7919
    assert infer([c + "000" for c in cells], "created_at").parser == "epoch ms"
    assert values([c + "000" for c in cells], "createdAt")[1][1] == start + 7919
    assert infer(cells, "amount").kind == "numeric"
    assert infer([str(i * i) for i in range(50)], "time").kind == "numeric"
    assert infer(pl.Series([start + 3 * i * i for i in range(50)]), "ts").kind == "datetime"
    assert infer(["1994", "1995", "1996"] * 9, "Year").kind == "numeric"


def test_identifiers():
    shuffled = list(range(1, 501))
    random.Random(1).shuffle(shuffled)
    wild = random.Random(2).sample(range(10**6), 500)
    for name, cells, kind in [
        ("UDI", list(range(1, 501)), "identifier"), ("x", shuffled, "identifier"),
        ("x", range(1000, 6000, 10), "identifier"),
        ("id", wild, "identifier"), ("customerId", wild, "identifier"), ("Policy Number", wild, "identifier"),
        ("income", wild, "numeric"), ("Number of steps", wild, "identifier"), ("paid", wild, "numeric"),
        ("id", [i % 99 * 1001 for i in range(500)], "category"),
        ("zip_code", [i % 99 * 11 for i in range(500)], "category"),
        ("count", [i % 99 for i in range(500)], "numeric"), ("id", [i % 5 for i in range(500)], "numeric"),
        ("x", [f"M{i}" for i in range(500)], "identifier"), ("x", [f"v{i % 300}" for i in range(500)], "category"),
        ("x", [f"{i / 500:.4f}" for i in range(500)], "numeric"),
    ]:  # fmt: skip
        assert infer([str(c) for c in cells], name).kind == kind, name
        if isinstance(cells[0], int):
            assert infer(pl.Series(list(cells)), name).kind == kind, name
    assert infer([str(i) for i in range(10)]).kind == "numeric"  # too few rows to say
    assert infer(["a", "b", "c"]).kind == "category"


def test_digits_that_name_things_are_words():
    assert infer([f"{i % 90:05d}" for i in range(500)]).parser == "words"
    assert infer([str(10**18 + i % 90) for i in range(500)]).kind == "category"
    assert infer([str(10**18 + i) for i in range(500)]).kind == "identifier"
    assert infer(["0", "1", "10"] * 9).kind == "numeric"


def test_text_constants_and_presence():
    sentences = [f"the {i} customers of town {i * 7} were not pleased" for i in range(50)]
    assert infer(sentences).kind == "text"
    assert infer(["Policy Holder", "Third Party"] * 30).kind == "category"
    for cells, note in (
        (["5"] * 9, "always '5'"),
        (["a"] * 9, "always 'a'"),
        (["?", None, "NA"], "all missing"),
        (["nan"] * 9, "all missing"),
        (["2020-01-01"] * 9, "always '2020-01-01'"),
    ):
        column = infer(cells)
        assert (column.kind, column.note) == ("constant", note)
    assert infer(pl.Series([float("inf"), float("nan"), None])).note == "all missing"
    assert infer(pl.Series([2.0, 2.0])).note == "always '2'"
    flag = infer(["Y", None, "", "Y"])
    assert (flag.kind, flag.missing, flag.note) == ("category", 2, "'Y' or missing")


def test_typed_columns():
    day = [dt.date(2020, 1, 1), None, dt.date(2020, 1, 3)]
    for series, kind, expected in [
        (pl.Series([1, None, 3]), "numeric", [1, None, 3]),
        (pl.Series([True, False, None]), "numeric", [1, 0, None]),
        (pl.Series([1.5, float("nan"), float("-inf"), 2.5]), "numeric", [1.5, None, None, 2.5]),
        (pl.Series(["1.5", "2.5"]).cast(pl.Decimal(10, 2)), "numeric", [1.5, 2.5]),
        (pl.Series(day), "datetime", [seconds(2020, 1, 1), None, seconds(2020, 1, 3)]),
        (pl.Series(day).cast(pl.Datetime("ms")), "datetime", [seconds(2020, 1, 1), None, seconds(2020, 1, 3)]),
        (pl.Series([dt.datetime(2020, 1, 1, 1), dt.datetime(2020, 7, 1, 1)]).dt.replace_time_zone("Europe/Berlin"),
         "datetime", [seconds(2020, 1, 1), seconds(2020, 6, 30, 23)]),
        (pl.Series([dt.time(1), dt.time(2)]), "datetime", [3600, 7200]),
        (pl.Series([dt.timedelta(minutes=1), dt.timedelta(days=1)]), "numeric", [60, 86400]),
        (pl.Series(["a", "b", "a"], dtype=pl.Categorical), "category", ["a", "b", "a"]),
        (pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])), "category", ["a", "b", "a"]),
    ]:  # fmt: skip
        assert values(series) == (kind, expected)
    for series in (pl.Series([[1], [2]]), pl.Series([{"a": 1}]), pl.Series([b"x", b"y"]), pl.Series([object()] * 2)):
        assert not infer(series).learned
    infinite = infer(pl.Series([1.0, 2.0, float("inf")]))
    assert (infinite.missing, infinite.note) == (1, "1 infinite cells count as missing")


@pytest.mark.parametrize(("learned", "other", "expected"), [
    (pl.Series(["1", "2"]), pl.Series([1, 2]), [1, 2]),
    (pl.Series([1, 2]), pl.Series(["1", "2,000"]), [1, 2000]),
    (pl.Series(["2020-01-01", "2020-01-02"]), pl.Series([dt.date(2020, 1, 1)]), [seconds(2020, 1, 1)]),
    (pl.Series([dt.date(2020, 1, 1), dt.date(2020, 1, 2)]), pl.Series(["2020-01-01T00:00:00"]), [seconds(2020, 1, 1)]),
    (pl.Series(["31.12.2020", "1.1.2021"]), pl.Series([dt.datetime(2020, 12, 31)]), [seconds(2020, 12, 31)]),
    (pl.Series([True, False]), pl.Series(["true", "FALSE", "1"]), [1, 0, 1]),
    (pl.Series([f"{i:03d}" for i in range(9)]), pl.Series(["001"]), ["001"]),
    (pl.Series(["a1", "b"]), pl.Series([1.0, 2.5]), ["1", "2.5"]),
    (pl.Series([dt.time(1), dt.time(2)]), pl.Series(["01:00"]), [3600]),
    (pl.Series([1.5, 2.5]), pl.Series([None, None]), [None, None]),
    (pl.Series(["2020-01-01", "2020-01-02"]), pl.Series([None, None]), [None, None]),
])  # fmt: skip
def test_a_table_of_another_make(learned, other, expected):
    parsed, bad = parse_checked(other, infer(learned).parser)
    assert bad is None
    assert parsed.to_list() == expected


def test_cells_that_do_not_fit():
    for learned, other in [(["1", "2"], ["x", "3"]), (["2020-01-01", "2020-01-02"], ["soon", "2020-01-01"]),
                           (["07:30", "08:30"], ["noon", "07:00"]), (["1", "2"], ["true", "3"])]:  # fmt: skip
        bad = parse_checked(pl.Series(other), infer(learned).parser)[1]
        assert bad is not None
        assert bad.to_list() == [True, False]
    for learned, other in [
        (["1", "2"], pl.Series([dt.date(2020, 1, 1)])),
        (["2020-01-01", "2020-01-02"], pl.Series([5])),
    ]:
        assert parse_checked(other, infer(learned).parser)[1] is not None


@pytest.mark.parametrize("parser", ["", "code", "number [", 'words ["a', "number [1"])
def test_damaged_parsers(parser):
    with pytest.raises(ModelFileError):
        split_parser(parser)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12), min_size=2, max_size=40)
)
def test_numbers_survive_being_text(numbers):
    text = pl.Series("x", [repr(n) for n in numbers])
    assert np.array_equal(parse(text, "number").to_numpy(), np.array(numbers, float))
    column = infer(text)
    assert column.kind in ("numeric", "constant", "identifier")
    assert parse(text, column.parser).null_count() == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=2, max_size=20))
def test_moments_survive_being_text(moments):
    typed, text = pl.Series(moments), pl.Series([str(m) for m in moments])
    assert parse(text, "date iso").to_list() == pytest.approx(parse(typed, "date iso").to_list(), abs=1e-5)
