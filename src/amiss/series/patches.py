"""The learned view: an embedding of windows in which neighbours in time are near, and others are not.

After PaAno (a small 1-D CNN on patches and distances in its embedding), from scratch: the encoder is a convolution
written as a matrix product over strided frames, which a CPU does some twenty times faster than XLA's convolution, with
each window's mean and deviation beside its normalised shape. It is trained to recognise a window's neighbour
in time among the other rows of a batch (InfoNCE: van den Oord, Li and Vinyals, 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.params import Params
from amiss.sampling import Data
from amiss.series.windows import PairsInTime, gather_windows, resampled, window_view
from amiss.train import Batch, Method, Plan, Progress, Trained, score_members, train

LENGTH, FRAME, HOP = 64, 16, 8  #: points a window is resampled to, points a frame, points between frames
WIDTH, HIDDEN, OUT = 32, 64, 32  #: units
FRAMES = np.arange(0, LENGTH - FRAME + 1, HOP)[:, None] + np.arange(FRAME)  # (7, 16)
TEMPERATURE, REACH = 0.1, 0.08  #: a neighbour is at most that share of a window away
STEPS, PAIRS, RATE = 200, 128, 2e-3
MOST_WINDOWS, LEAST_WINDOWS, MOST_VALUES = 8192, 512, 1 << 19
BLOCK = 2048  #: windows that are embedded at a time


@lru_cache
def method() -> Method:
    """The three functions. ``score`` gives embeddings (rows, OUT) of unit length instead of one number a row:
    how far they are from each other depends on the whole series, and is measured outside."""

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        sizes = (FRAME * columns, WIDTH), (len(FRAMES) * WIDTH + 2 * columns, HIDDEN), (HIDDEN, OUT)
        weights: dict[str, Any] = {}
        for i, (a, b) in enumerate(sizes):
            weights[f"w{i}"] = (rng.standard_normal((a, b)) * np.sqrt(1.5 / a)).astype(np.float32)
            weights[f"b{i}"] = np.zeros(b, np.float32)
        return Params(weights, {})

    def embed(params: Params, rows: Array) -> Array:
        w = params.weights
        mean = rows.mean(1, keepdims=True)
        deviation = jnp.sqrt(((rows - mean) ** 2).mean(1, keepdims=True) + 0.01)
        frames = ((rows - mean) / deviation)[:, FRAMES].reshape(len(rows), len(FRAMES), -1)
        h = jax.nn.gelu(frames @ w["w0"] + w["b0"][None, None, :]).reshape(len(rows), -1)
        h = jnp.concatenate([h, mean[:, 0], jnp.log(deviation[:, 0])], 1)
        h = jax.nn.gelu(h @ w["w1"] + w["b1"][None, :])
        e = h @ w["w2"] + w["b2"][None, :]
        return e / jnp.sqrt((e * e).sum(1, keepdims=True) + 1e-8)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        """The first half of a batch are windows, the second their neighbours: (batch,), each pair's loss twice."""
        half = len(batch["x"]) // 2
        logits = embed(params, batch["x"][:half]) @ embed(params, batch["x"][half:]).T / TEMPERATURE
        losses = jax.nn.logsumexp(logits, 1) - jnp.diagonal(logits)
        return jnp.concatenate([losses, losses])

    return Method(init, loss, embed)


def learn(
    z: np.ndarray, length: int, seed: int, report: Callable[[Progress], None] | None = None
) -> dict[str, np.ndarray]:
    """Weights by name, learned from the windows of z (time, channels) float32."""
    windows = window_view(z, length)
    most = max(LEAST_WINDOWS, min(MOST_WINDOWS, MOST_VALUES // z.shape[1]))
    rows = np.linspace(0, len(windows) - 1, most).astype(int)  # of a short series, each window several times
    sampler = PairsInTime(max(1, int(REACH * length * most / len(windows))), STEPS)
    plan = Plan(epochs=1, batch_size=2 * PAIRS, learning_rate=RATE, patience=None, seed=seed, steps=STEPS)
    trained = train(
        method(), {"x": windows}, [(rows, np.arange(0))], plan, columns=z.shape[1], sampler=sampler,
        gather=gather_windows(LENGTH), report=report,
    )  # fmt: skip
    return {name: np.asarray(array) for name, array in trained.weights.items()}


def embeddings(weights: dict[str, np.ndarray], z: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """(windows, OUT) float32 embeddings of the windows of z (time, channels) that begin at ``starts``."""
    windows = window_view(z, length)
    blocks = [embedded(weights, windows[starts[i : i + BLOCK]]) for i in range(0, len(starts), BLOCK)]
    return np.concatenate(blocks)


def embedded(weights: dict[str, np.ndarray], windows: np.ndarray) -> np.ndarray:
    """(windows, OUT) float32 embeddings of windows (windows, steps, channels)."""
    out = np.empty((len(windows), OUT), np.float32)
    for block, found in score_members(method(), Trained(weights, {}), resampled(windows, LENGTH)):
        out[block] = found[0]
    return out
