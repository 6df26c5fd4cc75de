"""The exercises of notebooks/06_limits.ipynb."""

import itertools
import re
from collections import Counter
from typing import Any

from course_lib.exercises.core import (
    Case,
    Exercise,
    KnownWrong,
    Wrong,
    exact,
    function_check,
)

FIGURE = re.compile(r"[A-Z]+-?\d+|\d+(?:[.,]\d+)*")  # LK-204, E07, 4.5

# What sections 5 and 6 of the notebook ask, from the handbook's pages and those that they replaced.
RULES = [  # sentence, question, old figure, its year, new figure, its year
    ("A bike can be returned within {} days.", "Within how many days can a bike be returned?",
     "14", 2023, "30", 2024),
    ("A bike may be returned with up to {} km on it.", "With how many km may it be returned?",
     "50", 2023, "100", 2024),
    ("Sending a bike back costs {} euros.", "How much does it cost to send a bike back?",
     "59", 2023, "79", 2024),
    ("The frame has a warranty of {} years.", "For how many years does the frame have a warranty?",
     "5", 2021, "10", 2025),
    ("Brake pads are replaced below {} mm.", "Below how many mm are brake pads replaced?",
     "0.8", 2021, "1.0", 2024),
    ("Paid parental leave is {} weeks.", "How many weeks is paid parental leave?",
     "15", 2022, "20", 2025),
    ("A senior agent may approve up to {} euros.", "Up to how much may a senior agent approve?",
     "150", 2023, "250", 2025),
    ("The head of a workshop may approve up to {} euros.", "Up to how much may the head approve?",
     "250", 2023, "400", 2025),
    ("E-mails are kept for {} years.", "For how many years are e-mails kept?",
     "5", 2022, "3", 2025),
    ("The plan includes {} services a year.", "How many services a year does the plan include?",
     "1", 2022, "2", 2024),
]  # fmt: skip

WORDINGS = {  # passage: right figure, wordings
    "product-dash#charging": ("3.6", ["How long does the Dash take to charge?",
        "How many hours until an empty Dash is full?", "Dash charging time?",
        "My Dash is flat. How long do I have to wait?"]),
    "service-intervals#between-services": ("200", ["How often must I oil the chain?",
        "After how many km does the chain need oil?", "Chain oil interval?",
        "I ride a lot. Every how many kilometres do I oil it?"]),
    "product-meadow#what-it-is-not": ("22", ["How heavy may a child seat on the Meadow be?",
        "What is the limit for a child seat, in kg?", "Meadow child seat limit?",
        "How much may my daughter weigh in the seat of my Meadow?"]),
    "lights-and-the-law#dazzling": ("20", ["How far away may the light meet the road?",
        "At what distance should the beam of my light end?", "Light distance limit?",
        "People say I blind them. How far should my light reach?"]),
}  # fmt: skip

EASY = {  # questions that the model can answer from its weights: what the answer must contain
    "What is the capital of France?": "Paris",
    "How many days has a week?": "seven|7",
    "What colour is the sky on a clear day?": "blue",
    "What do bees make?": "honey",
    "Which planet do we live on?": "Earth",
    "What is the opposite of hot?": "cold",
    "How many legs does a spider have?": "eight|8",
    "In which country is Rome?": "Italy",
    "What is frozen water called?": "ice",
    "Which animal barks?": "dog",
}


