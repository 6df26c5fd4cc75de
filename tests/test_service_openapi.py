"""The service does what its OpenAPI document says, whatever is sent to it."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from course_lib.service import Assistant, FeedbackStore, create_app
from tests.service_server import assistant, serving, settings

OPERATIONS = (
    ("/ask", "POST"), ("/search", "POST"), ("/feedback", "POST"), ("/health", "GET"),
    ("/metrics", "GET"), ("/traces", "GET"),
)  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    # A body that is too large for the limit is none of the document's matters.
    with serving(tmp_path_factory.mktemp("service"), max_body_bytes=10_000_000) as running:
        yield running


def document(service):
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


def test_the_document_lists_what_there_is(service):
    found = {
        (path, method.upper())
        for path, methods in document(service).raw_schema["paths"].items()
        for method in methods
    }
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_service_keeps_to_its_document(path, method, mode, service):
    if mode is GenerationMode.NEGATIVE and method == "GET":
        pytest.skip("there is nothing in these that could be wrong")
    operation = document(service)[path][method]
    statuses = set()

    @hypothesis.settings(
        max_examples=60, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        operation.as_strategy(generation_mode=mode), st.sampled_from(["*/*", "text/event-stream"])
    )
    def check(case, accept):
        response = case.call_and_validate(headers={"Accept": accept})
        statuses.add(response.status_code)

    check()
    if mode is GenerationMode.POSITIVE:
        assert statuses <= {200, 201}
    else:
        assert statuses <= {400, 422}
    assert statuses


def test_a_service_that_does_not_keep_to_its_document_is_found(tmp_path):
    class Wrong(Assistant):
        def ask(self, question, emit=None):
            raise KeyError(question)

    given_parts = assistant()
    with serving(tmp_path, Wrong(given_parts.answerer, given_parts.retriever)) as service:
        case = document(service)["/ask"]["POST"].Case(body={"question": "x"})
        with pytest.raises(FailureGroup) as found:
            case.call_and_validate()
    assert "Server error" in [str(one) for one in found.value.exceptions]


def test_the_document_has_a_form_for_every_error(tmp_path):
    app = create_app(assistant(), FeedbackStore(tmp_path / "f.sqlite"), settings(tmp_path))
    for path, method in OPERATIONS[:3]:
        responses = app.openapi()["paths"][path][method.lower()]["responses"]
        for status in ("400", "408", "413", "422", "429", "503"):
            form = responses[status]["content"]["application/json"]["schema"]["$ref"]
            assert form == "#/components/schemas/Problem", (path, status)
