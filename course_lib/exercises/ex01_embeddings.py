"""Exercises of notebooks/01_embeddings.ipynb."""

import re
from functools import lru_cache
from typing import Any

import numpy as np

from course_lib.embeddings import Embedder, mean_pool, normalize
from course_lib.exercises.compare import plain, show
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, function_check

LEAST_COSINE = 0.5  # of the two sentences without a common word
MOST_COSINE = 0.5  # of the two sentences with common words
LEAST_SHARED = 3  # words, each counted once
WANTED_KEPT = 0.9  # of the three nearest, after the vectors were made small


def words(text: str) -> list[str]:
    """Lower-case words of two characters or more, which is what scikit-learn counts.

    >>> words("I've 2 tyres, LK-512!")
    ['ve', 'tyres', 'lk', '512']
    """
    return re.findall(r"\b\w\w+\b", text.lower())


@lru_cache(maxsize=1)
def _embedder() -> Embedder:
    return Embedder()


# 1.1


def idf(counts: np.ndarray) -> np.ndarray:
    """Weight of each word: 1 for a word in every text, more for a rarer one.

    Args:
        counts: how often each word occurs in each text, shape (n_texts, n_words).

    Returns:
        Shape (n_words,).

    >>> idf(np.array([[1, 2], [1, 0]])).round(2)
    array([1.  , 1.41])
    """
    n_texts = len(counts)
    texts_with_word = (np.asarray(counts) > 0).sum(axis=0)  # (n_words,)
    weights: np.ndarray = np.log((1 + n_texts) / (1 + texts_with_word)) + 1
    return weights


def _idf_of_occurrences(counts: np.ndarray) -> Any:
    return np.log((1 + len(counts)) / (1 + counts.sum(axis=0))) + 1


def _idf_without_one(counts: np.ndarray) -> Any:
    return np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0)))


def _idf_upside_down(counts: np.ndarray) -> Any:
    return np.log((1 + (counts > 0).sum(axis=0)) / (1 + len(counts))) + 1


