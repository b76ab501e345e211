"""Every sentence and word that a report or an explanation shows, in each language, in one place.

A text is filled in by ``str.format``; the names in braces are the same in all languages. What the library notes in
English while it reads and learns is found again by its pattern: see :func:`translated`.
"""
# ruff: noqa: RUF001, E501 (Chinese has its own commas; a text stands on one line)

from __future__ import annotations

import re
from functools import cache
from typing import Any

from amiss.errors import OptionError
from amiss.report.strings_notes import NOTES
from amiss.report.strings_terminal import TERMINAL

STRINGS: dict[str, dict[str, str]] = {
    # verdict
    "verdict.fdr": {
        "en": "{count} of {rows} rows are amiss (at most {share} of these expected by chance)",
        "zh": "{rows} 行中有 {count} 行异常（其中因偶然而误报的预计不超过 {share}）",
    },
    "verdict.fdr_one": {
        "en": "1 of {rows} rows is amiss (at most {share} of such findings expected by chance)",
        "zh": "{rows} 行中有 1 行异常（此类发现中因偶然而误报的预计不超过 {share}）",
    },
    "verdict.rule": {
        "en": "{count} of {rows} rows are flagged by the rule {rule}",
        "zh": "按规则 {rule}，{rows} 行中有 {count} 行被标记",
    },
    "verdict.rule_one": {
        "en": "1 of {rows} rows is flagged by the rule {rule}",
        "zh": "按规则 {rule}，{rows} 行中有 1 行被标记",
    },
    "verdict.supervised": {
        "en": "{count} of {rows} rows look like the labelled anomalies (rule {rule})",
        "zh": "{rows} 行中有 {count} 行与已标注的异常相似（规则 {rule}）",
    },
    "verdict.supervised_one": {
        "en": "1 of {rows} rows looks like the labelled anomalies (rule {rule})",
        "zh": "{rows} 行中有 1 行与已标注的异常相似（规则 {rule}）",
    },
    "verdict.none": {"en": "No evidence that anything is amiss", "zh": "没有证据表明存在异常"},
    "verdict.none_but": {
        "en": "No evidence that anything is amiss; the rule {rule} flags the {count} strangest of {rows} rows all the same",
        "zh": "没有证据表明存在异常；但规则 {rule} 仍标记了 {rows} 行中最异常的 {count} 行",
    },
    "verdict.one_in": {"en": "1 in {n}", "zh": "{n} 分之一"},
    # rules, short in a sentence, long under a table
    "rule.fdr": {"en": "fdr {value}", "zh": "误报比例 {value}"},
    "rule.contamination": {"en": "contamination {value}", "zh": "异常比例 {value}"},
    "rule.alerts": {"en": "alerts {value}", "zh": "警报数 {value}"},
    "rule.f1": {"en": "f1", "zh": "F1 最优"},
    "rule.threshold": {"en": "threshold {value}", "zh": "阈值 {value}"},
    "rule.cost": {"en": "cost {value}", "zh": "代价 {value}"},
    "rule.precision": {"en": "precision {value}", "zh": "精确率 {value}"},
    "rule.recall": {"en": "recall {value}", "zh": "召回率 {value}"},
    "flagged.fdr": {"en": "rows so strange that at most about {share} of the flagged should be false alarms", "zh": "足够异常的行，使被标记的行中误报预计至多约 {share}"},
    "flagged.contamination": {"en": "the strangest {share} of rows like those of training", "zh": "与训练数据同类的行中最异常的 {share}"},
    "flagged.alerts": {"en": "the {value} strangest rows", "zh": "最异常的 {value} 行"},
    "flagged.alerts_per": {"en": "the {value} strangest rows of every {per}", "zh": "每{per}最异常的 {value} 行"},
    "flagged.f1": {"en": "scores above the threshold with the best F1 on other labelled rows", "zh": "分数高于在其他已标注行上 F1 最优的阈值"},
    "flagged.threshold": {"en": "scores of {value} and more", "zh": "分数不低于 {value}"},
    "flagged.cost": {"en": "where it is cheapest if a missed anomaly costs {value} false alarms", "zh": "若漏报一个异常的代价为 {value} 次误报，则取代价最低处"},
    "flagged.precision": {"en": "as many rows as keep a precision of {value} on other labelled rows", "zh": "在其他已标注行上保持精确率 {value} 的尽可能多的行"},
    "flagged.recall": {"en": "as few rows as reach a recall of {value} on other labelled rows", "zh": "在其他已标注行上达到召回率 {value} 的尽可能少的行"},
    "per.hour": {"en": "hour", "zh": "小时"},
    "per.day": {"en": "day", "zh": "天"},
    "per.week": {"en": "week", "zh": "周"},
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
        "en": "no change of up to {count} columns was found that makes this row ordinary",
        "zh": "未找到改动至多 {count} 列即可使该行正常的方法",
    },
    "change.not_enough_one": {"en": "no change of one column was found that makes this row ordinary", "zh": "未找到只改动一列即可使该行正常的方法"},
    "change.unknown": {"en": "no change was found that makes this row ordinary", "zh": "未找到能使该行正常的改动"},
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
    # series
    "series.outside": {"en": "{channel} at {when} = {value}; typical {low} to {high} ({share} of the score)", "zh": "{when} 时 {channel} = {value}；典型值为 {low} 至 {high}（占分数的 {share}）"},
    "series.inside": {"en": "{channel} at {when} = {value} is within the typical {low} to {high}, but its course is not ({share} of the score)", "zh": "{when} 时 {channel} = {value}，在典型值 {low} 至 {high} 之内，但其走势异常（占分数的 {share}）"},
    "series.none": {"en": "nothing is flagged", "zh": "没有被标记的内容"},
    # the report of a series
    "timeline.some": {"en": "{count} stretches look amiss: {rows} of {all} rows", "zh": "发现 {count} 段异常：共 {all} 行中的 {rows} 行"},
    "timeline.one": {"en": "1 stretch looks amiss: {rows} of {all} rows", "zh": "发现 1 段异常：共 {all} 行中的 {rows} 行"},
    "timeline.none": {"en": "No stretch looks amiss in {all} rows", "zh": "{all} 行中未发现异常时段"},
    "timeline.skip": {"en": "Skip to the events", "zh": "跳到异常时段"},
    "timeline.events": {"en": "Strange stretches", "zh": "异常时段"},
    "timeline.channels": {"en": "channels", "zh": "通道"},
    "timeline.causal": {"en": "A score uses earlier rows only.", "zh": "每个分数只使用更早的行。"},
    "timeline.ahead": {"en": "Scores use later rows, too.", "zh": "分数也使用了之后的行。"},
    "timeline.signal": {"en": "Signal", "zh": "信号"},
    "timeline.hint": {"en": "Blue: typical values; red: strange stretches, and values outside the typical ones. Drag over a picture, or use the buttons or the keys + - 0 and arrows, to look closer; double click for all.", "zh": "蓝色：典型值范围；红色：异常时段及超出典型范围的值。在图上拖动，或使用按钮、按键 + - 0 与方向键来缩放；双击显示全部。"},
    "timeline.labelled": {"en": "A bar along the top: labelled as anomalies.", "zh": "顶部的横条：已标注的异常。"},
    "timeline.score": {"en": "score", "zh": "分数"},
    "timeline.typical": {"en": "typical", "zh": "典型值"},
    "timeline.value": {"en": "value", "zh": "值"},
    "timeline.share": {"en": "strangeness", "zh": "异常程度"},
    "timeline.heat": {"en": "Channels to blame", "zh": "各通道的异常程度"},
    "timeline.in": {"en": "Look closer", "zh": "放大"},
    "timeline.out": {"en": "Show more", "zh": "缩小"},
    "timeline.left": {"en": "Earlier", "zh": "向前"},
    "timeline.right": {"en": "Later", "zh": "向后"},
    "timeline.all": {"en": "Show all", "zh": "显示全部"},
    "timeline.series": {"en": "series", "zh": "序列"},
    "timeline.start": {"en": "start", "zh": "开始"},
    "timeline.end": {"en": "end", "zh": "结束"},
    "timeline.steps": {"en": "steps", "zh": "步数"},
    "timeline.p": {"en": "p-value", "zh": "p 值"},
    "timeline.why": {"en": "why", "zh": "原因"},
    "timeline.listed": {"en": "{count} of {all}, strangest first. Choose one to see it closely.", "zh": "{all} 段中最异常的 {count} 段。点击可放大查看。"},
    "timeline.more_series": {"en": "the {shown} strangest of {count} series are drawn", "zh": "绘出 {count} 个序列中最异常的 {shown} 个"},
    "timeline.more_channels": {"en": "the {shown} channels most to blame are drawn, of {count}", "zh": "绘出 {count} 个通道中最异常的 {shown} 个"},
    "timeline.sampled": {"en": "the pictures show the least and the greatest value in each of {bins} parts of {steps} steps, and every step around the strangest events", "zh": "图中将 {steps} 步分为 {bins} 段，显示每段的最小值与最大值；最异常的时段附近逐步显示"},
    # report
    "report.title": {"en": "amiss report", "zh": "amiss 报告"},
    "report.skip": {"en": "Skip to the strangest rows", "zh": "跳到最异常的行"},
    "report.sampled": {"en": "pictures of columns and the map are drawn from a sample of {drawn} of {rows} rows; counts, scores and the slider are of all", "zh": "各列的图和地图取自 {rows} 行中的 {drawn} 行样本；计数、分数和滑块针对所有行"},
    "report.rows": {"en": "rows", "zh": "行"},
    "report.columns": {"en": "columns learned from", "zh": "用于学习的列"},
    "report.flagged": {"en": "flagged", "zh": "已标记"},
    "report.detector": {"en": "detector", "zh": "检测器"},
    "report.notes": {"en": "What to know", "zh": "须知"},
    "report.groups": {"en": "Reasons that rows share", "zh": "各行共有的原因"},
    "report.group_rows": {"en": "rows {rows}", "zh": "第 {rows} 行"},
    "report.strangest": {"en": "The strangest rows", "zh": "最异常的行"},
    "report.listed": {"en": "{count} of {rows} rows, strangest first. Sort by a column's head, search for any text.", "zh": "{rows} 行中最异常的 {count} 行。点击表头排序，可搜索任意文字。"},
    "report.search": {"en": "Search the list", "zh": "搜索列表"},
    "report.row": {"en": "row", "zh": "行号"},
    "report.score": {"en": "score", "zh": "分数"},
    "report.p": {"en": "p-value", "zh": "p 值"},
    "report.why": {"en": "why", "zh": "原因"},
    "report.change": {"en": "what would make it ordinary", "zh": "怎样改动会使其正常"},
    "report.label": {"en": "label", "zh": "标签"},
    "report.anomaly": {"en": "anomaly", "zh": "异常"},
    "report.normal": {"en": "normal", "zh": "正常"},
    "report.unlabelled": {"en": "unlabelled", "zh": "未标注"},
    "report.details": {"en": "the row and those most like it", "zh": "该行及与其最相似的行"},
    "report.this": {"en": "this row", "zh": "该行"},
    "report.like": {"en": "ordinary row {row}", "zh": "正常的第 {row} 行"},
    "report.threshold": {"en": "Threshold", "zh": "阈值"},
    "report.move": {"en": "Move to flag more or fewer rows", "zh": "拖动以标记更多或更少的行"},
    "report.cut": {"en": "flagged from this score on", "zh": "从此分数起标记"},
    "report.share": {"en": "of all rows", "zh": "占全部行"},
    "report.precision": {"en": "precision", "zh": "精确率"},
    "report.recall": {"en": "recall", "zh": "召回率"},
    "report.histogram": {"en": "Scores of all rows; red: flagged", "zh": "所有行的分数；红色：已标记"},
    "report.bars": {"en": "Bars count rows on a square-root scale, so that few are seen; flagged rows are red.", "zh": "条形按平方根刻度表示行数，以便少量的行也可见；红色为已标记的行。"},
    "report.count": {"en": "rows (square-root scale)", "zh": "行数（平方根刻度）"},
    "report.log_score": {"en": "score (logarithmic)", "zh": "分数（对数刻度）"},
    "report.quality": {"en": "How good it is, by the labels", "zh": "按标签衡量的效果"},
    "report.measure": {"en": "measure", "zh": "指标"},
    "report.value": {"en": "value", "zh": "数值"},
    "report.interval": {"en": "95 % interval", "zh": "95 % 区间"},
    "report.chance": {"en": "by chance", "zh": "随机水平"},
    "report.roc": {"en": "ROC curve", "zh": "ROC 曲线"},
    "report.pr": {"en": "Precision and recall", "zh": "精确率与召回率"},
    "report.false": {"en": "false alarms among normal rows", "zh": "正常行中的误报比例"},
    "report.calibration": {"en": "Calibration", "zh": "校准"},
    "report.predicted": {"en": "predicted share", "zh": "预测比例"},
    "report.observed": {"en": "observed", "zh": "实际"},
    "measure.roc_auc": {"en": "ROC AUC", "zh": "ROC 曲线下面积"},
    "measure.average_precision": {"en": "average precision", "zh": "平均精确率"},
    "measure.precision": {"en": "precision", "zh": "精确率"},
    "measure.recall": {"en": "recall", "zh": "召回率"},
    "measure.f1": {"en": "F1", "zh": "F1"},
    "measure.accuracy": {"en": "accuracy", "zh": "准确率"},
    "measure.balanced_accuracy": {"en": "balanced accuracy", "zh": "平衡准确率"},
    "measure.precision_at_k": {"en": "precision at {k}", "zh": "前 {k} 行的精确率"},
    "measure.recall_at_rate": {"en": "recall at {rate} % alerts", "zh": "{rate} % 警报率下的召回率"},
    "measure.brier": {"en": "Brier score (0 is best)", "zh": "Brier 分数（0 为最佳）"},
    "measure.vus_pr": {"en": "VUS-PR", "zh": "VUS-PR"},
    "measure.vus_roc": {"en": "VUS-ROC", "zh": "VUS-ROC"},
    "measure.auc_pr": {"en": "AUC-PR", "zh": "AUC-PR"},
    "measure.affiliation_f1": {"en": "affiliation F1", "zh": "归属 F1（affiliation）"},
    "measure.event_precision": {"en": "event precision", "zh": "事件精确率"},
    "measure.event_recall": {"en": "event recall", "zh": "事件召回率"},
    "measure.event_f1": {"en": "event F1", "zh": "事件 F1"},
    "report.tuning": {"en": "The search for parameters", "zh": "参数搜索"},
    "report.tuned": {"en": "{trials} trials of {folds} folds; the best is trial {best}. On {rows} rows ({anomalies} anomalies) that the search never saw, its average precision is {winner} ({low} to {high}), that of the defaults {default}; gain {gain} ({gain_low} to {gain_high}).", "zh": "{trials} 次试验，每次 {folds} 折；最佳为第 {best} 次。在搜索从未见过的 {rows} 行（{anomalies} 个异常）上，其平均精确率为 {winner}（{low} 至 {high}），默认参数为 {default}；增益 {gain}（{gain_low} 至 {gain_high}）。"},
    "tuned.held": {"en": "On {rows} rows ({anomalies} anomalies) that the search never saw, the winner's average precision is {winner} ({low} to {high}; chance {chance})", "zh": "在搜索从未见过的 {rows} 行（{anomalies} 个异常）上，最佳参数的平均精确率为 {winner}（{low} 至 {high}；随机水平 {chance}）"},
    "tuned.defaults": {"en": "{held}; it has the defaults.", "zh": "{held}；它就是默认参数。"},
    "tuned.gain": {"en": "{held}, the defaults' {default}: a gain of {gain} ({low} to {high}).", "zh": "{held}，默认参数为 {default}：增益 {gain}（{low} 至 {high}）。"},
    "tuned.unsure": {"en": "{held}, the defaults' {default}: a gain of {gain} ({low} to {high}): no difference that these rows could show.", "zh": "{held}，默认参数为 {default}：增益 {gain}（{low} 至 {high}）：这些行不足以显示差异。"},
    "state.done": {"en": "done", "zh": "完成"},
    "state.pruned": {"en": "given up early", "zh": "提前放弃"},
    "state.failed": {"en": "failed", "zh": "失败"},
    "report.trial": {"en": "trial", "zh": "试验"},
    "report.state": {"en": "state", "zh": "状态"},
    "report.seconds": {"en": "seconds", "zh": "秒"},
    "report.parameters": {"en": "other than the defaults", "zh": "与默认值不同的参数"},
    "report.best_so_far": {"en": "best score so far, by trial", "zh": "截至各次试验的最佳分数"},
    "report.learning": {"en": "Would more labels help?", "zh": "更多标签会有帮助吗？"},
    "report.labels": {"en": "labelled rows", "zh": "已标注行数"},
    "report.average_precision": {"en": "average precision", "zh": "平均精确率"},
    "report.confusion": {"en": "Confusion matrix", "zh": "混淆矩阵"},
    "report.called_normal": {"en": "called normal", "zh": "判为正常"},
    "report.called_anomaly": {"en": "called anomaly", "zh": "判为异常"},
    "report.distributions": {"en": "Columns, those to blame first", "zh": "各列（主要原因在前）"},
    "report.blame": {"en": "{share} of the blame", "zh": "占原因的 {share}"},
    "report.missing_cells": {"en": "missing: {count}", "zh": "缺失：{count}"},
    "report.more_columns": {"en": "{shown} of {count} columns are shown.", "zh": "显示了 {count} 列中的 {shown} 列。"},
    "report.map": {"en": "Map of the rows", "zh": "行的地图"},
    "report.map_note": {"en": "Rows that lie close are alike (principal components; far rows are drawn closer than they are). Point at a dot to read its row.", "zh": "相近的点代表相似的行（主成分；远处的行画得比实际更近）。指向一个点可查看该行。"},
    "report.faults": {"en": "Faults of the data", "zh": "数据问题"},
    "report.no_faults": {"en": "None found: no missing cells, every column was used.", "zh": "未发现：没有缺失，所有列都已使用。"},
    "report.column": {"en": "column", "zh": "列"},
    "report.kind": {"en": "kind", "zh": "类型"},
    "report.missing": {"en": "missing", "zh": "缺失"},
    "report.note": {"en": "note", "zh": "说明"},
    "report.leak": {"en": "column {column} gives the label away on its own (ROC AUC {auc}): likely a leak", "zh": "列 {column} 单独就能泄露标签（ROC AUC {auc}）：很可能是泄漏"},
    "report.training": {"en": "Training", "zh": "训练"},
    "report.epoch": {"en": "epoch", "zh": "轮次"},
    "report.loss": {"en": "loss; red: held-out rows", "zh": "损失；红色：留出行"},
    "report.loss_judged": {"en": "loss; red: 1 - average precision of held-out rows", "zh": "损失；红色：留出行的 1 - 平均精确率"},
    "report.card": {"en": "Model card", "zh": "模型卡"},
    "card.amiss": {"en": "amiss", "zh": "amiss 版本"},
    "card.source": {"en": "data", "zh": "数据"},
    "card.rows": {"en": "rows learned from", "zh": "学习的行数"},
    "card.learned": {"en": "columns learned from", "zh": "学习的列数"},
    "card.channels": {"en": "channels", "zh": "通道数"},
    "card.detector": {"en": "detector", "zh": "检测器"},
    "card.setting": {"en": "setting", "zh": "情形"},
    "card.setting_why": {"en": "why this setting", "zh": "选择该情形的原因"},
    "card.seed": {"en": "seed", "zh": "随机种子"},
    "card.label": {"en": "label", "zh": "标签"},
    "card.seconds": {"en": "seconds of learning", "zh": "学习用时（秒）"},
    "card.stopped": {"en": "why training ended", "zh": "训练结束的原因"},
    "card.parameters": {"en": "parameters", "zh": "参数"},
    "card.examples": {"en": "training rows kept in the model", "zh": "模型中保留的训练行"},
    "card.data": {"en": "hash of the rows (SHA-256, first 16 digits)", "zh": "行的哈希值（SHA-256 前 16 位）"},
    "card.decision": {"en": "rule", "zh": "规则"},
    "card.versions": {"en": "versions", "zh": "版本"},
    "card.command": {"en": "command", "zh": "命令"},
    "setting.unsupervised": {"en": "unsupervised", "zh": "无监督"},
    "setting.one-class": {"en": "one-class", "zh": "单类"},
    "setting.supervised": {"en": "supervised", "zh": "有监督"},
    "setting.weakly supervised": {"en": "weakly supervised", "zh": "弱监督"},
    "stopped.epochs": {"en": "all steps were taken", "zh": "已完成所有轮次"},
    "stopped.patience": {"en": "no better for a while", "zh": "不再改进"},
    "stopped.budget": {"en": "time was up", "zh": "时间用完"},
    "stopped.interrupted": {"en": "interrupted", "zh": "被中断"},
    "report.footer": {"en": "Made by amiss {version}. This page needs no network and sends nothing.", "zh": "由 amiss {version} 生成。此页面无需网络，也不发送任何内容。"},
    "kind.numeric": {"en": "numbers", "zh": "数值"},
    "kind.category": {"en": "categories", "zh": "类别"},
    "kind.datetime": {"en": "dates", "zh": "日期"},
    "kind.text": {"en": "text", "zh": "文本"},
    "kind.identifier": {"en": "identifier, not used", "zh": "标识符，未使用"},
    "kind.constant": {"en": "constant, not used", "zh": "常量，未使用"},
    "kind.duplicate": {"en": "duplicate, not used", "zh": "重复列，未使用"},
    "row": {"en": "row {row}", "zh": "第 {row} 行"},
} | TERMINAL  # fmt: skip

