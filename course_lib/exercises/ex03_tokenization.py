"""The exercises of notebooks/03_tokenization.ipynb."""

import csv
import html
import io
import json
import re
from collections import Counter
from functools import cache, reduce
from itertools import pairwise
from typing import Any

from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, function_check
from course_lib.exercises.guard import NotAttempted
from course_lib.tokenization import count_tokens

# ------------------------------------------------------------------------------------------------
# 3.1 Count the pairs


def count_pairs(split_words: Any) -> Any:
    """How often each pair of neighbouring tokens stands in a text.

    Args:
        split_words: tokens of each word -> how often the word stands in the text.

    >>> count_pairs({(b"t", b"y", b"re"): 3, (b"t", b"y"): 2})
    Counter({(b't', b'y'): 5, (b'y', b're'): 3})
    """
    counts: Counter[Any] = Counter()
    for tokens, times in split_words.items():
        for pair in pairwise(tokens):
            counts[pair] += times
    return counts


def _pairs_once(words: Any) -> Any:
    return Counter(pair for tokens in words for pair in pairwise(tokens))


def _pairs_by_length(words: Any) -> Any:
    counts: Counter[Any] = Counter()
    for tokens in words:
        for pair in pairwise(tokens):
            counts[pair] += len(tokens)
    return counts


def _pairs_last_word(words: Any) -> Any:
    return {pair: times for tokens, times in words.items() for pair in pairwise(tokens)}


def _pairs_distinct(words: Any) -> Any:
    counts: Counter[Any] = Counter()
    for tokens, times in words.items():
        for pair in set(pairwise(tokens)):
            counts[pair] += times
    return counts


def _pairs_any_order(words: Any) -> Any:
    counts: Counter[Any] = Counter()
    for tokens, times in words.items():
        for pair in pairwise(tokens):
            counts[tuple(sorted(pair))] += times
    return counts


def _pairs_single(words: Any) -> Any:
    counts: Counter[Any] = Counter()
    for tokens, times in words.items():
        for token in tokens:
            counts[token] += times
    return counts


def _split(**words: int) -> dict[tuple[bytes, ...], int]:
    return {tuple(letter.encode() for letter in word): times for word, times in words.items()}


# ------------------------------------------------------------------------------------------------
# 3.2 Encode with the merges


def apply_merges(word: Any, merges: Any) -> Any:
    """Tokens of one word: every rule in the order in which it was learned.

    >>> apply_merges(b"tyred", [(b"r", b"e"), (b"t", b"y"), (b"ty", b"re")])
    [b'tyre', b'd']
    """
    tokens = _bytes(word)
    for pair in merges:
        tokens = _merged(tokens, pair)
    return tokens


def _bytes(word: Any) -> Any:
    return [word[i : i + 1] for i in range(len(word))]


def _merged(tokens: Any, pair: Any) -> Any:
    merged: list[bytes] = []
    for token in tokens:
        if merged and (merged[-1], token) == tuple(pair):
            merged[-1] += token
        else:
            merged.append(token)
    return merged


def _encode_longest(word: Any, merges: Any) -> Any:
    known = {left + right for left, right in merges}
    tokens, start = [], 0
    while start < len(word):
        ends = [e for e in range(len(word), start + 1, -1) if word[start:e] in known]
        end = ends[0] if ends else start + 1
        tokens.append(word[start:end])
        start = end
    return tokens


def _encode_leftmost(word: Any, merges: Any) -> Any:
    tokens, rules = _bytes(word), set(merges)
    while True:
        place = next((i for i, pair in enumerate(pairwise(tokens)) if pair in rules), None)
        if place is None:
            return tokens
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]


def _encode_reversed(word: Any, merges: Any) -> Any:
    return apply_merges(word, list(merges)[::-1])


def _encode_once_each(word: Any, merges: Any) -> Any:
    tokens = _bytes(word)
    for pair in merges:
        place = next((i for i, p in enumerate(pairwise(tokens)) if p == tuple(pair)), None)
        if place is not None:
            tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]
    return tokens


