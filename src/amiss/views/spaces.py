"""Spaces in which distances mean different things: by inner ranges, by ranges, tails pulled in, whitened, by ranks.

inner: the encoded rows, a column wider where a few rows far out make its deviation large beside its inner range: what
is far for most rows stays far. range: every column in units of its range, so that heavy tails weigh less. soft: asinh
around the median in units of the inner range, which pulls heavy tails in. white: soft, whitened, so that breaking a
dependency between columns becomes a distance. ranks: normal scores of the columns' ranks. copula: ranks, whitened: the
residuals of a Gaussian copula.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

KNOTS = 512  #: quantiles that a column's ranks are interpolated between
INNER, NARROW = 2.56, 0.1  #: a normal column's inner range, in deviations; shares of it below which it means little
SHRINK = 0.1  #: share of the covariance that is shrunk towards its mean eigenvalue
WIDE = 600  #: beyond so many columns the covariance is taken from the Gram matrix of at most GRAM rows
GRAM = 1_000

State = dict[str, np.ndarray]


def fit(rows: np.ndarray, rng: np.random.Generator, every: bool = True) -> dict[str, State]:
    """Learn the spaces from encoded rows (rows, columns). every: copula and range, too."""
    rows = rows.astype(np.float64)
    state = {"inner": _fit_inner(rows), "soft": _fit_soft(rows), "ranks": _fit_ranks(rows)}
    state["white"] = _fit_whitening(_soft(state["soft"], rows), rng)
    if every:
        low, high = rows.min(0), rows.max(0)
        state["range"] = {"low": low, "range": _positive(high - low)}
        state["copula"] = _fit_whitening(_ranks(state["ranks"], rows), rng)
    return state


def apply(state: dict[str, State], rows: np.ndarray) -> dict[str, np.ndarray]:
    """{space: (rows, columns) float32} of encoded rows, of the spaces that were learned."""
    exact = rows.astype(np.float64)
    soft, ranks = _soft(state["soft"], exact), _ranks(state["ranks"], exact)
    inner = exact / state["inner"]["unit"]
    spaces = {"inner": inner, "soft": soft, "white": _whiten(state["white"], soft), "ranks": ranks}
    if "copula" in state:
        spaces["range"] = (exact - state["range"]["low"]) / state["range"]["range"]
        spaces["copula"] = _whiten(state["copula"], ranks)
    return {name: np.ascontiguousarray(value, np.float32) for name, value in spaces.items()}


def _positive(scale: np.ndarray) -> np.ndarray:
    """The scale (columns,), 1 where there is none."""
    return np.where(scale > 1e-12, scale, 1.0)


def _fit_inner(rows: np.ndarray) -> State:
    """The inner range beside the deviation; 1 where so many rows share a value that it says how many, not how far."""
    low, median, high = np.quantile(rows, (0.1, 0.5, 0.9), axis=0)
    unit = (high - low) / INNER / _positive(rows.std(0))
    return {"unit": np.where((low < median) & (median < high) & (unit > NARROW), unit, 1.0)}


def _fit_soft(rows: np.ndarray) -> State:
    low, median, high = np.quantile(rows, (0.1, 0.5, 0.9), axis=0)
    unit, deviation = (high - low) / INNER, rows.std(0)
    unit = _positive(np.where(unit < NARROW * deviation, deviation, unit))
    bent = np.arcsinh((rows - median) / unit)
    return {"median": median, "unit": unit, "mean": bent.mean(0), "scale": _positive(bent.std(0))}


def _soft(state: State, rows: np.ndarray) -> np.ndarray:
    return (np.arcsinh((rows - state["median"]) / state["unit"]) - state["mean"]) / state["scale"]


def _fit_ranks(rows: np.ndarray) -> State:
    levels = np.linspace(0, 1, min(KNOTS, len(rows)))
    ordered, at = np.sort(rows, axis=0), levels * (len(rows) - 1)  # of many quantiles, faster than np.quantile
    low = np.minimum(at.astype(int), max(0, len(rows) - 2))
    knots = ordered[low] + (at - low)[:, None] * (ordered[np.minimum(low + 1, len(rows) - 1)] - ordered[low])
    state = {"levels": levels, "knots": knots.T, "least": np.asarray(0.5 / len(rows))}
    state["reach"] = _positive(rows.std(0))
    scale = _ranks(state | {"scale": np.ones(rows.shape[1])}, rows).std(0)
    return state | {"scale": np.where(scale > 1e-9, scale, 1.0)}


def _ranks(state: State, rows: np.ndarray) -> np.ndarray:
    """Normal scores of mid-ranks; beyond the training range they go on with the log of the distance."""
    result, levels, least = np.empty_like(rows), state["levels"], float(state["least"])
    for j, knots in enumerate(state["knots"]):
        x, reach = rows[:, j], state["reach"][j]
        upper, lower = np.interp(x, knots, levels), np.interp(-x, -knots[::-1], -levels[::-1])
        score = ndtri(np.clip((upper - lower) / 2, least, 1 - least)) / state["scale"][j]
        beyond = np.log1p(np.maximum(x - knots[-1], 0) / reach) - np.log1p(np.maximum(knots[0] - x, 0) / reach)
        result[:, j] = score + beyond
    return result


def principal(rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (columns,), variances (directions,) in descending order and directions (columns, directions) of rows."""
    centre = rows.mean(0)
    columns = rows.shape[1]
    if columns <= WIDE:
        values, vectors = np.linalg.eigh(np.cov((rows - centre).T).reshape(columns, columns))
    else:
        part = rows[rng.permutation(len(rows))[:GRAM]] - centre
        values, left = np.linalg.eigh(part @ part.T / (len(part) - 1))
        kept = values > 1e-6 * max(values.max(), 1e-12)
        values, vectors = values[kept], part.T @ left[:, kept] / np.sqrt(values[kept] * (len(part) - 1))
    return centre, np.maximum(values[::-1], 0), np.ascontiguousarray(vectors[:, ::-1])


def _fit_whitening(rows: np.ndarray, rng: np.random.Generator) -> State:
    centre, values, vectors = principal(rows, rng)
    floor = max(SHRINK * values.sum() / rows.shape[1], 1e-9)
    gain = 1 / np.sqrt((1 - SHRINK) * values + floor)
    return {"centre": centre, "vectors": vectors, "gain": gain, "rest": np.asarray(1 / np.sqrt(floor))}


def _whiten(state: State, rows: np.ndarray) -> np.ndarray:
    """Along the known directions by their gain; what is left of the space by the floor's."""
    rows = rows - state["centre"]
    along = rows @ state["vectors"]
    return rows * state["rest"] + (along * (state["gain"] - state["rest"])) @ state["vectors"].T
