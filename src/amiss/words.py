"""A detector's parameters as a person writes them, ``--set key=value``, and back."""

from __future__ import annotations

import dataclasses
import math
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

from amiss.errors import OptionError


def fields_of(kind: Any) -> dict[str, Any]:
    """Parameter -> type of a detector's class."""
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind)}


def typed(key: str, text: str, hint: Any) -> Any:
    """A text as the type of a field: bool, int, float, tuple, text, none, or any of several."""
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for kind in kinds:
        try:
            return _as(kind, text)
        except ValueError:
            continue
    raise OptionError(f"--set {key}: the value is not understood", required=type_words(hint), found=repr(text))


def type_words(hint: Any) -> str:
    """A field's type in words."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", type(None): "none"}
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    named = ["numbers a,b,..." if get_origin(kind) is tuple else words.get(kind, "a value") for kind in kinds]
    return " or ".join(named)


def _as(kind: Any, text: str) -> Any:
    plain = text.lower()
    if kind is type(None):
        if plain not in ("none", "null", ""):
            raise ValueError(text)
        return None
    if kind is bool:
        if plain not in ("true", "false", "yes", "no", "1", "0", "on", "off"):
            raise ValueError(text)
        return plain in ("true", "yes", "1", "on")
    if kind is int:
        return int(text)
    if kind is float:
        if not math.isfinite(float(text)):
            raise ValueError(text)
        return float(text)
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return tuple(_as(inner, part.strip()) for part in text.strip("()[] ").split(",") if part.strip())
    return text if kind is str else _anything(text)


def _anything(text: str) -> Any:
    """For a field of any type: none, a truth value, a number, ``0:1,1:10`` as a dictionary, else the text."""
    if ":" in text:
        return {_anything(k.strip()): _anything(v.strip()) for k, _, v in (p.partition(":") for p in text.split(","))}
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (type(None), int, float):
        try:
            return _as(kind, text)
        except ValueError:
            continue
    return text


def written(value: Any) -> str:
    """A parameter's value as ``--set`` takes it; the inverse of :func:`typed`."""
    if isinstance(value, tuple | list):
        return ",".join(map(written, value))
    if isinstance(value, dict):
        return ",".join(f"{written(k)}:{written(v)}" for k, v in value.items())
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