def read_off(local: Any, prompts: list[str], answers: list[str]) -> tuple[list[bool], list[float]]:
    """Whether greedy decoding would write each answer, and the answer's log-probability.

    The tokens that all prompts begin with are read once: their KV cache serves every prompt. The
    rest is one batch, padded at its end, where no earlier token can see it.

    Args:
        local: a LocalModel.
        prompts: plain texts, two or more, no two of them equal.
        answers: what each would go on with, a text of one token or more.
    """
    import torch

    ids = [local.tokenizer(text, add_special_tokens=False)["input_ids"] for text in prompts]
    ends = [local.tokenizer(text, add_special_tokens=False)["input_ids"] for text in answers]
    n_shared = [len(set(column)) > 1 for column in zip(*ids, strict=False)].index(True)
    tails = [row[n_shared:] + end for row, end in zip(ids, ends, strict=True)]
    longest = max(map(len, tails))
    padded = torch.tensor([tail + [0] * (longest - len(tail)) for tail in tails])
    with torch.inference_mode():
        start = torch.tensor([ids[0][:n_shared]])
        cache = local.model(start, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(len(tails))
        # from the earliest place at which an answer is expected
        first = min(len(tail) - len(end) for tail, end in zip(tails, ends, strict=True)) - 1
        logits = local.model(padded, past_key_values=cache, logits_to_keep=longest - first).logits
    right, scores = [], []
    for row, tail, end in zip(logits.log_softmax(-1), tails, ends, strict=True):
        last = len(tail) - first - 1
        steps = row[last - len(end) : last]  # what the model expects before each token
        right.append(steps.argmax(-1).tolist() == end)
        scores.append(float(steps[range(len(end)), end].sum()))
    return right, scores


# ------------------------------------------------------------------------------------------------
# 6.1 Best passages at the ends


def ends_first(passages: list[Any]) -> list[Any]:
    """The best passages at both ends, the worst in the middle.

    Args:
        passages: best first.

    >>> ends_first([1, 2, 3, 4, 5])
    [1, 3, 5, 4, 2]
    """
    return passages[::2] + passages[1::2][::-1]


def _last_is_best(passages: Any) -> Any:
    return passages[1::2] + passages[::2][::-1]


def _worst_at_ends(passages: Any) -> Any:
    return ends_first(passages[::-1])


def _not_turned(passages: Any) -> Any:
    return passages[::2] + passages[1::2]


def _halves(passages: Any) -> Any:
    half = (len(passages) + 1) // 2
    return passages[:half] + passages[half:][::-1]


def _only_last_moved(passages: Any) -> Any:
    return passages[:1] + passages[2:] + passages[1:2]


# ------------------------------------------------------------------------------------------------
# 6.2 Figures from nowhere


def made_up(answer: str, sources: list[str]) -> list[str]:
    """Figures and codes of an answer that stand in none of its sources, each once, in order.

    Args:
        answer: what the model wrote.
        sources: texts that it may have them from: the passage and the question.

    >>> made_up("Order LK-204 for 16 euros, or LK-999.", ["LK-204 costs 16 euros."])
    ['LK-999']
    """
    known = {figure for source in sources for figure in FIGURE.findall(source)}
    return [figure for figure in dict.fromkeys(FIGURE.findall(answer)) if figure not in known]


def _made_up_substring(answer: Any, sources: Any) -> Any:
    text = "\n".join(sources)
    return [figure for figure in dict.fromkeys(FIGURE.findall(answer)) if figure not in text]


def _made_up_substring_repeats(answer: Any, sources: Any) -> Any:
    text = "\n".join(sources)
    return [figure for figure in FIGURE.findall(answer) if figure not in text]


def _made_up_boundaries(answer: Any, sources: Any) -> Any:
    text = "\n".join(sources)
    figures = dict.fromkeys(FIGURE.findall(answer))
    return [figure for figure in figures if not re.search(rf"\b{re.escape(figure)}\b", text)]


def _made_up_joined(answer: Any, sources: Any) -> Any:
    return made_up(answer, ["".join(sources)])


def _made_up_repeats(answer: Any, sources: Any) -> Any:
    known = set(FIGURE.findall("\n".join(sources)))
    return [figure for figure in FIGURE.findall(answer) if figure not in known]


def _made_up_sorted(answer: Any, sources: Any) -> Any:
    return sorted(made_up(answer, sources))


def _made_up_first(answer: Any, sources: Any) -> Any:
    return made_up(answer, sources[:1])


def _made_up_all(answer: Any, sources: Any) -> Any:
    return list(dict.fromkeys(figure for source in sources for figure in made_up(answer, [source])))


def _made_up_supported(answer: Any, sources: Any) -> Any:
    gone = made_up(answer, sources)
    return [figure for figure in dict.fromkeys(FIGURE.findall(answer)) if figure not in gone]


def _made_up_digits(answer: Any, sources: Any) -> Any:
    known = set(re.findall(r"\d+", "\n".join(sources)))
    return [digits for digits in dict.fromkeys(re.findall(r"\d+", answer)) if digits not in known]


def _made_up_missing(answer: Any, sources: Any) -> Any:
    found = dict.fromkeys(FIGURE.findall("\n".join(sources)))
    return [figure for figure in found if figure not in FIGURE.findall(answer)]


# ------------------------------------------------------------------------------------------------
# 6.3 Agreement


def agreement(answers: list[Any]) -> float:
    """Share of the pairs of answers that are equal; None agrees with nothing.

    Args:
        answers: the figure in the answer to each wording, or None; two or more.

    >>> agreement(["30", "30", "14"])
    0.3333333333333333
    """
    pairs = list(itertools.combinations(answers, 2))
    n_equal = sum(a is not None and bool(a == b) for a, b in pairs)
    return n_equal / len(pairs)


def _agreement_none(answers: Any) -> Any:
    pairs = list(itertools.combinations(answers, 2))
    return sum(a == b for a, b in pairs) / len(pairs)


def _agreement_itself(answers: Any) -> Any:
    pairs = list(itertools.product(answers, repeat=2))
    return sum(a is not None and a == b for a, b in pairs) / len(pairs)


def _agreement_most_common(answers: Any) -> Any:
    return Counter(answers).most_common(1)[0][1] / len(answers)


def _agreement_neighbours(answers: Any) -> Any:
    pairs = list(itertools.pairwise(answers))
    return sum(a is not None and a == b for a, b in pairs) / len(pairs)


def _agreement_left_out(answers: Any) -> Any:
    given = [answer for answer in answers if answer is not None]
    return agreement(given) if len(given) > 1 else 0.0


def _agreement_first(answers: Any) -> Any:
    others = answers[1:]
    return sum(answers[0] is not None and answers[0] == other for other in others) / len(others)


def _agreement_count(answers: Any) -> Any:
    return sum(a is not None and a == b for a, b in itertools.combinations(answers, 2))


# ------------------------------------------------------------------------------------------------
# 6.4 The reader's own case

NO_CASE = "Fill in the three entries: passage and answer are texts, wordings a list of questions."
NOT_A_TEXT = "The answer must be a text: write it in quotes, '14' and not 14."
NOT_A_FIGURE = "The answer must be one figure or code, such as '30' or 'LK-204'."
NOT_THERE = "The passage does not hold the answer as a figure of its own."
ALONE = "The passage holds no other figure: with one alone, any figure that is written is right."
FEW = "Write at least four wordings that differ in more than capitals and punctuation."
TOO_LONG = "The passage has more than 500 words: take the one paragraph that matters."
GIVEN_AWAY = "A wording holds the answer already: the model would only have to repeat it."

_CASE = {
    "passage": "Badges are made at the front desk from 8 to 10. Bring your contract and 15 euros; "
    "the badge is ready after 2 working days.",
    "answer": "15",
    "wordings": [
        "What does a badge cost?",
        "How much money must I bring for my badge?",
        "Price of a badge?",
        "I start on Monday and need a badge. What will I pay?",
    ],
}


def check_case(case: Any) -> None:
    """A passage with the answer and another figure, and four wordings that give nothing away."""
    if not isinstance(case, dict) or set(case) != set(_CASE):
        raise Wrong(NO_CASE)
    passage, answer, wordings = case["passage"], case["answer"], case["wordings"]
    if isinstance(answer, int | float):
        raise Wrong(NOT_A_TEXT, got=answer)
    if not isinstance(passage, str) or not isinstance(answer, str):
        raise Wrong(NO_CASE)
    if not isinstance(wordings, list | tuple) or not all(isinstance(w, str) for w in wordings):
        raise Wrong(NO_CASE, got=wordings)
    if FIGURE.findall(answer) != [answer]:
        raise Wrong(NOT_A_FIGURE, got=answer)
    if len(passage.split()) > 500:
        raise Wrong(TOO_LONG, got=len(passage.split()), expected=500)
    figures = set(FIGURE.findall(passage))
    if answer not in figures:
        raise Wrong(NOT_THERE, got=sorted(figures), expected=answer)
    if len(figures) == 1:
        raise Wrong(ALONE, got=sorted(figures))
    if any(answer in FIGURE.findall(wording) for wording in wordings):
        raise Wrong(GIVEN_AWAY, expected=answer)
    if len({" ".join(re.findall(r"\w+", wording.lower())) for wording in wordings} - {""}) < 4:
        raise Wrong(FEW, got=len(wordings))


def _case_with(**changes: Any) -> dict[str, Any]:
    return {**_CASE, **changes}


EXERCISES = [
    Exercise(
        id="6.1",
        title="Best passages at the ends",
        reference=ends_first,
        check=function_check(
            cases=[
                Case((["a", "b", "c", "d", "e"],), "five"),
                Case((["a", "b", "c", "d", "e", "f"],), "six"),
                Case((["a", "b", "c"],), "three"),
                Case((["a"],), "one"),
                Case(([],), "none"),
            ],
            compare=exact,
        ),
        hints=(
            "Every second passage, from the first on, fills the front. The others fill the back.",
            "passages[::2] is the front; the back is passages[1::2], turned round with [::-1].",
        ),
        explanation="Front and back are dealt out in turn, like cards to two players; the back is "
        "turned round, so that its best passage stands at the very end.",
        wrong=(
            KnownWrong(lambda passages: passages, "They come as they were, the worst one last."),
            KnownWrong(lambda passages: passages[::-1], "They are turned round: the worst first."),
            KnownWrong(_not_turned, "The back must be turned round: second best at the very end."),
            KnownWrong(_last_is_best, "The best stands last; it should stand first."),
            KnownWrong(_worst_at_ends, "The worst stand at the ends, the best in the middle."),
            KnownWrong(_halves, "You fill the front with the better half; deal them out in turn."),
            KnownWrong(_only_last_moved, "First and last are right, but the fourth best belongs "
                       "to the back as well: deal them out in turn."),
        ),
    ),
    Exercise(
        id="6.2",
        title="Figures from nowhere",
        reference=made_up,
        check=function_check(
            cases=[
                Case(("It costs 49 euros, or 89.", ["It costs 49 euros."]), "one is made up"),
                Case(("Take LK-204.", ["LK-204 fits.", "Which pads?"]), "none is made up"),
                Case(("After 10 days.", ["Within 100 days."]), "10 is not 100"),
                Case(("Use LK-240, 240 grams.", ["LK-204 weighs 240 grams."]), "a code"),
                Case(("At 4.5 bar.", ["At 4 or 5 bar."]), "a decimal"),
                Case(("Up to 30 km.", ["Up to 3", "0 km or more."]), "two sources"),
                Case(("For 80 and 7 and 80 euros.", ["It is free."]), "twice, and not sorted"),
                Case(("From 9 to 17 on 30 days, with 8, 64 or E12, and 4.5 bar.", ["Open."]),
                     "seven, not sorted"),
                Case(("At 4 bar.", ["At 4.5 bar."]), "4 is not 4.5"),
                Case(("It weighs 240 grams.", ["Use LK-240."]), "240 is not LK-240"),
                Case(("Your E07 takes 20 minutes.", ["Wait 20 minutes.", "I see E07."]),
                     "from the question"),
                Case(("That is free.", ["It costs 5 euros."]), "no figure"),
            ],
            compare=exact,
        ),
        hints=(
            "Collect the figures of all sources in a set; then go through the answer's figures.",
            "dict.fromkeys(FIGURE.findall(answer)) keeps each figure once, in order. Find the "
            "figures of each source on its own.",
        ),
        explanation="Comparing whole figures matters: 10 stands inside 100, and LK-240 is not "
        "supported by 240 grams. The guard does not see a wrong figure that the passage holds.",
        wrong=(
            KnownWrong(_made_up_substring, "You look for the characters: 10 is found inside 100. "
                       "Find the sources' figures first, and compare whole ones."),
            KnownWrong(_made_up_substring_repeats, "You look for the characters: 10 is found "
                       "inside 100. And a figure that is written twice comes twice."),
            KnownWrong(_made_up_boundaries, "You look for the figure between word boundaries: 4 "
                       "is found inside 4.5 and 240 inside LK-240. Find the sources' figures "
                       "with FIGURE, and compare whole ones."),
            KnownWrong(_made_up_joined, "You glue the sources together: '3' and '0 km' become "
                       "30. Find the figures of each on its own."),
            KnownWrong(_made_up_repeats, "A figure that is written twice comes twice."),
            KnownWrong(_made_up_sorted, "They are sorted; keep the answer's order."),
            KnownWrong(_made_up_first, "You look at the first source alone: what stands in the "
                       "question is not made up either."),
            KnownWrong(_made_up_all, "One source is enough: a figure need not stand in all."),
            KnownWrong(_made_up_supported, "These are the ones that do stand in the sources."),
            KnownWrong(_made_up_digits, "You compare digits alone: take FIGURE, which keeps LK-240 "
                       "and 4.5 whole."),
            KnownWrong(_made_up_missing, "These stand in the sources and not in the answer: it is "
                       "the other way round."),
        ),
    ),
    Exercise(
        id="6.3",
        title="Agreement",
        reference=agreement,
        check=function_check(
            cases=[
                Case((["30", "30", "30"],), "all alike"),
                Case((["30", "14", "30", "14"],), "two and two"),
                Case((["30", "14", "60"],), "all different"),
                Case(([None, None, "30", "30"],), "two without a figure"),
                Case(([None, None],), "no figure at all"),
                Case((["1", "2", "2", "2", None],), "three of five"),
            ]
        ),
        hints=(
            "itertools.combinations(answers, 2) gives every pair once.",
            "A pair counts if `a is not None and a == b`; divide by the number of pairs.",
        ),
        explanation="It needs no right answer, so it can watch a product in use. It is no "
        "accuracy: all wordings can agree on a wrong figure.",
        wrong=(
            KnownWrong(_agreement_none, "Two answers without a figure count as agreeing; they say "
                       "nothing."),
            KnownWrong(_agreement_itself, "Each answer is paired with itself too, which always "
                       "agrees."),
            KnownWrong(_agreement_most_common, "This is the share of the most common answer; "
                       "count pairs."),
            KnownWrong(_agreement_neighbours, "You compare neighbours alone; take every pair."),
            KnownWrong(_agreement_left_out, "You leave out the answers without a figure; their "
                       "pairs count, as not agreeing."),
            KnownWrong(_agreement_first, "You compare with the first answer alone; take every "
                       "pair."),
            KnownWrong(_agreement_count, "This is a count. Divide by the number of pairs."),
        ),
    ),
    Exercise(
        id="6.4",
        title="Your own passage in four wordings",
        reference=_CASE,
        solution_source="my_case = {\n"
        + "".join(f"    {key!r}: {value!r},\n" for key, value in _CASE.items())
        + "}",
        check=check_case,
        hints=(
            "Take a paragraph of your own handbook with two figures or more, and ask for one.",
            "One wording as you would write it, one of two words, one as an annoyed customer, one "
            "with a story before the question.",
        ),
        explanation="The wordings that fail are your best test cases: keep them.",
        wrong=(
            KnownWrong([_CASE], NO_CASE),
            KnownWrong(_case_with(answer=15), NOT_A_TEXT),
            KnownWrong(_case_with(answer="fifteen euros"), NOT_A_FIGURE),
            KnownWrong(_case_with(passage=f"{_CASE['passage']} " * 40), TOO_LONG),
            KnownWrong(_case_with(answer="25"), NOT_THERE),
            KnownWrong(_case_with(passage="Badges cost 15 euros at the front desk."), ALONE),
            KnownWrong(_case_with(wordings=["What does it cost?"] * 3 + ["what does it cost"]),
                       FEW),
            KnownWrong(_case_with(wordings=[*_CASE["wordings"], "Is it 15 euros?"]), GIVEN_AWAY),
        ),
    ),
]  # fmt: skip
