"""How likely gaps at a column's end are, by the shape that the rest of its cells has.

Few cells at the end of a column tell little of how heavy its tail is; all of its cells tell more. Each of ``SHAPES``,
from uniform-like to far heavier than a power of three, is brought to the median of the distances and weighed by how
likely it makes them, each cell counting as ``COUNTS`` of one: real columns are rounded and mixed, and none is quite of
any shape. The chance of a gap is the weighted mean of the shapes' (a Bayesian predictive p-value; Meng, 1994).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, log_ndtr, stdtr, stdtrit

COUNTS = 0.5  #: of a cell, in the weight of a shape
FARTHEST = 1e12  #: times the typical distance, beyond which cells are alike

HALF, TWO = 0.6744897501960817, float(np.log(2))  #: the half-normal's median, and the logarithm of 2

Log = Callable[[np.ndarray], np.ndarray]
Shape = tuple[Log, Log, float]  #: log density and log survival of positive distances, and their median


def gap_p_values(rising: np.ndarray, groups: int) -> np.ndarray:
    """(groups,) chance that the j furthest cells lie as far beyond the next one as they do, j from 1.

    rising: (cells,) distances of a column on one side of its middle, negative on the other.
    """
    known = rising[rising > 0]
    middle = np.median(known)
    chances, fits = [], []
    for density, survival, median in SHAPES:
        falling = np.minimum(known[::-1] / (middle / median), FARTHEST)
        fit = density(falling) + np.log(median)
        fits.append(fit.sum() - np.cumsum(fit[:groups]))
        beyond = survival(falling[: groups + 1])
        chances.append(np.arange(1, groups + 1) * (beyond[:-1] - beyond[1:]))
    weight = np.exp(COUNTS * (np.array(fits) - np.max(fits, axis=0)))
    return (weight * np.exp(chances)).sum(0) / weight.sum(0)


def _half_normal() -> Shape:
    return lambda d: TWO - 0.5 * (d * d + np.log(2 * np.pi)), lambda d: TWO + log_ndtr(-d), HALF


def _lognormal(sigma: float) -> Shape:
    """Its upper side, from its median on."""
    density, survival, _ = _half_normal()

    def normal(d: np.ndarray) -> np.ndarray:
        return np.asarray(np.log1p(sigma * d) / sigma)

    return (
        lambda d: density(normal(d)) - sigma * normal(d),
        lambda d: survival(normal(d)),
        float(np.expm1(sigma * HALF) / sigma),
    )


def _weibull(power: float) -> Shape:
    return (
        lambda d: np.log(power) + (power - 1) * np.log(d) - d**power,
        lambda d: -(d**power),
        float(TWO ** (1 / power)),
    )


def _student(freedom: float) -> Shape:
    scale = TWO + gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(freedom * np.pi)
    return (
        lambda d: scale - (freedom + 1) / 2 * np.log1p(d * d / freedom),
        lambda d: TWO + np.log(stdtr(freedom, -d)),
        float(stdtrit(freedom, 0.75)),
    )


def _pareto(shape: float) -> Shape:
    """Generalised."""
    return (
        lambda d: -(1 / shape + 1) * np.log1p(shape * d),
        lambda d: -np.log1p(shape * d) / shape,
        (2**shape - 1) / shape,
    )


SHAPES = (
    _half_normal(),
    *map(_lognormal, (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)),
    *map(_weibull, (1 / 3, 0.5, 2 / 3, 1.0, 2.0)),
    *map(_student, (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)),
    *map(_pareto, (0.2, 0.4, 0.7, 1.0)),
)
