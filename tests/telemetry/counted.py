"""Counts of one test, apart from the process's own."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from telemetry import instruments

COUNTERS = {
    "AMBIGUOUS": "backburner_ambiguous_submits",
    "RETRIES": "backburner_retries",
    "JOBS_ENDED": "backburner_jobs_ended",
    "HOOK_CALLS": "backburner_hook_calls",
}


class Counts:
    """Counts from its making on, as long as the patches of the test last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reader = InMemoryMetricReader()
        meter = MeterProvider([self._reader]).get_meter("test")
        monkeypatch.setattr(instruments, "METER", meter)
        for constant, name in COUNTERS.items():
            monkeypatch.setattr(instruments, constant, meter.create_counter(name))

    def of(self, name: str, attribute: str = "") -> dict[Any, float]:
        """Return the values of a metric by one of its attributes."""
        read = self._reader.get_metrics_data()
        return {
            (point.attributes or {}).get(attribute): point.value
            for resource in (read.resource_metrics if read else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        }
