"""``amiss detect --time``: a table with a time column, its strange stretches, and both as tables."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from amiss.commands import arguments
from amiss.console import Screen, clean
from amiss.errors import OptionError
from amiss.report.strings import say, translated, word

if TYPE_CHECKING:
    from amiss.decision import Rule
    from amiss.series.detect import SeriesDetection
    from amiss.series.model import SeriesModel

SHOWN, NOTES = 10, 12  #: events and notes that are told
HEADS = {name: f"timeline.{name}" for name in ("series", "start", "end", "steps", "score", "channels")} | {
    "peak": "show.peak"
}
MEASURES = ("vus_pr", "auc_pr", "event_f1", "affiliation_f1")  #: that are told on the terminal
OPTIONS = ("series", "train_until", "events", "bands")
#: options that mean nothing for a series
FOREIGN = {"budget": "--budget"}

Command = Callable[..., Any]


def how_timed(command: Command) -> Command:
    """The options of a series."""
    for option in (
        click.option("--train-until", metavar="TIME|N", help="With --time: rows up to this are known to be ordinary."),
        click.option(
            "--series", metavar="COL", help="With --time: the column that says which series a row belongs to."
        ),
        click.option("--time", metavar="COL", help="The rows are a time series: the column that holds their time."),
    ):
        command = option(command)
    return command


bands = click.option(
    "--bands", is_flag=True, default=None, help="Of a series: put each channel's typical low and high beside it."
)
events = click.option("--events", metavar="OUT", help="Of a series: write the strange stretches as a table.")


def split(options: dict[str, Any]) -> dict[str, Any] | None:
    """Takes the options of a series out of ``options``; None where there is no --time."""
    own = {name: options.pop(name, None) for name in ("time", *OPTIONS)}
    if own["time"] is None:
        given = [f"--{name.replace('_', '-')}" for name in OPTIONS if own[name] is not None]
        if given:
            raise OptionError(f"{given[0]} needs --time", hint="name the column that holds the time: --time COL")
        return None
    foreign(options)
    return own


def foreign(options: dict[str, Any]) -> None:
    """Raises OptionError for an option that means nothing for a series."""
    for name, option in FOREIGN.items():
        if options.get(name):
            raise OptionError(f"{option} does not go with a series", hint="leave it out")
    if options.get("examples") is False:
        raise OptionError("--no-examples does not go with a series", hint="leave it out")


def _learning(own: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What detect and fit have in common."""
    columns = {key: [name for names in options[key] for name in names] for key in ("only", "drop")}
    return columns | {
        "time": own["time"], "series": own["series"], "train_until": own["train_until"], "rule": _rule(options),
        "seed": options["seed"], "label": options["label"], "anomaly": options["anomaly"],
        "detector": options["detector"],
    }  # fmt: skip


def _parameters(options: dict[str, Any]) -> dict[str, Any]:
    from amiss.series import find

    return arguments.typed_pairs([find(options["detector"])], options["pairs"])


def detect(data: tuple[str, ...], own: dict[str, Any], options: dict[str, Any], screen: Screen) -> SeriesDetection:
    """Find what is amiss in the series of a table."""
    from amiss.reading import ReadOptions
    from amiss.series.detect import detect_series
    from amiss.writing import check_writable

    if own["events"] is not None:
        check_writable(own["events"], data)
    reading = arguments.how_to_read(options["header"], options["names"], options["nulls"])
    with screen.interruptible(), screen.progress("reading") as report:
        return detect_series(
            list(data), report=report, reading=ReadOptions.of(reading), bands=own["bands"], lang=options["lang"],
            **_learning(own, options), **_parameters(options),
        )  # fmt: skip


def fit(
    data: tuple[str, ...], own: dict[str, Any], output: str, options: dict[str, Any], screen: Screen, started: float
) -> None:
    """Learn the series of a table, save the model, and say so."""
    from amiss.series.model import fit_series

    reading = arguments.how_to_read(options["header"], options["names"], options["nulls"])
    known = {key: value for key, value in reading.items() if value is not None}
    with screen.interruptible(), screen.progress("reading") as report:
        parameters = _parameters(options)
        model = fit_series(list(data), report=report, parameters=parameters, **_learning(own, options), **known)
    model.save(output)
    if options["report"] is not None:
        _report(score(model, data, options), options)
    card, seconds = model.card, round(time.perf_counter() - started, 3)
    if screen.as_json:
        told = {
            "rows": card["rows"], "anomalies": None, "series": len(model.detectors),
            "channels": list(model.schema.names), "detector": card["detector"], "setting": card["setting"],
            "seed": card["seed"], "seconds": seconds, "flagged_by": model.rule_words, "notes": model.notes,
            "output": output, "report": options["report"],
        }  # fmt: skip
        click.echo(json.dumps(told, allow_nan=False))
    elif not screen.quiet:
        from amiss.commands.show import file_size

        console, lang, names = screen.results, options["lang"], model.schema.names
        _understood(card["source"], card["rows"], names, len(model.detectors), model.time, model.notes, screen, lang)
        learned = say(
            "show.model", lang, detector=card["detector"], setting=translated(card["setting"], lang),
            seconds=f"{seconds:.1f}", file=output, size=file_size(output),
        )  # fmt: skip
        console.print(clean(learned), style="bold", soft_wrap=True)
        console.print(say("show.flagged", lang, rule=translated(model.rule_words, lang)), soft_wrap=True)
        then = f"amiss score {output} NEW.csv -o scores.csv"
        console.print(clean(say("show.next", lang, command=then)), soft_wrap=True)


