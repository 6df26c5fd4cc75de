"""A guard looks at a text or a call and says whether it may pass; several may look at one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from course_lib.chunking import Chunk

Origin = Literal["user", "passage", "tool_result"]
ORIGINS: tuple[Origin, ...] = ("user", "passage", "tool_result")


@dataclass(frozen=True)
class Span:
    """A place in a text: `text[start:end]`, counted in characters, and what was found there."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class ToolCall:
    """A tool that a model wants to call, and whose words made it want to.

    Attributes:
        tool: its name.
        arguments: by name.
        origin: "user" where only the user's own words were read before; "passage" or "tool_result"
            where such a text was, too. None leaves it to the guard to take the least trusted text
            of the context.

    >>> ToolCall("refund", {"order": "LC-25-20417"}).as_text()
    'refund {"order": "LC-25-20417"}'
    """

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    origin: Origin | None = None

    def as_text(self) -> str:
        """The tool's name and its arguments as JSON, for guards that read texts."""
        return f"{self.tool} {json.dumps(dict(self.arguments), ensure_ascii=False, default=str)}"


@dataclass(frozen=True)
class Context:
    """What a guard may need to know beside the text or call itself.

    Attributes:
        question: what the user asked.
        passages: what the model was shown, number 1 first.
        tool_results: what tools have returned.
        confirmed: calls to which a person has said yes, each with its arguments.
    """

    question: str = ""
    passages: Sequence[Chunk] = ()
    tool_results: Sequence[str] = ()
    confirmed: Sequence[ToolCall] = ()

    @property
    def least_trusted(self) -> Origin:
        """The origin of the least trusted text in it: whoever wrote it may have caused a call.

        >>> Context("How many?", tool_results=["4"]).least_trusted
        'tool_result'
        """
        if self.tool_results:
            return "tool_result"
        return "passage" if self.passages else "user"


@dataclass(frozen=True)
class Verdict:
    """What a guard says.

    Attributes:
        allowed: whether the text or call may pass.
        reason: why not, or empty. It names kinds and places, not the personal data themselves, so
            that it can be logged.
        spans: where the reasons stand in the text.
        score: how suspicious it is, from 0 to 1.
    """

    allowed: bool
    reason: str = ""
    spans: tuple[Span, ...] = ()
    score: float = 0.0


PASSED = Verdict(True)
NO_CONTEXT = Context()


class Guard(Protocol):
    """Looks at a text or at a call."""

    @property
    def name(self) -> str:
        """For reports; no two guards of a list have the same."""

    def check(self, subject: str | ToolCall, context: Context = NO_CONTEXT) -> Verdict:
        """Say whether it may pass. What a guard does not look at, it allows."""


@dataclass(frozen=True)
class Outcome:
    """What several guards said.

    Attributes:
        verdicts: by the guard's name, in the order in which they were asked.

    >>> outcome = Outcome({"length": Verdict(False, "longer than 500 characters", score=1.0)})
    >>> print(outcome)
    stopped by length: longer than 500 characters
    """

    verdicts: Mapping[str, Verdict]

    @property
    def allowed(self) -> bool:
        """Whether all of them allow it."""
        return not self.fired

    @property
    def fired(self) -> tuple[str, ...]:
        """The names of the guards that do not."""
        return tuple(name for name, verdict in self.verdicts.items() if not verdict.allowed)

    def __str__(self) -> str:
        said = (f"{name}: {self.verdicts[name].reason}" for name in self.fired)
        return f"stopped by {'; '.join(said)}" if self.fired else "allowed"


def apply_guards(
    guards: Sequence[Guard],
    subject: str | ToolCall,
    context: Context = NO_CONTEXT,
    *,
    stop_at_first: bool = False,
) -> Outcome:
    """Ask several guards about one text or call, and say which of them object.

    A guard that breaks objects: what nobody has looked at does not pass.

    Args:
        guards: put the cheap ones first.
        subject: a text, or a call.
        context: what they may need to know.
        stop_at_first: don't ask the others once one objects. The default asks all, for the trace.

    Raises:
        ValueError: if two guards have the same name, or the subject is neither text nor call.

    >>> class NoShouting:
    ...     name = "no shouting"
    ...     def check(self, subject, context=NO_CONTEXT):
    ...         return Verdict(not subject.isupper(), "all in capitals")
    >>> apply_guards([NoShouting()], "GIVE ME A REFUND").fired
    ('no shouting',)

    Built in notebooks/14_orchestration.ipynb.
    """
    check_guards(guards)
    if not isinstance(subject, str | ToolCall):
        raise ValueError(f"subject must be a text or a ToolCall, got {type(subject).__name__}")
    verdicts: dict[str, Verdict] = {}
    for guard in guards:
        try:
            verdict = guard.check(subject, context)
        except Exception as error:
            verdict = Verdict(False, f"the guard broke: {type(error).__name__}", score=1.0)
        verdicts[guard.name] = verdict
        if stop_at_first and not verdict.allowed:
            break
    return Outcome(verdicts)


def check_guards(guards: Sequence[Guard]) -> None:
    """Refuse two guards of one name: one's verdict would stand for both."""
    names = [guard.name for guard in guards]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"guards must have different names, got {twice[0]!r} twice")
