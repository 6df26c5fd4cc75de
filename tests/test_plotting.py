"""course_lib.plotting: what a figure says, and that it says it the same way each time."""

from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_lib import plotting
from course_lib.statistics import Interval

WORDS = {"title": "What to see", "x_label": "length (m)", "y_label": "mass (kg)"}


@pytest.fixture(autouse=True)
def course_style():
    with mpl.rc_context(), mpl.rc_context({"backend": "agg"}):
        plotting.use_course_style()
        yield
        plt.close("all")


def draw(kind: str, ax=None):
    if kind == "scatter_map":
        return plotting.scatter_map(
            [[0, 0], [1, 2], [2, 1]], ["a", "b", "a"], **WORDS, texts={1: "note"}, ax=ax
        )
    if kind == "bars_with_intervals":
        intervals = [Interval(0.5, 0.4, 0.7), Interval(-0.2, -0.3, 0.1)]
        return plotting.bars_with_intervals(
            ["a", "b"], intervals, title="What to see", value_label="recall (share)", ax=ax
        )
    return plotting.histogram_by_group(
        {"a": [1, 2, 2], "b": [4.0]}, **WORDS, threshold=2.5, threshold_label="cut", ax=ax
    )


KINDS = ["scatter_map", "bars_with_intervals", "histogram_by_group"]


@pytest.mark.parametrize("kind", KINDS)
def test_has_its_title_and_labels_and_returns_its_axes(kind):
    ax = draw(kind)
    assert ax.get_title(loc="left") == "What to see"
    if kind == "bars_with_intervals":
        assert ax.get_xlabel() == "recall (share)"
    else:
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("length (m)", "mass (kg)")
    _, mine = plt.subplots()
    before = plt.get_fignums()
    assert draw(kind, ax=mine) is mine
    assert plt.get_fignums() == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_png_has_the_same_bytes_each_time_and_a_light_ground(kind):
    def png() -> bytes:
        buffer = io.BytesIO()
        draw(kind).figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()

    first = png()
    assert first == png()
    pixels = plt.imread(io.BytesIO(first))
    assert (pixels[0, 0, :3] == 1.0).all()
    assert pixels[0, 0, -1] == 1.0  # not see-through: a dark theme would swallow the text
    assert pixels.shape[1] <= 1000


def luminance(colour: str) -> float:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_is_set_dark_whatever_style_was_in_use():
    plt.style.use("dark_background")
    plotting.use_course_style()
    ax = draw("scatter_map")
    text = [ax.title, ax.xaxis.label, *ax.get_xticklabels(), *ax.get_legend().get_texts()]
    for part in text:
        assert (luminance("white") + 0.05) / (luminance(part.get_color()) + 0.05) > 7  # WCAG AAA


def test_groups_differ_in_marker_and_in_colour():
    names = [f"group {number}" for number in range(24)]
    ax = plotting.scatter_map(np.random.default_rng(0).normal(size=(24, 2)), names, **WORDS)
    looks = {
        (tuple(dots.get_facecolor()[0]), dots.get_paths()[0].vertices.tobytes())
        for dots in ax.collections
    }
    assert len(looks) == 24
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names
    first_eight = list(looks)[:8]
    assert len({marker for _, marker in first_eight}) > 4
    with pytest.raises(ValueError, match="at most 24 groups, got 25"):
        plotting.scatter_map(np.zeros((25, 2)), [str(number) for number in range(25)], **WORDS)


def test_scatter_map_puts_each_point_in_its_group_and_writes_the_notes():
    ax = draw("scatter_map")
    assert [dots.get_offsets().tolist() for dots in ax.collections] == [[[0, 0], [2, 1]], [[1, 2]]]
    (note,) = ax.texts
    assert (note.get_text(), tuple(note.xy)) == ("note", (1, 2))


def test_bars_and_whiskers_end_where_the_interval_does():
    ax = draw("bars_with_intervals")
    assert [bar.get_width() for bar in ax.patches] == [0.5, -0.2]
    written = [text.get_text() for text in ax.texts]
    assert written == ["0.50 [0.40, 0.70]", "-0.20 [-0.30, 0.10]"]
    (whiskers,) = ax.collections
    ends = [segment[:, 0].tolist() for segment in whiskers.get_segments()]
    np.testing.assert_allclose(ends, [[0.4, 0.7], [-0.3, 0.1]])
    assert ax.yaxis_inverted()  # the first name is on top


