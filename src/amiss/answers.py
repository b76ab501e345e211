"""Labels that come later: read them, add them to what a model knows, learn anew, and tell what they gained.

A model keeps the answers it was given (rows of its table and their labels), so that the next ones add to them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from amiss import bootstrap, cells, splits
from amiss.background import take
from amiss.classifier import Classifier
from amiss.crossfit import Recipe
from amiss.errors import ColumnError, LabelError, TableError, did_you_mean
from amiss.meaning import ANOMALY_WORDS, NORMAL_WORDS, UNLABELLED_WORDS, same_word
from amiss.model import Model, fit_prepared
from amiss.reading import RawTable, read
from amiss.task import prepare
from amiss.verdicts import OURS

ROW = "row"  #: a column of row numbers, from 1
IGNORED = (*OURS, "why")  #: columns that `amiss suggest` writes
SHOWN = 5
FOLDS = 3
JUDGED = 20_000  #: rows that the gain is measured on, at most; those with labels first


@dataclass
class Continued:
    """model: learned from all labels. given, changed: labels that came, and those that another one was known for.

    gain: ``before``, ``after`` (average precision on held-out labelled rows), ``value``, ``low``, ``high`` (95 %
    interval of the difference), ``rows``, ``anomalies``; None where labels are too few to hold any out.
    """

    model: Model
    given: int
    changed: int
    labelled: dict[str, int]
    gain: dict[str, float] | None
    notes: list[str]


def go_on(
    model: Model, data: Any, labels: Any, *, report: Callable[[float, str], None] | None = None, **reading: Any
) -> Continued:
    """Learn from the model's own table again, with the labels that it had and new ones.

    data: the table that the model learned from. labels: a table of two columns that count: ``row`` (numbers from 1)
    or a column that ``data`` has too, with values that name one row each; and the labels. Empty ones are left out.
    Raises TableError for rows that are not in ``data``, LabelError for labels that contradict each other.
    """
    raw = data if isinstance(data, RawTable) else model.read(data, **reading)
    before = known_labels(model, raw)
    rows, y_new, notes = read_answers(labels, raw, model.card.get("label"))
    y = before.copy()
    y[rows] = y_new
    changed = int(((before[rows] >= 0) & (before[rows] != y_new)).sum())
    if changed:
        notes.append(f"{changed} labels were known otherwise: the new ones count")
    task, old = _task(model, raw, y, report)
    found = fit_prepared(task)
    asked = {int(r) + 1: int(v) for r, v in zip(*_answers(model, raw))} | {
        int(r) + 1: int(v) for r, v in zip(rows, y_new)
    }
    found.card["answers"] = {"table": raw.digest(), "rows": list(asked), "labels": list(asked.values())}
    found.card["data"] = raw.digest()
    found.card["source"], found.card["reading"] = model.card.get("source"), model.card.get("reading", {})
    if model.card.get("label") is not None:
        found.card["label"] = model.card["label"]
    if type(found.detector) is not type(model.detector):
        notes.append(f"with labels, {type(found.detector).__name__} takes the place of {type(model.detector).__name__}")
    labelled = {"anomalies": int((y == 1).sum()), "normal": int((y == 0).sum()), "unlabelled": int((y < 0).sum())}
    gain = _gain(task.table, before, y, old, task.recipe)
    return Continued(found, len(rows), changed, labelled, gain, [*notes, *found.notes])


def known_labels(model: Model, raw: RawTable) -> np.ndarray:
    """(rows,) labels that the model's label column and the answers it was given tell: 1, 0 or -1."""
    y = np.full(raw.frame.height, -1, np.int8)
    known = model.card.get("label")
    if known is not None and known["column"] in raw.frame.columns:
        words = cells.words(raw.frame[known["column"]], raw.nulls)
        if words.null_count() < len(words):
            y = model.labels(raw).y.astype(np.int8).copy()
    rows, values = _answers(model, raw)
    y[rows] = values
    return y


def _answers(model: Model, raw: RawTable) -> tuple[np.ndarray, np.ndarray]:
    """Places and labels of the answers that the model keeps. Raises TableError where ``raw`` is another table."""
    kept = model.card.get("answers")
    if not kept:
        return np.zeros(0, int), np.zeros(0, np.int8)
    if kept["table"] != raw.digest():
        raise TableError(
            "this is not the table that the model's answers are of", where=raw.source,
            required=f"{model.card.get('source')}, unchanged: its rows are known by their numbers",
            found="other rows or columns", hint="give the table that the model learned from",
        )  # fmt: skip
    return np.asarray(kept["rows"], int) - 1, np.asarray(kept["labels"], np.int8)


