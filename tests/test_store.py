"""A model's file: exact there and back; anything else is refused with a message, and no code is run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amiss import store
from amiss.errors import InputError, ModelFileError, OutputError


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.amiss"
    store.save(path, {"card": {"name": "ü", "n": 3}}, arrays())
    return path


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "w": rng.normal(size=(3, 4)).astype(np.float32),
        "held": rng.normal(size=7) * 1e-300,
        "labels": np.array([1, 0, -1], np.int8),
        "turned": rng.normal(size=(4, 3)).T,
        "none": np.zeros((0, 2)),
    }


def rewrite(path: Path, **members: bytes | None) -> Path:
    """The same zip with other contents; None leaves a member out."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for name, data in members.items():
        held[{"manifest": "manifest.json", "arrays": "arrays.safetensors"}[name]] = data  # type: ignore[assignment]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in held.items():
            if data is not None:
                archive.writestr(name, data)
    return path


def head_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


def test_there_and_back_is_exact(saved: Path) -> None:
    head, back = store.load(saved)
    assert head["card"] == {"name": "ü", "n": 3}
    assert head["format"] == store.FORMAT
    for name, array in arrays().items():
        assert back[name].dtype == array.dtype
        assert np.array_equal(back[name], array)
    assert back.keys() == arrays().keys()


def test_same_model_same_bytes(saved: Path, tmp_path: Path) -> None:
    store.save(tmp_path / "b.amiss", {"card": {"name": "ü", "n": 3}}, arrays())
    assert (tmp_path / "b.amiss").read_bytes() == saved.read_bytes()


def test_file_holds_json_and_arrays_only(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert sorted(archive.namelist()) == ["arrays.safetensors", "manifest.json"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_truncated(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelFileError) as caught:
        store.load(saved)
    assert str(saved) in str(caught.value)


def test_any_changed_byte_is_noticed(saved: Path) -> None:
    """Or changes nothing that is read, such as a date in the zip's directory."""
    data, (head, back) = bytearray(saved.read_bytes()), store.load(saved)
    for at in np.random.default_rng(0).choice(len(data), 300, replace=len(data) < 300):
        saved.write_bytes(bytes(data[:at]) + bytes([data[at] ^ 0x55]) + bytes(data[at + 1 :]))
        try:
            other, again = store.load(saved)
        except ModelFileError:
            continue
        assert other == head
        assert all(np.array_equal(again[k], v) for k, v in back.items())


def test_foreign_files(tmp_path: Path, saved: Path) -> None:
    path = tmp_path / "x.amiss"
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    wrong = {
        "a,b\n1,2\n": "not a model",
        b"\x00\x01\x02" * 99: "not a model",
        pickle.dumps({"a": 1}): "not a model",
        b"": "not a model",
        other.getvalue(): "a zip of other things",
    }
    for data, message in wrong.items():
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        with pytest.raises(ModelFileError, match=message):
            store.load(path)
    with pytest.raises(ModelFileError, match="no such file"):
        store.load(tmp_path / "absent.amiss")
    with pytest.raises(ModelFileError, match="cannot be read"):
        store.load(tmp_path)
    with pytest.raises(ModelFileError, match="a zip of other things"):
        store.load(rewrite(saved, arrays=None))


@pytest.mark.parametrize(
    ("step", "told"), [(1, r"newer version(.|\n)*upgrade amiss"), (-1, r"older version(.|\n)*fit it anew")]
)
def test_another_format(saved: Path, step: int, told: str) -> None:
    other = head_of(saved) | {"format": store.FORMAT + step}
    with pytest.raises(ModelFileError, match=told):
        store.load(rewrite(saved, manifest=json.dumps(other).encode()))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"null", b'"x"', b"\xff\xfe", b"{}", b'{"format": "1"}'])
def test_manifest_of_another_kind(saved: Path, text: bytes) -> None:
    with pytest.raises(ModelFileError):
        store.load(rewrite(saved, manifest=text))


def test_tampered_arrays(saved: Path) -> None:
    block = store.safetensors.save({"w": np.zeros((3, 4), np.float32)})
    path = rewrite(saved, arrays=block)
    with pytest.raises(ModelFileError, match="not those that were saved"):
        store.load(path)


def test_tampered_manifest(saved: Path) -> None:
    for card in ({"name": "u"}, None, float("nan")):
        path = rewrite(saved, manifest=json.dumps(head_of(saved) | {"card": card}).encode())
        with pytest.raises(ModelFileError, match="not those that were saved"):
            store.load(path)


def test_arrays_that_are_none(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.safetensors, "save", lambda _: b"no arrays at all")
    store.save(saved, {}, {})
    with pytest.raises(ModelFileError, match="arrays cannot be read"):
        store.load(saved)


@pytest.mark.parametrize("error", [KeyError("x"), IndexError(), TypeError(), ValueError("y"), OverflowError()])
def test_parts_that_do_not_fit(error: Exception) -> None:
    with pytest.raises(ModelFileError, match=r"m\.amiss: the model's file lacks a part"), store.parts_of("m.amiss"):
        raise error


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        store.save(tmp_path / "no" / "such" / "a.amiss", {}, arrays())
    with pytest.raises(InputError):
        store.save(tmp_path, {}, arrays())
    assert not list(tmp_path.iterdir())


def test_nothing_half_written(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.save(saved, {"value": float("nan")}, arrays())
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
