"""What ``/metrics`` shows, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PARTS = frozenset(("rest", "graphql", "media", "mail", "realtime", "auth", "docs"))


class Metrics:
    """Counters of one process; labels are bounded, so no client can grow them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "duetdb_requests",
            "Requests answered.",
            ("method", "part", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "duetdb_request_seconds",
            "Time to answer.",
            ("part",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.schema_version = Gauge(
            "duetdb_schema_version", "Schema version in use.", registry=self._registry
        )
        self.collections = Gauge(
            "duetdb_collections", "Collections being served.", registry=self._registry
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[str, Histogram] = {}

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """Counts one answered request; ``status`` 0 means that the client left first."""
        part = path[1:].partition("/")[0]
        if part not in _PARTS:
            part = "other"
        key = (method, part, status)
        counter = self._counters.get(key)
        if counter is None:
            known = method if method in _METHODS else "OTHER"
            counter = self._requests.labels(known, part, str(status))
            if len(self._counters) < 1000:
                self._counters[key] = counter
        counter.inc()
        histogram = self._histograms.get(part)
        if histogram is None:
            histogram = self._histograms[part] = self._seconds.labels(part)
        histogram.observe(seconds)

    def render(self) -> bytes:
        """The whole exposition."""
        return generate_latest(self._registry)


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
