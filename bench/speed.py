"""Training speed of the two classic nets beside scikit-learn, PyTorch and Keras, in one run.

``python bench/speed.py`` runs every library in turn, ``ROUNDS`` times over, each in a process of its own, and prints
medians and ratios. A library that is not installed is left out and named. 50,000 rows x 30 columns, ten epochs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

ROWS, COLUMNS, EPOCHS = 50_000, 30, 10
NETS = {"dense 64-32-1, batch 32": ((64, 32), 32), "(100, 50), batch 200": ((100, 50), 200)}
LIBRARIES = ("amiss", "sklearn", "torch", "keras-tensorflow", "keras-jax", "amiss x8")


def data():
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    y = (x @ rng.normal(size=COLUMNS) + rng.normal(size=ROWS) > 6).astype(int)
    return x, y


def run_amiss(hidden, batch, epochs, members=1):
    from amiss.detectors import FeedForward

    x, y = data()
    model = FeedForward(
        hidden=hidden, batch_size=batch, epochs=epochs, n_estimators=members,
        patience=None, dropout=0.0, weight_decay=0.0, learning_rate=1e-3, random_state=0,
    )  # fmt: skip
    started = time.perf_counter()
    model.fit(x, y)
    return time.perf_counter() - started, model.history_[-1]["loss"]


def run_sklearn(hidden, batch, epochs):
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    x, y = data()
    model = MLPClassifier(hidden, batch_size=batch, max_iter=epochs, n_iter_no_change=10_000, alpha=0.0, random_state=0)
    started = time.perf_counter()
    model.fit(x, y)
    return time.perf_counter() - started, model.loss_


def run_torch(hidden, batch, epochs):
    import torch

    torch.manual_seed(0)
    x, y = (torch.as_tensor(a, dtype=torch.float32) for a in data())
    sizes = (COLUMNS, *hidden, 1)
    layers = [m for a, b in pairwise(sizes) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())][:-1]
    net = torch.nn.Sequential(*layers)
    adam = torch.optim.Adam(net.parameters(), fused=True)
    loss_of = torch.nn.BCEWithLogitsLoss()
    started = time.perf_counter()
    for _ in range(epochs):
        order, total = torch.randperm(len(x)), 0.0
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            adam.zero_grad(set_to_none=True)
            loss = loss_of(net(x[rows])[:, 0], y[rows])
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
    return time.perf_counter() - started, total / len(x)


def run_keras(hidden, batch, epochs, backend):
    os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = backend, "3"
    import keras

    keras.utils.set_random_seed(0)
    x, y = data()
    layers = [keras.layers.Dense(h, activation="relu") for h in hidden] + [keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([keras.layers.Input((COLUMNS,)), *layers])
    model.compile("adam", "binary_crossentropy")
    started = time.perf_counter()
    history = model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return time.perf_counter() - started, history.history["loss"][-1]


def one(library: str, net: str, epochs: int) -> dict[str, float]:
    """Fit once in this process: seconds of the fit, and the last epoch's loss."""
    hidden, batch = NETS[net]
    if library.startswith("amiss"):
        seconds, loss = run_amiss(hidden, batch, epochs, 8 if library.endswith("x8") else 1)
    elif library.startswith("keras"):
        seconds, loss = run_keras(hidden, batch, epochs, library.split("-")[1])
    else:
        seconds, loss = {"sklearn": run_sklearn, "torch": run_torch}[library](hidden, batch, epochs)
    return {"fit": seconds, "loss": float(loss)}


def measure(library: str, net: str, epochs: int) -> dict[str, float] | None:
    """Whole-process seconds beside those of the fit; None where the library is not installed."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--one", library, net, str(epochs)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{library}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1]) | {"process": time.perf_counter() - started}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--libraries", default=",".join(LIBRARIES))
    parser.add_argument("--one", nargs=3, metavar=("LIBRARY", "NET", "EPOCHS"), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path)
    wish = parser.parse_args()
    if wish.one:
        print(json.dumps(one(wish.one[0], wish.one[1], int(wish.one[2]))))
        return
    results = []
    for net, (_, batch) in NETS.items():
        runs: dict[str, list[dict[str, float]]] = {}
        for _ in range(wish.rounds):  # libraries take turns, so that a busy minute strikes them all
            for library in wish.libraries.split(","):
                long, short = measure(library, net, EPOCHS), measure(library, net, 1)
                if long and short:  # the difference of ten epochs and one leaves out compiling and starting
                    steps = (EPOCHS - 1) * -(-ROWS // batch)
                    step = (long["fit"] - short["fit"]) / steps * 1e6
                    runs.setdefault(library, []).append(
                        long | {"step": step, "once": long["fit"] - step * steps / 9 * 10 / 1e6}
                    )
        ours = {k: statistics.median(r[k] for r in runs["amiss"]) for k in ("step", "fit", "process")}
        print(f"\n{net}: {'library':18} us a step    ratio   fit s   ratio   process s   ratio   start s   loss")
        for library, found in runs.items():
            row = {k: statistics.median(r[k] for r in found) for k in ("step", "fit", "process", "once", "loss")}
            results.append({"net": net, "library": library, **row, "rounds": found})
            print(
                f"{'':{len(net)}}  {library:18} {row['step']:9.1f} {row['step'] / ours['step']:8.2f} {row['fit']:7.2f}"
                f" {row['fit'] / ours['fit']:7.2f} {row['process']:11.2f} {row['process'] / ours['process']:7.2f}"
                f" {row['once']:9.2f} {row['loss']:6.4f}"
            )
    if wish.output:
        wish.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
