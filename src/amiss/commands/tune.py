"""``amiss tune``: the options, and what is shown. Whatever is heavy is imported inside."""

from __future__ import annotations

import json
import shlex
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from amiss.commands import arguments
from amiss.console import Screen, clean
from amiss.errors import OptionError
from amiss.report.strings import say, translated, word

if TYPE_CHECKING:
    from amiss.trials import Tuned

SHOWN = 10  #: trials that are listed
OTHERS = ("pruned", "failed")  #: states that are told beside the count of all


@click.command(short_help="Search the best parameters, and save the winner.")
@click.argument("data", nargs=-1, required=True)
@click.option("--trials", type=click.IntRange(1), metavar="N", help="How many choices to try. Default: 30.")
@click.option("--folds", type=click.IntRange(2), metavar="N", help="Folds of cross-validation. Default: 5, or 3.")
@click.option(
    "--metric", type=click.Choice(["average_precision", "roc_auc"]), default="average_precision", show_default=True,
    help="What the best trial has most of.",
)  # fmt: skip
@click.option("--group", metavar="COL", help="Rows of one value of COL are never both learned from and judged by.")
@click.option("--time", metavar="COL", help="Learn from earlier rows, judge by later ones: the column of times.")
@arguments.how_learn
@arguments.how_read
@click.option("-o", "--output", metavar="MODEL", required=True, help="The winner's file, name.amiss.")
@click.option("--table", metavar="OUT", help="Write the table of trials (csv, parquet, ...).")
@click.option("--restart", is_flag=True, help="Forget the trials of an earlier run of this search.")
@arguments.how_reported
@arguments.how_shown
def tune(
    data: tuple[str, ...], output: str, as_json: bool, quiet: bool, table: str | None, restart: bool, **options: Any
) -> None:
    """Search DATA's best parameters by cross-validation over its labels, and save a model fitted with them.

    Trials are kept beside MODEL, in a file that ends in .trials: a search that was interrupted or killed goes on when
    it is run again, and a higher --trials goes on from the last. A fifth of the rows is held out and never steers the
    search; what the winner is worth is told of those. --set fixes a parameter, which is then not searched. --budget
    is for all of it, but the defaults are always tried, measured and fitted.
    """
    from pathlib import Path

    from amiss.commands import work
    from amiss.writing import check_writable, write

    screen = Screen(as_json=as_json, quiet=quiet)
    if options["label"] is None:
        raise OptionError("tuning needs labels", hint="name the column that holds them: --label COL")
    check_writable(output, data, extensions=(".amiss",))
    if table is not None:
        check_writable(table, data)
    if options["report"] is not None:
        check_writable(options["report"], data, extensions=(".html", ".htm", ".json"))
    journal = Path(output).expanduser().with_suffix(".trials")
    if restart:
        journal.unlink(missing_ok=True)
    started, own = time.perf_counter(), ("trials", "folds", "metric", "group", "time")
    from amiss.tuning import tune as search

    with screen.interruptible(), screen.progress("reading", options["budget"]) as report:
        found = search(
            list(data), options["label"], journal=journal, report=report, **{k: options[k] for k in own},
            **arguments.learning(options),
        )  # fmt: skip
    found.model.save(output)
    if table is not None:
        write(found.table(), table, inputs=data)
    result = work.outcome.of_model(
        found.model, found.task.raw.source, found.task.table.rows, found.notes, found.task.leaks
    )
    result.output = output
    if options["report"] is not None:
        verdicts, verdict = work.judged(found.model, found.task.table)
        work.concluded(result, found.model, found.task.table, verdicts, found.task.y, verdict)
        result.reported.tuning = found.to_json()
    work.report(result, options["report"], options["lang"])
    result.seconds = time.perf_counter() - started
    command = again(found, data, output, options)
    if as_json:
        if not quiet:
            work.show.leaks(result.leaks, screen)
        told = result.to_json() | {"tuning": _finite(found.to_json()), "command": command, "journal": str(journal)}
        click.echo(json.dumps(told, allow_nan=False))
        return
    if not quiet:
        _show(found, result, screen)
        screen.results.print(clean(f"{say('show.again', result.lang)}\n  {command}"), soft_wrap=True)


