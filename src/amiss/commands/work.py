"""What the commands do: options -> the library -> an outcome, shown or printed as JSON."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from amiss.commands import arguments, outcome, show
from amiss.commands.outcome import Outcome
from amiss.console import Screen, clean
from amiss.decision import operating_point
from amiss.detection import Detection, detect_prepared, judged
from amiss.errors import LabelError, OptionError
from amiss.explain import Explanation
from amiss.labels import read_labels
from amiss.learning import learning_curve
from amiss.model import Model, fit_prepared, load, measured
from amiss.reading import RawTable
from amiss.report.strings import say, translated
from amiss.table import Table
from amiss.task import Fit, prepare
from amiss.verdict import Verdict
from amiss.verdicts import beside, renamed
from amiss.writing import write as write_table

if TYPE_CHECKING:
    from amiss.series.explain import SeriesExplanation


def detect(data: Any, options: dict[str, Any], screen: Screen) -> tuple[Fit, Detection]:
    """Fit and score the same table."""
    with screen.interruptible(), screen.progress("reading", options["budget"]) as report:
        task = prepare(data, options["label"], report=report, **arguments.learning(options))
        found = detect_prepared(task)
    _note_stops(found.card, found.notes, screen)
    _note_renamed(task.raw, found.notes)
    return task, found


def fit(data: Any, output: str, options: dict[str, Any], screen: Screen) -> Outcome:
    """Fit and save."""
    with screen.interruptible(), screen.progress("reading", options["budget"]) as report:
        task = prepare(data, options["label"], report=report, **arguments.learning(options))
        model = fit_prepared(task)
    _note_stops(model.card, model.notes, screen)
    model.save(output)
    result = outcome.of_model(model, task.raw.source, task.table.rows, model.notes, task.leaks)
    result.output = output
    if options["report"] is not None:
        verdicts, verdict = judged(model, task.table)
        concluded(result, model, task.table, verdicts, task.y, verdict)
    return result


def score(model: Model, data: Any, options: dict[str, Any]) -> Outcome:
    """Score another table."""
    raw = read_like(model, data, options)
    table = model.match(raw)
    notes = list(table.notes)
    _note_renamed(raw, notes)
    result = outcome.of_model(model, raw.source, table.rows, notes, [])
    verdicts, verdict = _verdicts(model, raw, table)
    if verdict is not None:
        notes.append(
            "the model learned from this very table: it knows the answers; `amiss detect --label` judges each row by a"
            " model that has not seen it"
            if verdict.method == "labels"
            else "the model learned from this very table: its rows are judged as `amiss detect` judges them"
        )
    result.frame = beside(raw.frame, verdicts)
    concluded(result, model, table, verdicts, verdict=verdict)
    return result


def evaluate(model: Model, data: Any, options: dict[str, Any], screen: Screen) -> Outcome:
    """Measure a model's verdicts."""
    raw = read_like(model, data, options)
    label, known = options["label"], (model.card.get("label") or {}).get("column")
    if label is None and known is None:
        raise LabelError("the model was fitted without labels", hint="name the column that holds them: --label COL")
    if options["anomaly"] is None:
        labels = model.labels(raw, label)
    else:
        labels = read_labels(raw, label or str(known), anomaly=options["anomaly"], nulls=raw.nulls)
    table = model.match(raw, labels.column)
    verdicts, verdict = _verdicts(model, raw, table)
    notes = [*table.notes, labels.note]
    result = outcome.of_model(model, raw.source, table.rows, notes, [])
    result.frame = beside(raw.frame, verdicts)
    result.evaluation = measured(labels.y, verdicts, k=options["k"], alert_rate=options["alert_rate"])
    concluded(result, model, table, verdicts, labels.y, verdict)
    result.reported.evaluation = result.evaluation
    if options["learning_curve"]:
        with screen.interruptible(), screen.progress("learning curve") as report:
            result.learning = result.reported.learning = learning_curve(model, table, labels.y, report=report)
    return result


def _verdicts(model: Model, raw: RawTable, table: Table) -> tuple[pl.DataFrame, Verdict | None]:
    """Rows held against those of training; a table that the model learned from is judged as a whole, as by detect."""
    return judged(model, table) if model.learned_from(raw) else (model.score_table(table), None)


def decide(model_file: str, options: dict[str, Any], output: str) -> Outcome:
    """Give a saved model another rule."""
    model, rule = load(model_file), arguments.rule(options)
    if rule is None:
        raise OptionError("no rule is given", hint="for example --alerts 50, --fdr 0.05 or --cost-miss 100")
    changed = model.decide(rule)
    changed.save(output)
    if not isinstance(changed, Model):
        card = changed.card
        return Outcome(
            str(card.get("source", "")), 0, changed.schema, card, [], [], rule=changed.rule_words, output=output
        )
    source = str(changed.card.get("source", ""))
    result = outcome.of_model(changed, source, int(changed.card.get("rows", 0)), [], [])
    result.output = output
    if rule.name in ("cost", "precision", "recall"):
        result.reported = operating_point(changed.decision)
    return result


