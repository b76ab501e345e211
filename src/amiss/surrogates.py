"""Is a table stranger than it would be by chance? Evidence without labels, by made-up tables that are asked the same.

Scores of rows that a detector learned from say little about whether any of them is an anomaly: the anomalies are part
of what was learned, and many scores are ranks at heart. So the question is asked of surrogate tables (Theiler et al.,
1992): each column keeps its own values, the ranks of the columns keep their correlations (a Gaussian copula; Iman and
Conover, 1982), and all else is chance. Cells that stand apart from all others of their column (:mod:`amiss.apart`) are
evidence by themselves, and replaced first: they are what a surrogate must not take for granted.

Of the table and of surrogates alike, simple measures (:mod:`amiss.strangeness`) are learned and every row is measured.
A row's p-value is the share of surrogate rows that any measure finds as strange; and, as real tables are no copulas,
it must be as strange beside the bulk of its own table, too: the larger of both p-values counts. There is evidence
where the table's p-values are smaller together than those of every surrogate (a Monte Carlo test; Barnard, 1963).
A long table is measured by a part of its rows; where that finds much of the table strange, a second part must, too: it
may hang on the part whether a large kind of row is taken for usual.

On tables whose columns are independent, or whose rows are Gaussian, table and surrogates are alike and that test is
nearly exact. Elsewhere a rare kind of normal row counts as evidence, for nothing tells it from an anomaly. Blind where
more than about a tenth of the rows are anomalies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from amiss.apart import RARE, apart, odd
from amiss.blas import one_thread
from amiss.decision import benjamini_hochberg
from amiss.strangeness import Measures

ROWS = 2_000  #: rows that the measures are learned from, of the table and of every surrogate
FEWEST = 50  #: of fewer rows nothing is said
TABLES = 39  #: surrogates, so that the level of the test is 1 / 40
FIRST = 8  #: surrogates after which most tables without evidence are known
DRAWN = 300_000  #: rows of all surrogates of a long table
ASKED = 40_000  #: rows of a long table that are asked about, its strangest
SURE = 0.02  #: level of evidence in long tables, where there is no surrogate of all the rows
NEAR = 0.5  #: a long table beyond this level is given up at the first look
LISTED = 0.1  #: with no share of false alarms below this there is no evidence
LARGE = 0.05  #: share of a long table beyond which a list is held against a second part of it
BEYOND = 0.01  #: share of the surrogates' rows that a Pareto tail is fitted to
COUNTED = 10  #: with so many surrogate rows at least as strange, their share is the p-value
SHRINK = 1e-6  #: least share of the correlations that is shrunk towards none
TINY = 1e-300
THREADS = 2  #: surrogates that are asked at once

Blocks = list[np.ndarray]


@dataclass(frozen=True)
class Chance:
    """p: (rows,) how often a surrogate's row is as strange. asked: (rows,) bool, the rows that were held against
    surrogates; the others have 1. evident: whether the table is evidence of anything."""

    p: np.ndarray
    asked: np.ndarray
    evident: bool

    def told(self, p: np.ndarray) -> np.ndarray:
        """(rows,) p-values of one meaning: those of rows that were not asked, which score lower than all that were,
        are ``p`` (rows,), and no smaller than any of the others'."""
        if not self.asked.any():
            return p
        return np.where(self.asked, self.p, np.maximum(p, self.p[self.asked].max()))


