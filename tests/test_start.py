"""The command line as a process: it starts quickly, and its exit codes and streams are what a shell sees."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HEAVY = ("jax", "numpy", "polars", "sklearn", "rich", "optax", "safetensors")


def python(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom amiss.cli import main\n"
        "for words in (['--help'], ['detect', '--help'], ['--version']):\n    main(words, standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python("-c", code).stdout.splitlines()[-1] == "[]"


def test_help_is_quick() -> None:
    """Its budget is 0.3 s; the best of three, and a wide margin for crowded machines."""
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        assert python("-m", "amiss", "--help").returncode == 0
        taken.append(time.perf_counter() - started)
    assert min(taken) < 1.5


def test_exit_codes_and_streams(tmp_path: Path) -> None:
    for arguments in (["detect", "nowhere.csv"], ["nothing"]):
        made = python("-m", "amiss", *arguments, cwd=tmp_path)
        assert made.returncode == 2
        assert made.stdout == ""
        assert "Traceback" not in made.stderr
        assert made.stderr
