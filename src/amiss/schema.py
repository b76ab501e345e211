"""What a table's columns are: names, kinds, order, and how a cell becomes a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from amiss.errors import ModelFileError

Kind = Literal["numeric", "category", "datetime", "text", "identifier", "constant", "duplicate"]
LEARNED: tuple[Kind, ...] = ("numeric", "category", "datetime", "text")  #: kinds that a detector sees


@dataclass(frozen=True)
class Column:
    """One column of a table.

    name: as the person wrote it.
    kind: what it holds; identifiers, constants and duplicates are not learned from.
    parser: how a cell becomes a value, a word that ``amiss.kinds`` understands, e.g. ``number``, ``date %d-%b-%y``.
    missing, distinct: counts in the table it was learned from.
    note: one clause for the person, e.g. why the column is not used.
    """

    name: str
    kind: Kind
    parser: str = ""
    missing: int = 0
    distinct: int = 0
    note: str = ""

    @property
    def learned(self) -> bool:
        return self.kind in LEARNED


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    @property
    def learned(self) -> tuple[Column, ...]:
        """The columns that a detector sees."""
        return tuple(c for c in self.columns if c.learned)

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(c) for c in self.columns]

    @classmethod
    def from_json(cls, rows: Any) -> Schema:
        """Inverse of :meth:`to_json`. Raises ModelFileError for anything else."""
        known = {f.name for f in fields(Column)}
        try:
            columns = tuple(Column(**{k: v for k, v in row.items() if k in known}) for row in rows)
        except (TypeError, AttributeError) as error:
            raise ModelFileError("the model's schema is damaged", found=str(error)) from error
        for column in columns:
            if column.kind not in get_args(Kind):
                raise ModelFileError("the model's schema has an unknown kind of column", found=repr(column.kind))
        return cls(columns)
