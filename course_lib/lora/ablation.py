"""How the router's score follows from the rank and from the number of examples.

``python -m course_lib.lora.ablation`` trains small routers, one with each of SETTINGS, and writes
what validation makes of them to router_ablation.csv beside this file. What stands there already is
not trained again. Every training has STEPS steps, so few examples are seen often.
"""

from __future__ import annotations

import csv
import random
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from course_lib.lora.configuration import TrainingConfig

TABLE = Path(__file__).with_name("router_ablation.csv")
STEPS = 60
USUAL = (8, 240)  # rank, examples; the other settings change one of them
SETTINGS = (USUAL, (8, 60), (1, 240), (8, 15), (32, 240))
CONFIG = TrainingConfig(
    target_modules=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    layers=15,
    learning_rate=2e-3,
    batch_size=4,
    max_steps=STEPS,
    evaluate_every=STEPS,
)


@dataclass(frozen=True)
class Ablation:
    """A row of the table.

    Attributes:
        rank: of the adapter; alpha is twice the rank.
        examples: of the training split, drawn at random.
        parameters: numbers that learned.
        validation_loss: in nats a token, at the best of the validations.
        right: questions of the validation split with the very call that was wanted.
        questions: of the validation split.
    """

    rank: int
    examples: int
    parameters: int
    validation_loss: float
    right: int
    questions: int


def load_ablation(file: str | Path = TABLE) -> list[Ablation]:
    """The rows of the table, in the order of SETTINGS.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    whole = ("rank", "examples", "parameters", "right", "questions")
    with Path(file).open(encoding="utf-8", newline="") as lines:
        rows = [
            Ablation(
                validation_loss=float(row["validation_loss"]),
                **{name: int(row[name]) for name in whole},
            )
            for row in csv.DictReader(lines)
        ]
    return sorted(rows, key=lambda row: SETTINGS.index((row.rank, row.examples)))


def run(rank: int, examples: int) -> Ablation:
    """Train with one setting, and score it on validation."""
    from course_lib.language_model import LocalModel
    from course_lib.lora import Example, train
    from course_lib.lora.router_data import router_examples, score_router

    learn = router_examples("train")
    learn = random.Random(0).sample(learn, examples)
    held_out = router_examples("validation")
    config = replace(CONFIG, rank=rank, alpha=2.0 * rank)
    training, validation = (
        [Example(each.messages, each.answer) for each in part] for part in (learn, held_out)
    )
    result = train(LocalModel(), training, validation, config)
    right, _ = score_router(result.model, held_out)
    loss = min(result.validation_losses.values())
    return Ablation(rank, len(learn), result.parameters, round(loss, 4), sum(right), len(held_out))


def main() -> None:
    """Add the rows that the table lacks."""
    done = load_ablation() if TABLE.exists() else []
    for setting in SETTINGS:
        if setting not in {(row.rank, row.examples) for row in done}:
            done.append(run(*setting))
            print(done[-1], flush=True)
            with TABLE.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow([field.name for field in fields(Ablation)])
                writer.writerows(astuple(row) for row in done)


if __name__ == "__main__":
    main()
