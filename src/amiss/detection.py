"""Fit and score the same table: every row of it judged honestly, and the first sentence."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from amiss import crossfit, surrogates
from amiss.attribution import blocks_of
from amiss.calibrate import Calibration
from amiss.classifier import Classifier
from amiss.decision import Decision, benjamini_hochberg
from amiss.explain import Explanation
from amiss.model import Model, fit_prepared, measured, times
from amiss.schema import Schema
from amiss.table import Table
from amiss.task import Fit, notes_of, prepare
from amiss.verdict import Verdict, give
from amiss.verdicts import beside, verdict_frame


def judged(model: Model, table: Table) -> tuple[pl.DataFrame, Verdict]:
    """Verdicts on the table that a model was fitted to: its frame, and the first sentence.

    Where no rows are known to be normal or anomalies, the table is judged as a whole, beside made-up ones; see
    :mod:`amiss.surrogates`, which also give the p-values. A list with a share of false alarms holds the rows of the
    smallest p-values, which need not be those of the highest scores.
    """
    z = model.encoder.transform(table)
    score = model.detector.score_encoded(z)
    known = model.decision.clean or (model.decision.labels == 1).any() or isinstance(model.detector, Classifier)
    evident, p_value, decision = None, model.decision.p_values(score), model.decision
    if not known and model.rule.name == "contamination":  # a share is of the whole table
        decision = Decision.within(model.rule, score)
    flagged = decision.flag(score, times(model.rule, table))
    if not known:
        blocks = blocks_of(model.encoder.columns_of_features(), len(model.schema.learned))
        numbers, dates = (
            [table.numbers(c.name) for c in model.schema.learned if c.kind == kind] for kind in ("numeric", "datetime")
        )
        chance = surrogates.ask(z, score, int(model.card.get("seed", 0)), blocks, numbers, dates)
        evident, p_value = chance.evident, chance.told(p_value)
        if model.rule.name == "fdr":
            flagged = benjamini_hochberg(chance.p, model.rule.value) & evident
            evident = bool(flagged.any())
    setting = str(model.card.get("setting", ""))
    verdict = give(decision, score, flagged, setting, seen=True, chance=evident)
    return model.frame(score, flagged, p_value), verdict


@dataclass
class Detection:
    """What ``detect`` returns: ``frame`` is the input with score, p_value and is_anomaly in row order.

    model: where no labels were given, the model that scored. evaluation: where labels were given. verdict: whether
    anything is amiss. task: what was read.
    """

    frame: pl.DataFrame
    schema: Schema
    card: dict[str, Any]
    notes: list[str]
    columns: list[dict[str, Any]]
    leaks: list[dict[str, Any]]
    model: Model | None = None
    evaluation: dict[str, Any] | None = None
    verdict: Verdict | None = None
    task: Fit | None = None

    def why(self, most: int) -> Explanation | None:
        """Why the strangest flagged rows are, so many at most; None where there are none, where labels were given (each
        row is then scored by another model), and where the model keeps no rows to compare with."""
        score, flagged, p_value = (self.frame[name].to_numpy() for name in ("score", "is_anomaly", "p_value"))
        if self.model is None or self.model.background is None or self.task is None or not flagged.any():
            return None
        count = min(most, int(flagged.sum()))
        return self.model.explain_table(self.task.table, count, score=score, flagged=flagged, p_value=p_value)


def detect(data: Any, label: str | int | None = None, **options: Any) -> Detection:
    """Fit and score the same table; parameters as in :func:`fit`.

    Without labels, the rows are scored by a model fitted on them. With labels of both kinds, every row is scored by a
    model fitted on the other folds, its threshold chosen on the other folds, so that the evaluation is honest.
    """
    return detect_prepared(prepare(data, label, **options))


def detect_prepared(task: Fit) -> Detection:
    """Fit and score a prepared table."""
    if task.y is None or not (task.y == 1).any():
        model = fit_prepared(task)
        verdicts, verdict = judged(model, task.table)
        frame = beside(task.raw.frame, verdicts)
        return Detection(
            frame, task.table.schema, model.card, model.notes, model.encoder.describe(), task.leaks, model,
            verdict=verdict, task=task,
        )  # fmt: skip
    started, told = time.perf_counter(), task.recipe.detector(**task.recipe.parameters).tells_log_odds
    score, fold, encoder = crossfit.out_of_fold(task.table, task.y, task.recipe, task.folds)
    p_value, flagged, probability = np.empty(len(score)), np.empty(len(score), bool), np.full(len(score), np.nan)
    for i in range(task.folds):
        decision = Decision.learn(task.rule, score[fold != i], task.y[fold != i], task.recipe.seed)
        p_value[fold == i] = decision.p_values(score[fold == i])
        if task.rule.name != "alerts":
            flagged[fold == i] = decision.flag(score[fold == i])
        calibration = Calibration.learn(decision.held, decision.labels, task.recipe.seed, log_odds=told)
        if calibration is not None:
            probability[fold == i] = calibration.probability(score[fold == i])
    whole = Decision.learn(task.rule, score, task.y)
    if task.rule.name == "f1" and not whole.told_apart:  # of a fold by luck
        flagged[:] = False
    if task.rule.name == "alerts":  # a budget is of the whole table
        flagged = Decision(task.rule).flag(score, times(task.rule, task.table))
    verdicts = verdict_frame(score, p_value, flagged, None if np.isnan(probability).any() else probability)
    known, notes = task.y, notes_of(task)
    if not (known == 0).any():
        known = np.maximum(known, 0)
        notes.append("no row is known to be normal: the measures take the unlabelled rows for normal ones")
    card = task.card | {"seconds": round(time.perf_counter() - started, 3)}
    return Detection(
        beside(task.raw.frame, verdicts), task.table.schema, card, notes, encoder.describe(), task.leaks,
        evaluation=measured(known, verdicts), task=task,
        verdict=give(whole, score, flagged, card["setting"], seen=True),
    )  # fmt: skip
