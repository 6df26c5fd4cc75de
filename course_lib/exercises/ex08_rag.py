"""The exercises of notebooks/08_rag.ipynb."""

import re
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.data import LARKSPUR
from course_lib.exercises.checks import FunctionCheck
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import Guarded, NotAttempted

# ------------------------------------------------------------------------------------------------
# 8.1 BM25


def bm25(query: Any, texts: Any, k1: Any, b: Any) -> Any:
    """Score every text for a query by BM25, as `retrieval.BM25` does.

    Args:
        query: words; one that stands there twice counts twice.
        texts: for each text its words.
        k1: how much repetitions still add.
        b: how much long texts are held back.

    >>> bm25(["motor"], [["hot", "motor"], ["cold", "chain"]], 1.2, 0.75).round(3)
    array([0.315, 0.   ])
    """
    lengths = np.array([len(text) for text in texts])
    norm = 1 - b + b * lengths / lengths.mean()
    scores = np.zeros(len(texts))
    for word in query:
        n = np.array([text.count(word) for text in texts])
        df = np.sum(n > 0)
        idf = np.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
        scores += idf * n / (n + k1 * norm)
    return scores


def _bm25_variant(query: Any, texts: Any, k1: Any, b: Any, how: str) -> Any:
    """BM25 with one thing changed."""
    lengths = np.array([len(set(text) if how == "sets" else text) for text in texts])
    k1, b = (1.2, 0.75) if how == "fixed" else (k1, b)
    mean = lengths.max() if how == "longest" else lengths.mean()
    norm = 1 - b + b * lengths / mean
    if how == "no length":
        norm = np.ones(len(texts))
    elif how == "b swapped":
        norm = b + (1 - b) * lengths / mean
    scores = np.zeros(len(texts))
    for word in dict.fromkeys(query) if how == "once" else query:
        n = np.array([text.count(word) for text in texts])
        df = n.sum() if how == "occurrences" else np.sum(n > 0)
        idf = np.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
        if how == "no idf":
            idf = 1.0
        elif how == "plain idf":
            idf = np.log(len(texts) / max(df, 1))
        elif how == "no one":
            idf = np.log((len(texts) - df + 0.5) / (df + 0.5))
        elif how == "idf bare":
            with np.errstate(divide="ignore"):
                idf = np.log(1 + len(texts) - df + 0.5 / df + 0.5)
        if how == "presence":
            n = np.minimum(n, 1)
        part = n if how == "no saturation" else n / (n + k1 * norm)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = n / n + k1 * norm if how == "part bare" else part
            scores += idf * part * ((k1 + 1) if how == "scaled" else 1)
    return scores


_BM25_SOLUTION = """
def my_bm25(query, texts, k1, b):
    lengths = np.array([len(text) for text in texts])
    norm = 1 - b + b * lengths / lengths.mean()
    scores = np.zeros(len(texts))
    for word in query:
        n = np.array([text.count(word) for text in texts])   # how often it stands in each text
        df = np.sum(n > 0)                                   # in how many texts
        idf = np.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
        scores += idf * n / (n + k1 * norm)
    return scores
"""

_TEXTS = [
    ["let", "the", "motor", "cool"],
    ["the", "motor", "and", "the", "chain", "and", "the", "motor", "again"],
    ["the", "chain", "is", "worn"],
    [
        "ask",
        "the",
        "workshop",
        "about",
        "the",
        "price",
        "of",
        "a",
        "chain",
        "a",
        "motor",
        "or",
        "the",
        "charger",
    ],
    ["charger"],
]

# ------------------------------------------------------------------------------------------------
# 8.2 Reciprocal rank fusion


def fuse(rankings: Any, k: Any, constant: Any) -> Any:
    """The k names that stand highest in all rankings together, best first.

    >>> fuse([["a", "b"], ["b", "c"]], 2, 60)
    ['b', 'a']
    """
    scores: dict[Any, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, start=1):
            scores[name] = scores.get(name, 0.0) + 1 / (constant + rank)
    return sorted(scores, key=lambda name: -scores[name])[:k]


