"""course_lib.plotting_flow: the waterfall of a trace, and a graph's boxes and arrows."""

from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from course_lib import plotting
from course_lib.orchestration.graph import PLACES, assistant_graph
from course_lib.orchestration.tracing import spans_of, tracer_in_memory
from course_lib.rag import Step, Trace


@pytest.fixture(autouse=True)
def course_style():
    with mpl.rc_context(), mpl.rc_context({"backend": "agg"}):
        plotting.use_course_style()
        yield
        plt.close("all")


def trace(scale=1.0):
    times = [("retrieve", 0, 10), ("reading", 40, 20), ("generate", 30, 60)]
    steps = [Step(name, at * scale, took * scale, {"model": "m"}, {}) for name, at, took in times]
    return Trace("?", 1e9, [*steps, Step("check", 95 * scale, 0, {}, {}, "KeyError: 'x'")])


def rows(ax):
    return [label.get_text().rstrip() for label in ax.get_yticklabels()]


def png(ax):
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_the_waterfall_has_a_bar_for_each_span_where_it_began_and_as_long_as_it_took():
    ax = plotting.waterfall(spans_of(trace()), title="What to see")
    assert ax.get_title(loc="left") == "What to see"
    assert ax.get_xlabel() == "time since the beginning (ms)"
    assert rows(ax) == ["invoke_workflow ask", "  retrieval", "  chat m", "    reading", "  check"]
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    wanted = [(0, 95), (0, 10), (30, 60), (40, 20)]
    assert [value for bar in bars[:4] for value in bar] == pytest.approx(
        [value for bar in wanted for value in bar], abs=0.01
    )
    assert bars[4][0] == pytest.approx(95, abs=0.01)
    assert 0 < bars[4][1] < 1  # it took no time, and can be seen
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["95 ms, KeyError", "10 ms", "60 ms", "20 ms", "0 ms, KeyError"]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["the whole", "model", "search", "other"]
    hatches = [bar.get_hatch() for bar in ax.patches]
    assert [bool(hatch) for hatch in hatches] == [True, False, False, False, True]


def test_long_ones_are_in_seconds_and_the_axis_says_so():
    ax = plotting.waterfall(spans_of(trace(scale=100)))
    assert ax.get_xlabel() == "time since the beginning (s)"
    assert ax.get_title(loc="left") == "invoke_workflow ask: 9.5 s"
    assert ax.patches[0].get_width() == pytest.approx(9.5)


def test_the_order_of_the_spans_makes_no_difference_and_the_bytes_are_the_same():
    spans = spans_of(trace())
    first = png(plotting.waterfall(spans))
    assert first == png(plotting.waterfall(spans[::-1]))
    _, mine = plt.subplots()
    assert plotting.waterfall(spans, ax=mine) is mine


def test_part_of_a_trace_can_be_drawn():
    assert rows(plotting.waterfall(spans_of(trace())[2:])) == ["chat m", "  reading", "check"]


def test_spans_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="at least one span, got none"):
        plotting.waterfall([])
    with pytest.raises(ValueError, match="of one trace, got 2"):
        plotting.waterfall([*spans_of(trace()), *spans_of(trace())])
    with (
        tracer_in_memory()[0].start_as_current_span("open") as span,
        pytest.raises(ValueError, match="'open', which is still open"),
    ):
        plotting.waterfall([span])


class Nothing:
    name = "none"


def test_the_assistants_graph_has_a_place_for_each_node_and_an_arrow_for_each_way():
    graph = assistant_graph(Nothing(), Nothing()).get_graph()
    ax = plotting.flow_chart(graph, PLACES, title="What to see", visited=["route", "retrieve"])
    assert ax.get_title(loc="left") == "What to see"
    named = {text.get_text().replace("\n", " ") for text in ax.texts} - {""}
    assert named == {name for name in graph.nodes if not name.startswith("__")} == set(PLACES)
    ways = [e for e in graph.edges if "__" not in e.source + e.target]
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == len(ways)
    wide = [arrow for arrow in arrows if arrow.arrow_patch.get_linewidth() == 2.0]
    assert [(arrow.xyann, arrow.xy) for arrow in wide] == [(PLACES["route"], PLACES["retrieve"])]


def test_a_node_without_a_place_is_named():
    graph = assistant_graph(Nothing(), Nothing()).get_graph()
    without = {name: place for name, place in PLACES.items() if name != "tool"}
    with pytest.raises(ValueError, match="must have every node, tool not among them"):
        plotting.flow_chart(graph, without, title="")
