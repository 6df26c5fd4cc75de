"""The exercises of notebooks/00_start_here.ipynb."""

from functools import cache
from typing import Any

from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check

TARGET_PAGE = "damaged-batteries"
_NOT_TEXT = "Your question must be text in quotes, such as 'What now?'."
_TOO_SHORT = "Write a whole question of at least four words, as you would to customer care."
_NAMES_IT = "Your question says 'battery'. Describe the situation without that word."
_POINTER = (
    "A fair question, but the search lands on the recycling page, which only points to the right "
    "one: the model's weakness, not yours. Add a detail: the damage you see, or what you fear."
)
_OTHER_PAGE = "The assistant finds another page. Say more: a fall, a dent, a swelling, your fear."


def should_answer(score: float, threshold: float) -> bool:
    """Whether the best score is high enough to answer."""
    return score >= threshold


def share_right(found: list[str], relevant: list[set[str]]) -> float:
    """Share of the questions for which the section found is one of the relevant ones."""
    right = [anchor in marks for anchor, marks in zip(found, relevant, strict=True)]
    return sum(right) / len(right)


@cache
def _assistant() -> tuple[Any, list[str], Any]:
    """The assistant of notebook 00: its embedder, each section's page, each section's vector."""
    from course_lib import data
    from course_lib.embeddings import Embedder

    sections = [section for page in data.load_handbook() for section in page.sections()]
    texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections]
    embedder = Embedder()
    return embedder, [s.page_id for s in sections], embedder.encode(texts, progress=False)


def _found_page(question: str) -> str:
    """The page that the assistant answers this question from."""
    embedder, pages, vectors = _assistant()
    return pages[int((vectors @ embedder.encode([question])[0]).argmax())]


def _own_question(attempt: Any) -> None:
    if not isinstance(attempt, str):
        raise Wrong(_NOT_TEXT, got=attempt)
    if len(attempt.split()) < 4:
        raise Wrong(_TOO_SHORT, got=attempt)
    if "batter" in attempt.lower():
        raise Wrong(_NAMES_IT, got=attempt)
    page = _found_page(attempt)
    if page == "battery-recycling":
        raise Wrong(_POINTER, given=attempt, got=page, expected=TARGET_PAGE)
    if page != TARGET_PAGE:
        raise Wrong(_OTHER_PAGE, given=attempt, got=page, expected=TARGET_PAGE)


EXERCISES = [
    Exercise(
        id="0.1",
        title="Answer or decline",
        reference=should_answer,
        check=function_check(
            cases=[
                Case((0.62, 0.45), "well above"),
                Case((0.31, 0.45), "below"),
                Case((0.45, 0.45), "exactly at the threshold"),
                Case((0.62, 0.70), "a stricter threshold"),
                Case((-0.2, 0.0), "a negative score"),
            ],
            compare=exact,
        ),
        hints=(
            "Compare the two numbers; a comparison in Python is already True or False.",
            "'At least' includes the threshold itself: `>=`, and do not forget `return`.",
        ),
        explanation="A score exactly at the threshold still counts as good enough.",
        wrong=(
            KnownWrong(
                lambda score, threshold: score > threshold,
                "A score exactly at the threshold should be answered: 'at least' includes it.",
            ),
            KnownWrong(
                lambda score, threshold: score < threshold,
                "This is the wrong way round: it answers when the score is low.",
            ),
            KnownWrong(
                lambda score, threshold: score <= threshold,
                "This declines high scores and answers low ones: turn the comparison round.",
            ),
            KnownWrong(
                lambda score, threshold: score >= 0.45,
                "Use the parameter `threshold`, not a fixed number.",
            ),
            KnownWrong(
                lambda score, threshold: score >= 0.28,
                "Compare with the `threshold` that is handed in, not with this notebook's own.",
            ),
            KnownWrong(
                lambda score, threshold: True,
                "This always answers. An assistant that cannot decline makes things up.",
            ),
        ),
    ),
    Exercise(
        id="0.2",
        title="Share of questions answered from the right section",
        reference=share_right,
        check=function_check(
            cases=[
                Case((["a#1", "b#2"], [{"a#1"}, {"c#1"}]), "one of two"),
                Case((["a#1", "b#2", "c#3"], [{"a#1", "a#2"}, {"b#2"}, {"c#3"}]), "all right"),
                Case((["a#1"], [{"a#2", "a#3"}]), "none"),
                Case((["a#1", "a#1", "b#1"], [{"b#1"}, {"a#1"}, {"a#1"}]), "the order counts"),
                Case((["a#12", "a#1"], [{"a#1"}, {"a#12"}]), "anchors that begin alike"),
            ]
        ),
        hints=(
            "Go through both lists together with `zip` and ask `anchor in marks`.",
            "True counts as 1: sum the answers and divide by the number of questions.",
        ),
        explanation=(
            "The average of ones and zeros is a share. Notebook 09 calls this one success@1."
        ),
        wrong=(
            KnownWrong(
                lambda found, relevant: sum(a in m for a, m in zip(found, relevant, strict=True)),
                "This is a count. Divide it by the number of questions.",
            ),
            KnownWrong(
                lambda found, relevant: (
                    sum(a not in m for a, m in zip(found, relevant, strict=True)) / len(found)
                ),
                "This is the share of wrong ones. Count the questions that found a relevant one.",
            ),
            KnownWrong(
                lambda found, relevant: (
                    sum({a} == m for a, m in zip(found, relevant, strict=True)) / len(found)
                ),
                "Where several sections are relevant, any one of them is right: use `in`.",
            ),
            KnownWrong(
                lambda found, relevant: (
                    sum(a in m for a, m in zip(found, relevant, strict=True))
                    / sum(len(m) for m in relevant)
                ),
                "Divide by the number of questions, not by the number of relevant sections.",
            ),
            KnownWrong(
                lambda found, relevant: (
                    sum(a in set().union(*relevant) for a in found) / len(found)
                ),
                "Each question has its own set of relevant sections: pair them with `zip`.",
            ),
            KnownWrong(
                lambda found, relevant: (
                    100 * sum(a in m for a, m in zip(found, relevant, strict=True)) / len(found)
                ),
                "This is a percentage. A share lies between 0 and 1.",
            ),
        ),
    ),
    Exercise(
        id="0.3",
        title="Your own question",
        reference="It slipped out of my hands on the stairs and now has a dent. Is it dangerous?",
        check=_own_question,
        hints=(
            "Say what happened to it and what you are afraid of.",
            "Words such as dropped, dented, swollen or smoking describe the same situations.",
        ),
        explanation="There are many right answers. This one shares few words with the page:",
        solution_source=(
            'my_question = "It slipped out of my hands on the stairs and now has a dent. '
            'Is it dangerous?"'
        ),
        time_limit=120.0,
        wrong=(
            KnownWrong(["Is it", "dangerous?"], _NOT_TEXT),
            KnownWrong("Dangerous?", _TOO_SHORT),
            KnownWrong("I dropped my battery. Is it dangerous now?", _NAMES_IT),
            KnownWrong("I dropped the power pack, it looks swollen. What do I do?", _POINTER),
            KnownWrong("How long may I keep a bike before I send it back?", _OTHER_PAGE),
        ),
    ),
]
