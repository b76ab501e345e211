"""The detectors that a person gets who names none."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from amiss.base import HONEST_MOST, Detector, Report
from amiss.council import shares
from amiss.cut import CutClassifier
from amiss.detectors.denoiser import Denoiser
from amiss.detectors.feedforward import FeedForward
from amiss.detectors.nca import NCA
from amiss.errors import OptionError, Range, TableError
from amiss.handful import FEW, VOICES
from amiss.train import Plan
from amiss.views import critic, mixture

WIDTH = 128  #: units of the hidden layers of the networks without labels
EPOCHS, STEPS = 60, 500  #: passes over their rows and optimiser steps at most: few rows are soon learned


def networks() -> mixture.Networks:
    """The networks that the default without labels looks at rows with."""
    return {
        "denoiser": ("copula", Denoiser(hidden=(WIDTH, WIDTH)).method()),
        "critic": ("ranks", critic.method(WIDTH)),
    }


SOME_ROWS = 20_000  #: rows that show how loud what speaks beside the trained networks is
MANY, STEPS_OF_MANY, STEPS_LEAST = 50_000, 1_500, 750  #: rows beyond which batches are so wide that fewer steps do
KINDS, OF_EACH = 4, 5 / 8  #: of classifiers, where there are anomalies enough; members of each, of those of one alone
SMALL = 3_000  #: rows to learn from, of ``WIDE`` columns, up to which there are several rounds of members
LEAVES = 8  #: of the trees whose thresholds are cuts, too, where several kinds speak
NARROW = 16  #: columns beyond which there are half as many bins beside them, as a step costs more
NCA_OWN = {"learning_rate", "weight_decay", "dropout", "steps", "batch_size"}  #: settings that are not the networks'
WIDE = 32  #: columns beyond which a step costs so much more that there are fewer


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyDetector(Detector):
    """The default without labels: neighbours, networks and wide views of a row, mixed by how polluted the rows are.

    Finds local, global, dependency and clustered anomalies, in clean training data and in polluted. Fails where
    most rows are anomalies. It needs no parameters. See :mod:`amiss.views.mixture`.

    n_estimators: members of each of its two small networks for each of two folds. epochs: passes over the rows that
    they learn from, 4,096 at most; there are no more than 500 steps. budget: seconds of their training; None: no limit.
    """

    n_estimators: int = 1
    epochs: int = EPOCHS
    budget: float | None = None

    ranges: ClassVar[dict[str, Range]] = {
        "n_estimators": Range(1, whole=True),
        "epochs": Range(0, whole=True),
        "budget": Range(0, optional=True),
    }
    bend: ClassVar[bool] = False
    keeps_rows: ClassVar[bool] = True

    def fit_encoded(
        self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None
    ) -> AnomalyDetector:
        self._check_parameters()
        if len(z) < 2:
            raise TableError("a detector cannot learn from so few rows", required="at least 2 rows", found=f"{len(z)}")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        _, rows, _ = self._training_data(z, y)
        plan = Plan(self.epochs, 64, 6e-3, schedule="cosine", patience=None, budget=self.budget, seed=seed, steps=STEPS)
        state, picked, honest, stopped = mixture.init(
            z[rows], np.random.default_rng(seed), networks(), self.n_estimators, plan, report
        )
        self._keep({"weights": {}, "buffers": state}, z.shape[1], stopped)
        self.honest_ = (rows[picked][:HONEST_MOST], honest[:HONEST_MOST])
        return self

    def score_encoded(self, z: np.ndarray) -> np.ndarray:
        return mixture.score(self.members_["buffers"], z, networks())


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyClassifier(FeedForward):
    """The default with labels: networks of several kinds, each as loud as rows that they held out say.

    Feed-forward networks that also see every column cut at quantiles of both kinds of rows, and where a tree of the
    column divides it, which gives them what trees have, a bend at any column's own values; the same without the cuts;
    and learned neighbours with and without them (:class:`~amiss.detectors.nca.NCA`). Dropout and weight decay keep them
    from over-fitting the few anomalies. The members of a kind hold out every row once, and stop where the average
    precision of these rows is best.
    See :class:`~amiss.detectors.feedforward.FeedForward` and :mod:`amiss.council`.

    frozen, likeness: with n anomalies, 64 at most, the first kind speaks alone, beside networks with a frozen hidden
    layer (:mod:`amiss.frozen`) and kernels at the anomalies (:mod:`amiss.likeness`), so many n-th times as loud as it;
    0 for none. others: whether the other kinds speak where there are more; each then has five eighths of n_estimators.
    rounds: how often, where several kinds speak, the members of a kind hold out every row of a table of 3,000 rows to
    learn from and 32 columns at most, each time in other parts; of larger ones once.
    unlabelled: 'normal': rows of y = -1 are taken for normal ones, which most of them are; 'left out': they are not
    looked at.
    """

    activation: str = "silu"
    bins: int = 8
    column_rate: float = 6.0
    frozen: float = 8.0
    likeness: float = 20.0
    others: bool = True
    rounds: int = 2
    dropout: float = 0.5
    mixup: float = 0.3
    weight_decay: float = 0.1
    n_estimators: int = 8
    average: float = 0.98
    validation_fraction: float = 0.125
    patience: int | None = 8
    stopping: str = "average precision"
    unlabelled: str = "normal"

    takes_unlabelled: ClassVar[bool] = True
    keeps_rows: ClassVar[bool] = True
    ranges: ClassVar[dict[str, Range]] = {
        "frozen": Range(0), "likeness": Range(0), "rounds": Range(1, whole=True),
    }  # fmt: skip

    def _plan(self, rows: int, columns: int, seed: int) -> Plan:
        plan = super()._plan(rows, columns, seed)
        if plan.steps is not None or rows <= MANY:
            return plan
        return replace(plan, steps=max(STEPS_LEAST, STEPS_OF_MANY * WIDE // max(columns, WIDE)))

    def fit_encoded(
        self, z: np.ndarray, y: np.ndarray | None = None, *, report: Report | None = None
    ) -> AnomalyClassifier:
        if self.unlabelled not in ("normal", "left out"):
            required = "'normal' or 'left out'"
            raise OptionError("unlabelled is not understood", required=required, found=repr(self.unlabelled))
        if y is not None and self.unlabelled == "normal" and (y == 1).any():
            y = np.maximum(y, 0)
        anomalies = 0 if y is None else int((y == 1).sum())
        self.few_ = bool(self.frozen or self.likeness) and 0 < anomalies <= FEW  # type: ignore[misc]
        if y is None or not self.others or anomalies <= FEW or self.patience is None:
            super().fit_encoded(z, y, report=report)
        else:
            self._check_parameters()
            self._fit_kinds(z, y, report)
        return self

    def _kinds(self, columns: int, rounds: int = 1) -> dict[str, CutClassifier]:
        """The kinds that speak together, not fitted; they hold out the same rows, each as many as one alone a round."""
        members = max(min(self.n_estimators, 2), round(self.n_estimators * OF_EACH))
        own = {f.name: getattr(self, f.name) for f in fields(FeedForward)} | {
            "n_estimators": members * rounds,
            "bins": self.bins if columns <= NARROW else (self.bins + 1) // 2,
            "leaves": LEAVES,
            "validation_fraction": min(1.0, self.validation_fraction * self.n_estimators) / members,
            "budget": self.budget and self.budget / KINDS,
        }
        near: dict[str, Any] = {f.name: own[f.name] for f in fields(NCA) if f.name in own and f.name not in NCA_OWN}
        near |= {name: own[name] for name in ("steps", "batch_size") if own[name] is not None}
        alone: dict[str, Any] = {"others": False, "frozen": 0.0, "likeness": 0.0}
        return {
            "cut": AnomalyClassifier(**own, **alone),
            "bare": AnomalyClassifier(**own | {"bins": 0}, **alone),
            "near": NCA(**near),
            "bare near": NCA(**near | {"bins": 0}),
        }

    def _fit_kinds(self, z: np.ndarray, y: np.ndarray, report: Report | None) -> None:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        kinds: dict[str, CutClassifier] = {}
        rounds = self.rounds if (y >= 0).sum() <= SMALL and z.shape[1] <= WIDE else 1
        for i, (name, kind) in enumerate(self._kinds(z.shape[1], rounds).items()):
            kind.random_state = seed
            if kinds:
                kind.imbalance = self.imbalance_
            kinds[name] = kind.fit_encoded(z, y, report=_part(report, i))
            self.imbalance_ = kind.imbalance_
            if kind.stopped_ == "interrupted":
                break
        rows = reduce(np.intersect1d, [kind.honest_[0] for kind in kinds.values()])
        scores = np.stack([kind.honest_[1][np.searchsorted(kind.honest_[0], rows)] for kind in kinds.values()])
        judged, gain, shift = len(np.unique(y[rows])) == 2, 1.0, 0.0
        share = shares(scores, y[rows]) if judged else np.full(len(kinds), 1 / len(kinds))
        if judged and self.stopping != "loss":
            gain, shift = self._log_odds(y[rows], share @ scores)
        for kind, own in zip(kinds.values(), share):
            kind.speak(own * gain, own * shift)
        first, heard = kinds["cut"], {name: kind.members_ for (name, kind), own in zip(kinds.items(), share) if own}
        self._keep({"weights": {}, "buffers": {}, "kinds": heard}, z.shape[1], kind.stopped_, first.history_)
        self.honest_ = rows, share @ scores * gain + shift

    def score_encoded(self, z: np.ndarray) -> np.ndarray:
        heard = self.members_.get("kinds")
        if not heard:
            return super().score_encoded(z)
        score = np.zeros(len(z))
        for name, kind in self._kinds(self.columns_).items():
            if name in heard:
                kind._keep(heard[name], self.columns_, self.stopped_)
                score += kind.score_encoded(z)
        return score

    def _settle(self, z: np.ndarray, y: np.ndarray | None) -> None:
        if not self.few_ or y is None:
            return
        some = z[np.random.default_rng(0).permutation(np.flatnonzero(y >= 0))[:SOME_ROWS]]
        trained, voices = self.score_encoded(some), dict(zip(VOICES, (self.frozen, self.likeness)))
        for name in voices:  # one after another, each alone beside the trained networks
            self._say(name, share=1.0)
            alone = self.score_encoded(some) - trained
            self._say(name, share=0.0)
            voices[name] *= trained.std() / ((y == 1).sum() * max(alone.std(), 1e-9))
        for name, share in voices.items():
            self._say(name, share=share)

    def _say(self, name: str, share: float) -> None:
        self.members_["buffers"][f"{name}_share"] = np.full(self.n_estimators, share, np.float32)


def _part(report: Report | None, part: int) -> Report | None:
    """Of the progress of one kind's fit, that of all."""
    if report is None:
        return None
    return lambda p: report(p._replace(epoch=part * p.epochs + p.epoch, epochs=KINDS * p.epochs))
