"""lora.train beside the Trainer of transformers with peft: same data, batches and first weights.

Both train in this process by turns. Losses and peak memory come from one more training of each, in
a process of its own: `python -m benchmarks.bench_lora {ours,trainer,grouped} DATA THREADS` prints
them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Row, Settings, compare
from course_lib.data import load_handbook
from course_lib.language_model import LocalModel
from course_lib.local_models import torch_threads
from course_lib.lora import Example, TrainingConfig, train
from course_lib.lora.batches import batch_of, count_steps
from course_lib.lora.examples import encode
from course_lib.lora.peft_adapters import new_adapter
from course_lib.lora.router_data import router_examples

ROUTER = TrainingConfig(learning_rate=2e-3, warmup_steps=0, batch_size=8, epochs=1)
GROUNDED = TrainingConfig(learning_rate=1e-3, warmup_steps=0, batch_size=4, epochs=1)
TRAINERS = {
    "trainer": "transformers.Trainer with peft",
    "grouped": "the same, train_sampling_strategy=group_by_length",
}


def run(settings: Settings) -> Iterator[Row]:
    model = LocalModel()
    kinds = ("trainer",) if settings.quick else tuple(TRAINERS)
    for name, kind in [*(("router", kind) for kind in kinds), ("grounded", "trainer")]:
        if settings.quick and name == "grounded":
            continue
        examples, config = data(name, settings.quick)
        lengths = [len(each.ids) for each in encode(model, examples, 2048)]
        for threads in settings.threads:
            model.threads = threads
            mine, theirs = (
                in_its_own_process(which, name, threads, settings.quick) for which in ("ours", kind)
            )
            yield compare(
                f"LoRA, {len(examples)} examples of {min(lengths)}–{max(lengths)} tokens, "
                f"batches of {config.batch_size}",
                partial(our_training, model, examples, config),
                TRAINERS[kind],
                partial(their_training, model, examples, config, kind),
                settings,
                threads=threads,
                checked=same_losses(mine, theirs, exact=kind == "trainer"),
                least_ratio=None if settings.quick or kind == "grouped" else 1.5,
            )


def data(name: str, quick: bool) -> tuple[list[Example], TrainingConfig]:
    """Examples and configuration."""
    if name == "router":
        chosen = router_examples("train")[:: 28 if quick else 14]
        return [Example(each.messages, each.answer) for each in chosen], ROUTER
    prompt = "Answer from the passages alone, in one sentence, and cite them, as [1]."
    text = "\n".join(page.text for page in load_handbook())
    rng = np.random.default_rng(0)
    examples = []
    for start in rng.integers(0, len(text) - 2000, 8):
        passage = text[start : start + rng.integers(1000, 1900)]
        user = f"[1] {passage}\n\nQuestion: How long may I keep it?"
        examples.append(
            Example(
                ({"role": "system", "content": prompt}, {"role": "user", "content": user}),
                "You may keep it for 30 days after the delivery [1].",
            )
        )
    return examples, GROUNDED


def our_training(
    model: LocalModel, examples: list[Example], config: TrainingConfig
) -> tuple[float, ...]:
    """Every step's loss."""
    return train(model, examples, [], config, progress=False).losses


def their_training(
    model: LocalModel, examples: list[Example], config: TrainingConfig, kind: str
) -> list[float]:
    """Every step's loss, with the Trainer's own padding, optimiser and schedule."""
    import transformers
    from transformers import trainer as trainer_module

    # Run from this repository's root, it takes the folder datasets/ for the package of that name.
    trainer_module.is_datasets_available = lambda: False
    network = new_adapter(model, config).model
    rows = [
        {
            "input_ids": list(each.ids),
            "labels": [-100] * each.prompt + list(each.ids[each.prompt :]),
        }
        for each in encode(model, examples, 2048)
    ]
    if kind == "trainer":  # the same batches as ours
        steps = range(count_steps(config, len(rows)))
        rows = [rows[at] for step in steps for at in batch_of(config, len(rows), step)]
    with tempfile.TemporaryDirectory() as folder, torch_threads(model.threads):
        trainer = transformers.Trainer(
            model=network,
            args=transformers.TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=config.batch_size,
                num_train_epochs=1,
                learning_rate=config.learning_rate,
                train_sampling_strategy="sequential" if kind == "trainer" else "group_by_length",
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=rows,
            data_collator=transformers.DataCollatorForSeq2Seq(model.tokenizer, padding=True),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def in_its_own_process(kind: str, name: str, threads: int, quick: bool) -> dict[str, Any]:
    """Losses, and the memory that the training took at its peak, in MB."""
    command = [sys.executable, "-m", "benchmarks.bench_lora", kind, name, str(threads)]
    done = subprocess.run(
        [*command, "quick"] if quick else command,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def same_losses(ours: dict[str, Any], theirs: dict[str, Any], exact: bool) -> str:
    """An error where a step's losses differ by more than 2 %, if the batches are the same."""
    one, other = np.array(ours["losses"]), np.array(theirs["losses"])
    if exact:
        gap = float(np.abs(one / other - 1).max())
        if gap > 0.02:
            raise AssertionError(f"the losses differ by {gap:.1%}: {one} and {other}")
        loss = f"every step's loss within {gap:.2%}"
    else:
        loss = f"mean loss {one.mean():.3f} and {other.mean():.3f}, in other batches"
    return f"{loss}; peak memory {ours['memory']:,.0f} MB and {theirs['memory']:,.0f} MB"


def main() -> None:
    """One training, for its losses and its memory."""
    kind, name, threads = sys.argv[1:4]
    examples, config = data(name, quick="quick" in sys.argv)
    model = LocalModel(threads=int(threads))
    if kind == "ours":
        losses = list(our_training(model, examples, config))
    else:
        losses = their_training(model, examples, config, kind)
    print(json.dumps({"losses": losses, "memory": peak_memory()}))


def peak_memory() -> float:
    """The most memory that this process has had, in MB, the model's 540 MB included."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main()
