"""A model's file: a zip of a JSON manifest and one safetensors block. No code is read from it, none is run.

``manifest.json`` holds the format's version, the SHA-256 of all else and everything that is not an array;
``arrays.safetensors`` holds the arrays by path.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from amiss.errors import InputError, ModelFileError
from amiss.writing import atomic_bytes

#: 2: the default without labels has other views; 3: again, and the one with labels, and categories their means;
#: 4: the default without labels looks at distances in more spaces; 5: the one with labels has networks of four kinds;
#: 6: the digest covers the manifest, which holds the notes; 7: the one with labels cuts columns elsewhere, too, and has
#: pairs of them; 8: the default without labels measures distances to the hulls of neighbours; 9: it does so
#: by inner ranges
FORMAT = 10
_MANIFEST, _ARRAYS = "manifest.json", "arrays.safetensors"


def save(path: str | Path, manifest: dict[str, Any], arrays: dict[str, np.ndarray], quick: bool = False) -> None:
    """Write a model's file, whole or not at all. Raises OutputError where it cannot be written.

    quick: not packed, and not waiting for the disk: a process that is killed leaves a whole file, a computer that
    loses power may not.
    """
    block = safetensors.save(
        {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in arrays.items()}
    )
    head = {"format": FORMAT, "sha256": _digest(manifest, block)} | manifest
    text = json.dumps(head, ensure_ascii=False, allow_nan=False)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in ((_MANIFEST, text.encode()), (_ARRAYS, block)):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_STORED if quick else zipfile.ZIP_DEFLATED)
    atomic_bytes(path, file.getvalue(), durable=not quick)


def load(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(manifest, arrays) of a model's file. Raises ModelFileError where it is none, damaged or of another format."""
    where = str(path)
    hint = "give a file that `amiss fit -o` or `Model.save` wrote"
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise ModelFileError("there is no such file", where=where, hint=hint) from error
    except OSError as error:
        raise ModelFileError(
            "the model's file cannot be read", where=where, found=error.strerror or repr(error)
        ) from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            if not {_MANIFEST, _ARRAYS} <= names:
                raise ModelFileError(
                    "this is not a model's file", where=where, found="a zip of other things", hint=hint
                )
            head = json.loads(archive.read(_MANIFEST))
            version = head.get("format") if isinstance(head, dict) else None
            if version != FORMAT:
                older = isinstance(version, int) and version < FORMAT
                raise ModelFileError(
                    f"the model was saved by {'an older' if older else 'a newer'} version of amiss", where=where,
                    required=f"format {FORMAT}", found=f"format {version}",
                    hint="fit it anew: this one has other methods" if older else "upgrade amiss",
                )  # fmt: skip
            block = archive.read(_ARRAYS)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        cut = data[:2] == b"PK"
        raise ModelFileError(
            "the model's file is damaged or cut short" if cut else "this is not a model's file",
            where=where, required="a zip of manifest.json and arrays.safetensors", found=_looks(data), hint=hint,
        ) from error  # fmt: skip
    if _digest({k: v for k, v in head.items() if k not in ("format", "sha256")}, block) != head.get("sha256"):
        raise ModelFileError(
            "the model's file is damaged: its contents are not those that were saved", where=where,
            hint="take an intact copy, or fit anew; a model's rule is changed with `amiss decide`",
        )  # fmt: skip
    try:
        return head, safetensors.load(block)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelFileError("the model's arrays cannot be read", where=where, found=str(error)) from error


@contextmanager
def parts_of(path: str | Path) -> Iterator[None]:
    """What goes wrong while a file's parts are taken in is a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except (InputError, KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            "the model's file lacks a part or holds a wrong one", where=str(path), found=repr(error)
        ) from error


def _digest(manifest: dict[str, Any], block: bytes) -> str:
    return hashlib.sha256(json.dumps(manifest).encode() + block).hexdigest()


def _looks(data: bytes) -> str:
    if not data:
        return "an empty file"
    if data[:2] == b"PK":
        return f"a broken zip of {len(data):,} bytes"
    return "a text file" if data[:512].isascii() else f"a binary file of {len(data):,} bytes"