def _idf_base_10(counts: np.ndarray) -> Any:
    return np.log10((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1


def _idf_base_2(counts: np.ndarray) -> Any:
    return np.log2((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1


def _idf_without_smoothing(counts: np.ndarray) -> Any:
    return np.log(len(counts) / (counts > 0).sum(axis=0)) + 1


def _idf_without_log(counts: np.ndarray) -> Any:
    return (1 + len(counts)) / (1 + (counts > 0).sum(axis=0)) + 1


def _idf_by_row(counts: np.ndarray) -> Any:
    return np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=1))) + 1


def _idf_textbook(counts: np.ndarray) -> Any:
    return np.log(len(counts) / (counts > 0).sum(axis=0))


def _idf_without_axis(counts: np.ndarray) -> Any:
    return np.log((1 + len(counts)) / (1 + (counts > 0).sum())) + 1


# 1.2


def _pool_padding_too(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return hidden.mean(axis=1)


def _pool_divides_by_all(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).mean(axis=1)


def _pool_sum(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).sum(axis=1)


def _pool_first_token(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return hidden[:, 0]


def _pool_one_count(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).sum(axis=1) / mask.sum()


def _pool_over_texts(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).sum(axis=0) / mask.sum(axis=0)[:, None]


def _pool_no_divide_padding(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return hidden.sum(axis=1) / mask.sum(axis=1)[:, None]


def _pool_flat_mask(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask).sum(axis=1) / mask.sum(axis=1)[:, None]


def _pool_flat_count(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)


def _pool_over_numbers(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).mean(axis=2)


def _pool_max(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return np.where(mask[:, :, None] == 1, hidden, -np.inf).max(axis=1)


def _pool_padding_only(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return _pool_no_padding(hidden, 1 - mask)


def _pool_no_padding(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]


def _pool_normalized(hidden: np.ndarray, mask: np.ndarray) -> Any:
    return normalize(_pool_no_padding(hidden, mask))


_HIDDEN = np.array(
    [
        [[1.0, 2.0, 0.0], [3.0, 4.0, 6.0], [9.0, 9.0, -9.0], [5.0, -5.0, 5.0]],
        [[2.0, 0.0, 4.0], [4.0, 0.0, 1.0], [6.0, 3.0, 1.0], [0.0, 1.0, 2.0]],
    ]
)  # (2 texts, 4 tokens, 3 numbers)


# 1.3

NO_ARRAY = "Return one array of numbers, of shape (n, anything), with a row for each vector."
OWN_AXES = (
    "What a row becomes depends on which other rows are handed in with it. The headings and the "
    "questions come in separate calls, so their columns do not mean the same, and a dot product "
    "between them means nothing. Treat every vector alike, whatever comes with it."
)
TOO_BIG = "The array takes more than a quarter of the bytes. `.nbytes` says how many it has."
STILL_FLOAT = (
    "The numbers are whole now, but their type is still one that takes four bytes: "
    "`.astype(np.int8)` makes it one."
)
ALL_ZERO = (
    "Nearly all numbers became 0: converting to a whole-number type cuts off what follows the "
    "point. Spread the numbers over the type's range first."
)
EACH_ROW = (
    "You scale each vector by its own largest number, so the vectors are not of one length any "
    "more and their scores cannot be compared. Use one scale for all of them."
)
EACH_COLUMN = (
    "You scale each column by its own largest number, so a column of small numbers comes to weigh "
    "as much as one of large numbers. Use one scale for all columns."
)
NOT_ROUND_ZERO = (
    "You shifted the numbers, so 0 is not 0 any more, and a dot product needs it to be. Scale, "
    "and do not shift; int8 holds negative numbers, uint8 does not."
)
WRAPPED = (
    "Numbers wrapped around: int8 holds -128 to 127, and what is larger comes out with the wrong "
    "sign. Choose the scale by the largest number."
)
PACKED = (
    "Bits packed into bytes cannot be compared by a dot product, and the check takes dot products "
    "of what you return. Keep one byte for each number."
)
SIGNS = (
    "You keep the signs alone, and a byte has room for more: one sign needs one bit, and a byte "
    "has eight."
)
DROPPED = (
    "You keep full precision and throw most of the numbers away. It is the other way round that "
    "works: keep all 384, each with less precision."
)
HALVED = (
    "You keep half of the numbers, at two bytes each. Going on in that direction works: keep all "
    "384, at one byte each."
)
AVERAGED = (
    "An average of four numbers says little of any of them: neighbouring columns have nothing to "
    "do with each other. Keep all 384, each with less precision."
)
FEWER = (
    "{columns} columns of {itemsize} bytes are left of 384 columns of 4. It loses less to keep all "
    "384 columns, each with less precision."
)
ONE_SCALE = (
    "384 numbers of one byte are the right size. The check takes dot products of them, so "
    "multiply all numbers by the same factor and shift none."
)


def small_int8(vectors: np.ndarray) -> np.ndarray:
    """Each number as one byte: the largest becomes 127, and all share one scale.

    Args:
        vectors: shape (n, dim).

    Returns:
        int8, the same shape.

    >>> small_int8(np.array([[0.2, -0.1], [0.05, 0.0]]))
    array([[127, -64],
           [ 32,   0]], dtype=int8)
    """
    scale = 127 / np.abs(vectors).max()
    small: np.ndarray = np.round(vectors * scale).astype(np.int8)
    return small


def _float16(vectors: np.ndarray) -> Any:
    return vectors.astype(np.float16)


def _int8_without_scale(vectors: np.ndarray) -> Any:
    return vectors.astype(np.int8)


def _int8_each_row(vectors: np.ndarray) -> Any:
    return np.round(vectors * (127 / np.abs(vectors).max(axis=1, keepdims=True))).astype(np.int8)


def _uint8_shifted(vectors: np.ndarray) -> Any:
    low, high = vectors.min(), vectors.max()
    return np.round((vectors - low) / (high - low) * 255).astype(np.uint8)


def _int8_wrapped(vectors: np.ndarray) -> Any:
    return np.round(vectors * 1000).astype(np.int64).astype(np.int8)


def _first_96(vectors: np.ndarray) -> Any:
    return vectors[:, :96]


def _first_192(vectors: np.ndarray) -> Any:
    return vectors[:, :192].astype(np.float16)


def _four_averaged(vectors: np.ndarray) -> Any:
    return vectors.reshape(len(vectors), -1, 4).mean(axis=2)


def _own_svd(vectors: np.ndarray) -> Any:
    _, _, directions = np.linalg.svd(vectors, full_matrices=False)
    return vectors @ directions[:96].T


def _int8_each_column(vectors: np.ndarray) -> Any:
    return np.round(vectors * (127 / np.abs(vectors).max(axis=0))).astype(np.int8)


def _signs(vectors: np.ndarray) -> Any:
    return np.sign(vectors).astype(np.int8)


def _packed_signs(vectors: np.ndarray) -> Any:
    return np.packbits(vectors > 0, axis=1)


def _rounded(vectors: np.ndarray) -> Any:
    return np.round(vectors * 127)


def _as_bytes(vectors: np.ndarray) -> Any:
    return small_int8(vectors).tobytes()


@lru_cache(maxsize=1)
def _stored_and_asked() -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the handbook's headings, which are quick to embed, and of the questions."""
    from course_lib.data import load_handbook, load_handbook_questions

    sections = [section for page in load_handbook() for section in page.sections()]
    headings = [f"{section.page_title}: {section.heading}" for section in sections]
    asked = [question.text for question in load_handbook_questions()]
    vectors = _embedder().encode([*headings, *asked], progress=False)  # a bar is not the answer's
    return vectors[: len(headings)], vectors[len(headings) :]


def _three_best(stored: np.ndarray, asked: np.ndarray) -> np.ndarray:
    scores = asked.astype(np.float32) @ stored.astype(np.float32).T  # (n_asked, n_stored)
    best: np.ndarray = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    return best


def _three_kept(stored: np.ndarray, asked: np.ndarray) -> float:
    """Share of the three nearest of every question that small vectors find as well."""
    pairs = zip(_three_best(*_stored_and_asked()), _three_best(stored, asked), strict=True)
    return float(np.mean([len(set(full) & set(small)) / 3 for full, small in pairs]))


def check_small(attempt: Any) -> None:
    """Store vectors and questions small, and look whether the three nearest stay."""
    stored, asked = _stored_and_asked()
    small, small_asked = (_as_rows(attempt(vectors.copy()), vectors) for vectors in (stored, asked))
    if small.nbytes > stored.nbytes / 4 or small_asked.nbytes > asked.nbytes / 4:
        whole = small.any() and np.array_equal(small, np.round(small))
        raise Wrong(
            STILL_FLOAT if whole else TOO_BIG, got=small.nbytes, expected=stored.nbytes // 4
        )
    if np.count_nonzero(small) < small.size / 10:
        raise Wrong(ALL_ZERO, got=small)
    if small.shape[1] != small_asked.shape[1]:
        raise Wrong(OWN_AXES, got=f"{small.shape} and {small_asked.shape}")
    kept = _three_kept(small, small_asked)
    if kept < WANTED_KEPT:
        some = _as_rows(attempt(stored[:40].copy()), stored[:40])
        raise Wrong(
            f"Only {kept:.0%} of the three nearest stay; wanted are {WANTED_KEPT:.0%}. "
            + _why_lost(small, some)
        )


def _as_rows(result: Any, vectors: np.ndarray) -> np.ndarray:
    """What the learner's function returned, a tensor too, as an array of one row a vector."""
    rows = plain(result)
    fits = isinstance(rows, np.ndarray) and rows.ndim == 2 and len(rows) == len(vectors)
    if not fits or rows.dtype.kind not in "fiub" or rows.shape[1] == 0:
        raise Wrong(NO_ARRAY, got=rows.shape if isinstance(rows, np.ndarray) else result)
    if not np.isfinite(rows).all():
        raise Wrong("Some of the numbers are NaN or infinite.", got=rows)
    checked: np.ndarray = rows
    return checked


def _why_lost(small: np.ndarray, some: np.ndarray) -> str:
    """The likely cause, from the stored vectors and what their first few become alone."""
    if some.shape[1] != small.shape[1] or _mean_cosine(some, small[: len(some)]) < 0.8:
        return OWN_AXES
    columns, itemsize = small.shape[1], small.itemsize
    if itemsize > 1:
        return FEWER.format(columns=columns, itemsize=itemsize)
    if columns <= 384 // 8:
        return PACKED
    by_kind = {"b": SIGNS, "u": NOT_ROUND_ZERO}
    return by_kind.get(small.dtype.kind, ONE_SCALE)


def _mean_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Mean cosine of each row of a with the same row of b."""
    return float((normalize(a.astype(float)) * normalize(b.astype(float))).sum(axis=1).mean())


# 1.4

NOT_PAIRS = "Hand in two pairs, each of two strings: [(a, b), (c, d)]."
BLANK = "One of the sentences has no words in it."
SAME_MEANING_SHARES = (
    "The first two sentences share a word. Replace it, in one of them, by one that means the same."
)
SAME_MEANING_FAR = (
    f"The first two sentences share no word, and their cosine is under {LEAST_COSINE}. Say the "
    "same thing in the same kind of sentence: question and question, both about one thing."
)
OTHER_MEANING_FEW = (
    f"The last two sentences share fewer than {LEAST_SHARED} words. Keep one sentence's "
    "beginning, and end it on another subject."
)
OTHER_MEANING_NEAR = (
    f"The last two sentences share enough words, and are still too close: at most {MOST_COSINE} is "
    "wanted. Swapping or negating words does not take them apart. Use a word in its two senses; "
    "if you did, change the rest: other subjects, and small words as the shared ones."
)
THE_SAME_TWICE = "A sentence is paired with itself: that is a cosine of 1, and all words shared."


def _cosine(a: str, b: str) -> float:
    first, second = _embedder().encode([a, b])
    return float(first @ second)


def _written(a: str, b: str, finding: str) -> str:
    return f"{show(a)} and {show(b)}; {finding}"


def show_pairs(pairs: Any) -> None:
    """Print what exercise 1.4 measures of each pair: the cosine, and the words they share.

    Args:
        pairs: two pairs of strings; what is no such pair is named and skipped.

    >>> show_pairs([("Somebody took my bike", "The bicycle was stolen"), ...])
    pair 1: cosine 0.682, 0 shared words
    pair 2: not written yet

    Used in notebooks/01_embeddings.ipynb.
    """
    for number, pair in enumerate(pairs if isinstance(pairs, list | tuple) else [pairs], start=1):
        if pair is ...:
            print(f"pair {number}: not written yet")
        elif not _is_pair(pair):
            print(f"pair {number}: not a pair of two strings")
        else:
            shared = sorted(set(words(pair[0])) & set(words(pair[1])))
            count = f"{len(shared)} shared word{'' if len(shared) == 1 else 's'}"
            named = f": {', '.join(shared)}" if shared else ""
            print(f"pair {number}: cosine {_cosine(*pair):.3f}, {count}{named}")


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(text, str) for text in pair)
    )


def check_own_sentences(attempt: Any) -> None:
    """Two sentences without a common word that are near, and two with common words that are not."""
    try:
        (a, b), (c, d) = attempt
    except (TypeError, ValueError):
        raise Wrong(NOT_PAIRS, got=attempt) from None
    if not all(isinstance(text, str) for text in (a, b, c, d)):
        raise Wrong(NOT_PAIRS, got=attempt)
    if not all(words(text) for text in (a, b, c, d)):
        raise Wrong(BLANK, got=attempt)
    if words(a) == words(b) or words(c) == words(d):
        raise Wrong(THE_SAME_TWICE, got=attempt)
    shared = sorted(set(words(a)) & set(words(b)))
    if shared:
        raise Wrong(SAME_MEANING_SHARES, given=_written(a, b, "shared: " + ", ".join(shared)))
    if (near := _cosine(a, b)) < LEAST_COSINE:
        raise Wrong(SAME_MEANING_FAR, given=_written(a, b, f"cosine {near:.3f}"))
    shared = sorted(set(words(c)) & set(words(d)))
    if len(shared) < LEAST_SHARED:
        raise Wrong(
            OTHER_MEANING_FEW, given=_written(c, d, "shared: " + (", ".join(shared) or "none"))
        )
    if (near := _cosine(c, d)) > MOST_COSINE:
        raise Wrong(OTHER_MEANING_NEAR, given=_written(c, d, f"cosine {near:.3f}"))


_NEAR = ("Somebody took my bike", "The bicycle was stolen")
_FAR = ("You have a flat battery", "You have a flat with a river view")

EXERCISES = [
    Exercise(
        id="1.1",
        title="Rare words count more",
        reference=idf,
        check=function_check(
            cases=[
                Case((np.array([[1, 0, 2], [1, 1, 0], [3, 0, 0]]),), "three texts, three words"),
                Case((np.array([[0, 1], [0, 1]]),), "a word that is in no text"),
                Case((np.array([[5, 0, 1, 0], [0, 0, 1, 2]]),), "a word five times in one text"),
            ]
        ),
        hints=(
            "You need two numbers: how many texts there are, and in how many of them each word "
            "occurs at least once.",
            "`(counts > 0).sum(axis=0)` is the number of texts with each word. `np.log` is the "
            "natural logarithm.",
        ),
        explanation=(
            "A word in every text gets log(1) + 1 = 1: it still counts, as little as a word can. "
            "The two ones inside the fraction act like one more text that holds every word, so "
            "nothing is ever divided by zero."
        ),
        solution_source="""
            def my_idf(counts):
                n_texts = len(counts)
                weights = np.log((1 + n_texts) / (1 + (counts > 0).sum(axis=0))) + 1
                return weights
        """,
        wrong=(
            KnownWrong(
                _idf_of_occurrences,
                "You count how often a word occurs. Count the texts that it occurs in: five "
                "times in one text is one text.",
            ),
            KnownWrong(
                _idf_textbook,
                "Two parts are missing: the ones inside the fraction, and the 1 after the "
                "logarithm.",
            ),
            KnownWrong(
                _idf_without_axis,
                "You add up the whole table to one number. Each word has its own: did you forget "
                "`axis=0`?",
            ),
            KnownWrong(
                _idf_without_one,
                "The 1 after the logarithm is missing: a word in every text would weigh 0 and "
                "vanish.",
            ),
            KnownWrong(
                _idf_upside_down,
                "The fraction is upside down: frequent words weigh more than rare ones here.",
            ),
            KnownWrong(
                _idf_base_10, "This is the logarithm to base 10; `np.log` is the natural one."
            ),
            KnownWrong(
                _idf_base_2, "This is the logarithm to base 2; `np.log` is the natural one."
            ),
            KnownWrong(
                _idf_without_smoothing,
                "The ones inside the fraction are missing: a word in no text divides by zero.",
            ),
            KnownWrong(
                _idf_without_log, "The logarithm is missing: a rare word would drown the rest."
            ),
            KnownWrong(
                _idf_by_row,
                "You add along the words of a text (axis=1). Add along the texts: axis=0.",
            ),
        ),
    ),
    Exercise(
        id="1.2",
        title="The mean over real tokens",
        reference=mean_pool,
        check=function_check(
            cases=[
                Case((_HIDDEN, np.array([[1, 1, 0, 0], [1, 1, 1, 1]])), "the first text is padded"),
                Case((_HIDDEN, np.array([[1, 1, 1, 0], [1, 0, 0, 0]])), "both texts are padded"),
                Case((_HIDDEN[1:], np.array([[1, 1, 1, 1]])), "no padding"),
            ],
        ),
        hints=(
            "Multiply by the mask to turn padding into zeros, add up the tokens, then divide by "
            "the number of real tokens of each text.",
            "`mask[:, :, None]` has the shape (n, tokens, 1) and multiplies every number of a "
            "token. The number of real tokens is `mask.sum(axis=1)`, of shape (n,).",
        ),
        explanation=(
            "Zeros add nothing to the sum, and the count leaves the padding out as well. Both "
            "are needed: with only one of them the vector depends on the text's neighbours in "
            "the batch. `course_lib.embeddings.mean_pool` also refuses input that does not fit."
        ),
        solution_source="""
            def my_mean_pool(hidden, mask):
                total = (hidden * mask[:, :, None]).sum(axis=1)  # (n, dim)
                pooled = total / mask.sum(axis=1)[:, None]
                return pooled
        """,
        wrong=(
            KnownWrong(
                _pool_padding_too,
                "You average over all positions, padding included: the mask is not used.",
            ),
            KnownWrong(
                _pool_divides_by_all,
                "Padding adds nothing any more, but it still counts in the number that you "
                "divide by.",
            ),
            KnownWrong(_pool_sum, "This is the sum: divide by the number of real tokens."),
            KnownWrong(
                _pool_first_token,
                "You take the first token ([CLS]). Some models are trained for that; MiniLM for "
                "the mean.",
            ),
            KnownWrong(
                _pool_one_count,
                "You divide by the real tokens of the whole batch. Each text has its own number: "
                "`mask.sum(axis=1)`.",
            ),
            KnownWrong(
                _pool_over_texts,
                "You average over the texts (axis 0). The tokens are axis 1.",
            ),
            KnownWrong(
                _pool_no_divide_padding,
                "You divide by the right number, but padding is still in the sum.",
            ),
            KnownWrong(
                _pool_flat_mask,
                "NumPy cannot line up (n, tokens, dim) with (n, tokens): the mask needs a third "
                "axis, `mask[:, :, None]`.",
            ),
            KnownWrong(
                _pool_flat_count,
                "NumPy cannot line up (n, dim) with (n,): the number of tokens needs a second "
                "axis, `mask.sum(axis=1)[:, None]`.",
            ),
            KnownWrong(
                _pool_over_numbers,
                "You average over the numbers of each token (axis 2). The tokens are axis 1.",
            ),
            KnownWrong(_pool_max, "This is the largest number over the tokens, not their mean."),
            KnownWrong(
                _pool_padding_only,
                "The mask is the wrong way round: 1 is a token of the text, 0 is padding.",
            ),
            KnownWrong(
                _pool_normalized,
                "This is the mean, scaled to length 1. That is the next step; return the mean.",
            ),
        ),
    ),
    Exercise(
        id="1.3",
        title="A quarter of the bytes",
        reference=small_int8,
        check=check_small,
        hints=(
            "A float32 takes four bytes, so either keep one number in four, or one byte of each. "
            "An int8 takes one byte and holds the whole numbers from -128 to 127.",
            "Multiply all vectors by one number, so that the largest becomes 127; then "
            "`np.round` and `.astype(np.int8)`.",
        ),
        explanation=(
            "One scale for all vectors multiplies every score by the same number, and the order "
            "stays. Rounding errs a little up and a little down, and over 384 numbers that evens "
            "out. Vector databases call this scalar quantization."
        ),
        solution_source="""
            def my_small(vectors):
                scale = 127 / np.abs(vectors).max()
                small = np.round(vectors * scale).astype(np.int8)
                return small
        """,
        wrong=(
            KnownWrong(_float16, TOO_BIG),
            KnownWrong(_int8_without_scale, ALL_ZERO),
            KnownWrong(_int8_each_row, EACH_ROW),
            KnownWrong(_uint8_shifted, NOT_ROUND_ZERO),
            KnownWrong(_int8_wrapped, WRAPPED),
            KnownWrong(_first_96, DROPPED),
            KnownWrong(_first_192, HALVED),
            KnownWrong(_four_averaged, AVERAGED),
            KnownWrong(_own_svd, OWN_AXES),
            KnownWrong(_int8_each_column, EACH_COLUMN),
            KnownWrong(_signs, SIGNS),
            KnownWrong(_packed_signs, PACKED),
            KnownWrong(_rounded, STILL_FLOAT),
            KnownWrong(_as_bytes, NO_ARRAY),
        ),
        time_limit=20,
    ),
    Exercise(
        id="1.4",
        title="Your own sentences",
        reference=[_NEAR, _FAR],
        check=check_own_sentences,
        hints=(
            "For the first pair, take a short sentence and replace every word, also the small "
            "ones. For the second, find a word with two senses: flat, charge, light, park.",
            "First pair: something stolen, and something taken. Second pair: 'You have a flat "
            "battery', and a flat that one lives in.",
        ),
        explanation=(
            "The first pair scores 0 in any method that counts words. The second scores high "
            "there. Neither is rare in customers' messages."
        ),
        wrong=(
            KnownWrong([("Somebody took my bike", "My bike is gone"), _FAR], SAME_MEANING_SHARES),
            KnownWrong([("flat tyre", "puncture"), _FAR], SAME_MEANING_FAR),
            KnownWrong([_NEAR, ("a flat battery", "a flat in Ghent")], OTHER_MEANING_FEW),
            KnownWrong(
                [_NEAR, ("I want a full refund", "I do not want a full refund")], OTHER_MEANING_NEAR
            ),
            KnownWrong([_NEAR, ("A flat battery", "A flat battery!")], THE_SAME_TWICE),
            KnownWrong(["Somebody took my bike", "The bicycle was stolen"], NOT_PAIRS),
            KnownWrong([_NEAR, ("You have a flat battery", " ")], BLANK),
        ),
        solution_source=f"""
            my_pairs = [
                {_NEAR!r},
                {_FAR!r},
            ]
        """,
    ),
]
