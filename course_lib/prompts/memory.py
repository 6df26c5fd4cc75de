"""A conversation's memory within a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from course_lib.language_model import Message
from course_lib.language_model.interface import check_text

_EARLIER = "Earlier in this conversation:"


class ConversationMemory:
    """Keeps the system message and the newest turns; older ones are summarised or dropped.

    A turn is a user's message with the answer to it, and goes as a whole. What `ask` returns is
    never above max_tokens, and always holds the system message and the user's last message.

    Args:
        max_tokens: of the prompt. The answer needs room beside it.
        count_tokens: of messages, such as `language_model.load().count_tokens`.
        system: the system message.
        summarize: (summary so far, messages that leave) -> new summary. It stands at the end of the
            system message; by default what leaves is gone.
        max_summary_tokens: what the summary may cost; words at its end are cut off.

    Attributes:
        summary: of what left.
        dropped: the messages that left, the oldest first.

    Raises:
        ValueError: if max_tokens or max_summary_tokens is below 1.

    >>> def count(messages):  # stands in for a model's
    ...     return sum(len(message["content"].split()) for message in messages)
    >>> memory = ConversationMemory(6, count, system="Be brief.")
    >>> _ = memory.ask("My order is LC-24-31877.")
    >>> memory.answer("Thank you.")
    >>> memory.ask("Where is it?")
    [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Where is it?'}]
    >>> [message["content"] for message in memory.dropped]
    ['My order is LC-24-31877.', 'Thank you.']

    Built in notebooks/11_prompts.ipynb.
    """

    def __init__(
        self,
        max_tokens: int,
        count_tokens: Callable[[list[Message]], int],
        *,
        system: str = "",
        summarize: Callable[[str, Sequence[Message]], str] | None = None,
        max_summary_tokens: int = 60,
    ) -> None:
        for name, value in (("max_tokens", max_tokens), ("max_summary_tokens", max_summary_tokens)):
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, got {value}")
        check_text(system, "system")
        self.max_tokens, self.max_summary_tokens = max_tokens, max_summary_tokens
        self.system, self.summary = system, ""
        self.dropped: list[Message] = []
        self._count, self._summarize = count_tokens, summarize
        self._turns: list[list[Message]] = []

    def ask(self, text: str) -> list[Message]:
        """Take up what the user says; the prompt to answer it.

        Raises:
            ValueError: if the system message and this text alone do not fit; the memory stays as
                it was.
        """
        check_text(text, "text")
        turn: list[Message] = [{"role": "user", "content": text}]
        needed = self._count(self._prompt([turn], ""))
        if needed > self.max_tokens:
            raise ValueError(
                f"text must fit beside the system message in max_tokens = {self.max_tokens}; "
                f"together they take {needed}"
            )
        turns, left, summary = [*self._turns, turn], list[Message](), self.summary
        # in summaries of different length a turn could come back: none does
        while len(turns) > 1 and self._count(self._prompt(turns, summary)) > self.max_tokens:
            oldest = turns.pop(0)
            left += oldest
            if self._summarize is not None:
                summary = self._cut(str(self._summarize(summary, oldest)))
        while self._count(self._prompt(turns, summary)) > self.max_tokens:
            summary = summary.rpartition(" ")[0]
        self._turns, self.summary = turns, summary
        self.dropped += left
        return self._prompt(turns, summary)

    def answer(self, text: str) -> None:
        """Take up the answer to what was asked last.

        Raises:
            ValueError: if nothing was asked, or it was answered.
        """
        check_text(text, "text")
        if not self._turns or len(self._turns[-1]) > 1:
            raise ValueError("answer must come after ask, once for each")
        self._turns[-1].append({"role": "assistant", "content": text})

    def _prompt(self, turns: Sequence[Sequence[Message]], summary: str) -> list[Message]:
        parts = [self.system, f"{_EARLIER} {summary}" if summary else ""]
        system = "\n\n".join(part for part in parts if part)
        first: list[Message] = [{"role": "system", "content": system}] if system else []
        return [*first, *(dict(message) for turn in turns for message in turn)]

    def _cut(self, summary: str) -> str:
        """The summary's first words that cost max_summary_tokens or less."""
        words = summary.split()
        empty: list[list[Message]] = [[{"role": "user", "content": ""}]]
        limit = self._count(self._prompt(empty, "")) + self.max_summary_tokens
        low, high = 0, len(words)
        while low < high:  # halve: the most words that fit
            middle = (low + high + 1) // 2
            if self._count(self._prompt(empty, " ".join(words[:middle]))) <= limit:
                low = middle
            else:
                high = middle - 1
        return " ".join(words[:low])