@one_thread()
def ask(
    z: np.ndarray, score: np.ndarray, seed: int = 0, blocks: Blocks | None = None, numbers: Blocks | None = None,
    dates: Sequence[np.ndarray] = (),
) -> Chance:  # fmt: skip
    """What chance says of rows z (rows, features) float32.

    score: (rows,) of the shipped detector: of a long table, its strangest rows are asked about, and the others get 1.
    blocks: the features of each column; None for one each. numbers, dates: (rows,) of every column of numbers, and of
    dates, as the person gave them.
    """
    p = np.ones(len(z))
    if len(z) < FEWEST:
        return Chance(p, np.zeros(len(z), bool), False)
    rng = np.random.default_rng(seed)
    asked = np.arange(len(z)) if len(z) <= ROWS else np.sort(np.argsort(-score, kind="stable")[:ASKED])
    p[asked], evident = _by_part(z, asked, rng, blocks)
    if evident and len(z) > ROWS and benjamini_hochberg(p, LISTED).mean() > LARGE:
        again, evident = _by_part(z, asked, rng, blocks)
        p[asked] = np.maximum(p[asked], again)
    cells = np.ones(len(z))
    for told in apart(numbers or ([] if dates else list(z.T)), dates):
        cells = np.minimum(cells, told)
    cells[odd(numbers or [], len(z))] = RARE
    wild = cells < 1
    p[wild] = np.minimum(p[wild], cells[wild] / len(z))
    among = wild.copy()
    among[asked] = True
    return Chance(p, among, evident or bool(wild.any()))