LANGUAGES = ("en", "zh")


def say(key: str, lang: str = "en", **values: Any) -> str:
    """The text of that key in a language, filled in."""
    return STRINGS[key][lang].format(**values)


def word(family: str, name: str, lang: str) -> str:
    """The text of ``family.name``, or the name itself where the catalogue has none (a column of another part's)."""
    return say(f"{family}.{name}", lang) if f"{family}.{name}" in STRINGS else name.replace("_", " ")


_PLACE = re.compile(r"(\{\{?\w+\}?\})")


def translated(note: str, lang: str) -> str:
    """A note of the library in another language; as it is where no pattern of the catalogue fits it.

    Notes are made in English, kept in models and printed as JSON. A part that is named in double braces in the
    catalogue, ``{{why}}``, is a note itself.
    """
    if lang == "en":
        return note
    for pattern, nested, texts in _patterns():
        found = pattern.fullmatch(note)
        if found:
            values = {k: translated(v, lang) if k in nested else v for k, v in found.groupdict(default="").items()}
            return "".join(
                values.get(p.strip("{}"), p) if i % 2 else p for i, p in enumerate(_PLACE.split(texts[lang]))
            )
    return note


@cache
def _patterns() -> list[tuple[re.Pattern[str], frozenset[str], dict[str, str]]]:
    """The English texts as patterns, those with the most words of their own first."""
    found = []
    for texts in sorted(NOTES, key=lambda t: -len(re.sub(r"\{.*?\}", "", t["en"]))):
        parts = _PLACE.split(texts["en"])
        pattern = "".join(f"(?P<{p.strip('{}')}>.+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        found.append((re.compile(pattern, re.DOTALL), frozenset(re.findall(r"\{\{(\w+)", texts["en"])), texts))
    return found


def check_language(lang: str) -> str:
    """``lang`` itself. Raises OptionError for a language that there is not."""
    if lang not in LANGUAGES:
        raise OptionError("there is no such language", required=" or ".join(LANGUAGES), found=repr(lang))
    return lang
