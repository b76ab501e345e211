"""The training loop, on a method whose answer is known: least squares."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from amiss import train
from amiss.errors import AmissError
from amiss.params import Params
from amiss.sampling import balanced, uniform
from amiss.train import Method, Plan, Progress, Trained

TRUTH = np.array([1.0, -2.0, 3.0, 0.5], np.float32)


@lru_cache
def least_squares(monitored: bool = False) -> Method:
    """w and one bias by the squared error; the score is the prediction."""

    def init(rng: np.random.Generator, data: Any, columns: int) -> Params:
        start = {"w": rng.normal(size=(4, 1)).astype(np.float32), "b": np.zeros(1, np.float32)}
        return Params(start, {"mean": data["x"].mean(0)})

    def score(params: Params, rows: Any) -> Any:
        return (rows @ params.weights["w"])[:, 0] + params.weights["b"]

    def loss(params: Params, batch: Any, key: Any) -> Any:
        return (score(params, batch["x"]) - batch["y"]) ** 2

    def never_better(params: Params, batch: Any, key: Any) -> Any:
        return jnp.sum(params.weights["w"] ** 2) * jnp.ones(batch["y"].shape)

    return Method(init, loss, score, never_better if monitored else None)


def make_data(rows: int, noise: float = 0.0, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    return {"x": x, "y": (x @ TRUTH + 1 + noise * rng.normal(size=rows)).astype(np.float32)}


def run(
    data: dict[str, np.ndarray], splits: list[tuple[np.ndarray, np.ndarray]], method: Method | None = None, **plan: Any
) -> Trained:
    report = plan.pop("report", None)
    chosen = Plan(**{"learning_rate": 0.05, "batch_size": 32} | plan)
    return train.train(method or least_squares(), data, splits, chosen, columns=4, report=report)


def alone(rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """One member that learns from all rows."""
    return [(np.arange(rows), np.arange(0))]


def halves(rows: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(0, rows, 2), np.arange(1, rows, 2)


def error(trained: Trained, data: dict[str, np.ndarray], rows: np.ndarray, member: int = 0) -> float:
    w, b = trained.weights["w"][member], trained.weights["b"][member]
    return float((((data["x"][rows] @ w)[:, 0] + b - data["y"][rows]) ** 2).mean())


def test_it_learns() -> None:
    data = make_data(500)
    trained = run(data, alone(500), epochs=60)
    assert trained.stopped == "epochs"
    assert np.allclose(trained.weights["w"][0, :, 0], TRUTH, atol=0.02)
    assert trained.weights["b"][0] == pytest.approx(1, abs=0.02)
    assert trained.history[-1]["loss"] < 0.01 < trained.history[0]["loss"]
    assert np.array_equal(trained.buffers["mean"][0], data["x"].mean(0)), "buffers stay as they were"
    score = train.score(least_squares(), trained, data["x"])
    assert np.allclose(score, data["y"], atol=0.1)


def test_same_seed_same_bits() -> None:
    data = make_data(300, noise=1)
    splits = [halves(300), halves(300)[::-1]] * 2
    first, again, other = (run(data, splits, epochs=5, seed=s) for s in (0, 0, 1))
    assert np.array_equal(first.weights["w"], again.weights["w"])
    assert not np.array_equal(first.weights["w"], other.weights["w"])
    assert len({m.tobytes() for m in first.weights["w"]}) == 4, "members differ"


def test_early_stopping_keeps_the_best() -> None:
    """Four weights from six rows of noise: the held-out loss soon rises."""
    data = make_data(206, noise=3, seed=1)
    split = (np.arange(6), np.arange(6, 206))
    trained = run(data, [split], epochs=20_000, patience=5, batch_size=2, learning_rate=0.02)
    assert trained.stopped == "patience"
    watched = [h["validation"] for h in trained.history]
    assert len(watched) == np.argmin(watched) + 1 + 6
    assert error(trained, data, split[1]) == pytest.approx(min(watched), rel=1e-4)
    assert trained.history[-1]["epoch"] < 20_000


def test_monitor_is_what_early_stopping_watches() -> None:
    """A monitor that only ever rises: the first look is the best, whatever the loss does."""
    data = make_data(200)
    start = run(data, [halves(200)], least_squares(True), epochs=1)
    data["y"] *= 100  # weights only grow
    trained = run(data, [halves(200)], least_squares(True), epochs=500, patience=3)
    assert trained.stopped == "patience"
    assert len(trained.history) == 5
    assert np.abs(trained.weights["w"]).max() < 10 > np.abs(start.weights["w"]).max()


def test_without_patience_all_epochs_run() -> None:
    trained = run(make_data(100, noise=3), [halves(100)], epochs=333, patience=None)
    assert (trained.stopped, trained.history[-1]["epoch"]) == ("epochs", 333)


def test_budget_ends_in_time_with_the_best_so_far() -> None:
    data = make_data(2000)
    run(data, [halves(2000)], epochs=1)  # compiled
    started = time.perf_counter()
    trained = run(data, [halves(2000)], epochs=10**7, patience=None, budget=1.0, learning_rate=0.01)
    assert time.perf_counter() - started < 4
    assert trained.stopped == "budget"
    assert 0 < trained.history[-1]["epoch"] < 10**7
    assert error(trained, data, np.arange(1, 2000, 2)) == pytest.approx(
        min(h["validation"] for h in trained.history), rel=1e-3, abs=1e-9
    )


def test_no_budget_at_all_leaves_the_first_weights() -> None:
    data = make_data(100)
    trained = run(data, [halves(100)], epochs=50, budget=0.0)
    first = least_squares().init(np.random.default_rng([0, 0]), data, 4)
    assert trained.stopped == "budget"
    assert np.array_equal(trained.weights["w"][0], first.weights["w"])


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """A shell makes what it starts in the background deaf to Ctrl-C, these tests for one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize("members", [1, 4])
def test_ctrl_c_keeps_the_best(members: int) -> None:
    data, main = make_data(2000), threading.get_ident()
    seen: list[Progress] = []

    def press(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 5:
            signal.pthread_kill(main, signal.SIGINT)

    started = time.perf_counter()
    trained = run(data, [halves(2000)] * members, epochs=10**7, patience=None, report=press)
    assert time.perf_counter() - started < 60
    assert trained.stopped == "interrupted"
    assert trained.weights["w"].shape == (members, 4, 1)
    for member in range(members):
        assert error(trained, data, np.arange(1, 2000, 2), member) < 1


def test_error_in_a_callback_ends_the_training() -> None:
    """Also of the members that another thread trains."""

    def fail(progress: Progress) -> None:
        raise RuntimeError("the pipe is closed")

    started = time.perf_counter()
    with pytest.raises(RuntimeError, match="the pipe is closed"):
        run(make_data(2000), [halves(2000)] * 2, epochs=10**7, patience=None, report=fail, budget=50.0)
    assert time.perf_counter() - started < 30


def test_members_of_different_sizes() -> None:
    """Each learns its own rows, each as if it were alone; batches of padding alone change nothing."""
    data = make_data(400, noise=0.5)
    few, many = (np.arange(40), np.arange(0)), (np.arange(40, 400), np.arange(0))
    both = run(data, [few, many, many, few], epochs=20, patience=None)
    single = run(data, [few], epochs=20, patience=None)
    assert np.allclose(both.weights["w"][0], single.weights["w"][0], atol=1e-5)
    assert error(both, data, many[0], 1) < 0.5 < error(both, data, few[0], 0), "few rows, few steps"


def test_an_odd_number_of_members_compiles_nothing_more() -> None:
    """Both groups share one program, in which what is no member takes no steps and is not kept."""
    data = make_data(300, noise=1)
    splits = [halves(300), halves(300)[::-1]] * 2
    four = run(data, splits, epochs=5)
    programs = train._advance._cache_size()
    three = run(data, splits[:3], epochs=5)
    assert np.array_equal(three.weights["w"], four.weights["w"][:3])
    assert train._advance._cache_size() == programs


def test_sample_weights_count_as_so_many_rows() -> None:
    data = make_data(40, noise=2)
    weights = np.random.default_rng(0).integers(0, 4, 40)
    weighted = run(data | {"sample_weight": weights.astype(np.float32)}, alone(40), epochs=50, batch_size=128)
    repeated = np.repeat(np.arange(40), weights)
    again = run({k: v[repeated] for k, v in data.items()}, alone(len(repeated)), epochs=50, batch_size=128)
    assert np.allclose(weighted.weights["w"], again.weights["w"], atol=1e-4)
    plain = run(data, alone(40), epochs=50, batch_size=128)
    assert not np.allclose(weighted.weights["w"], plain.weights["w"], atol=1e-2)


def test_weight_decay_is_decoupled_and_spares_the_bias() -> None:
    data = make_data(64)
    data["x"][:] = 0  # no gradient for w
    start = run(data, alone(64), epochs=0)
    trained = run(data, alone(64), epochs=10, batch_size=64, weight_decay=0.5, learning_rate=0.1, patience=None)
    assert np.allclose(trained.weights["w"], start.weights["w"] * 0.95**10, rtol=1e-4)
    assert trained.weights["b"][0] > 0.3


def test_cosine_schedule() -> None:
    rates = train._rates(Plan(learning_rate=0.1, schedule="cosine"), np.arange(1000), 1000)
    assert rates.dtype == np.float32
    assert rates[0] == pytest.approx(0.1 / 50)
    assert np.argmax(rates) in (49, 50)
    assert rates.max() == pytest.approx(0.1, rel=0.01)
    assert (np.diff(rates[:49]) > 0).all()
    assert (np.diff(rates[51:]) < 0).all()
    assert rates[-1] < 1e-5
    assert rates[525] == pytest.approx(0.05, rel=0.01)
    assert (train._rates(Plan(learning_rate=0.1), np.arange(9), 9) == np.float32(0.1)).all()


def test_cosine_settles_where_a_constant_rate_jumps_about() -> None:
    data = make_data(512, noise=1)
    exact = np.linalg.lstsq(np.column_stack([data["x"], np.ones(512)]), data["y"], rcond=None)[0]
    gaps = {}
    for schedule in ("constant", "cosine"):
        plan = {"epochs": 40, "batch_size": 8, "learning_rate": 0.1, "schedule": schedule, "patience": None}
        gaps[schedule] = np.abs(run(data, alone(512), **plan).weights["w"][0, :, 0] - exact[:4]).max()
    assert gaps["cosine"] < 0.01 < gaps["constant"]


def test_progress_is_reported() -> None:
    heard: list[Progress] = []
    trained = run(make_data(640), [halves(640)], epochs=50, patience=None, report=heard.append)
    assert [p.epoch for p in heard] == [h["epoch"] for h in trained.history]
    assert heard[-1].epoch == heard[-1].epochs == 50
    assert all(a.epoch < b.epoch and a.seconds <= b.seconds for a, b in pairwise(heard))
    assert heard[-1].loss < heard[0].loss
    assert len(heard) >= 5


@pytest.mark.parametrize("held", [True, False], ids=["validated", "not validated"])
def test_divergence_is_an_error(held: bool) -> None:
    """Never a model of weights that were not learned."""
    data = make_data(200)
    split = halves(200) if held else alone(200)[0]
    with pytest.raises(AmissError, match="training diverged") as caught:
        run(data, [split], epochs=200, learning_rate=1e30)
    assert "lower learning_rate" in str(caught.value)


def test_nothing_to_train() -> None:
    method = least_squares()._replace(loss=None)
    trained = run(make_data(20), alone(20) * 3, method, epochs=10)
    assert (trained.stopped, trained.history) == ("nothing to train", [])
    assert trained.weights["w"].shape == (3, 4, 1)
    assert run(make_data(20), alone(20), epochs=0).stopped == "nothing to train"


def test_long_tables_go_through_in_chunks() -> None:
    """More steps an epoch than one program call takes; the tail of the rows weighs what it should."""
    rows = train.CHUNK_STEPS * 4 + 3
    data = make_data(rows, noise=1)
    trained = run(data, alone(rows), epochs=2, batch_size=2, learning_rate=0.0)
    assert trained.history[-1]["loss"] == pytest.approx(error(trained, data, np.arange(rows)), rel=1e-4)


def test_validation_counts_every_held_row_once() -> None:
    rows = 2 * train.ASSESS_ROWS + 300
    data = make_data(rows, noise=1)
    held = np.arange(100, rows)
    trained = run(data, [(np.arange(100), held)], epochs=1, learning_rate=0.0)
    assert trained.history[-1]["validation"] == pytest.approx(error(trained, data, held), rel=1e-4)


def test_score_is_the_mean_over_members() -> None:
    data = make_data(3000)
    trained = run(data, [halves(3000)] * 3, epochs=1)
    by_hand = np.mean([(data["x"] @ w)[:, 0] + b for w, b in zip(trained.weights["w"], trained.weights["b"])], 0)
    score = train.score(least_squares(), trained, data["x"])
    assert score.dtype == np.float64
    assert np.allclose(score, by_hand, atol=1e-5)
    assert train.score(least_squares(), trained, data["x"][:0]).shape == (0,)


# --- samplers --------------------------------------------------------------------------------------------------------


def test_uniform_takes_each_row_once() -> None:
    rows = np.arange(100, 145)
    index, weight = uniform(np.random.default_rng(0), {}, rows, 16)
    assert index.shape == weight.shape == (3, 16)
    assert sorted(index[weight > 0]) == rows.tolist()
    assert weight.sum() == 45
    assert index[weight > 0].tolist() != rows.tolist()


def test_balanced_fills_half_of_a_batch_with_anomalies() -> None:
    y = (np.arange(200) % 20 == 0).astype(int)
    index, weight = balanced(np.random.default_rng(0), {"y": y}, np.arange(200), 16)
    assert (y[index[:, 8:]] == 1).all()
    assert sorted(index[:, :8][weight[:, :8] > 0]) == np.flatnonzero(y == 0).tolist()
    for same in (np.zeros(50, int), np.ones(50, int)):
        index, weight = balanced(np.random.default_rng(0), {"y": same}, np.arange(50), 16)
        assert sorted(index[weight > 0]) == list(range(50))