def _fuse_variant(rankings: Any, k: Any, constant: Any, how: str) -> Any:
    """The fusion with one thing changed."""
    places: dict[Any, list[int]] = {}
    rankings = [ranking[:k] for ranking in rankings] if how == "cut first" else rankings
    for ranking in rankings:
        for rank, name in enumerate(ranking, start=0 if how == "from zero" else 1):
            places.setdefault(name, []).append(rank)
    if how == "in all":
        places = {name: at for name, at in places.items() if len(at) == len(rankings)}
    constant = 60 if how == "always 60" else constant
    scores = {name: sum(1 / (constant + rank) for rank in at) for name, at in places.items()}
    if how == "best alone":
        scores = {name: 1 / (constant + min(at)) for name, at in places.items()}
    elif how == "mean":
        scores = {name: scores[name] / len(at) for name, at in places.items()}
    elif how == "ranks":
        scores = {name: -float(sum(at)) for name, at in places.items()}
    elif how == "squared":
        scores = {
            name: sum((constant**2 + rank) ** -1 for rank in at) for name, at in places.items()
        }
    elif how == "ties":
        places = dict(sorted(places.items(), key=lambda item: min(item[1])))
        scores = {name: scores[name] for name in places}
    order = sorted(scores, key=lambda name: scores[name] if how == "worst" else -scores[name])
    if how == "pairs":
        return [(name, scores[name]) for name in order[:k]]
    return order if how == "not cut" else order[:k]


_FUSE_SOLUTION = """
def my_fusion(rankings, k, constant):
    scores = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, start=1):
            scores[name] = scores.get(name, 0) + 1 / (constant + rank)
    return sorted(scores, key=lambda name: -scores[name])[:k]   # sorted keeps ties as they were met
"""

# ------------------------------------------------------------------------------------------------
# 8.3 What fits


def keep(lengths: Any, budget: Any) -> Any:
    """Positions of the passages that are kept, from the best down, whole or not at all.

    >>> keep([50, 70, 30], 90)
    [0, 2]
    """
    kept, used = [], 0
    for place, length in enumerate(lengths):
        if used + length <= budget:
            kept.append(place)
            used += length
    return kept


def _keep_stop(lengths: Any, budget: Any) -> Any:
    kept, used = [], 0
    for place, length in enumerate(lengths):
        if used + length > budget:
            break
        kept.append(place)
        used += length
    return kept


def _keep_strict(lengths: Any, budget: Any) -> Any:
    kept, used = [], 0
    for place, length in enumerate(lengths):
        if used + length < budget:
            kept.append(place)
            used += length
    return kept


def _keep_over(lengths: Any, budget: Any) -> Any:
    kept, used = [], 0
    for place, length in enumerate(lengths):
        if used >= budget:
            break
        kept.append(place)
        used += length
    return kept


def _keep_each(lengths: Any, budget: Any) -> Any:
    return [place for place, length in enumerate(lengths) if length <= budget]


def _keep_shortest(lengths: Any, budget: Any) -> Any:
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    return sorted(order[place] for place in _keep_stop([lengths[p] for p in order], budget))


def _keep_most(lengths: Any, budget: Any) -> Any:
    for size in range(len(lengths), 0, -1):
        for kept in combinations(range(len(lengths)), size):
            if sum(lengths[place] for place in kept) <= budget:
                return list(kept)
    return []


def _keep_lengths(lengths: Any, budget: Any) -> Any:
    return [lengths[place] for place in keep(lengths, budget)]


_KEEP_SOLUTION = """
def my_keep(lengths, budget):
    kept, used = [], 0
    for place, length in enumerate(lengths):
        if used + length <= budget:      # else: pass over it, a shorter one may follow
            kept.append(place)
            used += length
    return kept
"""

# ------------------------------------------------------------------------------------------------
# 8.4 Citations


def look_up(text: Any, n_passages: Any) -> Any:
    """Numbers that an answer cites: (those of passages shown, others), each once, as met.

    >>> look_up("Within 30 days [1], by post [2, 7].", 3)
    ([1, 2], [7])
    """
    cited = [int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(",")]
    once = list(dict.fromkeys(cited))
    return [n for n in once if 1 <= n <= n_passages], [n for n in once if not 1 <= n <= n_passages]


