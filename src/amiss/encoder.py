"""Table -> float32 matrix, and the way back from a feature to the person's column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from amiss.errors import ModelFileError
from amiss.near import Near, learn_near
from amiss.numeric import Scaler
from amiss.pairs import Pair, learn_pairs
from amiss.parts import FITS, CategoryPart, Feature, NumericPart, Part, part_from_json
from amiss.schema import Schema
from amiss.table import Table

SAME = 1e-6  #: squared distance of two encoded values, at most, that are one
RATE_FOLDS = 5
RATE_SEED = 7_310_552_109  #: like no other: a made-up table drawn by the same seed would have its values as folds


@dataclass
class Encoder:
    """Cleaning, selection and scaling, learned from training rows only.

    parts: one a learned column. scaler: standardises the parts' scaled features; indicators stay 0 or 1.
    features: columns of the matrix in order, the scaled ones first. pairs: of columns that tell more together.
    near: what the rows of a category's value tell near a number.
    """

    schema: Schema
    parts: list[Part]
    scaler: Scaler
    pairs: list[Pair] = field(default_factory=list)
    near: list[Near] = field(default_factory=list)

    @classmethod
    def fit(
        cls, table: Table, rows: np.ndarray | None = None, y: np.ndarray | None = None, bend: bool = True
    ) -> Encoder:
        """Learn from the given rows of a table; y (table rows,) in {1, 0, -1} lets crowded categories learn rates of
        anomalies, and numbers that differ by category be seen beside those of their value.

        bend: whether heavy tails are bent, see :class:`~amiss.numeric.Scaler`.
        """
        return cls.fit_transform(table, rows, y, bend)[0]

    @classmethod
    def fit_transform(
        cls, table: Table, rows: np.ndarray | None = None, y: np.ndarray | None = None, bend: bool = True
    ) -> tuple[Encoder, np.ndarray]:
        """The encoder, and the matrix (table rows, features) float32.

        A training row's category rates come from folds that do not hold the row, so that its own label is not in it,
        and numbers are centred by the mean of the other rows.
        """
        rows = np.arange(table.rows) if rows is None else rows
        parts = [FITS[column.kind](table, column.name, rows) for column in table.schema.learned]
        if y is not None and (y[rows] == 1).any() and (y[rows] == 0).any():
            numbers = [part.column for part in parts if isinstance(part, NumericPart)]
            for part in parts:
                if isinstance(part, CategoryPart) and part.many:
                    part.learn_rates(table.codes(part.column, part.values)[rows], y[rows])
                    part.learn_means(table, rows, numbers)
        fold = np.random.default_rng(RATE_SEED).integers(RATE_FOLDS, size=len(rows))
        paired = [] if y is None else learn_pairs(table, rows, y[rows], fold)
        nearby = [] if y is None else learn_near(table, rows, y[rows], fold, parts)
        empty = Scaler.fit(np.zeros((0, 0)))
        encoder = cls(table.schema, parts, empty, [pair for pair, _ in paired], [near for near, _ in nearby])
        scaled, matrix = encoder._encode(table)
        if y is not None:
            encoder._unlearn_own_rows(table, scaled, rows, y, fold)
        for at, (_, own) in enumerate(reversed([*nearby, *paired]), 1):
            scaled[rows, -at] = own
        encoder.scaler = Scaler.fit(scaled if len(rows) == table.rows else scaled[rows], bend)
        return encoder, encoder._scale(scaled, matrix)

    def transform(self, table: Table) -> np.ndarray:
        """(rows, features) float32, finite."""
        return self._scale(*self._encode(table))

    @property
    def features(self) -> list[Feature]:
        pairs = [part.features() for part in self.parts]
        scaled = [f for scaled, _ in pairs for f in scaled] + [near.feature for near in self.near]
        scaled += [pair.feature for pair in self.pairs]
        return scaled + [f for _, plain in pairs for f in plain]

    def agreement(self) -> Callable[[np.ndarray], np.ndarray]:
        """A function of encoded rows, (rows, features), of which single columns were exchanged: as they are, but pairs
        say what the columns that they are of now do."""
        first, wide = len(self.scaler.mean) - len(self.pairs), len(self.scaler.mean)
        columns = {name: values for p in self.pairs for name, values in zip((p.first, p.second), p.values)}
        features = enumerate(self.features) if columns else ()
        own = [(k, f.column) for k, f in features if f.role in ("value", "missing", "rarity", "is")]
        places = {name: [k for k, column in own if column == name] for name in columns}
        known = {name: self._of_values(name, values)[:, places[name]] for name, values in columns.items()}

        def agree(z: np.ndarray) -> np.ndarray:
            if not self.pairs:
                return z
            codes = {}
            for name, rows in known.items():
                gap = ((z[:, None, places[name]] - rows[None]) ** 2).sum(-1)
                codes[name] = np.where(gap.min(1) < SAME, gap.argmin(1), -1)
            told = np.zeros((len(z), wide))
            for i, pair in enumerate(self.pairs):
                told[:, first + i] = pair.told(codes[pair.first], codes[pair.second])
            agreed = z.copy()
            agreed[:, first:wide] = self.scaler.transform(told)[:, first:]
            return agreed

        return agree

    def _of_values(self, name: str, values: list[Any]) -> np.ndarray:
        """(values + 1, features) rows with each of a column's values, and a missing one; the rest is of no meaning."""
        i = next(i for i, part in enumerate(self.parts) if part.column == name)
        sizes = np.array([[len(f) for f in part.features()] for part in self.parts[: i + 1]])
        part, wide = self.parts[i], len(self.scaler.mean)
        at, flag = sizes[:i].sum(0) + (0, wide)
        end, last = (at, flag) + sizes[i]
        places = [part.values.index(v) for v in values] if isinstance(part, CategoryPart) else []
        codes = np.array([*places, -1])
        numbers = np.array([*([np.nan] * len(values) if places else values), np.nan])
        scaled, matrix = np.zeros((len(numbers), wide)), np.zeros((len(numbers), len(self.features)), np.float32)
        column: Any = SimpleNamespace(codes=lambda *_: codes, numbers=lambda _: numbers)
        part.encode(column, scaled[:, at:end], matrix[:, flag:last])
        return self._scale(scaled, matrix)

    def columns_of_features(self) -> np.ndarray:
        """(features,) index of each feature's column among the schema's learned columns."""
        place = {column.name: i for i, column in enumerate(self.schema.learned)}
        return np.array([place[f.column] for f in self.features], int)

    def describe(self) -> list[dict[str, Any]]:
        """What is done to each column of the table, in words and names: one dictionary a column."""
        by_name = {part.column: part for part in self.parts}
        bent = dict(zip([f.name for p in self.parts for f in p.features()[0]], self.scaler.bent.tolist()))
        described = []
        for column in self.schema:
            entry: dict[str, Any] = {"column": column.name, "kind": column.kind, "features": [], "steps": []}
            if column.name in by_name:
                scaled, plain = by_name[column.name].features()
                entry["features"] = [f.name for f in scaled + plain]
                entry["steps"] = _steps(by_name[column.name], any(bent[f.name] for f in scaled))
                own = [pair for pair in self.pairs if pair.first == column.name]
                entry["features"] += [pair.feature.name for pair in own]
                entry["steps"] += [f"anomalies of its value with that of {pair.second}" for pair in own]
                nearby = [near for near in self.near if near.category == column.name]
                entry["features"] += [near.feature.name for near in nearby]
                entry["steps"] += [f"anomalies of its value near the row's {near.number}" for near in nearby]
            else:
                entry["steps"] = [f"left out: {column.note or column.kind}"]
            described.append(entry)
        return described

    def to_json(self) -> dict[str, Any]:
        parts, pairs, near = ([p.to_json() for p in each] for each in (self.parts, self.pairs, self.near))
        return {"parts": parts, "pairs": pairs, "near": near, "scaler": self.scaler.to_json()}

    @classmethod
    def from_json(cls, schema: Schema, state: Any) -> Encoder:
        """Inverse of :meth:`to_json`. Raises ModelFileError for anything else."""
        try:
            parts, pairs = map(part_from_json, state["parts"]), map(Pair.from_json, state["pairs"])
            near = [Near.from_json(n) for n in state.get("near", [])]
            return cls(schema, list(parts), Scaler.from_json(state["scaler"]), list(pairs), near)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError("the model's encoder is damaged", found=repr(error)) from error

    def _encode(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """(rows, scaled features) float64, before scaling, and the matrix (rows, features) float32 without them."""
        sizes = [tuple(len(f) for f in part.features()) for part in self.parts]
        wide = sum(s for s, _ in sizes) + len(self.near) + len(self.pairs)
        scaled = np.empty((table.rows, wide))
        matrix = np.zeros((table.rows, wide + sum(p for _, p in sizes)), np.float32)
        at, flag = 0, wide
        for part, (own, flags) in zip(self.parts, sizes):
            part.encode(table, scaled[:, at : at + own], matrix[:, flag : flag + flags])
            at, flag = at + own, flag + flags
        by_name = {part.column: part for part in self.parts if isinstance(part, CategoryPart)}
        told = [near.encode(table, by_name[near.category]) for near in self.near]
        for i, column in enumerate([*told, *(pair.encode(table) for pair in self.pairs)]):
            scaled[:, at + i] = column
        return scaled, matrix

    def _scale(self, scaled: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        matrix[:, : scaled.shape[1]] = self.scaler.transform(scaled)
        return matrix

    def _unlearn_own_rows(
        self, table: Table, scaled: np.ndarray, rows: np.ndarray, y: np.ndarray, fold: np.ndarray
    ) -> None:
        """Replace training rows' category rates by those of the other folds, and means by those of the other rows."""
        names = [f for part in self.parts for f in part.features()[0]]
        for part in self.parts:
            if not isinstance(part, CategoryPart) or not part.rates:
                continue
            at = next(i for i, f in enumerate(names) if f.column == part.column and f.role == "rate")
            every = table.codes(part.column, part.values)
            for i, name in enumerate(part.means):
                scaled[rows, at + 1 + i] = part.centred_without_own(table, name, every, rows)
            codes = every[rows]
            for held in range(RATE_FOLDS):
                other = CategoryPart(part.column, values=part.values)
                inside = fold == held
                if not (y[rows][~inside] == 1).any():
                    continue
                other.learn_rates(codes[~inside], y[rows][~inside])
                rates = np.asarray([*other.rates, other.prior])
                scaled[rows[inside], at] = rates[np.maximum(codes[inside], -1)]


def _steps(part: Part, bent: bool) -> list[str]:
    """What is done to a column, in words."""
    steps = {
        "numeric": [],
        "datetime": ["elapsed time", *(f"{c} as a point on a circle" for c in getattr(part, "cycles", []))],
        "category": [
            f"{getattr(part, 'shown', 0)} of {len(getattr(part, 'values', []))} values as columns of 0 and 1",
            "rarity of the value; a value never seen is the rarest",
        ],
        "text": ["length, words, share of digits and capitals"],
    }[part.kind]
    if getattr(part, "rates", None):
        steps.append("anomaly rate of the value")
    steps += [f"{name} less its mean in the value's rows" for name in getattr(part, "means", {})]
    steps.append("heavy tails bent by asinh, then standardised" if bent else "standardised")
    return steps + [
        "missing values: the mean, and a column that says so" if part.absent else "missing values: the mean"
    ]
