"""A first look: slips among handwritten zeros, found without labels, and tumours, found with them."""

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

DIGITS, TUMOURS = "handwritten digits (scikit-learn)", "breast cancer, Wisconsin (scikit-learn)"
SLIPS = 10  #: other digits among the zeros
RATE = 0.10  #: share of malignant tumours that is kept: of the whole table 37 % are malignant, which is no anomaly
SHORT = {"n_estimators": 2, "steps": 200}  #: a short training: the tumours need no more


def digits(seed: int = 0) -> pl.DataFrame:
    """All scans of a zero and ``SLIPS`` of other digits: the ink in 8 x 8 places, and ``digit``."""
    from sklearn.datasets import load_digits

    data = load_digits()
    names = [f"ink_{row}_{column}" for row in range(1, 9) for column in range(1, 9)]
    return _mixed(data.data, names, data.target == 0, SLIPS, pl.Series("digit", data.target), seed)


def tumours(seed: int = 0) -> pl.DataFrame:
    """All benign tumours and as many malignant ones as make a tenth: 30 measurements and ``diagnosis``."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    benign = data.target == 1
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    words = pl.Series("diagnosis", np.where(benign, "benign", "malignant"))
    return _mixed(data.data, names, benign, round(benign.sum() * RATE / (1 - RATE)), words, seed)


def _mixed(
    x: np.ndarray, names: list[str], usual: np.ndarray, others: int, label: pl.Series, seed: int
) -> pl.DataFrame:
    """The usual rows (rows,) bool and so many of the others, shuffled."""
    rng = np.random.default_rng(seed)
    kept = rng.choice(np.flatnonzero(~usual), others, replace=False)
    rows = rng.permutation(np.concatenate([np.flatnonzero(usual), kept]))
    return pl.DataFrame(x[rows], schema=names).with_columns(label[rows])


def run(screen: Screen, seed: int = 0) -> None:
    """Detect without labels in one table, and with labels in another; both measured by the labels."""
    scans, sick = digits(seed), tumours(seed)
    odd = (scans["digit"] != 0).to_numpy()
    found = {
        "without_labels": _detect(scans, DIGITS, seed, screen, drop=("digit",), y=odd),
        "with_labels": _detect(sick, TUMOURS, seed, screen, label="diagnosis", parameters=SHORT),
    }
    if screen.as_json:
        click.echo(json.dumps({name: result.to_json() for name, result in found.items()}, allow_nan=False))
        return
    console = screen.results
    console.print(f"1. Without labels: {DIGITS}", style="bold")
    console.print(f"{scans.height} scans of zeros, 64 numbers each; {odd.sum()} of them are other digits.\n")
    show.verdict(found["without_labels"], console)
    show.strangest_rows(found["without_labels"], console, first=("digit",))
    _measured(found["without_labels"], "scans", "no zeros", console)
    console.print(f"\n2. With labels: {TUMOURS}", style="bold")
    malignant = int((sick["diagnosis"] == "malignant").sum())
    told = f"{sick.height} tumours, 30 measurements each, {malignant} of them malignant"
    console.print(f"{told}; each is scored by networks that have not seen it.", soft_wrap=True)
    show.measures(found["with_labels"].evaluation or {}, console)
    _measured(found["with_labels"], "tumours", "malignant", console)
    console.print("\nNext, your own table:  amiss detect TABLE.csv -o scored.csv", style="bold", soft_wrap=True)
    console.print("   with a label column:  amiss detect TABLE.csv --label COLUMN", soft_wrap=True)


def _detect(
    frame: pl.DataFrame, source: str, seed: int, screen: Screen, y: np.ndarray | None = None, **options: Any
) -> Outcome:
    """y: (rows,) labels that only measure."""
    started = time.perf_counter()
    with screen.interruptible(), screen.progress("looking for anomalies") as report:
        task = prepare(frame, seed=seed, report=report, **options)
        detection = detect_prepared(task)
    result = outcome.of_detection(task, detection)
    result.source = source
    if y is not None:
        verdicts = detection.frame
        result.evaluation = evaluate(y.astype(int), verdicts["score"].to_numpy(), verdicts["is_anomaly"].to_numpy())
    result.seconds = time.perf_counter() - started
    return result


def _measured(result: Outcome, rows: str, odd: str, console: Any) -> None:
    reached: dict[str, Any] = result.evaluation or {}
    console.print(
        f"{result.card['detector']}: ROC AUC {reached['roc_auc']:.3f} (chance 0.500), average precision"
        f" {reached['average_precision']:.3f} (chance {reached['chance']['average_precision']:.3f});"
        f" flagged {reached['flagged']} {rows}, {reached['confusion_matrix'][1][1]} of them {odd};"
        f" {result.seconds:.1f} s.",
        soft_wrap=True,
    )