def score(
    model: SeriesModel, data: tuple[str, ...], options: dict[str, Any], measured: bool = False
) -> SeriesDetection:
    """Score another table by a model; measured: against its labels, too."""
    foreign(options)
    reading = arguments.how_to_read(options["header"], options["names"], options["nulls"])
    raw = model.read(list(data), **reading)
    labels = model.labels(raw, options["label"], options["anomaly"]) if measured else None
    return model.detect(raw, labels)


def finish(
    found: SeriesDetection, own: dict[str, Any], data: tuple[str, ...], output: str | None, screen: Screen,
    started: float, options: dict[str, Any],
) -> None:  # fmt: skip
    """Write what was asked for, a report too, and show the rest: JSON, or words."""
    from amiss.plain import finite
    from amiss.writing import write

    for frame, place in ((found.frame, output), (found.events, own["events"])):
        if place is not None:
            write(frame, place, inputs=data)
    report = options["report"]
    if report is not None:
        _report(found, options)
    seconds = round(time.perf_counter() - started, 3)
    if screen.as_json:
        told = {
            "rows": found.frame.height, "anomalies": int(found.frame["is_anomaly"].sum()),
            "series": len(found.table.series), "channels": found.table.channels, "events": found.events.to_dicts(),
            "detector": found.card["detector"], "setting": found.card["setting"], "causal": found.causal,
            "flagged_by": found.rule, "seed": found.card["seed"], "seconds": seconds, "notes": found.notes,
            "evaluation": found.evaluation, "output": output, "events_output": own["events"], "report": report,
        }  # fmt: skip
        click.echo(json.dumps(finite(told), allow_nan=False))
    elif not screen.quiet or not (output or own["events"]):
        places = [place for place in (output, own["events"], report) if place not in (None, "-")]
        _show(found, screen, seconds, places, options["lang"])


def _report(found: SeriesDetection, options: dict[str, Any]) -> None:
    from amiss.report import write_report

    command = shlex.join(["amiss", *sys.argv[1:]])
    write_report(options["report"], found, lang=options["lang"], command=command)


def _show(found: SeriesDetection, screen: Screen, seconds: float, written: list[str], lang: str) -> None:
    from amiss.commands.show import file_size

    console, table, rows = screen.results, found.table, found.frame.height
    if not screen.quiet:
        _understood(found.raw.source, rows, table.channels, len(table.series), table.time, found.notes, screen, lang)
    if found.events.height:
        console.print(_table(found, lang))
    for name, measures in found.evaluation.items():
        words = (f"{word('measure', key, lang)} {_number(measures[key])}" for key in MEASURES)
        told = say("show.against" + "_of" * bool(name), lang, name=name, measures=", ".join(words))
        console.print(clean(told), soft_wrap=True)
    told = say(
        "show.stretched" + {0: "_none", 1: "_one"}.get(found.events.height, ""), lang, count=f"{found.events.height:,}",
        flagged=f"{int(found.frame['is_anomaly'].sum()):,}", rows=f"{rows:,}", detector=found.card["detector"],
        setting=translated(found.card["setting"], lang), seconds=f"{seconds:.1f}",
    )  # fmt: skip
    console.print(told if found.causal else f"{told} {say('show.ahead', lang)}", style="bold", soft_wrap=True)
    console.print(say("show.flagged", lang, rule=translated(found.rule, lang)), soft_wrap=True)
    for place in written:
        console.print(clean(say("show.file", lang, file=place, size=file_size(place))), soft_wrap=True)


def _understood(
    source: str, rows: int, channels: Sequence[str], count: int, time: str, notes: list[str], screen: Screen, lang: str
) -> None:  # fmt: skip
    """What the table holds, and what was done to it."""
    told = say("count.channel" + "_one" * (len(channels) == 1), lang, count=len(channels))
    shape = say("show.series", lang, source=source, rows=f"{rows:,}", channels=told, count=count, time=time)
    screen.results.print(clean(shape), style="bold", soft_wrap=True)
    for note in notes[:NOTES]:
        screen.results.print(f"  {clean(translated(note, lang))}", soft_wrap=True)
    if len(notes) > NOTES:
        screen.results.print("  " + say("show.notes", lang, count=len(notes) - NOTES))


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"


def _table(found: SeriesDetection, lang: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    top = found.events.sort("score", descending=True).head(SHOWN)
    table = Table(box=SIMPLE_HEAD, title=say("show.stretches", lang), title_justify="left", pad_edge=False)
    names = [name for name in top.columns if name not in ("p_value", "why")]
    for name in names:
        table.add_column(say(HEADS[name], lang), justify="right" if name in ("steps", "score") else "left")
    for row in top.select(names).iter_rows():
        table.add_row(*(clean(f"{cell:.3g}" if isinstance(cell, float) else str(cell)) for cell in row))
    return table


def _rule(options: dict[str, Any]) -> Rule | None:
    found: Rule | None = arguments.rule(options)
    if found is not None and found.name in ("f1", "cost", "precision", "recall"):
        raise OptionError(f"{found.name} does not go with --time", hint="use --contamination, --fdr, --alerts")
    return found
