"""Time series: points, stretches and channels that are amiss.

The methods by name; a method's module is imported when it is first asked for. A method has ``fit(series, train)``,
``score_steps(series, breaks)``, ``contributions(series, steps, breaks)``, ``to_state`` and ``from_state``, as
:class:`~amiss.series.detector.SeriesDetector` describes them, and after ``fit`` ``notes_``, ``period_``, ``windows_``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from amiss.errors import OptionError, did_you_mean

#: name -> module in this folder
METHODS: dict[str, str] = {"SeriesDetector": "detector"}


def find(name: str) -> Any:
    """The class called ``name``, in any case. Raises OptionError for an unknown one."""
    plain = {key.lower(): key for key in METHODS}
    if name.lower() not in plain:
        raise OptionError(f"there is no detector of series called {name!r}", hint=did_you_mean(name, METHODS))
    key = plain[name.lower()]
    return getattr(import_module(f"amiss.series.{METHODS[key]}"), key)
