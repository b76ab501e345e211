"""The cache of compiled programs, each time in a folder and a process of its own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import jax
import numpy as np
import pytest

from amiss import programs

#: A tiny program through the one door; prints its result, and says where it was kept.
CODE = """
import warnings; warnings.simplefilter("error")
import jax, numpy as np
from amiss import programs
@jax.jit
def small_program(x):
    return x * 2 + 1
@jax.jit
def other_program(x):
    return x + 4
x = np.float32(3)
value = float(programs.call(small_program, x)) * float(programs.call(other_program, x))
print(value, jax.config.jax_compilation_cache_dir)
"""


def run(folder: str | Path, **environment: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AMISS_", "JAX_", "XDG_"))}
    env |= {"AMISS_CACHE": str(folder), **environment}
    ran = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    value, kept = ran.stdout.split(maxsplit=1)
    assert value == "49.0"
    return kept.strip()


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_program-*-cache"))


def test_entries_are_kept_privately_and_read_back(tmp_path: Path) -> None:
    kept = Path(run(tmp_path / "programs"))
    assert kept.parent == tmp_path / "programs"
    assert kept.name.startswith("jaxlib-")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    before = [(entry.stat().st_mtime_ns, entry.read_bytes()) for entry in entries(kept)]
    assert len(before) == 2
    run(tmp_path / "programs")
    assert [(entry.stat().st_mtime_ns, entry.read_bytes()) for entry in entries(kept)] == before


def test_damaged_entries_are_replaced(tmp_path: Path) -> None:
    """Nothing is said of it, nothing fails, and a later process has sound entries again."""
    run(tmp_path)
    sound = [len(entry.read_bytes()) for entry in entries(tmp_path)]
    for entry, damage in zip(entries(tmp_path), (b"", b"not a program"), strict=True):
        entry.write_bytes(damage)
    run(tmp_path)
    run(tmp_path)
    assert [len(entry.read_bytes()) for entry in entries(tmp_path)] == pytest.approx(sound, rel=0.2)


def test_switched_off(tmp_path: Path) -> None:
    assert run("off", HOME=str(tmp_path)) == "None"
    assert not list(tmp_path.rglob("*-cache"))


def test_folder_of_the_person_for_jax_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    assert run(tmp_path / "ours", JAX_COMPILATION_CACHE_DIR=str(mine)) == str(mine)
    assert not (tmp_path / "ours").exists()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(tmp_path / "file") == "None"


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AMISS_CACHE", "off")
    assert programs.cache_folder() is None
    monkeypatch.setenv("AMISS_CACHE", "")
    monkeypatch.setattr(programs.platform, "system", lambda: "Linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = programs.cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "amiss"
    monkeypatch.setattr(programs.platform, "system", lambda: "Darwin")
    folder = programs.cache_folder()
    assert folder is not None
    assert folder.parent.parts[-3:] == ("Library", "Caches", "amiss")
    monkeypatch.setattr(programs.platform, "system", lambda: "Windows")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    folder = programs.cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "local" / "amiss"


def test_threads_trace_a_program_once() -> None:
    traced = []

    @jax.jit
    def counted(x: jax.Array) -> jax.Array:
        traced.append(threading.get_ident())
        return x + 1

    ready = threading.Barrier(8)
    results: list[float] = []

    def work() -> None:
        ready.wait()
        results.append(float(programs.call(counted, np.float32(1))))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2.0] * 8
    assert len(traced) == 1
