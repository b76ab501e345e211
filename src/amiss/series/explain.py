"""Why stretches of a series, or single rows of it, are strange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.errors import OptionError
from amiss.report.strings import say
from amiss.series.causes import causes_of
from amiss.series.detect import SeriesDetection, SeriesEvent, event_words
from amiss.series.events import Event
from amiss.series.frame import Series, TimeTable, time_words


@dataclass(frozen=True)
class SeriesExplanation:
    """Stretches, the series that each lies in, and the channels to blame."""

    table: TimeTable
    found: list[tuple[Series, SeriesEvent]]

    def to_json(self, lang: str = "en") -> list[dict[str, Any]]:
        """An object for each stretch: series, start, end, steps, peak, score, p_value, channels, why."""
        return [event_words(self.table, series, one, lang) for series, one in self.found]

    def told(self, lang: str = "en") -> str:
        """A line for when and how strange, and one for each channel to blame."""
        parts = []
        for (series, one), words in zip(self.found, self.to_json(lang)):
            when = words["start"] if one.event.steps == 1 else f"{words['start']} .. {words['end']}"
            head = f"{series.name} {when}".strip() + f"  score {one.event.score:.3g}  p {one.event.p_value:.2g}"
            why = [cause.told(time_words(self.table, series.times[cause.step]), lang) for cause in one.causes]
            parts.append("\n  ".join([head, *why]))
        return "\n".join(parts) or say("series.none", lang)


def explain_series(detection: SeriesDetection, rows: int | Sequence[int] | None = None) -> SeriesExplanation:
    """rows: numbers of the table's rows, from 1, each looked at by itself; an int for so many of the strangest
    stretches; None for all flagged ones. Raises OptionError for a row that there is not or that has no score."""
    table = detection.table
    if rows is not None and not isinstance(rows, int):
        return SeriesExplanation(table, [_row(detection, row) for row in rows])
    found = [(series, one) for series in table.series if series.name in detection.judged
             for one in detection.judged[series.name].events]  # fmt: skip
    if rows is not None:
        found = sorted(found, key=lambda pair: -pair[1].event.score)[:rows]
    return SeriesExplanation(table, found)


def _row(detection: SeriesDetection, row: int) -> tuple[Series, SeriesEvent]:
    table, height = detection.table, detection.frame.height
    if not 1 <= row <= height:
        raise OptionError("there is no such row", required=f"a number from 1 to {height:,}", found=f"{row}")
    for series in table.series:
        step = int(series.place[row - 1])
        if step >= 0 and series.name in detection.judged:
            judged = detection.judged[series.name]
            event = Event(step, step, step, float(judged.score[step]), float(judged.p_value[step]))
            share = judged.look.shares(np.array([step]))[0]
            causes = causes_of(event, share, series.values, judged.look.band(), table.channels)
            return series, SeriesEvent(event, causes)
    raise OptionError("the row has no score", found=f"row {row}", hint="it has no time, or its series was not learned")
