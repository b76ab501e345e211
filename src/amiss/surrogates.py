"""Is a table stranger than it would be by chance? Evidence without labels, by made-up tables scored the same way.

Scores of rows that a detector learned from say little about whether any of them is an anomaly: the anomalies are part
of what was learned, and many scores are ranks at heart. So the question is asked of surrogate tables (Theiler et al.,
1992): each column keeps its own values, the ranks of the columns keep their correlations (a Gaussian copula; Iman and
Conover, 1982), and all else is chance. Cells so far out that no tail extrapolated from their column's bulk explains
them are replaced first: they are what a surrogate must not take for granted. Where they stand apart from all others,
they are evidence by themselves.

Of the table and of surrogates alike, a detector is fitted without the strangest rows, so that anomalies do not teach
it that they are ordinary; the table's scores are then compared with those of fresh surrogate rows. This is done twice,
without a tenth and without a quarter, and the larger p-value counts: two fits differ by more than the rows they saw.

On tables whose columns are independent, or whose rows are Gaussian, table and surrogates are alike and p-values hold.
Elsewhere they assume that ordinary rows are no stranger than a Gaussian copula's. A rare kind of normal row counts as
evidence, for nothing tells it from an anomaly, and so do cells of a column whose tail is much heavier than its bulk
shows. Blind where more than about a twentieth of the rows are anomalies, and to far cells of columns that are mostly
one value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import ndtri, pdtrc

from amiss.base import Learner
from amiss.decision import TAILS, benjamini_hochberg, pareto_tail
from amiss.views import spaces
from amiss.views.neighbours import nearest, squared

ROWS = 1_000  #: rows that are fitted to, of the table and of the surrogate
FEWEST = 50  #: of fewer rows nothing is said
DRAWN = 5_000  #: surrogate rows that the table's are compared with
ASKED = 20_000  #: rows of a long table that are asked about, its strangest
TRIMS = 0.1, 0.25  #: share of rows that are left out of the fits
SURE = 0.02  #: level of evidence: two fits differ by more than the rows they saw
NEIGHBOURS = 5
FAR = 2e-4  #: level at which a table's cells are too far out for their columns
APART = 3.0  #: far cells so many times further from the middle than all others are evidence by themselves
FEW = 0.02  #: share of a column's cells that can be too far out, on either side
BEYOND = 0.01  #: share of the surrogates' scores that a Pareto tail is fitted to
COUNTED = 10  #: with so many surrogate rows at least as strange, their share is the p-value
BLUR = 0.3  #: noise in columns of few values, in their deviations
SHRINK = 0.02  #: least share of the correlations that is shrunk towards none

Fit = Callable[[np.ndarray], Learner]
Blocks = list[np.ndarray]


def p_values(z: np.ndarray, score: np.ndarray, fit: Fit, seed: int = 0, blocks: Blocks | None = None) -> np.ndarray:
    """(rows,) how often a surrogate's row is as strange as each row of z (rows, features) float32.

    score: (rows,) of the shipped detector: of a long table, its strangest rows are asked about, and the others get 1.
    fit: rows -> a fitted detector. blocks: the features of each column; None for one each.
    """
    p = np.ones(len(z))
    if len(z) < FEWEST:
        return p
    rng = np.random.default_rng(seed)
    part = np.sort(rng.permutation(len(z))[:ROWS])
    plain = replaced(z[part], rng)
    wild = alone(z)
    noise = blur(z, rng)
    z, plain = z + noise, plain + noise[part]
    asked = np.argsort(-score, kind="stable")[:ASKED]
    p[asked] = np.maximum.reduce([_asked(z, asked, part, plain, trim, rng, fit, blocks) for trim in TRIMS])
    p[wild] = np.minimum(p[wild], FAR / len(z))
    return p


def _asked(
    z: np.ndarray, asked: np.ndarray, part: np.ndarray, plain: np.ndarray, trim: float, rng: np.random.Generator,
    fit: Fit, blocks: Blocks | None,
) -> np.ndarray:  # fmt: skip
    """(asked,) p-values of rows of z, by two fits without the strangest ``trim``: to the part, and to a surrogate.

    plain: the part without far cells. Fresh surrogate rows are what chance makes.
    """
    made = surrogates(plain, rng, blocks)
    learned = next(made)
    chance = fit(learned[usual(learned, trim, rng)])
    null = chance.score_encoded(np.concatenate([next(made) for _ in range(-(-DRAWN // len(plain)))]))
    kept = part[usual(z[part], trim, rng)]
    detector = fit(z[kept])
    told = np.full(len(z), -np.inf)
    told[asked] = detector.score_encoded(z[asked])
    held, honest = detector.honest_
    told[kept[held]] = np.where(np.isfinite(told[kept[held]]), honest, -np.inf)
    return _against(null, told[asked])


def usual(z: np.ndarray, trim: float, rng: np.random.Generator) -> np.ndarray:
    """Places of the rows without the strangest share ``trim``, by simple measures alone.

    The ranks of three, together: the furthest cell, the distance from the middle in a space without correlations, and
    there the distance to a few neighbours. A detector's own scores would not do: whether it lets the last of a few far
    rows through is chance, and decides what the others are worth.
    """
    known = spaces.fit(z, rng)
    soft, white = (spaces.apply(known, z)[name] for name in ("soft", "white"))
    near = nearest(squared(white, white), NEIGHBOURS, np.ones(len(z), bool))[0][:, -1]
    measures = np.abs(soft).max(1), (white**2).sum(1), near
    surprise = -sum(np.log(len(z) - np.argsort(np.argsort(m, kind="stable"), kind="stable")) for m in measures)
    return np.sort(np.argsort(surprise, kind="stable")[: int((1 - trim) * len(z))])


def blur(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise for columns of few values, so that no fit leaves out all rows of a kind that is there often; else 0."""
    ordered = np.sort(z[:ASKED], axis=0)
    tied = (np.diff(ordered, axis=0) <= 0).mean(0) > 0.5
    return rng.standard_normal(z.shape).astype(np.float32) * np.where(tied, BLUR * z.std(0), 0).astype(np.float32)


