"""Texts that a spreadsheet would run as formulas: an apostrophe in front when written as CSV, taken off when read."""

from __future__ import annotations

import polars as pl

#: how a formula begins in a spreadsheet
_FORMULA = r"^\s*[=+\-@\t\r]"
_PLAIN = r"^\s*[+-]?[\d.,\s%]*\d[\d.,\s%]*(?:[eE][+-]?\d+)?\s*$|^-+$"


def guarded(text: pl.Series) -> pl.Series:
    """(rows,) texts with an apostrophe before those that begin with = + - or @ and are no number; itself if none do."""
    risky = _risky(text)
    if not risky.any():
        return text
    return pl.select(pl.when(risky).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(text.name)).to_series()


def unguarded(text: pl.Series) -> pl.Series:
    """Inverse of :func:`guarded`; itself if there is nothing to take off."""
    marked = text.str.starts_with("'").fill_null(False)
    if not marked.any():
        return text
    bare = text.str.slice(1)
    marked &= _risky(bare)
    return pl.select(pl.when(marked).then(bare).otherwise(text).alias(text.name)).to_series()


def _risky(text: pl.Series) -> pl.Series:
    return (text.str.contains(_FORMULA) & ~text.str.contains(_PLAIN)).fill_null(False)
