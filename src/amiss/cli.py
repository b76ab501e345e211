"""The command line: arguments in, words or JSON out. Whatever is heavy is imported inside a command.

Exit codes: 0 done; 2 the input or the usage is at fault, with a message that says what to do; 1 amiss is at fault;
130 given up by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
import traceback
import warnings
from typing import Any

import click

from amiss import __version__
from amiss.commands import arguments, series
from amiss.commands.suggest import go_on, suggest
from amiss.commands.tune import tune
from amiss.console import Screen, clean
from amiss.errors import AmissError, InputError, OptionError

REPORTS = (".html", ".htm", ".json")
REPORT = "This is a fault of amiss, not yours. AMISS_DEBUG=1 shows where it happened; please report it with that."


class Commands(click.Group):
    """Turns whatever a command raises into a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        logging.getLogger("jax").setLevel(logging.ERROR)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError):  # a word that the terminal cannot show is no error
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        try:
            with warnings.catch_warnings():
                if not os.environ.get("AMISS_DEBUG"):
                    warnings.simplefilter("ignore")  # of libraries; ours are notes
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # whoever read the output has had enough
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            click.echo("Given up; nothing was written.", err=True)
            ctx.exit(130)
        except BaseException as error:  # polars panics are no Exception
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            ctx.exit(_explain(error))


def _explain(error: BaseException) -> int:
    """Say what went wrong; the exit code."""
    if os.environ.get("AMISS_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, AmissError):
        click.echo(clean(f"Error: {error}"), err=True)
        return 2 if isinstance(error, InputError) else 1
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        hint = "leave out columns (--drop, --only) or rows, or use a computer with more memory"
        click.echo(f"Error: the memory does not suffice\n  what to do: {hint}", err=True)
        return 1
    first = (str(error).splitlines() or [""])[0][:300]
    click.echo(clean(f"Error: {type(error).__name__}: {first}\n  {REPORT}"), err=True)
    return 1


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="amiss")
def main() -> None:
    """Find what is amiss in a table, with neural networks.

    Start with `amiss demo`, or with your own table: `amiss detect table.csv`.
    """


