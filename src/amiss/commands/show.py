"""An outcome on the terminal, in plain words: columns, leaks, strangest rows, measures, what was written."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from amiss.background import cell_text
from amiss.commands.outcome import Outcome
from amiss.console import Screen, clean
from amiss.evaluate import named_measures
from amiss.report.strings import translated
from amiss.schema import Kind

if TYPE_CHECKING:
    from rich.console import Console

NOTES, CELL = 12, 20  #: notes that are told, and characters of a cell
KINDS: dict[Kind, tuple[str, str]] = {
    "numeric": ("numeric", "numeric"),
    "category": ("category", "categories"),
    "datetime": ("date", "dates"),
    "text": ("text", "texts"),
    "identifier": ("identifier", "identifiers"),
    "constant": ("constant", "constants"),
    "duplicate": ("duplicate", "duplicates"),
}
TITLE = "How well labelled anomalies were found"
PLAIN = frozenset(string.ascii_letters + string.digits + "_.,-")  #: what a shell takes as it is


def table_understood(outcome: Outcome, screen: Screen) -> None:
    """What the table holds, what was left out, and leaks loudly."""
    console = screen.results
    counts = Counter(column.kind for column in outcome.schema.learned)
    unused = Counter(column.kind for column in outcome.schema if not column.learned)
    shape = f"{outcome.rows:,} rows"
    console.print(Text(clean(f"{outcome.source}: {shape}"), "bold"))
    console.print(f"  columns learned from: {_counted(counts)}" + (f"; not: {_counted(unused)}" if unused else ""))
    for note in outcome.own_notes[:NOTES]:
        console.print(f"  {clean(note)}", soft_wrap=True)
    if len(outcome.own_notes) > NOTES:
        console.print(f"  and {len(outcome.own_notes) - NOTES} more notes; --json has them all")


def leaks(found: list[dict[str, Any]], screen: Screen) -> None:
    """Columns that give the label away; told even where the rest is not."""
    if not found:
        return
    console = screen.messages if screen.as_json else screen.results
    names = ", ".join(leak["column"] for leak in found)
    console.print(Text(clean(f"LIKELY LEAKS: {names}"), "bold red"))
    for leak in found[:NOTES]:
        line = f"  {leak['column']} alone tells anomalies from normal rows: ROC AUC {leak['roc_auc']:.3f}"
        if leak.get("recall_without_false_alarms"):
            line += f", {leak['recall_without_false_alarms']:.0%} of them with hardly a false alarm"
        console.print(Text(clean(line), "red"), soft_wrap=True)
    console.print("  If it is not known before the label is, leave it out, or all measures flatter:")
    console.print(Text(clean(f"  --drop {_quoted([leak['column'] for leak in found])}"), "bold"), soft_wrap=True)


def strangest_rows(outcome: Outcome, console: Console, first: Sequence[str | None] = ()) -> None:
    """The strangest rows first, with as many of the person's columns as the terminal's width holds.

    first: columns to show before the others; identifiers and the label come next.
    """
    frame = outcome.frame
    assert frame is not None
    places = outcome.strangest()
    chosen = frame[places.tolist()]
    known = [c.name for c in outcome.schema if c.kind == "identifier"]
    label = (outcome.card.get("label") or {}).get("column")
    own = [n for n in frame.columns if n not in ("score", "p_value", "is_anomaly")]
    ahead = [n for n in (*first, *known, label) if n in own]
    table = Table(box=SIMPLE_HEAD, title="The strangest rows", title_justify="left", title_style="bold", pad_edge=False)
    fixed = {
        "row": [f"{i + 1:,}" for i in places],
        "score": [f"{v:.4g}" for v in chosen["score"]],
        "p-value": [f"{v:.2g}" for v in chosen["p_value"]],
        "anomaly": ["yes" if v else "no" for v in chosen["is_anomaly"]],
    }
    for name in fixed:
        table.add_column(name, justify="left" if name == "anomaly" else "right", no_wrap=True)
    columns = list(fixed.values())
    left = console.width - sum(max(len(n), *map(len, c)) + 3 for n, c in fixed.items())
    shown = 0
    for name in dict.fromkeys([*ahead, *own]):
        cells = [_cell(v) for v in chosen[name]]
        width = max(len(_cell(name)), *map(len, cells)) + 3
        if width > left:
            break
        table.add_column(Text(_cell(name)), no_wrap=True)
        columns.append(cells)
        left, shown = left - width, shown + 1
    for row in zip(*columns):
        table.add_row(*map(Text, row), style="" if row[3] == "yes" else "dim")
    console.print(table)
    if shown < len(own):
        console.print(f"  {len(own) - shown} more columns do not fit the width; -o FILE writes them all", style="dim")


def measures(evaluation: dict[str, Any], console: Console, title: str) -> None:
    """Measures beside what chance gives, the confusion matrix and the report by class."""
    matrix = evaluation["confusion_matrix"]
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("measure")
    for name in ("reached", "95 % interval", "by chance"):
        table.add_column(name, justify="right")
    for name, value, (low, high), chance in named_measures(evaluation):
        table.add_row(name, f"{value:.3f}", f"{low:.3f} to {high:.3f}", f"{chance:.3f}")
    console.print(table)
    table = Table(box=SIMPLE_HEAD, title="Rows with labels", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("")
    for name in ("called normal", "called anomaly"):
        table.add_column(name, justify="right")
    for name, row in zip(("is normal", "is anomaly"), matrix):
        table.add_row(name, *(f"{n:,}" for n in row))
    console.print(table)
    table = Table(box=SIMPLE_HEAD, title="By class", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("")
    for name in ("precision", "recall", "F1", "rows"):
        table.add_column(name, justify="right")
    for name, entry in evaluation["classification_report"].items():
        if isinstance(entry, dict):
            row = [f"{entry[key]:.3f}" for key in ("precision", "recall", "f1-score")]
            table.add_row(name, *row, f"{entry['support']:,.0f}")
    console.print(table)


def learning(curve: dict[str, Any], console: Console, lang: str) -> None:
    """What was reached with how many labels, and whether more would help."""
    title = "Learned from parts of the labels, judged by held-out rows"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for name in ("labelled rows", "anomalies", "average precision", "95 % interval"):
        table.add_column(name, justify="right")
    for n, ones, value, low, high in zip(
        *(curve[k] for k in ("labels", "anomalies", "average_precision", "low", "high"))
    ):
        table.add_row(f"{n:,}", f"{ones:,}", f"{value:.3f}", f"{low:.3f} to {high:.3f}")
    console.print(table)
    console.print(Text(translated(curve["sentence"], lang), "bold"), soft_wrap=True)


def summary(outcome: Outcome) -> str:
    """One sentence."""
    count, rows = outcome.anomalies or 0, outcome.rows
    share = f" ({count / rows:.2%})" if rows else ""
    verb = "looks" if count == 1 else "look"
    name, setting = outcome.card["detector"], outcome.card["setting"]
    return f"{count:,} of {rows:,} rows{share} {verb} amiss, says {name} ({setting}) after {outcome.seconds:.1f} s."


def verdict(outcome: Outcome, console: Console) -> None:
    """The answer's first sentence, and why it may not hold."""
    if outcome.verdict is not None:
        console.print(Text(clean(outcome.verdict.sentence(outcome.lang)), "bold"), soft_wrap=True)
        for warning in outcome.verdict.told(outcome.lang):
            console.print(f"  {clean(warning)}", soft_wrap=True)


def rule(outcome: Outcome) -> str:
    """How rows were flagged, and what to do where none were."""
    none = "" if outcome.anomalies else " None was; --contamination 0.01 flags the strangest 1%."
    return f"Flagged: {outcome.rule}." + ("" if outcome.evaluation else none)


def size(count: int) -> str:
    """Bytes in words."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def _cell(value: Any) -> str:
    text = clean(" ".join((cell_text(value) or "").split()))
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def _counted(kinds: Counter[Kind]) -> str:
    return ", ".join(f"{n} {KINDS[kind][n != 1]}" for kind, n in kinds.most_common()) or "none"


def _quoted(names: list[str]) -> str:
    listed = ",".join(f'"{n}"' if "," in n else n for n in names)
    return listed if set(listed) <= PLAIN else "'" + listed.replace("'", "'\\''") + "'"
