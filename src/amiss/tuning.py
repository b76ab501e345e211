"""A search for a detector's parameters by cross-validation, with rows held out that never steer it.

Trials are drawn by Optuna (tree-structured Parzen estimators, Bergstra et al., 2011), the first one being the
defaults; a trial that is behind the median of the others after a fold is given up. Every trial is written to a
journal, and drawn by a generator of its own: a search that was killed goes on as if nothing had happened.
"""

from __future__ import annotations

import dataclasses
import time as clock
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from amiss import bootstrap, splits
from amiss.background import take
from amiss.base import Learner
from amiss.crossfit import Recipe
from amiss.encoder import Encoder
from amiss.errors import AmissError, LabelError, MissingExtraError, OptionError, check_number
from amiss.evaluate import evaluate
from amiss.journal import Journal
from amiss.model import fit_prepared
from amiss.series.frame import read_times
from amiss.space import space
from amiss.table import resolve, several
from amiss.task import Fit, prepare
from amiss.trials import Trial, Tuned
from amiss.words import fields_of, typed, written

TRIALS = 30
FOLDS, FOLDS_OF_MANY, MANY = 5, 3, 10_000  #: folds of a trial, fewer where rows are many
SEARCHED = 40_000  #: rows that the search looks at, at most; the winner learns from all
FEWEST = 6  #: labelled anomalies without which nothing can be held out and searched by
HELD_OUT = 5  #: one part in so many is held out from the search
STARTUP = 5  #: trials before any is given up
FINAL_FITS = 3  #: fits after the search, for which the budget leaves time


