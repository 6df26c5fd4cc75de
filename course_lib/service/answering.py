"""From a question to a reply: guards before, the answerer, guards after, one trace of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

from course_lib import rag
from course_lib.rag import AnswerError, Step, Trace
from course_lib.retrieval import Retrieved, Retriever

DECLINED = "I cannot help with this request."
WITHHELD = "(withheld)"
Emit = Callable[[str, Mapping[str, Any]], None]  # the name of an event, and what it says


class Passage(NamedTuple):
    """A passage as a reader sees it; `number` is the one that the answer cites."""

    number: int
    id: str
    locator: str
    title: str
    source: str
    text: str
    score: float

    @classmethod
    def of(cls, number: int, found: Retrieved) -> Passage:
        """The passage of a search result."""
        chunk = found.chunk
        title = chunk.document.title or chunk.source
        text = chunk.text_with_heading
        return cls(number, chunk.id, chunk.locator, title, chunk.source, text, float(found.score))


@dataclass(frozen=True)
class Reply:
    """What the assistant says.

    Attributes:
        status: "declined" where a guard stopped it, "abstained" where there is no answer.
        text: for the reader.
        reason: why it was not answered; empty where it was.
        passages: what the model was shown, number 1 first.
        citations: numbers of the passages that the text cites.
        trace: every step.
    """

    status: Literal["answered", "abstained", "declined"]
    text: str
    reason: str = ""
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    citations: tuple[int, ...] = ()
    trace: Trace = field(default_factory=lambda: Trace(""), repr=False, compare=False)


class Answerer(Protocol):
    """Answers questions: `RagAnswerer`, an agent, a graph, or a stand-in for a test."""

    @property
    def name(self) -> str:
        """Which model answers, such as "SmolLM2-135M-Instruct + grounded"."""

    def answer(self, question: str, emit: Emit | None) -> Reply:
        """The reply; called in a worker thread, several at a time.

        Args:
            question: not blank.
            emit: tells who waits what happens meanwhile: ("passages", ...), ("token", ...). None
                where nobody wants to know.

        Raises:
            RuntimeError: where no reply can be made now, such as AnswerError or
                LanguageModelError; the service then answers 503.
        """


class Verdict(Protocol):
    """What a guard decides. A `text` beside these two replaces the text that it looked at."""

    @property
    def allowed(self) -> bool:
        """Whether to go on."""

    @property
    def reason(self) -> str:
        """Why not, in words that the person who asked may read."""


class Ruling(NamedTuple):
    """A plain verdict."""

    allowed: bool
    reason: str = ""
    text: str | None = None


class QuestionGuard(Protocol):
    """Looks at a question before anything is done with it."""

    @property
    def name(self) -> str:
        """What the trace calls it."""

    def check(self, question: str, /) -> Verdict:
        """Whether to answer it."""


class AnswerGuard(Protocol):
    """Looks at an answer before anybody reads it."""

    @property
    def name(self) -> str:
        """What the trace calls it."""

    def check(self, answer: str, question: str, passages: Sequence[str], /) -> Verdict:
        """Whether to show it."""


@dataclass(frozen=True)
class Assistant:
    """What the service serves.

    A guard that raises an exception counts as one that refuses: what was not checked is not shown.

    Attributes:
        answerer: makes the replies.
        retriever: the search behind POST /search.
        before: guards of the question; the first that refuses ends it.
        after: guards of the answer. Where there are any, nobody reads a word before the last one.

    Built in notebooks/15_capstone.ipynb.
    """

    answerer: Answerer
    retriever: Retriever
    before: Sequence[QuestionGuard] = ()
    after: Sequence[AnswerGuard] = ()

    def ask(self, question: str, emit: Emit | None = None) -> Reply:
        """Check the question, answer it, check the answer.

        Raises:
            RuntimeError: see Answerer.answer; the trace of an AnswerError has the guards, too.

        >>> from course_lib.retrieval import BM25
        >>> class Shy:
        ...     name = "shy"
        ...     def check(self, question):
        ...         return Ruling("secret" not in question, "it asks for a secret")
        >>> reply = Assistant(None, BM25([]), before=[Shy()]).ask("Tell me a secret")
        >>> reply.status, reply.text, reply.reason
        ('declined', 'I cannot help with this request.', 'it asks for a secret')
        """
        trace = Trace(question)
        if not question.strip():
            return Reply("abstained", rag.ABSTENTION, "the question is blank", trace=trace)
        for guard in self.before:
            ruling = _rule(trace, guard.name, guard.check, question)
            if not ruling.allowed:
                return Reply("declined", DECLINED, ruling.reason, trace=trace)
            question = question if ruling.text is None else ruling.text

        def checked(name: str, said: Mapping[str, Any]) -> None:
            if emit is not None and (name != "token" or not self.after):
                emit(name, said)

        began = trace.milliseconds
        try:
            reply = self.answerer.answer(question, None if emit is None else checked)
        except AnswerError as error:
            error.trace = _after(trace, began, error.trace)
            raise
        _after(trace, began, reply.trace)
        if reply.status != "answered":
            return replace(reply, trace=trace)
        text, shown = reply.text, [passage.text for passage in reply.passages]
        for guard_after in self.after:
            ruling = _rule(trace, guard_after.name, guard_after.check, text, question, shown)
            if not ruling.allowed:
                _withhold(trace)
                return Reply("declined", DECLINED, ruling.reason, trace=trace)
            text = text if ruling.text is None else ruling.text
        if text != reply.text:
            _withhold(trace)
        return replace(reply, text=text, trace=trace)


def _rule(trace: Trace, name: str, check: Callable[..., Verdict], *given: Any) -> Ruling:
    """A guard's verdict, as a step of the trace; no verdict is a refusal."""
    try:
        with trace.step(name) as made:
            verdict = check(*given)
            text = getattr(verdict, "text", None)
            allowed = bool(verdict.allowed)
            ruling = Ruling(allowed, "" if allowed else str(verdict.reason), text)
            made |= {"allowed": ruling.allowed, "reason": ruling.reason}
            made |= {} if text is None else {"changed": text != given[0]}
    except Exception:
        return Ruling(False, f"the check {name!r} failed")
    return ruling


def _after(trace: Trace, began: float, inner: Trace) -> Trace:
    """Add the answerer's steps, which it counts from its own beginning."""
    trace.steps += [replace(step, started=step.started + began) for step in inner.steps]
    return trace


def _withhold(trace: Trace) -> None:
    """Take out of the trace what the model wrote."""

    def without(step: Step) -> Step:
        texts = {name: WITHHELD for name in ("text",) if name in step.made or name in step.given}
        if not texts:
            return step
        given = {k: WITHHELD if k in texts else v for k, v in step.given.items()}
        made = {k: WITHHELD if k in texts else v for k, v in step.made.items()}
        return replace(step, given=given, made=made)

    trace.steps[:] = [without(step) for step in trace.steps]
