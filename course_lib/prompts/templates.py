"""Prompts as files: each version keeps its text, what changed in it, and why."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from course_lib.language_model import Message
from course_lib.language_model.interface import check_messages, check_text

LIBRARY = Path(__file__).parent / "library"
_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")  # {"intent": ...} in an example of JSON is no field
_HEADING = re.compile(r"^## (system|user|assistant)[ \t]*$", re.MULTILINE)
_KEYS = {"name", "version", "date", "changed", "why", "fields"}


@dataclass(frozen=True)
class Prompt:
    """One version of a prompt.

    Attributes:
        name, version, date: which one, and since when (ISO date).
        changed, why: what is other than in the version before, and what for.
        fields: name -> what to fill in.
        messages: with {fields}. `rag.answer(..., prompt=prompt.messages)` takes them as they are.
        sha: 12 hexadecimal digits that stand for the messages' text; log it beside each answer.
    """

    name: str
    version: int
    date: str
    changed: str
    why: str
    fields: dict[str, str]
    messages: tuple[Message, ...] = field(repr=False)
    sha: str

    def fill(self, **fields: str) -> list[Message]:
        """The messages with every field filled in, at once: a value that holds "{x}" stays so.

        What a document or a customer wrote may hold the marks of a turn: see `rag.break_markers`.

        Raises:
            ValueError: if a field is missing or unknown, or its value is no text.

        >>> load_prompt("intent", 1).fill(ticket="Where is my {bike}?")[-1]["content"]
        'Where is my {bike}?'

        Built in notebooks/11_prompts.ipynb.
        """
        for what, names in (
            ("is missing", set(self.fields) - set(fields)),
            ("is unknown", set(fields) - set(self.fields)),
        ):
            if names:
                raise ValueError(
                    f"field {sorted(names)[0]!r} {what}: {self.name} v{self.version} has the "
                    f"fields {sorted(self.fields)}"
                )
        for name, value in fields.items():
            check_text(value, f"field {name!r}")
        return [
            {**one, "content": _FIELD.sub(lambda found: fields[found[1]], one["content"])}
            for one in self.messages
        ]


def load_prompt(
    name: str, version: int | Literal["latest"] = "latest", *, folder: str | Path | None = None
) -> Prompt:
    """One version of a prompt, from the file `<folder>/<name>/v<version>.md`.

    A file begins with front matter in YAML between two lines `---`: name, version, date, changed,
    why, and fields (name: what to fill in). Then come the messages, each under a line `## system`,
    `## user` or `## assistant`. A field is written {like_this}.

    Args:
        name: such as "grounded-answer".
        version: a number, or "latest".
        folder: of your own prompts; by default those of the course.

    Raises:
        ValueError: if there is no such prompt or version, or its file is wrong; names the file.

    >>> prompt = load_prompt("grounded-answer", 1)
    >>> prompt.version, sorted(prompt.fields), prompt.messages[0]["role"]
    (1, ['passages', 'question'], 'system')

    Built in notebooks/11_prompts.ipynb.
    """
    known = versions(name, folder=folder)
    number = known[-1] if version == "latest" else version
    if number not in known:
        raise ValueError(f"version must be one of {known} or 'latest', got {version!r}")
    path = _folder(folder) / name / f"v{number}.md"
    text = path.read_text(encoding="utf-8")
    parts = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if not parts:
        raise ValueError(f"{path} must begin with front matter between two lines of '---'")
    try:
        front = yaml.safe_load(parts[1])
        return _prompt(name, int(number), front, parts[2])
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from None


def versions(name: str, *, folder: str | Path | None = None) -> list[int]:
    """Numbers of a prompt's versions, the oldest first.

    Raises:
        ValueError: if there is no such prompt; names those that there are.

    >>> versions("grounded-answer")[0]
    1

    Built in notebooks/11_prompts.ipynb.
    """
    place = _folder(folder)
    names = sorted(one.name for one in place.iterdir() if one.is_dir()) if place.is_dir() else []
    if name not in names:
        raise ValueError(f"name must be one of {names} (the prompts in {place}), got {name!r}")
    files = (re.fullmatch(r"v([1-9][0-9]*)\.md", one.name) for one in (place / name).iterdir())
    found = sorted(int(one[1]) for one in files if one)
    if not found:
        raise ValueError(f"{place / name} must hold files v1.md, v2.md ..., it holds none")
    return found


def _folder(folder: str | Path | None) -> Path:
    return LIBRARY if folder is None else Path(folder)


def _prompt(name: str, version: int, front: Any, body: str) -> Prompt:
    """A prompt from its front matter and the text under it."""
    if not isinstance(front, dict) or set(front) != _KEYS:
        given = sorted(front) if isinstance(front, dict) else front
        raise ValueError(f"front matter must have the keys {sorted(_KEYS)}, got {given}")
    if (front["name"], front["version"]) != (name, version):
        raise ValueError(f"name and version must be {name} and {version}, as the file is called, "
                         f"got {front['name']} and {front['version']}")  # fmt: skip
    before, *rest = _HEADING.split(body)
    if before.strip() or not rest:
        raise ValueError("the text must begin with a line '## system', '## user' or '## assistant'")
    pairs = zip(rest[::2], rest[1::2], strict=True)
    messages = check_messages([{"role": role, "content": text.strip()} for role, text in pairs])
    used = {one for message in messages for one in _FIELD.findall(message["content"])}
    fields = front["fields"] or {}
    if set(fields) != used:
        raise ValueError(f"fields must describe {sorted(used)}, which the text holds, "
                         f"got {sorted(fields)}")  # fmt: skip
    digest = hashlib.sha256(json.dumps(messages, ensure_ascii=False).encode()).hexdigest()
    return Prompt(
        name=name,
        version=version,
        date=str(front["date"]),
        changed=str(front["changed"]).strip(),
        why=str(front["why"]).strip(),
        fields={str(key): str(text) for key, text in fields.items()},
        messages=tuple(messages),
        sha=digest[:12],
    )
