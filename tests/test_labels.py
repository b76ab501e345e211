"""Labels: which values are anomalies, and that doubt is an error rather than a guess."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from amiss.errors import ColumnError, LabelError, ModelFileError
from amiss.labels import match_labels, read_labels
from amiss.meaning import which_is_anomaly
from amiss.reading import ReadOptions, read


def table(values, nulls=()):
    return read(pl.DataFrame({"x": range(len(values)), "y": values}, strict=False), ReadOptions(nulls=nulls))


def y(values, **options) -> list[int]:
    labels = read_labels(table(values), "y", **options)
    assert labels.y.dtype == np.int8
    return labels.y.tolist()


@pytest.mark.parametrize(("values", "expected"), [
    ([0, 1, 1, 1], [0, 1, 1, 1]),
    (["0", "1", "1"], [0, 1, 1]),
    ([0.0, 1.0], [0, 1]),
    ([True, False], [1, 0]),
    (["Yes", "no", "YES"], [1, 0, 1]),
    (["fraud", "ok", "unkn", "ok"], [1, 0, -1, 0]),
    (["anomaly", "normal", None, "?"], [1, 0, -1, -1]),
    (["normal.", "smurf.", "neptune.", "smurf."], [0, 1, 1, 1]),
    (["hypothyroid", "negative"], [1, 0]),
    (["fraud", "card", "cash"], [1, 0, 0]),
    (["fraud", "attack", "none"], [1, 1, 0]),
    (["M", "B", "B"], [1, 0, 0]),
    (["g", "b", "g", "G"], [0, 1, 0, 0]),
    ([1, 2, 1, 1], [0, 1, 0, 0]),
    ([1, 2, 2], [1, 0, 0]),
    ([0, 1, 2, 3], [0, 1, 1, 1]),
    ([1, 0, -1, -1], [1, 0, -1, -1]),
    (["bad", "good", "pending"], [1, 0, -1]),
])  # fmt: skip
def test_what_values_say(values, expected):
    assert y(values) == expected


@pytest.mark.parametrize(("values", "options", "expected"), [
    (["a", "b", "c"], {"anomaly": "b"}, [0, 1, 0]),
    (["a", "b", "c"], {"anomaly": "B, c"}, [0, 1, 1]),
    (["a", "b", "c"], {"normal": "a"}, [0, 1, 1]),
    (["a", "b", "c"], {"anomaly": "a", "normal": "b"}, [1, 0, -1]),
    (["a,b", "c"], {"anomaly": "a,b"}, [1, 0]),
    ([1.0, 2.0, 3.0], {"anomaly": "1"}, [1, 0, 0]),
    ([1, 2], {"anomaly": "2.0"}, [0, 1]),
    (["unknown", "x", "y"], {"anomaly": "x"}, [-1, 1, 0]),
    (["unknown", "x"], {"anomaly": "unknown"}, [1, 0]),
    ([1, -1, 1], {"anomaly": "-1"}, [0, 1, 0]),
    ([1, -1, 1], {"anomaly": "1"}, [1, 0, 1]),
    ([0, 1], {"anomaly": "0"}, [1, 0]),
    (list(range(50)), {"anomaly": "7"}, [int(i == 7) for i in range(50)]),
])  # fmt: skip
def test_named_values(values, options, expected):
    assert y(values, **options) == expected


@pytest.mark.parametrize(("values", "options", "says"), [
    (["a", "b", "c"], {}, r"'a' \(1\), 'b' \(1\), 'c' \(1\)"),
    (["a", "b"], {}, "not clear"),  # neither is rarer
    ([1, -1, 1], {}, "not clear"),
    ([1, 2, 3], {}, "not clear"),
    (list(range(100)), {}, r"measurements"),
    ([0, 1, 1, 2, 2, 2], {}, "not clear"),  # numbers of classes, 0 of which is not what most rows are
    (["ok", "ok"], {}, "normal rows alone"),
    (["fraud", "fraud"], {}, "anomalies alone"),
    (["a", "a"], {}, "normal rows alone"),
    ([None, "?", ""], {}, "empty"),
    (["unknown", "unkn"], {}, "not clear"),
    (["a", "b"], {"anomaly": "c"}, r"no row has the label 'c'"),
    (["a", "b"], {"anomaly": "a", "normal": "A"}, "both"),
    (["a", "b"], {"anomaly": "a,b"}, "anomalies alone"),
])  # fmt: skip
def test_doubt_is_an_error(values, options, says):
    with pytest.raises(LabelError, match=says) as error:
        y(values, **options)
    assert "'y'" in error.value.where


@pytest.mark.parametrize(("values", "options", "note"), [
    (["ok", "ok", "fraud", "fraud", "frau"], {}, "labels that a single row has: frau (anomaly);"),
    (["ok", "OK", "fraud", "fraud", "okk"], {}, "labels that a single row has: okk (anomaly);"),
    (["ok", "ok", "fraud", "Fraud"], {}, ""),  # two spellings of one
    (["ok", "ok", "fraud"], {}, ""),  # that is told by the counts
    (["ok", "ok", "fraud", "fraud", "frau"], {"anomaly": "fraud,frau"}, ""),
])  # fmt: skip
def test_values_of_one_row_are_told(values, options, note):
    assert read_labels(table(values), "y", **options).once.startswith(note)
    assert bool(read_labels(table(values), "y", **options).once) == bool(note)


def test_clean_training_data():
    assert y(["ok", "ok", None], allow_one_class=True) == [0, 0, -1]
    with pytest.raises(LabelError):
        y(["fraud"], allow_one_class=True)


def test_absent_columns_and_places():
    with pytest.raises(ColumnError, match="did you mean 'label'"):
        read_labels(read(pl.DataFrame({"label": [0, 1], "b": [0, 1]})), "labels")
    labels = read_labels(table(["ok", "fraud"]), "2")
    assert (labels.column, labels.anomaly, labels.normal) == ("y", "fraud", ("ok",))


def test_what_the_person_is_told():
    labels = read_labels(table(["fraud", "ok", "ok", "unkn"]), "y")
    assert labels.note == "anomaly is y = fraud (by its name): 1 rows; normal 2; unlabelled 1"


def test_further_words_for_missing():
    assert read_labels(table(["1", "0", "x"], nulls=("x",)), "y").y.tolist() == [1, 0, -1]
    assert read_labels(table(["1", "0", "x"]), "y", nulls=("x",)).y.tolist() == [1, 0, -1]


def test_the_same_rule_elsewhere():
    rule = json.loads(json.dumps(read_labels(table(["normal", "smurf", "neptune"]), "y").spec))
    assert match_labels(table(["mscan", "normal.", "unknown", None]), "y", rule).y.tolist() == [1, 0, -1, -1]
    rule = read_labels(table([0, 1, 0]), "y").spec
    assert match_labels(table(["1.0", "0"]), 2, rule).y.tolist() == [1, 0]
    with pytest.raises(LabelError, match="'2' is neither"):
        match_labels(table([0, 1, 2]), "y", rule)
    with pytest.raises(LabelError, match="normal rows alone"):
        match_labels(table([0, 0]), "y", rule)
    assert match_labels(table([0, 0]), "y", rule, allow_one_class=True).y.tolist() == [0, 0]
    rule = read_labels(table(["a", "b", "c"]), "y", anomaly="a", normal="b").spec
    assert match_labels(table(["a", "b", "c", "d"]), "y", rule).y.tolist() == [1, 0, -1, -1]
    for damaged in ({}, {"rest": "x", "anomaly": [], "normal": []}, {"rest": "normal", "anomaly": 3, "normal": []}):
        with pytest.raises(ModelFileError):
            match_labels(table([0, 1]), "y", damaged)


def test_which_of_two_classes_is_the_anomaly():
    for values, counts, at in (
        (("bad", "ok"), (90, 10), 0),
        (("fraud", "x"), (90, 10), 0),
        (("a", "normal"), (90, 10), 0),
        (("False", "True"), (10, 90), 1),
        (("a", "b"), (10, 90), 0),
        (("a", "b"), (90, 10), 1),
        (("a", "b"), (50, 50), 1),
    ):
        assert which_is_anomaly(values, counts) == at, values
