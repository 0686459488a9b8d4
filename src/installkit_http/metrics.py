"""The metrics that Prometheus collects."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import installkit
from installkit_http.service import Service


class ServiceCollector(Collector):
    """Reads the metrics of one service when Prometheus asks for them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with their labels."""
        yield InfoMetricFamily("installkit", "What runs here", {"version": installkit.__version__})
        runs = GaugeMetricFamily("installkit_runs", "Runs by status", labels=["status"])
        counts = Counter(run.status for run in self._service.installer.list_runs())
        for status in installkit.RunStatus:
            runs.add_metric([status.value], counts[status])
        yield runs
        ready = GaugeMetricFamily("installkit_ready", "Whether a preparation went well", labels=["check"])
        for row in self._service.preparations.rows:
            ready.add_metric([row.name], row.status in {"pass", "warn"})
        yield ready
        yield GaugeMetricFamily("installkit_streams", "Open streams", self._service.feeds.open)


def metrics_text(service: Service) -> tuple[str, str]:
    """Return the metrics of *service* as text, and the text's media type."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(service))
    return generate_latest(registry).decode(), CONTENT_TYPE_LATEST
