"""What the values of labels mean by themselves."""

from __future__ import annotations

from collections.abc import Sequence

_ANOMALY = (
    "1 true t yes y anomaly anomalous anomalies abnormal outlier attack attacker fraud fraudulent fraudster bad defect "
    "defective faulty fault failure failed fail error sick ill disease diseased malicious malware intrusion spam scam "
    "positive pos malignant broken alarm alert illegal suspicious amiss"
)
_NORMAL = (
    "0 false f no n normal ok okay good benign legit legitimate genuine regular negative neg healthy clean inlier none "
    "nominal fine honest pass passed valid usual ham nofraud non-fraud not-fraud background"
)
_UNLABELLED = (
    "-1 unkn unknown unlabelled unlabeled unlabel undetermined undecided unchecked uninspected unverified unclear "
    "pending tbd open"
)
ANOMALY_WORDS = frozenset(_ANOMALY.split())
NORMAL_WORDS = frozenset(_NORMAL.split())
UNLABELLED_WORDS = frozenset(_UNLABELLED.split())


def same_word(word: str) -> str:
    """What spellings of one value have in common: letter case, a full stop at the end and 1.0 for 1 do not matter."""
    text = word.strip().casefold()
    text = text.rstrip(".") or text
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else repr(number)


def which_is_anomaly(values: Sequence[str], counts: Sequence[int]) -> int:
    """Which of two values is the anomaly, 0 or 1: as their words say, else the rarer, else the second."""
    for i, (value, other) in enumerate(zip(values, reversed(values))):
        if same_word(value) in ANOMALY_WORDS and same_word(other) not in ANOMALY_WORDS:
            return i
        if same_word(other) in NORMAL_WORDS and same_word(value) not in NORMAL_WORDS:
            return i
    return int(counts[1] <= counts[0])
