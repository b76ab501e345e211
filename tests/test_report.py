"""The report: one file, everything escaped, and a page that works in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from amiss.detection import Detection, detect
from amiss.errors import OptionError, OutputError
from amiss.report import plots, write_report
from amiss.report.curves import curves
from amiss.report.page import page
from amiss.report.strings import LANGUAGES, STRINGS
from amiss.report.summarise import of_detection, of_scores, summarise

QUICK = {"n_estimators": 1, "epochs": 8, "hidden": (8, 3)}
EVIL = "<script>alert(1)</script>"


def table(rows: int = 240) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    amount = rng.lognormal(3, 0.5, rows)
    amount[:6] *= 60
    shop = rng.choice(["north", "south", EVIL, "שלום\u202e", "🙂"], rows)
    day = pl.Series(rng.integers(0, 300, rows)).cast(pl.Int32).cast(pl.Date).cast(pl.String)
    noise = [None if i % 9 == 0 else float(v) for i, v in enumerate(rng.normal(size=rows))]
    return pl.DataFrame(
        {"amount": amount, "shop": shop, "day": day, "no<ise": noise, "same": "x", "text": ["a b " * 3000] * rows}
    )


@pytest.fixture(scope="module")
def found() -> Detection:
    return detect(table(), detector="Autoencoder", parameters=QUICK, contamination=0.05)


@pytest.fixture(scope="module")
def labelled() -> Detection:
    frame = table().with_columns(fraud=pl.Series([1] * 12 + [0] * 228))
    return detect(frame, "fraud", detector="FeedForward", parameters={"n_estimators": 1, "epochs": 15})


@pytest.fixture(scope="module")
def pages(found: Detection, labelled: Detection, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    paths = {"plain": folder / "plain.html", "labelled": folder / "labelled.html"}
    write_report(paths["plain"], found, command="amiss detect <x>")
    write_report(paths["labelled"], labelled, lang="zh")
    return paths


def test_one_file_without_network(pages: dict[str, Path]) -> None:
    for path in pages.values():
        text = path.read_text("utf-8")
        assert len(text) < 3_000_000
        assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text)
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text


def test_text_from_data_stays_text(pages: dict[str, Path]) -> None:
    for path in pages.values():
        text = path.read_text("utf-8")
        assert EVIL not in text
        assert "&lt;script&gt;alert(1)" in text
        assert text.count("<script") == 2
        assert "no<ise" not in text


def test_the_summary_is_the_json(found: Detection, tmp_path: Path) -> None:
    write_report(tmp_path / "r.json", found)
    told = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert told["verdict"]["rows"] == 240
    assert told["verdict"]["flagged"] == found.frame["is_anomaly"].sum()
    assert told["rows"][0]["row"] == int(found.frame["score"].arg_max() or 0) + 1
    assert told["rows"][0]["reasons"]
    assert told["slider"]["count"][told["slider"]["start"]] == told["verdict"]["flagged"]
    assert sum(told["histogram"]["counts"]) == 240
    assert told["slider"]["by_score"]  # a share of the strangest is by score; a list of p-values need not be
    assert {f["column"] for f in told["faults"]} >= {"same", "no<ise"}
    assert told["card"]["seed"] == 0
    assert len(told["card"]["data"]) == 16


def test_labels_bring_curves_and_live_precision(labelled: Detection) -> None:
    told = summarise(of_detection(labelled))
    slider, start = told["slider"], told["slider"]["start"]
    reached = told["evaluation"]
    assert slider["hits"][start] + slider["alarms"][start] == slider["count"][start]
    assert slider["count"][start] == told["verdict"]["flagged"]
    assert abs(slider["hits"][start] - reached["confusion_matrix"][1][1]) <= 1
    assert [slider["own_alarms"], slider["own_hits"]] == [row[1] for row in reached["confusion_matrix"]]
    assert told["curves"]["roc"][0][0] == 0
    assert "calibration" in told["curves"]
    assert any("one that saw all rows" in note for note in told["notes"])


def test_a_chinese_page_holds_no_english_but_names(tmp_path: Path) -> None:
    """What is left in Latin letters names a thing: a measure, a parameter, a program."""
    frame = table()
    mine = {"amount": "金额", "shop": "商店", "day": "日期", "no<ise": "噪声", "same": "常数", "text": "文字"}
    words = {"north": "北", "south": "南", EVIL: "东", "שלום\u202e": "西", "🙂": "中"}
    frame = frame.rename(mine).with_columns(
        pl.col("商店").replace(words), pl.lit("甲 乙").alias("文字"), pl.lit("丙").alias("常数"),
        pl.Series("欺诈", [1] * 12 + [0] * 228),
    )  # fmt: skip
    one = detect(frame, "欺诈", detector="FeedForward", parameters={"n_estimators": 1, "epochs": 15})
    told = summarise(of_detection(one), "zh")
    shown = re.sub(r"<style.*?</style>|<script.*?</script>|</?bdi>", "", page(told), flags=re.DOTALL)
    names = {"amiss", "ROC", "Brier", "F1", "SHA", "detect", "label", *told["card"]["parameters"]}
    names |= {told["card"][key] for key in ("detector", "source", "data")} | set(told["card"]["versions"])
    names |= {str(v) for v in told["card"]["parameters"].values()}
    names = {plots.esc(name) for name in names}
    english = re.findall(r">([^<]*[A-Za-z]{3}[^<]*)<", shown)
    rest = [re.sub("|".join(sorted(map(re.escape, names), key=len, reverse=True)), "", w) for w in english]
    assert [w for w in rest if re.search("[A-Za-z]{3}", w)] == []


def test_a_curve_is_thinned_along_its_way() -> None:
    """A few rows at the top are half of the curve of a rare anomaly, among ten thousand."""
    rng = np.random.default_rng(0)
    score = np.sort(rng.normal(size=20_000))[::-1]
    y = np.zeros(20_000, int)
    y[[0, 1, 2, 5, 9, *range(20, 200, 4)]] = 1
    drawn = curves(y, score)
    recall, precision = map(np.asarray, drawn["pr"])
    assert len(recall) <= 202
    best = [precision[np.abs(recall - k / y.sum()) < 0.01].max() for k in (3, 5, 25)]
    assert best == pytest.approx([1, 0.5, 25 / 97], abs=0.05)
    assert recall[0] == 1
    assert precision[-1] == 1  # of the strangest row, which is an anomaly here
    assert curves(1 - y, score)["pr"][1][-1] == 0  # and here it is not
    assert drawn["roc"][0][0] == drawn["roc"][1][0] == 0
    assert drawn["roc"][0][-1] == drawn["roc"][1][-1] == 1


def test_numbers_that_lie_close_are_told_apart() -> None:
    drawn = plots.histogram([1] * 40, np.linspace(295, 304, 41).tolist(), "t", "", "")
    assert "<title>295.00 .. 295.23: 1</title>" in drawn
    ticks = re.findall(
        r'text-anchor="(?:middle|end)">([^<]+)</text>', plots.Axes((100_000, 100_400), (0, 1)).frame("", "")
    )
    assert ticks[:5] == ["100,000", "100,100", "100,200", "100,300", "100,400"]
    days = (1.5e9 + 86_400 * np.arange(41)).tolist()
    assert ">2017-07-14</text>" in plots.histogram([1] * 40, days, "t", "", "", dates=True)
    hours = (1.5e9 + 3_600 * np.arange(41)).tolist()
    assert ">07-14 02:40</text>" in plots.histogram([1] * 40, hours, "t", "", "", dates=True)
    assert ">1,000</text>" in plots.histogram([1] * 40, np.linspace(-2, 3, 41).tolist(), "t", "", "", power=True)


def test_a_scored_table_is_reported_too(found: Detection) -> None:
    model = found.model
    assert model is not None
    fresh = model.match(model.read(table(50)))
    told = summarise(of_scores(model, fresh, model.score_table(fresh)), "zh")
    assert told["verdict"]["rows"] == 50
    assert told["lang"] == "zh"


def test_no_anomalies_and_all_anomalous(found: Detection) -> None:
    model = found.model
    assert model is not None
    fresh = model.match(model.read(table(50)))
    verdicts = model.score_table(fresh)
    for value in (True, False):
        flagged = verdicts.with_columns(is_anomaly=pl.lit(value))
        told = summarise(of_scores(model, fresh, flagged))
        assert told["verdict"]["flagged"] == 50 * value


def test_a_long_table_is_sampled_and_says_so(found: Detection, tmp_path: Path) -> None:
    model = found.model
    assert model is not None
    one = table(50)
    long = pl.concat([one] * 2_000)  # 100,000 rows; the bound does not depend on how many
    fresh = model.match(model.read(long))
    findings = of_scores(model, fresh, model.score_table(fresh))
    write_report(tmp_path / "long.html", findings)
    assert (tmp_path / "long.html").stat().st_size < 3_000_000
    told = summarise(findings)
    assert any("sample of 20,000 of 100,000 rows" in note for note in told["notes"])
    assert len(told["map"]) <= 1_500


def test_many_columns(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(60, 500))
    wide = detect(
        pl.DataFrame({f"x{i}": values[:, i] for i in range(500)}),
        detector="Autoencoder", parameters=QUICK | {"epochs": 2}, contamination=0.1,
    )  # fmt: skip
    write_report(tmp_path / "wide.html", wide)
    text = (tmp_path / "wide.html").read_text("utf-8")
    assert len(text) < 3_000_000
    assert "24 of 500 columns are shown" in text


def test_wrong_language_and_place(found: Detection, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no such language"):
        write_report(tmp_path / "r.html", found, lang="xx")
    with pytest.raises(OutputError):
        write_report(tmp_path / "r.pdf", found)
    with pytest.raises(OutputError):
        write_report(tmp_path / "none" / "r.html", found)


def test_every_string_that_is_used_exists() -> None:
    folder = Path(plots.__file__).parent
    used = set()
    for path in [*folder.glob("*.py"), *folder.parent.glob("*.py")]:
        used |= set(re.findall(r"""say\(\s*["']([a-z_.]+[a-z_])["'],""", path.read_text("utf-8")))
    assert used <= set(STRINGS)


def test_pictures_survive_odd_numbers() -> None:
    assert "nan" not in plots.histogram([0, 0], [1.0, 1.0, 1.0], "t", "x", "y")
    assert plots.curve([("a", [0], [0])], "t", "x", "y", unit=False).startswith("<svg")
    assert plots.scatter([], "t").startswith("<svg")
    assert [plots.short(v) for v in (0, 1234567, 12345, 1e-9, 1e12)] == ["0", "1.23M", "12.3k", "1e-09", "1e+12"]


# --- in a browser ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["plain", "labelled"])
def test_in_a_real_browser(name: str, pages: dict[str, Path], browser: Any, quiet: Any) -> None:
    browser.get(pages[name].as_uri())
    run = browser.execute_script
    text = lambda one: run("return document.querySelector(arguments[0]).textContent", one)  # noqa: E731

    before = text("#o-count")
    move = "const i=document.getElementById('cut'); i.value=arguments[0]; i.dispatchEvent(new Event('input'))"
    run(move, 3)
    assert text("#o-count") == "3" != before
    assert run("return document.querySelectorAll('#rows tr.flag').length") == 3
    if name == "labelled":
        assert text("#o-precision").endswith("%")
    from selenium.webdriver.common.keys import Keys

    browser.find_element("id", "cut").send_keys(Keys.ARROW_RIGHT)
    assert text("#o-count") == "4"

    first = "return [...document.querySelectorAll('#rows > tbody > tr')].map(r => Number(r.cells[0].dataset.v))"
    run("document.querySelector('#rows th button').click()")
    numbers = run(first)
    assert numbers == sorted(numbers, reverse=True)
    run("document.querySelector('#rows th button').click()")
    assert run(first) == sorted(numbers)
    run("const s=document.getElementById('search'); s.value='north'; s.dispatchEvent(new Event('input'))")
    assert 0 < run("return document.querySelectorAll('#rows > tbody > tr:not([hidden])').length") < len(numbers)

    run("document.querySelector('#map .dot').dispatchEvent(new PointerEvent('pointermove', {bubbles: true}))")
    assert not run("return document.getElementById('tip').hidden")
    assert run("return document.documentElement.lang") in LANGUAGES
    assert run("return document.scripts.length") == 2
    quiet(browser)
