"""What the service counts and times, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from course_lib.rag import Trace

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The service's numbers, in a registry of its own.

    >>> metrics = Metrics()
    >>> metrics.requests.labels("/ask", "POST", "200").inc()
    >>> 'course_requests_total{method="POST",route="/ask",status="200"} 1.0' in metrics.text()
    True

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.requests = Counter(
            "course_requests",
            "Requests, by route and status.",
            ["route", "method", "status"],
            registry=own,
        )
        self.seconds = Histogram(
            "course_request_seconds",
            "Time of a request.",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )
        self.stages = Histogram(
            "course_stage_seconds", "Time of a step of an answer.", ["stage"],
            buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.answers = Counter(
            "course_answers",
            "Replies: answered, abstained, declined, failed.",
            ["status"],
            registry=own,
        )
        self.refused = Counter(
            "course_refused", "Requests refused by a limit: size, slow, rate, busy.",
            ["limit"], registry=own,
        )  # fmt: skip
        self.feedback = Counter("course_feedback", "Feedback kept.", ["helpful"], registry=own)
        self.taken = Gauge(
            "course_places_taken", "Work in hand and waiting.", ["lane"], registry=own
        )

    def observe(self, trace: Trace) -> None:
        """Time every step of a trace."""
        for step in trace.steps:
            self.stages.labels(step.name).observe(step.milliseconds / 1000)

    def text(self) -> str:
        """All numbers, as Prometheus reads them."""
        return generate_latest(self.registry).decode()