def _look_up_variant(text: Any, n_passages: Any, how: str) -> Any:
    """The look-up with one thing changed."""
    pattern = {
        "single": r"\[(\d+)\]",
        "anywhere": r"(\d+)",
        "blanks": r"\[(\d+(?:, \d+)*)\]",
    }.get(how, r"\[([\d, ]+)\]")
    cited = [int(n) for group in re.findall(pattern, text) for n in group.split(",")]
    if how == "one digit":
        cited = [int(n) for n in re.findall(r"\d", " ".join(re.findall(pattern, text)))]
    if how == "first number":
        cited = [int(group.split(",")[0]) for group in re.findall(pattern, text)]
    if how in ("any bracket", "two"):
        brackets = re.findall(r"\[(.*?)\]" if how == "any bracket" else pattern, text)
        found = [re.findall(r"\d+", bracket) for bracket in brackets]
        cited = [int(n) for group in found for n in (group[:2] if how == "two" else group)]
    once = cited if how == "repeats" else list(dict.fromkeys(cited))
    once = sorted(once) if how == "sorted" else once
    lowest, highest = int(how != "zero"), n_passages - (how == "from zero")
    lowest -= how == "from zero"
    highest -= how == "below n"
    known = [n for n in once if lowest <= n <= highest]
    other = [n for n in once if not lowest <= n <= highest]
    if how == "swapped":
        return other, known
    return (known, []) if how == "dropped" else (known, other)


@dataclass(frozen=True)
class _TwoLists(FunctionCheck):
    """Says which of the two lists differs."""

    def __call__(self, attempt: Guarded) -> None:
        try:
            super().__call__(attempt)
        except Wrong as wrong:
            wrong.message = _which_list(attempt) or wrong.message
            raise


def _which_list(attempt: Guarded) -> str:
    """What is wrong with the first of two lists that differs, or "" if it is something else."""
    for args, _, outcome in attempt.calls:
        got = outcome.value
        if not isinstance(got, list | tuple):
            return ""
        if len(got) != 2:
            return "Two lists are wanted: the passages that were shown, and the others."
        names = "of the passages that were shown", "of the others"
        for name, one, wanted in zip(names, got, look_up(*args), strict=True):
            if isinstance(one, Set):
                return f"The numbers {name} are a set: a list keeps the order of mention."
            if not exact(one, wanted):
                return f"The list {name} is not the right one."
    return ""


_LOOK_UP_SOLUTION = """
def my_look_up(text, n_passages):
    cited = []
    for group in re.findall(r"\\[([\\d, ]+)\\]", text):       # "1" or "2, 7"
        for part in group.split(","):
            if int(part) not in cited:
                cited.append(int(part))
    retrieved = [n for n in cited if 1 <= n <= n_passages]
    return retrieved, [n for n in cited if n not in retrieved]
"""


def numbers(text: str) -> set[str]:
    """Numbers and part codes of a text, by which section 11 tells whether an answer is right.

    >>> sorted(numbers("Take LK-204, for 25.50 euro."))
    ['25.50', 'LK-204']
    """
    return set(re.findall(r"[A-Z]{2}-\d+|\d+(?:\.\d+)?", text))


# ------------------------------------------------------------------------------------------------
# 8.5 The reader's own folder

_FOLDER = str(LARKSPUR / "handbook")
_QUESTIONS = [
    ("How many days do I have to return a bike?", "returns-policy.md"),
    ("Which shelf do brake pads lie on?", "warehouse-places.md"),
    ("The child rattles about on the back, what can I do?", "cargo-and-children.md"),
    ("My money vanished at the till, now what?", "payment.md"),
]


def _read(folder: str) -> Any:
    """Documents, report and search of a folder as it is now."""
    files = []
    for file in Path(folder).rglob("*"):
        with suppress(OSError):  # the report names what cannot be opened
            state = file.stat()
            files.append((str(file), state.st_size, state.st_mtime_ns))
    return _read_once(folder, tuple(sorted(files)))


@lru_cache(maxsize=1)
def _read_once(folder: str, _files: tuple[tuple[str, int, int], ...]) -> Any:
    """The same for a folder whose files have not changed."""
    from course_lib.chunking import chunk_fixed
    from course_lib.ingestion import load_folder
    from course_lib.retrieval import WordSearch

    documents, report = load_folder(folder)
    return documents, report, WordSearch(chunk_fixed(documents, 150))


