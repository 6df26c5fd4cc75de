"""Training an adapter: what is learned, the loop, and going on after an interruption."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_lib.language_model import LocalModel
from course_lib.local_models import torch_threads
from course_lib.lora import checkpoints
from course_lib.lora.batches import batch_of, count_steps, packs, summed_loss
from course_lib.lora.configuration import TrainingConfig
from course_lib.lora.examples import Encoded, Example, encode
from course_lib.lora.peft_adapters import new_adapter, save_adapter, trainable
from course_lib.lora.results import Step, TrainingError, TrainingResult

SAVE_EVERY = 30.0  # seconds between two checkpoints, at least


def train(
    model: LocalModel,
    examples: Sequence[Example],
    validation: Sequence[Example],
    config: TrainingConfig | None = None,
    *,
    folder: str | Path | None = None,
    on_step: Callable[[Step], None] | None = None,
    progress: bool | None = None,
) -> TrainingResult:
    """Train a LoRA adapter on the answers of the examples.

    The loss is the cross-entropy of the answers' tokens, with the token that ends the answer; the
    prompt is not learned. The optimiser is AdamW. The same arguments and the same number of threads
    give the same adapter, whether or not the training was interrupted.

    Args:
        model: without adapter; it stays as it is.
        examples: to learn from.
        validation: to choose the best step by, and to stop early by; may be empty.
        config: how to train.
        folder: for checkpoints and the adapter. If it holds a checkpoint of the same training, that
            goes on from there.
        on_step: called after every step.
        progress: True shows a bar on stderr at once, None after 2 seconds, False never.

    Raises:
        ValueError: if an example is empty or too long, or the folder holds another training.
        TrainingError: if the loss is no longer finite. The last checkpoint is kept.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    config = config or TrainingConfig()
    training = encode(model, examples, config.max_length)
    held_out = encode(model, validation, config.max_length, "validation") if validation else []
    run = _Run(model, training, held_out, config, Path(folder) if folder is not None else None)
    with torch_threads(model.threads), _bar(run, progress) as bar:
        run.loop(on_step, bar)
    return run.result()


