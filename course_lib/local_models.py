"""Loading transformers models from a folder or the hub: quietly, and with a say in the threads."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Turn off transformers' "Loading weights" bars and load notes, and put back what was set."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_encoder(source: str) -> tuple[Any, Any]:
    """Tokenizer and float32 model without a head, in evaluation mode.

    Args:
        source: a folder with a transformers model, or its hub id.

    Raises:
        ValueError: if there is no model, or it cannot be read.
    """
    return _load(source, "AutoModel")


def load_language_model(source: str) -> tuple[Any, Any]:
    """Tokenizer and float32 model that predicts the next token; the same rules as load_encoder."""
    return _load(source, "AutoModelForCausalLM")


def _load(source: str, kind: str) -> tuple[Any, Any]:
    import torch
    import transformers

    try:
        with quiet_transformers():
            tokenizer = transformers.AutoTokenizer.from_pretrained(source)
            model = getattr(transformers, kind).from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError) as error:
        why = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"model must be a folder with a transformers model or a hub id, got {source!r}: {why}"
        ) from error
    return tokenizer, model.eval()


def share_weights(model: Any) -> Any:
    """A model of its own with the same weights in memory: modules can be put into one alone."""
    own = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in own})


def load_adapter(model: Any, folder: Path) -> Any:
    """The model with the LoRA adapter in the folder; `model` itself stays as it is.

    Raises:
        ValueError: if the folder holds no adapter for this model.
    """
    missing = [
        name
        for name in ("adapter_config.json", "adapter_model.safetensors")
        if not (folder / name).is_file()  # peft would ask the hub for it
    ]
    if missing:
        raise ValueError(f"adapter must be a folder with {missing[0]}, got {str(folder)!r}")
    from peft import PeftModel
    from safetensors import SafetensorError, safe_open

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks for a name that is going
            adapted = PeftModel.from_pretrained(share_weights(model), str(folder))
        with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
            saved = len(file.keys())
        taken = sum("lora_" in name for name, _ in adapted.named_parameters())
        if saved != taken:  # peft leaves out what finds no place
            raise ValueError(f"it has {saved} matrices, of which the model has room for {taken}")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        why = " ".join(str(error).split())[:300]
        raise ValueError(f"adapter in {str(folder)!r} does not suit the model: {why}") from error
    return adapted.eval()


def fingerprint(model: Any, tokenizer: Any) -> str:
    """SHA-256 of the weights and the tokenizer: the same for the same model, wherever it lies."""
    digest = hashlib.sha256(type(model).__name__.encode())
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Give torch this many threads, and put back what it had."""
    import torch

    before = torch.get_num_threads()
    if before != threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        if before != threads:
            torch.set_num_threads(before)
