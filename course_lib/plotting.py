"""The few pictures used by more than one notebook.

Groups are told apart by more than colour; the figure is light in every theme of JupyterLab.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from course_lib.plotting_flow import flow_chart as flow_chart
from course_lib.plotting_flow import waterfall as waterfall

if TYPE_CHECKING:  # matplotlib takes half a second to import
    from matplotlib.axes import Axes

    from course_lib.statistics import Interval

# Told apart with every common kind of colour blindness (Okabe and Ito, 2008); the last one is grey.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C8C8C",
)  # fmt: skip
MARKERS = "osD^vPX<>hpd"
_MOST_GROUPS = 24  # then 8 colours and 12 markers come round to the first pair again
_DARK, _GRID, _LIGHT = "#1F1F1F", "#D9D9D9", "#FFFFFF"


def use_course_style() -> None:
    """Set matplotlib's defaults for a notebook: colours, sizes, and a light figure in any theme.

    >>> use_course_style()

    First used in notebooks/00_start_here.ipynb.
    """
    import matplotlib
    from matplotlib.rcsetup import cycler

    dark = ("text.color", "axes.labelcolor", "axes.titlecolor", "axes.edgecolor", "xtick.color",
            "ytick.color", "legend.labelcolor")  # fmt: skip
    light = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    matplotlib.rcParams.update(
        {
            **dict.fromkeys(dark, _DARK),
            **dict.fromkeys(light, _LIGHT),
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.figsize": (7.0, 4.2),
            "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every system
            "font.size": 10,
            "grid.color": _GRID,
            "grid.linewidth": 0.8,
            "legend.frameon": False,
            "savefig.dpi": 100,
            "svg.hashsalt": "course",
        }
    )


def scatter_map(
    points: ArrayLike,
    labels: Sequence[str],
    *,
    title: str,
    x_label: str,
    y_label: str,
    texts: Mapping[int, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Points on a plane, each group with its own colour and marker.

    Args:
        points: shape (n, 2), for example the first two principal components.
        labels: the group of each point, length n; groups are listed in the order they come in.
        title, x_label, y_label: what to see, and what the axes show, with units.
        texts: index of a point -> the few words to write beside it.
        ax: where to draw; by default a new figure.

    Raises:
        ValueError: if points and labels do not fit each other, or points are not finite.

    >>> ax = scatter_map([[0, 0], [1, 2]], ["tyre", "bill"], title="Two tickets",
    ...                  x_label="component 1", y_label="component 2")
    >>> ax.get_title(loc="left")
    'Two tickets'

    First used in notebooks/01_embeddings.ipynb.
    """
    xy = _finite(points, "points", 2)
    if xy.shape[1] != 2 or len(labels) != len(xy):
        got = f"{xy.shape} and {len(labels)}"
        raise ValueError(f"points must have the shape (n, 2) and labels the length n, got {got}")
    groups = list(dict.fromkeys(labels))
    if len(groups) > _MOST_GROUPS:
        raise ValueError(f"labels must have at most {_MOST_GROUPS} groups, got {len(groups)}")
    ax = _axes(ax, (7.5, 4.8))
    for place, group in enumerate(groups):
        rows = [row for row, label in enumerate(labels) if label == group]
        ax.scatter(
            xy[rows, 0], xy[rows, 1], s=46, label=str(group), linewidths=0.6, edgecolors=_LIGHT,
            color=COLOURS[place % len(COLOURS)], marker=MARKERS[place % len(MARKERS)],
        )  # fmt: skip
    paper = {"facecolor": _LIGHT, "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
    for row, text in (texts or {}).items():
        ax.annotate(text, xy[row], (7, 5), textcoords="offset points", fontsize=9, bbox=paper)
    if len(groups) > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _name(ax, title, x_label, y_label)


def bars_with_intervals(
    names: Sequence[str],
    intervals: Sequence[Interval],
    *,
    title: str,
    value_label: str,
    value_format: str = ".2f",
    ax: Axes | None = None,
) -> Axes:
    """A horizontal bar for each name, with a whisker from the low to the high end of its interval.

    Args:
        names: what is compared, best put in the order of the argument you make.
        intervals: one `course_lib.statistics.Interval` for each name.
        title, value_label: what to see, and what is measured, with its unit and the confidence.
        value_format: how the estimate and the interval's ends are written beside the bar.
        ax: where to draw; by default a new figure.

    Raises:
        ValueError: if there is not one interval for each name.

    >>> from course_lib.statistics import Interval
    >>> ax = bars_with_intervals(["TF-IDF", "MiniLM"], [Interval(0.4, 0.3, 0.5),
    ...     Interval(0.7, 0.6, 0.8)], title="Embeddings find more", value_label="recall at 3")
    >>> [text.get_text() for text in ax.texts]
    ['0.40 [0.30, 0.50]', '0.70 [0.60, 0.80]']

    First used in notebooks/00_start_here.ipynb.
    """
    if not names or len(names) != len(intervals):
        got = f"{len(names)} and {len(intervals)}"
        raise ValueError(f"names and intervals must be of one length, 1 or more, got {got}")
    ends = [(interval.estimate, interval.low, interval.high) for interval in intervals]
    estimate, low, high = _finite(ends, "intervals", 2).T
    ax = _axes(ax, (7.0, 1.4 + 0.45 * len(names)))
    rows = np.arange(len(names))
    whiskers = [np.maximum(estimate - low, 0), np.maximum(high - estimate, 0)]
    ax.barh(rows, estimate, height=0.6, color=COLOURS[4])
    ax.errorbar(estimate, rows, xerr=whiskers, fmt="none", ecolor=_DARK, capsize=4, elinewidth=1.5)
    for row, interval in enumerate(intervals):
        # The ends too: the estimate alone, standing at the whisker's end, reads as that end.
        ax.annotate(
            format(interval, value_format), (max(high[row], estimate[row]), row), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=9,
        )  # fmt: skip
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.axvline(0, color=_DARK, linewidth=0.8)
    ax.margins(x=0.28)
    return _name(ax, title, value_label, "")


def histogram_by_group(
    values: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str,
    y_label: str = "number of items",
    threshold: float | None = None,
    threshold_label: str = "threshold",
    bins: int = 30,
    ax: Axes | None = None,
) -> Axes:
    """How the values of each group are spread, over the same bins, with an optional vertical line.

    Args:
        values: group name -> its numbers, shape (n,).
        title, x_label, y_label: what to see, what the numbers are, with a unit, what is counted.
        threshold, threshold_label: where to draw a line, and what it is called in the legend.
        bins: number of bins over the whole range.
        ax: where to draw; by default a new figure.

    Raises:
        ValueError: if there is no group, or one is empty or not finite.

    >>> ax = histogram_by_group({"same": [0.8, 0.9], "other": [0.1, 0.3]}, title="A gap to cut at",
    ...                         x_label="cosine similarity", threshold=0.5)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['same (2)', 'other (2)', 'threshold 0.50']

    First used in notebooks/02_similarity_metrics.ipynb.
    """
    groups = {name: _finite(numbers, f"values[{name!r}]", 1) for name, numbers in values.items()}
    if not groups:
        raise ValueError("values must have at least one group, got none")
    ax = _axes(ax)
    edges = np.histogram_bin_edges(np.concatenate(list(groups.values())), bins=bins)
    hatches = ("", "///", "...", "xxx", "\\\\\\", "+++")  # readable without colour
    shown = []  # in the legend, in the order of the arguments
    for place, (name, numbers) in enumerate(groups.items()):
        bars: Any = ax.hist(
            numbers, bins=edges.tolist(), label=f"{name} ({len(numbers)})", alpha=0.55,
            color=COLOURS[place % len(COLOURS)], hatch=hatches[place % len(hatches)],
            edgecolor=_DARK, linewidth=0.5,
        )[2]  # fmt: skip
        shown.append(bars[0])
    if threshold is not None:
        label = f"{threshold_label} {threshold:.2f}"
        shown.append(ax.axvline(threshold, color=_DARK, linestyle="--", linewidth=1.8, label=label))
    ax.legend(handles=shown)
    return _name(ax, title, x_label, y_label)


def slider(draw: Callable[..., object], **ranges: tuple[float, float, float]) -> None:
    """Call `draw` with the values of sliders, again whenever the reader moves one.

    Where nobody can move one (``course build``, ``course run`` and the tests set COURSE_WIDGETS to
    off) it calls `draw` once, at the start values: a stored notebook holds that figure and what it
    printed, the same bytes each time. Sliders appear when the cell runs in JupyterLab.

    Args:
        draw: prints numbers and shows a figure (``plt.show()``); what it returns is not shown. Its
            parameters' defaults are where the sliders start.
        ranges: parameter name -> (lowest, highest, step). Three whole numbers give whole numbers.

    Raises:
        ValueError: if a range does not fit `draw`, or does not hold its parameter's default.

    With ``def draw(threshold=0.5)`` this is ``slider(draw, threshold=(0.0, 1.0, 0.05))``.
    First used in notebooks/04_probability.ipynb.
    """
    starts = {name: _start(draw, name, ends) for name, ends in ranges.items()}
    if os.environ.get("COURSE_WIDGETS") == "off":
        draw(**starts)
        moves = [f"{name.replace('_', ' ')}, from {a} to {b}" for name, (a, b, _) in ranges.items()]
        print("Run this cell in JupyterLab to move:", "; ".join(moves))
        return
    import ipywidgets
    from IPython.display import display

    controls, rows = {}, []
    for name, (low, high, step) in ranges.items():
        whole = all(isinstance(number, int) for number in (low, high, step, starts[name]))
        ends = {"min": low, "max": high, "step": step}
        slide = (ipywidgets.IntSlider if whole else ipywidgets.FloatSlider)(
            starts[name], **ends, continuous_update=False, readout=False
        )
        # A slider's handle has no name for a screen reader; the box beside it has.
        box = (ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText)(
            starts[name], **ends, description=name.replace("_", " "),
            style={"description_width": "initial"},
        )  # fmt: skip
        ipywidgets.link((slide, "value"), (box, "value"))
        controls[name] = slide
        rows.append(ipywidgets.HBox([box, slide]))
    shown = ipywidgets.interactive_output(draw, controls)
    display(ipywidgets.VBox([*rows, shown]))  # type: ignore[no-untyped-call]


def _start(draw: Callable[..., object], name: str, ends: tuple[float, float, float]) -> float:
    """The default of a parameter of `draw`, which must lie within its slider's ends."""
    parameter = inspect.signature(draw).parameters.get(name)
    if parameter is None or parameter.default is parameter.empty:
        raise ValueError(f"draw must have a parameter {name} with a default, to start at")
    low, high, step = ends
    if not (step > 0 and low < high and low <= parameter.default <= high):
        got = f"({low}, {high}, {step}) and {name}={parameter.default}"
        raise ValueError(f"{name} must be (lowest, highest, step) around its default, got {got}")
    return parameter.default  # type: ignore[no-any-return]


def _axes(ax: Axes | None, size: tuple[float, float] | None = None) -> Any:
    """The given axes, or those of a new figure of `size` inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size)[1]


def _name(ax: Axes, title: str, x_label: str, y_label: str) -> Axes:
    """Axes with their title and labels."""
    ax.set_title(title, loc="left")
    ax.set(xlabel=x_label, ylabel=y_label)
    return ax


def _finite(values: ArrayLike, name: str, ndim: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Finite float64 array of `ndim` dimensions that holds at least one number."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers: {error}") from error
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must have {ndim} dimensions and not be empty, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, got NaN or infinity")
    return array
