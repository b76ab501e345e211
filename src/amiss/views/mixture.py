"""The default detector's three groups of views, and how they are mixed.

local: in two spaces, the distance to the hull of the 20 nearest reference rows (:mod:`amiss.views.hull`), and the mean
distance to 5 neighbours over those of the neighbours themselves; and what two networks say of the row
(:mod:`amiss.views.learned`). Sharp, and best where no anomaly is among the references.
distance: the mean distance to the nearest, 5 and 20 neighbours, by the columns' inner ranges, with tails pulled in and
by their ranges, which asks nothing of how the references are spread.
wide: distances from the bulk of the references, those left when the strangest 30 % are dropped, strange being far from
the nearest of 8 random rows over 50 draws (Sugiyama and Borgwardt, 2013): to 20 neighbours in the bulk, by inner ranges
and with tails pulled in, and Mahalanobis'; the tails of the columns alone; and, where nothing speaks for pollution, how
far out the row's furthest cell lies. Blind to small groups, so that anomalies cannot hide in one.

Every view becomes minus the log of its tail probability, measured on the references, each scored without itself. A
group's evidence is the mean of its views; the score is the log of the weighted mean of exp(evidence), a harmonic mean
of p-values (Wilson, 2019): any group alone can speak up. What the local group says has to be learned, so that it is the
louder the more references there are. The wide one's weight grows with the pollution that the rows show, in the order of
strangeness by those draws or by 200 of 2 rows, in which groups of a tenth of the rows stand out.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from amiss.blas import one_thread
from amiss.train import Plan
from amiss.views import edges, ellipsoid, hull, learned, margins, spaces, tails
from amiss.views.learned import Networks, Report
from amiss.views.neighbours import keys, nearest, root, squared, typical
from amiss.views.pollution import pollution

BLOCK, THREADS = 256, 2  # rows are scored in blocks of exactly this many, so that no score depends on its company
MOST, LEAST, WORK = 4_096, 512, 4_096 * 40_000  # references, and how many distances a view of the table may cost
FEW, MANY = 5, 20  # neighbours; those that span a hull, and those in the bulk
COUNTS = (1, FEW, MANY)  # those that the distance group goes by
DRAWN = ((50, 8), (200, 2))  # draws and their rows: the first tell what the bulk is, either may show pollution
TRIM = 0.3
FEWER, ENOUGH = 300, 1_000  # references between which the groups' weights go from the first of these to the second:
WEIGHTS = ((1 / 6, 3 / 6, 2 / 6), (8 / 15, 4 / 15, 3 / 15))  # local, distance, wide, where nothing speaks for pollution
NEAR, STRANGE, WIDE = ("inner", "white"), ("soft", "white"), ("inner", "soft")
FAR = ("inner", "soft", "range")
TINY = 3e-4  # of the references' spread: keeps repeated rows off zero
LEARNED = 1 / 2  # the networks' share of the local group

State = dict[str, Any]


def init(
    z: np.ndarray, rng: np.random.Generator, networks: Networks, members: int, plan: Plan, report: Report | None = None
) -> tuple[State, np.ndarray, np.ndarray, str]:
    """Learn from encoded rows (rows, columns); also the references' rows in z, their honest scores, and why training
    stopped. members: of each network and fold. plan: how a network is trained."""
    many = int(np.clip(2 ** np.floor(np.log2(max(1, WORK / len(z)))), LEAST, MOST))
    picked = np.sort(rng.permutation(len(z))[:many])
    rows = np.ascontiguousarray(z[picked], np.float32)
    state: State = {"spaces": spaces.fit(rows, rng)}
    references = state["references"] = spaces.apply(state["spaces"], rows)
    count = len(rows)
    state["fold"] = fold = rng.permutation(count) % learned.FOLDS
    state["learned"], stopped = learned.fit(networks, references, fold, members, plan, BLOCK, report)
    orders = [_order(references, draws, size, rng) for draws, size in DRAWN]
    state["level"] = {name: _levels(references[name]) for name in NEAR}
    state["tiny"] = {name: TINY * np.sqrt(references[name].var(0).sum()) + 1e-9 for name in FAR}
    polluted = max(pollution(references["soft"], order, state["level"]["white"][0]) for order in orders)
    state["clean"], state["weights"] = np.asarray(1 - polluted), _weights(count, 1 - polluted)
    bulk = orders[0][: int(np.ceil(count * (1 - TRIM)))]
    state["kept"] = np.sort(bulk if z.shape[1] <= spaces.WIDE else rng.permutation(bulk)[: spaces.GRAM])
    state["bulk"] = ellipsoid.fit(references["soft"][state["kept"]], rng)
    state["margins"] = margins.fit(references["inner"])
    state["edges"] = edges.fit(references["inner"])
    views = _each(lambda part: _views(state, _cut(references, part), np.arange(count)[part], networks), count)
    learnt = range(2 * len(NEAR), 2 * len(NEAR) + len(networks))  # these are calibrated already
    state["tails"] = {str(i): tails.fit(view) for i, view in enumerate(views) if i not in learnt}
    return state, picked, _mix(state, views), stopped


def score(state: State, z: np.ndarray, networks: Networks) -> np.ndarray:
    """(rows,) float64 of encoded rows (rows, columns) float32; a row's score depends on that row alone."""
    known, first = np.unique(keys(state["references"]["inner"]), return_index=True)

    def block(part: slice) -> np.ndarray:
        rows = np.zeros((BLOCK, z.shape[1]), np.float32)
        count = part.stop - part.start
        rows[:count] = z[part]
        seen = spaces.apply(state["spaces"], rows)
        key = keys(seen["inner"])
        place = np.minimum(np.searchsorted(known, key), len(known) - 1)
        own = np.where(known[place] == key, first[place], -1)
        return _mix(state, _views(state, seen, own, networks))[None, :count]

    return _each(block, len(z))[0] if len(z) else np.zeros(0)


