"""An answer held to a JSON schema: at every step the model may only write what can still fit it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from course_lib.language_model.interface import LanguageModelError

_NOTES = {"title", "description", "default", "examples", "deprecated", "$schema", "$comment"}
# What xgrammar holds an answer to. Other keywords it passes over without a word, or with a line on
# stderr: an answer could break the schema, so `check_schema` refuses them.
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set[str](),
    "null": set[str](),
}
_DEFINITIONS = ("$defs", "definitions")


def check_schema(schema: Any) -> None:
    """Raise ValueError unless a schema can be held to; names the keyword that cannot.

    A schema is a `type` (or several), an `enum`, a `const`, an `anyOf`, or a `$ref` to its own
    `$defs`; an empty one takes any JSON. An object's answer holds its `properties` alone.

    >>> check_schema({"type": "object", "properties": {"n": {"type": "integer", "multipleOf": 5}}})
    Traceback (most recent call last):
    ValueError: schema at properties/n: 'multipleOf' cannot be held to by constrained decoding; \
take it out and check it afterwards
    """
    if not isinstance(schema, Mapping):
        raise ValueError(f"schema must be a dict with a JSON schema, got {type(schema).__name__}")
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
        json.dumps(schema, allow_nan=False)
    except (SchemaError, TypeError, ValueError) as error:
        first = str(getattr(error, "message", error))
        raise ValueError(f"schema must be a valid JSON schema: {first}") from None
    for path, part in _parts(schema, ()):
        problem = _problem(part, schema)
        if problem:
            place = "/".join(path) or "its root"
            raise ValueError(f"schema at {place}: {problem}")


def _parts(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The schema, and every schema in it, each with its place."""
    yield path, schema
    if not isinstance(schema, Mapping):
        return
    for keyword in ("properties", *_DEFINITIONS):
        for name, part in schema.get(keyword, {}).items():
            yield from _parts(part, (*path, keyword, name))
    for place, part in enumerate(schema.get("anyOf", [])):
        yield from _parts(part, (*path, "anyOf", str(place)))
    if "items" in schema:
        yield from _parts(schema["items"], (*path, "items"))


def _problem(part: Any, root: Mapping[str, Any]) -> str | None:
    """Why one schema, without those in it, cannot be held to; None if it can."""
    if isinstance(part, bool):
        return None if part else "false lets nothing through"
    given = set(part) - _NOTES - set(_DEFINITIONS)
    kind = next((name for name in ("$ref", "anyOf", "const", "enum") if name in part), "type")
    types = part.get("type", [])
    types = [types] if isinstance(types, str) else types
    allowed = {kind} | ({"type"} if kind in ("const", "enum") else set())
    if kind == "type":
        allowed |= set[str]().union(*(_OF_TYPE[name] for name in types))
    for name in sorted(given - allowed):
        beside = f" beside {kind!r}" if kind != "type" else ""
        if kind == "type" and any(name in known for known in _OF_TYPE.values()):
            return f"{name!r} needs a 'type' that it belongs to, got {part.get('type')!r}"
        return (
            f"{name!r}{beside} cannot be held to by constrained decoding; "
            "take it out and check it afterwards"
        )
    if kind == "$ref":
        return None if _resolve(part["$ref"], root) else f"no definition {part['$ref']!r}"
    if kind in ("const", "enum") and types:
        from jsonschema import Draft202012Validator

        has_type = Draft202012Validator({"type": types}).is_valid
        wrong = [one for one in part.get("enum", [part.get("const")]) if not has_type(one)]
        return f"{wrong[0]!r} is not of the type {part['type']!r}" if wrong else None
    return _contradiction(part)


