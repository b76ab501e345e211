"""What a command has found out, as one object fit for JSON; the terminal shows the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from amiss.decision import Rule
from amiss.detection import Detection
from amiss.explain import Explanation
from amiss.model import Model
from amiss.plain import finite
from amiss.schema import Schema
from amiss.task import Fit
from amiss.verdict import Verdict
from amiss.verdicts import OURS, strangest

SHOWN = 10  #: strangest rows that are listed
WHY = 3  #: of which reasons are told


@dataclass
class Outcome:
    """What is printed at a command's end.

    source: what the table is called. card: the model's. columns: what is done to each. frame: the person's columns,
    and where rows were scored, score, p_value and is_anomaly. rule: how rows are flagged; of series in words.
    verdict: whether anything is amiss. why: reasons of the strangest flagged rows. reported: what a report is made
    from.
    """

    source: str
    rows: int
    schema: Schema
    card: dict[str, Any]
    columns: list[dict[str, Any]]
    notes: list[str]
    leaks: list[dict[str, Any]] = field(default_factory=list)
    frame: pl.DataFrame | None = None
    rule: Rule | str = ""
    evaluation: dict[str, Any] | None = None
    seconds: float = 0.0
    output: str | None = None
    verdict: Verdict | None = None
    why: Explanation | None = None
    reported: Any = None
    lang: str = "en"
    learning: dict[str, Any] | None = None

    @property
    def anomalies(self) -> int | None:
        return None if self.frame is None else int(self.frame["is_anomaly"].sum())

    def flagged_by(self, lang: str = "en") -> str:
        """How rows are flagged, in words."""
        return self.rule if isinstance(self.rule, str) else self.rule.sentence(lang)

    @property
    def own_notes(self) -> list[str]:
        """The notes besides those on leaks, which are told louder."""
        return [n for n in self.notes if not any(repr(k["column"]) in n and "away on its own" in n for k in self.leaks)]

    def strangest(self, count: int = SHOWN) -> np.ndarray:
        """Places of the strangest rows, the flagged ones first."""
        assert self.frame is not None
        return strangest(*(self.frame[name].to_numpy() for name in ("score", "is_anomaly")))[:count]

    def to_json(self) -> dict[str, Any]:
        """One object without NaN or infinity."""
        found: dict[str, Any] = {
            "rows": self.rows,
            "anomalies": self.anomalies,
            "columns": self.columns,
            "detector": self.card.get("detector"),
            "setting": self.card.get("setting"),
            "setting_why": self.card.get("setting_why"),
            "seed": self.card.get("seed"),
            "stopped": self.card.get("stopped", ""),
            "seconds": round(self.seconds, 3),
            "flagged_by": self.flagged_by(),
            "label": None if self.card.get("label") is None else self.card["label"]["column"],
            "notes": self.notes,
            "leaks": self.leaks,
            "output": self.output,
        }
        if self.verdict is not None:
            found["verdict"] = self.verdict.to_json(self.lang)
        if self.frame is not None:
            ours = self.frame.select(name for name in OURS if name in self.frame.columns)
            found["strangest"] = [{"row": int(i) + 1, **ours.row(int(i), named=True)} for i in self.strangest()]
        if self.why is not None:
            found["why"] = self.why.to_json(self.lang)["rows"]
        if self.evaluation is not None:
            found["evaluation"] = self.evaluation
        if self.learning is not None:
            found["learning_curve"] = self.learning
        return finite(found)


def of_detection(task: Fit, detection: Detection) -> Outcome:
    """What ``amiss detect`` found."""
    rule = task.rule if detection.model is None else detection.model.decision.rule
    return Outcome(
        task.raw.source,
        task.table.rows,
        detection.schema,
        detection.card,
        detection.columns,
        detection.notes,
        detection.leaks,
        detection.frame,
        rule,
        detection.evaluation,
        verdict=detection.verdict,
        why=detection.why(WHY),
        reported=detection,
    )


def of_model(model: Model, source: str, rows: int, notes: list[str], leaks: list[dict[str, Any]]) -> Outcome:
    """What is known of a model, and of the table it was fitted to or is used on."""
    described, rule = model.encoder.describe(), model.decision.rule
    return Outcome(source, rows, model.schema, model.card, described, notes, leaks, rule=rule)
