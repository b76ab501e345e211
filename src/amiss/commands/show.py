"""An outcome on the terminal, in plain words: columns, leaks, strangest rows, measures, what was written."""

from __future__ import annotations

import os
import string
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from amiss.background import cell_text
from amiss.commands.outcome import Outcome
from amiss.console import Screen, clean
from amiss.evaluate import named_measures
from amiss.report.strings import say, translated
from amiss.schema import Kind

if TYPE_CHECKING:
    from rich.console import Console

    from amiss.explain import Explanation

NOTES, CELL = 12, 20  #: notes that are told, and characters of a cell
PLAIN = frozenset(string.ascii_letters + string.digits + "_.,-")  #: what a shell takes as it is


def table_understood(outcome: Outcome, screen: Screen) -> None:
    """What the table holds, what was left out, and leaks loudly."""
    console, lang, notes = screen.results, outcome.lang, outcome.own_notes
    counts = Counter(column.kind for column in outcome.schema.learned)
    unused = Counter(column.kind for column in outcome.schema if not column.learned)
    console.print(Text(clean(say("show.rows", lang, source=outcome.source, rows=f"{outcome.rows:,}")), "bold"))
    told = say("show.learned", lang, kinds=_counted(counts, lang))
    console.print(f"  {told}" + (say("show.unused", lang, kinds=_counted(unused, lang)) if unused else ""))
    for note in notes[:NOTES]:
        console.print(f"  {clean(translated(note, lang))}", soft_wrap=True)
    if len(notes) > NOTES:
        console.print("  " + say("show.notes", lang, count=len(notes) - NOTES))


def leaks(found: list[dict[str, Any]], screen: Screen, lang: str = "en") -> None:
    """Columns that give the label away; told even where the rest is not."""
    if not found:
        return
    console = screen.messages if screen.as_json else screen.results
    names = ", ".join(leak["column"] for leak in found)
    console.print(Text(clean(say("show.leaks", lang, columns=names)), "bold red"))
    for leak in found[:NOTES]:
        sure = leak.get("recall_without_false_alarms") or 0.0
        line = say(
            "show.leak_sure" if sure else "show.leak", lang, column=leak["column"], auc=f"{leak['roc_auc']:.3f}",
            share=f"{sure:.0%}",
        )  # fmt: skip
        console.print(Text(clean(f"  {line}"), "red"), soft_wrap=True)
    console.print("  " + say("show.leak_drop", lang))
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
    lang, flagged = outcome.lang, chosen["is_anomaly"].to_list()
    table = _table(say("show.strangest", lang))
    fixed = {
        "report.row": [f"{i + 1:,}" for i in places],
        "report.score": [f"{v:.4g}" for v in chosen["score"]],
        "report.p": [f"{v:.2g}" for v in chosen["p_value"]],
        "show.anomaly": [say("show.yes" if v else "show.no", lang) for v in flagged],
    }
    for key in fixed:
        table.add_column(say(key, lang), justify="left" if key == "show.anomaly" else "right", no_wrap=True)
    columns = list(fixed.values())
    left = console.width - sum(max(map(cell_len, [say(key, lang), *c])) + 3 for key, c in fixed.items())
    shown = 0
    for name in dict.fromkeys([*ahead, *own]):
        cells = [_cell(v) for v in chosen[name]]
        width = max(map(cell_len, [_cell(name), *cells])) + 3
        if width > left:
            break
        table.add_column(Text(_cell(name)), no_wrap=True)
        columns.append(cells)
        left, shown = left - width, shown + 1
    for hot, row in zip(flagged, zip(*columns)):
        table.add_row(*map(Text, row), style="" if hot else "dim")
    console.print(table)
    if shown < len(own):
        console.print("  " + say("show.wide", lang, count=len(own) - shown), style="dim")


def why(found: Explanation, console: Console, lang: str) -> None:
    """The reasons of a few rows."""
    console.print(Text(say("show.why", lang), "bold"))
    for line in found.rows_told(lang):
        console.print(Text(clean(f"  {line}")), soft_wrap=True)