def _contradiction(part: Mapping[str, Any]) -> str | None:
    """What no answer can satisfy, or xgrammar does not read as JSON schema means it."""
    missing = set(part.get("required", [])) - set(part.get("properties", {}))
    if missing:
        return f"required names {sorted(missing)}, which properties do not define"
    if part.get("additionalProperties", False) is not False:
        return "additionalProperties must be false: the answer's keys are those of properties"
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        if low in part and high in part and part[low] > part[high]:
            return f"{low} {part[low]} is above {high} {part[high]}"
    pattern = part.get("pattern")
    if pattern is not None:
        if {"minLength", "maxLength"} & set(part):
            return "'pattern' cannot be held to beside minLength or maxLength: put {m,n} in it"
        try:
            re.compile(pattern)
        except re.error as error:
            return f"pattern {pattern!r} is no regular expression ({error})"
        if re.search(r"\(\?(?!:)|\\[^dws.\-/+*?()\[\]{}|^$]", pattern):
            return f"pattern {pattern!r} must do without lookaround, flags and rare escapes"
    return None


def _resolve(reference: str, root: Mapping[str, Any]) -> bool:
    if reference == "#":
        return True
    sign, _, rest = reference.partition("/")
    where, _, name = rest.partition("/")
    return sign == "#" and where in _DEFINITIONS and name in root.get(where, {})


class JsonGrammar:
    """Compiles schemas for one tokenizer.

    Args:
        tokenizer: a transformers tokenizer.
        vocab_size: columns of the model's logits.
        ends: tokens that end an answer.
    """

    def __init__(self, tokenizer: Any, vocab_size: int, ends: Sequence[int]) -> None:
        try:
            import xgrammar
        except ImportError:
            raise LanguageModelError(
                "schema needs the package xgrammar: python -m pip install xgrammar"
            ) from None
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocab_size, stop_token_ids=list(ends)
        )
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        # xgrammar reads a special token such as <|im_start|> as these characters, which are left
        # out of the answer's text; and lets tabs into some strings, which JSON does not.
        added = getattr(tokenizer, "added_tokens_decoder", {})
        special = {token for token, what in added.items() if getattr(what, "special", True)}
        control = {
            token
            for token, text in enumerate(info.decoded_vocab)
            if any(byte < 32 for byte in text)
        }
        self._banned = sorted((special | control) - set(ends))
        self._bytes = {text[0] for text in info.decoded_vocab if len(text) == 1}

    def mask(self, schema: Mapping[str, Any], rows: int) -> JsonMask:
        """What holds one batch of answers to a schema; ValueError if it cannot be held to."""
        check_schema(schema)
        for path, part in _parts(schema, ()):
            given = [part.get(key) for key in ("const", "enum")] if part is not True else []
            for sign in json.dumps([path, given], ensure_ascii=False):
                # of the 256 bytes SmolLM2's vocabulary lacks 21; assigned characters need none
                if not self._bytes.issuperset(sign.encode()):
                    raise ValueError(f"schema holds {sign!r}, which the model has no token for")
        try:
            compiled = self._compiler.compile_json_schema(
                json.dumps(schema), any_whitespace=False, strict_mode=True
            )
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0].split(": ", 1)[-1]
            raise ValueError(
                f"schema cannot be held to by constrained decoding: {reason}"
            ) from None
        return JsonMask(compiled, rows, self._banned)


class JsonMask:
    """Takes out of each row's scores the tokens after which no answer could fit the schema."""

    def __init__(self, compiled: Any, rows: int, banned: list[int]) -> None:
        import xgrammar

        self._matchers = [xgrammar.GrammarMatcher(compiled) for _ in range(rows)]
        self._bits = xgrammar.allocate_token_bitmask(rows, compiled.tokenizer_info.vocab_size)
        self._banned = banned
        self._begun = False

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores with -inf where a token may not come, shape (rows, vocabulary)."""
        import xgrammar

        for row, matcher in enumerate(self._matchers):
            # a row that has ended is padded until the whole batch has
            if self._begun and not matcher.is_terminated():
                matcher.accept_token(int(input_ids[row, -1]))
            if not matcher.is_terminated():
                matcher.fill_next_token_bitmask(self._bits, row)
        self._begun = True
        scores = scores.clone()
        scores[:, self._banned] = -float("inf")
        xgrammar.apply_token_bitmask_inplace(scores, self._bits)
        return scores
