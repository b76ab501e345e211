"""``amiss detect --time``: a table with a time column, its strange stretches, and both as tables."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from amiss.commands import arguments
from amiss.console import Screen, clean
from amiss.errors import OptionError

if TYPE_CHECKING:
    from amiss.decision import Rule
    from amiss.series.detect import SeriesDetection

SHOWN, NOTES = 10, 12  #: events and notes that are told
OPTIONS = ("series", "train_until", "events")
#: options of detect that mean nothing for a series
FOREIGN = {"detector": "--detector", "pairs": "--set", "report": "--report", "budget": "--budget"}

Command = Callable[..., Any]


def how_timed(command: Command) -> Command:
    """The options of a series."""
    for option in (
        click.option("--events", metavar="OUT", help="With --time: write the strange stretches as a table."),
        click.option("--train-until", metavar="TIME|N", help="With --time: rows up to this are known to be ordinary."),
        click.option(
            "--series", metavar="COL", help="With --time: the column that says which series a row belongs to."
        ),
        click.option("--time", metavar="COL", help="The rows are a time series: the column that holds their time."),
    ):
        command = option(command)
    return command


def split(options: dict[str, Any]) -> dict[str, Any] | None:
    """Takes the options of a series out of ``options``; None where there is no --time."""
    own = {name: options.pop(name) for name in ("time", *OPTIONS)}
    if own["time"] is None:
        given = [f"--{name.replace('_', '-')}" for name in OPTIONS if own[name] is not None]
        if given:
            raise OptionError(f"{given[0]} needs --time", hint="name the column that holds the time: --time COL")
        return None
    for name, option in FOREIGN.items():
        if options.get(name):
            raise OptionError(f"{option} does not go with --time", hint="leave it out: SeriesDetector is the method")
    return own


def detect(data: tuple[str, ...], own: dict[str, Any], options: dict[str, Any], screen: Screen) -> SeriesDetection:
    """Find what is amiss in the series of a table."""
    from amiss.reading import ReadOptions
    from amiss.series.detect import detect_series
    from amiss.writing import check_writable

    if own["events"] is not None:
        check_writable(own["events"], data)
    reading = arguments.how_to_read(options["header"], options["names"], options["nulls"])
    columns = {key: [name for names in options[key] for name in names] for key in ("only", "drop")}
    with screen.interruptible(), screen.progress("reading") as report:
        return detect_series(
            list(data), own["time"], own["series"], train_until=own["train_until"], rule=_rule(options),
            seed=options["seed"], label=options["label"], anomaly=options["anomaly"], report=report,
            only=columns["only"], drop=columns["drop"],
            reading=ReadOptions(
                reading["header"] is not False, None if reading["names"] is None else tuple(reading["names"]),
                tuple(reading["nulls"] or ()),
            ),
        )  # fmt: skip


def finish(
    found: SeriesDetection, own: dict[str, Any], data: tuple[str, ...], output: str | None, screen: Screen,
    started: float,
) -> None:  # fmt: skip
    """Write what was asked for, and show the rest: JSON, or words."""
    from amiss.plain import finite
    from amiss.writing import write

    for frame, place in ((found.frame, output), (found.events, own["events"])):
        if place is not None:
            write(frame, place, inputs=data)
    seconds = round(time.perf_counter() - started, 3)
    if screen.as_json:
        told = {
            "rows": found.frame.height, "anomalies": int(found.frame["is_anomaly"].sum()),
            "series": len(found.table.series), "channels": found.table.channels, "events": found.events.to_dicts(),
            "detector": "SeriesDetector", "setting": found.card["setting"], "causal": found.causal,
            "flagged_by": found.rule, "seed": found.card["seed"], "seconds": seconds, "notes": found.notes,
            "evaluation": found.evaluation, "output": output, "events_output": own["events"],
        }  # fmt: skip
        click.echo(json.dumps(finite(told), allow_nan=False))
    elif not screen.quiet or not (output or own["events"]):
        _show(found, screen, seconds, [place for place in (output, own["events"]) if place not in (None, "-")])


def _show(found: SeriesDetection, screen: Screen, seconds: float, written: list[str]) -> None:
    console, count = screen.results, len(found.table.series)
    if not screen.quiet:
        shape = f"{found.frame.height:,} rows, {len(found.table.channels)} channels, {count} series"
        console.print(clean(f"{found.raw.source}: {shape}, time: {found.table.time}"), style="bold", soft_wrap=True)
        for note in found.notes[:NOTES]:
            console.print(f"  {clean(note)}", soft_wrap=True)
        if len(found.notes) > NOTES:
            console.print(f"  and {len(found.notes) - NOTES} more notes; --json has them all")
    if found.events.height:
        console.print(_table(found))
    for name, measures in found.evaluation.items():
        words = ", ".join(f"{key} {measures[key]:.3f}" for key in ("vus_pr", "auc_pr", "event_f1", "affiliation_f1"))
        console.print(clean(f"Against the labels{name and ' of ' + name}: {words}"), soft_wrap=True)
    rows = int(found.frame["is_anomaly"].sum())
    console.print(
        f"{found.events.height:,} stretches, {rows:,} of {found.frame.height:,} rows, look amiss, says SeriesDetector"
        f" ({found.card['setting']}) after {seconds:.1f} s. Scores use later rows, too: they are not causal.",
        style="bold", soft_wrap=True,
    )  # fmt: skip
    console.print(f"Flagged: {found.rule}.", soft_wrap=True)
    for place in written:
        console.print(clean(f"Written: {place}, {os.path.getsize(os.path.expanduser(place)):,} bytes."), soft_wrap=True)


def _table(found: SeriesDetection) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    top = found.events.sort("score", descending=True).head(SHOWN)
    table = Table(box=SIMPLE_HEAD, title="The strangest stretches", title_justify="left", pad_edge=False)
    names = [name for name in top.columns if name != "p_value"]
    for name in names:
        table.add_column(name, justify="right" if name in ("steps", "score") else "left")
    for row in top.select(names).iter_rows():
        table.add_row(*(clean(f"{cell:.3g}" if isinstance(cell, float) else str(cell)) for cell in row))
    return table


def _rule(options: dict[str, Any]) -> Rule | None:
    from amiss.decision import Rule

    if hasattr(arguments, "rule"):
        found = arguments.rule(options)
        if found is not None and found.name in ("f1", "cost", "precision", "recall"):
            raise OptionError(f"{found.name} does not go with --time", hint="use --contamination, --fdr, --alerts")
        return found
    share = options["contamination"]
    return None if share is None else Rule("contamination", share)