def again(found: Tuned, data: tuple[str, ...], output: str, options: dict[str, Any]) -> str:
    """The `amiss fit` that makes the same model, bit for bit."""
    words = ["amiss", "fit", *data, "--label", str(options["label"])]
    for name in ("anomaly", "detector", "names", *arguments.RULES):
        if options[name] is not None:
            words += [f"--{name.replace('_', '-')}", str(options[name])]
    for name in ("drop", "only"):
        for columns in options[name]:
            words += [f"--{name}", ",".join(f'"{c}"' if "," in c else c for c in columns)]
    if options["group"] is not None:
        words += ["--drop", f'"{options["group"]}"' if "," in options["group"] else options["group"]]
    if options["header"] is not None:
        words.append("--header" if options["header"] else "--no-header")
    for token in options["nulls"]:
        words += ["--null", token]
    for name, value in found.settings.items():
        words += ["--set", f"{name}={value}"]
    if options["seed"]:
        words += ["--seed", str(options["seed"])]
    return shlex.join([*words, "-o", output])


def _show(found: Tuned, result: Any, screen: Screen) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from amiss.commands import show

    console, lang = screen.results, result.lang
    show.table_understood(result, screen)
    show.leaks(result.leaks, screen, lang)
    title = say("show.trials", lang)
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for head in ("report.trial", f"measure.{found.metric}", "report.seconds"):
        table.add_column(say(head, lang), justify="right", no_wrap=True)
    table.add_column(say("report.parameters", lang))
    for trial in [t for t in found.ranked() if t.state == "done"][:SHOWN]:
        chosen = " ".join(f"{k}={v}" for k, v in trial.parameters.items()) or say("show.defaults", lang)
        spread = f" ± {_spread(trial.scores):.3f}" if len(trial.scores) > 1 else ""
        table.add_row(str(trial.number), f"{trial.mean:.3f}{spread}", f"{trial.seconds:.1f}", Text(chosen))
    console.print(table)
    states = Counter(t.state for t in found.trials)
    tried = say("show.tried" + "_one" * (len(found.trials) == 1), lang, count=len(found.trials), folds=found.folds)
    others = [say("show.state", lang, count=states[s], state=word("state", s, lang)) for s in OTHERS if states[s]]
    console.print(say("show.of_them", lang, tried=tried, states=", ".join(others)) if others else tried)
    console.print(Text(clean(sentence(found, lang)), "bold"), soft_wrap=True)
    told = say(
        "show.tuned", lang, file=result.output, detector=result.card["detector"],
        setting=translated(result.card["setting"], lang), seconds=f"{result.seconds:.1f}",
    )  # fmt: skip
    console.print(clean(told), soft_wrap=True)


def sentence(found: Tuned, lang: str = "en") -> str:
    """What the winner is worth, on rows that the search never saw."""
    held, gain = found.held_out, found.held_out["gain"]
    low, high = held["winner"]["interval"]["average_precision"]
    told = say(
        "tuned.held", lang, rows=f"{held['rows']:,}", anomalies=f"{held['anomalies']:,}", low=f"{low:.3f}",
        high=f"{high:.3f}", winner=f"{held['winner']['average_precision']:.3f}",
        chance=f"{held['winner']['chance']['average_precision']:.3f}",
    )  # fmt: skip
    if found.best.number == 0:
        return say("tuned.defaults", lang, held=told)
    return say(
        "tuned.gain" if gain["low"] > 0 or gain["high"] < 0 else "tuned.unsure", lang, held=told,
        default=f"{held['default']['average_precision']:.3f}", gain=f"{gain['value']:+.3f}", low=f"{gain['low']:+.3f}",
        high=f"{gain['high']:+.3f}",
    )  # fmt: skip


def _spread(scores: list[float]) -> float:
    """Standard error of the folds' mean."""
    mean = sum(scores) / len(scores)
    return float((sum((s - mean) ** 2 for s in scores) / (len(scores) - 1) / len(scores)) ** 0.5)


def _finite(value: Any) -> Any:
    from amiss.plain import finite

    return finite(value)
