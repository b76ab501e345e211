"""How one column of each kind becomes features: numbers to be scaled, and indicators that stay 0 or 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from amiss.table import Table

ONE_HOT = 32  #: a category's most frequent values get a column each, this many at most
FREQUENT = 0.002  #: share of the rows, and at least two rows, that a value needs for a column of its own
PRIOR = 10.0  #: rows that the table's own rate of anomalies counts for in a value's rate
SHRINK = 2.0  #: rows that the table's mean of a number counts for in the mean of a value's rows
TOLD = 0.1  #: share of a number's variance that a category tells, at least, for the number to be centred by it
CYCLES: dict[str, float] = {"hour of day": 86_400.0, "day of week": 604_800.0, "day of year": 31_556_952.0}
TEXT_TRAITS = ("length", "words", "digits", "capitals")


class Feature(NamedTuple):
    """A column of the encoded matrix: its name, the table's column it comes from, and what it says of it."""

    name: str
    column: str
    role: str


@dataclass
class Part:
    """Learned encoding of one column. ``absent``: values were missing in training, so missing is a feature."""

    column: str
    absent: bool = False
    kind: ClassVar[str] = ""

    def features(self) -> tuple[list[Feature], list[Feature]]:
        """(scaled, plain) features, in the order of :meth:`encode`."""
        raise NotImplementedError

    def encode(self, table: Table, scaled: np.ndarray, plain: np.ndarray) -> None:
        """Fill (rows, scaled features) float64, NaN where missing, and (rows, plain features) float32, zeros before."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    def _missing(self) -> list[Feature]:
        return [Feature(f"{self.column} is missing", self.column, "missing")] if self.absent else []

    def _mark(self, missing: np.ndarray, plain: np.ndarray) -> None:
        if self.absent:
            plain[:, -1] = missing


@dataclass
class NumericPart(Part):
    kind: ClassVar[str] = "numeric"

    @classmethod
    def fit(cls, table: Table, column: str, rows: np.ndarray) -> NumericPart:
        return cls(column, bool(np.isnan(table.numbers(column)[rows]).any()))

    def features(self) -> tuple[list[Feature], list[Feature]]:
        return [Feature(self.column, self.column, "value")], self._missing()

    def encode(self, table: Table, scaled: np.ndarray, plain: np.ndarray) -> None:
        scaled[:, 0] = table.numbers(self.column)
        self._mark(np.isnan(scaled[:, 0]), plain)


@dataclass
class DatePart(Part):
    """Elapsed seconds, and a point on the circle for every cycle that the training dates go through at least twice."""

    kind: ClassVar[str] = "datetime"
    cycles: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, table: Table, column: str, rows: np.ndarray) -> DatePart:
        seconds = table.numbers(column)[rows]
        known = seconds[~np.isnan(seconds)]
        span = np.ptp(known) if len(known) else 0.0
        cycles = [
            name for name, length in CYCLES.items()
            if span >= 2 * length and len(np.unique(np.round(known[:10_000] % length / length, 3))) > 1
        ]  # fmt: skip
        return cls(column, len(known) < len(seconds), cycles)

    def features(self) -> tuple[list[Feature], list[Feature]]:
        circle = [
            Feature(f"{self.column} {name} {axis}", self.column, "cycle")
            for name in self.cycles
            for axis in ("sin", "cos")
        ]
        return [Feature(f"{self.column} elapsed", self.column, "elapsed")], circle + self._missing()

    def encode(self, table: Table, scaled: np.ndarray, plain: np.ndarray) -> None:
        scaled[:, 0] = seconds = table.numbers(self.column)
        for i, cycle in enumerate(self.cycles):
            angle = np.nan_to_num(seconds % CYCLES[cycle]) / CYCLES[cycle] * (2 * np.pi)
            plain[:, 2 * i], plain[:, 2 * i + 1] = np.sin(angle), np.cos(angle)
        self._mark(np.isnan(seconds), plain)


@dataclass
class CategoryPart(Part):
    """Frequent values have a column each; how rare a value is, and its rate of anomalies, are bounded features of all.

    values: known values by falling count. counts: their rows in training. shown: how many have a column.
    rates: where there were labels and more values than columns, the smoothed log-odds of the anomaly for each value.
    means: likewise, for a number that differs by value, its mean among each value's rows, which it is then also seen
    less of: a price beside those of its product. logged: numbers of whose logarithms these are means.
    """

    kind: ClassVar[str] = "category"
    values: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    shown: int = 0
    rates: list[float] = field(default_factory=list)
    prior: float = 0.0
    means: dict[str, list[float]] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, table: Table, column: str, rows: np.ndarray) -> CategoryPart:
        values, _ = table.counts(column)
        codes = table.codes(column, values)[rows]
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        order = [i for i in np.argsort(-counts, kind="stable") if counts[i] > 0]
        shown = min(ONE_HOT, sum(int(counts[i] >= max(2, FREQUENT * len(rows))) for i in order))
        part = cls(
            column, bool((codes == -1).any()), [values[i] for i in order], [int(counts[i]) for i in order], shown
        )
        if len(part.values) == 2 and not part.absent:
            part.shown = 1  # the second of two values is the lack of the first
        return part

    @property
    def many(self) -> bool:
        return len(self.values) > self.shown + 1

    def learn_rates(self, codes: np.ndarray, y: np.ndarray) -> None:
        """Log-odds of the anomaly for every value, drawn towards the table's (Micci-Barreca, 2001)."""
        labelled = (y >= 0) & (codes >= 0)
        rows = np.bincount(codes[labelled], minlength=len(self.values))
        found = np.bincount(codes[labelled], y[labelled].astype(float), minlength=len(self.values))
        base = float(np.clip(y[y >= 0].mean(), 1e-4, 1 - 1e-4))
        rate = (found + PRIOR * base) / (rows + PRIOR)
        self.prior = float(np.log(base / (1 - base)))
        self.rates = np.log(rate / (1 - rate)).tolist()

    def learn_means(self, table: Table, rows: np.ndarray, numbers: list[str]) -> None:
        """Means of those of the numeric columns that differ by value; of logarithms where these are less skewed.

        Means rather than medians: the difference of two centred logarithms is then their ratio's, centred.
        """
        codes = table.codes(self.column, self.values)[rows]
        for name in numbers:
            number = table.numbers(name)[rows]
            known = np.isfinite(number) & (codes >= 0)
            if known.sum() < 2:
                continue
            logged = bool(number[known].min() > 0 and _skew(np.log(number[known])) < _skew(number[known]))
            number, at = np.log(number[known]) if logged else number[known], codes[known]
            count = np.bincount(at, minlength=len(self.values))
            total, whole = np.bincount(at, number, len(self.values)), number.mean()
            within = ((number - (total / np.maximum(count, 1))[at]) ** 2).sum() / max(1, len(at) - (count > 0).sum())
            if within < (1 - TOLD) * number.var():
                self.means[name] = [*((total + SHRINK * whole) / (count + SHRINK)).tolist(), float(whole)]
                self.logged += [name] if logged else []

    def centred(self, table: Table, name: str, codes: np.ndarray) -> np.ndarray:
        """(rows,) the number less its mean among rows of the same value; the whole table's for a value never seen."""
        number = table.numbers(name)
        if name in self.logged:
            number = np.log(np.where(number > 0, number, np.nan))
        return number - np.asarray(self.means[name])[np.where(codes >= 0, codes, len(self.values))]

    def centred_without_own(self, table: Table, name: str, codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(rows,) as :meth:`centred`, of the rows that the means are of, each by the mean of the others."""
        off = self.centred(table, name, np.where(codes >= 0, codes, -1))[rows]
        known = np.isfinite(off) & (codes[rows] >= 0)
        count = np.bincount(codes[rows][known], minlength=len(self.values))
        weight = count[np.maximum(codes[rows], 0)] + SHRINK  # mean - own, times weight, is (weight - 1) times the same
        return np.where(known, off * weight / np.maximum(weight - 1, 1), off)

    def features(self) -> tuple[list[Feature], list[Feature]]:
        scaled = [Feature(f"rarity of {self.column}", self.column, "rarity")]
        scaled += [Feature(f"anomaly rate of {self.column}", self.column, "rate")] if self.rates else []
        scaled += [Feature(f"{name} beside {self.column}", name, "centred") for name in self.means]
        shown = [Feature(f"{self.column} = {value}", self.column, "is") for value in self.values[: self.shown]]
        return scaled, shown + self._missing()

    def encode(self, table: Table, scaled: np.ndarray, plain: np.ndarray) -> None:
        codes = table.codes(self.column, self.values)
        at = np.where(codes >= 0, codes, len(self.values))  # one place more, for a value never seen
        rarity = np.log(max(1, sum(self.counts))) - np.log([*self.counts, 0.5])
        scaled[:, 0] = np.where(codes == -1, np.nan, rarity[at])
        if self.rates:
            scaled[:, 1] = np.asarray([*self.rates, self.prior])[at]
        for i, name in enumerate(self.means):
            scaled[:, 1 + bool(self.rates) + i] = self.centred(table, name, codes)
        shown = np.flatnonzero((codes >= 0) & (codes < self.shown))
        plain[shown, codes[shown]] = 1
        self._mark(codes == -1, plain)


@dataclass
class TextPart(Part):
    """Free text by its looks: length, words, shares of digits and capitals."""

    kind: ClassVar[str] = "text"

    @classmethod
    def fit(cls, table: Table, column: str, rows: np.ndarray) -> TextPart:
        words = table.words(column)
        return cls(column, any(words[i] is None for i in rows))

    def features(self) -> tuple[list[Feature], list[Feature]]:
        return [Feature(f"{trait} of {self.column}", self.column, "text") for trait in TEXT_TRAITS], self._missing()

    def encode(self, table: Table, scaled: np.ndarray, plain: np.ndarray) -> None:
        scaled[:] = np.nan
        for i, text in enumerate(table.words(self.column)):
            if text:
                size = len(text)
                digits, capitals = sum(map(str.isdigit, text)), sum(map(str.isupper, text))
                scaled[i] = size, len(text.split()), digits / size, capitals / size
        self._mark(np.isnan(scaled[:, 0]), plain)


def _skew(x: np.ndarray) -> float:
    """Absolute skewness."""
    off = x - x.mean()
    return float(abs((off**3).mean()) / max((off**2).mean() ** 1.5, 1e-300))


PARTS: dict[str, type[Part]] = {p.kind: p for p in (NumericPart, DatePart, CategoryPart, TextPart)}
FITS: dict[str, Callable[[Table, str, np.ndarray], Part]] = {
    p.kind: p.fit for p in (NumericPart, DatePart, CategoryPart, TextPart)
}


def part_from_json(state: dict[str, Any]) -> Part:
    """Inverse of :meth:`Part.to_json`."""
    state = dict(state)
    return PARTS[state.pop("kind")](**state)
