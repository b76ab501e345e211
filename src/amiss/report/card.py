"""The model card: what was learned from what, with which settings and versions; a dictionary, and its table."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from typing import Any

import amiss
from amiss.report.plots import esc
from amiss.report.strings import say, translated, word

LIBRARIES = "jax", "numpy", "polars", "sklearn"


def settings(detector: Any) -> dict[str, Any]:
    """A detector's parameters, as a card holds them."""
    known = detector.get_params(deep=False)
    return {"parameters": {k: v if isinstance(v, int | float | str | bool) else str(v) for k, v in known.items()}}


def card_of(known: dict[str, Any], rule: str, data: str, command: str) -> dict[str, Any]:
    """What is known of a model, the rule, the hash of the rows that are shown, the versions, the command line."""
    versions = {"amiss": amiss.__version__, "python": platform.python_version()}
    versions |= {n: sys.modules[n].__version__ for n in LIBRARIES if n in sys.modules}
    kept = {k: v for k, v in known.items() if k != "reading"}
    return kept | {"data": data, "decision": rule, "versions": versions, "command": command}


def model_card(found: dict[str, Any], lang: str) -> str:
    """The section of a page."""
    lines = []
    for key, value in found["card"].items():
        told = _told(key, value, lang)
        if told:
            lines.append([word("card", key, lang), told])
    return f'<section id="card"><h2>{esc(say("report.card", lang))}</h2>{table(["", ""], lines)}</section>'


def _told(key: str, value: Any, lang: str) -> str:
    if value in ("", None):
        return ""
    if key == "label":
        return _label(value, lang)
    if isinstance(value, dict):
        return ", ".join(f"{k} = {v}" for k, v in value.items())
    if isinstance(value, int) and key != "seed":
        return f"{value:,}"
    return word(key, str(value), lang) if key in ("setting", "stopped") else translated(str(value), lang)


def _label(value: dict[str, Any], lang: str) -> str:
    """The label's column, and its values that are anomalies and normal."""
    kinds = (("report.anomaly", "anomaly"), ("report.normal", "normal"))
    told = [f"{say(name, lang)} = {', '.join(map(str, value['spec'][k]))}" for name, k in kinds if value["spec"].get(k)]
    return say("reason.join", lang).join([str(value["column"]), *told])


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A plain table whose first cell in a line is its head; no line of heads where they are all empty."""
    top = "".join(f'<th scope="col">{esc(h)}</th>' for h in head)
    top = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    body = "".join(
        f'<tr><th scope="row">{esc(line[0])}</th>' + "".join(f"<td>{esc(c)}</td>" for c in line[1:]) + "</tr>"
        for line in lines
    )
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'
