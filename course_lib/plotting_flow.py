"""Pictures of what ran after what: a trace's spans, and a graph's nodes. `plotting` offers both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONGEST = 28  # characters of a span's name
_KINDS = {  # gen_ai.operation.name -> what the legend says
    "invoke_workflow": "the whole",
    "invoke_agent": "the whole",
    "chat": "model",
    "text_completion": "model",
    "retrieval": "search",
    "embeddings": "search",
    "execute_tool": "tool",
}
_COLOUR_OF = {  # places in plotting.COLOURS
    "the whole": 7, "model": 0, "search": 2, "guard": 1, "tool": 3, "other": 4,
}  # fmt: skip


def waterfall(spans: Sequence[Any], *, title: str = "", ax: Axes | None = None) -> Axes:
    """A bar for each span of one trace, where it began and as long as it took.

    A span lies below the one within which it ran, its name indented. Its duration stands beside
    it, with the kind of the error where it failed.

    Args:
        spans: of OpenTelemetry, such as `spans_of(trace)` or `exporter.get_finished_spans()`, in
            any order. One whose parent is not among them begins a row of its own.
        title: what to see; by default the first span's name and duration.
        ax: where to draw; by default a new figure.

    Raises:
        ValueError: if there are no spans, one has not ended, or they are of several traces.

    >>> from course_lib.orchestration.tracing import spans_of
    >>> from course_lib.rag import Trace
    >>> trace = Trace("When?")
    >>> with trace.step("generate", model="parrot"):
    ...     pass
    >>> [label.get_text().strip() for label in waterfall(spans_of(trace)).get_yticklabels()]
    ['invoke_workflow ask', 'chat parrot']

    First used in notebooks/14_orchestration.ipynb.
    """
    from course_lib import plotting

    rows = _rows(spans)
    began = min(span.start_time for span, _ in rows)
    whole = max(max(span.end_time for span, _ in rows) - began, 1)
    unit, size = ("s", 1e9) if whole >= 2e9 else ("ms", 1e6)
    ax = plotting._axes(ax, (7.5, 1.3 + 0.27 * len(rows)))
    kinds = [_kind(span) for span, _ in rows]
    for row, (span, _) in enumerate(rows):
        start, took = (span.start_time - began) / size, (span.end_time - span.start_time) / size
        shown = max(took, 0.006 * whole / size)  # what took no time is a thin line
        failed = span.attributes.get("error.type", "") if span.attributes else ""
        colour = plotting.COLOURS[_COLOUR_OF[kinds[row]]]
        ax.barh(
            row, shown, left=start, height=0.62, color=colour, linewidth=0.6,
            edgecolor=plotting._DARK if failed else colour, hatch="////" if failed else "",
        )  # fmt: skip
        ax.annotate(
            f"{_duration(span)}{f', {failed}' if failed else ''}", (start + shown, row),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    names = [f"{'  ' * depth}{_short(span.name)}" for span, depth in rows]
    widest = max(map(len, names))  # padded in a font of one width: so they begin at one line
    ax.set_yticks(range(len(rows)), [name.ljust(widest) for name in names])
    for label in ax.get_yticklabels():
        label.set(family="DejaVu Sans Mono", fontsize=8.5)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0, 1.22 * whole / size)  # room for the longest bar's duration
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    _legend(ax, kinds)
    first = rows[0][0]
    return plotting._name(
        ax, title or f"{first.name}: {_duration(first)}", f"time since the beginning ({unit})", ""
    )


def _rows(spans: Sequence[Any]) -> list[tuple[Any, int]]:
    """Each span with its depth, in the order to draw them in."""
    if not spans:
        raise ValueError("spans must hold at least one span, got none")
    if open_ := [span.name for span in spans if span.end_time is None]:
        raise ValueError(f"spans must have ended, got {open_[0]!r}, which is still open")
    if (traces := len({span.context.trace_id for span in spans})) > 1:
        raise ValueError(f"spans must be of one trace, got {traces}: choose by context.trace_id")
    known = {span.context.span_id for span in spans}
    below: dict[int | None, list[Any]] = {}
    for span in sorted(spans, key=lambda one: one.start_time):
        parent = span.parent.span_id if span.parent else None
        below.setdefault(parent if parent in known else None, []).append(span)
    rows: list[tuple[Any, int]] = []
    waiting = [(span, 0) for span in reversed(below.get(None, []))]
    while waiting:
        span, depth = waiting.pop()
        rows.append((span, depth))
        within = below.get(span.context.span_id, [])
        waiting += [(one, depth + 1) for one in reversed(within)]
    return rows


def _kind(span: Any) -> str:
    said = span.attributes or {}
    return said.get("course.kind") or _KINDS.get(said.get("gen_ai.operation.name", ""), "other")


def _duration(span: Any) -> str:
    """Such as "0.042 ms", "12 ms" or "3.1 s"."""
    milliseconds = (span.end_time - span.start_time) / 1e6
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.3g} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.2g} ms"


def _short(name: str) -> str:
    """Room for the bars: the beginning of a long name."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _legend(ax: Any, kinds: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    from course_lib import plotting

    there = [kind for kind in _COLOUR_OF if kind in kinds]
    patches = [Patch(facecolor=plotting.COLOURS[_COLOUR_OF[kind]], label=kind) for kind in there]
    ax.legend(handles=patches, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2)


