"""The page of all methods, made from the table of detectors and the classes' docstrings.

``python bench/pages.py > docs/detectors.md`` brings the page up to date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from amiss.detectors import DETECTORS, find
from amiss.series import METHODS
from amiss.series import find as find_series

HEAD = """# Detectors

Made by `python bench/pages.py`; change the classes' docstrings, not this page.

Settings: *one-class* learns from clean rows, *unsupervised* from polluted ones, *supervised* from labels.
"""

SERIES = """# Methods for time series

For `amiss detect --time` and `amiss fit --time`: `--detector lstm-forecaster --set hidden=64`. A causal score uses no
later rows. How they compare: [series.md](series.md).
"""


def paragraphs(name: str) -> list[str]:
    """A class's docstring as paragraphs of one line each."""
    text = inspect.getdoc(find(name) if name in DETECTORS else find_series(name)) or ""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def cost(name: str) -> str:
    """What the docstring says behind 'Cost:'."""
    found = re.search(r"Cost: (.*)", "\n".join(paragraphs(name)))
    return found[1].rstrip(".") if found else "grows with rows times epochs"


def page() -> str:
    """All of it, as Markdown."""
    lines = [HEAD, "| method | learns | finds | cost |", "|---|---|---|---|"]
    for name, entry in sorted(DETECTORS.items()):
        lines.append(f"| [{name}](#{name.lower()}) | {', '.join(entry.settings)} | {entry.finds} | {cost(name)} |")
    for name in sorted(DETECTORS):
        lines += ["", f"## {name}", "", *section(name)]
    lines += ["", SERIES, "| method | scores | finds | cost |", "|---|---|---|---|"]
    for name, timed in METHODS.items():
        scores = "causal" if timed.causal else "look ahead"
        lines.append(f"| [{name}](#{name.lower()}) | {scores} | {timed.finds} | {cost(name)} |")
    for name in METHODS:
        lines += ["", f"## {name}", "", *section(name)]
    return "\n".join(lines) + "\n"


def section(name: str) -> Iterator[str]:
    """A method's docstring: Sphinx roles as plain code, sentences that begin with a key word set off."""
    for i, text in enumerate(paragraphs(name)):
        text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
        text = re.sub(r"(?:^|(?<= ))(Finds|Fails|Cost:|Differs)", r"**\1**", text)
        yield from ([""] if i else [])
        yield text


if __name__ == "__main__":
    print(page(), end="")
