"""A question to an answer that cites what it stands on, or to none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from course_lib.language_model import LanguageModel, Message
from course_lib.language_model.interface import check_messages, check_text
from course_lib.rag.citations import ABSTENTION, Citation, check_citations, is_abstention
from course_lib.rag.passages import break_markers, fit_passages, format_passage, markers_of
from course_lib.rag.trace import Trace
from course_lib.retrieval import Retrieved, Retriever
from course_lib.retrieval.results import check_k

# The prompt of `answer`; {passages} and {question} in the last message are filled in. The worked
# example is for small models: from one or two short passages SmolLM2-135M answers without citations
# if there is no example, and mostly with one if there is. A second example, of an abstention, made
# it abstain from half of what it was asked. From Larkspur's longer passages it answers badly with
# any wording that was tried, on 35 of the training questions.
PROMPT: tuple[Message, ...] = (
    {
        "role": "system",
        "content": "You answer questions from a company's documents. Answer the question in one "
        "sentence, from the passages alone, and end with the number of the passage in brackets, "
        f"such as [1]. If no passage answers it, reply: {ABSTENTION}",
    },
    {
        "role": "user",
        "content": "[1] parking#bicycles\n> Parking\n> Bicycles are free.\n\n[2] parking#times\n"
        "> Parking\n> Cars may stay for 2 hours, vans for 45 minutes.\n\n"
        "Question: How long may I leave my van?",
    },
    {"role": "assistant", "content": "A van may stay for 45 minutes [2]."},
    {"role": "user", "content": "{passages}\n\nQuestion: {question}"},
)


class AnswerError(RuntimeError):
    """A step failed: the search, the model or the counting of tokens.

    Attributes:
        trace: the steps up to the failed one, which holds the error.
    """

    def __init__(self, message: str, trace: Trace) -> None:
        super().__init__(message)
        self.trace = trace


@dataclass(frozen=True)
class Answer:
    """An answer; `print(answer)` shows it with its sources.

    Attributes:
        text: for the reader; ABSTENTION where there is no answer. A citation of something that
            was not retrieved is marked.
        citations: the passages that it cites, each one seen to be among `passages`.
        not_retrieved: what else the model cited, such as ("7",).
        abstained: whether there is no answer.
        reason: why not; empty where there is one.
        passages: what the model was shown, number 1 first.
        confidence: mean log-probability of the answer's tokens, where it was asked for.
        trace: every step.
    """

    text: str
    citations: tuple[Citation, ...]
    not_retrieved: tuple[str, ...]
    abstained: bool
    reason: str
    passages: tuple[Retrieved, ...] = field(repr=False)
    confidence: float | None
    trace: Trace = field(repr=False, compare=False)

    def __str__(self) -> str:
        if self.abstained:
            return f"{self.text} ({self.reason})"
        return "\n".join([self.text, *(f"  {citation}" for citation in self.citations)])


def answer(
    question: str,
    retriever: Retriever,
    model: LanguageModel,
    *,
    k: int = 3,
    max_prompt_tokens: int = 1500,
    max_tokens: int = 100,
    min_score: float | None = None,
    min_log_probability: float | None = None,
    prompt: Sequence[Message] = PROMPT,
    count_tokens: Callable[[Sequence[Message]], int] | None = None,
) -> Answer:
    """Retrieve, keep what fits, prompt, generate, check the citations: an answer, or none.

    There is no answer, and the model is not called, where nothing is found, nothing fits, or
    the best score is too low. There is none either where the model writes ABSTENTION or nothing, or
    its answer is too improbable.

    Args:
        question: what to answer.
        retriever: any search of `course_lib.retrieval`, or `InForce` around one.
        model: any `course_lib.language_model`.
        k: how many passages to retrieve.
        max_prompt_tokens: of the whole prompt. Less where the model's context is smaller.
        max_tokens: of the answer.
        min_score: least score of the best passage. What a score means depends on the retriever.
        min_log_probability: least mean log-probability of the answer's tokens, after one more run
            of the model. `-math.inf` only measures: it fills `confidence`.
        prompt: messages, of which the last one holds {passages} and {question}.
        count_tokens: of a prompt; by default the model's. An endpoint's costs a request each time:
            pass `functools.partial(tokenization.count_tokens, tokenizer)`.

    Raises:
        ValueError: if the question is blank, a number out of range, or the prompt lacks a field.
        AnswerError: if a step fails; it has the trace.

    Built in notebooks/08_rag.ipynb.
    """
    _check(question, prompt, max_prompt_tokens, max_tokens)
    trace = Trace(question)
    return answer_from(
        question,
        retrieve(question, retriever, k, trace),
        model,
        max_prompt_tokens=max_prompt_tokens,
        max_tokens=max_tokens,
        min_score=min_score,
        min_log_probability=min_log_probability,
        prompt=prompt,
        count_tokens=count_tokens,
        trace=trace,
    )


def retrieve(question: str, retriever: Retriever, k: int, trace: Trace) -> list[Retrieved]:
    """The first step of `answer`: the k best passages, each once.

    Args:
        question, retriever, k: as for `answer`.
        trace: gets the step.

    Raises:
        ValueError: if k is no whole number of 1 or more.
        AnswerError: if the search fails.

    >>> from course_lib.retrieval import BM25
    >>> retrieve("When?", BM25([]), 3, Trace("When?"))
    []

    Built in notebooks/14_orchestration.ipynb.
    """
    check_k(k)
    with _failing(trace), trace.step("retrieve", query=question, k=k) as made:
        unique: dict[str, Retrieved] = {}
        for one in retriever.search(question, k):
            unique.setdefault(one.chunk.id, one)
        found = list(unique.values())[:k]
        made["found"] = _listed(found)
    return found


def answer_from(
    question: str,
    found: Sequence[Retrieved],
    model: LanguageModel,
    *,
    max_prompt_tokens: int = 1500,
    max_tokens: int = 100,
    min_score: float | None = None,
    min_log_probability: float | None = None,
    prompt: Sequence[Message] = PROMPT,
    count_tokens: Callable[[Sequence[Message]], int] | None = None,
    trace: Trace | None = None,
) -> Answer:
    """The rest of `answer`, from passages that were found already: for what sifts them before.

    Args:
        question: what to answer.
        found: passages, the best first.
        trace: gets the steps; by default a new one.

    The others, what it gives and what it raises are as for `answer`.

    Built in notebooks/14_orchestration.ipynb.
    """
    _check(question, prompt, max_prompt_tokens, max_tokens)
    trace = Trace(question) if trace is None else trace
    count = count_tokens or model.count_tokens
    to_messages = partial(_messages, question, prompt=prompt, markers=markers_of(model))

    def finish(
        text: str,
        reason: str = "",
        shown: Sequence[Retrieved] = (),
        confidence: float | None = None,
    ) -> Answer:
        chunks = [one.chunk for one in shown]
        with trace.step("check", text=text) as made:
            checked = check_citations(ABSTENTION if reason else text, chunks)
            made["text"] = checked.text
            made["citations"] = [str(citation) for citation in checked.citations]
            made["not_retrieved"] = checked.not_retrieved
            made["abstained"] = bool(reason)
            made |= {"reason": reason} if reason else {}
        return Answer(*checked, bool(reason), reason, tuple(shown), confidence, trace)

    with _failing(trace):
        best = max((one.score for one in found), default=0.0)
        if not found:
            return finish("", "nothing was retrieved")
        if min_score is not None and not best >= min_score:
            return finish("", f"the best score, {best:.4g}, is below {min_score:.4g}")

        limit = min(max_prompt_tokens, (model.context_length or 10**9) - max_tokens)
        with trace.step("budget", max_prompt_tokens=limit) as made:
            shown = fit_passages(found, limit, to_messages, count)
            made["kept"] = _listed(shown)
            made["left_out"] = _listed([one for one in found if one not in shown])
        if not shown:
            return finish("", f"no passage fits in a prompt of {limit} tokens")

        with trace.step("prompt") as made:
            messages = made["messages"] = to_messages(shown)
        with trace.step("generate", model=model.name, max_tokens=max_tokens) as made:
            completion = model.chat(messages, max_tokens=max_tokens)
            text = made["text"] = completion.text.strip()
            made["finish_reason"] = completion.finish_reason
            made["prompt_tokens"] = completion.prompt_tokens
            made["completion_tokens"] = completion.completion_tokens
        if not text:
            return finish(text, "the model wrote nothing", shown)
        if is_abstention(text):
            return finish(text, "the model found no answer in the passages", shown)
        if min_log_probability is None:
            return finish(text, shown=shown)

        with trace.step("confidence") as made:
            confidence = made["mean_log_probability"] = model.log_probability(messages, text).mean
        reason = ""
        if not confidence >= min_log_probability:
            reason = f"log-probability {confidence:.2f} is below {min_log_probability:.2f}"
        return finish(text, reason, shown, confidence)


@contextmanager
def _failing(trace: Trace) -> Iterator[None]:
    """Say which step failed, and hand on what was done before."""
    try:
        yield
    except Exception as error:
        step = trace.steps[-1].name if trace.steps else "the beginning"
        raise AnswerError(f"{step} failed: {type(error).__name__}: {error}", trace) from error


def _check(
    question: str, prompt: Sequence[Message], max_prompt_tokens: int, max_tokens: int
) -> None:
    """Refuse arguments before anything is done with them."""
    check_text(question, "question")
    if not question.strip():
        raise ValueError(f"question must be a text that is not blank, got {question!r}")
    check_k(max_tokens, "max_tokens")
    check_k(max_prompt_tokens, "max_prompt_tokens")
    last = check_messages(prompt, "prompt")[-1]["content"]
    for name in ("{passages}", "{question}"):
        if name not in last:
            raise ValueError(f"prompt must have {name} in its last message, got {last!r}")


def _messages(
    question: str, shown: Sequence[Retrieved], *, prompt: Sequence[Message], markers: Sequence[str]
) -> list[Message]:
    """The prompt; in what was retrieved and asked, the model's own markers are broken up."""
    passages = [format_passage(number, one.chunk) for number, one in enumerate(shown, start=1)]
    given = {"passages": "\n\n".join(passages), "question": question.strip()}
    fields = {name: break_markers(text, markers) for name, text in given.items()}
    # both at once: a passage may hold the text {question}
    fill = partial(re.sub, r"\{(passages|question)\}", lambda field: fields[field[1]])
    *before, last = prompt
    return [*before, {"role": last["role"], "content": fill(last["content"])}]


def _listed(found: Sequence[Retrieved]) -> list[dict[str, object]]:
    """What the trace shows of passages."""
    return [{"id": f.chunk.id, "locator": f.chunk.locator, "score": f.score} for f in found]
