"""A member's parameters: nested dictionaries of arrays, flat for the optimiser and for the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Params(NamedTuple):
    """One member: ``weights`` are trained; ``buffers`` are not (a centre, reference rows, a mask of columns)."""

    weights: dict[str, Any]
    buffers: dict[str, Any]


class Layout(NamedTuple):
    """How a flat vector divides into named arrays; hashable, so that programs are compiled per layout."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    def unravel(self, flat: Any) -> dict[str, Any]:
        """(values,) -> nested arrays; NumPy and JAX alike."""
        named, at = {}, 0
        for name, shape in zip(self.names, self.shapes):
            size = math.prod(shape)
            named[name] = flat[at : at + size].reshape(shape)
            at += size
        return unflatten(named)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries -> one dictionary whose names are paths ``outer/inner``."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= flatten(value, f"{prefix}{name}/") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of :func:`flatten`."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split("/")
        inner = tree
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[name] = value
    return tree


def ravel(members: Sequence[dict[str, Any]]) -> tuple[np.ndarray, Layout, np.ndarray]:
    """Members' weights -> ((members, values), layout, (values,) 1 where weight decay applies: not to biases)."""
    flat = [flatten(m) for m in members]
    layout = Layout(tuple(flat[0]), tuple(np.shape(a) for a in flat[0].values()))
    vectors = np.stack([np.concatenate([np.ravel(a) for a in m.values()] or [np.zeros(0)]) for m in flat])
    decays = [np.full(math.prod(s), len(s) > 1, np.float32) for s in layout.shapes]
    return vectors.astype(np.float32), layout, np.concatenate(decays or [np.zeros(0, np.float32)])


def stack(trees: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Members' trees -> one tree whose leaves are (members, ...)."""
    flat = [flatten(t) for t in trees]
    return unflatten({name: np.stack([np.asarray(f[name]) for f in flat]) for name in flat[0]})
