"""BM25: from scratch, to see how it works, and by bm25s on stems, to use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from course_lib.chunking import Chunk
from course_lib.retrieval.results import Retrieved, check_k
from course_lib.similarity import top_k

# What both bm25s has stop words for and PyStemmer a stemmer.
LANGUAGES = (
    "danish", "dutch", "english", "french", "german", "italian", "norwegian", "portuguese",
    "russian", "spanish", "swedish", "turkish",
)  # fmt: skip


def words(text: str) -> list[str]:
    """Lower-case words and numbers, the simplest tokens that BM25 can count.

    >>> words("E07: the motor's LK-204")
    ['e07', 'the', 'motor', 's', 'lk', '204']
    """
    return re.findall(r"\w+", text.lower())


class BM25:
    """Okapi BM25 from scratch: rare words of the query count more, and long chunks less.

    The score of a chunk is the sum over the query's words of
    idf(word) * n / (n + k1 * (1 - b + b * length / mean length)), where n is how often the word
    stands in the chunk and idf(word) = ln(1 + (N - df + 0.5) / (df + 0.5)) for a word that stands
    in df of N chunks (Robertson and Zaragoza, 2009, in the form that Lucene uses).

    Args:
        chunks: what is searched, by `text_with_heading`.
        k1: how much the second and third occurrence of a word still add; 0 for nothing.
        b: how much long chunks are held back: 0 not at all, 1 in full.
        tokenize: text to words.

    Raises:
        ValueError: if k1 is below 0 or b not between 0 and 1.

    Built in notebooks/08_rag.ipynb. `WordSearch` is the same on stems, and faster.
    """

    def __init__(
        self,
        chunks: Sequence[Chunk],
        *,
        k1: float = 1.2,
        b: float = 0.75,
        tokenize: Callable[[str], list[str]] = words,
    ) -> None:
        if not k1 >= 0:
            raise ValueError(f"k1 must be 0 or more, got {k1}")
        if not 0 <= b <= 1:
            raise ValueError(f"b must be between 0 and 1, got {b}")
        self.chunks = list(chunks)
        self._tokenize = tokenize
        counts = [Counter(tokenize(chunk.text_with_heading)) for chunk in self.chunks]
        lengths = np.array([count.total() for count in counts], dtype=np.float64)
        mean = lengths.mean() if lengths.any() else 1.0
        places: dict[str, list[int]] = {}  # word -> the chunks in which it stands
        for row, count in enumerate(counts):
            for word in count:
                places.setdefault(word, []).append(row)
        self._postings: dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}
        for word, where in places.items():
            rows = np.array(where)
            n = np.array([counts[row][word] for row in where], dtype=np.float64)
            idf = np.log(1 + (len(counts) - len(where) + 0.5) / (len(where) + 0.5))
            self._postings[word] = (rows, idf * n / (n + k1 * (1 - b + b * lengths[rows] / mean)))

    def scores(self, query: str) -> NDArray[np.float64]:
        """The score of every chunk, shape (n_chunks,); a word that the query repeats counts twice.

        >>> from course_lib.ingestion import Document
        >>> texts = ["Let the motor cool.", "The chain is worn."]
        >>> chunks = [Chunk(Document(text, "a.txt", "a"), 0, len(text)) for text in texts]
        >>> BM25(chunks).scores("motor").round(3)
        array([0.315, 0.   ])
        """
        total = np.zeros(len(self.chunks))
        for word in self._tokenize(query):
            if word in self._postings:
                rows, weights = self._postings[word]
                total[rows] += weights
        return total

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k best of the chunks that have a word of the query; of equals the first ones."""
        check_k(k)
        return _best(self.chunks, self.scores(query), k)


class WordSearch:
    """BM25 for use: bm25s on stems ("charging" finds "charge"), without stop words.

    Args:
        chunks: what is searched, by `text_with_heading`.
        language: of the stemmer and the stop words, one of LANGUAGES.

    Raises:
        ValueError: for another language.

    Built in notebooks/08_rag.ipynb.
    """

    def __init__(self, chunks: Sequence[Chunk], *, language: str = "english") -> None:
        import bm25s
        import Stemmer

        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
        self.chunks, self.language = list(chunks), language
        self._stemmer = Stemmer.Stemmer(language)
        self._index = bm25s.BM25(k1=1.2, b=0.75, dtype="float64")
        tokens = self.tokens([chunk.text_with_heading for chunk in self.chunks])
        self._known = {token for row in tokens for token in row}
        if self._known:
            self._index.index(tokens, show_progress=False)

    def tokens(self, texts: list[str]) -> list[list[str]]:
        """The stems of each text's words, without stop words and single letters."""
        import bm25s

        stems: list[list[str]] = bm25s.tokenize(
            texts,
            stopwords=self.language,
            stemmer=self._stemmer,
            return_ids=False,
            show_progress=False,
        )
        return stems

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k best of the chunks that have a word of the query; of equals the first ones."""
        check_k(k)
        tokens = [token for token in self.tokens([query])[0] if token in self._known]
        return _best(self.chunks, self._index.get_scores(tokens), k) if tokens else []


def _best(chunks: Sequence[Chunk], scores: NDArray[np.float64], k: int) -> list[Retrieved]:
    """The k chunks with the highest scores above 0."""
    k = min(k, int(np.count_nonzero(scores > 0)))
    if k < 1:
        return []
    places, values = top_k(scores, k)
    return [Retrieved(chunks[p], float(v)) for p, v in zip(places, values, strict=True)]
