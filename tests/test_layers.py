"""The order of the house: a module imports from the layers below it only. A new module needs a place in ``LAYERS``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "amiss"

SERIES = ("series", "series.*")  #: the layer of time series, a family
VIEWS = ("views", "views.*")  #: what the default detector looks at rows with
READING = ("files", "cells", "delimited", "records", "names", "objects", "reading", "kinds", "writing", "verdicts")
TABLES = ("table", "labels")

#: From the ground up. A module imports what stands on earlier lines; those of one line are one family, and may import
#: each other where ``FAMILIES`` says so.
LAYERS: list[tuple[str, ...]] = [
    ("__init__", "errors", "blas", "report.strings_notes", "report.strings_terminal"),
    ("report.strings", "report.plots", "bootstrap"),
    ("words", "formulas", "meaning", "tails"),
    ("space",),
    ("schema", "plain", "params", "sampling", "programs", "numeric", "trees", "evaluate", "calibrate"),
    ("bins", "networks", "frozen", "likeness", "train", "decision"),
    ("handful", "council"),
    ("verdict",),
    VIEWS,
    ("shapes",),
    ("strangeness", "apart"),
    ("base",),
    ("classifier",),
    ("weak", "imbalance"),
    ("cut",),
    ("detectors", "detectors.*"),
    ("default",),
    READING,
    TABLES,
    ("store",),
    SERIES,
    ("parts",),
    ("pairs",),
    ("near",),
    ("encoder",),
    ("splits", "journal"),
    ("leaks", "crossfit", "background", "reasons", "surrogates"),
    ("settings",),
    ("task",),
    ("attribution",),
    ("counterfactual",),
    ("explain",),
    ("model",),
    ("detection",),
    ("trials",),
    ("tuning", "learning", "answers"),
    ("suggestion",),
    (
        "report",
        "report.summarise",
        "report.write",
        "report.page",
        "report.timeline",
        "report.card",
        "report.curves",
        "report.search",
        "report.embedding",
    ),
    ("cli", "cli_*", "cli.*", "commands", "commands.*", "__main__", "console", "output", "progress", "doctor", "demo"),
]

#: Modules of the same layer that may import each other: how a table is read, and what the person sees.
FAMILIES = [VIEWS, READING, TABLES, SERIES, LAYERS[-2], LAYERS[-1]]

#: Who may import a library at all; a library that is not named here is free.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "jax": (
        "bins",
        "params",
        "programs",
        "networks",
        "frozen",
        "likeness",
        "handful",
        "cut",
        "train",
        "detectors.*",
        "views.critic",
        "series.patches",
        "series.methods.*",
        *LAYERS[-1],
    ),
    "jaxlib": ("programs", *LAYERS[-1]),
    "optax": ("train", "cut", "detectors.*"),
    "polars": (
        *READING,
        *TABLES,
        "formulas",
        "series.frame",
        "series.detect",
        "series.model",
        "model",
        "detection",
        "trials",
        "tuning",
        "answers",
        "suggestion",
        "background",
        "explain",
        "report.*",
        *LAYERS[-1],
    ),
    "pandas": ("objects",),
    "pyarrow": ("objects", "reading", "writing"),
    "sklearn": (
        "base",
        "bins",
        "classifier",
        "imbalance",
        "default",
        "evaluate",
        "calibrate",
        "series.metrics",
        "crossfit",
        "splits",
        "leaks",
        "settings",
        "report.curves",
        *LAYERS[-1],
    ),
    "imblearn": ("imbalance",),
    "safetensors": ("store",),
    "click": LAYERS[-1],
    "rich": LAYERS[-1],
    "optuna": ("tuning",),
    "torch": (),
    "tensorflow": (),
    "keras": (),
    "pickle": (),
    "joblib": (),
    "marshal": (),
    "shelve": (),
}

#: Modules that the command line needs before it knows what to do: only the standard library, click and each other.
LIGHT = ("__init__", "errors", "words", "cli", "detectors")

MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(module, pattern) for pattern in patterns)


def layer(module: str) -> int:
    found = [i for i, patterns in enumerate(LAYERS) if matches(module, patterns)]
    assert len(found) == 1, f"amiss.{module} stands in {len(found)} layers: give it one place in LAYERS"
    return found[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all imported modules, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            name = node.module or ""
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names if name.split(".")[0] == "amiss")


def own(name: str) -> str | None:
    """``amiss.x.y`` -> the module of ours that it names, None for anything else."""
    module = name.removeprefix("amiss.")
    return module if name.startswith("amiss.") and module in MODULES else None


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_from_below(module: str) -> None:
    place = layer(module)
    for name in imported(ast.parse(MODULES[module].read_text())):
        other = own(name)
        if other is None or other == module:
            continue
        family = LAYERS[place] in FAMILIES and layer(other) == place
        assert layer(other) < place or family, f"amiss.{module} imports amiss.{other}, which stands beside or above it"


@pytest.mark.parametrize("module", MODULES)
def test_libraries_have_their_place(module: str) -> None:
    for name in imported(ast.parse(MODULES[module].read_text())):
        library = name.split(".")[0]
        if library in LIBRARIES:
            assert matches(module, LIBRARIES[library]), f"amiss.{module} imports {library}"


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_short(module: str) -> None:
    lines = MODULES[module].read_text().count("\n")
    assert lines <= (150 if module.startswith("detectors.") else 500), f"amiss.{module} has {lines} lines: divide it"


@pytest.mark.parametrize("module", [m for m in LIGHT if m in MODULES])
def test_light_modules_import_nothing_heavy(module: str) -> None:
    name = "amiss" if module == "__init__" else f"amiss.{module}"
    heavy = sorted({"jax", "numpy", "polars", "sklearn", "rich", "optax", "safetensors"})
    code = f"import sys, {name}; print(*[m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_public_names_exist() -> None:
    import amiss

    assert set(amiss.__all__) <= set(dir(amiss))
    for name in amiss.__all__:
        assert getattr(amiss, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = amiss.nothing
