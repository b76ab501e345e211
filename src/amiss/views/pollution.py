"""How polluted training rows are, read off the rows alone."""

from __future__ import annotations

import numpy as np

from amiss.views.neighbours import root, squared

SHELLS = (0.02, 0.05, 0.1)  #: shares of strangest rows that are looked at
CLEAN, POLLUTED = 0.05, 0.10  #: excess jumps below and above which the answer is sure
DENSE, SPARSE = 3.2, 4.2  #: a group's spacing over the others', below which it is a group, above which a tail
LEAST = 12  #: rows of a shell
SMALL, SURER = (8, 16), 4  #: the shells of a small table, and by how much their jumps must be larger: they are noisier
FEW = 64  #: rows below which nothing is said
ROWS = 4_096


def pollution(rows: np.ndarray, order: np.ndarray, spacing: np.ndarray) -> float:
    """From 0, clean, to 1, polluted: do the strangest rows live off each other?

    For a shell of the m strangest rows: how much farther is the (m/2)-th neighbour of one of its rows when the shell
    is taken away? Rows scattered around the edge hardly notice, members of a hidden group do. A thick edge raises
    that jump for all shells, so each is compared with the next larger. A heavy tail can look like a group, but its rows
    lie far apart. Blind to pollution that is scattered.

    rows: (rows, columns) float32. order: (rows,) indices from the least to the most strange. spacing: (rows,) mean
    distance to a few neighbours.
    """
    order = order[-(len(order) // ROWS * ROWS or len(order)) :: max(1, len(order) // ROWS)]
    if len(order) < FEW:
        return 0.0
    sizes, surer = [size for share in SHELLS if (size := int(share * len(order))) >= LEAST], 1
    if len(sizes) < 2:
        sizes, surer = list(SMALL), SURER
    jumps, dense = np.zeros(len(sizes)), np.zeros(len(sizes))
    for i, size in enumerate(sizes):
        shell, kept, near = order[-size:], order[:-size], size // 2
        to_kept = root(np.partition(squared(rows[shell], rows[kept]), near - 1, axis=1)[:, near - 1])
        to_all = root(np.partition(squared(rows[shell], rows[order]), near, axis=1)[:, near])  # one more: itself
        jumps[i] = np.median(np.log((to_kept + 1e-5) / (to_all + 1e-5)))
        apart = np.median(spacing[shell]) / max(np.median(spacing[kept]), 1e-12)
        dense[i] = np.clip((SPARSE - apart) / (SPARSE - DENSE), 0, 1)
    excess = (jumps[:-1] - jumps[1:]) / surer
    most = int(np.argmax(excess))
    return float(np.clip((excess[most] - CLEAN) / (POLLUTED - CLEAN), 0, 1) * dense[most])