def tune(
    data: Any, label: str | int, *, trials: int | None = None, budget: float | None = None, folds: int | None = None,
    metric: str = "average_precision", group: str | int | None = None, time: str | int | None = None,
    journal: str | Path | None = None, detector: str | None = None, parameters: dict[str, Any] | None = None,
    seed: int = 0, report: Callable[[float, str], None] | None = None, **options: Any,
) -> Tuned:  # fmt: skip
    """Search a detector's parameters by cross-validation, and fit a model with the best.

    trials: how many, 30 where no budget is given. budget: seconds for all of it; where it is over
    within the first trial, that of the defaults, this ends after the fold that it is at, and is measured and fitted all
    the same. folds: 5, or 3 on more than 10,000 rows. metric: 'average_precision' or 'roc_auc'. group: a column whose
    rows stay together; it is not learned from. time: a column of times: every fold is judged by rows later than those
    it learned from, and the latest rows of all are held out. journal: a file that keeps the trials; a search that was
    killed goes on from it. parameters: fixed ones, which are not searched. options: as in :func:`amiss.fit`.

    A fifth of the rows (the last, with ``time``) is held out; the search never sees it. Raises LabelError with fewer
    than six labelled anomalies, and MissingExtraError where Optuna is not installed.
    """
    optuna = _optuna()
    if metric not in splits.METRICS:
        raise OptionError("there is no such metric", required=" or ".join(splits.METRICS), found=repr(metric))
    for name, value, low in (("trials", trials, 1), ("folds", folds, 2)):
        if value is not None:
            check_number(name, value, low, whole=True)
    drop = [*several(options.pop("drop", ())), *([] if group is None else [group])]
    task = prepare(data, label, detector=detector, parameters=parameters, seed=seed, drop=drop, **options)
    most = trials if trials is not None else TRIALS if budget is None else 10**6
    found = Search(task, optuna, metric, folds, group, time, most, budget, report, journal)
    found.run()
    return found.finish()


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("optuna", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class Search:
    """The search's rows, folds and trials."""

    def __init__(
        self, task: Fit, optuna: Any, metric: str, folds: int | None, group: str | int | None, time: str | int | None,
        most: int, budget: float | None, report: Callable[[float, str], None] | None, journal: str | Path | None,
    ) -> None:  # fmt: skip
        self.task, self.optuna, self.metric, self.most, self.budget = task, optuna, metric, most, budget
        self.report, self.started, self.notes = report, clock.perf_counter(), list[str]()
        self.seed, self.kind = task.recipe.seed, task.recipe.detector
        assert task.y is not None
        self.y = task.y
        self.groups, self.times = _column(task, group), None if time is None else _times(task, time)
        self._hold_out(folds)
        self.hints = fields_of(self.kind)
        self.space = space(self.kind, task.recipe.parameters)
        if not self.space:
            raise OptionError(f"{self.kind.__name__} has no parameter to search", hint="let --set fix fewer of them")
        defaults = {f.name: written(f.default) for f in dataclasses.fields(self.kind)}
        self.defaults = {name: defaults[name] for name in self.space}
        fixed = {k: written(v) for k, v in task.recipe.parameters.items()}
        what = {
            "amiss tune": 1, "data": task.raw.digest(), "label": task.card["label"], "detector": self.kind.__name__,
            "columns": [c.name for c in task.table.schema.learned], "fixed parameters": fixed, "seed": self.seed,
            "metric": metric, "folds": len(self.splits), "group": None if group is None else str(group),
            "time": None if time is None else str(time),
            "searched parameters": {k: repr(v) for k, v in self.space.items()},
        }  # fmt: skip
        self.journal = Journal(journal, what)
        self.trials = [Trial(**line) for line in self.journal.lines]
        self.found = sum(t.seconds for t in self.trials)
        if self.trials:
            self.notes.append(f"{len(self.trials)} trials were found in {journal}: the search goes on from there")
        self.encoded: list[np.ndarray | None] = [None] * len(self.splits)
        sampler = optuna.samplers.RandomSampler(0)  # replaced before every draw
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=0)
        self.study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        for trial in self.trials:
            self._tell(trial)

    def _hold_out(self, folds: int | None) -> None:
        """Part off the rows that the search never sees, thin out the rest, and cut it into folds."""
        anomalies = int((self.y == 1).sum())
        if anomalies < FEWEST or (self.y == 0).sum() < FEWEST:
            raise LabelError(
                "too few labels of one kind to tune by", required=f"at least {FEWEST} anomalies and normal rows",
                found=f"{anomalies} anomalies, {int((self.y == 0).sum())} normal rows",
                hint="use `amiss fit`: its defaults are made for few labels",
            )  # fmt: skip
        if self.times is not None:
            rows, self.test = splits.folds(self.y, HELD_OUT - 1, times=self.times)[-1]
        else:
            parts = min(HELD_OUT, anomalies // 2)
            if self.groups is not None:
                parts = min(parts, len(np.unique(self.groups[self.y == 1])))
            rows, self.test = splits.folds(self.y, max(2, parts), self.seed, groups=self.groups)[0]
        if len(rows) > SEARCHED:
            rng = np.random.default_rng(self.seed)
            kept = [rng.permutation(rows[self.y[rows] == v]) for v in (1, 0, -1)]
            rows = np.sort(np.concatenate([k[: round(len(k) * SEARCHED / len(rows))] for k in kept]))
            self.notes.append(f"the search looks at {len(rows):,} rows drawn at random; the winner learns from all")
        self.rows = rows
        wanted = folds or (FOLDS if len(rows) <= MANY else FOLDS_OF_MANY)
        y = self.y[rows]
        count = wanted
        if self.times is None:
            count = min(wanted, int((y == 1).sum()), int((y == 0).sum()))
            if self.groups is not None:
                count = min(count, len(np.unique(self.groups[rows][y == 1])))
        if count < wanted:
            self.notes.append(f"{count} folds instead of {wanted}: there are too few labelled anomalies for more")
        self.splits = splits.folds(
            y, max(2, count), self.seed, groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
        )  # fmt: skip
        self.part, self.part_y = take(self.task.table, rows), y

    # --- trials -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Trials until there are enough, time is up or the person has had enough."""
        while len(self.trials) < self.most and not self._time_is_up():
            try:
                trial, stopped = self._trial(len(self.trials))
            except KeyboardInterrupt:
                if not self.trials:
                    raise
                stopped, trial = True, None
            if trial is not None:
                self.trials.append(trial)
                if trial.state != "done" or len(trial.scores) == len(self.splits):  # else it is run again, in full
                    self.journal.add(dataclasses.asdict(trial))
            if stopped:
                self.notes.append("the search was ended by Ctrl-C: the winner is the best until then")
                return

    def _trial(self, number: int) -> tuple[Trial | None, bool]:
        """A trial, None where it was cut short; and whether the person wants to stop."""
        # a generator for each number: what is drawn depends on the trials before it alone, not on how often we started
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some versions call multivariate sampling experimental
            seed = (self.seed * 1_000_003 + number) % 2**32
            self.study.sampler = self.optuna.samplers.TPESampler(seed=seed, n_startup_trials=8, multivariate=True)
        if number == 0:
            self.study.enqueue_trial({n: self.space[n].drawn(w) for n, w in self.defaults.items()})
        asked = self.study.ask({n: r.distribution(self.optuna) for n, r in self.space.items()})
        words = {n: self.space[n].word(v) for n, v in asked.params.items()}
        if number == 0:
            words = dict(self.defaults)
        chosen = {n: w for n, w in words.items() if w != self.defaults[n]}
        started, scores, state, note = clock.perf_counter(), list[float](), "done", ""
        for fold in range(len(self.splits)):
            try:
                score, stopped = self._fold(fold, number, chosen)
            except AmissError as error:
                if number == 0:
                    raise
                state, note = "failed", error.problem
                break
            if stopped and len(self.trials):
                return None, True
            scores.append(score)
            asked.report(float(np.mean(scores)), fold)
            if fold + 1 < len(self.splits) and asked.should_prune():
                state = "pruned"
                break
            if fold + 1 < len(self.splits) and self._time_is_up((clock.perf_counter() - started) / (fold + 1)):
                if self.trials:
                    return None, False
                self.notes.append(
                    f"the budget of {self.budget:g} s was over after {fold + 1} of {len(self.splits)} folds with the "
                    "defaults: nothing was searched, what was left went into measuring and fitting"
                )
                break
        trial = Trial(number, chosen, dict(asked.params), scores, state, clock.perf_counter() - started, note)
        self._tell(trial, asked)
        return trial, False

    def _fold(self, fold: int, number: int, chosen: dict[str, str]) -> tuple[float, bool]:
        """The score of a held-out fold, and whether Ctrl-C ended the training."""
        rows, held = self.splits[fold]
        z = self.encoded[fold]
        if z is None:
            z = self.encoded[fold] = Encoder.fit_transform(self.part, rows, self.part_y, self.kind.bend)[1]
        detector = self._detector(chosen)
        best = max((t.mean for t in self.trials if t.state == "done"), default=float("nan"))
        told = f"trial {number + 1}" + (f" of {self.most}" if self.most < 10**6 else "")
        told += f", fold {fold + 1} of {len(self.splits)}" + (f", best {best:.3f}" if best == best else "")

        def watch(progress: Any) -> None:
            share = (fold + progress.epoch / max(1, progress.epochs)) / len(self.splits)
            self._say((number + share) / self.most, told)

        detector.fit_encoded(z[rows], self.part_y[rows], report=watch)
        self._say((number + (fold + 1) / len(self.splits)) / self.most, told)
        score = detector.score_encoded(z[held])
        return splits.measure(self.metric, self.part_y[held], score), detector.stopped_ == "interrupted"

    def _detector(self, chosen: dict[str, str]) -> Learner:
        parameters = {n: typed(n, w, self.hints[n]) for n, w in chosen.items()}
        return self.kind(**{"random_state": self.seed} | self.task.recipe.parameters | parameters)

    def _tell(self, trial: Trial, asked: Any = None) -> None:
        """Let Optuna know how a trial went."""
        states = self.optuna.trial.TrialState
        state = {"done": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[trial.state]
        if asked is not None:
            self.study.tell(asked, trial.mean if trial.state == "done" else None, state)
            return
        steps = {i: float(np.mean(trial.scores[: i + 1])) for i in range(len(trial.scores))}
        self.study.add_trial(
            self.optuna.trial.create_trial(
                params=trial.drawn, distributions={n: r.distribution(self.optuna) for n, r in self.space.items()},
                value=trial.mean if trial.scores and trial.state != "failed" else None,
                intermediate_values=steps, state=state,
            )
        )  # fmt: skip

    def _time_is_up(self, going: float | None = None) -> bool:
        """Whether the budget has only the time left that the last fits need; a journal's trials count.

        going: seconds that a fit of the trial under way takes, which tell how long one is where there is no other.
        """
        if self.budget is None or (not self.trials and going is None):
            return False
        done = [t.seconds / len(t.scores) for t in self.trials if t.scores] or [going or 0.0]
        a_fit = float(np.median(done)) * min(4.0, self.task.table.rows / len(self.rows))
        return self._spent() + FINAL_FITS * a_fit >= self.budget

    def _spent(self) -> float:
        """Seconds since the start, and those of the trials that were found in the journal."""
        return self.found + clock.perf_counter() - self.started

    def _say(self, share: float, text: str) -> None:
        if self.report is not None:
            spent = 0.0 if self.budget is None else min(1.0, self._spent() / self.budget)
            self.report(min(0.99, max(share, spent)), text)

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self) -> Tuned:
        """The winner, measured on rows that the search never saw, and fitted on all."""
        done = [t for t in self.trials if t.state == "done"]
        best = max(done, key=lambda t: (t.mean, -t.number))
        self._say(0.99, "measuring the winner on held-out rows")
        held_out = self._measure(best)
        parameters = {n: typed(n, w, self.hints[n]) for n, w in best.parameters.items()}
        recipe: Recipe = dataclasses.replace(
            self.task.recipe, parameters=self.task.recipe.parameters | parameters, report=None
        )
        task = dataclasses.replace(self.task, recipe=recipe)
        self._say(0.99, "fitting the winner on all rows")
        model = fit_prepared(task)
        if best.number == 0:
            self.notes.append("no trial was better than the defaults: the winner has them")
        settings = {n: written(v) for n, v in self.task.recipe.parameters.items()} | best.parameters
        return Tuned(
            task,
            model,
            best,
            settings,
            self.trials,
            self.metric,
            len(self.splits),
            held_out,
            [*self.notes, *model.notes],
        )

    def _measure(self, best: Trial) -> dict[str, Any]:
        """The winner and the defaults, both learned from the search's rows, on the rows that were held out."""
        rows = np.concatenate([self.rows, self.test])
        table, y = take(self.task.table, rows), self.y[rows]
        learned, held = np.arange(len(self.rows)), np.arange(len(self.rows), len(rows))
        z = Encoder.fit_transform(table, learned, y, self.kind.bend)[1]
        scores = dict[str, np.ndarray]()
        choices: dict[str, dict[str, str]] = {"default": {}, "winner": best.parameters}
        for name, chosen in choices.items():
            if name == "winner" and not chosen:
                scores[name] = scores["default"]
                continue
            detector = self._detector(chosen)
            detector.fit_encoded(z[learned], y[learned])
            scores[name] = detector.score_encoded(z[held])
        truth, known = y[held], y[held] >= 0
        found: dict[str, Any] = {"rows": int(known.sum()), "anomalies": int((truth == 1).sum())}
        for name, score in scores.items():
            cut = np.quantile(score, 1 - (truth[known] == 1).mean())  # as many flags as anomalies are expected
            told = evaluate(truth, score, score >= cut)
            kept = ("roc_auc", "average_precision", "precision_at_k", "recall_at_rate")
            found[name] = {k: told[k] for k in (*kept, "k", "alert_rate")} | {
                part: {k: told[part][k] for k in kept} for part in ("interval", "chance")
            }
        difference = bootstrap.gain(truth[known], scores["default"][known], scores["winner"][known])
        return found | {"gain": dict(zip(("value", "low", "high"), difference))}


def _column(task: Fit, name: str | int | None) -> np.ndarray | None:
    """(rows,) codes of the groups that a column names; rows without one are groups of their own."""
    if name is None:
        return None
    column = task.raw.frame[resolve(task.raw, name)].cast(pl.String)
    codes = column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy().copy()
    absent = codes == 0
    codes[absent] = codes.max() + 1 + np.arange(absent.sum())
    return codes


def _times(task: Fit, name: str | int) -> np.ndarray:
    return read_times(task.raw, resolve(task.raw, name))[0]
