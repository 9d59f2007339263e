"""A Prometheus histogram of arrays. Decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from models.dtypes import I64


class Histogram(Collector):
    """A histogram that takes a whole array at once: scores and latencies come by the batch.

    buckets  upper edges, rising; +Inf is added
    """

    def __init__(
        self,
        name: str,
        help: str,
        labels: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self.name, self.help, self.labels = name, help, tuple(labels)
        self._edges = np.asarray(buckets, np.float64)
        self._texts = [f"{edge:g}" if edge < 1e6 else str(edge) for edge in buckets] + ["+Inf"]
        self._series: dict[tuple[str, ...], tuple[I64, list[float]]] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, values: npt.ArrayLike, *labels: str, times: int = 1) -> None:
        """Count a number or an array of numbers, each `times` times, under these label values."""
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {labels}")
        array = np.atleast_1d(np.asarray(values, np.float64)).ravel()
        array = array[~np.isnan(array)]
        places = np.searchsorted(self._edges, array, side="left")
        counts = np.bincount(places, minlength=len(self._texts)) * times
        with self._lock:
            old, total = self._series.setdefault(labels, (np.zeros(len(self._texts), np.int64), [0.0]))
            old += counts
            total[0] += float(array.sum()) * times

    def describe(self) -> Iterable[Metric]:
        return [HistogramMetricFamily(self.name, self.help, labels=self.labels)]

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        with self._lock:
            for labels, (counts, total) in self._series.items():
                buckets = list(zip(self._texts, counts.cumsum().tolist(), strict=True))
                family.add_metric(labels, buckets, sum_value=total[0])
        yield family
