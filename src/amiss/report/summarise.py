"""Everything that a report shows, as one dictionary fit for JSON: the page draws it, ``--json`` prints it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

import amiss
from amiss.background import cell_text, take
from amiss.decision import Decision, Rule
from amiss.detection import Detection
from amiss.explain import Explanation
from amiss.model import Model, fit_prepared, measured
from amiss.plain import finite
from amiss.report.card import card_of, settings
from amiss.report.curves import curves
from amiss.report.embedding import embed
from amiss.report.strings import say
from amiss.schema import Schema
from amiss.table import Table
from amiss.task import Fit
from amiss.verdict import Verdict
from amiss.verdicts import strangest

LISTED = 200  #: strangest rows in the list
TOLD = 100  #: of these with cells and rows alike
CELLS = 30  #: cells of a row that are shown
DRAWN = 20_000  #: rows that the columns' pictures are made from
COLUMNS = 24  #: columns that get a picture
DOTS = 1_500  #: rows on the map
CUTS = 240  #: places of the threshold's slider
BINS = 40


@dataclass
class Findings:
    """What a report is made from; see :func:`of_detection` and :func:`of_scores`.

    table: the rows, held against the schema. score: (rows,). p_value: (rows,). flagged: (rows,) bool.
    y: (rows,) labels 1, 0, -1, or None. explainer: the model that is asked why. tuning: a search's trials.
    learning: a learning curve.
    """

    table: Table
    schema: Schema
    score: np.ndarray
    p_value: np.ndarray
    flagged: np.ndarray
    verdict: Verdict
    card: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    leaks: list[dict[str, Any]] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    y: np.ndarray | None = None
    evaluation: dict[str, Any] | None = None
    explainer: Model | None = None
    decision: Decision | None = None
    tuning: dict[str, Any] | None = None
    learning: dict[str, Any] | None = None


def of_detection(found: Detection) -> Findings:
    """From what ``detect`` returns. Where labels taught it, a model is fitted to all rows to be asked for reasons."""
    task, frame, verdict = found.task, found.frame, found.verdict
    assert isinstance(task, Fit) and isinstance(verdict, Verdict)  # noqa: PT018 (both come with detect's result)
    notes, explainer = list(found.notes), found.model
    if explainer is None:
        explainer = fit_prepared(task)
        notes.append("each row was scored by a model that had not seen it; the reasons come from one that saw all rows")
    score, p_value, flagged = (frame[name].to_numpy() for name in ("score", "p_value", "is_anomaly"))
    decision = None if found.model is None else found.model.decision
    return Findings(
        task.table, found.schema, score, p_value, flagged, verdict, found.card | settings(explainer.detector), notes,
        found.leaks, found.columns, task.y, found.evaluation, explainer, decision,
    )  # fmt: skip


def of_scores(
    model: Model, table: Table, verdicts: pl.DataFrame, y: np.ndarray | None = None, *, notes: list[str] | None = None,
    leaks: list[dict[str, Any]] | None = None, verdict: Verdict | None = None,
) -> Findings:  # fmt: skip
    """From a table that a model has scored: ``verdicts`` has score, p_value and is_anomaly.

    verdict: on a table that the model learned from, as :func:`amiss.detection.judged` gives it.
    """
    score, p_value, flagged = (verdicts[name].to_numpy() for name in ("score", "p_value", "is_anomaly"))
    verdict = verdict or model.verdict(verdicts)
    both = y is not None and (y == 1).any() and (y == 0).any()
    told = measured(y, verdicts) if both and y is not None else None
    return Findings(
        table, model.schema, score, p_value, flagged, verdict, model.card | settings(model.detector),
        table.notes if notes is None else notes, leaks or [], model.encoder.describe(), y, told,
        model, model.decision,
    )  # fmt: skip


def summarise(found: Findings, lang: str = "en", command: str = "") -> dict[str, Any]:
    """The dictionary: verdict, rows, groups, slider, curves, histogram, columns, map, faults, training, watched
    (what was asked of held-out rows while it learned), card."""
    explained = _explained(found)
    order = strangest(found.score, found.flagged)
    drawn = _sample(found.flagged, DRAWN)
    notes = list(found.notes)
    if len(drawn) < len(found.score):
        notes.append(say("report.sampled", lang, drawn=f"{len(drawn):,}", rows=f"{len(found.score):,}"))
    known = found.y is not None and (found.y == 1).any() and (found.y == 0).any()
    return finite(
        {
            "amiss": amiss.__version__,
            "lang": lang,
            "source": found.table.raw.source,
            "verdict": found.verdict.to_json(lang),
            "rows": _rows(found, explained, order[:LISTED], lang),
            "groups": [] if explained is None else [g.to_json(lang) for g in explained.groups],
            "slider": _slider(found),
            "histogram": _histogram(found),
            "evaluation": found.evaluation,
            "curves": _curves(found) if known else None,
            "tuning": found.tuning,
            "learning": found.learning,
            "columns": _columns(found, explained, drawn),
            "map": embed(found, drawn, DOTS),
            "faults": _faults(found),
            "leaks": found.leaks,
            "training": getattr(found.explainer.detector, "history_", []) if found.explainer is not None else [],
            "watched": getattr(found.explainer.detector, "stopping", "loss") if found.explainer is not None else "loss",
            "notes": list(dict.fromkeys(notes)),
            "card": _card(found, command),
        }
    )


def _explained(found: Findings) -> Explanation | None:
    if found.explainer is None or found.explainer.background is None:
        return None
    order = strangest(found.score, found.flagged)
    rows = (order[: max(LISTED, min(int(found.flagged.sum()), 1_000))] + 1).tolist()
    known = {"flagged": found.flagged, "p_value": found.p_value}
    if found.decision is not None:
        return found.explainer.explain_table(found.table, rows, score=found.score, **known)
    at = np.asarray(rows, int) - 1  # scored by others than the one that explains
    known = {name: values[at] for name, values in known.items()}
    told = found.explainer.explain_table(take(found.table, at), list(range(1, len(rows) + 1)), **known)
    return told.renumbered(rows)


def _rows(found: Findings, explained: Explanation | None, places: np.ndarray, lang: str) -> list[dict[str, Any]]:
    told = {} if explained is None else {r.row: r for r in explained.rows}
    frame = found.table.raw.frame
    rows = []
    for rank, place in enumerate(places.tolist()):
        row: dict[str, Any] = {
            "row": place + 1, "score": found.score[place], "p_value": found.p_value[place],
            "is_anomaly": bool(found.flagged[place]), "y": None if found.y is None else int(found.y[place]),
        }  # fmt: skip
        why = told.get(place + 1)
        blamed = [] if why is None else [r.column for r in why.reasons]
        if why is not None:
            full = why.to_json(lang)
            row |= {"sentence": full["sentence"], "reasons": full["reasons"], "change": full["counterfactual"]}
        if rank < TOLD:
            names = [*blamed, *(n for n in frame.columns if n not in blamed)][:CELLS]
            row["cells"] = {n: cell_text(frame[n][place]) for n in names}
            row["alike"] = [] if why is None else [
                {"row": n["row"], "cells": {c: n["cells"].get(c) for c in names if c in n["cells"]}}
                for n in why.neighbours
            ]  # fmt: skip
        rows.append(row)
    return rows


def _slider(found: Findings) -> dict[str, Any]:
    """Cuts from the strangest row down, denser at the top: score, rows from there up, and labelled ones among them.

    by_score: whether the verdict flags just the rows from the first cut up.
    own_hits, own_alarms: of the rows that the verdict flags, which need not be those of the highest scores.
    """
    rows = len(found.score)
    order = np.argsort(-found.score, kind="stable")
    steps = np.arange(min(rows, 60) + 1), np.geomspace(1, rows, CUTS - 60), [found.flagged.sum()]
    counts = np.unique(np.concatenate(steps).astype(int))
    score = found.score[order]
    cut = [float(np.nextafter(score[0], np.inf)), *score[counts[1:] - 1].tolist()]
    counts = np.array([int((found.score >= c).sum()) for c in cut]) if rows <= 50_000 else counts
    start = int(np.argmin(np.abs(counts - int(found.flagged.sum()))))
    slider: dict[str, Any] = {"cut": cut, "count": counts.tolist(), "start": start, "rows": rows}
    slider["by_score"] = bool(((found.score >= cut[start]) == found.flagged).all())
    if found.y is not None and (found.y == 1).any():
        for name, value in (("hits", 1), ("alarms", 0)):
            of = np.concatenate([[0], np.cumsum(found.y[order] == value)])
            slider[name] = of[counts].tolist()
            slider[f"own_{name}"] = int((found.flagged & (found.y == value)).sum())
        slider["anomalies"] = int((found.y == 1).sum())
    return slider


def _histogram(found: Findings) -> dict[str, Any]:
    low, high = float(found.score.min()), float(found.score.max())
    positive = low > 0 and high / max(low, 1e-300) > 1e3
    edges = (
        np.geomspace(low, high, BINS + 1) if positive else np.linspace(low, high if high > low else low + 1, BINS + 1)
    )
    edges[0], edges[-1] = low, max(high, edges[-1])
    bins = {"counts": found.score, "flagged": found.score[found.flagged]}
    if found.y is not None:
        bins["anomalies"] = found.score[found.y == 1]
    return {
        "edges": edges.tolist(), "log": bool(positive),
        **{name: np.histogram(values, edges)[0].tolist() for name, values in bins.items()},
    }  # fmt: skip


def _curves(found: Findings) -> dict[str, Any]:
    assert found.y is not None
    drawn = curves(found.y, found.score)
    if found.evaluation is not None and "calibration" in found.evaluation:
        drawn["calibration"] = [found.evaluation["calibration"][name] for name in ("predicted", "observed")]
    return drawn


def _columns(found: Findings, explained: Explanation | None, drawn: np.ndarray) -> list[dict[str, Any]]:
    blame: dict[str, float] = {}
    for row in [] if explained is None else explained.rows:
        for reason in row.reasons:
            blame[reason.column] = blame.get(reason.column, 0.0) + reason.share
    learned = sorted(found.schema.learned, key=lambda c: -blame.get(c.name, 0.0))
    total, part = sum(blame.values()), take(found.table, drawn)
    described, hot = [], found.flagged[drawn]
    for column in learned[:COLUMNS]:
        entry: dict[str, Any] = {
            "column": column.name, "kind": column.kind, "blame": blame.get(column.name, 0.0) / total if total else 0.0,
        }  # fmt: skip
        if column.kind in ("numeric", "datetime"):
            entry |= _spread(part.numbers(column.name), hot)
        else:
            entry |= _counted(part.words(column.name), hot)
        described.append(entry)
    return described


def _spread(values: np.ndarray, hot: np.ndarray) -> dict[str, Any]:
    known = np.isfinite(values)
    if not known.any():
        return {"missing": len(values)}
    low, high = np.quantile(values[known & ~hot] if (known & ~hot).any() else values[known], (0.005, 0.995))
    room = 0.5 * (high - low) or 1.0
    low, high = max(values[known].min(), low - room), min(values[known].max(), high + room)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    inside = np.clip(values, edges[0], edges[-1])  # values further out stand in the last bar
    return {
        "edges": edges.tolist(),
        "counts": np.histogram(inside[known], edges)[0].tolist(),
        "flagged": np.histogram(inside[known & hot], edges)[0].tolist(),
        "missing": int((~known).sum()),
    }


def _counted(words: list[str | None], hot: np.ndarray) -> dict[str, Any]:
    frame = pl.DataFrame({"word": pl.Series(words, dtype=pl.String), "hot": hot})
    counted = frame.drop_nulls().group_by("word").agg(pl.len().alias("n"), pl.col("hot").sum())
    shown = counted.sort("n", "word", descending=[True, False]).head(8)
    rare = counted.filter(pl.col("hot") > 0).join(shown, on="word", how="anti").sort("hot", "word", descending=True)
    both = pl.concat([shown, rare.head(4)])
    return {
        "words": [cell_text(w) for w in both["word"]], "counts": both["n"].to_list(), "flagged": both["hot"].to_list(),
        "distinct": counted.height, "missing": sum(w is None for w in words),
    }  # fmt: skip


def _faults(found: Findings) -> list[dict[str, Any]]:
    """Columns with missing cells, and those that were not learned from."""
    rows = max(1, int(found.card.get("rows", len(found.score))))
    faults = [
        {"column": c.name, "kind": c.kind, "missing": c.missing / rows, "note": c.note}
        for c in found.schema
        if c.missing or not c.learned or c.note
    ]
    return sorted(faults, key=lambda f: -float(str(f["missing"])))[:100]


def _card(found: Findings, command: str) -> dict[str, Any]:
    rule = Rule(found.verdict.rule, found.verdict.value, found.verdict.per).words()
    return card_of(found.card | {"learned": len(found.schema.learned)}, rule, found.table.raw.digest(), command)


def _sample(flagged: np.ndarray, most: int) -> np.ndarray:
    """Places of all rows, or of ``most`` drawn ones with the flagged among them (a tenth of the room at least)."""
    if len(flagged) <= most:
        return np.arange(len(flagged))
    rng = np.random.default_rng(0)
    hot = np.flatnonzero(flagged)
    rest = np.flatnonzero(~flagged)
    hot = rng.permutation(hot)[: max(most // 10, most - len(rest))]
    return np.sort(np.concatenate([hot, rng.permutation(rest)[: most - len(hot)]]))
