"""The tables that the benchmarks run on: read from the folder that ``AMISS_DATA`` names, never copied."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ.get("AMISS_DATA", Path(__file__).parents[2] / "shared" / "data"))
ROWS_MOST = 10_000


@dataclass(frozen=True)
class RawTable:
    """A table as people have it: its file, label and the reading options that its description asks for."""

    file: str
    label: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return FOLDER / "tables" / self.file


RAW = {
    "vehicle_claims": RawTable("vehicle_claims.csv.gz", "FraudFound_P"),
    "sales_reports": RawTable("sales_reports.csv.gz", "Insp"),
    "card_transactions_sim": RawTable("card_transactions_sim.parquet", "TX_FRAUD", {"drop": ["TX_FRAUD_SCENARIO"]}),
    "nsl_kdd_train": RawTable("nsl_kdd_train.txt.gz", "42", {"header": False, "drop": ["43"]}),
    "kdd99_10pct": RawTable("kdd99_10pct.csv.gz", "42", {"header": False}),
    "ai4i2020": RawTable("ai4i2020.csv", "Machine_failure", {"drop": ["TWF", "HDF", "PWF", "OSF", "RNF"]}),
    "stroke": RawTable("stroke.csv", "stroke"),
    "hypothyroid": RawTable("hypothyroid.data.txt", "1", {"header": False}),
    "heart_2020": RawTable("heart_2020.csv.gz", "HeartDisease"),
}


def tabular_names() -> list[str]:
    """Names of the numeric tables."""
    return sorted(p.stem for p in (FOLDER / "tabular").glob("*.npz"))


def tabular(name: str, seed: int, most: int = ROWS_MOST) -> tuple[np.ndarray, np.ndarray]:
    """X (rows, columns) float64 and y (rows,) of a numeric table, stratified down to ``most`` rows."""
    with np.load(FOLDER / "tabular" / f"{name}.npz") as file:
        x, y = file["X"].astype(np.float64), file["y"].astype(int).ravel()
    if len(x) <= most:
        return x, y
    rng = np.random.default_rng(seed)
    keep = []
    for value in (0, 1):
        rows = np.flatnonzero(y == value)
        keep.append(rng.choice(rows, round(most * len(rows) / len(y)), replace=False))
    rows = np.sort(np.concatenate(keep))
    return x[rows], y[rows]


#: attacks on few machines, which kdd99 is cut down to beside its normal rows: 1.2 % of them
KDD_KEPT = "normal ftp_write guess_passwd imap multihop phf spy warezclient warezmaster"
KDD_KEPT += " buffer_overflow loadmodule perl rootkit"
RAW_ROWS_MOST = 50_000


def labelled(name: str, seed: int, most: int = RAW_ROWS_MOST) -> tuple[Any, np.ndarray, str]:
    """A raw table's labelled rows, stratified down to ``most``: a polars frame, y (rows,), the label's column."""
    from amiss.labels import read_labels
    from amiss.reading import ReadOptions, read
    from amiss.table import resolve

    table = RAW[name]
    raw = read(table.path, ReadOptions(header=table.options.get("header", True)))
    column, y = resolve(raw, table.label), read_labels(raw, table.label).y
    known = y >= 0
    if name == "kdd99_10pct":
        known &= raw.frame[column].str.strip_chars(" .").is_in(KDD_KEPT.split()).to_numpy()
    rng, keep = np.random.default_rng(seed), []
    for value in (0, 1):
        rows = np.flatnonzero(known & (y == value))
        keep.append(rng.permutation(rows)[: round(len(rows) * min(1, most / known.sum()))])
    rows = np.sort(np.concatenate(keep))
    frame = raw.frame[rows].drop([resolve(raw, c) for c in table.options.get("drop", [])])
    return frame, y[rows].astype(int), column
