"""What the service takes and gives, as its OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from course_lib.service.answering import Passage, Reply

MAX_QUESTION = 2000  # characters
MAX_COMMENT = 2000
# To JSON, 9.0 is the whole number 9: so it is to us, though "9" is none.
_Whole = Annotated[
    int, BeforeValidator(lambda n: int(n) if isinstance(n, float) and n.is_integer() else n)
]
_Question = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUESTION)]


class _Strict(BaseModel):
    # A misspelt field is told, not passed over; and "3" is no number.
    model_config = ConfigDict(extra="forbid", strict=True)


class AskRequest(_Strict):
    """A question."""

    question: _Question = Field(examples=["How long do I have to return a bike?"])
    trace: bool = Field(False, description="whether to send the steps too")


class PassageOut(BaseModel):
    """A passage that the model was shown."""

    number: int = Field(description="the one that the answer cites")
    id: str
    locator: str = Field(description="where it stands", examples=["returns-policy#costs"])
    title: str
    source: str
    text: str
    score: float
    cited: bool

    @classmethod
    def of(cls, passage: Passage, cited: bool) -> PassageOut:
        """A passage as it is sent."""
        return cls(**passage._asdict(), cited=cited)


class StepOut(BaseModel):
    """A step of the trace; times in milliseconds."""

    name: str
    started: float
    milliseconds: float
    given: dict[str, Any]
    made: dict[str, Any]
    error: str


class AskReply(BaseModel):
    """A reply."""

    id: UUID = Field(description="to name in POST /feedback")
    status: Literal["answered", "abstained", "declined"]
    text: str
    reason: str = Field(description="why there is no answer; empty where there is one")
    passages: list[PassageOut]
    model: str
    milliseconds: float
    trace: list[StepOut] | None

    @classmethod
    def of(cls, reply: Reply, id: UUID, model: str, with_trace: bool) -> AskReply:
        """A reply as it is sent."""
        steps = [
            StepOut(
                name=step.name, started=step.started, milliseconds=step.milliseconds,
                given=dict(step.given), made=dict(step.made), error=step.error,
            )
            for step in reply.trace.steps
        ]  # fmt: skip
        return cls(
            id=id,
            status=reply.status,
            text=reply.text,
            reason=reply.reason,
            passages=[PassageOut.of(p, p.number in reply.citations) for p in reply.passages],
            model=model,
            milliseconds=round(reply.trace.milliseconds, 1),
            trace=steps if with_trace else None,
        )


class SearchRequest(_Strict):
    """A search."""

    query: _Question = Field(examples=["return a bike"])
    k: _Whole = Field(5, ge=1, le=20, description="how many passages at most")


class SearchHit(BaseModel):
    """A passage that was found."""

    rank: int
    id: str
    locator: str
    title: str
    source: str
    text: str
    score: float


class SearchReply(BaseModel):
    """What was found, best first."""

    results: list[SearchHit]


class FeedbackRequest(_Strict):
    """What somebody thinks of an answer."""

    answer_id: UUID = Field(strict=False, description="the id of the reply")
    helpful: bool
    comment: str = Field("", max_length=MAX_COMMENT)


class FeedbackReply(BaseModel):
    """The feedback is on disk."""

    id: int = Field(description="the number of the record")
    with_answer: bool = Field(
        description="whether question and answer were kept with it: those of the latest replies are"
    )


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok", "failing"]
    version: str
    model: str
    seconds_up: float
    feedback_records: int | None


class StepTime(BaseModel):
    """When a step of an answer began and how long it took, in milliseconds."""

    name: str
    started: float
    milliseconds: float
    failed: bool


class TraceOut(BaseModel):
    """The times of one answer, without its texts."""

    id: str = Field(description="of the request, as its X-Request-Id and the log have it")
    began: datetime
    status: Literal["answered", "abstained", "declined", "failed"]
    milliseconds: float
    steps: list[StepTime]


class StepSummary(BaseModel):
    """How long a step took in the traces that are kept, in milliseconds."""

    name: str
    count: int = Field(description="how often it was done")
    median: float
    p95: float = Field(description="95 of 100 took no longer")
    longest: float
    together: float = Field(description="of all of them")


class TracesReply(BaseModel):
    """The latest traces, the latest first, and each step's times over all of them."""

    steps: list[StepSummary]
    traces: list[TraceOut]


class FieldProblem(BaseModel):
    """A field that is wrong."""

    field: str
    message: str


class Problem(BaseModel):
    """An error."""

    code: str = Field(description="for programs", examples=["busy"])
    message: str = Field(description="for people")
    fields: list[FieldProblem] = Field(description="what is wrong with the request, if that is it")