@main.command(short_help="Find anomalies in a table: fit and score in one go.")
@click.argument("data", nargs=-1, required=True)
@series.how_timed
@series.events
@series.bands
@arguments.how_learn
@arguments.how_read
@click.option("-o", "--output", metavar="OUT", help="Write the table with score, p_value and is_anomaly; - is stdout.")
@arguments.how_reported
@arguments.how_shown
def detect(data: tuple[str, ...], output: str | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Find anomalies in DATA (files, a pattern, or - for stdin): fit and score the same table.

    With --label every row is scored by a model that has not seen it, and the scores are evaluated. With --time the
    rows are a series, in which points and stretches are looked for.
    """
    screen = _screen(as_json, quiet, output)
    _check_output(output, data)
    _check_output(options["report"], data, REPORTS)
    started, timed = time.perf_counter(), series.split(options)
    if timed is not None:
        series.finish(series.detect(data, timed, options, screen), timed, data, output, screen, started, options)
        return
    from amiss.commands import outcome, work

    task, found = work.detect(list(data), options, screen)
    result = outcome.of_detection(task, found)
    work.write(result, output, data)
    work.report(result, options["report"], options["lang"])
    result.seconds = time.perf_counter() - started
    work.finish(result, screen)


@main.command(short_help="Learn from a table and save the model.")
@click.argument("data", nargs=-1, required=True)
@series.how_timed
@arguments.how_learn
@arguments.how_read
@click.option("-o", "--output", metavar="MODEL", help="The model's file, name.amiss. With --continue: in place.")
@click.option("--continue", "model", metavar="MODEL", help="Add --labels to what MODEL knows; DATA is its table.")
@click.option(
    "--labels", metavar="FILE", help="With --continue: a table of row numbers, or of a naming column, and labels."
)
@arguments.kept
@arguments.how_reported
@arguments.how_shown
def fit(
    data: tuple[str, ...], output: str | None, model: str | None, as_json: bool, quiet: bool, **options: Any
) -> None:
    """Learn from DATA (files, a pattern, or - for stdin), and save the model for `amiss score` and `amiss evaluate`.

    With --time the rows are a series.
    """
    screen = _screen(as_json, quiet, None)
    if model is not None:
        go_on(data, model, output, screen, options)
        return
    if options.pop("labels") is not None:
        raise OptionError("--labels needs --continue", hint="a column of DATA that holds labels is --label COL")
    if output is None:
        raise click.MissingParameter(param_hint="'-o'", param_type="option")
    if output == "-":
        raise OptionError("a model cannot go to standard output", hint="give it a file: -o model.amiss")
    _check_output(output, data, (".amiss",))
    _check_output(options["report"], data, REPORTS)
    started, timed = time.perf_counter(), series.split(options)
    if timed is not None:
        series.fit(data, timed, output, options, screen, started)
        return
    from amiss.commands import work

    result = work.fit(list(data), output, options, screen)
    work.report(result, options["report"], options["lang"])
    result.seconds = time.perf_counter() - started
    work.finish(result, screen, f"amiss score {output} NEW.csv -o scores.csv")


@main.command(short_help="Score a table by a saved model.")
@click.argument("model")
@click.argument("data", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="Write the table with score, p_value and is_anomaly; - is stdout.")
@series.events
@arguments.how_read
@arguments.how_reported
@arguments.how_shown
def score(
    model: str, data: tuple[str, ...], output: str | None, events: str | None, as_json: bool, quiet: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Score the rows of DATA by MODEL. Columns go by name: their order does not matter, others are left alone.

    DATA is read as the training table was, unless options say otherwise.
    """
    screen = _screen(as_json, quiet, output)
    _check_output(output, (*data, model))
    _check_output(options["report"], (*data, model), REPORTS)
    from amiss.commands import work

    started, loaded = time.perf_counter(), work.load(model)
    if not isinstance(loaded, work.Model):
        _check_output(events, (*data, model))
        series.finish(series.score(loaded, data, options), {"events": events}, data, output, screen, started, options)
        return
    if events is not None:
        raise OptionError("--events needs a model of series", hint="fit with --time COL, or leave --events out")
    result = work.score(loaded, list(data), options)
    work.write(result, output, data)
    work.report(result, options["report"], options["lang"])
    result.seconds = time.perf_counter() - started
    work.finish(result, screen)


@main.command(short_help="Score rows as they arrive.")
@click.argument("model")
@click.option("--state", metavar="FILE", help="Keep here where the stream is, and go on from there.")
@click.option("--adaptive", is_flag=True, help="Compare with what was usual of late, for series that drift.")
@click.option("--threshold", type=float, metavar="SCORE", help="Flag rows above this score.")
@click.option("--header/--no-header", default=None, help="Whether the first line names the columns of CSV.")
@click.option("--no-names", is_flag=True, help="Print no line with the names of the columns.")
@click.option("--kafka", metavar="TOPIC", help="Read messages of this topic, each a line, instead of standard input.")
@click.option("--broker", metavar="HOST:PORT", help="With --kafka: a broker.")
@click.option("--group", default="amiss", show_default=True, metavar="NAME", help="With --kafka: the consumer group.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a row.")
@click.option("--quiet", "-q", is_flag=True, help="No notes on stderr.")
def watch(model: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Score rows from standard input (CSV or JSON lines) by MODEL, made by `amiss fit --time`: a line for each row.

    A row's score depends on earlier rows alone, and on nothing that is read together with it.
    """
    from amiss.commands import watch as stream
    from amiss.series.model import SeriesModel

    stream.check_options(options)
    stream.watch(SeriesModel.load(model), options, Screen(as_json=as_json, quiet=quiet, taken=True))


@main.command(short_help="Measure a saved model against labels.")
@click.argument("model")
@click.argument("data", nargs=-1, required=True)
@arguments.label
@arguments.anomaly
@click.option("--k", type=click.IntRange(1), metavar="N", help="Tell the precision of the N strangest rows.")
@click.option(
    "--alert-rate",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.05,
    metavar="SHARE",
    help="Tell the recall of this share of the rows, the strangest. Default: 0.05.",
)
@click.option("--learning-curve", is_flag=True, help="Would more labels help? Learns anew from parts of DATA's labels.")
@arguments.how_read
@arguments.how_reported
@arguments.how_shown
def evaluate(model: str, data: tuple[str, ...], as_json: bool, quiet: bool, **options: Any) -> None:
    """Measure MODEL's verdicts on DATA against its labels. The label column is that of the fit, unless given."""
    screen = _screen(as_json, quiet, None)
    _check_output(options["report"], (*data, model), REPORTS)
    from amiss.commands import work

    started, loaded = time.perf_counter(), work.load(model)
    if not isinstance(loaded, work.Model):
        found = series.score(loaded, data, options, measured=True)
        series.finish(found, {"events": None}, data, None, screen, started, options)
        return
    result = work.evaluate(loaded, list(data), options, screen)
    work.report(result, options["report"], options["lang"])
    result.seconds = time.perf_counter() - started
    work.finish(result, screen, rows=False)


@main.command(short_help="Say why rows are amiss.")
@click.argument("model")
@click.argument("data", nargs=-1, required=True)
@click.option("--row", "rows", type=int, multiple=True, metavar="N", help="A row's number, from 1; may be repeated.")
@click.option("--top", type=click.IntRange(1), metavar="N", help="The N strangest rows. Default: the flagged ones.")
@arguments.how_read
@arguments.language
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout.")
def explain(
    model: str, data: tuple[str, ...], rows: tuple[int, ...], top: int | None, lang: str, as_json: bool, **options: Any
) -> None:
    """Why rows of DATA are amiss by MODEL: the columns to blame, what would be typical, what would make it ordinary."""
    if rows and top is not None:
        raise OptionError("--row and --top exclude each other", hint="leave one of them out")
    from amiss.commands import work

    found = work.explain(model, list(data), list(rows), top, options)
    click.echo(
        json.dumps(found.to_json(lang), ensure_ascii=False, allow_nan=False) if as_json else clean(found.told(lang))
    )


main.add_command(tune)
main.add_command(suggest)


@main.command(short_help="Give a saved model another rule, without training.")
@click.argument("model")
@arguments.how_decided
@click.option("-o", "--output", metavar="MODEL", help="Where to save it. Default: in place.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout.")
def decide(model: str, output: str | None, as_json: bool, **options: Any) -> None:
    """Change how MODEL decides which rows to flag; the rule is stored in its file. Nothing is learned anew."""
    _check_output(output, (), (".amiss",))
    from amiss.commands import work

    result = work.decide(model, options, output or model)
    if as_json:
        click.echo(json.dumps({"rule": result.flagged_by(), "output": result.output, "promise": result.reported}))
        return
    click.echo(clean(f"{result.output} flags {result.flagged_by()}."))
    for name in ("precision", "recall"):
        if result.reported:
            low, high = (result.reported.get(f"{name}_{end}", 0.0) for end in ("low", "high"))
            click.echo(f"  {name} on other labelled rows: {result.reported[name]:.3f} ({low:.3f} to {high:.3f})")


@main.command(short_help="List the methods, or one method's parameters.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout.")
def detectors(name: str | None, as_json: bool) -> None:
    """List the methods and what they learn from; with NAME, that method's parameters for --set."""
    from amiss.commands import lists

    found = lists.methods() if name is None else lists.parameters(name)
    if as_json:
        click.echo(json.dumps(found))
    else:
        lists.show(found, Screen())


@main.command(short_help="Try amiss on a table that is at hand.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Same seed, same result.")
@arguments.how_shown
def demo(seed: int, as_json: bool, quiet: bool) -> None:
    """Find malignant tumours in scikit-learn's breast cancer table, without labels and with. No network is used."""
    from amiss import demo

    demo.run(Screen(as_json=as_json, quiet=quiet), seed)


@main.command(short_help="Say what this computer offers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout.")
def doctor(as_json: bool) -> None:
    """Versions, backend, cores, the cache of compiled programs, and places that can be written."""
    from amiss.commands import doctor, lists

    found = doctor.examine()
    if as_json:
        click.echo(json.dumps(found))
    else:
        lists.show_doctor(found, Screen())


def _screen(as_json: bool, quiet: bool, output: str | None) -> Screen:
    if as_json and output == "-":
        raise OptionError("--json and -o - both want standard output", hint="give -o a file, or leave --json out")
    return Screen(as_json=as_json, quiet=quiet, taken=output == "-")


def _check_output(output: str | None, inputs: tuple[str, ...], extensions: tuple[str, ...] = ()) -> None:
    """Before any work is done."""
    if output is not None:
        from amiss.writing import check_writable

        check_writable(output, inputs, extensions=extensions)