def _by_part(
    z: np.ndarray, asked: np.ndarray, rng: np.random.Generator, blocks: Blocks | None
) -> tuple[np.ndarray, bool]:  # fmt: skip
    """p-values of the rows ``asked``, and whether they are evidence, measured by ``ROWS`` rows of z, drawn anew."""
    part = np.sort(rng.permutation(len(z))[:ROWS])
    measures, found = Measures.fit(z[part], rng)
    if len(part) < len(z):
        found = measures.measure(z[asked], np.isin(asked, part))
    drawn = 0 if len(part) == len(z) else -(-min(DRAWN, len(z)) // TABLES)
    draw = surrogates(replaced(z, rng), rng, blocks, len(part) + drawn)

    def one(own: np.random.Generator) -> np.ndarray:
        return _told(len(part), draw(own), own)

    null: list[np.ndarray] = []
    p = np.ones(len(z))
    for count in (FIRST, TABLES):
        with ThreadPoolExecutor(THREADS) as pool:
            null += pool.map(one, rng.spawn(count - len(null)))
        p[asked], *others = _together([found, *null], among=not drawn)
        least = _least(p)
        evident = least <= LISTED and (least < min(map(_least, others)) if not drawn else least <= SURE)
        if not evident and not (drawn and least <= NEAR):
            break
    return p[asked], bool(evident)


def _told(learned: int, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(2, measures, rows) of a surrogate: of the rows that are learned from, or, where there are more, of those."""
    measures, found = Measures.fit(rows[:learned], rng)
    fresh = rows[learned:]
    return measures.measure(fresh, np.zeros(len(fresh), bool)) if len(fresh) else found


def _together(tables: list[np.ndarray], among: bool) -> list[np.ndarray]:
    """One p-value a row, for every table: the smallest of its measures', held against the other tables' smallest.

    tables: (2, measures, rows) each, the person's first. among: whether it is one of those that a surrogate is held
    against, so that all tables are asked alike; not where its rows are the strangest of a long one. Of both ways to
    measure, the larger p-value.
    """
    sizes = [each.shape[2] for each in tables]
    owner = np.repeat(np.arange(len(tables)), sizes)
    both = np.concatenate(tables, axis=2)
    ways = []
    for way in both:
        smallest = np.min([_held(measure, owner, among) for measure in way], axis=0)
        ways.append(_held(-np.log(np.maximum(smallest, TINY)), owner, among))
    return np.split(np.maximum(*ways), np.cumsum(sizes)[:-1])


def _held(score: np.ndarray, owner: np.ndarray, among: bool) -> np.ndarray:
    """(rows,) p-values of score (rows,), each beside the rows that other tables own."""
    order = np.argsort(score)
    whose, p = owner[order], np.empty(len(score))
    for table in range(owner[-1] + 1):
        others = (whose != table) & (among | (whose > 0))
        p[owner == table] = _against(score[order[others]], score[owner == table])
    return p


def _least(p: np.ndarray) -> float:
    """The smallest share of false alarms that Benjamini and Hochberg's rule reaches, as Simes' (1986) p-value."""
    ordered = np.sort(p)
    return float((len(p) * ordered / np.arange(1, len(p) + 1)).min())


def surrogate(z: np.ndarray, rng: np.random.Generator, blocks: Blocks | None = None) -> np.ndarray:
    """Rows (rows, features) whose columns hold the cells of z, in an order of Gaussian chance with z's correlations.

    blocks: the features of each column, which stay together.
    """
    return surrogates(z, rng, blocks)(rng)


def surrogates(
    z: np.ndarray, rng: np.random.Generator, blocks: Blocks | None = None, rows: int | None = None
) -> Callable[[np.random.Generator], np.ndarray]:
    """What draws one :func:`surrogate` after another; of another number of ``rows``, its cells are drawn from z's."""
    count = len(z)
    blocks = [np.array([j]) for j in range(z.shape[1])] if blocks is None else blocks
    orders = np.column_stack([_order(z[:, features], rng) for features in blocks])
    normal = np.empty(orders.shape)
    for order, scores in zip(orders.T, normal.T):
        scores[order] = ndtri((np.arange(count) + 0.5) / count)
    root = np.linalg.cholesky(_correlation(normal)).T

    def draw(own: np.random.Generator) -> np.ndarray:
        chance = own.standard_normal((rows or count, len(blocks))) @ root
        if rows in (None, count):
            ranks = np.argsort(np.argsort(chance, axis=0), axis=0)
        else:
            ranks = np.minimum((ndtr(chance) * count).astype(int), count - 1)
        made = np.empty((len(chance), z.shape[1]), z.dtype)
        for features, order, rank in zip(blocks, orders.T, ranks.T):
            made[:, features] = z[order[rank][:, None], features]
        return made

    return draw


def _correlation(normal: np.ndarray) -> np.ndarray:
    """(columns, columns) of normal scores, shrunk towards none by what their sampling errors call for (Ledoit and Wolf,
    2004) where columns are as many as rows: else the rows of a surrogate lie in the space that these rows span. Of more
    rows they are shrunk less, as shrinking breaks dependencies that are all but exact."""
    rows, columns = normal.shape
    found = np.cov(normal.T, bias=True).reshape(columns, columns)
    middle = np.trace(found) / columns
    error = (((normal**2).sum(1) ** 2).sum() / rows - (found**2).sum()) / rows
    share = error / max(((found - middle * np.eye(columns)) ** 2).sum(), 1e-12)
    share = np.clip(share * min(1, columns / rows), SHRINK, 1)
    return (1 - share) * found + share * middle * np.eye(columns)


def replaced(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """z with the cells that stand apart exchanged for others of their column."""
    z = z.copy()
    for column, p in zip(z.T, apart(list(z.T))):
        if (far := p < 1).any():
            column[far] = rng.choice(column[~far], int(far.sum()))
    return z


def _order(cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(rows,) places of a column's cells (rows, features) in rising order; equal cells in random order."""
    return np.lexsort((rng.random(len(cells)), *cells.T[::-1]))


def _against(null: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(rows,) share of ``null``, in rising order, at least as high; beyond it a generalised Pareto tail fitted by its
    moments."""
    above = len(null) - np.searchsorted(null, score, "left")
    counted = (1 + above) / (1 + len(null))
    many = max(COUNTED + 1, int(BEYOND * len(null)))
    start = null[-many - 1]
    excess = null[-many:] - start
    mean, variance = max(float(excess.mean()), 1e-12), max(float(excess.var()), 1e-24)
    shape = float(np.clip(0.5 * (1 - mean * mean / variance), 1e-6, 0.5))
    tail = many / len(null) * (1 + shape * np.maximum(score - start, 0) / (mean * (1 - shape))) ** (-1 / shape)
    return np.where(above > COUNTED, counted, np.minimum(tail, counted))
