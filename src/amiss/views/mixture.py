"""The default detector's two groups of views, and how they are mixed.

local: in three spaces, the distance to the nearest reference row, and the mean distances to 5 and to 20 neighbours over
those of the neighbours themselves. Sharp, and best where no anomaly is among the references.
wide: in two spaces, the mean distance to the nearest of 8 random rows over 50 draws (Sugiyama and Borgwardt, 2013), and
the mean distance to 20 neighbours among the references that are left when the strangest 30 % are dropped; and an
isolation forest, counted twice. Blind to small groups, so that anomalies among the references cannot hide in one.

Every view becomes minus the log of its tail probability, measured on the references, each scored without itself. A
group's evidence is the mean of its views; the score is log((1 - w) exp(local) + w exp(wide)), a harmonic mean of
p-values (Wilson, 2019): either group alone can speak up. w grows with the pollution that the rows show.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from amiss.views import forest, spaces, tails
from amiss.views.neighbours import keys, nearest, squared
from amiss.views.pollution import pollution

BLOCK, THREADS = 256, 2  # rows are scored in blocks of exactly this many, so that no score depends on its company
MOST, LEAST, WORK = 8_192, 512, 8_192 * 20_000  # references, and how many distances a view of the table may cost
TREES, TREES_LEAST, FEW_TREES_BEYOND = 200, 32, 50_000  # trees, and from how many rows on there are fewer
NEIGHBOURS = (5, 20)
DRAWS, DRAW = 50, 8
TRIM = 0.3
STANDING = 1 / 3  # the wide views' weight where nothing speaks for pollution
LOCAL, WIDE = ("plain", "white", "copula"), ("soft", "white")
WIDE_WEIGHTS = np.array([1, 1, 1, 1, 2]) / 6

State = dict[str, Any]


def init(z: np.ndarray, rng: np.random.Generator) -> tuple[State, np.ndarray, np.ndarray]:
    """Learn from encoded rows (rows, columns); also the references' rows in z and their honest scores."""
    many = int(np.clip(2 ** np.floor(np.log2(max(1, WORK / len(z)))), LEAST, MOST))
    picked = np.sort(rng.permutation(len(z))[:many])
    rows = np.ascontiguousarray(z[picked], np.float32)
    state: State = {"spaces": spaces.fit(rows, rng)}
    references = state["references"] = spaces.apply(state["spaces"], rows)
    count = len(rows)
    state["draws"] = np.concatenate([rng.choice(count, min(DRAW, count // 2), replace=False) for _ in range(DRAWS)])
    twin = np.ones(count, bool)
    strange = _each(lambda part: _strange(state, _cut(references, part), twin[part]), count)
    order = np.argsort(sum(tails.surprise(tails.fit(v), v) for v in strange), kind="stable")
    state["weight"] = np.asarray(STANDING + (1 - STANDING) * pollution(references["soft"], order))
    state["kept"] = np.sort(order[: int(np.ceil(count * (1 - TRIM)))])
    trees = int(np.clip(TREES * FEW_TREES_BEYOND / len(z), TREES_LEAST, TREES))
    state["forest"] = forest.fit(references["plain"], trees, rng)
    found = {name: _search_all(references[name]) for name in LOCAL}
    state["level"] = {name: np.stack([d[:, :k].mean(1) for k in NEIGHBOURS]) for name, (d, _) in found.items()}
    local = np.concatenate([_ratios(state, name, *found[name]) for name in LOCAL])
    wide = _each(lambda part: _wide(state, _cut(references, part), twin[part]), count)
    state["local"] = {str(i): tails.fit(view) for i, view in enumerate(local)}
    state["wide"] = {str(i): tails.fit(view) for i, view in enumerate(wide)}
    return state, picked, _mix(state, local, wide)


def score(state: State, z: np.ndarray) -> np.ndarray:
    """(rows,) float64 of encoded rows (rows, columns) float32; a row's score depends on that row alone."""
    known = keys(state["references"]["plain"])

    def block(part: slice) -> np.ndarray:
        rows = np.zeros((BLOCK, z.shape[1]), np.float32)
        count = part.stop - part.start
        rows[:count] = z[part]
        views = spaces.apply(state["spaces"], rows)
        twin = np.isin(keys(rows), known)
        local = [_ratios(state, n, *_search(views[n], state["references"][n], twin)) for n in LOCAL]
        return _mix(state, np.concatenate(local), _wide(state, views, twin))[None, :count]

    return _each(block, len(z))[0] if len(z) else np.zeros(0)


def _mix(state: State, local: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """(rows,) from the views (views, rows) of both groups."""
    sharp = np.mean([tails.surprise(state["local"][str(i)], view) for i, view in enumerate(local)], axis=0)
    blunt = WIDE_WEIGHTS @ np.stack([tails.surprise(state["wide"][str(i)], view) for i, view in enumerate(wide)])
    weight = float(state["weight"])
    return np.logaddexp(np.log(max(1 - weight, 1e-12)) + sharp, np.log(weight) + blunt)


def _ratios(state: State, space: str, distances: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(3, rows) of one space; a thousandth of the typical distance keeps repeated rows off zero."""
    views = [distances[:, 0] + 1e-3 * state["level"][space][0].mean() + 1e-9]
    for level, count in zip(state["level"][space], NEIGHBOURS):
        tiny = 1e-3 * level.mean() + 1e-9
        views.append((distances[:, :count].mean(1) + tiny) / (level[index[:, :count]].mean(1) + tiny))
    return np.stack(views).astype(np.float64)


def _strange(state: State, rows: dict[str, np.ndarray], twin: np.ndarray) -> np.ndarray:
    """(2, rows) mean distance to the nearest row of every draw; a draw that holds the row's own copy passes it over."""
    views = []
    for name in WIDE:
        x = rows[name]
        each = squared(x, state["references"][name][state["draws"]]).reshape(len(x), DRAWS, -1)
        near = np.partition(each, 1, axis=2)[:, :, :2] if each.shape[2] > 1 else np.repeat(each, 2, axis=2)
        own = twin[:, None] & (near[:, :, 0] <= 1e-5 * (1 + np.einsum("ij,ij->i", x, x))[:, None])
        views.append(np.sqrt(np.where(own, near[:, :, 1], near[:, :, 0])).mean(1) + 1e-9)
    return np.stack(views).astype(np.float64)


def _wide(state: State, rows: dict[str, np.ndarray], twin: np.ndarray) -> np.ndarray:
    """(5, rows)."""
    kept = state["kept"]
    own = np.isin(keys(rows["plain"]), keys(state["references"]["plain"][kept])) if twin.any() else twin
    near = [_search(rows[name], state["references"][name][kept], own)[0].mean(1) + 1e-9 for name in WIDE]
    trees = forest.score(state["forest"], rows["plain"])
    return np.concatenate([_strange(state, rows, twin), np.stack([*near, trees]).astype(np.float64)])


def _search(rows: np.ndarray, references: np.ndarray, twin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return nearest(squared(rows, references), NEIGHBOURS[-1], twin)


def _search_all(references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every reference's neighbours among the others."""

    def block(part: slice) -> np.ndarray:
        rows = references[part]
        distances, index = _search(rows, references, np.ones(len(rows), bool))
        return np.stack([distances, index.astype(np.float64)]).transpose(0, 2, 1)

    found = _each(block, len(references))
    return found[0].T, found[1].T.astype(np.intp)


def _cut(rows: dict[str, np.ndarray], part: slice) -> dict[str, np.ndarray]:
    return {name: array[part] for name, array in rows.items()}


def _each(block: Callable[[slice], np.ndarray], count: int) -> np.ndarray:
    """The blocks of rows side by side along the last axis, two at a time, one core each."""
    parts = [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(block, parts)), axis=-1)
