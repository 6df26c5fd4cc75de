"""course_lib.orchestration.tracing: what becomes of a trace as spans, and what is left out."""

from __future__ import annotations

import builtins
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NoOpTracer, StatusCode

from course_lib.orchestration import tracing
from course_lib.orchestration.tracing import (
    live_trace,
    spans_of,
    tracer_from_environment,
    tracer_in_memory,
)
from course_lib.rag import Step, Trace

SECRET = "Ada Lovelace, LC-25-20417"


def recorded() -> Trace:
    """A trace with every kind of step, and the secret wherever a text may stand."""
    trace = Trace(SECRET)
    with trace.step("instructions") as made:
        made |= {"allowed": True, "reason": SECRET}
    with trace.step("retrieve", query=SECRET, k=3) as made:
        made["found"] = [{"id": "a@0-9", "locator": SECRET, "score": 0.5}] * 2
    with trace.step("prompt") as made:
        made["messages"] = [{"role": "user", "content": SECRET}]
    with trace.step("generate", model="small", max_tokens=100) as made:
        made |= {"text": SECRET, "finish_reason": "stop"}
        made |= {"prompt_tokens": 210, "completion_tokens": 12}
    with trace.step("tool", tool="http", arguments={"path": SECRET}) as made:
        made["result"] = SECRET
    return trace


def attributes(span) -> dict:
    return dict(span.attributes)


def test_a_trace_becomes_one_span_for_the_whole_and_one_below_it_for_each_step():
    trace = recorded()
    whole, *steps = spans_of(trace, name="ask")
    assert whole.name == "invoke_workflow ask"
    assert [span.name for span in steps] == [
        "instructions", "retrieval", "prompt", "chat small", "execute_tool http",
    ]  # fmt: skip
    assert whole.parent is None
    assert all(span.parent.span_id == whole.context.span_id for span in steps)
    assert len({span.context.trace_id for span in (whole, *steps)}) == 1
    assert whole.start_time == round(trace.began * 1e9)
    for span, step in zip(steps, trace.steps, strict=True):
        assert span.start_time - whole.start_time == round(step.started * 1e6)
        assert span.end_time - span.start_time == pytest.approx(step.milliseconds * 1e6, abs=2)
    assert whole.end_time >= max(span.end_time for span in steps)


def test_the_attributes_are_those_of_the_semantic_conventions():
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

    known = {value for name, value in vars(gen_ai_attributes).items() if name.isupper()}
    spans = {span.name: attributes(span) for span in spans_of(recorded(), texts=True)}
    ours = {key for each in spans.values() for key in each if key.startswith("gen_ai.")}
    assert ours <= known
    operations = {each.value for each in gen_ai_attributes.GenAiOperationNameValues}
    assert {each.get("gen_ai.operation.name", "chat") for each in spans.values()} <= operations
    chat = spans["chat small"]
    assert chat["gen_ai.request.model"] == "small"
    assert chat["gen_ai.request.max_tokens"] == 100
    assert chat["gen_ai.usage.input_tokens"] == 210
    assert chat["gen_ai.usage.output_tokens"] == 12
    assert chat["gen_ai.response.finish_reasons"] == ("stop",)
    assert spans["retrieval"]["gen_ai.request.top_k"] == 3
    assert spans["retrieval"]["course.found.count"] == 2
    assert spans["execute_tool http"]["gen_ai.tool.name"] == "http"
    assert spans["instructions"]["course.allowed"] is True


def test_no_text_is_in_the_spans_unless_it_is_asked_for():
    def whole_text(texts: bool) -> str:
        return "".join(span.to_json() for span in spans_of(recorded(), texts=texts))

    assert SECRET not in whole_text(texts=False)
    spans = {span.name: attributes(span) for span in spans_of(recorded(), texts=True)}
    assert spans["invoke_workflow ask"]["course.question"] == SECRET
    assert spans["retrieval"]["gen_ai.retrieval.query.text"] == SECRET
    said = json.loads(spans["chat small"]["gen_ai.output.messages"])
    assert said == [{"role": "assistant", "parts": [{"type": "text", "content": SECRET}]}]
    tool = spans["execute_tool http"]
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"path": SECRET}
    assert tool["gen_ai.tool.call.result"] == SECRET


@pytest.mark.parametrize("texts", [False, True])
def test_a_step_that_failed_is_an_error_and_its_message_is_a_text(texts):
    trace = Trace("?")
    with pytest.raises(KeyError), trace.step("retrieve"):
        raise KeyError(SECRET)
    for span in spans_of(trace, texts=texts):
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "KeyError"
        assert (SECRET in span.to_json()) is texts


def test_an_error_that_was_got_over_does_not_fail_the_whole():
    trace = Trace("?")
    with pytest.raises(OSError, match="gone"), trace.step("generate", model="m"):
        raise OSError("gone")
    with trace.step("generate", model="m"):
        pass
    codes = [span.status.status_code for span in spans_of(trace)]
    assert codes == [StatusCode.UNSET, StatusCode.ERROR, StatusCode.UNSET]


