"""Why a row is amiss, as objects that a person reads: reasons, changes, neighbours, groups, and their sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from amiss.report.strings import say

SHOWN = 3  #: reasons in a sentence


@dataclass(frozen=True)
class Reason:
    """One column's part in a row's score.

    column, value: as the person wrote them; value None = missing. share: of the score, 0 to 1.
    low, high: of the middle of the cells in rows like this one (numbers and dates); words: their commonest values.
    direction: 'high', 'low', 'new' (a value not seen in training), 'missing', 'together' (ordinary on its own) or
    'differs'.
    """

    column: str
    value: str | None
    share: float
    low: str | None = None
    high: str | None = None
    words: tuple[tuple[str, float], ...] = ()
    direction: str = "differs"

    def typical(self, lang: str = "en") -> str:
        """What would be typical, e.g. ``35 to 120``."""
        if self.low is not None and self.high is not None:
            return self.low if self.low == self.high else say("reason.range", lang, low=self.low, high=self.high)
        return ", ".join(f"{shorten(word)} ({share:.0%})" for word, share in self.words)

    def sentence(self, lang: str = "en") -> str:
        """E.g. ``amount = 9,800; typical for rows like this 35 to 120; 71 % of the score``."""
        value = say("reason.missing", lang) if self.value is None else shorten(self.value)
        parts = [say("reason.column", lang, column=shorten(self.column), value=value)]
        if self.direction == "new":
            parts.append(say("reason.new", lang))
        if self.direction == "together":
            parts.append(say("reason.together", lang))
        if typical := self.typical(lang):
            parts.append(say("reason.typical", lang, range=typical))
        parts.append(say("reason.share", lang, share=f"{100 * self.share:.0f} %"))
        return say("reason.join", lang).join(parts)


@dataclass(frozen=True)
class Counterfactual:
    """The smallest change that was found. cells: (column, old, new). score: of the changed row. enough: it is
    ordinary then."""

    cells: tuple[tuple[str, str | None, str | None], ...]
    score: float
    enough: bool

    def sentence(self, lang: str = "en") -> str:
        if not self.enough:
            few = "change.not_enough_one" if len(self.cells) == 1 else "change.not_enough"
            return say(few, lang, count=len(self.cells))
        missing = say("reason.missing", lang)
        cells = [
            say("reason.column", lang, column=shorten(c), value=missing if new is None else shorten(new))
            for c, _, new in self.cells
        ]
        return say("change.enough", lang, change=say("group.and", lang).join(cells))


@dataclass(frozen=True)
class RowExplanation:
    """One row: row number from 1, verdict, reasons by falling share, what would make it ordinary, rows like it.

    neighbours: the most similar ordinary training rows, each with its number and cells.
    """

    row: int
    score: float
    p_value: float
    is_anomaly: bool
    reasons: tuple[Reason, ...]
    counterfactual: Counterfactual | None = None
    neighbours: tuple[dict[str, Any], ...] = ()
    cells: dict[str, str | None] = field(default_factory=dict)

    def sentence(self, lang: str = "en") -> str:
        """The main reasons in one line."""
        told = [r.sentence(lang) for r in main(self.reasons)]
        return " | ".join(told) or say("reason.none", lang)

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        found = asdict(self)
        found["sentence"] = self.sentence(lang)
        for reason, told in zip(self.reasons, found["reasons"]):
            told["typical"], told["sentence"] = reason.typical(lang), reason.sentence(lang)
        if self.counterfactual is not None:
            found["counterfactual"]["sentence"] = self.counterfactual.sentence(lang)
        return found


@dataclass(frozen=True)
class Group:
    """Rows (numbers from 1) that are amiss for the same columns in the same direction."""

    key: tuple[tuple[str, str], ...]
    rows: tuple[int, ...]

    def sentence(self, lang: str = "en") -> str:
        parts = []
        for column, how in self.key:
            word, _, value = how.partition(":")
            parts.append(say(f"group.{word}", lang, column=shorten(column), value=shorten(value)))
        reasons = say("group.and", lang).join(parts) or say("reason.none", lang)
        single = len(self.rows) == 1
        return say("group.single" if single else "group.sentence", lang, count=f"{len(self.rows):,}", reasons=reasons)

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        return {"columns": [c for c, _ in self.key], "rows": list(self.rows), "sentence": self.sentence(lang)}


def main(reasons: tuple[Reason, ...], least: float = 0.15) -> list[Reason]:
    """The reasons that matter: at least ``least`` of the score, the largest in any case, ``SHOWN`` at most."""
    return [r for i, r in enumerate(reasons[:SHOWN]) if r.share > 0 and (i == 0 or r.share >= least)]


def group(rows: list[RowExplanation], most: int = 12) -> list[Group]:
    """Rows by shared reason, largest group first.

    A row's key is its main columns (up to two) with their directions. Where that makes more than ``most`` groups, small
    groups join the one of their first column.
    """
    exact: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for row in rows:
        key = tuple(sorted((r.column, _how(r)) for r in main(row.reasons, 0.25)[:2]))
        exact.setdefault(key, []).append(row.row)
    first: dict[int, tuple[tuple[str, str], ...]] = {r.row: (_first(r),) if r.reasons else () for r in rows}
    if len(exact) > most:
        exact = _joined(exact, first, 2)
    if len(exact) > most:  # a category's values each make a group: the column alone will do
        loose = {row: tuple((c, "differs") for c, _ in key) for row, key in first.items()}
        exact = _joined(exact, loose, 2)
    groups = [Group(key, tuple(sorted(members))) for key, members in exact.items()]
    return sorted(groups, key=lambda g: (-len(g.rows), g.rows))


Keys = dict[tuple[tuple[str, str], ...], list[int]]


def _joined(groups: Keys, other: dict[int, tuple[tuple[str, str], ...]], least: int) -> Keys:
    """Groups of ``least`` rows or fewer dissolved, their rows sent to the groups of their other key."""
    found: Keys = {key: list(rows) for key, rows in groups.items() if len(rows) > least}
    for key, rows in groups.items():
        if key not in found or len(rows) <= least:
            for row in rows:
                if row not in found.get(key, []):
                    found.setdefault(other[row], []).append(row)
    return found


def _first(row: RowExplanation) -> tuple[str, str]:
    return row.reasons[0].column, _how(row.reasons[0])


def _how(reason: Reason) -> str:
    if reason.direction in ("high", "low", "missing"):
        return reason.direction
    if reason.words and reason.value is not None:
        return f"is:{reason.value}"
    return "differs"


def shorten(text: str, most: int = 60) -> str:
    """One line of at most ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
