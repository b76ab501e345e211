"""Time series: points, stretches and channels that are amiss. ``SeriesDetector`` is in ``detector``."""