def _places(folder: str, questions: Any) -> list[Any]:
    """For each question the place of the first piece of its file, or None."""
    _, _, search = _read(folder)
    found = []
    for question, file in questions:
        sources = [one.chunk.source for one in search.search(question, 1000)]
        found.append(sources.index(file) + 1 if file in sources else None)
    return found


def show_folder(folder: Any, questions: Any) -> None:
    """Print what a folder holds, and at which place search finds the file of each answer."""
    try:
        path = _check_folder(folder)
    except (Wrong, NotAttempted) as verdict:  # the check says what is missing
        if str(verdict) == _FEW_DOCUMENTS:
            print(_read(str(Path(folder).expanduser()))[1])
        return
    _, report, search = _read(path)
    print(report)
    try:
        _check_questions(path, questions)
    except (Wrong, NotAttempted):
        return
    for (question, file), place in zip(questions, _places(path, questions), strict=True):
        first = search.search(question, 1)
        print(f"\n{question}\n   {file}: place {place or '-'}")
        if place != 1 and first:
            print(f"   first: {first[0].chunk.locator}")


_NO_FOLDER = "There is no folder of this name. Give its path as a text, such as r'C:\\notes\\wiki'."
_FEW_DOCUMENTS = (
    "Fewer than three documents were read: Markdown, text and PDF files are wanted. The report "
    "says what was skipped, and why."
)
_FEW_QUESTIONS = "Three questions or more are wanted."
_WRONG_SHAPE = 'Pairs of a question and a file are wanted: ("When is lunch?", "canteen.md").'
_SHORT = "A question has three words or more."
_TWICE = "A question stands there twice."
_NO_FILE = (
    "A file was not read. Write it as the report and `source` do: its path inside the folder, "
    "with / between folders."
)
_ALL_FOUND = (
    "Every question finds its file at the first place. Ask one as somebody would who has not read "
    "the page, in other words than the page's."
)
_NONE_FOUND = (
    "No question finds its file at the first place. Use a rare word of the page in one of them. If "
    "your texts are not in English, pass language= to WordSearch in your own project."
)


def _check_folder(folder: Any) -> str:
    if folder is ... or folder in ("", None):
        raise NotAttempted
    if not isinstance(folder, str | Path) or not Path(folder).expanduser().is_dir():
        raise Wrong(_NO_FOLDER, got=folder)
    path = str(Path(folder).expanduser())
    if len(_read(path)[0]) < 3:
        raise Wrong(_FEW_DOCUMENTS)
    return path


def _check_questions(path: str, questions: Any) -> None:
    if not isinstance(questions, list | tuple):
        raise Wrong(_WRONG_SHAPE, got=questions)
    if not questions:
        raise NotAttempted
    sources = {document.source for document in _read(path)[0]}
    for pair in questions:
        fits = isinstance(pair, list | tuple) and len(pair) == 2
        if not fits or not all(isinstance(part, str) and part.strip() for part in pair):
            raise Wrong(_WRONG_SHAPE, got=pair)
        if pair[1] not in sources:
            raise Wrong(_NO_FILE, got=pair[1])
    if len(questions) < 3:
        raise Wrong(_FEW_QUESTIONS)
    plain = [" ".join(re.findall(r"\w+", pair[0].lower())) for pair in questions]
    for text in plain:
        if len(text.split()) < 3:
            raise Wrong(_SHORT, got=text)
        if plain.count(text) > 1:
            raise Wrong(_TWICE, got=text)


