"""An OTLP receiver for tests: a real socket on this machine, which keeps what it is sent of metrics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

Attributes = tuple[tuple[str, Any], ...]


class Receiver:
    """What it was sent.

    Attributes:
        headers: of the last request.
        resource: attributes of the last resource.
        metrics: by name and attributes the last value: of a counter its sum, of a histogram count and sum.
        described: unit and description of each metric.
    """

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.resource: dict[str, Any] = {}
        self.metrics: dict[str, dict[Attributes, Any]] = {}
        self.described: dict[str, tuple[str, str]] = {}

    def take(self, body: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.resource = dict(_attributes(resource.resource))
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                self.described[metric.name] = (metric.unit, metric.description)
                kept = self.metrics.setdefault(metric.name, {})
                for point in metric.sum.data_points:
                    assert metric.sum.is_monotonic
                    kept[_attributes(point)] = point.as_int
                for point in metric.histogram.data_points:
                    kept[_attributes(point)] = (point.count, point.sum)


def _attributes(of: Any) -> Attributes:
    return tuple(sorted((each.key, getattr(each.value, each.value.WhichOneof("value"))) for each in of.attributes))


@contextmanager
def receiving() -> Iterator[tuple[str, Receiver]]:
    """Serve until the end of the block. Yields where, and what comes."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.headers = {"path": self.path} | {name.lower(): value for name, value in self.headers.items()}
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", receiver
        finally:
            server.shutdown()
            thread.join()
