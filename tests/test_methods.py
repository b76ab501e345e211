"""What is particular to single methods without labels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors as Exact

import amiss
from amiss import detectors
from amiss.errors import OptionError
from amiss.networks import init_references, nearest

METHODS = ("NearestNeighbours", "Denoiser", "DTE", "MaskedColumns", "DeepSVDD", "VariationalAutoencoder", "NeuTraL")
METHODS += ("ICL", "LUNAR", "DeepIsolationForest")


def make(name: str, **parameters: Any) -> Any:
    kind = detectors.find(name)
    quick = {"n_estimators": 1, "steps": 4, "random_state": 0, "representations": 2} | parameters
    known = kind().get_params()
    return kind(**{key: value for key, value in quick.items() if key in known})


def test_page_of_detectors_is_current(root: Path) -> None:
    ran = subprocess.run([sys.executable, root / "bench" / "pages.py"], capture_output=True, text=True, check=True)
    assert (root / "docs" / "detectors.md").read_text() == ran.stdout, "run python bench/pages.py > docs/detectors.md"


@pytest.mark.parametrize(("rows", "k"), [(40, 5), (700, 5), (1500, 20), (600, 100)])
def test_nearest_is_exact(rows: int, k: int) -> None:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, 16)).astype(np.float32)
    asked = rng.normal(size=(256, 16)).astype(np.float32)
    found = np.asarray(jax.jit(nearest, static_argnums=2)(init_references(rng, x, 8192), asked, k))
    count = min(k, rows)
    exact, _ = Exact(n_neighbors=count, algorithm="brute").fit(x).kneighbors(asked)
    assert np.allclose(found[:, :count], exact, atol=1e-5)
    assert (found[:, rows:] > 1e14).all(), "rows that only fill up are no neighbours"


def test_training_rows_do_not_count_themselves() -> None:
    x = np.random.default_rng(0).normal(size=(300, 5))
    detector = make("NearestNeighbours", k=3).fit(x)
    z = detector.scaler_.transform(x)
    exact, _ = Exact(n_neighbors=4).fit(z).kneighbors(z)
    assert np.allclose(detector.anomaly_score(x), exact[:, 1:].mean(1), atol=1e-5)
    assert np.allclose(make("NearestNeighbours", k=3, distance="kth").fit(x).anomaly_score(x), exact[:, 3], atol=1e-5)
    copies = np.concatenate([x, np.tile(x[:1], (3, 1))])  # three more of one row: all its neighbours are its twins
    assert make("NearestNeighbours", k=3).fit(copies).anomaly_score(copies)[0] == 0


@pytest.mark.parametrize(
    ("name", "layer"), [("Denoiser", "w2"), ("MaskedColumns", "w2"), ("VariationalAutoencoder", "decoder_w2")]
)
def test_padding_takes_no_part(name: str, layer: str) -> None:
    """Whatever a network says of columns of padding, the score is the same."""
    z = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    detector = make(name).fit_encoded(z)
    score = detector.score_encoded(z)
    last = detector.members_["weights"][layer]
    padding = np.arange(last.shape[-1]) % 16 >= 5
    last[..., padding] += 7
    assert np.array_equal(detector.score_encoded(z), score)
    last[..., ~padding] += 7
    assert not np.array_equal(detector.score_encoded(z), score)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("rows", "columns"), [(2, 1), (3, 2), (7, 17), (20, 3)])
def test_few_rows_and_columns(name: str, rows: int, columns: int) -> None:
    x = np.random.default_rng(0).normal(size=(rows, columns))
    score = make(name).fit(x).anomaly_score(np.concatenate([x, 100 + x]))
    assert np.isfinite(score).all()


@pytest.mark.parametrize("name", METHODS)
def test_copies_by_the_thousand(name: str) -> None:
    x = np.repeat([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0]], 1000, axis=0)
    assert np.isfinite(make(name).fit(x).anomaly_score(np.concatenate([x[::500], [[9.0, 9.0, 9.0]]]))).all()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("NearestNeighbours", {"k": 0}),
        ("NearestNeighbours", {"k": 501}),
        ("NearestNeighbours", {"distance": "median"}),
        ("NearestNeighbours", {"references": 0}),
        ("Denoiser", {"noise": (0.0, 1.0)}),
        ("Denoiser", {"scales": (0.5, 0.1)}),
        ("DTE", {"bins": 1}),
        ("MaskedColumns", {"extra": 1.0}),
        ("VariationalAutoencoder", {"latent": 0}),
        ("NeuTraL", {"transformations": 1}),
        ("NeuTraL", {"temperature": 0.0}),
        ("ICL", {"temperature": -1.0}),
        ("LUNAR", {"k": 0}),
        ("DeepIsolationForest", {"sample": 1}),
    ],
)
def test_parameters_out_of_range(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        make(name, **wrong).fit(np.random.default_rng(0).normal(size=(20, 3)))


def test_deep_svdd_has_no_bias_and_a_centre_away_from_zero() -> None:
    members = make("DeepSVDD").fit(np.random.default_rng(0).normal(size=(50, 4))).members_
    assert not [name for name in members["weights"] if name.startswith("b")]
    assert (np.abs(members["buffers"]["centre"]) >= np.float32(0.1)).all()


def test_steps_or_epochs_end_the_training() -> None:
    """Steps end it in the middle of an epoch if need be; where epochs are given, they alone count."""
    x = np.random.default_rng(0).normal(size=(500, 4))

    def fit(**limits: Any) -> Any:
        return make("DTE", **{"steps": None, "schedule": "constant", "batch_size": 64} | limits).fit(x)

    scores = [fit(**limits).anomaly_score(x) for limits in ({"steps": 29}, {"steps": 30}, {"epochs": 4})]
    assert not np.array_equal(scores[0], scores[1])
    assert np.array_equal(fit(steps=3, epochs=4).anomaly_score(x), scores[2])
    assert fit(steps=3, epochs=4).history_[-1]["epoch"] == 4


def test_only_own_parameters_are_shown() -> None:
    training = {"epochs", "steps", "batch_size", "learning_rate", "patience", "budget"}
    for name, entry in detectors.DETECTORS.items():
        trains = detectors.find(name)(random_state=0).method().loss is not None
        assert (training <= set(detectors.find(name)().get_params())) == trains, entry
        assert trains or not training & set(detectors.find(name)().get_params()), entry
    own = {"n_estimators", "epochs", "budget"}
    assert set(amiss.AnomalyDetector().get_params()) == own | {"contamination", "random_state"}
