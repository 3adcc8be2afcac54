"""A collector that remembers every span sent to it, over OTLP/HTTP as the true one."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(ThreadingHTTPServer):
    """Use `spans` and `metrics` while it serves; `url` is for OTEL_EXPORTER_OTLP_ENDPOINT."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.spans: list[tuple[str, Span]] = []
        self.metrics: set[tuple[str, str]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        """Remember what one request brought, with the name of the service that sent it."""
        if path == "/v1/traces":
            for traced in ExportTraceServiceRequest.FromString(body).resource_spans:
                for spans in traced.scope_spans:
                    self.spans += [(_service(traced.resource), span) for span in spans.spans]
        elif path == "/v1/metrics":
            for counted in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metrics in counted.scope_metrics:
                    names = (metric.name for metric in metrics.metrics)
                    self.metrics |= {(_service(counted.resource), name) for name in names}


class _Request(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _service(resource: Any) -> str:
    found = {each.key: each.value.string_value for each in resource.attributes}
    return str(found["service.name"])


@contextmanager
def collecting() -> Iterator[Collector]:
    """Serve for as long as the block lasts."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()
