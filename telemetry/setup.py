"""Gives what is recorded somewhere to go: an OTLP collector, a `/metrics` page, standard error."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import start_http_server
from temporalio.client import Interceptor
from temporalio.contrib.opentelemetry import TracingInterceptor, create_tracer_provider
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from telemetry import hooks

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own variables; everything else about the exporters follows them too."""


def _show_temporal_metrics(host: str, port: int) -> None:
    # Clients take the runtime that is the default when they are made.
    prometheus = PrometheusConfig(
        bind_address=f"{host}:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=prometheus)))


def traces_are_wanted() -> bool:
    """Tell whether the environment names a collector."""
    return any(os.environ.get(name) for name in ENDPOINTS)


@contextmanager
def telemetry(
    service: str, *, host: str, port: int | None = None, temporal_port: int | None = None
) -> Iterator[list[Interceptor]]:
    """Install the providers and hooks of one process, and flush what they hold in the end.

    Args:
        service: Name of the process in traces, unless OTEL_SERVICE_NAME says otherwise.
        host: Where metrics are served.
        port: Of our own metrics; None where something else serves them.
        temporal_port: Of the metrics of Temporal's SDK; None serves none.

    Yields:
        What carries traces through Temporal; nothing when nobody collects them.

    Raises:
        telemetry.hooks.HookRefused: An installed package names a hook that cannot be one.
    """
    if temporal_port is not None:
        _show_temporal_metrics(host, temporal_port)
    if port is not None:
        start_http_server(port, host)
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", service)})
    readers: list[MetricReader] = [PrometheusMetricReader()]
    if traces_are_wanted():
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    meters = MeterProvider(readers, resource)
    metrics.set_meter_provider(meters)
    try:
        with hooks.installed(hooks.discover()), _tracing(resource) as interceptors:
            yield interceptors
    finally:
        meters.shutdown()


@contextmanager
def _tracing(resource: Resource) -> Iterator[list[Interceptor]]:
    if not traces_are_wanted():
        yield []
        return
    tracers = create_tracer_provider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracers)
    try:
        yield [TracingInterceptor()]
    finally:
        tracers.shutdown()
