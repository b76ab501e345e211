"""The report of a series: complete, escaped, small, and alive in a real browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from amiss.report import write_report
from amiss.report.timeline import series_page, summarise_series
from amiss.series.detect import SeriesDetection, detect_series
from test_series_table import frame

EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def found() -> SeriesDetection:
    made = frame().drop("word").rename({"a": EVIL})
    return detect_series(made, "when", train_until=600, label="label", learned=False, bands=True)


def test_summary_and_page(found: SeriesDetection) -> None:
    told = summarise_series(found, "en", "amiss detect")
    assert told["sentence"].startswith("1 stretch looks amiss")
    (event,) = told["listed"]
    assert event["why"][0].startswith("b at 2024-01-01T16")
    assert "typical" in event["why"][0]
    (one,) = told["series"]
    assert [c["name"] for c in one["channels"]] == ["b", EVIL]
    assert len(one["heat"]["cells"]) == 2
    json.dumps(told, allow_nan=False)
    for lang in ("en", "zh"):
        page = series_page(summarise_series(found, lang))
        assert EVIL not in page
        assert f'<html lang="{lang}">' in page


def test_bands_stand_beside_the_rows(found: SeriesDetection) -> None:
    table = found.frame
    for name in ("b", EVIL):
        inside = (table[name] >= table[f"{name} low"]) & (table[name] <= table[f"{name} high"])
        assert inside[:900].mean() > 0.9
    assert (table["b"] > table["b high"])[1005:1020].mean() > 0.7
    assert "b at 2024-01-01T1" in found.events["why"][0]


def test_long_series_are_drawn_in_parts_and_it_is_said(tmp_path: Path) -> None:
    rng, t = np.random.default_rng(0), np.arange(30_000)
    x = np.sin(2 * np.pi * t / 50) + 0.05 * rng.standard_normal(len(t))
    x[20_000:20_030] += 1.5
    many = pl.DataFrame({"t": t} | {f"c{i}": np.roll(x, i) for i in range(14)})
    found = detect_series(many, "t", train_until=8000, detector="WindowPCA")
    write_report(tmp_path / "r.html", found)
    text = (tmp_path / "r.html").read_text("utf-8")
    assert len(text) < 3_000_000
    assert "the least and the greatest value in each of" in text
    assert "the 12 channels most to blame are drawn, of 14" in text
    (one,) = summarise_series(found)["series"]
    assert max(v for v in one["channels"][0]["max"]) > 2
    assert one["detail"][0]["times"]


def test_labels_are_drawn_and_the_card_is_whole(found: SeriesDetection) -> None:
    told = summarise_series(found, "en", "amiss detect")
    assert found.y is not None
    ((first, last),) = told["series"][0]["labelled"]
    times = found.table.series[0].times
    own = found.table.series[0].place[found.y == 1]
    assert (first, last) == (times[own.min()], times[own.max()])
    assert sum(map(sum, told["curves"]["confusion_matrix"])) == found.frame["score"].is_finite().sum()
    assert {"parameters", "versions", "data", "seed", "command", "label", "channels"} <= set(told["card"])
    text = series_page(told)
    assert "labelled as anomalies" in text
    assert "Confusion matrix" in text
    unlabelled = summarise_series(replace(found, y=None))
    assert unlabelled["curves"] is None
    assert "labelled as anomalies" not in series_page(unlabelled)


def test_nothing_amiss(tmp_path: Path) -> None:
    quiet = detect_series(frame()[:900], "when", train_until=500, drop=["label"], learned=False)
    write_report(tmp_path / "r.html", quiet, lang="zh")
    assert "未发现异常时段" in (tmp_path / "r.html").read_text("utf-8")
    write_report(tmp_path / "r.json", quiet)
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["events"] == 0


@pytest.mark.filterwarnings("default")
def test_in_a_real_browser(found: SeriesDetection, tmp_path: Path, browser: Any, quiet: Any) -> None:
    write_report(tmp_path / "r.html", found)
    browser.get_log("browser")
    browser.get_log("performance")
    browser.set_window_size(1000, 1200)
    browser.get((tmp_path / "r.html").as_uri())
    run = browser.execute_script
    shown = lambda: run("return document.querySelector('.tools output').textContent")  # noqa: E731
    whole = shown()
    assert whole.startswith("2024-01-01 00:00:00")
    run("document.querySelector('#events a').click()")
    assert shown() != whole
    run("document.querySelector('[data-do=all]').click()")
    assert shown() == whole
    run("document.querySelector('.series').dispatchEvent(new KeyboardEvent('keydown', {key: '+'}))")
    assert shown() != whole
    inked = (
        "const c = document.querySelector('canvas'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "return d.some((v) => v > 0)"
    )
    assert run(inked)
    move = (
        "document.querySelector('canvas').dispatchEvent(new PointerEvent('pointermove', {clientX: 400, clientY: 300}))"
    )
    run(move)
    assert not run("return document.getElementById('tip').hidden")
    assert "typical" in run("return document.getElementById('tip').textContent")
    quiet(browser)
