"""One trace per job, from the POST to the callback, through processes and over restarts.

The trace's name lies on the job's row, so that whoever starts or tells something later, maintenance
or the dispatcher of callbacks, goes on with the trace of the request that asked for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

TRACER = trace.get_tracer("backburner")

_W3C = TraceContextTextMapPropagator()


def current() -> str | None:
    """Return the current trace as a W3C `traceparent`, None when there is none."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continuing(traceparent: str | None) -> Iterator[None]:
    """Go on with a trace that began elsewhere; without one, with whatever is current."""
    if traceparent is None:
        yield
        return
    token = context.attach(_W3C.extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def calling(
    operation: str, *, model: str | None = None, response_id: str | None = None
) -> Iterator[Span]:
    """Trace one request to the provider.

    Names follow OpenTelemetry's conventions for generative AI: `gen_ai.*`.
    """
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "openai",
    }
    if model:
        attributes["gen_ai.request.model"] = model
    if response_id:
        attributes["gen_ai.response.id"] = response_id
    name = f"{operation} {model}" if model else operation
    with TRACER.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes) as span:
        yield span


@contextmanager
def posting(host: str, port: int) -> Iterator[Span]:
    """Trace one POST to somebody who wants to be told; its path may hold secrets and is left out.

    Names follow OpenTelemetry's conventions for HTTP clients.
    """
    attributes: dict[str, AttributeValue] = {
        "http.request.method": "POST",
        "server.address": host,
        "server.port": port,
    }
    with TRACER.start_as_current_span("POST", kind=SpanKind.CLIENT, attributes=attributes) as span:
        yield span


def show_path(path: str) -> None:
    """Have the span of the request that is being served show another path than it came to."""
    trace.get_current_span().set_attribute("url.path", path)


def replied(span: Span, status: int | None, error: str | None) -> None:
    """Note on a POST's span how it went: the reply's status, and why it does not count."""
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)


def answered(span: Span, *, model: str, response_id: str, usage: Mapping[str, int] | None) -> None:
    """Note on a call's span what the provider answered."""
    span.set_attribute("gen_ai.response.model", model)
    span.set_attribute("gen_ai.response.id", response_id)
    for name, tokens in (usage or {}).items():
        span.set_attribute(f"gen_ai.usage.{name}", tokens)
