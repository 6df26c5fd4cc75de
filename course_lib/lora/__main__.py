"""python -m course_lib.lora {router,grounded} [--config FILE] [--folder FOLDER] [--ship FOLDER]

Trains one of the course's two adapters. The same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from course_lib import ROOT
from course_lib.language_model import LocalModel
from course_lib.lora import (
    Example,
    Step,
    TrainingError,
    checkpoints,
    load_config,
    save_adapter,
    train,
)

CONFIGS = Path(__file__).with_name("configs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and print a line for every validation; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.lora",
        description="Train one of the course's adapters. The same command goes on after an "
        "interruption.",
    )
    parser.add_argument("name", choices=("router", "grounded"), help="which adapter")
    parser.add_argument("--config", type=Path, help="TOML file; by default the committed one")
    parser.add_argument(
        "--folder", type=Path, help="for checkpoints and the adapter; by default runs/lora/NAME"
    )
    parser.add_argument("--steps", type=int, help="so many steps instead of the configuration's")
    parser.add_argument("--ship", type=Path, help="write the adapter there too, in half the size")
    options = parser.parse_args(arguments)
    folder = options.folder or ROOT / "runs" / "lora" / options.name
    try:
        config = load_config(options.config or CONFIGS / f"{options.name}.toml")
        if options.steps is not None:
            config = replace(config, max_steps=options.steps)
        training, validation = examples(options.name)
        print(f"{len(training)} examples, {len(validation)} for validation; folder {folder}")
        result = train(LocalModel(), training, validation, config, folder=folder, on_step=show)
    except KeyboardInterrupt:
        kept = (folder / checkpoints.FILE).exists()
        print(
            f"\nInterrupted; the checkpoint is in {folder}. The same command goes on from there."
            if kept
            else "\nInterrupted before the first checkpoint. The same command begins again."
        )
        return 130
    except (ValueError, TrainingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{len(result.losses)} steps, {result.tokens:,} tokens in {result.seconds / 60:.1f} min; "
        f"best after step {result.best_step}, validation loss "
        f"{result.validation_losses[result.best_step]:.4f}.\nAdapter: {result.folder}"
    )
    if options.ship:
        print(f"Shipped: {save_adapter(result.model, options.ship, half=True)}")
    return 0


def show(step: Step) -> None:
    """Print a line if the step was followed by a validation."""
    if step.validation_loss is not None:
        print(
            f"step {step.step} of {step.steps}  training loss {step.loss:.4f}  "
            f"validation loss {step.validation_loss:.4f}  {step.seconds / 60:.1f} min",
            flush=True,
        )


def examples(name: str) -> tuple[list[Example], list[Example]]:
    """The training and the validation split."""
    if name == "router":
        from course_lib.lora.router_data import router_examples

        training, validation = (
            [Example(each.messages, each.answer) for each in router_examples(split)]
            for split in ("train", "validation")
        )
        return training, validation
    from course_lib.lora.grounded_data import grounded_examples

    return grounded_examples("train"), grounded_examples("validation")


if __name__ == "__main__":
    sys.exit(main())
