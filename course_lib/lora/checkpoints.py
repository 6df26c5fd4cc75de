"""Checkpoints: all that training needs to go on, in one file that is whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "checkpoint.safetensors"


def save(folder: Path, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write tensors and state in one step: after a crash there is the old file, or the new.

    Args:
        folder: made if it is missing.
        tensors: by name.
        state: what JSON can hold.
    """
    from safetensors.torch import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    half = folder / (FILE + ".half")
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with half.open("wb") as stream:
        stream.write(to_bytes(contiguous, {"state": json.dumps(state)}))
        stream.flush()
        os.fsync(stream.fileno())  # the name must not move to bytes that are not on the disk yet
    os.replace(half, folder / FILE)


def load(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Tensors and state that `save` wrote; None where there is no checkpoint.

    Raises:
        ValueError: if the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / FILE
    (folder / (FILE + ".half")).unlink(missing_ok=True)  # of a process killed while it wrote
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as stream:
            state = json.loads((stream.metadata() or {})["state"])
            return {name: stream.get_tensor(name).clone() for name in stream.keys()}, state  # noqa: SIM118
    except (SafetensorError, KeyError, OSError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{file} is no checkpoint of course_lib.lora, or is damaged ({error}): delete it to "
            "begin again"
        ) from error


def refuse_other(folder: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Stop where a folder's checkpoint is of another training.

    Raises:
        ValueError: naming each setting that differs.
    """
    differ = [
        f"{name} is {json.dumps(there.get(name))} there and {json.dumps(here.get(name))} here"
        for name in {**here, **there}
        if json.dumps(there.get(name)) != json.dumps(here.get(name))
    ]
    if differ:
        raise ValueError(
            f"{folder} holds a checkpoint of another training: {'; '.join(differ)}. Pass another "
            "folder, or delete this one to begin again"
        )
