"""The assistant as a web service: ask, search, give feedback, watch it work.

`course serve` starts it. In a program of your own, give `create_app` an `Assistant`: its answerer
is any object with a name and a method `answer`, so a test can do without a model.

>>> from course_lib.retrieval import BM25
>>> class Parrot:
...     name = "parrot"
...     def answer(self, question, emit):
...         return Reply("answered", "Within 30 days.", trace=Trace(question))
>>> assistant = Assistant(Parrot(), BM25([]))
>>> assistant.ask("When can I return it?").text
'Within 30 days.'

Built in notebooks/15_capstone.ipynb.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from course_lib.rag import Trace
from course_lib.service.answering import (
    Answerer,
    AnswerGuard,
    Assistant,
    Emit,
    Passage,
    QuestionGuard,
    Reply,
    Ruling,
    Verdict,
)
from course_lib.service.feedback import Feedback, FeedbackError, FeedbackStore

if TYPE_CHECKING:
    from course_lib.service.app import create_app
    from course_lib.service.parts import StartError, open_parts
    from course_lib.service.rag_answerer import RagAnswerer
    from course_lib.service.serving import serve
    from course_lib.service.settings import Settings, SettingsError

# FastAPI, pydantic and the guards are imported when one of these is asked for, not before.
_MODULE_OF = {
    "RagAnswerer": "rag_answerer",
    "Settings": "settings",
    "SettingsError": "settings",
    "StartError": "parts",
    "create_app": "app",
    "open_parts": "parts",
    "serve": "serving",
}

__all__ = [
    "AnswerGuard",
    "Answerer",
    "Assistant",
    "Emit",
    "Feedback",
    "FeedbackError",
    "FeedbackStore",
    "Passage",
    "QuestionGuard",
    "RagAnswerer",
    "Reply",
    "Ruling",
    "Settings",
    "SettingsError",
    "StartError",
    "Trace",
    "Verdict",
    "create_app",
    "open_parts",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
