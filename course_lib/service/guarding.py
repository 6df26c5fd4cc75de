"""The guards of `course_lib.guardrails` around the assistant, by the names that a setting gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from course_lib.chunking import Chunk
from course_lib.guardrails import (
    CitationGuard,
    Context,
    GroundedGuard,
    Guard,
    InstructionDetector,
    PersonalDataGuard,
    Verdict,
    larkspur_personal_data,
    passage_guards,
    passages_of,
    reviewed_half,
)
from course_lib.service.answering import AnswerGuard, QuestionGuard

NAMES = ("instructions", "passages", "personal_data", "citations", "grounded")


class Guards(NamedTuple):
    """Those of the question, those of the passages, those of the answer."""

    before: list[QuestionGuard]
    passages: list[Guard]
    after: list[AnswerGuard]


class OnQuestion:
    """A guard that looks at the question.

    >>> from course_lib.guardrails import PersonalData
    >>> guard = OnQuestion(CitationGuard())
    >>> guard.name, guard.check("Where is it?").reason
    ('citations', 'cites nothing')

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard, self.name = guard, guard.name

    def check(self, question: str, /) -> Verdict:
        """See QuestionGuard.check."""
        return self.guard.check(question)


class OnAnswer:
    """A guard that looks at the answer, and knows the question and the passages.

    >>> OnAnswer(GroundedGuard()).check("45 days [1].", "How long?", ["Within 30 days."]).allowed
    False

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard, self.name = guard, guard.name

    def check(self, answer: str, question: str, passages: Sequence[str], /) -> Verdict:
        """See AnswerGuard.check."""
        return self.guard.check(answer, Context(question, passages_of(passages)))


def open_guards(names: Sequence[str], chunks: Sequence[Chunk] = ()) -> Guards:
    """The guards of those names.

    Args:
        names: of NAMES: "instructions" looks at the question, "passages" at what the search found,
            the others at the answer.
        chunks: the documents' passages, where "passages" is among the names.

    Raises:
        ValueError: if there is no guard of a name.

    >>> before, _, after = open_guards(["citations", "grounded"])
    >>> len(before), [guard.name for guard in after]
    (0, ['citations', 'grounded'])

    Built in notebooks/15_capstone.ipynb.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ValueError(f"names must be of {', '.join(NAMES)}, got {', '.join(unknown)}")
    guards = Guards([], [], [])
    if "instructions" in names:
        guards.before.append(OnQuestion(_trained_detector()))
    if "passages" in names:
        guards.passages.extend(passage_guards(reviewed_half(chunks)))
    if "personal_data" in names:
        guards.after.append(OnAnswer(PersonalDataGuard(larkspur_personal_data())))
    if "citations" in names:
        guards.after.append(OnAnswer(CitationGuard()))
    if "grounded" in names:
        guards.after.append(OnAnswer(GroundedGuard()))
    return guards


def _trained_detector() -> InstructionDetector:
    """The detector, trained on the training split: it takes a second."""
    from course_lib.data import load_attacks

    train = [one for one in load_attacks() if one.split == "train"]
    return InstructionDetector().fit(
        [one.text for one in train], [one.label == "attack" for one in train]
    )
