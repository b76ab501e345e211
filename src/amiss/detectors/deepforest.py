"""A deep isolation forest: rows that random cuts through random representations soon isolate are anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Ensemble
from amiss.errors import Range
from amiss.networks import init_mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Method
from amiss.trees import NEVER, grow, usual_path


def _represent(net: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    for i in range(len(net)):
        x = x @ net[f"w{i}"]
        x = np.tanh(x) if i < len(net) - 1 else x
    return x


@lru_cache
def _method(hidden: tuple[int, ...], representations: int, trees: int, sample: int) -> Method:
    depth = max(1, int(np.ceil(np.log2(sample))))

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        x = data["x"]
        sizes = (x.shape[-1], *hidden)
        nets, grown = [], []
        for _ in range(representations):
            nets.append(init_mlp(rng, sizes, columns, bias=False))
            drawn = np.stack([rng.permutation(len(x))[:sample] for _ in range(trees)])
            grown.append(grow(rng, _represent(nets[-1], x[drawn]), depth))
        buffers = {name: np.stack([net[name] for net in nets]) for name in nets[0]}
        for name, arrays in zip(("column", "cut", "length"), zip(*grown)):
            buffers[name] = np.stack(arrays)
        return Params({}, buffers | {"usual": np.float32(max(float(usual_path(np.array(min(sample, len(x))))), 1.0))})

    def score(params: Params, rows: Array) -> Array:
        def one(total: tuple[Array, Array], each: dict[str, Array]) -> tuple[tuple[Array, Array], None]:
            z = rows
            for i in range(len(hidden)):
                z = z @ each[f"w{i}"]
                z = jnp.tanh(z) if i < len(hidden) - 1 else z

            def walk(column: Array, cut: Array, length: Array) -> tuple[Array, Array]:
                node, margin = jnp.zeros(len(z), int), jnp.zeros(len(z))
                for _ in range(depth):
                    value = jnp.take_along_axis(z, column[node].astype(int)[:, None], 1)[:, 0]
                    margin += jnp.where(cut[node] < NEVER, jnp.abs(value - cut[node]), 0)
                    node = 2 * node + 1 + (value > cut[node])
                path = length[node - len(cut)]
                return path, margin / jnp.maximum(path, 1)

            path, margin = jax.vmap(walk)(each["column"], each["cut"], each["length"])
            return (total[0] + jnp.sum(path, 0), total[1] + jnp.sum(margin, 0)), None

        usual = params.buffers["usual"]
        nets = {name: array for name, array in params.buffers.items() if name != "usual"}
        (path, margin), _ = jax.lax.scan(one, (jnp.zeros(len(rows)), jnp.zeros(len(rows))), nets)
        every = representations * trees
        return jnp.exp2(-path / every / usual) * margin / every

    return Method(init, None, score)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepIsolationForest(Detector, Ensemble):
    """Isolation trees in the spaces of random networks: deep isolation forest (Xu et al., TKDE 2023).

    Networks with random weights are never trained; their representations turn straight cuts into bent ones. The score
    is an isolation forest's, times the mean distance of the row to the cuts on its way.

    Finds global anomalies and, unlike a plain forest, some that no single column shows. Fails on local and dependency
    anomalies in many columns. Training rows may be polluted: trees see few rows at a time.
    Cost: no steps; a fit takes a fraction of a second whatever the rows; scoring walks down 300 trees.

    hidden: units of each layer, the representation last. representations: networks a member. trees: a network.
    sample: rows a tree, the paper's 256.
    """

    hidden: tuple[int, ...] = (64, 20)
    representations: int = 25
    trees: int = 6
    sample: int = 256
    n_estimators: int = 2

    ranges: ClassVar[dict[str, Range]] = {
        "representations": Range(1, whole=True),
        "trees": Range(1, whole=True),
        "sample": Range(2, whole=True),
    }

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.representations, self.trees, self.sample)
