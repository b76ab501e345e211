"""Spectral residual: what stands out of the series' own spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.errors import check_number
from amiss.series.base import Prepared, Report, SeriesLearner, shares_of
from amiss.series.windows import moving_average

BLOCK = 1 << 15  #: steps that are transformed together
AMPLITUDES = 3  #: neighbours in the spectrum over which the logarithm is averaged


@dataclass(kw_only=True, eq=False)
class SpectralResidual(SeriesLearner):
    """Points that stand out once what the spectrum repeats is taken away (Ren et al., KDD 2019).

    The logarithm of the amplitudes less its moving mean goes back to time; a step counts as far as it exceeds the mean
    around it. Nothing is learned from the training part but the channels' scales.

    Finds points and edges. Fails on slow changes and long stretches. Looks ahead.

    around: steps over which the mean is taken. Cost: a Fourier transform.
    """

    around: int = 21

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        self.windows_ = (self.around,)

    def _look(self, p: Prepared) -> Any:
        parts = np.zeros(p.z.shape)
        for low, high in p.stretches:
            for a in range(low, high, BLOCK):
                b = min(a + BLOCK, high)
                for channel in range(p.z.shape[1]):
                    parts[a:b, channel] = self._salient(p.z[a:b, channel].astype(float))
        parts[~p.known] = 0
        return np.sqrt(parts.mean(1)), lambda steps: shares_of(parts[steps]), self._typical(p)

    def _salient(self, x: np.ndarray) -> np.ndarray:
        """(steps,) squares of how far the saliency of x exceeds its moving mean, as a multiple of that."""
        spectrum = np.fft.fft(np.append(x, np.full(len(x) // 20 + 5, x[-5:].mean())))  # the end would jump to the start
        size = np.maximum(np.abs(spectrum), 1e-8 * (np.abs(spectrum).max() + 1e-30))
        residual = np.log(size) - moving_average(np.log(size), AMPLITUDES)
        saliency = np.abs(np.fft.ifft(spectrum / size * np.exp(residual)))[: len(x)]
        mean = moving_average(saliency, self.around)
        return np.maximum((saliency - mean) / np.maximum(mean, 1e-12), 0) ** 2

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("around", self.around, 2, whole=True)
