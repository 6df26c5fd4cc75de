"""Fine-tuning by low-rank adapters (LoRA): the data, the training, and what was forgotten."""

from course_lib.lora.configuration import TrainingConfig, load_config
from course_lib.lora.examples import Example, too_long
from course_lib.lora.forgetting import Forgetting, measure_forgetting, perplexities
from course_lib.lora.live_plot import live_loss_plot
from course_lib.lora.peft_adapters import merge_and_save, save_adapter
from course_lib.lora.results import Step, TrainingError, TrainingResult
from course_lib.lora.training import train

__all__ = [
    "Example",
    "Forgetting",
    "Step",
    "TrainingConfig",
    "TrainingError",
    "TrainingResult",
    "live_loss_plot",
    "load_config",
    "measure_forgetting",
    "merge_and_save",
    "perplexities",
    "save_adapter",
    "too_long",
    "train",
]
