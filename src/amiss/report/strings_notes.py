"""What the library notes in English while it reads, learns and decides, and the same in Chinese.

A name in braces stands for anything; in double braces, for a note that is translated in turn. The English texts are
those of the places that make the notes; a test holds the two together.
"""
# ruff: noqa: RUF001, E501 (Chinese has its own commas; a text stands on one line)

from __future__ import annotations

NOTES: list[dict[str, str]] = [
    # how the table was read
    {"en": "{count} files", "zh": "{count} 个文件"},
    {"en": "read as {encoding}", "zh": "按 {encoding} 读取"},
    {"en": "not UTF-8: read as {encoding}", "zh": "不是 UTF-8：按 {encoding} 读取"},
    {"en": "one field a line: no separator found", "zh": "每行一个字段：未找到分隔符"},
    {"en": "the separator is {separator}", "zh": "分隔符为 {separator}"},
    {"en": "names are given: the first line is taken as data", "zh": "已给出列名：首行视为数据"},
    {"en": "the first line, taken as names, looks like data: if it is, give --no-header", "zh": "首行被当作列名，但看起来像数据：若是数据，请用 --no-header"},
    {"en": "the classes stand in the last column: it is named 'class'", "zh": "类别位于最后一列：命名为 'class'"},
    {"en": "{count} names for {width} columns: the rest are {names}", "zh": "{width} 列只有 {count} 个列名：其余为 {names}"},
    # columns
    {"en": "column {name} ({{kind}}, not used): {{why}}", "zh": "列 {name}（{kind}，未使用）：{why}"},
    {"en": "column {name} ({{kind}}): {{why}}", "zh": "列 {name}（{kind}）：{why}"},
    {"en": "numeric", "zh": "数值"},
    {"en": "category", "zh": "类别"},
    {"en": "datetime", "zh": "日期"},
    {"en": "text", "zh": "文本"},
    {"en": "identifier", "zh": "标识符"},
    {"en": "constant", "zh": "常量"},
    {"en": "duplicate", "zh": "重复列"},
    {"en": "{dtype} in every cell", "zh": "每个单元格均为 {dtype}"},
    {"en": "{count} infinite cells count as missing", "zh": "{count} 个无穷值按缺失处理"},
    {"en": "{count} cells that are no numbers count as missing: {cells}", "zh": "{count} 个非数值单元格按缺失处理：{cells}"},
    {"en": "{count} cells that are no dates count as missing: {cells}", "zh": "{count} 个非日期单元格按缺失处理：{cells}"},
    {"en": "day and month cannot be told apart: read with the day first", "zh": "无法区分日与月：按日在前读取"},
    {"en": "day and month cannot be told apart: read with the month first", "zh": "无法区分日与月：按月在前读取"},
    {"en": "all missing", "zh": "全部缺失"},
    {"en": "always {value}", "zh": "恒为 {value}"},
    {"en": "{value} or missing", "zh": "{value} 或缺失"},
    {"en": "equal to {other}", "zh": "与 {other} 相同"},
    {"en": "sentences", "zh": "句子"},
    {"en": "words, {{often}}", "zh": "单词，{often}"},
    {"en": "each once", "zh": "各出现一次"},
    {"en": "hardly any twice", "zh": "几乎不重复"},
    {"en": "whole numbers in a row, each once", "zh": "连续整数，各出现一次"},
    {"en": "whole numbers, each once, and so named", "zh": "整数，各出现一次，且列名如此"},
    {"en": "whole numbers, hardly any twice, and so named", "zh": "整数，几乎不重复，且列名如此"},
    {"en": "whole numbers that name things", "zh": "作为编号的整数"},
    {"en": "columns the model does not know are ignored: {names}", "zh": "忽略模型不认识的列：{names}"},
    {"en": "columns without any value here: {names}", "zh": "此处没有任何值的列：{names}"},
    {"en": "the table has a column {old} of its own: it is {new} in the output", "zh": "表中已有名为 {old} 的列：在输出中改名为 {new}"},
    # labels
    {"en": "anomaly is {column} = {values} ({{why}}): {count} rows; normal {normal}; unlabelled {unlabelled}", "zh": "异常为 {column} = {values}（{why}）：{count} 行；正常 {normal} 行；未标注 {unlabelled} 行"},
    {"en": "anomaly is {column} = {values} ({{why}}): {count} rows; normal {normal}", "zh": "异常为 {column} = {values}（{why}）：{count} 行；正常 {normal} 行"},
    {"en": "as named", "zh": "按指定"},
    {"en": "as in training", "zh": "与训练时相同"},
    {"en": "by its name", "zh": "按其名称"},
    {"en": "all that is not normal", "zh": "所有非正常值"},
    {"en": "the only value", "zh": "唯一的值"},
    {"en": "the rarer value", "zh": "较少见的值"},
    {"en": "column {name} gives the label away on its own (ROC AUC {auc}): likely a leak; leave it out (drop) unless it is known before the label is", "zh": "列 {name} 单独就能泄露标签（ROC AUC {auc}）：很可能是泄漏；除非它在标签之前已知，否则请去掉该列（drop）"},
    # training and scoring
    {"en": "training was stopped by Ctrl-C: the result is the best until then", "zh": "训练被 Ctrl-C 中止：结果为截至当时的最优"},
    {"en": "training was stopped by the budget: the result is the best until then", "zh": "训练因时间预算而停止：结果为截至当时的最优"},
    {"en": "the model learned from this very table: the measures flatter it; `amiss detect --label` tells honest ones", "zh": "模型正是从此表学习的：这些指标偏乐观；`amiss detect --label` 给出诚实的指标"},
    {"en": "each row was scored by a model that had not seen it; the reasons come from one that saw all rows", "zh": "每一行由未见过该行的模型打分；原因来自见过所有行的模型"},
    {"en": "this model keeps no training rows: what would be typical, the smallest change and the rows most alike cannot be shown", "zh": "此模型不保留训练行：无法显示典型值、最小改动和最相似的行"},
    {"en": "{detector} scores rows by their distances to training rows, which the model's file holds as numbers; a detector that does not, e.g. Autoencoder, keeps none", "zh": "{detector} 按与训练行的距离打分，模型文件以数值形式保存这些行；不这样做的检测器（如 Autoencoder）则不保存"},
    # the verdict
    {"en": "the share of false alarms is measured on made-up tables with this one's columns and correlations: it assumes that ordinary rows are like theirs, and is no guarantee; a column that marks known normal rows makes it one", "zh": "误报比例是在与此表各列及相关性相同的随机表上测得的：它假定正常的行与之相似，不作保证；若有一列标明已知正常的行，即可保证"},
    {"en": "the training rows may hold anomalies, so the share of false alarms rests on a tail fitted to the bulk of the scores and is no guarantee; a column that marks known normal rows makes it one", "zh": "训练行中可能含有异常，因此误报比例依据对分数主体拟合的尾部，不作保证；若有一列标明已知正常的行，即可保证"},
    {"en": "few held-out rows ({count}) to compare with: the share of false alarms is a rough guess", "zh": "可供比较的留出行太少（{count}）：误报比例只是粗略估计"},
    {"en": "the rows differ from the training rows as a whole (drift): p-values and the share of false alarms do not hold for them; fit again on newer rows", "zh": "这些行整体上不同于训练行（漂移）：p 值和误报比例对它们不成立；请用更新的数据重新训练"},
]  # fmt: skip
