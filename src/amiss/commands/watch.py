"""``amiss watch``: rows in as they come, a line for each out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amiss.commands.arrivals import Arrival, from_file, from_kafka, kafka_consumer
from amiss.commands.lines import LineReader
from amiss.console import Screen
from amiss.errors import OptionError, OutputError
from amiss.series.watch import Told, Watch

if TYPE_CHECKING:
    from amiss.series.model import SeriesModel

PIECE = 4096  #: rows that are scored, kept and printed together, at most

FLOODED = (
    "More than half of the rows are flagged: the stream is no longer like the part that was learned from. --adaptive"
    " compares with what was usual of late; or fit again on newer rows, or flag above another score: --threshold SCORE."
)


def watch(model: SeriesModel, options: dict[str, Any], screen: Screen, consumer: Any = None) -> None:
    """Score rows until there are no more. consumer: of Kafka, in place of the one that ``--kafka`` describes."""
    from amiss.blas import one_thread

    seen = Watch(model, options["adaptive"], options["threshold"])
    state = options["state"]
    if state is not None:
        _check_state(state)
        if Path(state).exists():
            seen.restore(state)
            screen.say(f"Going on after {seen.rows:,} rows, from {state}.")
    arrivals = _arrivals(options, seen, consumer)
    reader = LineReader(model, options["header"] is not False)
    warm = max(stream.warm_up_ for stream in seen.streams.values())
    screen.say(f"Flagged: {seen.rule_words}. The first {warm} rows of a series, and those after a gap, are warming up.")
    if not screen.as_json and not options["no_names"]:
        _print(
            ",".join(["time", *(["series"] if model.by else []), "score", "p_value", "is_anomaly", "channels"]) + "\n"
        )
    try:
        with one_thread():
            _run(arrivals, reader, seen, state, _as_json if screen.as_json else _as_csv, screen)
    finally:
        for note in seen.notes():
            screen.say(note)
        screen.say(f"{seen.rows:,} rows, {seen.alarms:,} flagged" + (f"; state: {state}" if state else ""))


def _run(
    arrivals: Iterator[Arrival], reader: LineReader, seen: Watch, state: str | None,
    shape: Callable[[list[str], list[str] | None, Told], str], screen: Screen,
) -> None:  # fmt: skip
    flooded = False
    for arrival in arrivals:
        for i in range(0, len(arrival.lines), PIECE):
            written, times, names, values = reader.read(
                arrival.lines[i : i + PIECE], arrival.torn and i + PIECE >= len(arrival.lines)
            )
            if arrival.torn and reader.failed is None and len(times):
                screen.say("the last line has no end: it is taken as it is")
            if len(times):
                told = seen.push(times, names, values)
                if i + PIECE >= len(arrival.lines):
                    seen.marks |= arrival.marks
                if state is not None:  # before the lines go out: whoever has read a line finds its row in the state
                    seen.save(state)
                _print(shape(written, names, told))
                if seen.flooded and not flooded:
                    flooded = True
                    screen.say(FLOODED)
            if reader.failed is not None:
                raise reader.failed


def _as_csv(written: list[str], names: list[str] | None, told: Told) -> str:
    lines = []
    for i, (time, score, p, flagged) in enumerate(
        zip(written, told.score.tolist(), told.p_value.tolist(), told.flagged.tolist())
    ):
        first = _cell(time) if names is None else f"{_cell(time)},{_cell(names[i])}"
        said = f"{score!r},{p!r}" if score == score else ","
        lines.append(f"{first},{said},{'true' if flagged else 'false'},{_cell(told.channels[i]) if flagged else ''}\n")
    return "".join(lines)


def _as_json(written: list[str], names: list[str] | None, told: Told) -> str:
    lines = []
    for i, time in enumerate(written):
        row: dict[str, Any] = {"time": time} | ({} if names is None else {"series": names[i]})
        known = np.isfinite(told.score[i])
        row |= {
            "score": float(told.score[i]) if known else None, "p_value": float(told.p_value[i]) if known else None,
            "is_anomaly": bool(told.flagged[i]), "channels": told.channels[i],
        }  # fmt: skip
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def _cell(text: str) -> str:
    if '"' in text or "," in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _arrivals(options: dict[str, Any], seen: Watch, consumer: Any) -> Iterator[Arrival]:
    topic = options["kafka"]
    if consumer is None and topic is None:
        return from_file(sys.stdin.fileno())
    if consumer is None:
        consumer = kafka_consumer(options["broker"], topic, options["group"])
    return from_kafka(consumer, seen.marks)


def _check_state(path: str) -> None:
    place = Path(path)
    if place.is_dir() or not place.parent.is_dir():
        raise OutputError("the state cannot be written there", where=path, required="a file in a folder that exists")
    if not os.access(place if place.exists() else place.parent, os.W_OK):
        raise OutputError("the state cannot be written there", where=path, found="no permission to write")


def check_options(options: dict[str, Any]) -> None:
    """Raises OptionError for what does not go together."""
    if options["kafka"] is not None and options["broker"] is None:
        raise OptionError("--kafka needs --broker", hint="--broker localhost:9092")
