"""How results, hints and solutions look: HTML in a notebook, the same as text elsewhere.

The HTML takes its colours from the page (`currentColor`), so that it reads in light and dark. A
status is a word and a border style as well as a colour from the Okabe-Ito palette.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Status = Literal["not attempted", "wrong", "right"]

_BORDERS: dict[Status, str] = {
    "right": "6px solid #009E73",
    "wrong": "6px double #D55E00",
    "not attempted": "6px dotted currentColor",
}
_PRE = "white-space: pre-wrap; overflow-wrap: anywhere; background: transparent; margin: 0;"


@dataclass(frozen=True)
class Result:
    """What a check found; the last value of a notebook's cell.

    Args:
        exercise_id: as in "2.1".
        title: the exercise's title.
        status: "not attempted", "wrong" or "right".
        message: why, or a note on a right answer.
        rows: (name, text) pairs such as ("Expected", "[1, 2]").
        printed: what the learner's code printed, cut to a readable length.
        note: about the course rather than the answer, such as progress that could not be saved.
        helped: whether there are hints and a solution to point to.
    """

    exercise_id: str
    title: str
    status: Status
    message: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    printed: str = ""
    note: str = ""
    helped: bool = True

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.status == "right"

    @property
    def _next_step(self) -> str:
        if not self.helped:
            return "" if self.status != "not attempted" else "Replace the stub, run the cell again."
        if self.status == "right":
            return f'Compare with solution("{self.exercise_id}").'
        if self.status == "wrong":
            return f'Stuck? hint("{self.exercise_id}")'
        return f'Replace the stub, run the cell again. hint("{self.exercise_id}") helps.'

    def __repr__(self) -> str:
        lines = [f"Exercise {self.exercise_id}, {self.title}: {self.status.upper()}"]
        if self.message:
            lines.append(self.message)
        width = max((len(name) for name, _ in self.rows), default=0) + 1
        lines += [f"  {name + ':':<{width}} {text}" for name, text in self.rows]
        if self.printed:
            lines += ["  Printed by your code:"]
            lines += [f"  | {line}" for line in self.printed.splitlines()]
        lines += [text for text in (self._next_step, self.note) if text]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [
            f"<div><b>{escape(self.status.upper())}</b> &nbsp;"
            f"Exercise {escape(self.exercise_id)}, {escape(self.title)}</div>"
        ]
        if self.message:
            parts.append(f"<div>{_inline(self.message)}</div>")
        parts += [
            f'<div style="display: flex; gap: 0.75em;"><span style="min-width: 5em; opacity: 0.8;">'
            f'{escape(name)}</span><pre style="{_PRE}">{escape(text)}</pre></div>'
            for name, text in self.rows
        ]
        if self.printed:
            parts.append(
                f'<div>Printed by your code:</div><pre style="{_PRE} padding-left: 1em;">'
                f"{escape(self.printed)}</pre>"
            )
        parts += [
            f'<div style="opacity: 0.8;">{_inline(text)}</div>'
            for text in (self._next_step, self.note)
            if text
        ]
        style = f"border-left: {_BORDERS[self.status]}; padding: 0.25em 0.75em; color: inherit;"
        return f'<div role="status" style="{style}">{"".join(parts)}</div>'


@dataclass(frozen=True, repr=False)
class Folded:
    """Sections that a reader opens one at a time; as text they stand one below the other.

    Args:
        sections: (summary, text, code) for each, the text above the code, either may be empty.
    """

    sections: Sequence[tuple[str, str, str]]

    def __repr__(self) -> str:
        blocks = []
        for summary, text, code in self.sections:
            blocks.append("\n".join(part for part in (f"{summary}:", text, code) if part))
        return "\n\n".join(blocks)

    def _repr_html_(self) -> str:
        style = "border-left: 6px solid #0072B2; padding: 0.25em 0.75em; margin: 0.25em 0;"
        parts = []
        for summary, text, code in self.sections:
            inside = f"<p>{_inline(text)}</p>" if text else ""
            if code:
                inside += f'<pre style="{_PRE}"><code>{escape(code)}</code></pre>'
            summary_html = f'<summary style="cursor: pointer;">{escape(summary)}</summary>'
            parts.append(f'<details style="{style}">{summary_html}{inside}</details>')
        return "".join(parts)


def _inline(text: str) -> str:
    """Escape a text and set what stands between backticks as code."""
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:  # an odd number of backticks: leave them
        return "`".join(pieces)
    return "".join(
        f'<code style="background: transparent;">{piece}</code>' if i % 2 else piece
        for i, piece in enumerate(pieces)
    )
