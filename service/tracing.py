"""Traces for OpenTelemetry, only where an address to send them to is set, and without anybody's words or ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

from ranking.types import Recommendation

if TYPE_CHECKING:
    from ranking.settings import TracingSettings

_SAYS_TOO_MUCH = ("url.path", "url.query", "http.request.method_original")
_LEFT_OUT = "left out"


def open_tracing(settings: TracingSettings) -> TracerProvider | None:
    """Where spans go; None where the settings name no address. What is left is sent when the process ends."""
    if settings.endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return discreet(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint)))


def discreet(sends: SpanProcessor) -> TracerProvider:
    """A provider whose spans have lost what a client wrote before the given processor sees them."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource

    provider = TracerProvider(resource=Resource({SERVICE_NAME: "fewrec"}))
    provider.add_span_processor(_Discreet())
    provider.add_span_processor(sends)
    return provider


def telemetry(provider: TracerProvider | None) -> TelemetryConfig:
    """The framework's own tracing with this provider and nothing else: its logs would tell errors word by word."""
    return {
        "tracing": provider is not None,
        "tracer_provider": provider,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
    }


def mark(answer: Recommendation) -> None:
    """Writes into the current span how the list came about; does nothing where there is none."""
    span = trace.get_current_span()
    span.set_attributes({f"fewrec.{stage.name}_s": stage.seconds for stage in answer.stages})
    span.set_attributes(
        {
            "fewrec.rung": answer.rung,
            "fewrec.reason": answer.reason or "none",
            "fewrec.candidates": answer.n_candidates,
            "fewrec.prompt_tokens": answer.prompt_tokens,
        }
    )


class _Discreet(SpanProcessor):
    """Paths hold users' ids and queries hold words; the route says enough."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        for name in _SAYS_TOO_MUCH:
            if name in (span.attributes or {}):
                span.set_attribute(name, _LEFT_OUT)
