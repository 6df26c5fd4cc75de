"""What the assistant did as OpenTelemetry spans: in memory to draw, or sent to a collector.

A span is named as the GenAI semantic conventions name it and has their attributes where there are
some (`gen_ai.usage.input_tokens`); what they don't cover is called `course.` and the step's name
for it. Questions, prompts, passages and answers are left out unless `texts=True`: traces are kept
longer, and seen by more people, than what somebody asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from course_lib.orchestration.span_attributes import describe, describe_whole
from course_lib.rag.trace import Step, Trace

if TYPE_CHECKING:  # loaded when a span is made, not before
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import Span, Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"  # these two are OpenTelemetry's own
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_SLACK = 0.002  # milliseconds: a trace's times are rounded to 0.001
_EXPORTERS = {
    "grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "http/protobuf": "opentelemetry-exporter-otlp-proto-http",
}


def tracer_in_memory() -> tuple[Tracer, InMemorySpanExporter]:
    """A tracer, and the list where its spans end up: for a notebook or a test, not for a service.

    Returns:
        The tracer, and its exporter: `get_finished_spans()` gives the spans, `clear()` forgets
        them. Nothing is set for the whole program.

    Raises:
        RuntimeError: if the package opentelemetry-sdk is missing.

    >>> tracer, spans = tracer_in_memory()
    >>> with tracer.start_as_current_span("look"):
    ...     pass
    >>> [span.name for span in spans.get_finished_spans()]
    ['look']

    Built in notebooks/14_orchestration.ipynb.
    """
    _need_sdk()
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("course_lib"), exporter


def tracer_from_environment() -> Tracer | None:
    """A tracer that sends its spans to the collector that the environment names, in batches.

    OTEL_EXPORTER_OTLP_ENDPOINT says where, such as http://localhost:4317, and
    OTEL_EXPORTER_OTLP_PROTOCOL how: "grpc" (the default) or "http/protobuf". The further variables
    of OpenTelemetry hold as well.

    Returns:
        The tracer; None where no endpoint is named. Make one for the program, not for a request.

    Raises:
        ValueError: for another protocol.
        RuntimeError: if a package is missing, with the command that installs it.

    Built in notebooks/14_orchestration.ipynb.
    """
    if not os.environ.get(ENDPOINT, "").strip():
        return None
    protocol = os.environ.get(PROTOCOL, "").strip() or "grpc"
    if protocol not in _EXPORTERS:
        raise ValueError(f"{PROTOCOL} must be one of {', '.join(_EXPORTERS)}, got {protocol!r}")
    _need_sdk()
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    module = f"opentelemetry.exporter.otlp.proto.{protocol.partition('/')[0]}.trace_exporter"
    try:
        exporter = __import__(module, fromlist=["OTLPSpanExporter"]).OTLPSpanExporter()
    except ImportError:
        package = _EXPORTERS[protocol]
        raise RuntimeError(
            f"{ENDPOINT} is set, and sending spans by {protocol} needs the package {package}: "
            f"python -m pip install {package}"
        ) from None
    provider = TracerProvider(resource=_resource())  # sends what is left when the program ends
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("course_lib")


def spans_of(
    trace: Trace, *, name: str = "ask", texts: bool = False, tracer: Tracer | None = None
) -> list[ReadableSpan]:
    """A finished trace as spans: one for the whole, below it one for each step.

    A step lies below another where it ran within it.

    Args:
        trace: of `rag.answer`, the service, an agent or the graph.
        name: of the whole (gen_ai.workflow.name).
        texts: whether question, prompt, passages and answers go into the attributes.
        tracer: whose spans they become, such as `tracer_from_environment()`'s. By default they
            are only returned.

    Returns:
        The spans as they began, the whole first. None where the tracer records none.

    Raises:
        RuntimeError: if the package opentelemetry-sdk is missing.

    >>> trace = Trace("Is E07 bad?")
    >>> with trace.step("generate", model="parrot", max_tokens=9) as made:
    ...     made |= {"text": "Yes.", "prompt_tokens": 90, "completion_tokens": 3}
    >>> whole, span = spans_of(trace)
    >>> span.name, span.attributes["gen_ai.usage.output_tokens"], span.parent == whole.context
    ('chat parrot', 3, True)

    Built in notebooks/14_orchestration.ipynb.
    """
    _need_sdk()
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import set_span_in_context

    tracer = tracer or tracer_in_memory()[0]
    began = round(trace.began * 1e9)
    # a context of its own: what the program is doing meanwhile is not the parent
    whole = tracer.start_span(name, context=Context(), start_time=began)
    describe_whole(whole, name, trace, texts)
    parents = _parents(trace.steps)
    made: dict[int, Span] = {}
    for index in reversed(range(len(trace.steps))):  # a step stands after those within it
        step, parent = trace.steps[index], parents[index]
        inside = set_span_in_context(whole if parent is None else made[parent], Context())
        start = began + round(step.started * 1e6)
        made[index] = span = tracer.start_span(step.name, context=inside, start_time=start)
        describe(span, step, texts)
    for index, step in enumerate(trace.steps):
        span = made[index]
        span.end(began + round((step.started + step.milliseconds) * 1e6))
    whole.end(began + round(trace.milliseconds * 1e6))
    order = sorted(made, key=lambda i: (trace.steps[i].started, -i))
    spans = [whole, *(made[index] for index in order)]
    return [span for span in spans if isinstance(span, ReadableSpan)]


class LiveTrace(Trace):
    """A trace whose steps open spans while they run, so that what a library traces lies below them.

    Make one by `live_trace`.
    """

    def __init__(self, question: str, tracer: Tracer, *, texts: bool = False) -> None:
        super().__init__(question)
        self.tracer, self.texts = tracer, texts

    @contextmanager
    def step(self, name: str, **given: Any) -> Iterator[dict[str, Any]]:
        """See Trace.step."""
        quiet = {"record_exception": False, "set_status_on_exception": False}  # may hold a text
        with self.tracer.start_as_current_span(name, **quiet) as span:  # type: ignore[arg-type]
            before = len(self.steps)
            try:
                with super().step(name, **given) as made:
                    yield made
            finally:
                if len(self.steps) > before:
                    describe(span, self.steps[-1], self.texts)


@contextmanager
def live_trace(
    tracer: Tracer, question: str, *, name: str = "ask", texts: bool = False
) -> Iterator[LiveTrace]:
    """Open a span for a whole question, and give the trace whose steps open spans below it.

    Args:
        tracer: such as `tracer_in_memory()[0]`.
        question: what is asked.
        name, texts: as for `spans_of`.

    >>> tracer, spans = tracer_in_memory()
    >>> with live_trace(tracer, "Is E07 bad?") as trace, trace.step("retrieve", k=1):
    ...     pass
    >>> [span.name for span in spans.get_finished_spans()]
    ['retrieval', 'invoke_workflow ask']

    Built in notebooks/14_orchestration.ipynb.
    """
    trace = LiveTrace(question, tracer, texts=texts)
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with tracer.start_as_current_span(name, **quiet) as span:  # type: ignore[arg-type]
        failed = ""
        try:
            yield trace
        except BaseException as error:
            failed = f"{type(error).__name__}: {error}"
            raise
        finally:
            describe_whole(span, name, trace, texts, failed)


def _parents(steps: Sequence[Step]) -> dict[int, int | None]:
    """For each step the shortest one that it ran within; a step stands after those within it."""
    parents: dict[int, int | None] = {}
    for index, step in enumerate(steps):
        end = step.started + step.milliseconds
        around = [
            later
            for later in range(index + 1, len(steps))
            if steps[later].started <= step.started + _SLACK
            and end <= steps[later].started + steps[later].milliseconds + _SLACK
            # one that took no time, at the other's first moment, was before it
            and (step.started > steps[later].started or step.milliseconds > _SLACK)
        ]
        parents[index] = around[0] if around else None
    return parents


def _resource() -> Any:
    """Who the spans are from; the environment may say more (OTEL_SERVICE_NAME)."""
    from opentelemetry.sdk.resources import Resource

    own = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "course_lib"}
    return Resource.create(own)


def _need_sdk() -> None:
    try:
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError:
        raise RuntimeError(
            "spans need the package opentelemetry-sdk: python -m pip install opentelemetry-sdk"
        ) from None
