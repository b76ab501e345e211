"""Spectral residual: what stands out of the series' own spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.errors import check_number
from amiss.series.base import Prepared, Report, SeriesLearner, shares_of
from amiss.series.methods.windows import over_period
from amiss.series.period import FALLBACK
from amiss.series.windows import blocks_of, moving_average

BLOCK = 1 << 17  #: steps that are transformed together
AMPLITUDES = 3  #: neighbours in the spectrum over which the logarithm is averaged


@dataclass(kw_only=True, eq=False)
class SpectralResidual(SeriesLearner):
    """Points that stand out once what the spectrum repeats is taken away (Ren et al., KDD 2019).

    The logarithm of the amplitudes less its moving mean goes back to time; what is left there, in units of its mean on
    the training part, is averaged over half a period. Nothing else is learned. (The paper divides by the mean around
    a step instead, which on TSB-AD's tuning series is far worse.)

    Finds points and edges. Fails on slow changes and long stretches. Looks ahead.

    amplitudes: neighbours in the spectrum over which the mean is taken. Cost: a Fourier transform.
    """

    amplitudes: int = AMPLITUDES

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        self.windows_ = (self.period_ or FALLBACK,)

    def _look(self, p: Prepared) -> Any:
        parts = np.zeros(p.z.shape)
        for low, high in p.stretches:
            for a, b in blocks_of(high - low, BLOCK):
                for channel in range(p.z.shape[1]):
                    parts[low + a : low + b, channel] = self._salient(p.z[low + a : low + b, channel].astype(float))
        parts[~p.known] = 0
        parts = over_period(parts / np.maximum(parts[: p.train].mean(0), 1e-12), p, self.period_) ** 2
        return np.sqrt(parts.mean(1)), lambda steps: shares_of(parts[steps]), self._typical(p)

    def _salient(self, x: np.ndarray) -> np.ndarray:
        """(steps,) saliency of x: the inverse transform of the spectral residual."""
        spectrum = np.fft.fft(np.append(x, np.full(len(x) // 20 + 5, x[-5:].mean())))  # the end would jump to the start
        size = np.maximum(np.abs(spectrum), 1e-8 * (np.abs(spectrum).max() + 1e-30))
        residual = np.log(size) - moving_average(np.log(size), self.amplitudes)
        return np.abs(np.fft.ifft(spectrum / size * np.exp(residual)))[: len(x)]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("amplitudes", self.amplitudes, 2, whole=True)
