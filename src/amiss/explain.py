"""Why a row is amiss: from a score to columns, what would be typical, and what would make the row ordinary.

The score that is explained is the one that was shipped: the detector is asked again about changed rows, and nothing
stands in for it. See :mod:`amiss.attribution` for how blame is shared out.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from amiss.attribution import Attribution, attribute, blocks_of
from amiss.background import Background, put, take, texts
from amiss.base import Learner
from amiss.counterfactual import Change, Rescore, changes
from amiss.decision import Decision
from amiss.encoder import Encoder
from amiss.errors import ModelFileError, OptionError
from amiss.parts import CategoryPart
from amiss.reasons import Counterfactual, Group, Reason, RowExplanation, group, main, shorten
from amiss.report.plots import bars
from amiss.report.strings import say, translated
from amiss.table import Table
from amiss.verdicts import strangest

MOST = 1_000  #: flagged rows that are explained where no rows are asked for
LEAST = 10  #: the strangest rows are explained where fewer are flagged
REASONS = 5  #: reasons that are kept for a row
SHOWN = 50  #: rows, at most, in a notebook
NO_EXAMPLES = (
    "this model keeps no training rows: what would be typical, the smallest change and the rows most alike"
    " cannot be shown"
)
ORDINARY = 0.95  #: share of the held-out rows below the score up to which a row counts as ordinary
MIDDLE = (0.1, 0.9)  #: the typical range: between these quantiles of rows like this one


@dataclass
class Explanation:
    """Explained rows, strangest first, and the groups of flagged rows that share a reason.

    limit: the score up to which a row counts as ordinary. note: what the model cannot show, and why.
    """

    rows: list[RowExplanation]
    groups: list[Group] = field(default_factory=list)
    limit: float = float("nan")
    note: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def renumbered(self, rows: Sequence[int]) -> Explanation:
        """The same with row ``i`` called ``rows[i - 1]``, for rows that were taken from a longer table."""
        told = [replace(r, row=int(rows[r.row - 1])) for r in self.rows]
        groups = [replace(g, rows=tuple(sorted(int(rows[i - 1]) for i in g.rows))) for g in self.groups]
        return Explanation(told, groups, self.limit, self.note)

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        """Fit for JSON."""
        return {
            "rows": [r.to_json(lang) for r in self.rows],
            "groups": [g.to_json(lang) for g in self.groups],
            "limit": self.limit,
            "note": translated(self.note, lang),
        }

    def to_polars(self) -> pl.DataFrame:
        """One line for each row and reason: row, score, p_value, is_anomaly, column, value, typical, share."""
        lines = [
            (r.row, r.score, r.p_value, r.is_anomaly, reason.column, reason.value, reason.typical(), reason.share)
            for r in self.rows
            for reason in r.reasons
        ]
        types: dict[str, Any] = {
            "row": pl.Int64, "score": pl.Float64, "p_value": pl.Float64, "is_anomaly": pl.Boolean, "column": pl.String,
            "value": pl.String, "typical": pl.String, "share": pl.Float64,
        }  # fmt: skip
        return pl.DataFrame(lines, schema=types, orient="row")

    def plot(self, row: int | None = None) -> str:
        """SVG of the shares of the score: of one explained row, or of the strangest."""
        chosen = [r for r in self.rows if row is None or r.row == row][:1]
        if not chosen:
            raise OptionError(f"row {row} is not among the explained rows")
        return bars([(f"{r.column} = {shorten(r.value or '?', 24)}", r.share) for r in chosen[0].reasons])

    def _repr_html_(self) -> str:
        """A table for a notebook, of 50 rows at most; above it the groups."""
        cells = "".join(
            f"<tr><td>{r.row}</td><td>{r.score:.4g}</td><td>{html.escape(r.sentence())}</td>"
            f"<td>{html.escape(r.counterfactual.sentence() if r.counterfactual else '')}</td></tr>"
            for r in self.rows[:SHOWN]
        )
        told = "".join(f"<li>{html.escape(g.sentence())}</li>" for g in self.groups[:12])
        head = "<tr><th>row</th><th>score</th><th>why</th><th>what would make it ordinary</th></tr>"
        more = f"<caption>{SHOWN} of {len(self.rows):,} rows</caption>" if len(self.rows) > SHOWN else ""
        return (f"<ul>{told}</ul>" if told else "") + (
            f"<table>{more}<thead>{head}</thead><tbody>{cells}</tbody></table>"
        )

    def __str__(self) -> str:
        return self.told()

    def told(self, lang: str = "en") -> str:
        """Groups of several rows, then every row with its reasons and what would make it ordinary; plain text."""
        lines = [translated(self.note, lang)] if self.note else []
        lines += [g.sentence(lang) for g in self.groups[:12] if len(g.rows) > 1]
        return "\n".join([*lines, *self.rows_told(lang)])

    def rows_told(self, lang: str = "en") -> list[str]:
        """Lines: every row, its reasons and what would make it ordinary."""
        lines = []
        for r in self.rows:
            head, score, p = say("row", lang, row=r.row), say("report.score", lang), say("report.p", lang)
            lines.append(f"{head}: {score} {r.score:.4g}, {p} {r.p_value:.3g}")
            lines += [f"  {reason.sentence(lang)}" for reason in main(r.reasons)]
            if r.counterfactual is not None:
                lines.append(f"  {r.counterfactual.sentence(lang)}")
            elif not self.note:
                lines.append(f"  {say('change.unknown' if r.is_anomaly else 'change.none', lang)}")
        return lines

    def to_text(self) -> str:
        """JSON as text."""
        return json.dumps(self.to_json(), ensure_ascii=False)


@dataclass(frozen=True)
class Judge:
    """The parts of a model that an explanation asks."""

    encoder: Encoder
    detector: Learner
    decision: Decision
    background: Background | None


def explain(
    judge: Judge,
    table: Table,
    rows: int | Sequence[int] | None = None,
    score: np.ndarray | None = None,
    flagged: np.ndarray | None = None,
    p_value: np.ndarray | None = None,
    z: np.ndarray | None = None,
) -> Explanation:
    """Explain rows of a table that was held against the model's schema.

    rows: numbers from 1; an int for that many of the strangest; None for the flagged rows, at most ``MOST``, or the
    ``LEAST`` strangest where fewer are flagged. score, flagged, p_value, z: of the whole table, where they are
    known already.
    Raises OptionError for a number out of range, ModelFileError for a model that keeps no rows to compare with.
    """
    if judge.background is None or not len(judge.background):
        raise ModelFileError(
            "this model keeps no ordinary rows to compare with",
            hint="fit and save it again with this version of amiss",
        )
    if score is None:
        score = judge.detector.score_encoded(judge.encoder.transform(table) if z is None else z)
    flagged = judge.decision.flag(score) if flagged is None else flagged
    chosen = choose(rows, score, flagged)
    part = take(table, chosen)
    encoded = judge.encoder.transform(part) if z is None else z[chosen]
    learned = judge.encoder.schema.learned
    blocks = blocks_of(judge.encoder.columns_of_features(), len(learned))
    limit = ordinary_limit(judge.decision)
    limits = limits_of(judge.decision, score[chosen], flagged[chosen])
    agree = judge.encoder.agreement()

    def score_of(z: np.ndarray) -> np.ndarray:
        return judge.detector.score_encoded(agree(z))

    found = attribute(encoded, score_of, judge.background, blocks, limits)
    reader = _Reader(judge, part, encoded)
    p_values = judge.decision.p_values(score[chosen]) if p_value is None else p_value[chosen]
    shown = judge.background.examples
    changed: list[Change | None] = [None] * len(encoded)
    if shown:
        changed = changes(encoded, found, _rescore(judge, part), judge.background, blocks, limits)
    explained = []
    for i, row in enumerate(chosen.tolist()):
        explained.append(
            RowExplanation(
                row + 1,
                float(score[row]),
                float(p_values[i]),
                bool(flagged[row]),
                reader.reasons(found, i),
                reader.counterfactual(changed[i], i),
                reader.neighbours(found, i) if shown else (),
                reader.row(i),
            )
        )
    amiss = [r for r in explained if r.is_anomaly]
    return Explanation(explained, group(amiss), limit, "" if shown else NO_EXAMPLES)


def _rescore(judge: Judge, part: Table) -> Rescore:
    """The score of rows of a table with cells of background rows in them, read and encoded as a person's are: features
    that are made of several columns follow all of them."""
    assert judge.background is not None
    names, kept = [c.name for c in judge.encoder.schema.learned], judge.background.cells

    def rescore(rows: Sequence[int], sources: Sequence[dict[int, int]]) -> np.ndarray:
        cells = [{names[j]: kept[names[j]][source] for j, source in new.items()} for new in sources]
        return judge.detector.score_encoded(judge.encoder.transform(put(take(part, np.asarray(rows)), cells)))

    return rescore


def choose(rows: int | Sequence[int] | None, score: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """Places (from 0) of the rows to explain. Raises OptionError for numbers that are none of the table's."""
    order = strangest(score, flagged)
    if rows is None:
        return order[: min(MOST, max(LEAST, int(flagged.sum())))]
    if isinstance(rows, (int, np.integer)):
        if rows < 1:
            raise OptionError("how many rows to explain is out of range", required="at least 1", found=str(rows))
        return order[: int(rows)]
    wrong = [r for r in rows if isinstance(r, bool) or int(r) != r or not 1 <= r <= len(score)]
    if wrong:
        raise OptionError(
            f"there is no row {wrong[0]}", required=f"a row number from 1 to {len(score)}",
            found=", ".join(map(str, wrong[:12])),
        )  # fmt: skip
    return np.asarray(list(rows), int) - 1