def test_histogram_counts_every_value_over_the_same_bins():
    ax = draw("histogram_by_group")
    counts = [[bar.get_height() for bar in bars] for bars in ax.containers]
    assert [sum(heights) for heights in counts] == [3, 1]
    starts = [[bar.get_x() for bar in bars] for bars in ax.containers]
    assert starts[0] == starts[1]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "a (3)",
        "b (1)",
        "cut 2.50",
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.scatter_map([[1, 2, 3]], ["a"], **WORDS), r"shape \(n, 2\) .* \(1, 3\)"),
        (lambda: plotting.scatter_map([[1, 2]], [], **WORDS), r"labels the length n, got .* and 0"),
        (lambda: plotting.scatter_map([], [], **WORDS), "points must have 2 dimensions"),
        (lambda: plotting.scatter_map([[1, np.nan]], ["a"], **WORDS), "points must hold finite"),
        (lambda: plotting.scatter_map([["x", "y"]], ["a"], **WORDS), "points must be numbers"),
        (
            lambda: plotting.bars_with_intervals(["a"], [], title="", value_label=""),
            "one length, 1 or more, got 1 and 0",
        ),
        (
            lambda: plotting.bars_with_intervals([], [], title="", value_label=""),
            "one length, 1 or more, got 0 and 0",
        ),
        (lambda: plotting.histogram_by_group({}, title="", x_label=""), "at least one group"),
        (
            lambda: plotting.histogram_by_group({"a": []}, title="", x_label=""),
            r"values\['a'\] must have 1 dimensions and not be empty",
        ),
        (
            lambda: plotting.histogram_by_group({"a": [np.inf]}, title="", x_label=""),
            r"values\['a'\] must hold finite numbers",
        ),
    ],
)
def test_says_what_is_wrong(call, message):
    before = plt.get_fignums()
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == before  # no empty figure is left behind


# ---- slider


def square(size=3, power=2.0):
    """Draws and prints; its defaults are where the sliders start."""
    plt.plot([0, size])
    plt.show()
    print(f"{size**power:.2f}")


@pytest.fixture
def shown(monkeypatch):
    """What a live slider displays."""
    widgets = []
    monkeypatch.delenv("COURSE_WIDGETS", raising=False)
    monkeypatch.setattr("IPython.display.display", widgets.append)
    return widgets


def test_without_widgets_a_slider_draws_once_at_the_defaults(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_WIDGETS", "off")
    plotting.slider(square, size=(1, 9, 1), power=(0.5, 3.0, 0.5))
    line = "Run this cell in JupyterLab to move: size, from 1 to 9; power, from 0.5 to 3.0"
    assert capsys.readouterr().out == f"9.00\n{line}\n"


def test_a_live_slider_draws_again_when_it_is_moved(shown, capsys):
    plotting.slider(square, size=(1, 9, 1), power=(0.5, 3.0, 0.5))
    (size_box, size), (_, power) = (row.children for row in shown[0].children[:2])
    assert (size_box.description, size_box.value) == ("size", 3)  # what a screen reader says
    assert (size.value, size.min, size.max, size.step) == (3, 1, 9, 1)
    assert isinstance(size.value, int)
    assert isinstance(power.value, float)
    capsys.readouterr()
    size.value = 5
    assert "25.00" in capsys.readouterr().out
    assert size_box.value == 5
    size_box.value = 4
    assert "16.00" in capsys.readouterr().out
    size.value = 5
    power.value = 3.0
    assert "125.00" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"colour": (0, 1, 1)}, "a parameter colour with a default"),
        ({"size": (4, 9, 1)}, "size must be .* around its default, got .*size=3"),
        ({"size": (9, 1, 1)}, "size must be"),
        ({"size": (1, 9, 0)}, "size must be"),
        ({"power": (0.0, float("nan"), 0.1)}, "power must be"),
    ],
)
@pytest.mark.parametrize("widgets", ["off", "on"])
def test_a_range_that_does_not_fit_is_refused(monkeypatch, widgets, ranges, message):
    monkeypatch.setenv("COURSE_WIDGETS", widgets)
    with pytest.raises(ValueError, match=message):
        plotting.slider(square, **ranges)


def test_a_slider_needs_a_default_to_start_at():
    with pytest.raises(ValueError, match="a parameter size with a default"):
        plotting.slider(lambda size: None, size=(1, 2, 1))
