"""Columns of numbers -> standardised columns that a network can learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BENT_BEYOND = 10.0  #: a column whose extremes lie further than this many robust deviations out is bent by asinh
FIT_ROWS = 200_000  #: quantiles of longer columns are taken from this many rows


@dataclass
class Scaler:
    """Standardise numeric columns, bending those with heavy tails.

    A plain z-score lets one extreme value squeeze everything else of its column into a point, and a squared error
    then sees nothing but that value. A rank transform hides how far out a value lies, which is what an anomaly is.
    The inverse hyperbolic sine of the robustly centred value is linear in the middle, logarithmic in the tails, keeps
    the order and takes negative numbers (Burbidge, Magee and Robb, 1988); it is applied only to columns that need it.

    centre, unit: (columns,) of the value before bending. bent: (columns,) bool. mean, deviation: (columns,) after it.
    """

    centre: np.ndarray
    unit: np.ndarray
    bent: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, bend: bool = True) -> Scaler:
        """Learn from x (rows, columns) float64 with NaN where a value is missing.

        bend: False leaves heavy tails as they are, for detectors that do better with them, such as neighbours.
        """
        x = np.asarray(x, np.float64)
        columns = x.shape[1]
        if not len(x) or not columns:
            return cls(
                np.zeros(columns), np.ones(columns), np.zeros(columns, bool), np.zeros(columns), np.ones(columns)
            )
        part = x[:: -(-len(x) // FIT_ROWS)]
        centre, spread, low, high = np.zeros(columns), np.zeros(columns), np.zeros(columns), np.zeros(columns)
        for j in range(columns):  # a column at a time: the whole table sorted at once would double the memory
            column = part[:, j]
            column = column[np.isfinite(column)]
            if len(column):
                lower, centre[j], upper = np.percentile(column, (25, 50, 75))
                spread[j] = (upper - lower) / 1.349 or column.std()
                low[j], high[j] = column.min(), column.max()
        unit = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(centre)), spread, 1.0)
        bent = bend & (np.maximum(high - centre, centre - low) > BENT_BEYOND * unit)
        scaler = cls(centre, unit, bent, np.zeros(columns), np.ones(columns))
        for j in range(columns):
            z = scaler._bend(x[:, j : j + 1], slice(j, j + 1))
            z = z[np.isfinite(z)]
            if len(z):
                scaler.mean[j], deviation = z.mean(), z.std()
                scaler.deviation[j] = deviation if deviation > 1e-9 else 1.0
        return scaler

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(rows, columns) float64 -> float32, standardised; missing values become 0, the training mean."""
        result = np.empty(x.shape, np.float32)
        for start in range(0, len(x), 65_536):
            rows = slice(start, start + 65_536)
            z = (self._bend(np.asarray(x[rows], np.float64)) - self.mean) / self.deviation
            result[rows] = np.nan_to_num(np.clip(z, -1e6, 1e6), nan=0.0)
        return result

    def invert(self, z: np.ndarray) -> np.ndarray:
        """Standardised values (rows, columns) -> the column's own unit, float64."""
        y = z * self.deviation + self.mean
        return np.where(self.bent, np.sinh(np.clip(y, -700, 700)), y) * self.unit + self.centre

    def _bend(self, x: np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        y = (x - self.centre[columns]) / self.unit[columns]
        return np.where(self.bent[columns], np.arcsinh(y), y)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Scaler:
        dtypes = {"bent": bool}
        return cls(**{n: np.asarray(state[n], dtypes.get(n, np.float64)) for n in cls.__dataclass_fields__})