def _mix(state: State, views: np.ndarray) -> np.ndarray:
    """(rows,) from the views (views, rows) of all groups."""
    known = state["tails"]
    surprise = np.stack([tails.surprise(known[str(i)], v) if str(i) in known else v for i, v in enumerate(views)])
    near, wide = 2 * len(NEAR), len(surprise) - len(WIDE) - 3
    far = wide - len(FAR) * len(COUNTS)
    neighbours, nets, distance = (surprise[a:b].mean(0) for a, b in ((0, near), (near, far), (far, wide)))
    local = (1 - LEARNED) * neighbours + LEARNED * nets
    heard = np.append(np.ones(len(WIDE) + 2), state["clean"])  # of the wide group: anomalies among them move the edges
    evidence = np.stack([local, distance, heard @ surprise[wide:] / heard.sum()])
    return np.logaddexp.reduce(np.log(np.maximum(state["weights"], 1e-12))[:, None] + evidence, axis=0)


def _weights(count: int, clean: float) -> np.ndarray:
    """(groups,) weights for so many references; clean: from 0, polluted, to 1."""
    enough = np.clip(np.log(count / FEWER) / np.log(ENOUGH / FEWER), 0, 1)
    return clean * (np.array([1 - enough, enough]) @ np.array(WEIGHTS)) + np.array([0, 0, 1 - clean])


def _views(state: State, rows: dict[str, np.ndarray], own: np.ndarray, networks: Networks) -> np.ndarray:
    """(views, rows) of a block: of neighbours, of networks, the distances, and the wide ones.

    own: (rows,) the reference that a row equals bit by bit, or -1; it neither counts as a neighbour nor has a say in
    what the networks make of the row.
    """
    references, twin, bulk = state["references"], own >= 0, state["kept"]
    among, views = np.isin(own, bulk), []
    each = {space: squared(rows[space], references[space]) for space in dict.fromkeys(NEAR + FAR + WIDE)}
    found = {space: nearest(each[space], MANY, twin) for space in dict.fromkeys(NEAR + FAR)}
    for space in NEAR:
        distances, index = found[space]
        tiny = 1e-3 * state["level"][space][0].mean() + 1e-9
        views.append(hull.score(rows[space], references[space], index) + tiny)
        distances, index = distances[:, :FEW], index[:, :FEW]
        level = _level(state["level"][space], distances, index, twin)
        views.append((distances.mean(1) + tiny) / (level.mean(1) + tiny))
    fold = np.where(twin, state["fold"][own], 0)
    for name, (space, method) in networks.items():
        views.append(learned.surprise(method, state["learned"][name], rows[space], fold, BLOCK))
    for space in FAR:
        views += [found[space][0][:, :count].mean(1) + state["tiny"][space] for count in COUNTS]
    wide = [typical(each[space].take(bulk, 1), MANY, among) for space in WIDE]
    wide += [ellipsoid.score(state["bulk"], rows["soft"], among), margins.score(state["margins"], rows["inner"])]
    wide += [edges.score(state["edges"], rows["inner"], twin)]
    views += [view + 1e-9 for view in wide]
    return np.stack(views).astype(np.float64)


def _order(references: dict[str, np.ndarray], draws: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """(rows,) the references from the least to the most strange, by so many draws of so many of them."""
    count = len(references["soft"])
    drawn = np.stack([rng.choice(count, min(size, max(count // 2, 2)), replace=False) for _ in range(draws)])
    strange = _each(lambda part: _strange(references, drawn, part), count)
    return np.argsort(sum(tails.surprise(tails.fit(v), v) for v in strange), kind="stable")


def _strange(references: dict[str, np.ndarray], draws: np.ndarray, part: slice) -> np.ndarray:
    """(spaces, rows) mean distance of references to the nearest row of every draw, itself not counted."""
    views = []
    for name in STRANGE:
        rows = references[name]
        each = squared(rows[part], rows[draws.ravel()])
        each[draws.ravel()[None, :] == np.arange(part.start, part.stop)[:, None]] = np.inf
        views.append(root(each.reshape(len(each), *draws.shape).min(2)).mean(1) + 1e-9)
    return np.stack(views).astype(np.float64)


def _levels(references: np.ndarray) -> np.ndarray:
    """(3, rows) of every reference: mean distance to its FEW neighbours, to the last of them, and to the next."""

    def block(part: slice) -> np.ndarray:
        twin = np.ones(part.stop - part.start, bool)
        found = nearest(squared(references[part], references), FEW + 1, twin)[0]
        few = found[:, :FEW]
        return np.stack([few.mean(1), few[:, -1], found[:, -1]])

    return _each(block, len(references))


def _level(levels: np.ndarray, distances: np.ndarray, index: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """(rows, FEW) mean distance of the neighbours to their own; for a reference, as if it were not there."""
    mean, last, following = (each[index] for each in levels)
    counted = twin[:, None] & (distances <= last)
    return mean + np.where(counted, following - distances, 0.0) / distances.shape[1]


def _cut(rows: dict[str, np.ndarray], part: slice) -> dict[str, np.ndarray]:
    return {name: array[part] for name, array in rows.items()}


def _each(block: Callable[[slice], np.ndarray], count: int) -> np.ndarray:
    """The blocks of rows side by side along the last axis, two at a time, one core each."""
    parts = [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    with one_thread(), ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate(list(pool.map(block, parts)), axis=-1)
