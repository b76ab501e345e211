"""Every sentence and word that a report or an explanation shows, in each language, in one place.

A text is filled in by ``str.format``; the names in braces are the same in all languages.
"""
# ruff: noqa: RUF001, E501 (Chinese has its own commas; a text stands on one line)

from __future__ import annotations

from typing import Any

from amiss.errors import OptionError

STRINGS: dict[str, dict[str, str]] = {
    # verdict
    "verdict.fdr": {
        "en": "{count} of {rows} rows are amiss (at most {share} of these expected by chance)",
        "zh": "{rows} 行中有 {count} 行异常（其中因偶然而误报的预计不超过 {share}）",
    },
    "verdict.rule": {
        "en": "{count} of {rows} rows are flagged by the rule {rule}",
        "zh": "按规则 {rule}，{rows} 行中有 {count} 行被标记",
    },
    "verdict.supervised": {
        "en": "{count} of {rows} rows look like the labelled anomalies (rule {rule})",
        "zh": "{rows} 行中有 {count} 行与已标注的异常相似（规则 {rule}）",
    },
    "verdict.none": {"en": "No evidence that anything is amiss", "zh": "没有证据表明存在异常"},
    "verdict.none_but": {
        "en": "No evidence that anything is amiss; the rule {rule} flags the {count} strangest of {rows} rows all the same",
        "zh": "没有证据表明存在异常；但规则 {rule} 仍标记了 {rows} 行中最异常的 {count} 行",
    },
    "verdict.one_in": {"en": "1 in {n}", "zh": "{n} 分之一"},
    # reasons
    "reason.typical": {"en": "typical for rows like this {range}", "zh": "类似行的典型值为 {range}"},
    "reason.range": {"en": "{low} to {high}", "zh": "{low} 至 {high}"},
    "reason.missing": {"en": "missing", "zh": "缺失"},
    "reason.new": {"en": "not seen in training", "zh": "训练数据中未出现过"},
    "reason.together": {"en": "ordinary alone, strange with the rest of the row", "zh": "单独看正常，与该行其余部分组合则异常"},
    "reason.share": {"en": "{share} of the score", "zh": "占分数的 {share}"},
    "reason.none": {"en": "no single column stands out", "zh": "没有哪一列特别突出"},
    "reason.join": {"en": "; ", "zh": "；"},
    "reason.column": {"en": "{column} = {value}", "zh": "{column} = {value}"},
    "change.enough": {"en": "ordinary with {change}", "zh": "若 {change} 则正常"},
    "change.not_enough": {
        "en": "no change of up to {count} columns makes this row ordinary",
        "zh": "改动至多 {count} 列仍不能使该行正常",
    },
    "change.none": {"en": "the row is ordinary as it is", "zh": "该行本来就正常"},
    "group.one": {"en": "{count} rows: {columns} unlike in other rows of their kind", "zh": "{count} 行：{columns} 与同类行不同"},
    "group.high": {"en": "{column} higher than typical", "zh": "{column} 高于典型值"},
    "group.low": {"en": "{column} lower than typical", "zh": "{column} 低于典型值"},
    "group.is": {"en": "{column} = {value}", "zh": "{column} = {value}"},
    "group.missing": {"en": "{column} missing", "zh": "{column} 缺失"},
    "group.differs": {"en": "{column} unusual", "zh": "{column} 不寻常"},
    "group.sentence": {"en": "{count} rows share a reason: {reasons}", "zh": "{count} 行原因相同：{reasons}"},
    "group.single": {"en": "1 row: {reasons}", "zh": "1 行：{reasons}"},
    "group.and": {"en": " and ", "zh": " 且 "},
    "row": {"en": "row {row}", "zh": "第 {row} 行"},
}  # fmt: skip

LANGUAGES = ("en", "zh")


def say(key: str, lang: str = "en", **values: Any) -> str:
    """The text of that key in a language, filled in."""
    return STRINGS[key][lang].format(**values)


def check_language(lang: str) -> str:
    """``lang`` itself. Raises OptionError for a language that there is not."""
    if lang not in LANGUAGES:
        raise OptionError("there is no such language", required=" or ".join(LANGUAGES), found=repr(lang))
    return lang