def _encode_from_right(word: Any, merges: Any) -> Any:
    tokens = _bytes(word)
    for left, right in merges:
        place = len(tokens) - 2
        while place >= 0:
            if (tokens[place], tokens[place + 1]) == (left, right):
                tokens[place : place + 2] = [left + right]
                place -= 1
            place -= 1
    return tokens


def _encode_first_rule(word: Any, merges: Any) -> Any:
    return _merged(_bytes(word), merges[0]) if merges else _bytes(word)


def _encode_last_rule(word: Any, merges: Any) -> Any:
    return _merged(_bytes(word), merges[-1]) if merges else _bytes(word)


def _encode_replaced(word: Any, merges: Any) -> Any:
    return [left + right for left, right in merges if left + right in word]


_APPLY_SOLUTION = """
def my_encode(word, merges):
    tokens = [word[i : i + 1] for i in range(len(word))]
    for pair in merges:               # in the order in which they were learned
        tokens = merge(tokens, pair)  # all places, from the left
    return list(tokens)
"""

# ------------------------------------------------------------------------------------------------
# 3.3 The same rows in fewer tokens

MOST_SHARE = 0.65  # of the tokens of indented JSON
NOT_IN_VALUES = "\t|\n\"'"  # the exercise says so

_TABLES: list[list[dict[str, Any]]] = [
    [
        {"code": "LK-204", "name": "rear brake pads, organic", "shelf": "B-02-1", "euros": 24},
        {"code": "LK-240", "name": "chain, 11-speed", "shelf": "C-01-4", "euros": 39},
        {"code": "LK-118", "name": "display", "shelf": "A-02-1", "euros": 129},
        {"code": "LK-512", "name": "inner tube 47-622", "shelf": "D-03-2", "euros": 8},
        {"code": "LK-606", "name": "spare key, cut by number", "shelf": "A-05-3", "euros": 19},
        {"code": "LK-415", "name": "kickstand, Haul", "shelf": "E-01-1", "euros": 89},
    ],
    [
        {"site": site, "part": part, "quantity": n, "reorder_at": 5, "counted": "2026-09-28"}
        for part, amounts in {"LK-204": (31, 4, 7), "LK-240": (12, 0, 3)}.items()
        for site, n in zip(("Ghent", "Bristol", "Utrecht"), amounts, strict=True)
    ],
]
FULL_JSON = (
    "This is what the assistant is sent now. Every row repeats the names of all columns, with "
    "quotes, colons and spaces."
)
ONE_LINE = (
    "The line ends and indents are gone; the names of the columns are still there once for every "
    "row. Say them once."
)
NO_NAMES = "A column's name is missing: the model has to know what the numbers are."
NO_VALUES = "A value is missing, or the values are not in the order of the rows."
AMBIGUOUS = (
    "Two different tables become the same text, because a value may hold what stands between your "
    "columns. Put such a value in quotes, or part the columns by a sign that no value has."
)


