"""What every language model of the course can do, and what it takes and gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

Message = Mapping[str, str]
ROLES = ("system", "user", "assistant")


class LanguageModelError(RuntimeError):
    """The model could not answer: what happened, and what to do next."""


class ContextOverflow(LanguageModelError):  # noqa: N818 - it names what happened
    """The prompt and the answer do not fit in the model's context.

    Attributes:
        prompt_tokens, max_tokens, context_length: the numbers; None where a server hides one.
    """

    def __init__(
        self,
        message: str,
        prompt_tokens: int | None = None,
        max_tokens: int | None = None,
        context_length: int | None = None,
    ) -> None:
        super().__init__(message)
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
        self.context_length = context_length


@dataclass(frozen=True)
class Completion:
    """An answer.

    Attributes:
        text: the answer, without the stop string that ended it.
        finish_reason: "stop" if the model ended the answer or wrote a stop string, "length" if
            max_tokens did.
        prompt_tokens: tokens read, the chat template's included.
        completion_tokens: tokens generated, the one that ended the answer included.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, eq=False, repr=False)
class NextTokens:
    """Tokens that may come next, the most probable first.

    Attributes:
        tokens: their text; part of a character is shown as "\N{REPLACEMENT CHARACTER}".
        ids: their numbers in the vocabulary; None from an endpoint.
        log_probabilities: natural logarithms, shape (n,).
    """

    tokens: tuple[str, ...]
    ids: tuple[int, ...] | None
    log_probabilities: NDArray[np.float64]

    def __repr__(self) -> str:
        first = zip(self.tokens[:3], np.exp(self.log_probabilities), strict=False)
        shown = ", ".join(f"{token!r}: {probability:.3f}" for token, probability in first)
        return f"<{len(self.tokens)} next tokens: {shown}{', …' * (len(self.tokens) > 3)}>"


@dataclass(frozen=True, eq=False)
class Scored:
    """How probable a model finds a given text.

    Attributes:
        tokens: the text's tokens, shape (n,).
        log_probabilities: of each token after those before it, natural logarithms, shape (n,).
    """

    tokens: tuple[str, ...]
    log_probabilities: NDArray[np.float64]

    @property
    def total(self) -> float:
        """Log-probability of the whole text."""
        return float(self.log_probabilities.sum())

    @property
    def mean(self) -> float:
        """Log-probability of a token on average; ``exp(-mean)`` is the perplexity."""
        return float(self.log_probabilities.mean())


class Options(TypedDict, total=False):
    """The keyword arguments of chat, chat_batch and stream; Generation explains them."""

    max_tokens: int
    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    seed: int
    stop: str | Sequence[str]
    schema: Mapping[str, Any] | None


