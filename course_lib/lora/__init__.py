"""Fine-tuning by low-rank adapters (LoRA): the data, the training, and what was forgotten."""

from course_lib.lora.configuration import TrainingConfig, load_config
from course_lib.lora.examples import Example, too_long
from course_lib.lora.peft_adapters import merge_and_save, save_adapter
from course_lib.lora.training import Step, TrainingError, TrainingResult, train

__all__ = [
    "Example",
    "Step",
    "TrainingConfig",
    "TrainingError",
    "TrainingResult",
    "load_config",
    "merge_and_save",
    "save_adapter",
    "too_long",
    "train",
]
