"""The columns that every output has, and how they stand beside the person's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

COLUMNS = ("score", "p_value", "is_anomaly")
OURS = ("probability", *COLUMNS)  #: with the one that only labels give


def verdict_frame(
    score: np.ndarray, p_value: np.ndarray, flagged: np.ndarray, probability: np.ndarray | None = None
) -> pl.DataFrame:
    """(rows,) each -> frame of ``score``, ``p_value`` and ``is_anomaly``, after ``probability`` where there is one."""
    first = {} if probability is None else {OURS[0]: probability}
    return pl.DataFrame(first | dict(zip(COLUMNS, (score, p_value, flagged))))


def strangest(score: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """(rows,) places: the flagged rows first, then the others, each strangest first; earlier rows first among equals.

    A row that is flagged for one far cell may score lower than one that is not flagged.
    """
    return np.lexsort((np.arange(len(score)), -score, ~np.asarray(flagged, bool)))


def renamed(columns: list[str], ours: Sequence[str] = OURS) -> dict[str, str]:
    """New names for a table's own columns that are called like ours, e.g. ``score`` -> ``score_input``."""
    taken, names = {*columns, *ours}, {}
    for name in (c for c in columns if c in ours):
        new = f"{name}_input"
        while new in taken:
            new += "_input"
        taken.add(new)
        names[name] = new
    return names


def beside(frame: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """The table with the verdicts as last columns; its own columns of those names keep their cells under new ones."""
    return frame.rename(renamed(frame.columns, (*OURS, *verdicts.columns))).hstack(verdicts)
