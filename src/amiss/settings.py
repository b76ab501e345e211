"""Which setting the labels of a table call for, and why: unsupervised, one-class, weakly supervised or supervised.

Where some rows are labelled and others are not, the unlabelled ones can be left out, or be taken for normal ones, which
most of them are. Which is better depends on how many labels there are and on what they were given to: both are tried
on labelled rows that are held out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold

from amiss.crossfit import Recipe
from amiss.errors import LabelError, OptionError, did_you_mean
from amiss.table import Table

UNSUPERVISED, ONE_CLASS, WEAK, SUPERVISED = "unsupervised", "one-class", "weakly supervised", "supervised"
SETTINGS = (UNSUPERVISED, ONE_CLASS, WEAK, SUPERVISED)
FOLDS, MOST, KNOWN_MOST = 3, 8_000, 4_000  #: of the trial; rows and labelled anomalies that it looks at, at most
NORMAL_LEAST = 50  #: rows known to be normal that are learned from without the others
TRIAL: dict[str, Any] = {"n_estimators": 3, "steps": 300}


class Choice(NamedTuple):
    """setting: one of ``SETTINGS``. why: in words, for the person."""

    setting: str
    why: str


def without_anomalies(y: np.ndarray | None) -> Choice | None:
    """The setting where no anomaly is labelled; None where one is. y: (rows,) 1, 0, -1."""
    if y is None:
        return Choice(UNSUPERVISED, "there is no label column")
    normal = int((y == 0).sum())
    if (y == 1).any():
        return None
    if normal < min(NORMAL_LEAST, len(y)):
        return Choice(UNSUPERVISED, f"no anomaly is labelled, and {normal} normal rows are too few to learn from alone")
    left = f"; the {len(y) - normal:,} others are not learned from" if normal < len(y) else ""
    return Choice(ONE_CLASS, f"only normal rows are labelled, {normal:,} of them{left}")


def by_labels(y: np.ndarray) -> Choice | None:
    """The setting where the counts of labels alone say it; None where it is to be tried. y: (rows,), with anomalies."""
    anomalies, normal = int((y == 1).sum()), int((y == 0).sum())
    if anomalies + normal == len(y):
        return Choice(SUPERVISED, "every row is labelled")
    if min(anomalies, normal) < FOLDS:
        few, kind = (normal, "normal rows") if normal < FOLDS else (anomalies, "anomalies")
        return Choice(WEAK, f"{few or 'no'} {kind} are labelled, and {len(y) - anomalies - normal:,} rows are not")
    return None


def asked(setting: str, y: np.ndarray | None) -> Choice:
    """The setting that the person named. Raises OptionError for an unknown one, LabelError where labels lack for it."""
    name = setting.strip().lower().replace("_", " ")
    name = {"weak": WEAK, "weakly-supervised": WEAK, "one class": ONE_CLASS}.get(name, name)
    if name not in SETTINGS:
        raise OptionError(
            f"there is no setting {setting!r}", required=", ".join(SETTINGS), hint=did_you_mean(name, SETTINGS)
        )
    counts = {value: 0 if y is None else int((y == value).sum()) for value in (1, 0, -1)}
    lacking = {
        ONE_CLASS: y is None,
        WEAK: not counts[1] or not counts[0] + counts[-1],
        SUPERVISED: not counts[1] or not counts[0],
    }
    if lacking.get(name, False):
        required = {ONE_CLASS: "a label column", WEAK: "labelled anomalies among other rows"}
        raise LabelError(
            f"the labels do not do for the setting {name}",
            required=required.get(name, "rows labelled as anomalies and rows labelled as normal"),
            found="no label column" if y is None else
            f"{counts[1]} anomalies, {counts[0]} normal and {counts[-1]} unlabelled rows",
        )  # fmt: skip
    return Choice(name, "asked for")


def by_trial(table: Table, y: np.ndarray, recipe: Recipe) -> Choice:
    """Supervised or weakly supervised, by which ranks labelled rows that it has not seen better.

    recipe: of a classifier with the parameter ``unlabelled``. Unlabelled rows are never judged.
    """
    rng = np.random.default_rng(recipe.seed)
    kept = []
    for part, most in ((y == 1, KNOWN_MOST), (y == 0, MOST), (y == -1, MOST)):
        kept.append(rng.permutation(np.flatnonzero(part))[:most])
    rows = np.sort(np.concatenate(kept))
    found = {}
    for setting, unlabelled in ((SUPERVISED, "left out"), (WEAK, "normal")):
        trial = replace(
            recipe, parameters=TRIAL | recipe.parameters | {"unlabelled": unlabelled}, report=None,
        )  # fmt: skip
        each = []
        for i, (learn, held) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, y[rows])):
            _, detector, z = trial.fit(table, y, rows[learn], i, 8 * FOLDS)
            judged = rows[held][y[rows[held]] >= 0]
            each.append(average_precision_score(y[judged], detector.score_encoded(z[judged])))
        found[setting] = float(np.mean(each))
    best = WEAK if found[WEAK] > found[SUPERVISED] else SUPERVISED
    words = {WEAK: "with the unlabelled taken for normal", SUPERVISED: "with the unlabelled left out"}
    other = SUPERVISED if best == WEAK else WEAK
    return Choice(
        best,
        f"{words[best]}, held-out labelled rows are ranked at an average precision of {found[best]:.3f},"
        f" {words[other]} at {found[other]:.3f}",
    )
