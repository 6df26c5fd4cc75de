"""A chat model behind an OpenAI-compatible endpoint, through the official openai client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, Unpack
from urllib.parse import urlsplit

import numpy as np

from course_lib.language_model.interface import (
    Completion,
    ContextOverflow,
    Generation,
    LanguageModelError,
    Message,
    NextTokens,
    Options,
    Scored,
    check_conversations,
    check_messages,
    progress_bar,
)

# Requests in flight at most: a server that answers one at a time lets the last one wait for all.
_IN_FLIGHT = 8
_TOP = 20  # the most that OpenAI's interface gives for a position
# a server's code or words for it: OpenAI and vLLM; llama.cpp
_OVERFLOW = ("context_length", "context length", "exceed_context_size", "context size")


class EndpointModel:
    """A chat model behind an OpenAI-compatible endpoint, such as vLLM, Ollama or OpenAI's own.

    The openai client tries again after a lost connection, a timeout, a 408, 409, 429 or 5xx, with
    growing pauses, or the pause that the server asks for (Retry-After, up to two minutes). An
    answer that breaks off in the middle is not asked for again. Of OpenAI's own environment
    variables, the key, organization and project are not read: nothing meant for OpenAI reaches
    another server. top_k and min_p are no part of OpenAI's interface; not every server takes them.

    Args:
        base_url: the address up to ``/chat/completions``, such as ``http://127.0.0.1:8000/v1``.
        model: the model's name at the server.
        api_key: shown in no message; None where the server wants none.
        timeout: seconds without a sign from the server after which a try is given up.
        max_retries: further tries.

    Attributes:
        context_length: None, since the interface does not tell it.

    Raises:
        ValueError: if an argument is empty, out of range, or no such address.

    >>> EndpointModel("http://127.0.0.1:8000/v1", "llama", api_key="secret")
    EndpointModel('http://127.0.0.1:8000/v1', 'llama')

    Used in notebooks/14_orchestration.ipynb.
    """

    context_length: int | None = None

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 3,
    ) -> None:
        import openai

        parts = urlsplit(base_url)
        if "@" in parts.netloc or parts.query:  # may be secret, so the address is not shown
            raise ValueError("base_url must hold no user, password or query; pass api_key instead")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"base_url must be an address such as http://127.0.0.1:8000/v1, got {base_url!r}"
            )
        if not model:
            raise ValueError("model must name a model of the endpoint, got an empty string")
        if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ValueError("api_key must be printable ASCII without spaces")
        if not timeout > 0 or max_retries < 0:
            raise ValueError(
                "timeout must be above 0 and max_retries 0 or more, "
                f"got {timeout} and {max_retries}"
            )
        self.base_url, self.name = base_url.rstrip("/"), model
        self.timeout, self.max_retries = timeout, max_retries
        self._api_key = api_key
        self._limit = "max_tokens"
        self._client = openai.OpenAI(
            base_url=self.base_url,
            api_key=api_key or "none",  # None would read OPENAI_API_KEY
            timeout=timeout,
            max_retries=max_retries,
        )
        self._client.organization = self._client.project = None

    def __repr__(self) -> str:
        return f"EndpointModel({self.base_url!r}, {self.name!r})"

    def chat(self, messages: Sequence[Message], **options: Unpack[Options]) -> Completion:
        """The model's answer; greedy unless a temperature is given (see Generation)."""
        how = Generation(**options)
        return self._chat(check_messages(messages), how, how.seed)

    def chat_batch(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        batch_size: int = 32,
        progress: bool | None = None,
        **options: Unpack[Options],
    ) -> list[Completion]:
        """An answer to each conversation, in their order; see LanguageModel.chat_batch.

        Up to 8 requests are in flight at once. After an error, requests that have not begun are
        dropped and those in flight are waited for; then it is raised.
        """
        how = Generation(**options)
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
        given = check_conversations(conversations)
        pool = ThreadPoolExecutor(min(batch_size, _IN_FLIGHT))
        try:
            with progress_bar(len(given), progress) as bar:
                jobs = [
                    pool.submit(self._chat, messages, how, how.seed_of(index))
                    for index, messages in enumerate(given)
                ]
                for job in as_completed(jobs):
                    job.result()  # the first error ends the batch
                    bar.update()
            return [job.result() for job in jobs]
        finally:
            pool.shutdown(cancel_futures=True)

    def stream(self, messages: Sequence[Message], **options: Unpack[Options]) -> Iterator[str]:
        """The answer piece by piece; closing the iterator closes the connection."""
        how = Generation(**options)
        return self._stream(check_messages(messages), how)

    def next_tokens(
        self, messages: Sequence[Message] | str, *, top: int | None = None
    ) -> NextTokens:
        """The answer's most probable first tokens: `top`, by default 20, as the server gives them.

        Raises:
            LanguageModelError: if the server gives no top_logprobs.
        """
        if isinstance(messages, str):
            raise ValueError("messages must be a list of messages; a plain string needs LocalModel")
        if top is not None and not 1 <= top <= _TOP:
            raise ValueError(f"top must be between 1 and {_TOP} (the interface's most), got {top}")
        given = check_messages(messages)
        # some servers divide the logits by the temperature first, which 1 leaves as they are
        request = {"logprobs": True, "top_logprobs": top or _TOP, "temperature": 1.0}
        with self._errors():
            choice = self._create(given, 1, **request).choices[0]
            if not (choice.logprobs and choice.logprobs.content):
                raise self._error(
                    "gives no log-probabilities",
                    "take a server with top_logprobs, or the local model",
                )
            found = sorted(choice.logprobs.content[0].top_logprobs, key=lambda one: -one.logprob)
            return NextTokens(
                tuple(one.token for one in found), None, np.array([one.logprob for one in found])
            )

    def log_probability(self, messages: Sequence[Message] | str, continuation: str) -> Scored:
        """Not possible: the interface gives no probability of a text that you choose.

        Raises:
            LanguageModelError: always.
        """
        raise self._error("cannot score a given text: its interface has no such call",
                          "use LocalModel for log_probability")  # fmt: skip

    def count_tokens(self, messages: Sequence[Message] | str) -> int:
        """Tokens of the prompt, as the server counts them: costs a request for one token."""
        if isinstance(messages, str):
            raise ValueError("messages must be a list of messages; a plain string needs LocalModel")
        return self.chat(messages, max_tokens=1).prompt_tokens

    def _create(self, messages: list[dict[str, str]], max_tokens: int, **request: Any) -> Any:
        import openai

        create: Any = self._client.chat.completions.create
        request |= {"model": self.name, "messages": messages}
        try:
            return create(**request, **{self._limit: max_tokens})
        except openai.BadRequestError as error:  # OpenAI's newer models know another name alone
            if self._limit != "max_tokens" or "max_completion_tokens" not in str(error):
                raise
            self._limit = "max_completion_tokens"
        return create(**request, **{self._limit: max_tokens})

    def _chat(self, messages: list[dict[str, str]], how: Generation, seed: int) -> Completion:
        with self._errors():
            answer = self._create(messages, how.max_tokens, **_request(how, seed))
            choice = answer.choices[0]
            if choice.finish_reason == "content_filter":
                raise self._error("withheld its answer (content_filter)", "change the messages")
            said = choice.message.content or ""  # a server that only thought sends null
            if not isinstance(said, str):
                raise TypeError("content must be text")
            text, stopped = how.cut(said)
            return Completion(
                text=text,
                finish_reason="length"
                if choice.finish_reason == "length" and not stopped
                else "stop",
                prompt_tokens=int(answer.usage.prompt_tokens),
                completion_tokens=int(answer.usage.completion_tokens),
            )

    def _stream(self, messages: list[dict[str, str]], how: Generation) -> Iterator[str]:
        text, sent, ended = "", 0, False
        request = _request(how, how.seed) | {"stream": True}
        with self._errors(), self._create(messages, how.max_tokens, **request) as chunks:
            for chunk in chunks:
                for choice in chunk.choices[:1]:
                    text += choice.delta.content or ""
                    ended = ended or choice.finish_reason is not None
                safe, stopped = how.cut(text, finished=False)
                if len(safe) > sent:
                    yield safe[sent:]
                    sent = len(safe)
                if stopped:
                    return
        if not ended:
            raise self._error(
                f"broke off its answer after {len(text)} characters", "ask again; if it goes on, "
                "look at the server's log, and whether base_url is right"
            )  # fmt: skip
        if rest := how.cut(text)[0][sent:]:
            yield rest

    def _error(self, what: str, then: str) -> LanguageModelError:
        return LanguageModelError(f"{self.base_url} {what}. Next: {then}.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise what goes wrong as LanguageModelError, without what might hold the key."""
        import openai

        try:
            yield
        except openai.APIError as error:
            explained = self._explain(error)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            explained = self._error(
                f"did not answer with a chat completion ({type(error).__name__} while reading it)",
                "check that base_url is an OpenAI-compatible address; many end in /v1",
            )
        else:
            return
        raise explained from None

    def _explain(self, error: Any) -> LanguageModelError:
        import openai

        tries = f"with up to {self.max_retries + 1} tries"
        said = str(error.body or error.message)
        cause = str(error.__cause__ or said)
        if self._api_key:
            said, cause = (text.replace(self._api_key, "***") for text in (said, cause))
        said = said[:500]
        status = getattr(error, "status_code", None)
        if isinstance(error, openai.APITimeoutError):
            return self._error(
                f"sent nothing for {self.timeout:g} s", "raise timeout, or see what keeps it busy"
            )
        if isinstance(error, openai.APIConnectionError):
            return self._error(
                f"cannot be reached, or broke off ({cause})",
                "check that the server runs, and the address (COURSE_LLM_BASE_URL)",
            )
        if status in (None, 400, 413, 422) and any(
            words in f"{error.code} {said}".lower() for words in _OVERFLOW
        ):
            return ContextOverflow(
                f"{self.base_url} says that prompt and answer do not fit in its context: {said}. "
                "Next: shorten the prompt or lower max_tokens."
            )
        if status in (401, 403):
            then = "check the key (COURSE_LLM_API_KEY)"
            return self._error(f"refuses the key ({status}): {said}", then)
        if status == 404:
            then = "check base_url (many end in /v1) and the model's name (COURSE_LLM_MODEL)"
            return self._error(f"does not know the address or the model (404): {said}", then)
        if status == 429:
            wait = error.response.headers.get("retry-after")
            then = f"wait{f' {wait} s' if wait else ''}, lower batch_size, or see your quota"
            return self._error(f"wants fewer requests (429) {tries}: {said}", then)
        if status is not None and status >= 500:
            return self._error(f"failed ({status}) {tries}: {said}", "look at the server's log")
        if status is None:
            return self._error(f"reports an error: {said}", "look at the server's log")
        return self._error(f"refuses the request ({status}): {said}", "change what it names")


def _request(how: Generation, seed: int) -> dict[str, Any]:
    """The options as OpenAI's interface names them; what greedy does not need is left out."""
    request: dict[str, Any] = {"temperature": how.temperature}
    if how.stops:
        request["stop"] = list(how.stops)
    if how.schema is not None:
        named = {"name": "answer", "schema": dict(how.schema), "strict": True}
        request["response_format"] = {"type": "json_schema", "json_schema": named}
    if how.temperature > 0:
        request["seed"] = seed
        if how.top_p is not None:
            request["top_p"] = how.top_p
        own = {"top_k": how.top_k, "min_p": how.min_p}
        if any(value is not None for value in own.values()):
            request["extra_body"] = {name: v for name, v in own.items() if v is not None}
    return request
