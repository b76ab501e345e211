"""The blocks of README.md and docs/cli.md run as they stand, in a folder with tables of the names they use."""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from amiss.cli import main

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("README.md", "README.zh.md", "docs/cli.md")


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with claims.csv, new.csv and checked.csv."""
    rng = random.Random(0)
    rows = [f"{rng.gauss(90 if i % 9 == 0 else 50, 9):.2f},{rng.choice('abc')},{int(i % 9 == 0)}" for i in range(120)]
    for name in ("claims.csv", "new.csv", "checked.csv"):
        (tmp_path / name).write_text("\n".join(["amount,kind,fraud", *rows]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_blocks_run(root: Path, tables: Path) -> None:
    space: dict[str, object] = {}
    found = blocks(root / "README.md", "python")
    assert len(found) >= 2
    for block in found:
        exec(compile(block, "README.md", "exec"), space)
    assert (tables / "model.amiss").exists()


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_shell_blocks_run(page: str, root: Path, tables: Path) -> None:
    commands = [line for block in blocks(root / page, "shell") for line in block.splitlines() if line]
    assert commands
    for line in commands:
        program, *arguments = shlex.split(line)
        assert program == "amiss"
        made = CliRunner().invoke(main, arguments)
        assert made.exit_code == 0, f"{line}\n{made.output}"
        if "-o" in arguments:
            assert (tables / arguments[arguments.index("-o") + 1]).exists()


def test_both_languages_say_the_same(root: Path) -> None:
    english, chinese = ((root / page).read_text("utf-8") for page in ("README.md", "README.zh.md"))
    for kind in ("shell", "console"):
        here, there = (
            [text.replace(" --lang zh", "") for text in blocks(root / page, kind)]
            for page in ("README.md", "README.zh.md")
        )
        assert here == there
    here, there = (
        [re.sub(r" *#.*", "", text) for text in blocks(root / page, "python")] for page in ("README.md", "README.zh.md")
    )
    assert here == there
    for mark in (r"^#+ ", r"^\| `", r"^- \*\*", r"^!\["):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, chinese, re.MULTILINE))
    for link in re.findall(r"\]\(([^)#]+)\)", english + chinese):
        assert (root / link).exists(), link
    assert (root / "docs" / "report.png").stat().st_size < 300_000


def test_options_that_are_named_exist(root: Path) -> None:
    known = {
        name for command in main.commands.values() for p in command.params for name in (*p.opts, *p.secondary_opts)
    }
    for page in PAGES:
        named = set(re.findall(r"`(--[a-z-]+)", (root / page).read_text()))
        assert named <= known | {"--help", "--version"}


def test_every_command_is_told(root: Path) -> None:
    text = (root / "docs/cli.md").read_text()
    for name, command in main.commands.items():
        assert f"`{name}" in text
        assert isinstance(command, click.Command)
        assert command.help


def test_first_screen_and_ci_agree(root: Path) -> None:
    first = "\n".join((root / "README.md").read_text().splitlines()[:12])
    assert "pip install uv && uv run amiss demo" in first
    assert "uv run pytest" in first
    assert (root / ".ci" / "run").read_text().rstrip().endswith("\nuv run pytest")


def test_demo_runs(tables: Path) -> None:
    made = CliRunner().invoke(main, ["demo"])
    assert made.exit_code == 0, made.output
    assert "Next, your own table:  amiss detect" in made.stdout
    assert made.stdout.count("ROC AUC") >= 2