def measures(evaluation: dict[str, Any], console: Console, lang: str = "en") -> None:
    """Measures beside what chance gives, the confusion matrix and the report by class."""
    matrix = evaluation["confusion_matrix"]
    table = _table(say("show.quality", lang), say("report.measure", lang))
    for key in ("show.reached", "report.interval", "report.chance"):
        table.add_column(say(key, lang), justify="right")
    for name, value, (low, high), chance in named_measures(evaluation, lang):
        table.add_row(name, f"{value:.3f}", _range(low, high, lang), f"{chance:.3f}")
    console.print(table)
    table = _table(say("show.labelled", lang), "")
    for key in ("report.called_normal", "report.called_anomaly"):
        table.add_column(say(key, lang), justify="right")
    for key, row in zip(("show.is_normal", "show.is_anomaly"), matrix):
        table.add_row(say(key, lang), *(f"{n:,}" for n in row))
    console.print(table)
    table = _table(say("show.by_class", lang), "")
    for key in ("measure.precision", "measure.recall", "measure.f1", "report.rows"):
        table.add_column(say(key, lang), justify="right")
    for name, entry in evaluation["classification_report"].items():
        if isinstance(entry, dict):
            row = [f"{entry[key]:.3f}" for key in ("precision", "recall", "f1-score")]
            table.add_row(say(f"show.class_{name}", lang), *row, f"{entry['support']:,.0f}")
    console.print(table)


def learning(curve: dict[str, Any], console: Console, lang: str) -> None:
    """What was reached with how many labels, and whether more would help."""
    table = _table(say("show.learning", lang))
    for key in ("report.labels", "show.anomalies", "measure.average_precision", "report.interval"):
        table.add_column(say(key, lang), justify="right")
    for n, ones, value, low, high in zip(
        *(curve[k] for k in ("labels", "anomalies", "average_precision", "low", "high"))
    ):
        table.add_row(f"{n:,}", f"{ones:,}", f"{value:.3f}", _range(low, high, lang))
    console.print(table)
    console.print(Text(translated(curve["sentence"], lang), "bold"), soft_wrap=True)


def summary(outcome: Outcome) -> str:
    """One sentence."""
    count, rows, lang = outcome.anomalies or 0, outcome.rows, outcome.lang
    return say(
        "show.summary_one" if count == 1 else "show.summary", lang, count=f"{count:,}", rows=f"{rows:,}",
        share=f"{count / max(1, rows):.2%}", detector=outcome.card["detector"],
        setting=translated(outcome.card["setting"], lang), seconds=f"{outcome.seconds:.1f}",
    )  # fmt: skip


def verdict(outcome: Outcome, console: Console) -> None:
    """The answer's first sentence, and why it may not hold."""
    if outcome.verdict is not None:
        console.print(Text(clean(outcome.verdict.sentence(outcome.lang)), "bold"), soft_wrap=True)
        for warning in outcome.verdict.told(outcome.lang):
            console.print(f"  {clean(warning)}", soft_wrap=True)


def rule(outcome: Outcome) -> str:
    """How rows were flagged, and what to do where none were."""
    told = say("show.flagged", outcome.lang, rule=outcome.flagged_by(outcome.lang))
    return told if outcome.anomalies else f"{told} {say('show.none_flagged', outcome.lang)}"


def file_size(place: str) -> str:
    """How large a file is, in words."""
    return size(os.path.getsize(os.path.expanduser(place)))


def size(count: int) -> str:
    """Bytes in words."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def _cell(value: Any) -> str:
    text = clean(" ".join((cell_text(value) or "").split()))
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)


def _range(low: float, high: float, lang: str) -> str:
    return say("show.range", lang, low=f"{low:.3f}", high=f"{high:.3f}")


def _counted(kinds: Counter[Kind], lang: str) -> str:
    told = [say(f"count.{kind}" + "_one" * (n == 1), lang, count=n) for kind, n in kinds.most_common()]
    return say("show.and", lang).join(told) or say("show.none", lang)


def _quoted(names: list[str]) -> str:
    listed = ",".join(f'"{n}"' if "," in n else n for n in names)
    return listed if set(listed) <= PLAIN else "'" + listed.replace("'", "'\\''") + "'"
