"""``amiss suggest`` and ``amiss fit --continue``: which rows to label next, and taking the answers in."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from amiss.commands import arguments
from amiss.console import Screen, clean
from amiss.errors import OptionError
from amiss.report.strings import say

if TYPE_CHECKING:
    from amiss.answers import Continued

#: options of fit that a model that goes on has answers to already
KNOWN = {
    "label": "--label", "anomaly": "--anomaly", "drop": "--drop", "only": "--only", "detector": "--detector",
    "pairs": "--set", "report": "--report", "time": "--time", "budget": "--budget",
}  # fmt: skip


@click.command(short_help="Say which rows to label next.")
@click.argument("model")
@click.argument("data", nargs=-1, required=True)
@click.option("--k", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many rows.")
@click.option("-o", "--output", metavar="OUT", help="Write them as a table with an empty column for the labels.")
@arguments.how_read
@arguments.how_shown
def suggest(
    model: str, data: tuple[str, ...], k: int, output: str | None, as_json: bool, quiet: bool, **options: Any
) -> None:
    """The rows of DATA whose labels would teach MODEL most: strange or uncertain, unlike each other, some ordinary.

    DATA is the table that MODEL learned from. With -o they are written with their row numbers and an empty column for
    the labels, named as in DATA, else `label`: fill it in, and give the file to `amiss fit DATA --continue MODEL
    --labels FILE`.
    """
    import polars as pl

    from amiss.commands import work
    from amiss.model import Model
    from amiss.suggestion import suggest as choose
    from amiss.writing import check_writable, write

    screen = Screen(as_json=as_json, quiet=quiet, taken=output == "-")
    if output is not None:
        check_writable(output, (*data, model))
    loaded = work.load(model)
    if not isinstance(loaded, Model):
        raise OptionError("models of series have no rows to label", hint="fit without --time")
    raw = work.read_like(loaded, list(data), options)
    found = choose(loaded, raw, k)
    label = (loaded.card.get("label") or {}).get("column", "label")
    if output is not None:
        cells = raw.frame[(found["row"] - 1).to_list()]
        own = cells.select(c for c in cells.columns if c != label and c not in found.columns)
        empty = pl.Series(label, [None] * found.height, pl.String)
        write(found.select("row").with_columns(empty).hstack(found.drop("row")).hstack(own), output, inputs=data)
    then = f"amiss fit {' '.join(data)} --continue {model} --labels {output or 'LABELS.csv'}"
    if as_json:
        click.echo(json.dumps({"suggested": found.to_dicts(), "label": label, "output": output}, allow_nan=False))
        return
    if quiet and output is not None:
        return
    _show(found, raw.frame, label, screen)
    if output not in (None, "-") and not quiet:
        screen.results.print(clean(f"Written: {output}. Fill in its column {label!r}, then:\n  {then}"), soft_wrap=True)


def _show(found: Any, frame: Any, label: str, screen: Screen) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD, title="Label these rows next", title_justify="left", title_style="bold", pad_edge=False
    )
    names = list(found.columns)
    for name in names:
        table.add_column(name, justify="left" if name == "why" else "right", no_wrap=True)
    left, own = screen.results.width - 46, []
    for name in frame.columns:
        cells = [clean(str("" if v is None else v))[:20] for v in frame[name][(found["row"] - 1).to_list()]]
        width = max(len(name[:20]), *map(len, cells)) + 3
        if name != label and width <= left:
            table.add_column(Text(clean(name[:20])), no_wrap=True)
            own.append(cells)
            left -= width
    for i, row in enumerate(found.iter_rows()):
        words = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in row]
        table.add_row(*words, *(Text(cells[i]) for cells in own))
    screen.results.print(table)


def go_on(data: tuple[str, ...], model: str, output: str | None, screen: Screen, options: dict[str, Any]) -> None:
    """``amiss fit DATA --continue MODEL --labels FILE``."""
    from amiss.answers import go_on as learn
    from amiss.commands import outcome, work
    from amiss.model import Model
    from amiss.writing import check_writable

    if options["labels"] is None:
        raise OptionError("--continue needs the new labels", hint="give the file that holds them: --labels FILE")
    for name, option in KNOWN.items():
        if options.get(name):
            raise OptionError(f"{option} does not go with --continue", hint="leave it out: the model knows")
    place = output or model
    check_writable(place, (*data, options["labels"]), extensions=(".amiss",))
    started, loaded = time.perf_counter(), work.load(model)
    if not isinstance(loaded, Model):
        raise OptionError("models of series do not go on", hint="fit them anew")
    with screen.interruptible(), screen.progress("reading") as report:
        found = learn(loaded, work.read_like(loaded, list(data), options), options["labels"], report=report)
    found.model.save(place)
    result = outcome.of_model(
        found.model, str(found.model.card["source"]), int(found.model.card["rows"]), found.notes, []
    )
    result.output, result.seconds, result.lang = place, time.perf_counter() - started, options["lang"]
    told = sentence(found, options["lang"])
    if screen.as_json:
        more = {"labels": found.labelled, "given": found.given, "changed": found.changed, "gain": found.gain}
        click.echo(json.dumps(result.to_json() | {"continued": more, "told": told}, allow_nan=False))
        return
    if not screen.quiet:
        work.show.table_understood(result, screen)
        screen.results.print(told, style="bold", soft_wrap=True)
        said = say("show.file", result.lang, file=place, size=work.show.file_size(place))
        screen.results.print(clean(said), soft_wrap=True)


def sentence(found: Continued, lang: str = "en") -> str:
    """What is known now, and what the new labels gained."""
    known, gain = found.labelled, found.gain
    first = say(
        "show.taken_in", lang, given=found.given, anomalies=f"{known['anomalies']:,}", normal=f"{known['normal']:,}"
    )
    if gain is None:
        return f"{first} {say('show.too_few', lang)}"
    word = "gain" if gain["low"] > 0 else "loss" if gain["high"] < 0 else "unsure"
    told = say(
        "show.gained", lang, rows=f"{gain['rows']:,}", before=f"{gain['before']:.3f}", after=f"{gain['after']:.3f}",
        gain=f"{gain['value']:+.3f}", low=f"{gain['low']:+.3f}", high=f"{gain['high']:+.3f}",
        word=say(f"show.{word}", lang),
    )  # fmt: skip
    return f"{first} {told}"
