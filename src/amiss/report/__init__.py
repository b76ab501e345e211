"""What was found, as one page that needs no network: ``summarise`` -> dict, ``plots`` -> SVG, ``page`` -> HTML."""

from __future__ import annotations

from typing import Any


def write_report(path: Any, found: Any, **options: Any) -> None:
    """Write a report of a :class:`~amiss.detection.Detection` or :class:`~amiss.report.summarise.Findings` to ``path``.

    options: see :func:`amiss.report.write.write_report`.
    """
    from amiss.report.write import write_report as write

    write(path, found, **options)
