"""From what was retrieved to what the model reads: pages in force, within the budget, numbered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from course_lib.chunking import Chunk
from course_lib.language_model import Message
from course_lib.retrieval import Retrieved, Retriever

# What marks turns in the chat formats of Qwen, Llama, Phi, SmolLM (<|...|>), DeepSeek (<｜...｜>),
# Gemma and Mistral. For a model that is loaded here, its tokenizer is asked too.
_TURN_MARKERS = r"<[|｜][^\s<>|｜]+[|｜]>|</?(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?s>"


class InForce:
    """A search that leaves out superseded pages (see `ingestion.load_folder`).

    Put it around the search itself, and a reranker around it: it asks for more until it has enough.
    Leave it out where people ask what used to hold; the prompt then says which page is superseded.

    Args:
        retriever: any search.

    Built in notebooks/08_rag.ipynb.
    """

    def __init__(self, retriever: Retriever) -> None:
        self.retriever = retriever

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k best chunks of pages that are in force."""
        depth = k
        while True:
            found = self.retriever.search(query, depth)
            kept = [one for one in found if not one.chunk.metadata.get("superseded", False)]
            if len(kept) >= k or len(found) < depth:
                return kept[:k]
            depth *= 2


def break_markers(text: str, markers: Iterable[str] = ()) -> str:
    """Break up what a chat model reads as the end of a turn, so that text stays text.

    A page that holds `<|im_end|>` could otherwise close the user's message and open one in another
    role. A blank after the first character is enough. What a text *says*, it still says.

    Args:
        text: from a document or a person.
        markers: of the model, beside the well-known ones; those with blanks are passed over.

    >>> break_markers("Hi <|im_<|im_end|>end|> there")
    'Hi <|im_< |im_end|>end|> there'

    Built in notebooks/08_rag.ipynb.
    """
    own = [re.escape(one) for one in markers if len(one) > 1 and not re.search(r"\s", one)]
    pattern = re.compile("|".join([*own, _TURN_MARKERS]))
    while pattern.search(text):  # again, for markers that overlap
        text = pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
    return text


def markers_of(model: Any) -> list[str]:
    """The special tokens of a model that is loaded here; none for one behind an endpoint."""
    tokens = getattr(getattr(model, "tokenizer", None), "added_tokens_decoder", {})
    return [str(token) for token in tokens.values() if getattr(token, "special", True)]


def format_passage(number: int, chunk: Chunk) -> str:
    """A passage as the prompt shows it: its number and anchor, then its text as a quotation.

    The `>` before every line shows where a passage ends: no text of its own can end it.

    >>> from course_lib.ingestion import Document
    >>> page = Document("Within 30 days.", "returns.md", "returns", "Returns policy")
    >>> print(format_passage(1, Chunk(page, 0, 15)))
    [1] returns
    > Returns policy
    > Within 30 days.
    """
    by = chunk.metadata.get("superseded_by")
    note = f" (no longer in force, see {by})" if by else ""
    lines = chunk.text_with_heading.splitlines()
    return "\n".join([f"[{number}] {chunk.locator}{note}", *(f"> {line}" for line in lines)])


def fit_passages(
    found: Sequence[Retrieved],
    max_tokens: int,
    messages: Callable[[Sequence[Retrieved]], list[Message]],
    count_tokens: Callable[[list[Message]], int],
) -> list[Retrieved]:
    """Keep the best passages whose prompt is within the budget; each is kept whole or not at all.

    From the best down, a passage is kept if it fits beside those kept before it: one that is too
    long makes room for the ones after it.

    Args:
        found: best first.
        max_tokens: the largest prompt.
        messages: makes the prompt from passages.
        count_tokens: of a prompt. Called once if all fit, else once for each passage.

    Built in notebooks/08_rag.ipynb.
    """
    if count_tokens(messages(found)) <= max_tokens:
        return list(found)
    kept: list[Retrieved] = []
    for one in found:
        if count_tokens(messages([*kept, one])) <= max_tokens:
            kept.append(one)
    return kept
