"""``DriftDetector``: scores of rows as they arrive, by what was usual lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.errors import check_number
from amiss.series.clean import along_axes
from amiss.series.neighbours import FAR
from amiss.series.stream import BLOCK, Stream, described, nearest, tiles
from amiss.series.windows import PARTS, window_view

LENGTHS = (8, 24)  #: window lengths in rows
MEMORY = 64  #: blocks whose windows are compared with
UNITS = 32  #: blocks whose distances tell what is usual
TOP, FLOOR = 0.995, 0.005  #: this quantile of them is 1; never less than that share of a deviation of the training part
LEAST = 64  #: distances before a view says anything
SHORT, LONG = 0.1, 0.005  #: shares of the newest row in the two running means of the level
SEASONS = 6  #: values kept of each place in the season
BEYOND = 1.5  #: times the score of a row whose values lie beyond all of those before
QUIET, STRANGER = 200, 3.0  #: rows after an alarm in which only so many times its score is an alarm, too
THRESHOLD = 1.5  #: chosen on every other series of the Numenta benchmark, and on series of other origin


@dataclass(kw_only=True, eq=False)
class DriftDetector(Stream):
    """Rows unlike those of late, each view in units of what it said of late: for series whose normal drifts.

    Views: the distance of the windows of 8 and 24 rows that end at a row to the nearest of the last 4,096; the change
    from the row before; the gap between a short and a long running mean; the gap to the median of the last six values
    at the same place of the season (``season`` rows, 0: none). Each is divided by the quantile .995 of its own last
    2,048 values (a higher one where they are fewer), and the largest is the score: about 1 is rare. It counts 1.5 times
    where all channels lie beyond everything seen before, less where some do. References and units are renewed every 64
    rows.

    An alarm is a score of at least ``threshold_``, fixed before the stream begins. In the 200 rows after an alarm only
    three times its score is another one: a strange stretch is told once, at its beginning, and again when it gets much
    stranger or does not end. Causal, and the same bits however rows arrive. Fails on what comes slowly, and on what
    lasts: it becomes the usual.

    Judging scores by their own running distribution follows Lavin and Ahmad (2015).
    """

    NEEDED = (*Stream.NEEDED, "distances", "scores", "means", "low", "high", "told")

    season: int = 0

    def _learn(self, z: np.ndarray, slots: np.ndarray | None) -> None:
        check_number("season", self.season, 0, whole=True)
        self.windows_ = LENGTHS
        self.threshold_, self.warm_up_ = THRESHOLD, LENGTHS[-1]
        a = self.arrays_
        for length in LENGTHS:
            windows = window_view(z, min(length, len(z)))
            at = np.linspace(0, len(windows) - 1, min(len(windows), 2048)).astype(int)
            f = described(windows[at], windows.shape[1])
            if f.shape[1] > PARTS:
                _, axes = np.linalg.eigh(np.cov(f.T))
                a[f"{length}/axes"] = np.ascontiguousarray(axes[:, -PARTS:].astype(np.float32))
            numbers = min(f.shape[1], PARTS + 1)
            a[f"{length}/table"] = np.zeros((numbers + 1, MEMORY * BLOCK), np.float32)
            a[f"{length}/table"][-1] = FAR
            for name in ("pending", "fresh"):
                a[f"{length}/{name}"] = a[f"{length}/table"][:, :BLOCK].copy()
        views = len(LENGTHS) + 3
        a["distances"] = np.full((views, UNITS * BLOCK), np.nan)
        a["scores"] = np.full(UNITS * BLOCK, np.nan)
        a["pending"], a["pending scores"] = np.full((BLOCK, views), np.nan), np.full(BLOCK, np.nan)
        a["means"] = np.stack([z[0], z[0]]).astype(float)
        a["season"] = np.full((SEASONS, self.season, z.shape[1]), np.nan, np.float32)
        a["season counts"] = np.zeros(self.season, np.int64)
        a["pending slots"], a["pending rows"] = np.zeros(BLOCK, np.int64), np.zeros((BLOCK, z.shape[1]), np.float32)
        a["low"], a["high"] = z[0].copy(), z[0].copy()
        a["told"] = np.array([-np.inf, 0.0])  # row and score of the last alarm
        a["history"], a["seen"] = np.zeros((0, z.shape[1]), np.float32), np.array(0)
        self._memo = None
        self._stream(np.zeros((len(z), len(a["centre"])), np.float32), z, slots)
        a["told"] = np.array([-np.inf, 0.0])

    def _block(
        self, z: np.ndarray, place: int, slots: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        a, n = self.arrays_, len(z)
        if slots is None:
            slots = (int(a["seen"]) + np.arange(n)) % max(self.season, 1)
        block = int(a["seen"]) // BLOCK
        if self._memo is None or self._memo[0] != block:
            self._memo = (block, *self._usual())
        mine = slice(place, place + n)
        gap = a["pending"]
        gap[mine] = np.nan
        both = np.concatenate([a["history"], z])
        change = np.sqrt((np.diff(both[-n - 1 :], axis=0).astype(float) ** 2).mean(1))
        gap[place + n - len(change) : place + n, -3] = change
        a["history"] = both[-(LENGTHS[-1] - 1) :].copy()
        for i, length in enumerate(LENGTHS):
            have = min(n, len(both) - length + 1)  # rows whose window is full
            if have > 0:
                self._near(i, length, both, slice(place + n - have, place + n))
        gap[mine, -2] = self._level(z)
        gap[mine, -1] = self._seasonal(z, slots)
        a["pending rows"][mine], a["pending slots"][mine] = z, slots
        _, units, last = self._memo
        with np.errstate(invalid="ignore"):
            score = np.nan_to_num(np.fmax.reduce(gap[mine] / units, axis=1, initial=0.0)) * self._beyond(z)
        a["pending scores"][mine] = score
        p_value = (1 + len(last) - np.searchsorted(last, score, side="left")) / (1 + len(last))  # conformal
        flagged = self._alarms(score, int(a["seen"]))
        if place + n == BLOCK:
            self._absorb(block)
        return score, p_value, flagged

    def _near(self, i: int, length: int, both: np.ndarray, mine: slice) -> None:
        """Distances of the windows that end at rows ``mine`` of the block; what describes them waits for its end."""
        a, have = self.arrays_, mine.stop - mine.start
        rows = np.zeros((BLOCK, length, both.shape[1]), np.float32)
        rows[mine] = window_view(both, length)[-have:]
        f, near, table = described(rows, length), np.zeros(BLOCK), a[f"{length}/table"]
        for tile in tiles(mine):
            own = along_axes(f[tile], a.get(f"{length}/axes"))
            distance, best = nearest(own, table)
            near[tile] = np.where(best > FAR / 2, distance, np.nan)
            f[tile, : len(table) - 1] = own
        f = f[mine, : len(table) - 1]
        a["pending"][mine, i] = near[mine]
        a[f"{length}/pending"][:, mine] = np.vstack([f.T, -0.5 * (f * f).sum(1)])

    def _level(self, z: np.ndarray) -> np.ndarray:
        """(rows,) gaps between the two running means."""
        means, share, gaps = self.arrays_["means"], np.array([[SHORT], [LONG]]), np.empty(z.shape)
        for i, row in enumerate(z):
            means = means + share * (row - means)
            gaps[i] = means[0] - means[1]
        self.arrays_["means"] = means
        return np.sqrt((gaps**2).mean(1))

    def _seasonal(self, z: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """(rows,) gaps to the median of earlier seasons; NaN where there is none."""
        if not self.season:
            return np.full(len(z), np.nan)
        known = self.arrays_["season counts"][slots] > 0
        gap = np.full(len(z), np.nan)
        if known.any():
            at = slots[known]
            values = np.sort(self.arrays_["season"][:, at], axis=0)  # NaN come last
            count = np.minimum(self.arrays_["season counts"][at], SEASONS)
            here = np.arange(len(at))
            middle = (values[(count - 1) // 2, here] + values[count // 2, here]) / 2
            gap[known] = np.sqrt(((z[known] - middle) ** 2).mean(1))
        return gap

    def _beyond(self, z: np.ndarray) -> np.ndarray:
        """(rows,) what scores are multiplied by, as the share of channels outside their range so far has it."""
        outside = np.zeros(z.shape, bool)
        for name, wider, sign in (("low", np.minimum, 1), ("high", np.maximum, -1)):
            range_ = wider.accumulate(np.vstack([self.arrays_[name], z]))
            outside |= sign * range_[:-1] > sign * z
            self.arrays_[name] = range_[-1]
        return 1 + (BEYOND - 1) * outside.mean(1)

    def _alarms(self, score: np.ndarray, first: int) -> np.ndarray:
        """(rows,) bool: high enough, and long after the last alarm or much higher; first: number of the first row."""
        flagged = np.zeros(len(score), bool)
        row, level = self.arrays_["told"]
        for i in np.flatnonzero(score >= self.threshold_):
            if first + i - row > QUIET or score[i] > STRANGER * level:
                flagged[i], row, level = True, first + i, score[i]
        self.arrays_["told"] = np.array([row, level])
        return flagged

    def _usual(self) -> tuple[np.ndarray, np.ndarray]:
        """Units of the views, (views,), NaN where too little is known, and the last scores in order."""
        units = []
        for d in self.arrays_["distances"]:
            count = int(np.isfinite(d).sum())  # NaN come last in any order
            at = count - 1 - int((1 - TOP) * count * count / len(d))  # a higher quantile of few
            units.append(np.partition(d, at)[at] + FLOOR if count >= LEAST else np.nan)
        scores = np.sort(self.arrays_["scores"])
        return np.array(units), scores[np.isfinite(scores)]

    def _absorb(self, block: int) -> None:
        """A full block becomes what others are compared with."""
        a = self.arrays_
        for length in LENGTHS:
            at = (block - 1) % MEMORY * BLOCK  # windows of the next block share rows with this one's
            a[f"{length}/table"][:, at : at + BLOCK] = a[f"{length}/fresh"]
            a[f"{length}/fresh"] = a[f"{length}/pending"].copy()
            a[f"{length}/pending"][:-1], a[f"{length}/pending"][-1] = 0, FAR
        at = block % UNITS * BLOCK
        a["distances"][:, at : at + BLOCK], a["scores"][at : at + BLOCK] = a["pending"].T, a["pending scores"]
        for slot, row in zip(a["pending slots"] if self.season else (), a["pending rows"]):
            a["season"][a["season counts"][slot] % SEASONS, slot] = row
            a["season counts"][slot] += 1
