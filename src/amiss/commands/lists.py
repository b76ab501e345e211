"""Lists for the person: methods, a method's parameters, what the doctor found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from amiss.commands import arguments
from amiss.commands.show import size
from amiss.console import Screen, clean
from amiss.detectors import DETECTORS
from amiss.errors import OptionError, did_you_mean
from amiss.series import METHODS
from amiss.series import find as find_series
from amiss.task import DEFAULTS, learner


def methods() -> dict[str, Any]:
    """Every method; the defaults are what those who name none get."""
    entries = [{"name": n, "settings": list(e.settings), "finds": e.finds} for n, e in DETECTORS.items()]
    series = [{"name": n, "causal": e.causal, "finds": e.finds} for n, e in METHODS.items()]
    defaults = {"without_labels": "AnomalyDetector", "with_labels": "AnomalyClassifier"}
    return {
        "detectors": entries,
        "series": series,
        "defaults": {k: {"name": n, "like": _like(n)} for k, n in defaults.items()},
    }


def parameters(name: str) -> dict[str, Any]:
    """The parameters of one method that ``--set`` takes."""
    kind: Any
    try:
        kind = learner(name)
    except OptionError:
        try:
            kind = find_series(name)
        except OptionError:
            names = [*DEFAULTS, *DETECTORS, *METHODS]
            raise OptionError(f"there is no detector {name!r}", hint=did_you_mean(name, names)) from None
    hints = arguments.fields_of(kind)
    listed = [
        {"name": f.name, "default": _plain(f.default), "takes": arguments.type_words(hints[f.name])}
        for f in dataclasses.fields(kind)
        if f.name not in arguments.ELSEWHERE
    ]
    return {"detector": kind.__name__, "about": (kind.__doc__ or "").strip(), "parameters": listed}


def show(found: dict[str, Any], screen: Screen) -> None:
    """Either list as a table."""
    if "parameters" in found:
        listed = [(p["name"], _shown(p["default"]), p["takes"]) for p in found["parameters"]]
        screen.results.print(Text(f"{found['detector']}: " + "\n".join(map(str.strip, found["about"].splitlines()))))
        screen.results.print(_table(("--set", "default", "takes"), listed) if listed else "No parameters to set.")
        return
    rows = [(d["name"], ", ".join(d["settings"]), d["finds"]) for d in found["detectors"]]
    screen.results.print(_table(("method", "learns", "finds"), rows))
    for words, default in zip(("without labels", "with labels"), found["defaults"].values()):
        screen.results.print(f"By default {words}: {default['name']}, as {default['like']}.")
    timed = [(d["name"], "causal" if d["causal"] else "looks ahead", d["finds"]) for d in found["series"]]
    screen.results.print(_table(("for series, with --time", "scores", "finds"), timed))
    screen.results.print("`amiss detectors NAME` lists a method's parameters.")


def show_doctor(found: dict[str, Any], screen: Screen) -> None:
    """What the doctor found, and problems in red."""
    cache = found.get("cache", {})
    kept = f"{cache.get('folder') or 'off'}" + ("" if cache.get("in_use") else " (not in use)")
    rows = [
        ("amiss", found["amiss"]),
        ("Python", f"{found['python']} on {found['platform']}"),
        ("packages", ", ".join(f"{name} {number or 'absent'}" for name, number in found["versions"].items())),
        ("backend", f"{found.get('backend', 'none')}: {', '.join(found.get('devices', []))}"),
        ("cores", str(found["cores"])),
        ("first program", f"{found.get('first_program_seconds', float('nan')):.2f} s"),
        ("cache of programs", f"{kept}: {cache.get('files', 0)} files, {size(cache.get('bytes', 0))}"),
        *((f"can write in {place}", "yes" if good else "no") for place, good in found["writable"].items()),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(Text(clean(name)), Text(clean(text)))
    screen.results.print(table)
    for problem in found["problems"]:
        screen.results.print(Text(clean(f"Problem: {problem}"), "bold red"))
    if not found["problems"]:
        screen.results.print("All is well.")


def _like(name: str) -> str:
    """The method that a default is."""
    return next((base.__name__ for base in learner(name).__mro__ if base.__name__ in DETECTORS), "a mixture of views")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, no_wrap=i == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
