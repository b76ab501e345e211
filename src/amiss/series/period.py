"""How long a series takes to repeat itself."""

from __future__ import annotations

import numpy as np

MOST_LAG = 2000  #: steps; no longer period is looked for
LEAST_HEIGHT = 0.1  #: autocorrelation under which there is no period
BENCHMARK_STEPS, BENCHMARK_LAGS, BENCHMARK_MOST = 20_000, 400, 300
FALLBACK = 125  #: what TSB-AD takes for the period where it finds none


def autocorrelation(x: np.ndarray, lags: int) -> np.ndarray:
    """Biased autocorrelation r_0 .. r_lags of x (time,), by FFT; NaN for a constant."""
    x = np.asarray(x, float)
    x = x - x.mean()
    n = len(x)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    r = np.fft.irfft(spectrum * np.conj(spectrum), size)[: min(lags + 1, n)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return r / r[0]


def find_period(z: np.ndarray) -> int:
    """Period in steps of z (time, channels), 0 where it has none.

    The first lag at which the unbiased autocorrelation, averaged over channels, is a local maximum within 0.1 of the
    highest; of longer periods than a third of the series nothing can be said.
    """
    n = len(z)
    moving = z[:, z.std(0) > 0]
    if moving.shape[1] == 0 or n < 24:
        return 0
    r = np.mean([autocorrelation(c, min(MOST_LAG, n // 3)) for c in moving.T], 0)
    r = np.convolve(np.pad(r, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    peaks = np.flatnonzero((r[1:-1] > r[:-2]) & (r[1:-1] >= r[2:])) + 1
    peaks = peaks[peaks >= 4]
    if len(peaks) == 0:
        return 0
    height = r[peaks] * n / (n - peaks)
    return int(peaks[np.argmax(height > height.max() - 0.1)]) if height.max() > LEAST_HEIGHT else 0


def benchmark_period(x: np.ndarray) -> int:
    """The period of x (time,) or (time, channels) by the rule of TSB-AD (Liu and Paparrizos, NeurIPS 2024).

    Lag of the highest local maximum of the autocorrelation of the first channel's first 20,000 steps, lags 3 to 400;
    125 where there is none or it lies beyond lag 300.
    """
    x = np.asarray(x, float)
    x = (x[:, 0] if x.ndim > 1 else x)[:BENCHMARK_STEPS]
    r = autocorrelation(x, BENCHMARK_LAGS)[3:]
    peaks = np.flatnonzero((r[1:-1] > r[:-2]) & (r[1:-1] > r[2:])) + 1
    if len(peaks) == 0:
        return FALLBACK
    lag = int(peaks[np.argsort(r[peaks])[::-1][0]])  # from the end: of equal maxima the last wins, as in the benchmark
    return FALLBACK if lag < 3 or lag > BENCHMARK_MOST else lag + 3