def test_a_step_within_another_lies_below_it():
    trace = Trace("?")
    with trace.step("outer"):
        with trace.step("first"):
            sum(range(10_000))
        with trace.step("second"), trace.step("third"):
            sum(range(10_000))
    spans = {span.name: span for span in spans_of(trace)}
    by_id = {span.context.span_id: name for name, span in spans.items()}
    parents = {name: by_id[span.parent.span_id] for name, span in spans.items() if span.parent}
    assert parents == {
        "outer": "invoke_workflow ask", "first": "outer", "second": "outer", "third": "second",
    }  # fmt: skip
    assert [span.name for span in spans_of(trace)][1:] == ["outer", "first", "second", "third"]


@given(st.lists(st.floats(0, 50), min_size=1, max_size=8))
def test_steps_one_after_the_other_never_lie_below_each_other(lengths):
    steps, at = [], 0.0
    for length in lengths:
        steps.append(Step("a", round(at, 3), round(length, 3), {}, {}))
        at += length
    whole, *spans = spans_of(Trace("?", 1e9, steps))
    assert len(spans) == len(steps)
    assert {span.parent.span_id for span in spans} == {whole.context.span_id}


def test_a_trace_without_steps_is_one_span():
    (whole,) = spans_of(Trace("?"))
    assert whole.end_time == whole.start_time


def test_a_finished_trace_goes_to_the_tracer_that_is_given_and_not_below_what_runs_now():
    tracer, exporter = tracer_in_memory()
    with tracer.start_as_current_span("something else"):
        spans = spans_of(recorded(), tracer=tracer)
    assert spans[0].parent is None
    assert len(exporter.get_finished_spans()) == len(spans) + 1
    assert spans_of(recorded(), tracer=NoOpTracer()) == []


def test_a_live_trace_has_the_spans_of_the_finished_one_and_takes_in_what_is_opened_inside():
    tracer, exporter = tracer_in_memory()
    with live_trace(tracer, SECRET) as trace, trace.step("retrieve", query=SECRET, k=2) as made:
        made["found"] = [1, 2]
        with tracer.start_as_current_span("from a library"):
            pass
    inner, step, whole = exporter.get_finished_spans()
    assert inner.parent.span_id == step.context.span_id
    assert step.parent.span_id == whole.context.span_id
    again = spans_of(trace)
    assert [whole.name, step.name] == [span.name for span in again]
    assert [attributes(whole), attributes(step)] == [attributes(span) for span in again]
    assert Trace.from_json(trace.to_json()).steps == trace.steps


@pytest.mark.parametrize("texts", [False, True])
def test_a_live_trace_marks_what_failed_without_the_message(texts):
    tracer, exporter = tracer_in_memory()

    def fail():
        with live_trace(tracer, "?", texts=texts) as trace, trace.step("retrieve"):
            raise ValueError(SECRET)

    with pytest.raises(ValueError, match="Ada"):
        fail()
    spans = exporter.get_finished_spans()
    assert {span.status.status_code for span in spans} == {StatusCode.ERROR}
    assert {span.attributes["error.type"] for span in spans} == {"ValueError"}
    assert any(SECRET in span.to_json() for span in spans) is texts


def test_no_endpoint_is_no_exporter_and_a_wrong_protocol_is_named(monkeypatch):
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)
    assert tracer_from_environment() is None
    monkeypatch.setenv(tracing.ENDPOINT, "http://localhost:4317")
    monkeypatch.setenv(tracing.PROTOCOL, "pigeon")
    with pytest.raises(ValueError, match="must be one of grpc, http/protobuf, got 'pigeon'"):
        tracer_from_environment()


@pytest.mark.parametrize(
    ("protocol", "package"),
    [
        ("grpc", "opentelemetry-exporter-otlp-proto-grpc"),
        ("http/protobuf", "opentelemetry-exporter-otlp-proto-http"),
    ],
)
def test_a_missing_exporter_is_named_with_the_command_that_installs_it(
    monkeypatch, protocol, package
):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("opentelemetry.exporter"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setenv(tracing.ENDPOINT, "http://localhost:4317")
    monkeypatch.setenv(tracing.PROTOCOL, protocol)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RuntimeError, match=f"python -m pip install {package}$"):
        tracer_from_environment()


def test_spans_reach_the_collector_that_the_environment_names(monkeypatch):
    grpc = pytest.importorskip("grpc")
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc")
    from concurrent.futures import ThreadPoolExecutor

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )

    received = []

    class Collector(service.TraceServiceServicer):
        def Export(self, request, context):  # noqa: N802 - the protocol's name
            received.append(request)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    service.add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        monkeypatch.setenv(tracing.ENDPOINT, f"http://127.0.0.1:{port}")
        monkeypatch.delenv(tracing.PROTOCOL, raising=False)
        tracer = tracer_from_environment()
        sent = spans_of(recorded(), tracer=tracer)
        tracer.span_processor.force_flush()
    finally:
        server.stop(None)
    arrived = [
        span.name
        for request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert sorted(arrived) == sorted(span.name for span in sent)