def flow_chart(
    graph: Any,
    places: Mapping[str, tuple[float, float]],
    *,
    title: str,
    visited: Collection[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """A graph's nodes as boxes, and an arrow for each way from one to another.

    Args:
        graph: with `nodes` and `edges`, as `assistant_graph(...).get_graph()` gives it. Its start
            and end are not drawn: a thick frame marks the nodes that they stand for.
        places: name of a node -> where its middle lies, in units of a box and its gap.
        title: what to see.
        visited: nodes that a question went through; they, and the ways between them, are filled.
        ax: where to draw; by default a new figure.

    Raises:
        ValueError: if a node has no place.

    >>> from types import SimpleNamespace as Any_
    >>> way = Any_(source="ask", target="say")
    >>> graph = Any_(nodes={"ask": None, "say": None}, edges=[way])
    >>> ax = flow_chart(graph, {"ask": (0, 0), "say": (1, 0)}, title="Ask, then say")
    >>> sorted(text.get_text() for text in ax.texts if text.get_text())
    ['ask', 'say']

    First used in notebooks/14_orchestration.ipynb.
    """
    from course_lib import plotting

    nodes = [name for name in graph.nodes if not name.startswith("__")]
    if missing := [name for name in nodes if name not in places]:
        raise ValueError(f"places must have every node, {', '.join(missing)} not among them")
    ends = {edge.target for edge in graph.edges if edge.source.startswith("__")}
    ends |= {edge.source for edge in graph.edges if edge.target.startswith("__")}
    ax = plotting._axes(ax, (7.5, 4.2))
    boxes = {}
    for name in nodes:
        filled = name in visited
        boxes[name] = ax.text(
            *places[name], name.replace(" ", "\n"), ha="center", va="center", fontsize=9,
            zorder=3, bbox={
                "boxstyle": "round,pad=0.4", "linewidth": 2.2 if name in ends else 0.9,
                "facecolor": "#CFE5F5" if filled else plotting._LIGHT,
                "edgecolor": plotting.COLOURS[0] if filled else plotting._DARK,
            },
        )  # fmt: skip
    for edge in graph.edges:
        if edge.source not in boxes or edge.target not in boxes:
            continue
        taken = edge.source in visited and edge.target in visited
        arrow = ax.annotate(
            "", places[edge.target], places[edge.source], zorder=2 if taken else 1,
            arrowprops={
                "arrowstyle": "-|>", "patchA": boxes[edge.source].get_bbox_patch(),
                "patchB": boxes[edge.target].get_bbox_patch(), "shrinkA": 1, "shrinkB": 1,
                "color": plotting.COLOURS[0] if taken else plotting.COLOURS[7],
                "linewidth": 2.0 if taken else 1.0,
            },
        )  # fmt: skip
        arrow.set_in_layout(False)
    across, up = zip(*(places[name] for name in nodes), strict=True)
    ax.set(xlim=(min(across) - 0.5, max(across) + 0.5), ylim=(min(up) - 0.4, max(up) + 0.4))
    ax.axis("off")
    return plotting._name(ax, title, "", "")
