"""One interface for the course's local language model and any OpenAI-compatible endpoint.

>>> from course_lib import language_model
>>> model = language_model.load()
>>> model.chat([{"role": "user", "content": "What is 2 + 2?"}], max_tokens=16).text
'The answer to this classic math problem is 4.'
"""

from __future__ import annotations

import os
from typing import Any

from course_lib.language_model.endpoint import EndpointModel
from course_lib.language_model.interface import (
    Completion,
    ContextOverflow,
    Generation,
    LanguageModel,
    LanguageModelError,
    Message,
    NextTokens,
    Scored,
)
from course_lib.language_model.local import LocalModel

__all__ = [
    "Completion",
    "ContextOverflow",
    "EndpointModel",
    "Generation",
    "LanguageModel",
    "LanguageModelError",
    "LocalModel",
    "Message",
    "NextTokens",
    "Scored",
    "load",
]


def load(model: str | None = None, **options: Any) -> LanguageModel:
    """The language model that your settings name, else the course's SmolLM2-135M-Instruct.

    The environment variables are read in this order:

    1. COURSE_LLM_BASE_URL, with COURSE_LLM_MODEL and, where the server wants one,
       COURSE_LLM_API_KEY: an OpenAI-compatible endpoint.
    2. COURSE_LLM: a folder with a transformers model, or a hub id.

    Args:
        model: a folder or hub id; then the variables are not read.
        options: passed to LocalModel (adapter, int8, threads) or EndpointModel (timeout,
            max_retries).

    Raises:
        ValueError: if a variable is missing or wrong, or the model cannot be loaded.
    """
    if model is not None:
        return LocalModel(model, **options)
    base_url, name, key = (
        os.environ.get(f"COURSE_LLM_{end}", "").strip() for end in ("BASE_URL", "MODEL", "API_KEY")
    )
    if base_url and not name:
        raise ValueError(
            "COURSE_LLM_MODEL must name the model to ask for, because COURSE_LLM_BASE_URL is set; "
            "it is empty"
        )
    if base_url and options.get("adapter") is not None:
        raise ValueError(
            "adapter is for a model on this computer, and COURSE_LLM_BASE_URL names an endpoint: "
            "unset it, or serve the model with its adapter merged (lora.merge_and_save)"
        )
    if base_url:
        return EndpointModel(base_url, name, api_key=key or None, **options)
    for variable, value in (("COURSE_LLM_MODEL", name), ("COURSE_LLM_API_KEY", key)):
        if value:
            raise ValueError(
                f"COURSE_LLM_BASE_URL must be set to the endpoint's address, because {variable} is "
                "set; a local model is named by COURSE_LLM alone"
            )
    return LocalModel(**options)
