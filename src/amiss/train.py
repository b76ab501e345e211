"""The training loop: the only place that knows of optimisers, batches, epochs, early stopping and members.

A method is three pure functions (:class:`Method`). The loop trains several members of it at once: a compiled program
runs a chunk of optimiser steps, vmapped over members, on batches that NumPy gathered; rounds of chunks run in Python,
so that early stopping, a time budget, progress and Ctrl-C work. All weights of a member are one flat vector, which
halves the compile time; learning rates are data, so that no schedule compiles anew.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from amiss.errors import AmissError
from amiss.params import Layout, Params, flatten, ravel, stack
from amiss.programs import call
from amiss.sampling import Data, Gather, Sampler, gather_rows, uniform

CHUNK_STEPS, CHUNK_VALUES = 256, 1 << 22  # steps a program call at most, and values a chunk of batches may hold
ROUND_STEPS = 64  # small tables run several epochs between two looks at the validation loss
ASSESS_ROWS, ASSESS_MOST = 1024, 16384  # rows a block of the validation loss, and how many rows it looks at
SCORE_ROWS = 512  # every score is computed in blocks of this many rows, so that it cannot depend on its company

Batch = dict[str, Any]  #: arrays by name, each with the batch's rows first
#: (rows held out by some member, the mean of those members' scores of them) -> a loss; all members stop by it together
Judge = Callable[[np.ndarray, np.ndarray], float]


class Method(NamedTuple):
    """An anomaly detection method.

    init(rng, data, columns) -> Params: weights and buffers of one member, from a NumPy generator, its training rows
        and the number of real columns: x is padded with columns of zeros, so that tables share programs.
    loss(params, batch, key) -> (batch,): what training lowers, a row each. None: nothing to train.
    score(params, rows) -> (rows,): higher = more anomalous.
    monitor(params, batch, key) -> (batch,): what early stopping watches; the loss where it is None.
    """

    init: Callable[[np.random.Generator, Data, int], Params]
    loss: Callable[[Params, Batch, Array], Array] | None
    score: Callable[[Params, Array], Array]
    monitor: Callable[[Params, Batch, Array], Array] | None = None


@dataclass(frozen=True)
class Plan:
    """How to train.

    epochs: passes over the training rows at most. batch_size: rows a step. learning_rate, weight_decay: AdamW's
    (Loshchilov and Hutter, 2019). schedule: 'constant' or 'cosine' (with a short warm-up). patience: looks at
    the validation loss (one an epoch, or one in 64 steps where epochs are shorter) without a better one before training
    stops; None never stops early. budget: seconds for training. steps: optimiser steps at most, whatever the epochs.
    average: what the running mean of the weights, which is looked at and kept, retains a step (Polyak and Juditsky,
    1992), less in the first steps; 0 keeps the weights themselves.
    """

    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "constant"
    patience: int | None = 10
    budget: float | None = None
    seed: int = 0
    steps: int | None = None
    average: float = 0.0


class Progress(NamedTuple):
    """What a progress callback hears after every round."""

    epoch: int
    epochs: int
    loss: float
    validation: float
    seconds: float


@dataclass
class Trained:
    """Members as NumPy arrays: ``weights`` and ``buffers`` nested by name, each leaf (members, ...)."""

    weights: dict[str, Any]
    buffers: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    stopped: str = "epochs"


# --- programs --------------------------------------------------------------------------------------------------------

_adam = optax.scale_by_adam()


class _State(NamedTuple):
    flat: Any  # (members, values)
    adam: optax.ScaleByAdamState
    losses: Any  # (members,) sum of the rows' losses since it was last reset
    weights: Any  # (members,) sum of the rows' weights
    mean: Any  # (members, values) running mean of flat


@partial(jax.jit, static_argnames=("method", "layout", "together"))
def _advance(
    state: _State,
    buffers: Any,
    batches: Batch,
    rates: Array,
    decay: Array,
    average: Array,
    seed: Array,
    steps: Array,
    *,
    method: Method,
    layout: Layout,
    together: bool,
) -> _State:
    """Optimiser steps of every member on batches (members, chunk, batch, ...), steps (members,) of each.

    rates: (chunk,) learning rates. decay: (values,). average: what the running mean retains.
    together: all members in one operation, as an accelerator likes it; one after another is faster on a CPU core and
    compiles sooner.
    """

    def member(state: _State, buffers: Any, batches: Batch, key: Array, steps: Array) -> _State:
        def step(i: Array, state: _State) -> _State:
            batch = jax.tree.map(lambda a: a[i], batches)
            weight = batch["weight"]

            def objective(weights: Any) -> tuple[Array, Array]:
                losses = method.loss(Params(weights, buffers), batch, jax.random.fold_in(key, i))  # type: ignore[misc]
                summed = jnp.sum(losses * weight)
                return summed / jnp.maximum(jnp.sum(weight), 1e-12), summed

            # by the named weights: the gradient of a slice of the vector is a whole vector of zeros around it
            grads, summed = jax.grad(objective, has_aux=True)(layout.unravel(state.flat))
            named = flatten(grads)  # in JAX's order, not the layout's
            grad = jnp.concatenate([jnp.ravel(named[name]) for name in layout.names])
            update, adam = _adam.update(grad, state.adam)
            flat = state.flat - rates[i] * (update + decay * state.flat)
            retained = jnp.minimum(average, adam.count / (adam.count + 9.0))
            mean = retained * state.mean + (1 - retained) * flat
            return _State(flat, adam, state.losses + summed, state.weights + jnp.sum(weight), mean)

        return jax.lax.fori_loop(0, steps, step, state)

    keys = jax.random.split(jax.random.key(seed), state.flat.shape[0])
    if together:
        return jax.vmap(member)(state, buffers, batches, keys, steps)
    return jax.lax.map(lambda each: member(*each), (state, buffers, batches, keys, steps))


@partial(jax.jit, static_argnames=("method", "layout", "judged"))
def _assess(flat: Array, buffers: Any, batch: Batch, *, method: Method, layout: Layout, judged: bool) -> Array:
    """(members, block) of validation rows, batch (members, block, ...): the watched loss, or, to be judged, scores."""
    watched = method.monitor or method.loss
    key = jax.random.key(0)  # the same noise every time, so that rounds can be compared

    def member(flat: Array, buffers: Any, batch: Batch) -> Array:
        params = Params(layout.unravel(flat), buffers)
        return method.score(params, batch["x"]) if judged else watched(params, batch, key)  # type: ignore[misc]

    return jax.vmap(member)(flat, buffers, batch)


@partial(jax.jit, static_argnames=("method",))
def _score(weights: Any, buffers: Any, rows: Array, *, method: Method) -> Array:
    """(members, block) scores; members one after another, which is faster here than side by side."""
    return jax.lax.map(lambda member: method.score(Params(*member), rows), (weights, buffers))


# --- the loop --------------------------------------------------------------------------------------------------------


def train(
    method: Method,
    data: Data,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    plan: Plan,
    *,
    columns: int,
    sampler: Sampler = uniform,
    gather: Gather = gather_rows,
    judge: Judge | None = None,
    shared: Data | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train one member for each of ``splits`` (training rows, validation rows), both indices into ``data``.

    Each member keeps its weights of the best look at its validation rows; with a ``judge`` of the scores of all
    held-out rows, all members keep those of one look, and stop together.
    shared: arrays that losses find among the buffers of every member, and that are not kept: a series, of which
    ``data`` holds the places of windows. Same seed, same bits. Ctrl-C and the budget end training with the best weights
    so far.
    """
    rngs = [np.random.default_rng([plan.seed, i]) for i in range(len(splits))]
    members = [method.init(rng, gather(data, rows), columns) for rng, (rows, _) in zip(rngs, splits)]
    if shared is not None:
        members = [Params(m.weights, m.buffers | dict(shared)) for m in members]
    if method.loss is None or plan.epochs < 1:
        return Trained(stack([m.weights for m in members]), stack([m.buffers for m in members]), [], "nothing to train")
    # two halves on two threads use two cores better than one program does; fixed, so that bits do not depend on cores
    half = -(-len(members) // 2) if jax.default_backend() == "cpu" else len(members)
    cuts = [slice(start, start + half) for start in range(0, len(members), half)]
    stop = threading.Event()
    started = time.perf_counter()
    judge = judge if all(len(held) for _, held in splits) else None
    groups = [
        _Group(
            method, data, members[c], splits[c], rngs[c], plan, sampler, gather, stop, started, judge is not None, half
        ) for c in cuts
    ]  # fmt: skip
    with ThreadPoolExecutor(max(1, min(len(groups), os.cpu_count() or 1))) as pool:
        while active := [g for g in groups if g.training]:
            running = [pool.submit(group.advance) for group in active]
            try:
                for future in as_completed(running):
                    future.result()
            except KeyboardInterrupt:
                stop.set()
                for future in running:
                    future.result()
            except BaseException:
                stop.set()  # else the pool waits until the other members are trained, for nothing
                raise
            try:
                if judge is not None:
                    loss = _judged(judge, groups)
                    for group in groups:
                        group.keep(np.full(len(group.splits), loss))
                if report is not None and active[0] is groups[0]:
                    report(groups[0].progress())
            except KeyboardInterrupt:
                stop.set()
    flat = np.concatenate([g.best[: g.real] for g in groups])
    # where no look at the held-out rows was finite, the best weights are the first ones: nothing was learned
    if not np.isfinite(flat).all() or not all(np.isfinite(g.best_loss[: g.real]).all() for g in groups):
        raise AmissError("training diverged", found="weights that are not finite", hint="use a lower learning_rate")
    named = [groups[0].layout.unravel(vector) for vector in flat]
    reason = "interrupted" if stop.is_set() else groups[0].stopped
    kept = [{k: v for k, v in m.buffers.items() if k not in (shared or ())} for m in members]
    return Trained(stack(named), stack(kept), groups[0].history, reason)


def _judged(judge: Judge, groups: Sequence[_Group]) -> float:
    """The judge's loss of the held-out rows, each with the mean score of the members that hold it out."""
    held = np.concatenate([rows[:ASSESS_MOST] for g in groups for _, rows in g.splits[: g.real]])
    seen = np.concatenate([each[: len(rows)] for g in groups for each, (_, rows) in zip(g.seen[: g.real], g.splits)])
    rows, place, count = np.unique(held, return_inverse=True, return_counts=True)
    return judge(rows, np.bincount(place, seen) / count) if np.isfinite(seen).all() else math.inf


class _Group:
    """Members that train together in one program, on one thread.

    size: members that the program has room for, so that groups share it; the last of them is repeated without steps,
    ``real`` of them are members.
    seen: (members, rows) of the last look at the validation rows: the watched losses, or, to be judged, the scores.
    """

    def __init__(
        self, method: Method, data: Data, members: Sequence[Params], splits: Sequence[tuple[np.ndarray, np.ndarray]],
        rngs: Sequence[np.random.Generator], plan: Plan, sampler: Sampler, gather: Gather,
        stop: threading.Event, started: float, judged: bool, size: int,
    ) -> None:  # fmt: skip
        self.real, more = len(members), size - len(members)
        members, splits = [*members, *[members[-1]] * more], [*splits, *[splits[-1]] * more]
        self.method, self.data, self.splits, self.rngs, self.plan = method, data, splits, rngs, plan
        self.sampler, self.gather, self.stop, self.started, self.judged = sampler, gather, stop, started, judged
        flat, self.layout, decays = ravel([m.weights for m in members])
        self.buffers = jax.device_put(stack([m.buffers for m in members]))
        self.decay = decays * np.float32(plan.weight_decay)
        count = len(members)
        # NumPy, not JAX, outside the programs: every eager JAX operation would be one more program to compile
        zeros = np.zeros(count, np.float32)
        adam = optax.ScaleByAdamState(np.zeros(count, np.int32), np.zeros_like(flat), np.zeros_like(flat))
        self.state = _State(flat, adam, zeros, zeros, flat)
        self.best, self.best_loss = flat.copy(), np.full(count, np.inf)
        self.best_look = np.zeros(count, int)
        self.history: list[dict[str, float]] = []
        self.stopped, self.epoch, self.done = "epochs", 0, 0
        self.validation = self._validation_blocks()
        longest = max(len(rows) for rows, _ in splits)
        per_epoch = -(-longest // plan.batch_size)
        self.a_round = max(1, (1 if self.validation else 4) * ROUND_STEPS // per_epoch)
        self.most = math.inf if plan.steps is None else plan.steps

    @property
    def training(self) -> bool:
        """Whether plan, patience, budget and person let it go on."""
        return self.stopped == "epochs" and self.epoch < self.plan.epochs and self.done < self.most

    def advance(self) -> None:
        """A round of epochs, and a look at the held-out rows."""
        epochs = min(self.a_round, self.plan.epochs - self.epoch)
        index, weight = self._sample(epochs)
        total = min(self.most, self.done + index.shape[1] // epochs * (self.plan.epochs - self.epoch))
        steps = int(min(index.shape[1], self.most - self.done))
        finished = self._round(index[:, :steps], weight[:, :steps], self.done, int(total))
        self.done += steps
        self.epoch += epochs
        self._look()
        if not finished:
            self.stopped = "interrupted" if self.stop.is_set() else "budget"

    def _sample(self, epochs: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices and weights of the next epochs' batches, both (members, steps, batch)."""
        streams = []
        for rng, (rows, _) in zip(self.rngs, self.splits):
            parts = [self.sampler(rng, self.data, rows, self.plan.batch_size) for _ in range(epochs)]
            streams.append((np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])))
        streams += streams[-1:] * (len(self.splits) - self.real)
        steps = max(len(index) for index, _ in streams)
        return np.stack([_pad(i, steps) for i, _ in streams]), np.stack([_pad(w, steps) for _, w in streams])

    def _round(self, index: np.ndarray, weight: np.ndarray, done: int, total: int) -> bool:
        """Run the steps in chunks of one fixed shape; False where budget or person ended it early."""
        members, steps, batch = index.shape
        values = members * batch * math.prod(self.data["x"].shape[1:])
        chunk, average = CHUNK_STEPS, np.float32(self.plan.average)
        while chunk > 8 and chunk * values > CHUNK_VALUES:
            chunk //= 2
        real = steps - np.argmax(np.any(weight > 0, axis=2)[:, ::-1], axis=1)  # beyond them a member has padding only
        for start in range(0, steps, chunk):
            if self.stop.is_set() or (self.plan.budget is not None and self._seconds() > self.plan.budget):
                return False
            part = slice(start, start + chunk)
            batches = {k: _pad(v, chunk, axis=1) for k, v in self._batch(index[:, part], weight[:, part]).items()}
            rates = _rates(self.plan, done + start + np.arange(chunk), total)
            seed = np.uint32(self.rngs[0].integers(2**32))
            count = np.clip(real - start, 0, chunk).astype(np.int32)
            count[self.real :] = 0
            self.state = call(
                _advance, self.state, self.buffers, batches, rates, self.decay, average, seed, count,
                method=self.method, layout=self.layout, together=jax.default_backend() != "cpu",
            )  # fmt: skip
        return True

    def _look(self) -> None:
        """Note losses and look at the held-out rows; where nobody judges all members, keep each one's best weights."""
        zeros = np.zeros(len(self.splits), np.float32)
        self.loss = np.asarray(self.state.losses) / np.maximum(np.asarray(self.state.weights), 1e-12)
        self.state = self.state._replace(losses=zeros, weights=zeros)
        if not self.validation:
            self.keep(self.loss)
            return
        seen = [call(_assess, self.state.mean, self.buffers, b, method=self.method, layout=self.layout,
                     judged=self.judged) for b in self.validation]  # fmt: skip
        self.seen = np.concatenate([np.asarray(s) for s in seen], 1)
        if not self.judged:
            weight = np.concatenate([np.asarray(b["weight"]) for b in self.validation], 1)
            with np.errstate(invalid="ignore", over="ignore"):  # weights that diverged are never the best ones
                self.keep((self.seen * weight).sum(1) / weight.sum(1))

    def keep(self, watched: np.ndarray) -> None:
        """Keep the weights of the members whose watched loss (members,) is the least so far, or stop."""
        better = (watched < self.best_loss) | (not self.validation)
        self.best[better] = np.asarray(self.state.mean)[better]
        self.best_loss[better], self.best_look[better] = watched[better], len(self.history) + 1
        loss, validation = self.loss[: self.real].mean(), watched[: self.real].mean()
        self.history.append({"epoch": self.epoch, "loss": float(loss), "validation": float(validation)})
        patient = self.plan.patience is None or not self.validation or self.stopped != "epochs"
        if not patient and (len(self.history) - self.best_look > self.plan.patience).all():
            self.stopped = "patience"

    def progress(self) -> Progress:
        last = self.history[-1]
        return Progress(self.epoch, self.plan.epochs, last["loss"], last["validation"], self._seconds())

    def _validation_blocks(self) -> list[Batch]:
        """The members' validation rows as blocks (members, block, ...) of one fixed shape; none where one has none."""
        rows = [held[:ASSESS_MOST] for _, held in self.splits]
        if not all(len(r) for r in rows):
            return []
        blocks = []
        for start in range(0, max(len(r) for r in rows), ASSESS_ROWS):
            parts = [r[start : start + ASSESS_ROWS] for r in rows]
            index = np.stack([np.pad(p, (0, ASSESS_ROWS - len(p))) for p in parts])
            weight = np.stack([np.pad(np.ones(len(p), np.float32), (0, ASSESS_ROWS - len(p))) for p in parts])
            blocks.append(self._batch(index, weight))
        return blocks

    def _batch(self, index: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
        batch = self.gather(self.data, index)
        return batch | {"weight": weight * batch.pop("sample_weight", np.float32(1))}

    def _seconds(self) -> float:
        return time.perf_counter() - self.started


def _pad(array: np.ndarray, length: int, axis: int = 0) -> np.ndarray:
    """Zeros at the end of an axis, up to ``length``."""
    missing = length - array.shape[axis]
    return np.pad(array, [(0, missing if i == axis else 0) for i in range(array.ndim)]) if missing else array


def _rates(plan: Plan, step: np.ndarray, total: int) -> np.ndarray:
    """(steps,) learning rates: constant, or a cosine to zero after a warm-up over the first twentieth."""
    if plan.schedule == "constant":
        return np.full(len(step), plan.learning_rate, np.float32)
    warm = max(1.0, total / 20)
    decayed = 0.5 * (1 + np.cos(np.pi * np.clip((step - warm) / max(1.0, total - warm), 0, 1)))
    return (plan.learning_rate * np.minimum((step + 1) / warm, decayed)).astype(np.float32)


def score_members(
    method: Method, trained: Trained, rows: np.ndarray, size: int = SCORE_ROWS
) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of rows and their scores by each member, (members, block) float64; every block has ``size`` rows."""
    weights, buffers = jax.device_put((trained.weights, trained.buffers))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        scores = call(_score, weights, buffers, _pad(block, size), method=method)
        yield slice(start, start + len(block)), np.asarray(scores, np.float64)[:, : len(block)]


def score(method: Method, trained: Trained, rows: np.ndarray) -> np.ndarray:
    """(rows,) float64: the mean over members."""
    result = np.empty(len(rows))
    for block, scores in score_members(method, trained, rows):
        result[block] = scores.mean(0)
    return result
