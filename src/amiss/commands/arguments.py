"""The options that commands share, and what their texts mean. Imports nothing heavy: ``--help`` reads this."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import click

from amiss.errors import OptionError, did_you_mean
from amiss.words import fields_of, type_words, typed

__all__ = ["fields_of", "type_words", "typed"]

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
#: parameters that have an option of their own
ELSEWHERE = {"seed": "--seed", "random_state": "--seed", "budget": "--budget", "contamination": "--contamination"}

Command = Callable[..., Any]


class Budget(click.ParamType):
    """``30s``, ``5m``, ``1.5h`` or a number of seconds -> seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([smh]?)", str(value).strip().lower())
        seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
        if not seconds > 0 or math.isinf(seconds):
            self.fail(f"{value!r} is no time above zero: write 30s, 5m, 1h or a number of seconds", param, ctx)
        return seconds


class Columns(click.ParamType):
    """``a,b,"c, d"`` -> names of columns."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if isinstance(value, list):
            return value
        names = [name.strip() for line in csv.reader([str(value)], skipinitialspace=True) for name in line]
        names = [name for name in names if name]
        if not names:
            self.fail("no column is named", param, ctx)
        return names


class Pair(click.ParamType):
    """``key=value`` -> (key, value)."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key.strip():
            self.fail(f"{value!r} is no key=value, e.g. epochs=50", param, ctx)
        return key.strip().replace("-", "_"), text.strip()


def _all(options: Iterable[Command]) -> Callable[[Command], Command]:
    """One decorator of many; the first option is shown first in the help."""

    def decorate(command: Command) -> Command:
        for option in reversed(list(options)):
            command = option(command)
        return command

    return decorate


label = click.option(
    "--label", metavar="COL", help="The column that says which rows are anomalies: its name, or its place (1, 2, ...)."
)
anomaly = click.option(
    "--anomaly",
    metavar="VALUE",
    help="The label's value (or values, a,b) that is the anomaly. Default: 1, true, yes, fraud, ..., else the rarer.",
)
how_read = _all(
    [
        click.option("--header/--no-header", default=None, help="Whether the first line of a text names the columns."),
        click.option(
            "--names",
            metavar="FILE",
            help="A file with the columns' names: one a line, or the first field of each line.",
        ),
        click.option(
            "--null", "nulls", metavar="TOKEN", multiple=True, help="A word that means missing, besides the usual ones."
        ),
    ]
)
#: rules that decide which rows are flagged; one of them at most
how_decided = _all(
    [
        click.option(
            "--fdr", type=float, metavar="SHARE", help="At most this share of the flagged rows by chance (0.1)."
        ),
        click.option("--contamination", type=float, metavar="SHARE", help="Flag this share of the rows, e.g. 0.01."),
        click.option(
            "--alerts", metavar="N", help="Flag the N strangest rows of a table, or 50/day: of every hour, day or week."
        ),
        click.option("--cost-miss", type=float, metavar="COST", help="What a missed anomaly costs (with labels)."),
        click.option("--cost-alarm", type=float, metavar="COST", help="What a false alarm costs (with labels)."),
        click.option("--precision", type=float, metavar="SHARE", help="As many rows as keep this precision (labels)."),
        click.option("--recall", type=float, metavar="SHARE", help="As few rows as reach this recall (with labels)."),
        click.option("--threshold", type=float, metavar="SCORE", help="Flag rows from this score on."),
    ]
)
RULES = ("fdr", "contamination", "alerts", "cost_miss", "cost_alarm", "precision", "recall", "threshold")
language = click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of what is told."
)
how_reported = _all(
    [
        click.option("--report", metavar="FILE", help="Write a report for the browser: one .html (or .json) file."),
        language,
    ]
)
how_learn = _all(
    [
        label,
        anomaly,
        click.option("--drop", type=Columns(), multiple=True, metavar="A,B", help="Columns to leave out."),
        click.option("--only", type=Columns(), multiple=True, metavar="A,B", help="Columns to learn from, no others."),
        click.option(
            "--setting",
            metavar="NAME",
            help="unsupervised, one-class, 'weakly supervised' (weak) or supervised; by the labels unless given.",
        ),
        click.option("--detector", metavar="NAME", help="The method; `amiss detectors` lists them."),
        click.option(
            "--set",
            "pairs",
            type=Pair(),
            multiple=True,
            metavar="KEY=VALUE",
            help="A parameter of the method, e.g. --set epochs=50 --set hidden=64,32.",
        ),
        how_decided,
        click.option("--budget", type=Budget(), metavar="TIME", help="Stop training in time: 30s, 5m, 1h."),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=0,
            show_default=True,
            help="Same seed, same result.",
        ),
    ]
)
kept = click.option(
    "--examples/--no-examples", default=True, help="Whether the model keeps training rows to explain others by."
)
how_shown = _all(
    [
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout."),
        click.option("--quiet", "-q", is_flag=True, help="No progress bar, no notes: only what was asked for."),
    ]
)


def learning(options: dict[str, Any]) -> dict[str, Any]:
    """The command's options -> those of :func:`amiss.task.prepare`."""
    if options["anomaly"] is not None and options["label"] is None:
        raise OptionError("--anomaly is a value of the label column", hint="name the column: --label COL")
    chosen = {key: options[key] for key in ("detector", "setting", "seed", "budget", "anomaly")} | {
        "examples": options.get("examples", True)
    }
    chosen["rule"] = rule(options)
    chosen["parameters"] = parameters(options["detector"], options["label"] is not None, options["pairs"])
    for key in ("drop", "only"):
        chosen[key] = [name for names in options[key] for name in names]
    reading = how_to_read(options["header"], options["names"], options["nulls"])
    return chosen | {key: value for key, value in reading.items() if value is not None}


def rule(options: dict[str, Any]) -> Any:
    """The :class:`~amiss.decision.Rule` that was asked for, or None. Raises OptionError for two at once."""
    from amiss.verdict import rule_of

    return rule_of(**{name: options[name] for name in RULES})


def how_to_read(header: bool | None, names: str | None, nulls: Iterable[str]) -> dict[str, Any]:
    """Options of reading; None for those that the person left open."""
    from amiss.reading import read_names

    return {"header": header, "names": None if names is None else read_names(names), "nulls": list(nulls) or None}


def parameters(detector: str | None, labelled: bool, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """``--set key=value`` -> the detector's parameters, typed as its fields are. Raises OptionError for a wrong one."""
    from amiss.task import learner

    pairs = list(pairs)
    if not pairs and detector is None:
        return {}
    # labels may turn out one-sided
    return typed_pairs([learner(detector, labelled=both) for both in (labelled, not labelled)], pairs)


def typed_pairs(kinds: list[Any], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The same for the parameters of any of some classes; the first is named in errors."""
    hints: dict[str, Any] = {}
    for kind in reversed(kinds):
        hints |= fields_of(kind)
    values = {}
    for key, text in pairs:
        if key in ELSEWHERE:
            raise OptionError(f"--set {key}: this has an option of its own", hint=f"use {ELSEWHERE[key]}")
        if key not in hints:
            own = [name for name in fields_of(kinds[0]) if name not in ELSEWHERE]
            raise OptionError(
                f"{kinds[0].__name__} has no parameter {key!r}",
                hint=did_you_mean(key, own) if own else "name a method with --detector: the default has none",
            )
        values[key] = typed(key, text, hints[key])
    return values
