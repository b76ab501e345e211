"""A first look: tumours in a table that scikit-learn ships, found without labels and then with them."""

from __future__ import annotations

import json
import time
from typing import Any

import click
import numpy as np
import polars as pl

from amiss.commands import outcome, show
from amiss.commands.outcome import Outcome
from amiss.console import Screen
from amiss.detection import detect_prepared
from amiss.evaluate import evaluate
from amiss.task import prepare

RATE = 0.10  #: share of anomalies that is kept: of the whole table 37 % are malignant, which is no anomaly
LABEL = "diagnosis"
SOURCE = "breast cancer, Wisconsin (scikit-learn)"


def table(seed: int = 0) -> pl.DataFrame:
    """All benign tumours and as many malignant ones as make a tenth: 30 measurements and ``diagnosis``."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    benign, malignant = np.flatnonzero(data.target == 1), np.flatnonzero(data.target == 0)
    rng = np.random.default_rng(seed)
    kept = rng.choice(malignant, round(len(benign) * RATE / (1 - RATE)), replace=False)
    rows = rng.permutation(np.concatenate([benign, kept]))
    frame = pl.DataFrame(data.data[rows], schema=[str(name).replace(" ", "_") for name in data.feature_names])
    words = np.where(data.target[rows] == 0, "malignant", "benign")
    return frame.with_columns(pl.Series(LABEL, words))


def run(screen: Screen, seed: int = 0) -> None:
    """Detect without labels, then with them; each measured by the labels."""
    frame = table(seed)
    found = {}
    for name, label in (("without_labels", None), ("with_labels", LABEL)):
        found[name] = _detect(frame, label, seed, screen)
    if screen.as_json:
        click.echo(json.dumps({name: result.to_json() for name, result in found.items()}, allow_nan=False))
        return
    _tell(found["without_labels"], found["with_labels"], frame, screen)


def _detect(frame: pl.DataFrame, label: str | None, seed: int, screen: Screen) -> Outcome:
    started = time.perf_counter()
    drop = () if label else (LABEL,)
    with screen.interruptible(), screen.progress("looking for anomalies") as report:
        task = prepare(frame, label, seed=seed, drop=drop, report=report)
        detection = detect_prepared(task)
    result = outcome.of_detection(task, detection)
    result.source = SOURCE
    if result.evaluation is None:  # the labels were held back: they only measure
        y = (frame[LABEL] == "malignant").to_numpy().astype(int)
        verdicts = detection.frame
        result.evaluation = evaluate(y, verdicts["score"].to_numpy(), verdicts["is_anomaly"].to_numpy())
    result.seconds = time.perf_counter() - started
    return result


def _tell(without: Outcome, labelled: Outcome, frame: pl.DataFrame, screen: Screen) -> None:
    console = screen.results
    sick = int((frame[LABEL] == "malignant").sum())
    console.print(f"{SOURCE}: {frame.height} tumours, {frame.width - 1} measurements each.", style="bold")
    console.print(f"{sick} of them are malignant ({sick / frame.height:.0%}); amiss is to find those.", soft_wrap=True)
    console.print("\n1. Without labels: which tumours are unlike the others?", style="bold")
    show.strangest_rows(without, console, first=(LABEL,))
    _measured(without, console)
    console.print("\n2. With labels: each tumour is scored by a network that has not seen it.", style="bold")
    show.measures(labelled.evaluation or {}, console, show.TITLE)
    _measured(labelled, console)
    console.print("\nNext, your own table:  amiss detect TABLE.csv -o scored.csv", style="bold", soft_wrap=True)
    console.print("   with a label column:  amiss detect TABLE.csv --label COLUMN", soft_wrap=True)


def _measured(result: Outcome, console: Any) -> None:
    reached: dict[str, Any] = result.evaluation or {}
    console.print(
        f"{result.card['detector']}: ROC AUC {reached['roc_auc']:.3f} (chance 0.500), average precision"
        f" {reached['average_precision']:.3f} (chance {reached['chance']['average_precision']:.3f});"
        f" flagged {reached['flagged']} tumours, {reached['confusion_matrix'][1][1]} of them malignant;"
        f" {result.seconds:.1f} s.",
        soft_wrap=True,
    )
