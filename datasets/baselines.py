"""What plain methods reach on Larkspur's tickets and questions, for the data card.

``python datasets/baselines.py`` prints the tables; ``--write`` puts them into datasets/README.md.
Everything is chosen beforehand: no setting was tried on the questions or the test tickets.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import bm25s
import numpy as np
import pypdfium2
import Stemmer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from course_lib import data
from course_lib.embeddings import Embedder
from course_lib.similarity import top_k
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval

CARD = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- baselines: begin -->\n", "<!-- baselines: end -->\n"
TOP = 5


def table(*rows: tuple[str, ...]) -> str:
    """Lines of a Markdown table; the first row is its heading."""
    ruled = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
    return "".join("| " + " | ".join(row) + " |\n" for row in ruled)


def ticket_table(embedder: Embedder) -> str:
    """Accuracy on the test tickets of two linear classifiers trained on the training tickets."""
    tickets = data.load_tickets()
    train = [t for t in tickets if t.split == "train"]
    test = [t for t in tickets if t.split == "test"]
    intents = [t.intent for t in train]
    wanted = np.array([t.intent for t in test])

    by_words = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(max_iter=1000))
    by_words.fit([t.text for t in train], intents)
    by_meaning = LogisticRegression(max_iter=1000)
    by_meaning.fit(embedder.encode([t.text for t in train]), intents)

    words = by_words.predict([t.text for t in test]) == wanted
    meaning = by_meaning.predict(embedder.encode([t.text for t in test])) == wanted
    difference = paired_bootstrap_interval(meaning, words)
    return table(
        (f"accuracy on the {len(test)} test tickets, 11 classes", "95 % interval"),
        ("TF-IDF + logistic regression", f"{bootstrap_interval(words)}"),
        ("MiniLM + logistic regression", f"{bootstrap_interval(meaning)}"),
        ("MiniLM minus TF-IDF", f"{difference}"),
    )


def passages() -> tuple[list[str], list[str]]:
    """Every handbook section and every manual page: (anchors, texts)."""
    anchors, texts = [], []
    for page in data.load_handbook():
        for section in page.sections():
            anchors.append(section.anchor)
            texts.append(f"{section.page_title}. {section.heading}. {section.text}")
    for manual in data.load_manuals():
        document = pypdfium2.PdfDocument(manual.path)
        for number, page in enumerate(document, start=1):
            anchors.append(f"{manual.id}#page-{number}")
            texts.append(f"{manual.title}. {page.get_textpage().get_text_bounded()}")
        document.close()
    return anchors, texts


def recall(found: np.ndarray, anchors: list[str], questions: list[data.Question]) -> np.ndarray:
    """For each question the share of its answering passages among those found."""
    values = []
    for row, question in zip(found, questions, strict=True):
        answering = {judged.section for judged in question.relevant if judged.grade == 2}
        values.append(len(answering & {anchors[i] for i in row}) / len(answering))
    return np.array(values)


def enough(shares: np.ndarray, questions: list[data.Question]) -> np.ndarray:
    """Say for each question whether what was found answers it.

    One answering passage is enough, since each answers alone; several steps need all of theirs.
    """
    wanted = np.array([1.0 if q.kind == "multi_step" else 0.0 for q in questions])
    return (shares >= wanted) & (shares > 0)


def question_table(embedder: Embedder) -> str:
    """What BM25 and MiniLM find among the first passages, by kind of question."""
    anchors, texts = passages()
    judged = [
        q
        for q in data.load_questions()
        if q.kind != "database" and any(r.grade == 2 for r in q.relevant)  # a query answers those
    ]
    asked = [q.text for q in judged]

    def tokens(items: list[str]) -> bm25s.tokenization.Tokenized:
        stemmer = Stemmer.Stemmer("english")
        return bm25s.tokenize(items, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index(tokens(texts), show_progress=False)
    by_words, _ = index.retrieve(tokens(asked), k=TOP, show_progress=False)
    by_meaning, _ = top_k(embedder.encode(asked) @ embedder.encode(texts).T, TOP)

    words = recall(by_words, anchors, judged)
    meaning = recall(by_meaning, anchors, judged)
    kinds = np.array([q.kind for q in judged])
    rows = []
    for kind in [*dict.fromkeys(kinds), "all"]:
        chosen = np.isin(kinds, kind) | (kind == "all")
        difference = paired_bootstrap_interval(meaning[chosen], words[chosen])
        scores = [bootstrap_interval(values[chosen]) for values in (words, meaning)]
        shares = [f"{enough(values, judged)[chosen].mean():.2f}" for values in (words, meaning)]
        rows.append((kind, str(chosen.sum()), *map(str, scores), str(difference), *shares))
    title = f"recall@{TOP} among {len(texts)} passages"
    heading = (title, "questions", "BM25", "MiniLM", "MiniLM minus BM25")
    return table((*heading, "enough found, BM25", "enough found, MiniLM"), *rows)


def tables() -> str:
    """Both tables, as the card holds them."""
    embedder = Embedder()
    return ticket_table(embedder) + "\n" + question_table(embedder)


def main(arguments: list[str] | None = None) -> int:
    """Print the tables, or write them into the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into the card")
    options = parser.parse_args(arguments)
    text = tables()
    print(text)
    if options.write:
        card = CARD.read_text(encoding="utf-8")
        pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
        replaced, count = re.subn(pattern, lambda _: BEGIN + text + END, card, flags=re.DOTALL)
        if count != 1:
            print(f"{CARD.name} holds the baselines' marks {count} times, not once")
            return 1
        CARD.write_text(replaced, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