def check_folder(answer: Any) -> None:
    """Want a folder that was read, and questions that search does and does not answer."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong("A folder and a list of questions are wanted.")
    path = _check_folder(answer[0])
    _check_questions(path, answer[1])
    first = [place == 1 for place in _places(path, answer[1])]
    if all(first):
        raise Wrong(_ALL_FOUND)
    if not any(first):
        raise Wrong(_NONE_FOUND)


EXERCISES = [
    Exercise(
        id="8.1",
        title="BM25",
        reference=bm25,
        solution_source=_BM25_SOLUTION,
        check=function_check(
            cases=[
                Case((["motor"], _TEXTS, 1.2, 0.75), "one word"),
                Case((["the", "chain"], _TEXTS, 1.2, 0.75), "a common and a rarer word"),
                Case((["charger", "charger", "hot"], _TEXTS, 1.2, 0.75), "twice, and unknown"),
                Case((["the", "motor"], _TEXTS, 2.0, 0.3), "another k1 and b"),
            ]
        ),
        hints=(
            "For each word of the query: n is an array with its number of occurrences in each "
            "text; df is in how many texts n is above 0. The rest is the formula.",
            "lengths = np.array([len(text) for text in texts]); norm = 1 - b + b * lengths / "
            "lengths.mean(); add idf * n / (n + k1 * norm) for each word.",
        ),
        explanation="n / (n + k1 * norm) stays below 1: the tenth occurrence of a word adds next "
        "to nothing, and a long text needs more of them. So no single word can win alone, unless "
        "it is rare.",
        wrong=(
            KnownWrong(
                partial(_bm25_variant, how="no idf"),
                "Every word counts alike: multiply by idf, which is large for rare words.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="plain idf"),
                "This is idf without its half: ln(1 + (N - df + 0.5) / (df + 0.5)) is wanted.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="occurrences"),
                "df is the number of texts that hold the word, not how often it occurs in all.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="no saturation"),
                "Repetitions count in full: divide n by n + k1 * norm.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="presence"),
                "A word counts once a text, however often it stands there: use its number n.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="no length"),
                "Long texts are not held back: k1 is multiplied by 1 - b + b * length / mean.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="longest"),
                "You divide the length by the longest; the mean length is wanted.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="b swapped"),
                "b and 1 - b are exchanged: with b = 0 the length has no effect.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="once"),
                "A word that the query repeats counts each time.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="scaled"),
                "You multiply by k1 + 1, as the first papers did: the order is the same, the "
                "scores are not those of the formula here.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="no one"),
                "The 1 + inside the logarithm is missing: a word of most texts scores below 0.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="idf bare"),
                "Brackets are missing inside the logarithm: (N - df + 0.5) / (df + 0.5).",
            ),
            KnownWrong(
                partial(_bm25_variant, how="part bare"),
                "Brackets are missing: n / (n + ...), not n / n + ...",
            ),
            KnownWrong(
                partial(_bm25_variant, how="sets"),
                "A text's length is that of the list, with its repetitions.",
            ),
            KnownWrong(
                partial(_bm25_variant, how="fixed"), "k1 and b are arguments, not 1.2 and 0.75."
            ),
        ),
    ),
    Exercise(
        id="8.2",
        title="Reciprocal rank fusion",
        reference=fuse,
        solution_source=_FUSE_SOLUTION,
        check=function_check(
            cases=[
                Case(([["a", "b", "c"], ["b", "d", "a"]], 3, 60), "two rankings"),
                Case(([["x", "y", "z", "w"], ["v", "u", "y"]], 2, 1), "a small constant"),
                Case(([["p", "q"], ["r", "s"]], 3, 60), "nothing in common: ties"),
                Case(([["a", "b", "c", "d", "e"], ["f"], ["g", "e"]], 2, 2), "three rankings"),
                Case(([["a", "c", "b"], ["d", "e", "b"]], 2, 0), "a constant of 0"),
                Case(([["a", "b", "c"], ["b", "d", "c"]], 2, 1), "twice, below the first"),
                Case(
                    ([["a", *"uvw", "b"], ["d", *"xyz", "b"]], 1, 2), "once first, or twice fifth"
                ),
                Case(([["x", "a"], ["d", "a"]], 3, 0), "all equal: as they were met"),
            ],
            compare=exact,
        ),
        hints=(
            "A dictionary from name to score. Go through each ranking with enumerate(ranking, "
            "start=1), and add 1 / (constant + rank) to what the name has.",
            "sorted(scores, key=lambda name: -scores[name])[:k] keeps ties in the order in which "
            "they were met.",
        ),
        explanation="Ranks need no common scale: BM25 has no upper end, a cosine stops "
        "at 1. A large constant lets two middling places beat one first place.",
        wrong=(
            KnownWrong(
                partial(_fuse_variant, how="from zero"), "The first place has rank 1: start=1."
            ),
            KnownWrong(
                partial(_fuse_variant, how="best alone"),
                "Only the best place of a name counts. Add up all of its places.",
            ),
            KnownWrong(
                partial(_fuse_variant, how="mean"),
                "You take the mean: standing in two rankings must be worth more than in one.",
            ),
            KnownWrong(
                partial(_fuse_variant, how="cut first"),
                "You cut each ranking to k before you add: a name far down in both can still win.",
            ),
            KnownWrong(
                partial(_fuse_variant, how="in all"),
                "Names that one ranking lacks are dropped. They keep what the others give them.",
            ),
            KnownWrong(
                partial(_fuse_variant, how="ranks"),
                "You add up ranks, so a name that stands in few rankings wins. Add their "
                "reciprocals.",
            ),
            KnownWrong(
                partial(_fuse_variant, how="always 60"), "The constant is an argument, not 60."
            ),
            KnownWrong(
                partial(_fuse_variant, how="squared"),
                "The constant is added as it is, not squared.",
            ),
            KnownWrong(
                partial(_fuse_variant, how="ties"),
                "Of equals, the one met first comes first, not the one with the better place.",
            ),
            KnownWrong(partial(_fuse_variant, how="worst"), "The best come first."),
            KnownWrong(partial(_fuse_variant, how="not cut"), "k names are wanted: cut at k."),
            KnownWrong(
                partial(_fuse_variant, how="pairs"), "Names are wanted, without their scores."
            ),
        ),
    ),
    Exercise(
        id="8.3",
        title="What fits",
        reference=keep,
        solution_source=_KEEP_SOLUTION,
        check=function_check(
            cases=[
                Case(([50, 70, 30, 20], 90), "the second is too long"),
                Case(([200, 10, 15], 30), "the first is too long"),
                Case(([40, 60, 5], 100), "exactly full"),
                Case(([40, 30, 10, 10], 60), "the shortest are not the best"),
                Case(([500], 100), "nothing fits"),
                Case(([60, 30, 30, 30], 90), "a long one first"),
            ],
            compare=exact,
        ),
        hints=(
            "Go from the best down with the tokens used so far. Keep a passage if it still fits.",
            "A passage that does not fit is passed over, and its length not counted: no break.",
        ),
        explanation="Half a passage is worse than none: a rule without its exception reads "
        "like the whole one. What the cut has halved already stays so.",
        wrong=(
            KnownWrong(
                _keep_stop,
                "After one that is too long nothing is kept: pass over it, uncounted, since "
                "a shorter one may follow.",
            ),
            KnownWrong(_keep_strict, "The budget may be used up: <=, not <."),
            KnownWrong(_keep_over, "The last one kept goes over the budget: ask before you add."),
            KnownWrong(_keep_each, "Each fits alone, all of them do not: count what is used."),
            KnownWrong(
                _keep_shortest,
                "You prefer short passages: the best come first, whatever their length.",
            ),
            KnownWrong(
                _keep_most,
                "You keep as many as you can. The best come first, even if they leave room for "
                "fewer.",
            ),
            KnownWrong(_keep_lengths, "These are lengths; positions are wanted."),
        ),
    ),
    Exercise(
        id="8.4",
        title="Look up citations",
        reference=look_up,
        solution_source=_LOOK_UP_SOLUTION,
        check=_TwoLists(
            cases=(
                Case(("Within 30 days [1], by post [7].", 3), "one of each"),
                Case(("By post [3, 1] or by van [3].", 3), "two in a bracket, and a repeat"),
                Case(("No [0]. Yes [12], or [2].", 12), "zero and two digits"),
                Case(("It costs 25 euro [2, 5].", 3), "a number that is no citation"),
                Case(("First [9], then [2], then [9, 4].", 3), "order"),
                Case(("Turn it to [max 3], see [2,4, 1].", 4), "three, and a bracket with a word"),
            ),
            compare=exact,
        ),
        hints=(
            r're.findall(r"\[([\d, ]+)\]", text) finds what stands in brackets: "1", "3, 1". '
            "Split that at commas.",
            "int() forgives blanks. Keep each number once, as met: dict.fromkeys(numbers). Passage "
            "numbers go from 1 to n_passages.",
        ),
        explanation="This finds invented sources. Whether a source says what the answer says is "
        "another question: notebook 10 measures it.",
        wrong=(
            KnownWrong(
                partial(_look_up_variant, how="single"),
                "[3, 1] is two citations: a bracket may hold several numbers.",
            ),
            KnownWrong(
                partial(_look_up_variant, how="first number"),
                "You read the first number of a bracket alone.",
            ),
            KnownWrong(
                partial(_look_up_variant, how="one digit"), "12 is one number, not a 1 and a 2."
            ),
            KnownWrong(
                partial(_look_up_variant, how="anywhere"),
                "30 days is no citation: only numbers in brackets are.",
            ),
            KnownWrong(
                partial(_look_up_variant, how="any bracket"),
                "[max 3] holds a word: it is no citation.",
            ),
            KnownWrong(
                partial(_look_up_variant, how="two"), "A bracket may hold three numbers or more."
            ),
            KnownWrong(
                partial(_look_up_variant, how="blanks"),
                "[2,4, 1] is three citations, with or without a blank after the comma.",
            ),
            KnownWrong(
                partial(_look_up_variant, how="below n"),
                "Passage n_passages was shown too: <=, not <.",
            ),
            KnownWrong(
                partial(_look_up_variant, how="repeats"), "Each number once, at its first mention."
            ),
            KnownWrong(
                partial(_look_up_variant, how="sorted"), "The order is that of the first mention."
            ),
            KnownWrong(
                partial(_look_up_variant, how="zero"), "There is no passage 0: they start at 1."
            ),
            KnownWrong(
                partial(_look_up_variant, how="from zero"),
                "You count passages from 0; the prompt numbers them from 1 to n_passages.",
            ),
            KnownWrong(partial(_look_up_variant, how="swapped"), "Those retrieved come first."),
            KnownWrong(
                partial(_look_up_variant, how="dropped"),
                "The invented ones are missing: they are what you want to know.",
            ),
        ),
    ),
    Exercise(
        id="8.5",
        title="Your own folder",
        reference=(_FOLDER, _QUESTIONS),
        solution_source="my_folder = data.LARKSPUR / 'handbook'   # yours is more interesting\n"
        + "my_questions = [\n"
        + "".join(f"    {pair!r},\n" for pair in _QUESTIONS)
        + "]\n",
        check=check_folder,
        time_limit=120.0,
        hints=(
            "Any folder with three or more Markdown, text or PDF files will do: a project's docs, "
            "a folder of manuals. Read the report first.",
            "Ask one question with a rare word of the page, and one as a colleague would ask it, "
            "each of three words or more. A file is named by its path in the folder, such as "
            "'howto/vpn.md'.",
        ),
        explanation="A question that shares no word with its page shows what stems cannot do, and "
        "a page that the report calls unreadable is a page that no search will find.",
        wrong=(
            KnownWrong((_FOLDER + "-of-mine", _QUESTIONS), _NO_FOLDER),
            KnownWrong((str(Path(__file__).parent), _QUESTIONS), _FEW_DOCUMENTS),
            KnownWrong((_FOLDER, _QUESTIONS[:2]), _FEW_QUESTIONS),
            KnownWrong((_FOLDER, [question for question, _ in _QUESTIONS]), _WRONG_SHAPE),
            KnownWrong((_FOLDER, [(q, "returns.md") for q, _ in _QUESTIONS]), _NO_FILE),
            KnownWrong(
                (_FOLDER, [(f"Which paint is PT-71 {word}?", "paint-codes.md") for word in "abc"]),
                _ALL_FOUND,
            ),
            KnownWrong((_FOLDER, [(q, "brakes.md") for q, _ in _QUESTIONS]), _NONE_FOUND),
            KnownWrong(
                (_FOLDER, [(word, "brakes.md") for word in ("qqq", "zzz", "brake")]), _SHORT
            ),
            KnownWrong((_FOLDER, [*_QUESTIONS, (_QUESTIONS[0][0].lower(), "payment.md")]), _TWICE),
        ),
    ),
]
