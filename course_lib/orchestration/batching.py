"""Calls from many threads, answered together in one batch."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, Unpack

from course_lib.language_model.interface import (
    Completion,
    ContextOverflow,
    Generation,
    LanguageModel,
    LanguageModelError,
    Message,
    NextTokens,
    Options,
    Scored,
    check_messages,
)

_SIZES_KEPT = 10_000


@dataclass(eq=False)
class _Waiting:
    """A call that waits for its batch."""

    messages: list[dict[str, str]]
    group: object  # calls of one group may share a batch
    options: Options
    deadline: float  # time.monotonic() after which it waits no longer for company
    answer: Future[Completion] = field(default_factory=Future)


class BatchingModel:
    """A language model whose `chat`, called from many threads, answers several calls at once.

    The first call waits a moment for others; what has come by then goes to the model's
    `chat_batch` together. While one batch runs, the next one gathers. This is the "dynamic
    batching" of model servers (Triton's `max_queue_delay_microseconds`, TensorFlow Serving's
    `batch_timeout_micros`): a model that reads its weights once for eight answers takes less time
    than for eight answers one after the other, while a caller who is alone waits `wait_seconds`
    for nothing.

    Calls share a batch if all their options are equal. A call with a temperature goes alone: in a
    batch its seed would depend on its place, so its answer on who else is asking. A prompt that is
    too long fails its own call alone (the batch is asked again, one call at a time). Any other
    error of the model is raised in each call of that batch, and in no other one.

    `chat_batch`, `stream`, `next_tokens`, `log_probability`, `count_tokens` and every other
    attribute are the model's own, called at once, in the caller's thread.

    Args:
        model: what answers.
        most: calls in a batch at most.
        wait_seconds: that a call waits for others at most, beside the batch that is running.

    Attributes:
        sizes: how many calls each batch so far had, oldest first; the last 10,000 of them.

    Raises:
        ValueError: if most is below 1, or wait_seconds negative or not finite.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from course_lib.language_model.interface import Completion
    >>> class Shouting:
    ...     name, context_length = "shouting", None
    ...     def chat_batch(self, conversations, **options):
    ...         return [Completion(c[-1]["content"].upper(), "stop", 1, 1) for c in conversations]
    >>> model = BatchingModel(Shouting(), most=3, wait_seconds=5)
    >>> with ThreadPoolExecutor(3) as threads:
    ...     ask = lambda text: model.chat([{"role": "user", "content": text}]).text
    ...     list(threads.map(ask, ["a", "b", "c"]))
    ['A', 'B', 'C']
    >>> model.sizes
    [3]

    Built in notebooks/14_orchestration.ipynb.
    """

    def __init__(self, model: LanguageModel, *, most: int = 8, wait_seconds: float = 0.02) -> None:
        if most < 1:
            raise ValueError(f"most must be 1 or more calls in a batch, got {most}")
        if not 0 <= wait_seconds < threading.TIMEOUT_MAX:
            raise ValueError(f"wait_seconds must be 0 or more, and finite, got {wait_seconds}")
        self.model, self.most, self.wait_seconds = model, most, wait_seconds
        self.name: str = model.name
        self.context_length: int | None = model.context_length
        self._sizes: deque[int] = deque(maxlen=_SIZES_KEPT)
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []  # oldest first
        self._thread: threading.Thread | None = None  # that answers; there only while needed
        self._closed = False
        self._alone = itertools.count()

    def __repr__(self) -> str:
        return f"BatchingModel({self.model!r}, most={self.most}, wait_seconds={self.wait_seconds})"

    def __getattr__(self, name: str) -> Any:
        if name == "model":  # not there yet: while it is unpickled or copied
            raise AttributeError(name)
        return getattr(self.model, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def sizes(self) -> list[int]:
        """How many calls each batch so far had, oldest first."""
        return list(self._sizes)

    def chat(self, messages: Sequence[Message], **options: Unpack[Options]) -> Completion:
        """The model's answer, from a batch with other threads' calls.

        Raises:
            LanguageModelError: if it is closed, and what the model itself raises.
        """
        how = Generation(**options)  # wrong options or messages are nobody else's concern
        # repr: a schema cannot be hashed
        group = repr(how) if how.temperature == 0 else next(self._alone)
        deadline = time.monotonic() + self.wait_seconds
        call = _Waiting(check_messages(messages), group, options, deadline)
        with self._changed:
            if self._closed:
                raise LanguageModelError(f"{self!r} is closed. Next: make a new one.")
            self._waiting.append(call)
            self._changed.notify_all()
            if self._thread is None:
                # no daemon: the interpreter, at its end, waits for a batch that is running
                self._thread = threading.Thread(target=self._work, name="batching")
                self._thread.start()
        try:
            return call.answer.result()
        except BaseException:
            call.answer.cancel()  # interrupted while it waited: it is not asked any more
            raise

    def chat_batch(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        batch_size: int = 32,
        progress: bool | None = None,
        **options: Unpack[Options],
    ) -> list[Completion]:
        """An answer to each conversation, by the model's own chat_batch."""
        return self.model.chat_batch(
            conversations, batch_size=batch_size, progress=progress, **options
        )

    def stream(self, messages: Sequence[Message], **options: Unpack[Options]) -> Iterator[str]:
        """The answer piece by piece, by the model's own stream: in no batch."""
        return self.model.stream(messages, **options)

    def next_tokens(
        self, messages: Sequence[Message] | str, *, top: int | None = None
    ) -> NextTokens:
        """See LanguageModel.next_tokens."""
        return self.model.next_tokens(messages, top=top)

    def log_probability(self, messages: Sequence[Message] | str, continuation: str) -> Scored:
        """See LanguageModel.log_probability."""
        return self.model.log_probability(messages, continuation)

    def count_tokens(self, messages: Sequence[Message] | str) -> int:
        """See LanguageModel.count_tokens."""
        return self.model.count_tokens(messages)

    def close(self) -> None:
        """Answer the calls that wait, and refuse further ones. The model itself stays open."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        """Answer batches until no call waits."""
        while batch := self._next_batch():
            # a call that was interrupted is not asked for; the others cannot be cancelled any more
            batch = [call for call in batch if call.answer.set_running_or_notify_cancel()]
            if batch:
                self._answer(batch)

    def _next_batch(self) -> list[_Waiting]:
        """Wait until a batch is full or overdue, and take it; none if no call waits."""
        with self._changed:
            while self._waiting:
                first = self._waiting[0]
                left = 0.0 if self._closed else first.deadline - time.monotonic()
                # the oldest call's batch, once it is overdue; before that, any full one
                groups = [first.group] if left <= 0 else {call.group for call in self._waiting}
                for group in groups:
                    batch = [call for call in self._waiting if call.group == group][: self.most]
                    if left <= 0 or len(batch) == self.most or not isinstance(group, str):
                        taken = set(map(id, batch))
                        self._waiting = [c for c in self._waiting if id(c) not in taken]
                        return batch
                self._changed.wait(left)
            self._thread = None  # under the lock: the next call starts a new one
            return []

    def _answer(self, batch: list[_Waiting]) -> None:
        """Ask the model, and hand each call its answer or its error."""
        self._sizes.append(len(batch))
        options = batch[0].options
        try:
            # chat_batch for one call too: with the first conversation's seed, which is chat's
            answers = self.model.chat_batch(
                [call.messages for call in batch], batch_size=self.most, progress=False, **options
            )
            pairs = list(zip(batch, answers, strict=True))
        except (ContextOverflow, ValueError) as error:  # one conversation's fault: which one's?
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
            for call in batch:
                self._answer([call])
        except BaseException as error:
            for call in batch:
                call.answer.set_exception(error)
        else:
            for call, answer in pairs:
                call.answer.set_result(answer)