def evident(p: np.ndarray) -> bool:
    """Whether p-values of a table's rows are evidence that anything in it is amiss."""
    return bool(benjamini_hochberg(p, SURE).any())


def surrogate(z: np.ndarray, rng: np.random.Generator, blocks: Blocks | None = None) -> np.ndarray:
    """Rows (rows, features) whose columns hold the cells of z, in an order of Gaussian chance with z's correlations.

    blocks: the features of each column, which stay together.
    """
    return next(surrogates(z, rng, blocks))


def surrogates(z: np.ndarray, rng: np.random.Generator, blocks: Blocks | None = None) -> Iterator[np.ndarray]:
    """One :func:`surrogate` after another."""
    rows = len(z)
    blocks = [np.array([j]) for j in range(z.shape[1])] if blocks is None else blocks
    orders = np.column_stack([_order(z[:, features], rng) for features in blocks])
    normal = ndtri((np.argsort(orders, axis=0) + 0.5) / rows)
    root = np.linalg.cholesky(_correlation(normal)).T
    while True:
        ranks = np.argsort(np.argsort(rng.standard_normal(normal.shape) @ root, axis=0), axis=0)
        made = np.empty_like(z)
        for features, order, rank in zip(blocks, orders.T, ranks.T):
            made[:, features] = z[order[rank][:, None], features]
        yield made


def _correlation(normal: np.ndarray) -> np.ndarray:
    """(columns, columns) of normal scores, shrunk towards none by what their sampling errors call for (Ledoit and Wolf,
    2004): else the rows of a surrogate of few rows lie in the space that these rows span."""
    rows, columns = normal.shape
    found = np.cov(normal.T, bias=True).reshape(columns, columns)
    middle = np.trace(found) / columns
    error = (((normal**2).sum(1) ** 2).sum() / rows - (found**2).sum()) / rows
    share = np.clip(error / max(((found - middle * np.eye(columns)) ** 2).sum(), 1e-12), SHRINK, 1)
    return (1 - share) * found + share * middle * np.eye(columns)


def replaced(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """z with the cells that are too far out exchanged for others of their column."""
    z = z.copy()
    for j, column in enumerate(z.T):
        far = _far(column, FAR / z.shape[1]) | _far(-column, FAR / z.shape[1])
        if far.any():
            z[far, j] = rng.choice(column[~far], int(far.sum()))
    return z


def alone(z: np.ndarray) -> np.ndarray:
    """(rows,) bool: rows with a cell that is too far out, and far beyond all ordinary cells of its column, too.

    No detector is needed to see these, and one that looks at many columns at once may rank them low.
    """
    found = np.zeros(len(z), bool)
    for column in z.T:
        middle = np.median(column)
        for side in (column - middle, middle - column):
            far = _far(side, FAR / z.shape[1])
            if far.any() and side[far].min() >= APART * side[~far].max():
                found |= far
    return found


def _far(column: np.ndarray, level: float) -> np.ndarray:
    """(rows,) bool: more cells so far above the column's bulk than tails extrapolated from it expect.

    The k furthest are, for the largest k up to ``FEW``, where a Poisson count with the expected number reaches k with
    a chance below ``level``, shared among the k. None where the bulk is tied, which says nothing of a tail.
    """
    rows, ordered = len(column), np.sort(column)
    most = max(1, int(FEW * rows))
    top, expected = ordered[::-1][:most], np.zeros(most)
    for levels in TAILS:
        quantiles = np.quantile(ordered, levels)
        if (np.diff(quantiles) <= 0).any() or (ordered == quantiles[0]).mean() > FEW:
            return np.zeros(rows, bool)
        expected = np.maximum(expected, rows * pareto_tail(ordered, top, levels, np.ones(most)))
    count = np.arange(most)  # more than so many: pdtrc(k - 1, m) = P(at least k)
    found = np.flatnonzero(pdtrc(count, expected) <= level / most)
    return column >= top[found[-1]] if len(found) else np.zeros(rows, bool)


def _order(cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(rows,) places of a column's cells (rows, features) in rising order; equal cells in random order."""
    return np.lexsort((rng.random(len(cells)), *cells.T[::-1]))


def _against(null: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(rows,) share of ``null`` at least as high, and beyond it a generalised Pareto tail fitted by its moments."""
    null = np.sort(null)
    above = len(null) - np.searchsorted(null, score, "left")
    counted = (1 + above) / (1 + len(null))
    many = max(COUNTED + 1, int(BEYOND * len(null)))
    start = null[-many - 1]
    excess = null[-many:] - start
    mean, variance = max(float(excess.mean()), 1e-12), max(float(excess.var()), 1e-24)
    shape = float(np.clip(0.5 * (1 - mean * mean / variance), 1e-6, 0.5))
    tail = many / len(null) * (1 + shape * np.maximum(score - start, 0) / (mean * (1 - shape))) ** (-1 / shape)
    return np.where(above > COUNTED, counted, np.minimum(tail, counted))