def read_answers(
    source: Any, raw: RawTable, known: dict[str, Any] | None = None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(rows,) places in ``raw``, (rows,) labels 1 or 0, and notes. known: the model's label column and its rule."""
    table = read(source)
    columns = [c for c in table.frame.columns if c not in IGNORED or (known and c == known["column"])]
    key = ROW if ROW in columns and ROW not in raw.frame.columns else None
    wanted = [
        c for c in columns if (known is not None and c == known["column"]) or c.lower() in ("label", "answer", "y")
    ]
    shared = [c for c in columns if c in raw.frame.columns and c not in wanted]
    key = key or (shared[0] if shared else None)
    wanted.sort(key=lambda c: not cells.words(table.frame[c], table.nulls).count())  # first one that is filled in
    label = wanted[0] if wanted else next((c for c in columns if c != key and c not in shared), None)
    if key is None or label is None:
        raise ColumnError(
            "the labels do not say which rows they are of" if key is None else "the file holds no labels",
            where=table.source, required=f"a column {ROW!r} of row numbers from 1, or one of the table's that names its"
            " rows, and a column 'label'", found=", ".join(map(repr, table.frame.columns)),
        )  # fmt: skip
    y = _meaning(cells.words(table.frame[label], table.nulls), known, f"{table.source}, column {label!r}")
    keys = cells.words(table.frame[key], table.nulls).to_list()
    at = _rows_of(keys, key, raw, table.source)
    places, labels = at[y >= 0], y[y >= 0]
    notes = [f"{(y < 0).sum()} rows have no label yet: they are left out"] if (y < 0).any() else []
    order = np.argsort(places, kind="stable")
    places, labels = places[order], labels[order]
    twice = np.flatnonzero(np.diff(places) == 0)
    fight = np.unique(places[twice[labels[twice] != labels[twice + 1]]])
    if len(fight):
        raise LabelError(
            "rows have two labels that contradict each other", where=table.source,
            found="rows " + ", ".join(str(p + 1) for p in fight[:SHOWN]) + _more(len(fight)),
            hint="leave one label a row",
        )  # fmt: skip
    if len(twice):
        notes.append(f"{len(twice)} labels are given twice")
        places, first = np.unique(places, return_index=True)
        labels = labels[first]
    if not len(places):
        raise LabelError(
            "the file holds no labels", where=f"{table.source}, column {label!r}", found="empty cells alone",
            hint="fill in that column: one label a row that you looked at",
        )  # fmt: skip
    by = "row number" if key == ROW and ROW not in raw.frame.columns else f"column {key!r}"
    notes.insert(
        0, f"{len(places)} labels, by {by}: {(labels == 1).sum()} anomalies, {(labels == 0).sum()} normal rows"
    )
    return places, labels, notes


def _rows_of(keys: list[str | None], key: str, raw: RawTable, source: str) -> np.ndarray:
    """(keys,) places of the rows that they name."""
    if key == ROW and ROW not in raw.frame.columns:
        count = raw.frame.height
        known = {str(i + 1): i for i in range(count)}
        required = f"row numbers from 1 to {count:,}"
        words = [None if k is None else k.removesuffix(".0") for k in keys]
    else:
        names = cells.words(raw.frame[key], raw.nulls).to_list()
        known, required, words = {}, f"values of the column {key!r}", keys
        wanted = set(keys)
        for i, name in enumerate(names):
            if name is not None and name in known and name in wanted:
                raise TableError(
                    f"the column {key!r} does not name one row each", where=raw.source, found=f"{name!r} twice",
                    hint="use a column 'row' of row numbers from 1",
                )  # fmt: skip
            if name is not None:
                known[name] = i
    absent = [str(w) for w in words if w is None or w not in known]
    if absent:
        raise TableError(
            "labels of rows that the table does not have", where=source, required=required,
            found=", ".join(map(repr, absent[:SHOWN])) + _more(len(absent)),
            hint=did_you_mean(absent[0], list(known)[:10_000]) if len(absent) == 1 and key != ROW else "",
        )  # fmt: skip
    return np.array([known[str(w)] for w in words], int)


def _meaning(words: pl.Series, known: dict[str, Any] | None, where: str) -> np.ndarray:
    """(rows,) 1, 0 or -1 by the rule of the model's labels, or by the words' own meaning."""
    spec = {"anomaly": [], "normal": []} if known is None else known["spec"]
    found = np.full(len(words), -1, np.int8)
    for i, word in enumerate(words.to_list()):
        key = None if word is None else same_word(word)
        if key is None:
            continue
        if key in spec["anomaly"]:
            found[i] = 1
        elif key in spec["normal"]:
            found[i] = 0
        elif key in ANOMALY_WORDS or key in NORMAL_WORDS:
            found[i] = int(key in ANOMALY_WORDS)
        elif key not in UNLABELLED_WORDS:
            raise LabelError(
                f"the label {word!r} is neither an anomaly nor normal", where=f"{where}, row {i + 1}",
                required=", ".join([*spec["anomaly"], *spec["normal"]]) or "1 or 0, yes or no, anomaly or normal",
            )  # fmt: skip
    return found


def _task(
    model: Model, raw: RawTable, y: np.ndarray, report: Callable[[float, str], None] | None
) -> tuple[Any, Recipe]:
    """The table with its labels, ready to be learned from; and the recipe of the model that was."""
    known, seed = model.card.get("label"), int(model.card.get("seed", 0))
    label = known["column"] if known is not None else "label"
    while known is None and label in raw.frame.columns:
        label += "_"
    words = pl.Series(label, ["1" if v == 1 else "0" if v == 0 else None for v in y.tolist()], pl.String)
    names = {*model.schema.names}
    drop = [c for c in raw.frame.columns if c not in names and c != label]
    old = model.recipe()
    goes_on = isinstance(model.detector, Classifier)
    rule = model.decision.rule if goes_on or model.decision.rule.name != "fdr" else None
    task = prepare(
        raw.frame.with_columns(words), label, detector=model.card["detector"] if goes_on else None,
        parameters=old.parameters if goes_on else None, rule=rule, seed=seed, drop=drop, nulls=raw.nulls, report=report,
        anomaly="1" if (y == 1).any() else None,
    )  # fmt: skip
    return dataclasses.replace(task, raw=dataclasses.replace(task.raw, source=raw.source)), old


def _gain(table: Any, before: np.ndarray, after: np.ndarray, old: Recipe, new: Recipe) -> dict[str, float] | None:
    """What the new labels gained: both ways of learning judged by labelled rows that neither had seen.

    A score counts by the share of the fold's rows that are less strange, so that folds can be put together.
    """
    rows = np.flatnonzero(after >= 0)
    if min((after == 1).sum(), (after == 0).sum()) < 2:
        return None
    rng = np.random.default_rng(new.seed)
    if len(rows) > JUDGED:
        rows = rng.choice(rows, JUDGED, replace=False)
    rest = rng.permutation(np.flatnonzero(after < 0))[: max(0, JUDGED - len(rows))]
    chosen = np.sort(np.concatenate([rows, rest]))
    part, before, after = take(table, chosen), before[chosen], after[chosen]
    judged = np.flatnonzero(after >= 0)
    y = after[judged]
    share = np.zeros((2, len(judged)))
    folds = splits.folds(y, min(FOLDS, int((y == 1).sum()), int((y == 0).sum())), new.seed)
    for _, held in folds:
        out = judged[held]
        for i, (known, recipe) in enumerate(((before, old), (after, new))):
            masked = known.copy()
            masked[out] = -1
            if issubclass(recipe.detector, Classifier) and not splits.both(masked):
                return None
            learned = np.setdiff1d(np.arange(part.rows), out)
            # the rule that holds for the whole table holds here: labels only where there are some
            labels = masked if (masked >= 0).any() else None
            recipe = dataclasses.replace(recipe, report=None)
            _, detector, z = recipe.fit(part, labels, learned)
            score = detector.score_encoded(z)
            share[i, held] = np.searchsorted(np.sort(score), score[out]) / len(score)
    value, low, high = bootstrap.gain(y, share[0], share[1])
    return {
        "before": splits.measure("average_precision", y, share[0]), "value": value, "low": low, "high": high,
        "after": splits.measure("average_precision", y, share[1]), "rows": len(y), "anomalies": int((y == 1).sum()),
    }  # fmt: skip


def _more(count: int) -> str:
    return f" and {count - SHOWN} more" if count > SHOWN else ""