class _Run:
    """A training in progress."""

    def __init__(
        self,
        model: LocalModel,
        examples: list[Encoded],
        validation: list[Encoded],
        config: TrainingConfig,
        folder: Path | None,
    ) -> None:
        import torch

        self.examples, self.validation, self.config, self.folder = (
            examples, validation, config, folder,
        )  # fmt: skip
        self.model = new_adapter(model, config)
        self.network = self.model.model.get_base_model()
        self.weights: dict[str, Any] = trainable(self.model.model)
        self.best = {name: tensor.detach().clone() for name, tensor in self.weights.items()}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.steps = count_steps(config, len(examples))
        self.step, self.best_step, self.seconds, self.tokens = 0, 0, 0.0, 0
        self.losses: list[float] = []
        self.validation_losses: dict[int, float] = {}
        self.identity = {
            **json.loads(json.dumps(asdict(config))),
            "model": model.name,
            "examples": _fingerprint(examples),
            "validation": _fingerprint(validation),
        }
        if folder is not None and (found := checkpoints.load(folder)) is not None:
            self._restore(*found)

    def loop(self, on_step: Callable[[Step], None] | None, bar: Any) -> None:
        """All steps that are left."""
        begun = time.perf_counter() - self.seconds
        saved = time.perf_counter()
        if self._due and self.step not in self.validation_losses:
            self._validate()
        whole = True  # the weights are those after self.step steps
        try:
            while not self.over:
                loss, rate, tokens = self._gradient()
                whole = False
                self.optimizer.step()
                self.step += 1
                self.tokens += tokens
                self.losses.append(loss)
                self.seconds = time.perf_counter() - begun
                whole = True
                measured = None
                if self._due:
                    measured = self._validate()
                    self.seconds = time.perf_counter() - begun
                if on_step:
                    on_step(Step(self.step, self.steps, loss, measured, rate, self.seconds))
                bar.update(1)
                if self._due or time.perf_counter() - saved > SAVE_EVERY:
                    self._save()
                    saved = time.perf_counter()
        except KeyboardInterrupt:
            if whole:
                self._save()
            raise
        self._save()

    @property
    def over(self) -> bool:
        """Whether all steps are done, or the validation loss has stopped falling."""
        since = sum(step > self.best_step for step in self.validation_losses)
        patience = self.config.patience
        stopped = patience is not None and bool(self.validation) and since >= patience
        return self.step >= self.steps or stopped

    def result(self) -> TrainingResult:
        """The model at its best step, saved if there is a folder."""
        import torch

        if self.validation:
            with torch.no_grad():
                for name, tensor in self.weights.items():
                    tensor.copy_(self.best[name])
        self.model.model.eval().requires_grad_(False)
        folder = self.folder and save_adapter(self.model, self.folder / "adapter")
        self.model.adapter = folder or self.model.adapter
        return TrainingResult(
            self.model, tuple(self.losses), dict(self.validation_losses),
            self.best_step if self.validation else self.step, self.seconds, self.tokens,
            sum(tensor.numel() for tensor in self.weights.values()), folder,
        )  # fmt: skip

    @property
    def _due(self) -> bool:
        """Whether a validation follows the steps done so far."""
        return self.step % self.config.evaluate_every == 0 or self.step == self.steps

    def _gradient(self) -> tuple[float, float, int]:
        """Give the weights this step's gradient: mean loss, learning rate and number of tokens."""
        import torch

        batch = [self.examples[row] for row in batch_of(self.config, len(self.examples), self.step)]
        labels = sum(example.labels for example in batch)
        rate = self.config.learning_rate * _schedule(
            self.step, self.config.warmup_steps, self.steps
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        self.model.model.train(self.config.dropout > 0)
        total = 0.0
        # dropout's numbers follow from the step: nothing of them has to be kept in a checkpoint
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed * 1_000_003 + self.step)
            for part in packs(batch):
                loss = summed_loss(self.network, part) / labels
                loss.backward()
                total += float(loss.detach())
        norm = float(torch.nn.utils.clip_grad_norm_(self.weights.values(), self.config.clip_norm))
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise self._failure(f"the loss is {total} and the gradient's length {norm}")
        return total, rate, sum(len(example.ids) for example in batch)

    def _validate(self) -> float | None:
        """Mean validation loss; the weights are kept if it is the best so far."""
        import torch

        if not self.validation:
            return None
        self.model.model.eval()
        with torch.no_grad():
            total = sum(float(summed_loss(self.network, part)) for part in packs(self.validation))
        loss = total / sum(example.labels for example in self.validation)
        if not math.isfinite(loss):
            raise self._failure(f"the validation loss is {loss}")
        if loss < min(self.validation_losses.values(), default=math.inf):
            self.best_step = self.step
            self.best = {name: tensor.detach().clone() for name, tensor in self.weights.items()}
        self.validation_losses[self.step] = loss
        return loss

    def _failure(self, what: str) -> TrainingError:
        kept = f"; the checkpoint in {self.folder} is from before" if self.folder else ""
        return TrainingError(
            f"after {self.step} steps {what}{kept}. Next step: a lower learning_rate (it is "
            f"{self.config.learning_rate:g}), and another folder"
        )

    def _save(self) -> None:
        if self.folder is None:
            return
        moments = {
            f"{kind}.{name}": self.optimizer.state[tensor][kind]
            for name, tensor in self.weights.items()
            for kind in self.optimizer.state.get(tensor, ())
        }
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        now = {f"weight.{name}": tensor for name, tensor in self.weights.items()}
        state = {
            "identity": self.identity, "step": self.step, "best_step": self.best_step,
            "seconds": self.seconds, "tokens": self.tokens, "losses": self.losses,
            "validation_losses": self.validation_losses,
        }  # fmt: skip
        checkpoints.save(self.folder, {**moments, **best, **now}, state)

    def _restore(self, tensors: dict[str, Any], state: dict[str, Any]) -> None:
        import torch

        assert self.folder is not None
        checkpoints.refuse_other(self.folder, state["identity"], self.identity)
        with torch.no_grad():
            for name, tensor in self.weights.items():
                tensor.copy_(tensors[f"weight.{name}"])
                kinds = ("step", "exp_avg", "exp_avg_sq")
                found = {kind: tensors.get(f"{kind}.{name}") for kind in kinds}
                if found["step"] is not None:
                    self.optimizer.state[tensor] = found
                self.best[name] = tensors[f"best.{name}"]
        self.step, self.best_step = state["step"], state["best_step"]
        self.seconds, self.tokens, self.losses = state["seconds"], state["tokens"], state["losses"]
        self.validation_losses = {
            int(step): loss for step, loss in state["validation_losses"].items()
        }


def _schedule(step: int, warmup: int, steps: int) -> float:
    """Share of the highest learning rate at a step, 0 being the first."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (steps - step) / max(1, steps - warmup))


def _fingerprint(examples: list[Encoded]) -> str:
    """Number of examples, and a hash of their tokens."""
    tokens = json.dumps([(example.ids, example.prompt) for example in examples])
    return f"{len(examples)} of {hashlib.sha256(tokens.encode()).hexdigest()[:12]}"


def _bar(run: _Run, progress: bool | None) -> Any:
    from tqdm import tqdm

    # tqdm heeds TQDM_DISABLE only where `disable` is not passed
    options: dict[str, Any] = {"disable": True} if progress is False else {}
    options |= {"leave": bool(progress), "delay": 0 if progress else 2}
    return tqdm(total=run.steps, initial=run.step, desc="Training", unit=" steps", **options)