def csv_rows(rows: Any) -> Any:
    """Rows as CSV: the columns' names once, quotes only where a value holds a comma.

    >>> print(csv_rows([{"code": "LK-240", "name": "chain, 11-speed"}]))
    code,name
    LK-240,"chain, 11-speed"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().rstrip("\n")


def check_rows(attempt: Any) -> None:
    """Few tokens, every name and value there, and no value that may run into the next column."""
    for rows in _TABLES:
        result = _text(attempt(rows), "a table")
        missing = [name for name in rows[0] if name not in result]
        if missing:
            raise Wrong(NO_NAMES, got=result, expected=missing[0])
        _want_values(rows, result)
        indented = json.dumps(rows, indent=2)
        share = count_tokens(_tokenizer(), result) / count_tokens(_tokenizer(), indented)
        if share > MOST_SHARE:
            raise Wrong(
                f"It takes {share:.0%} of the tokens of indented JSON; wanted are "
                f"{MOST_SHARE:.0%} or fewer. What does each row repeat?",
                got=result,
            )
    # The attempt shows what it puts between two columns. With that in a value, two tables that
    # differ only in where the first value ends must not become one text.
    between = _text(attempt([{"fits": "left", "note": "right"}]), "a table")
    joiner = between.rpartition("left")[2].partition("right")[0]
    if not set(joiner) & set(NOT_IN_VALUES):
        one = [{"fits": "a", "note": f"b{joiner}c"}]
        other = [{"fits": f"a{joiner}b", "note": "c"}]
        texts = [_text(attempt(rows), "a table") for rows in (one, other)]
        if texts[0] == texts[1]:
            raise Wrong(AMBIGUOUS, given=f"{one} and {other}", got=texts[0])


def _want_values(rows: list[dict[str, Any]], result: str) -> None:
    place = 0
    for row in rows:
        for value in row.values():
            found = result.find(str(value), place)
            if found < 0:
                raise Wrong(NO_VALUES, got=result, expected=value)
            place = found + len(str(value))


@cache
def _tokenizer() -> Any:
    from transformers import AutoTokenizer

    from course_lib import assets

    return AutoTokenizer.from_pretrained(assets.path("smollm2", progress=False))


def _rows_indented(rows: Any) -> Any:
    return json.dumps(rows, indent=2)


def _rows_json(rows: Any) -> Any:
    return json.dumps(rows)


def _rows_tight_json(rows: Any) -> Any:
    return json.dumps(rows, separators=(",", ":"))


def _rows_str(rows: Any) -> Any:
    return str(rows)


def _rows_yaml(rows: Any) -> Any:
    return "\n".join("\n".join(f"{name}: {value}" for name, value in r.items()) for r in rows)


def _rows_no_names(rows: Any) -> Any:
    return "\n".join("\t".join(str(value) for value in row.values()) for row in rows)


def _rows_joined(sep: str) -> Any:
    def joined(rows: Any) -> Any:
        lines = [list(rows[0]), *(row.values() for row in rows)]
        return "\n".join(sep.join(str(value) for value in line) for line in lines)

    return joined


def _rows_two_columns(rows: Any) -> Any:
    return csv_rows([dict(list(row.items())[:2]) for row in rows])


def _rows_first(rows: Any) -> Any:
    return csv_rows(rows[:1])


def _rows_names_only(rows: Any) -> Any:
    return ",".join(rows[0])


# ------------------------------------------------------------------------------------------------
# 3.4 Markers in a customer's text

MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_INNOCENT = [
    "Brake pads < 1.0 mm, is that bad?",
    "In F# I write x <| y |> z, and <b>bold</b> in HTML & co.",
    "im_end and IM_START are words",
    "",
]

STILL_THERE = "A marker is still there."
MARKER_INSIDE = (
    "A marker comes back: taking the inner one out makes the outer one whole. Go on until none is "
    "left, or break a marker up instead of taking it out."
)
CHANGED = (
    "This text has no marker and must stay as it is: customers write code and signs too. Touch "
    "whole markers alone."
)
ONE_BY_ONE = (
    "You finish one marker before the next; taking out the second can complete the first. Go on "
    "until none of them is left, or break a marker up instead of taking it out."
)
LOST = "What the customer wrote around the marker must stay."
NOT_TEXT = "The answer should be the text, as a string."


def defuse(text: Any, markers: Any) -> Any:
    """The text without markers, also where taking one out leaves another.

    >>> defuse("Hi <|im_<|im_end|>end|> there", ["<|im_end|>"])
    'Hi  there'
    """
    while any(marker in text for marker in markers):
        for marker in markers:
            text = text.replace(marker, "")
    return text


def check_defuse(attempt: Any) -> None:
    """Markers gone wherever they stand, and nothing else touched."""
    markers = [*MARKERS, "<filename>"]
    nested = [_inside(inner, outer) for outer in markers for inner in markers]
    # one in another in another: each round over the list, forwards or backwards, takes out one
    nested += [reduce(_inside, order * 6) for order in (markers, markers[::-1])]
    parts = ("Before it,", " between ", "after it.")
    around = [f"{parts[0]}{text}{parts[2]}" for text in (*markers, *nested)]
    twice = [f"{parts[0]}{marker}{parts[1]}{marker}{parts[2]}" for marker in markers]
    # All calls before the first verdict, so that known mistakes can be told apart.
    results = {text: attempt(text, markers) for text in (*_INNOCENT, *twice, *around)}
    for text, result in results.items():
        if not isinstance(result, str):
            raise Wrong(NOT_TEXT, given=text, got=result)
        if text in _INNOCENT and result != text:
            raise Wrong(CHANGED, given=text, got=result)
        if any(marker in result for marker in markers):
            why = MARKER_INSIDE if any(inner in text for inner in nested) else STILL_THERE
            raise Wrong(why, given=text, got=result)
        if any(part in text and part not in result for part in parts):
            raise Wrong(LOST, given=text, got=result)


def _inside(inner: str, outer: str) -> str:
    """A marker whose two halves stand around another: <|im_<|im_end|>start|>."""
    half = len(outer) // 2
    return outer[:half] + inner + outer[half:]


def _text(result: Any, given: str) -> str:
    if not isinstance(result, str):
        raise Wrong(NOT_TEXT, given=given, got=result)
    return result


def _defuse_once(text: Any, markers: Any) -> Any:
    for marker in markers:
        text = text.replace(marker, "")
    return text


def _defuse_one_by_one(text: Any, markers: Any) -> Any:
    for marker in markers:
        while marker in text:
            text = text.replace(marker, "")
    return text


def _defuse_end_only(text: Any, markers: Any) -> Any:
    while "<|im_end|>" in text:
        text = text.replace("<|im_end|>", "")
    return text


def _defuse_escaped(text: Any, markers: Any) -> Any:
    return html.escape(text)


def _defuse_tags(text: Any, markers: Any) -> Any:
    return re.sub(r"<[^>]*>", "", text)


def _defuse_signs(text: Any, markers: Any) -> Any:
    return text.replace("<|", "").replace("|>", "")


def _defuse_cut(text: Any, markers: Any) -> Any:
    return re.split("|".join(map(re.escape, markers)), text)[0]


def _defuse_refused(text: Any, markers: Any) -> Any:
    return "" if any(marker in text for marker in markers) else text


def _defuse_found(text: Any, markers: Any) -> Any:
    return any(marker in text for marker in markers)


def _defuse_nothing(text: Any, markers: Any) -> Any:
    return text


def _defuse_first(text: Any, markers: Any) -> Any:
    for marker in markers:
        text = text.replace(marker, "", 1)
    return text


# ------------------------------------------------------------------------------------------------
# 3.5 The rule of thumb on your own text

TOO_LOW, TOO_HIGH = 2.0, 1.2  # tokens per word, where the rule of thumb says 1.33

NO_TEXTS = 'The answer should be a list of texts: ["one text", "another", ...].'
FEW_TEXTS = "Six texts or more are wanted."
SHORT_TEXT = "A text has fewer than five words."
REPEATED_TEXT = "A text stands there twice, or repeats its words: over half of them must differ."
NOT_DEAR = (
    f"No text takes {TOO_LOW} tokens per word or more. Try a table, codes, an address, CAPITALS, "
    "or another language."
)
NOT_CHEAP = (
    f"No text takes {TOO_HIGH} tokens per word or fewer. Try plain English prose: common words, no "
    "digits, few signs."
)


def tokens_per_word(text: str) -> float:
    """Tokens of the course's language model for each word of a text.

    >>> tokens_per_word("My front brake squeaks when it rains")
    1.1428571428571428
    """
    return count_tokens(_tokenizer(), text) / len(text.split())


def check_texts(texts: Any) -> None:
    """Six texts or more, with one that the rule counts too low and one that it counts too high."""
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise Wrong(NO_TEXTS)
    if not texts:
        raise NotAttempted
    for text in texts:
        words = text.split()
        if len(words) < 5:
            raise Wrong(SHORT_TEXT, got=text)
        if len({word.lower() for word in words}) <= len(words) / 2 or texts.count(text) > 1:
            raise Wrong(REPEATED_TEXT, got=text)
    if len(texts) < 6:
        raise Wrong(FEW_TEXTS, got=len(texts))
    ratios = [tokens_per_word(text) for text in texts]
    if max(ratios) < TOO_LOW:
        raise Wrong(NOT_DEAR, got=f"at most {max(ratios):.2f}")
    if min(ratios) > TOO_HIGH:
        raise Wrong(NOT_CHEAP, got=f"at least {min(ratios):.2f}")


_PROSE = [
    "Please tell me when the meeting starts and who will be there",
    "We talked about the plan for the next year over lunch",
    "The team will look at it in the morning and write back",
    "Thank you for the quick help with the broken door",
]
_CODES = [
    "SKU 40-1187-B, SKU 40-1178-B, qty 12/7, €1,249.00, ref. #QX-99318",
    "BITTE BIS FREITAG RÜCKMELDUNG ZUR RECHNUNGSPRÜFUNG",
]

EXERCISES = [
    Exercise(
        id="3.1",
        title="Count the pairs",
        reference=count_pairs,
        solution_source="""
            def my_count_pairs(split_words):
                counts = Counter()
                for tokens, times in split_words.items():
                    for pair in pairwise(tokens):
                        more = times
                        counts[pair] += more
                return counts
        """,
        check=function_check(
            cases=[
                Case((_split(tyre=3, tyres=2, try_=1),), "words that occur 3, 2 and 1 times"),
                Case((_split(ab=1, ba=4),), "a pair both ways round"),
                Case(({(b"a", b"a", b"a"): 2},), "the same pair twice in a word"),
                Case((_split(a=7),), "a word of one letter"),
                Case(({(b"ty", b"re"): 2, (b"ty", b"re", b"s"): 1},), "tokens of more letters"),
            ],
        ),
        hints=(
            "A pair in a word that stands 40 times in the handbook stands there 40 times.",
            "`times` is how often the word occurs, so the pair gains that much.",
        ),
        explanation="Counting words first, and pairs within them after, is what makes training "
        "quick: the handbook has ten times as many words as different words.",
        wrong=(
            KnownWrong(
                _pairs_once, "A word counts once here. It counts as often as it stands in the text."
            ),
            KnownWrong(
                _pairs_by_length,
                "You add the number of the word's tokens. Add how often the word occurs.",
            ),
            KnownWrong(
                _pairs_last_word,
                "The last word with a pair wins: add to what is there, `+=` and not `=`.",
            ),
            KnownWrong(
                _pairs_distinct, "A pair that stands twice in a word counts twice: leave out set()."
            ),
            KnownWrong(_pairs_any_order, "(a, b) and (b, a) are two pairs: their merges differ."),
            KnownWrong(_pairs_single, "These are counts of single tokens, not of pairs."),
        ),
    ),
    Exercise(
        id="3.2",
        title="Encode with the merges",
        reference=apply_merges,
        solution_source=_APPLY_SOLUTION,
        check=function_check(
            cases=[
                Case((b"tyred", [(b"r", b"e"), (b"t", b"y"), (b"ty", b"re")]), "three rules"),
                Case((b"abc", [(b"b", b"c"), (b"a", b"b")]), "two rules that want one letter"),
                Case((b"aaaaa", [(b"a", b"a")]), "a letter repeated"),
                Case(
                    (b"tests", [(b"s", b"t"), (b"e", b"st"), (b"t", b"e"), (b"t", b"est")]),
                    "a rule that comes too late",
                ),
                Case((b"abab", [(b"a", b"b"), (b"ab", b"ab")]), "a pair that stands twice"),
                Case((b"xyz", []), "no rules"),
            ]
        ),
        hints=(
            "The rule learned first goes first, everywhere in the word; then the next. `merge` "
            "from above does one rule.",
            "`merge` wants the tokens as they are so far and one pair, and returns the new tokens.",
        ),
        explanation="A rule can only use tokens that earlier rules made, so one round over the "
        "rules is enough. It is also slow: 48,900 rules for each word of the local model. "
        "`course_lib` keeps a heap of the pairs that are there, and cuts each different word once.",
        wrong=(
            KnownWrong(
                _encode_longest,
                "You take the longest known token from the left, which is WordPiece. Byte-pair "
                "encoding replays the rules in the order learned.",
            ),
            KnownWrong(
                _encode_leftmost,
                "You merge the leftmost pair that has a rule. The rule learned first goes first, "
                "wherever in the word its pair stands.",
            ),
            KnownWrong(_encode_reversed, "You go through the rules from last to first."),
            KnownWrong(
                _encode_once_each,
                "Each rule is used once in the word. Merge every place where its pair stands.",
            ),
            KnownWrong(
                _encode_from_right,
                "You merge from the right, which cuts a letter repeated an odd number of times "
                "elsewhere. Go from the left.",
            ),
            KnownWrong(
                _encode_first_rule,
                "Only the first rule is applied: is the `return` inside the loop?",
            ),
            KnownWrong(
                _encode_last_rule,
                "Only the last rule is applied: start each from the tokens that the one before "
                "left, not from the bytes.",
            ),
            KnownWrong(
                _encode_replaced,
                "These are the merged tokens that the word contains. Return the tokens that make "
                "up the word, in order.",
            ),
        ),
    ),
    Exercise(
        id="3.3",
        title="The same rows in fewer tokens",
        reference=csv_rows,
        solution_source="""
            import csv
            import io


            def my_rows(rows):
                text = io.StringIO()
                writer = csv.writer(text, lineterminator="\\n")  # quotes values with commas
                writer.writerow(rows[0])                        # the names, once
                writer.writerows(row.values() for row in rows)
                return text.getvalue()
        """,
        check=check_rows,
        hints=(
            "Indented JSON repeats every column's name in every row. A table says it once.",
            "The csv module writes a heading and rows, and puts quotes around a value that holds a "
            "comma. A Markdown table passes too.",
        ),
        explanation="CSV takes under half the tokens of indented JSON here. Fewer tokens are no "
        "proof that the model reads the rows as well: measure your answers with both (notebook 10) "
        "before you change a format that works.",
        wrong=(
            KnownWrong(_rows_indented, FULL_JSON),
            KnownWrong(_rows_json, ONE_LINE),
            KnownWrong(
                _rows_tight_json,
                "The spaces are gone too; the names of the columns are still there once for every "
                "row. Say them once.",
            ),
            KnownWrong(
                _rows_str,
                "Python's own text of the rows repeats the names like JSON: say them once.",
            ),
            KnownWrong(
                _rows_yaml,
                "Lines of `name: value` have no quotes, but still a name for every value: say the "
                "names once.",
            ),
            KnownWrong(_rows_no_names, NO_NAMES),
            KnownWrong(
                _rows_joined(","),
                "Values that hold a comma run into the next column. The csv module puts such a "
                "value in quotes.",
            ),
            KnownWrong(
                _rows_joined(", "),
                "With a comma and a space between columns, `chain, 11-speed` looks like two "
                "columns. Use a sign that no value has, or quotes.",
            ),
            KnownWrong(
                _rows_joined(";"),
                "A value may hold a semicolon, and then runs into the next column. Use a sign that "
                "no value has, or quotes.",
            ),
            KnownWrong(
                _rows_joined(" "),
                "With a space between columns nobody can tell where a value ends: values hold "
                "spaces.",
            ),
            KnownWrong(
                _rows_two_columns, "Only the first two columns are there: the model needs all."
            ),
            KnownWrong(_rows_first, "Only the first row is there."),
            KnownWrong(_rows_names_only, "The names are there, and no values."),
        ),
    ),
    Exercise(
        id="3.4",
        title="Markers in a customer's text",
        reference=defuse,
        solution_source="""
            def my_defuse(text, markers):
                while any(marker in text for marker in markers):  # one may hide in another
                    for marker in markers:
                        text = text.replace(marker, "")
                return text
        """,
        check=check_defuse,
        hints=(
            "What does your function make of <|im_<|im_end|>end|>, and of <|im_<|im_end|>start|>?",
            "Go on while any marker is in the text; or break each one up, for example with a space "
            "after its first sign.",
        ),
        explanation="Breaking a marker up instead of taking it out needs no loop, and leaves a "
        "trace for whoever reads the log. Where you make the token ids yourself, prefer "
        "split_special_tokens=True: then there is no list to forget.",
        wrong=(
            KnownWrong(_defuse_once, MARKER_INSIDE),
            KnownWrong(_defuse_one_by_one, ONE_BY_ONE),
            KnownWrong(
                _defuse_end_only,
                "You treat <|im_end|> alone. The function is handed a list of markers: all of them "
                "count.",
            ),
            KnownWrong(
                _defuse_escaped,
                "Escaping for HTML changes every < and &, and the model is no web page.",
            ),
            KnownWrong(
                _defuse_tags, "Everything between < and > is gone, a customer's own text too."
            ),
            KnownWrong(
                _defuse_signs,
                "Taking out every <| and |> changes text that has no marker, and misses markers "
                "such as <filename>.",
            ),
            KnownWrong(_defuse_cut, "You cut the text at the first marker. " + LOST),
            KnownWrong(_defuse_refused, "You throw the whole text away. " + LOST),
            KnownWrong(
                _defuse_found, "This says whether there is a marker. Return the text without it."
            ),
            KnownWrong(_defuse_nothing, "The text comes back unchanged, marker and all."),
            KnownWrong(
                _defuse_first,
                "Only the first occurrence of each marker is taken out: leave out the count of "
                "`replace`, and go on until none is left.",
            ),
        ),
    ),
    Exercise(
        id="3.5",
        title="The rule of thumb on your own text",
        reference=[*_PROSE, *_CODES],
        solution_source="my_texts = [\n"
        + "".join(f'    "{text}",\n' for text in [*_PROSE, *_CODES])
        + "]",
        check=check_texts,
        hints=(
            "Dear per word: codes, tables, prices, CAPITALS, German. Cheap: plain English prose.",
            '"SKU 40-1187-B, SKU 40-1178-B, qty 12/7, €1,249.00" is dear; "We talked about the '
            'plan for the next year" is cheap.',
        ),
        explanation="A rule of thumb is the average of somebody else's text. Yours is one loop "
        "over a hundred of your own messages, with your model's own tokenizer.",
        wrong=(
            KnownWrong([*_PROSE, *_CODES][:5], FEW_TEXTS),
            KnownWrong([*_PROSE, "Is it there yet", _CODES[0]], SHORT_TEXT),
            KnownWrong([*_PROSE[:3], _PROSE[0], *_CODES], REPEATED_TEXT),
            KnownWrong(
                [*_PROSE, "We will send the papers soon", "I like the new office"], NOT_DEAR
            ),
            KnownWrong(
                [f"{text}, {code}" for text in _CODES for code in ("A-1", "B-2", "C-3")], NOT_CHEAP
            ),
            KnownWrong([[text] for text in _PROSE], NO_TEXTS),
        ),
    ),
]
