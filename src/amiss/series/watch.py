"""Rows of a stream -> scores, verdicts and channels to blame, series by series; where each stands is kept.

Rows are taken in the order in which they come. Time tells only where a row stands in the day and where windows begin
anew: after a gap of more than eight steps, or 20 where steps are uneven. Shorter gaps are passed over, and rows whose
time repeats or runs backwards are scored as they come; both are counted.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from amiss import store
from amiss.errors import ModelFileError, OptionError
from amiss.series.blame import blamed
from amiss.series.drift import QUIET, STRANGER
from amiss.series.stream import ALARM, Stream

if TYPE_CHECKING:
    from amiss.series.model import SeriesModel

COUNTED = {
    "backwards": "rows whose time runs backwards (scored as they came)",
    "repeated": "rows whose time repeats (scored as they came)",
    "gaps": "gaps in time (windows began anew)",
    "untimed": "rows whose time could not be read (scored as they came)",
    "unknown": "rows of series that the model has not learned (their score is empty)",
    "missing": "values missing or no numbers (the last known ones were held)",
}


FLOOD = 100  #: alarms, at least, of which more than a row in two is one


@dataclass
class Told:
    """What is said of rows: (rows,) each; score and p_value NaN, where a row's series was not learned.

    channels: to blame, the first ones with their shares; empty where a row is not flagged.
    """

    score: np.ndarray
    p_value: np.ndarray
    flagged: np.ndarray
    channels: list[str]


@dataclass
class Watch:
    """A stream of rows, scored by a model as they come.

    adaptive: by what was usual of late, instead of by the training part alone. threshold: an alarm from this score on,
    instead of the model's own.
    """

    model: SeriesModel
    adaptive: bool = False
    threshold: float | None = None
    rows: int = 0
    alarms: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    @property
    def flooded(self) -> bool:
        """Whether most rows are flagged, and many are: the stream is no longer like what was learned from."""
        return self.alarms >= FLOOD and 2 * self.alarms > self.rows

    def __post_init__(self) -> None:
        self.last: dict[str, float] = {}
        self.streams: dict[str, Stream] = {}
        if not self.model.streams:
            raise ModelFileError("the model holds no streams", hint="fit it again with this version of amiss")
        for name, live in self.model.streams.items():
            self.streams[name] = copy.copy(live.adaptive if self.adaptive else live.fixed).reset()
            if self.threshold is not None:
                self.streams[name].threshold_ = self.threshold

    def push(self, times: np.ndarray, names: list[str] | None, values: np.ndarray) -> Told:
        """The next rows: times (rows,), NaN where unknown; names of their series; values (rows, channels)."""
        count = len(times)
        told = Told(np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, bool), [""] * count)
        self._count("missing", int((~np.isfinite(values)).sum()))
        if names is None:
            parted = {next(iter(self.streams)): np.arange(count)}
        else:
            places: dict[str, list[int]] = {}
            for i, name in enumerate(names):
                places.setdefault(name, []).append(i)
            parted = {name: np.array(rows) for name, rows in places.items()}
        for name, rows in parted.items():
            if name in self.streams:
                self._push(name, rows, times[rows], values[rows], told)
            else:
                self._count("unknown", len(rows))
        self.rows += count
        self.alarms += int(told.flagged.sum())
        return told

    def _push(self, name: str, rows: np.ndarray, times: np.ndarray, values: np.ndarray, told: Told) -> None:
        stream, live = self.streams[name], self.model.streams[name]
        known = np.isfinite(times)
        self._count("untimed", int((~known).sum()))
        before = np.concatenate([[self.last.get(name, np.nan)], times])
        at = np.maximum.accumulate(np.where(np.isfinite(before), np.arange(len(before)), 0))
        before = before[at]  # of a row without a time, the time before it
        steps = np.diff(before)
        self.last[name] = float(before[-1])
        self._count("backwards", int((steps < 0).sum()))
        self._count("repeated", int((known & (steps == 0)).sum()))
        jumps = np.flatnonzero(np.abs(np.nan_to_num(steps)) > live.limit) if live.limit > 0 else np.zeros(0, int)
        self._count("gaps", len(jumps))
        slots = live.slots(before[1:])
        for a, b in zip([0, *jumps], [*jumps, len(rows)]):
            if a in jumps:
                stream.forget()
            if a == b:
                continue
            said = stream.step(values[a:b], None if slots is None else slots[a:b])
            mine = rows[a:b]
            told.score[mine], told.p_value[mine], told.flagged[mine] = said.score, said.p_value, said.flagged
            for i in np.flatnonzero(said.flagged):
                told.channels[mine[i]] = blamed(said.shares[i], self.model.schema.names)

    @property
    def rule_words(self) -> str:
        """How rows are flagged, for the person."""
        if self.adaptive:
            least = next(iter(self.streams.values())).threshold_
            again = f"in the {QUIET} rows after one, {STRANGER:g} times its score"
            return f"scores of {least:g} and more, beside the usual of late; {again}"
        if self.threshold is not None:
            return f"scores above {self.threshold:g}"
        return f"scores more than {ALARM:g} times as high as any of the training part"

    def notes(self) -> list[str]:
        """What was awkward about the rows so far."""
        return [f"{COUNTED[name]}: {count:,}" for name, count in self.counts.items()]

    def _count(self, what: str, more: int) -> None:
        if more:
            self.counts[what] = self.counts.get(what, 0) + more

    # --- state ------------------------------------------------------------------------------------------------------

    def save(self, path: str) -> None:
        """Write where the stream is, whole or not at all."""
        names, arrays = list(self.streams), dict[str, np.ndarray]()
        for i, stream in enumerate(self.streams.values()):
            arrays |= {f"{i}/{key}": array for key, array in stream.live().items()}
        known = {name: time for name, time in self.last.items() if np.isfinite(time)}
        head = {
            "kind": "stream", "model": fingerprint(self.model), "adaptive": self.adaptive, "rows": self.rows,
            "alarms": self.alarms, "counts": self.counts, "marks": self.marks, "series": names, "last": known,
        }  # fmt: skip
        store.save(path, head, arrays, quick=True)

    def restore(self, path: str) -> None:
        """Go on from what :meth:`save` wrote. Raises ModelFileError for what is no such file or of another model."""
        head, arrays = store.load(path)
        if head.get("kind") != "stream":
            raise ModelFileError("this is no state of a stream", where=path, hint="give --state another name")
        if head.get("model") != fingerprint(self.model):
            raise ModelFileError(
                "the state of the stream belongs to another model", where=path,
                hint="go on with the model that it was made with, or begin anew: remove the file",
            )  # fmt: skip
        if head.get("adaptive") != self.adaptive:
            now = "without" if head.get("adaptive") else "with"
            raise OptionError(
                f"the state of the stream was made {'with' if now == 'without' else 'without'} --adaptive",
                where=path, found=f"{now} it", hint="give the same option, or another --state",
            )  # fmt: skip
        with store.parts_of(path):
            for i, name in enumerate(head["series"]):
                own = {k.removeprefix(f"{i}/"): v for k, v in arrays.items() if k.startswith(f"{i}/")}
                self.streams[name].go_on(own)
            self.rows, self.alarms, self.last = int(head["rows"]), int(head["alarms"]), dict(head["last"])
            self.counts, self.marks = dict(head["counts"]), dict(head["marks"])


def fingerprint(model: SeriesModel) -> str:
    """What tells a model from others."""
    return hashlib.sha256(json.dumps(model.card, sort_keys=True, default=str).encode()).hexdigest()
