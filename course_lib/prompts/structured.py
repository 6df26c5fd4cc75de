"""JSON from a language model: held to a schema while it is written, and checked afterwards."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.language_model import Completion, LanguageModel, LanguageModelError, Message


def generate_json(
    model: LanguageModel,
    messages: Sequence[Message],
    schema: Mapping[str, Any],
    *,
    max_tokens: int = 256,
    **options: Any,
) -> Any:
    """An answer that fits a JSON schema, as a Python object.

    A local model writes only what can still fit (`LocalModel.chat` with `schema`). An endpoint is
    asked to (`response_format`); some servers pass over that, so every answer is checked here.
    What fits the schema need not be true: the model can pick a wrong value from an `enum`.

    Args:
        model: any `course_lib.language_model`.
        messages: say in them what each field means: the schema itself is not shown to the model.
        schema: a JSON schema. A local model takes those that `check_schema` of
            `language_model.constrained` lets through, an endpoint those that its server does.
        max_tokens: of the answer. JSON cut short is no JSON.
        options: see `language_model.Generation`.

    Raises:
        ValueError: if the schema cannot be held to; names the keyword.
        LanguageModelError: if the answer is cut at max_tokens, is no JSON or breaks the schema.

    >>> class Clerk:  # stands in for language_model.load()
    ...     def chat(self, messages, **options):
    ...         return Completion('{"urgent": true}', "stop", 20, 7)
    >>> schema = {"type": "object", "properties": {"urgent": {"type": "boolean"}}}
    >>> generate_json(Clerk(), [{"role": "user", "content": "It is on fire."}], schema)
    {'urgent': True}

    Built in notebooks/11_prompts.ipynb.
    """
    answer = model.chat(messages, max_tokens=max_tokens, schema=schema, **options)
    return parse_json(answer, schema)


def parse_json(answer: Completion, schema: Mapping[str, Any]) -> Any:
    """What an answer holds, if it is JSON of the schema; for the answers of a `chat_batch`.

    Raises:
        LanguageModelError: if the answer is cut at max_tokens, is no JSON or breaks the schema.

    >>> try:
    ...     parse_json(Completion('{"urgent": "very"}', "stop", 20, 7), {"required": ["intent"]})
    ... except LanguageModelError as error:
    ...     print(error)
    the answer breaks the schema: 'intent' is a required property. It was: {"urgent": "very"}

    Built in notebooks/11_prompts.ipynb.
    """
    from jsonschema import Draft202012Validator

    text = answer.text.strip()
    shown = text if len(text) <= 200 else f"{text[:200]} ..."
    if answer.finish_reason == "length":
        raise LanguageModelError(
            f"the answer was cut after {answer.completion_tokens} tokens: raise max_tokens, or "
            f"bound the schema's strings and arrays (maxLength, maxItems). It was: {shown}"
        )
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()  # "\ud800" is JSON, and half a character
    except (ValueError, RecursionError) as error:
        raise LanguageModelError(
            f"the answer is not JSON ({error}): a server may pass over response_format; "
            f"take one that holds to schemas, or the local model. It was: {shown}"
        ) from None
    broken = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    if broken is not None:
        place = "/".join(map(str, broken.absolute_path))
        raise LanguageModelError(
            f"the answer breaks the schema{f' at {place}' if place else ''}: {broken.message}. "
            f"It was: {shown}"
        )
    return value


def _finite(text: str) -> float:
    """A number that JSON can hold: not NaN, and not 1e999, which Python reads as infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