def explain(
    model_file: str, data: Any, rows: list[int], top: int | None, options: dict[str, Any]
) -> Explanation | SeriesExplanation:
    """Why rows, or stretches of a series, are amiss."""
    model = load(model_file)
    if not isinstance(model, Model):
        reading = arguments.how_to_read(options["header"], options["names"], options["nulls"])
        return model.explain(data, rows or top, **reading)
    raw = read_like(model, data, options)
    table = model.match(raw)
    verdicts, _ = _verdicts(model, raw, table)
    score, flagged, p_value = (verdicts[name].to_numpy() for name in ("score", "is_anomaly", "p_value"))
    return model.explain_table(table, rows or top, score=score, flagged=flagged, p_value=p_value)


def report(result: Outcome, path: str | None, lang: str) -> None:
    """Write a report where it was asked for."""
    result.lang = lang
    if path is not None:
        from amiss.report import write_report

        write_report(path, result.reported, lang=lang, command=" ".join(map(shlex.quote, ["amiss", *sys.argv[1:]])))


def concluded(
    result: Outcome, model: Model, table: Table, verdicts: Any, y: Any = None, verdict: Verdict | None = None
) -> None:
    """The verdict, and what a report is made from.

    y: labels to measure by. verdict: on a table that the model learned from.
    """
    from amiss.report.summarise import of_scores

    if verdict is not None and y is not None:
        result.notes.append(
            "the model learned from this very table: the measures flatter it; `amiss detect --label` tells honest ones"
        )
    result.reported = of_scores(model, table, verdicts, y, notes=result.notes, leaks=result.leaks, verdict=verdict)
    result.verdict = result.reported.verdict


def write(result: Outcome, output: str | None, inputs: tuple[str, ...]) -> None:
    """Write the scored table where it was asked for."""
    if output is not None:
        assert result.frame is not None
        write_table(result.frame, output, inputs=inputs)
        result.output = output


def finish(result: Outcome, screen: Screen, then: str = "", rows: bool = True) -> None:
    """JSON, or words. Quiet says nothing where a file holds what was asked for.

    then: what to run next. rows: whether to list the strangest rows.
    """
    if screen.as_json:
        if not screen.quiet:
            show.leaks(result.leaks, screen, result.lang)
        click.echo(json.dumps(result.to_json(), allow_nan=False))
        return
    if screen.quiet and result.output is not None:
        return
    console = screen.results
    show.verdict(result, console)
    if not screen.quiet:
        show.table_understood(result, screen)
        show.leaks(result.leaks, screen, result.lang)
    if result.frame is not None and rows:
        show.strangest_rows(result, console)
    if result.why is not None:
        show.why(result.why, console, result.lang)
    if result.evaluation is not None:
        show.measures(result.evaluation, console, result.lang)
    if result.learning is not None:
        show.learning(result.learning, console, result.lang)
    if result.frame is not None:
        console.print(show.summary(result), style="bold", soft_wrap=True)
        console.print(show.rule(result), soft_wrap=True)
    if result.output is not None and result.output != "-":
        console.print(clean(_written(result)), soft_wrap=True)
    if then and not screen.quiet:
        console.print(clean(say("show.next", result.lang, command=then)), soft_wrap=True)


def _written(result: Outcome) -> str:
    assert result.output is not None
    place = {"file": result.output, "size": show.file_size(result.output)}
    if result.frame is not None:
        return say("show.written", result.lang, rows=f"{result.rows:,}", columns=result.frame.width, **place)
    setting = translated(result.card["setting"], result.lang)
    return say(
        "show.model", result.lang, detector=result.card["detector"], setting=setting,
        seconds=f"{result.seconds:.1f}", **place,
    )  # fmt: skip


def read_like(model: Model, data: Any, options: dict[str, Any]) -> RawTable:
    """Read as the training table was, with the words for missing of both."""
    reading = arguments.how_to_read(options["header"], options["names"], options["nulls"])
    if reading["nulls"]:
        reading["nulls"] = [*model.card.get("reading", {}).get("nulls", []), *reading["nulls"]]
    return model.read(data, **reading)


def _note_stops(card: dict[str, Any], notes: list[str], screen: Screen) -> None:
    if screen.interrupted:
        notes.append("training was stopped by Ctrl-C: the result is the best until then")
    elif card.get("stopped") == "budget":
        notes.append("training was stopped by the budget: the result is the best until then")


def _note_renamed(raw: RawTable, notes: list[str]) -> None:
    for old, new in renamed(raw.frame.columns).items():
        notes.append(f"the table has a column {old!r} of its own: it is {new!r} in the output")
