"""Every error that amiss raises on purpose.

AmissError
├── InputError (ValueError)     something in the person's hands; the command line exits with 2
│   ├── TableError              a table that cannot be read or learned from
│   ├── ColumnError             a column that is absent, or holds what it should not
│   ├── LabelError              a label column that cannot be understood
│   ├── OptionError             an option, a parameter or a detector's name
│   ├── ModelFileError          a file that is not a model, or not one this version reads
│   └── OutputError             a place that cannot be written
└── MissingExtraError (ImportError)  an optional dependency is not installed

A message says what was wrong, where, what was required, what was found and what to do.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple


class AmissError(Exception):
    """Base of all errors raised on purpose."""

    def __init__(self, problem: str, *, where: str = "", required: str = "", found: str = "", hint: str = "") -> None:
        self.problem, self.where, self.required, self.found, self.hint = problem, where, required, found, hint
        lines = [f"{where}: {problem}" if where else problem]
        lines += [f"  {word}: {text}" for word, text in (("required", required), ("found", found)) if text]
        lines += [f"  what to do: {hint}"] if hint else []
        super().__init__("\n".join(lines))

    def __str__(self) -> str:
        return str(self.args[0])


class InputError(AmissError, ValueError):
    """The input or the usage is at fault, not the program."""


class TableError(InputError):
    """The table cannot be read or learned from."""


class ColumnError(InputError):
    """A column is absent or holds what it should not."""


class LabelError(InputError):
    """The label column cannot be understood."""


class OptionError(InputError):
    """An option, a parameter or a name is not a valid one."""


class ModelFileError(InputError):
    """The file is not a model that this version reads."""


class OutputError(InputError):
    """The output cannot be written where it was asked for."""


class MissingExtraError(AmissError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is needed for this and is not installed", hint=f"pip install 'amiss[{extra}]'")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A hint naming the closest of ``names``, or listing the first few of them."""
    known = [str(n) for n in names]
    close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.6)
    if not close:  # the same word in another case is the commonest slip
        close = [n for n in known if n.lower() == str(name).lower()]
    if close:
        return "did you mean " + " or ".join(repr(n) for n in close) + "?"
    shown = ", ".join(repr(n) for n in known[:12])
    return f"choose one of {shown}" + (f" and {len(known) - 12} more" if len(known) > 12 else "")


def check_number(
    name: str, value: Any, low: float, high: float = math.inf, *, whole: bool = False, open_low: bool = False,
    open_high: bool = False,
) -> None:  # fmt: skip
    """Raise OptionError unless ``value`` is a number (an integer where ``whole``) from ``low`` to ``high``."""
    right = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    edge = right and ((open_low and value == low) or (open_high and value == high) or abs(value) == math.inf)
    if right and low <= value <= high and not edge:
        return
    span = f"{'above' if open_low else 'from'} {low:g}"
    if high < math.inf:
        span += f" {'to below' if open_high else 'to'} {high:g}"
    else:
        span += "" if open_low else " up"
    what = "a whole number" if whole else "a number"
    raise OptionError(f"{name} is out of range", required=f"{what} {span}", found=repr(value))


class Range(NamedTuple):
    """What numbers a parameter may be; see :func:`check_number`. optional: None is one of its values."""

    low: float
    high: float = math.inf
    whole: bool = False
    open_low: bool = False
    open_high: bool = False
    optional: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raise OptionError unless ``value`` is in the range."""
        if value is None and self.optional:
            return
        check_number(
            name, value, self.low, self.high, whole=self.whole, open_low=self.open_low, open_high=self.open_high
        )
