"""The guards of `course_lib.guardrails` around the assistant, by the names that a setting gives."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.guardrails import (
    CitationGuard,
    Context,
    GroundedGuard,
    Guard,
    InstructionDetector,
    PersonalDataGuard,
    Verdict,
    larkspur_personal_data,
    passages_of,
)
from course_lib.service.answering import AnswerGuard, QuestionGuard

NAMES = ("instructions", "personal_data", "citations", "grounded")


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


def open_guards(names: Sequence[str]) -> tuple[list[QuestionGuard], list[AnswerGuard]]:
    """The guards of the question and those of the answer.

    Args:
        names: of NAMES: "instructions" looks at the question, the others at the answer.

    Raises:
        ValueError: if there is no guard of a name.

    >>> before, after = open_guards(["citations", "grounded"])
    >>> len(before), [guard.name for guard in after]
    (0, ['citations', 'grounded'])

    Built in notebooks/15_capstone.ipynb.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ValueError(f"names must be of {', '.join(NAMES)}, got {', '.join(unknown)}")
    before: list[QuestionGuard] = []
    after: list[AnswerGuard] = []
    if "instructions" in names:
        before.append(OnQuestion(_trained_detector()))
    if "personal_data" in names:
        after.append(OnAnswer(PersonalDataGuard(larkspur_personal_data())))
    if "citations" in names:
        after.append(OnAnswer(CitationGuard()))
    if "grounded" in names:
        after.append(OnAnswer(GroundedGuard()))
    return before, after


def _trained_detector() -> InstructionDetector:
    """The detector, trained on the training split: it takes a second."""
    from course_lib.data import load_attacks

    train = [one for one in load_attacks() if one.split == "train"]
    return InstructionDetector().fit(
        [one.text for one in train], [one.label == "attack" for one in train]
    )
