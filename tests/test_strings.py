"""One catalogue: every text in every language, and every note of the library found again in it."""
# ruff: noqa: RUF001 (Chinese has its own commas)

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from amiss.decision import PERIODS, RULES, Rule
from amiss.learning import _sentence as learning_sentence
from amiss.reasons import Counterfactual
from amiss.report.strings import LANGUAGES, STRINGS, translated, word
from amiss.report.strings_notes import NOTES

SOURCE = Path(__file__).resolve().parent.parent / "src" / "amiss"
MAKERS = sorted(SOURCE.rglob("*.py"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def places(text: str) -> list[str]:
    return sorted(re.findall(r"{+(\w*)[^}]*}+", text))


def written(node: ast.AST) -> Iterator[str]:
    """Texts of an expression, with {} for what is filled in; an alternative is told as both."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    elif isinstance(node, ast.IfExp):
        yield from written(node.body)
        yield from written(node.orelse)
    elif isinstance(node, ast.BinOp):
        yield from written(node.left)
    elif isinstance(node, (ast.List, ast.Tuple)):
        for item in node.elts:
            yield from written(item)


def notes_in(path: Path) -> Iterator[str]:
    """What is appended to notes or warnings, given as ``note=``, or assigned to a variable called so."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr == "append":
                owner = called.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                if re.search("notes$", name) or (path.name == "verdict.py" and name == "found"):
                    yield from written(node.args[0])
            for keyword in node.keywords:
                if keyword.arg == "note":
                    yield from written(keyword.value)
            if getattr(called, "id", "") == "tell" and path.name == "frame.py":
                yield from written(node.args[0])
            if getattr(called, "id", "") == "_Rule" and path.name == "labels.py":
                yield from written(node.args[-1])
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("note", "notes", "NO_EXAMPLES"):
            yield from written(node.value)


@pytest.mark.parametrize("key", sorted(STRINGS))
def test_every_text_is_there_in_every_language(key: str) -> None:
    texts = STRINGS[key]
    assert set(texts) == set(LANGUAGES)
    assert all(texts.values())
    assert set(places(texts["zh"])) <= set(places(texts["en"]))


def test_every_note_of_the_library_is_in_the_catalogue() -> None:
    made = {(path.name, text) for path in MAKERS for text in notes_in(path) if re.search("[a-z]", text)}
    assert len(made) > 35
    plain = {(where, text, text.replace("{}", "1")) for where, text in made}
    whole = {(where, text) for where, text, told in plain if translated(told, "zh") == told}
    assert not whole


@pytest.mark.parametrize("texts", NOTES, ids=lambda t: t["en"][:30])
def test_notes_are_found_again_by_their_pattern(texts: dict[str, str]) -> None:
    assert set(texts) == set(LANGUAGES)
    assert places(texts["en"]) == places(texts["zh"])
    assert CHINESE.search(texts["zh"])
    filled = re.sub(r"\{+\w+\}+", "7 'x'", texts["en"])
    assert "7 'x'" in translated(filled, "zh") or "{" not in texts["en"]
    assert CHINESE.search(translated(filled, "zh"))
    assert translated(filled, "en") == filled


def test_notes_within_notes_and_unknown_ones() -> None:
    assert translated("column 'a, b' (identifier, not used): words, each once", "zh") == (
        "列 'a, b'（标识符，未使用）：单词，各出现一次"
    )
    assert (
        translated("anomaly is y = 1 (by its name): 3 rows; normal 9", "zh")
        == "异常为 y = 1（按其名称）：3 行；正常 9 行"
    )
    assert translated("something of another version", "zh") == "something of another version"
    assert translated("column '{x} {0}' (category): sentences", "zh") == "列 '{x} {0}'（类别）：句子"


def test_rules_are_told_in_every_language() -> None:
    for name in RULES:
        rule = Rule(name, 0.5 if RULES[name][1] <= 1 else 2)
        assert CHINESE.search(rule.words("zh"))
        assert CHINESE.search(rule.sentence("zh"))
    for per in PERIODS:
        assert Rule("alerts", 50, per).sentence() == f"the 50 strangest rows of every {per}"
        assert str(Rule("alerts", 50, per)) == f"alerts 50/{per}"


@pytest.mark.parametrize(("gain", "low"), [(0.001, -0.01), (0.02, -0.01), (0.05, 0.01)])
def test_what_more_labels_would_bring_is_told_in_every_language(gain: float, low: float) -> None:
    found = {"more": 50, "expected_gain": gain, "gain_low": low, "gain_high": 0.1}
    told = learning_sentence(found, 0.1)
    assert CHINESE.search(translated(told, "zh"))
    assert f"{gain:+.3f}" in translated(told, "zh")
    assert not re.search("[a-z]", translated(told, "zh"))


def test_one_column_and_more() -> None:
    cells = (("a", "1", "2"), ("b", "1", "2"))
    assert (
        Counterfactual(cells[:1], 1.0, False).sentence()
        == "no change of one column was found that makes this row ordinary"
    )
    assert "up to 2 columns" in Counterfactual(cells, 1.0, False).sentence()
    assert CHINESE.search(Counterfactual(cells[:1], 1.0, False).sentence("zh"))


def test_a_word_without_a_text_is_told_as_it_is() -> None:
    assert word("card", "seed", "zh") == "随机种子"
    assert word("card", "made_up", "zh") == "made up"
