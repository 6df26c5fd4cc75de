"""The service tried out from a thread: it is there, it ends, and its times add up."""

import httpx
import pytest

from course_lib.retrieval import BM25
from course_lib.service import Assistant, Reply, Trace
from course_lib.service.trial import LoadedService, ask_under_load, seconds_by_stage, served
from tests.service_server import chunks


class Steps:
    """Answers in three steps."""

    name = "steps"

    def answer(self, question, emit):
        trace = Trace(question)
        for name in ("retrieve", "budget", "generate", "check"):
            with trace.step(name):
                pass
        return Reply("answered", "Yes [1].", trace=trace)


def assistant():
    return Assistant(Steps(), BM25(chunks()))


def test_it_is_there_while_the_block_runs_and_gone_afterwards():
    with served(assistant()) as trial:
        assert trial.client.get("/health").json()["model"] == "steps"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{trial.url}/health")


def test_it_ends_where_the_block_fails():
    with pytest.raises(ZeroDivisionError), served(assistant()) as trial:
        raise ZeroDivisionError
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{trial.url}/health")


def test_every_question_gets_a_status_a_trace_and_stages():
    loaded = ask_under_load(assistant(), ["How?", "When?"], [0.0, 0.01, 0.02], batch=1)
    assert [row.request for row in loaded.report.rows] == ["How?", "When?", "How?"]
    assert [row.answer[0] for row in loaded.report.rows] == [200] * 3
    stages = seconds_by_stage(loaded)
    assert [set(one) for one in stages] == [{"queue", "search", "prompt", "model"}] * 3
    assert sum(span.parent is None for span in loaded.spans) == 3


def test_the_stages_of_a_question_add_up_to_what_its_client_waited():
    loaded = ask_under_load(assistant(), ["How?"] * 4, at_once=4)
    waited = sorted(row.latency for row in loaded.report.rows)
    assert sorted(one.total() for one in seconds_by_stage(loaded)) == pytest.approx(
        waited, abs=2e-3
    )


def test_a_full_service_refuses_and_a_refusal_has_no_stages():
    loaded = ask_under_load(assistant(), ["How?"] * 3, at_once=3, requests_per_minute=1)
    assert sorted(row.answer[0] for row in loaded.report.rows) == [200, 429, 429]
    assert len(seconds_by_stage(loaded)) == 1


def test_a_guard_is_a_stage_and_the_queue_is_what_is_left():
    steps = [
        {"name": "instructions", "milliseconds": 100.0},
        {"name": "generate", "milliseconds": 400.0},
    ]
    ours = {"id": "a", "milliseconds": 500.0, "steps": steps}
    elses = {"id": "b", "milliseconds": 9.0, "steps": []}

    class Row:
        answer, latency, error = (200, "a"), 2.0, None

    class Report:
        rows = (Row,)

    loaded = LoadedService(Report, {"traces": [ours, elses]}, ())
    assert seconds_by_stage(loaded) == [{"queue": 1.5, "guards": 0.1, "model": 0.4}]
