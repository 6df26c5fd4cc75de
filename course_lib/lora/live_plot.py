"""The loss while it falls: a figure in the notebook that is drawn again as the training goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course_lib import plotting

if TYPE_CHECKING:
    from course_lib.lora.results import Step


def live_loss_plot(every: float = 2.0) -> Callable[[Step], None]:
    """A figure of the loss for `train`'s on_step, drawn anew every few seconds and at the end.

    In a notebook the figure stands under the cell and changes in place. After the last step, or
    where an early stop ended the training, it is left as it was drawn last.

    Args:
        every: seconds between two drawings; validations are always drawn.

    Raises:
        ValueError: if every is negative.

    ``lora.train(model, examples, validation, on_step=lora.live_loss_plot())``

    Built in notebooks/12_fine_tuning.ipynb.
    """
    if every < 0:
        raise ValueError(f"every must be 0 or more seconds, got {every}")
    steps: list[Step] = []
    handle: Any = None
    drawn = -every

    def show(step: Step) -> None:
        nonlocal handle, drawn
        import matplotlib.pyplot as plt
        from IPython.display import display

        steps.append(step)
        over = step.step == step.steps or step.validation_loss is not None
        if not over and time.monotonic() - drawn < every:
            return
        figure = loss_figure(steps)
        if handle is None:
            plt.close(plt.figure())  # chooses the backend, so that the notebook shows pictures
            handle = display(figure, display_id=True)  # type: ignore[no-untyped-call]
        else:
            handle.update(figure)
        drawn = time.monotonic()

    return show


def loss_figure(steps: list[Step]) -> Any:
    """The loss of every step, and the validation's beside it; a matplotlib figure."""
    from matplotlib.figure import Figure  # not pyplot's: it would be shown once more by itself

    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        [step.step for step in steps], [step.loss for step in steps],
        color=plotting.COLOURS[4], linewidth=1, label="training, each step",
    )  # fmt: skip
    held_out = {
        step.step: step.validation_loss for step in steps if step.validation_loss is not None
    }
    if held_out:
        axes.plot(
            list(held_out), list(held_out.values()),
            color=plotting.COLOURS[1], marker="o", label="validation",
        )  # fmt: skip
    axes.set(xlabel="step", ylabel="loss (nats a token)", xlim=(0, steps[-1].steps))
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.set_title(f"After step {steps[-1].step} of {steps[-1].steps}", loc="left")
    return figure
