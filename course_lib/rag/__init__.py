"""Retrieval-augmented generation: answers from documents, with citations that were looked up.

`answer` does it all and keeps a trace of every step; the parts are here too.

>>> from course_lib.chunking import Chunk
>>> from course_lib.ingestion import Document
>>> from course_lib.language_model import Completion
>>> from course_lib.retrieval import BM25
>>> class Parrot:  # stands in for language_model.load()
...     name, context_length = "parrot", None
...     def chat(self, messages, **options):
...         return Completion("Within 30 days [1], by post [2].", "stop", 90, 9)
...     def count_tokens(self, messages):
...         return 90
>>> page = Document("Return it within 30 days.", "returns.md", "returns", "Returns")
>>> print(answer("When can I return it?", BM25([Chunk(page, 0, 25)]), Parrot()))
Within 30 days [1], by post [2: not retrieved].
  [1] Returns (returns)
"""

from course_lib.rag.answering import PROMPT, Answer, AnswerError, answer, answer_from, retrieve
from course_lib.rag.citations import ABSTENTION, Citation, check_citations, is_abstention
from course_lib.rag.passages import InForce, break_markers, fit_passages, format_passage
from course_lib.rag.trace import Step, Trace

__all__ = [
    "ABSTENTION",
    "PROMPT",
    "Answer",
    "AnswerError",
    "Citation",
    "InForce",
    "Step",
    "Trace",
    "answer",
    "answer_from",
    "break_markers",
    "check_citations",
    "fit_passages",
    "format_passage",
    "is_abstention",
    "retrieve",
]
