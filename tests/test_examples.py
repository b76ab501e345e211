"""The examples run, and find what they say they find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def at_hand(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "examples"))


def test_card_fraud(tmp_path: Path) -> None:
    import card_fraud

    found, fraud = card_fraud.main(tmp_path), card_fraud.payments()[1]
    flagged = found.frame["is_anomaly"].to_numpy()
    assert found.verdict is not None
    assert found.verdict.anything_amiss
    assert flagged[fraud].mean() > 0.7
    assert flagged[~fraud].sum() <= 5
    assert (tmp_path / "report.html").stat().st_size < 3_000_000


def test_network_intrusion() -> None:
    import network_intrusion

    flagged = network_intrusion.main()["is_anomaly"].to_numpy()
    assert flagged[:15].mean() > 0.9
    assert flagged[15:].mean() < 0.02


def test_production_quality() -> None:
    import production_quality

    assert production_quality.main(800)["recall"] > 0.5


def test_medical_screening(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import medical_screening

    quick: dict[str, Any] = {"detector": "FeedForward", "parameters": {"n_estimators": 1, "epochs": 30}}
    promised = medical_screening.main(tmp_path, **quick)
    assert promised["recall"] >= 0.9
    assert promised["recall_low"] < promised["recall"] <= promised["recall_high"]
    assert "keeps no training rows" in capsys.readouterr().out


def test_screening_on_real_people(tables: Path) -> None:
    from click.testing import CliRunner

    from amiss.cli import main

    path = tables / "stroke.csv"
    quick = ["--detector", "FeedForward", "--set", "epochs=3", "--set", "n_estimators=1"]
    made = CliRunner().invoke(main, ["detect", str(path), "--label", "stroke", "--alerts", "50", *quick])
    assert made.exit_code == 0, made.output
    assert "50 of 5,110 rows" in made.output
