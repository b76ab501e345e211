"""A report to a file: HTML, or the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from amiss.detection import Detection
from amiss.errors import OutputError
from amiss.report.page import page
from amiss.report.strings import check_language
from amiss.report.summarise import Findings, of_detection, summarise
from amiss.report.timeline import series_page, summarise_series
from amiss.series.detect import SeriesDetection
from amiss.writing import atomic_bytes, check_writable

MOST = 3_000_000  #: bytes that a page may have
EXTENSIONS = (".html", ".htm", ".json")


def write_report(
    path: str | Path, found: Detection | Findings | SeriesDetection, lang: str = "en", command: str = ""
) -> None:
    """Write the report, whole or not at all; ``.json`` gives the dictionary that the page is drawn from.

    found: what ``detect`` or ``detect_series`` returned, or what :func:`amiss.report.summarise.of_scores` made of a
    scored table.
    lang: 'en' or 'zh'. command: the command line, for the card. Raises OutputError where it cannot be written.
    """
    check_language(lang)
    check_writable(path, extensions=EXTENSIONS)
    if isinstance(found, SeriesDetection):
        told = summarise_series(found, lang, command)
        plain = Path(path).suffix.lower() == ".json"
        drawn = json.dumps(told, ensure_ascii=False) if plain else series_page(told)
        atomic_bytes(path, drawn.encode("utf-8", "replace"))
        return
    findings = of_detection(found) if isinstance(found, Detection) else found
    summary = summarise(findings, lang, command)
    if Path(path).suffix.lower() == ".json":
        atomic_bytes(path, json.dumps(summary, ensure_ascii=False, allow_nan=False).encode())
        return
    text = page(summary).encode("utf-8", "replace")
    while len(text) > MOST and len(summary["rows"]) > 10:  # cells of thousands of characters
        summary["rows"] = summary["rows"][: len(summary["rows"]) // 2]
        text = page(summary).encode("utf-8", "replace")
    if len(text) > MOST:
        raise OutputError("the report is too large", where=str(path), found=f"{len(text):,} bytes")
    atomic_bytes(path, text)
