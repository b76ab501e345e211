"""What all tests share: strict arrays, and the folder of real tables.

Compiled programs come from the person's own cache, so that a second run is quick; tests of the cache itself use a
folder of their own in a process of their own. NaN checks (``jax_debug_nans``) stay off: divergence is tested for.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")  # a (rows, 1) against (rows,) loss is refused, not broadcast

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # tests start processes: without bytecode each takes seconds more

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real tables, or a skip that says how to get it."""
    folder = Path(os.environ.get("AMISS_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "tables").is_dir():
        pytest.skip(f"no real tables at {folder}: set AMISS_DATA to the folder that holds tables/")
    return folder


@pytest.fixture(scope="session")
def tables(data_folder: Path) -> Path:
    return data_folder / "tables"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser without a window, or a skip where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no chromium and chromedriver on this machine")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1000,1200"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    page = webdriver.Chrome(options=options, service=Service(driver))
    yield page
    page.quit()


@pytest.fixture(scope="session")
def quiet() -> Callable[[Any], None]:
    """Check of a page that a browser shows: it fits a phone, complains of nothing and asks nothing of the network."""

    def check(browser: Any) -> None:
        browser.set_window_size(500, 900)
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert [line for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []
        sent = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
        assert [u for u in urls if not u.startswith(("file:", "data:"))] == []

    return check
