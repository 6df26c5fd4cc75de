"""Adapters: made, saved, and merged into the model's own weights."""

from __future__ import annotations

import copy
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.local_models import quiet_transformers, share_weights
from course_lib.lora.configuration import TrainingConfig

if TYPE_CHECKING:
    from course_lib.language_model import LocalModel


def new_adapter(model: LocalModel, config: TrainingConfig) -> LocalModel:
    """The model with an untrained adapter, which changes nothing yet; `model` stays as it is.

    Raises:
        ValueError: if the model has an adapter already, is in 8 bits, or lacks a target module.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    if model.adapter is not None or model.int8:
        raise ValueError(
            f"model must be a float32 model without adapter, got {model.name}: load it anew"
        )
    count = model.model.config.get_text_config().num_hidden_layers
    if config.layers is not None and config.layers > count:
        raise ValueError(f"layers must be between 1 and {count}, or None, got {config.layers}")
    settings = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.target_modules),
        layers_to_transform=config.layers and list(range(count - config.layers, count)),
        task_type="CAUSAL_LM",
    )
    linear = {
        name.rpartition(".")[2]
        for name, layer in model.model.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer is not model.model.get_output_embeddings()
    }
    if missing := set(config.target_modules) - linear:
        raise ValueError(
            f"target_modules must be among {', '.join(sorted(linear))}, got {sorted(missing)[0]}"
        )
    adapted = copy.copy(model)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks for a name that is going
        torch.manual_seed(config.seed)
        adapted.model = get_peft_model(share_weights(model.model), settings)
    adapted.name = f"{model.name} + adapter"
    adapted.adapter = Path("adapter")
    return adapted


def trainable(network: Any) -> dict[str, Any]:
    """The adapter's weights by name, in the order of the model's layers."""
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


def save_adapter(model: LocalModel, folder: str | Path, *, half: bool = False) -> Path:
    """Save a model's adapter in peft's format: adapter_model.safetensors, adapter_config.json.

    Args:
        model: with an adapter.
        folder: is made if it is not there.
        half: write 16-bit numbers, for half the size; they are loaded as 32-bit ones again.

    Raises:
        ValueError: if the model has no adapter.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save as to_bytes

    from course_lib.assets import ASSETS

    if model.adapter is None:
        raise ValueError(f"model must have an adapter, got {model.name} without one")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = get_peft_model_state_dict(model.model)
    contents = to_bytes(
        {name: (tensor.half() if half else tensor).contiguous() for name, tensor in weights.items()}
    )
    unfinished = folder / "adapter_model.safetensors.half"
    unfinished.write_bytes(contents)
    os.replace(unfinished, folder / "adapter_model.safetensors")
    settings = copy.copy(model.model.active_peft_config)
    settings.inference_mode = True
    own = ASSETS["smollm2"].source_url.split("/", 3)[-1]  # the hub's name for the course's model
    # not the folder that the model was loaded from
    settings.base_model_name_or_path = (
        own if own.endswith(f"/{model.base_name}") else model.base_name
    )
    settings.target_modules = sorted(settings.target_modules)  # peft's is a set, in any order
    settings.save_pretrained(str(folder))
    return folder


def merge_and_save(model: LocalModel, folder: str | Path) -> Path:
    """Save the model with its adapter merged in: a transformers folder like any other.

    A merged model computes what the model with its adapter does, up to rounding, at the speed of
    the model alone, and any server takes it. `model` stays as it is.

    Args:
        folder: a new one, or an empty one.

    Raises:
        ValueError: if the model has no adapter, or the folder holds something.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    if model.adapter is None:
        raise ValueError(f"model must have an adapter, got {model.name} without one")
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"folder must be new or empty, got {str(folder)!r}")
    merged = copy.deepcopy(model.model).merge_and_unload()  # weights of its own
    unfinished = folder.with_name(folder.name + ".half")
    shutil.rmtree(unfinished, ignore_errors=True)
    with quiet_transformers():
        merged.save_pretrained(unfinished)
        model.tokenizer.save_pretrained(unfinished)
    if folder.exists():
        folder.rmdir()
    os.replace(unfinished, folder)
    return folder