def ordinary_limit(decision: Decision) -> float:
    """The score up to which a row counts as ordinary: what most held-out rows stay below, and no flagged row does."""
    limit = float(np.quantile(decision.normal, ORDINARY)) if len(decision.normal) else np.inf
    if decision.rule.name not in ("fdr", "alerts"):
        limit = min(limit, float(np.nextafter(decision.threshold(), -np.inf)))
    return limit


def limits_of(decision: Decision, score: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """(rows,) the score up to which each row counts as ordinary.

    As for others; for a flagged row that is below that already (it was flagged for more than its score), the score that
    twice as many held-out rows reach.
    """
    limit, normal = ordinary_limit(decision), decision.normal
    found = np.full(len(score), limit)
    below = flagged & (score <= limit)
    if below.any() and len(normal):
        found[below] = np.quantile(normal, np.clip(1 - 2 * decision.p_values(score[below]), 0, 1))
    return found


class _Reader:
    """Turns places in the background into what the person wrote."""

    def __init__(self, judge: Judge, part: Table, encoded: np.ndarray) -> None:
        assert judge.background is not None
        self.background: Background = judge.background
        self.columns = judge.encoder.schema.learned
        self.cells = {c.name: texts(part.raw.frame[c.name]) for c in self.columns}
        self.parts = {p.column: p for p in judge.encoder.parts}
        self.codes = {name: part.codes(name, p.values) for name, p in self.parts.items() if isinstance(p, CategoryPart)}
        self.numbers = {c.name: part.numbers(c.name) for c in self.columns if c.kind in ("numeric", "datetime")}
        features = judge.encoder.features
        own = ("value", "elapsed")
        self.at = {
            name: next(k for k, f in enumerate(features) if f.column == name and f.role in own) for name in self.numbers
        }
        gone = {f.column: k for k, f in enumerate(features) if f.role == "missing"}
        self.encoded, kept = encoded, self.background.z
        self.known = {  # the number or date itself keeps its order
            name: np.where(kept[:, gone[name]] > 0, np.nan, kept[:, at]) if name in gone else kept[:, at]
            for name, at in self.at.items()
        }

    def row(self, i: int) -> dict[str, str | None]:
        return {name: cells[i] for name, cells in self.cells.items()}

    def reasons(self, found: Attribution, i: int) -> tuple[Reason, ...]:
        order = np.argsort(-found.share[i], kind="stable")[:REASONS]
        return tuple(self._reason(int(j), found, i) for j in order if found.share[i, j] > 0)

    def _reason(self, j: int, found: Attribution, i: int) -> Reason:
        name, near = self.columns[j].name, found.near[i, j]
        cell, share = self.cells[name][i], float(found.share[i, j])
        if name in self.numbers:
            return self._of_number(name, cell, share, near, i)
        texts_ = [self.background.cells[name][m] for m in near] if self.background.examples else []
        counted = Counter(t for t in texts_ if t is not None).most_common(2)
        words = tuple((word, count / len(texts_)) for word, count in counted)
        direction = "missing" if cell is None else "differs"
        if name in self.codes and self.codes[name][i] == -2:
            direction = "new"
        elif words and cell == words[0][0] and words[0][1] >= 0.5:
            direction = "together"
        return Reason(name, cell, share, words=words, direction=direction)

    def _of_number(self, name: str, cell: str | None, share: float, near: np.ndarray, i: int) -> Reason:
        values = self.known[name][near]
        near, values = near[np.isfinite(values)], values[np.isfinite(values)]
        missing = not np.isfinite(self.numbers[name][i])
        if not len(values):
            return Reason(name, cell, share, direction="missing" if missing else "differs")
        ranks = np.argsort(values, kind="stable")
        low, high = (int(near[ranks[round(q * (len(values) - 1))]]) for q in MIDDLE)
        own = self.encoded[i, self.at[name]]
        ends = self.known[name][[low, high]]
        direction = "missing" if missing else "high" if own > ends[1] else "low" if own < ends[0] else "together"
        shown = self.background.cells.get(name)
        if shown is None:
            return Reason(name, cell, share, direction=direction)
        return Reason(name, cell, share, shown[low], shown[high], direction=direction)

    def counterfactual(self, changed: Change | None, i: int) -> Counterfactual | None:
        if changed is None:
            return None
        cells = tuple(
            (self.columns[j].name, self.cells[self.columns[j].name][i], self.background.cells[self.columns[j].name][s])
            for j, s in changed.sources.items()
        )
        return Counterfactual(cells, changed.score, changed.enough)

    def neighbours(self, found: Attribution, i: int) -> tuple[dict[str, Any], ...]:
        kept = self.background
        return tuple(
            {
                "row": int(kept.place[m]) + 1,
                "score": float(kept.score[m]),
                "cells": {n: c[m] for n, c in kept.cells.items()},
            }
            for m in found.alike[i]
        )
