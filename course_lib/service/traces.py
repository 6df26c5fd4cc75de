"""How long the latest answers took, step by step: kept without a word of what was asked."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from course_lib.rag import Trace
from course_lib.service import logs
from course_lib.service.schemas import StepSummary, StepTime, TraceOut, TracesReply

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

WHOLE = "whole answer"


class Traces:
    """The latest traces' times; where there is a tracer, every trace becomes its spans as well.

    Args:
        most: how many are kept.
        tracer: sends spans somewhere; see `orchestration.tracing.tracer_from_environment`.

    >>> from course_lib.rag import Step
    >>> traces = Traces(100)
    >>> for n, took in enumerate([10, 20, 90]):
    ...     traces.add(f"{n:032x}", "answered", Trace("?", 0, [Step("retrieve", 0, took, {}, {})]))
    >>> reply = traces.reply()
    >>> [(step.name, step.count, step.median, step.longest) for step in reply.steps]
    [('retrieve', 3, 20.0, 90.0), ('whole answer', 3, 20.0, 90.0)]
    >>> reply.traces[0].steps[0].milliseconds  # the latest first
    90.0

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(self, most: int, tracer: Tracer | None = None) -> None:
        self.tracer = tracer
        self._latest: deque[TraceOut] = deque(maxlen=most)

    def add(self, request_id: str, status: str, trace: Trace) -> None:
        """Keep a trace's times.

        Args:
            request_id: of the request, as the log has it.
            status: of the reply, or "failed".
            trace: whose texts are passed over.
        """
        steps = [
            StepTime(
                name=step.name, started=step.started, milliseconds=step.milliseconds,
                failed=bool(step.error),
            )
            for step in trace.steps
        ]  # fmt: skip
        began = datetime.fromtimestamp(trace.began, UTC)
        self._latest.append(
            TraceOut.model_validate(
                {"id": request_id, "began": began, "status": status,
                 "milliseconds": round(trace.milliseconds, 3), "steps": steps}
            )
        )  # fmt: skip
        if self.tracer is not None:
            from course_lib.orchestration.tracing import spans_of

            try:
                spans_of(trace, tracer=self.tracer)
            except Exception as error:  # a reply is not lost for its spans
                logs.log("spans", level=40, **logs.describe(error))

    def reply(self) -> TracesReply:
        """The traces, the latest first, and percentiles of each step over all of them."""
        latest = list(reversed(self._latest))
        took: dict[str, list[float]] = {}
        for trace in reversed(latest):
            for step in trace.steps:
                took.setdefault(step.name, []).append(step.milliseconds)
        if latest:
            took[WHOLE] = [trace.milliseconds for trace in latest]
        return TracesReply(
            steps=[_summary(name, np.array(each)) for name, each in took.items()], traces=latest
        )


def _summary(name: str, took: np.ndarray) -> StepSummary:
    median, p95 = np.percentile(took, [50, 95])
    return StepSummary(
        name=name, count=len(took), median=round(float(median), 3), p95=round(float(p95), 3),
        longest=float(took.max()), together=round(float(took.sum()), 3),
    )  # fmt: skip
