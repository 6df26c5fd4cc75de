"""A chat model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import Any

from course_lib.language_model.interface import LanguageModel


def EndpointModel(base_url: str, model: str, **options: Any) -> LanguageModel:  # noqa: N802
    """Not built yet."""
    raise NotImplementedError