@dataclass(frozen=True)
class Generation:
    """How an answer is generated.

    Args:
        max_tokens: the answer ends after this many tokens.
        temperature: 0 takes the most probable token each time (greedy); above 0 a token is drawn,
            from the model's own probabilities at 1, from flatter ones above 1.
        top_k: draw from the k most probable tokens alone.
        top_p: draw from the fewest tokens whose probabilities add up to p alone.
        min_p: draw from the tokens at least p times as probable as the most probable one alone.
        seed: repeats the draws. In a batch, conversation i has the seed ``seed + 1000 * i``, so
            that 32 times the same question gives 32 draws.
        stop: a string or several; the answer ends before the first one.
        schema: a JSON schema that the answer is held to, while it is written (a local model) or as
            far as the server does so (an endpoint). An answer cut at max_tokens is part of one.
            `prompts.generate_json` parses and checks what comes back.

    Raises:
        ValueError: if a value is out of range.
    """

    max_tokens: int = 128
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int = 0
    stop: str | Sequence[str] = ()
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        object.__setattr__(self, "stop", stop)
        for name, least in (("max_tokens", 1), ("top_k", 1), ("seed", 0)):
            value = getattr(self, name)
            if name == "top_k" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be a whole number of {least} or more, got {value!r}")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature must be 0 (greedy) or more, got {self.temperature!r}")
        for name in ("top_p", "min_p"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {value!r}")
        if not all(isinstance(text, str) and text for text in stop):
            raise ValueError(f"stop must be strings that are not empty, got {list(stop)!r}")

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings as a tuple."""
        return tuple(self.stop)

    def seed_of(self, index: int) -> int:
        """Seed of a batch's conversation."""
        return int(self.seed) + 1000 * index

    def cut(self, text: str, *, finished: bool = True) -> tuple[str, bool]:
        """The answer before the first stop string, and whether there was one.

        Args:
            text: what the model wrote.
            finished: False also leaves out an end that may yet change or become a stop string.

        >>> Generation(stop="\\n\\n").cut("Yes.\\n\\nBut")
        ('Yes.', True)
        >>> Generation(stop="\\n\\n").cut("Yes.\\n", finished=False)
        ('Yes.', False)
        """
        # the one that is complete first, so that pieces and a whole text are cut alike
        found = [
            (text.find(stop) + len(stop), text.find(stop)) for stop in self.stops if stop in text
        ]
        if found:
            return text[: min(found)[1]], True
        if not finished:
            text = text.rstrip("\N{REPLACEMENT CHARACTER}")  # half a character
            for size in range(max(map(len, self.stops), default=1) - 1, 0, -1):
                if any(stop.startswith(text[-size:]) for stop in self.stops if size <= len(text)):
                    return text[:-size], False
        return text, False


class LanguageModel(Protocol):
    """A chat model, local or behind an endpoint. Messages are ``{"role": ..., "content": ...}``.

    Every method raises ValueError on messages or options that are wrong, ContextOverflow where
    prompt and answer do not fit, and LanguageModelError where the model cannot answer.
    """

    name: str
    context_length: int | None

    def chat(self, messages: Sequence[Message], **options: Unpack[Options]) -> Completion:
        """The model's answer; greedy unless a temperature is given."""
        ...

    def chat_batch(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        batch_size: int = 32,
        progress: bool | None = None,
        **options: Unpack[Options],
    ) -> list[Completion]:
        """An answer to each conversation, in their order.

        Args:
            conversations: a list of lists of messages.
            batch_size: conversations worked on at once.
            progress: True shows a progress bar, False does not, None shows it after 2 seconds.
            options: see Generation.
        """
        ...

    def stream(self, messages: Sequence[Message], **options: Unpack[Options]) -> Iterator[str]:
        """The answer piece by piece, as it is written."""
        ...

    def next_tokens(
        self, messages: Sequence[Message] | str, *, top: int | None = None
    ) -> NextTokens:
        """Distribution of the answer's first token; the `top` most probable ones alone if given."""
        ...

    def log_probability(self, messages: Sequence[Message] | str, continuation: str) -> Scored:
        """How probable it is that the model answers with exactly this text."""
        ...

    def count_tokens(self, messages: Sequence[Message] | str) -> int:
        """Tokens of the prompt that the messages become."""
        ...


def check_messages(messages: Sequence[Message], name: str = "messages") -> list[dict[str, str]]:
    """The messages as plain dictionaries.

    Raises:
        ValueError: if there are none, or one has no known role and text; names its index.

    >>> check_messages([{"role": "human", "content": "Hi"}])
    Traceback (most recent call last):
    ValueError: messages[0] must have the role system, user or assistant, got 'human'
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise ValueError(f"{name} must be a list of messages, got {type(messages).__name__}")
    if not messages:
        raise ValueError(f"{name} must hold at least one message, got none")
    for index, message in enumerate(messages):
        place = f"{name}[{index}]"
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            given = sorted(map(str, message)) if isinstance(message, Mapping) else message
            raise ValueError(f"{place} must be a dict with role and content, got {given!r}")
        if message["role"] not in ROLES:
            raise ValueError(
                f"{place} must have the role system, user or assistant, got {message['role']!r}"
            )
        check_text(message["content"], f"{place}'s content")
    return [dict(message) for message in messages]


def check_conversations(conversations: Any) -> list[list[dict[str, str]]]:
    """Each conversation's messages, checked; an error names the conversation."""
    if isinstance(conversations, str | Mapping) or any(
        isinstance(c, Mapping) for c in conversations
    ):
        raise ValueError(
            "conversations must be a list of lists of messages, got a single conversation; "
            "pass [messages]"
        )
    return [check_messages(given, f"conversations[{i}]") for i, given in enumerate(conversations)]


def check_text(text: Any, name: str) -> None:
    """Raise ValueError unless this is a string that can be written as UTF-8."""
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a string, got {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be valid Unicode, got half a surrogate pair at character {error.start}"
        ) from error


def progress_bar(total: int, progress: bool | None) -> Any:
    """A bar on stderr that counts answers; None shows it after 2 seconds."""
    from tqdm import tqdm

    # tqdm heeds TQDM_DISABLE only where `disable` is not passed
    options: dict[str, Any] = {"disable": True} if progress is False else {}
    options |= {"leave": bool(progress), "delay": 0 if progress else 2, "miniters": 0}
    return tqdm(total=total, desc="Answering", unit=" answers", **options)
