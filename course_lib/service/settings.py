"""The service's settings, from COURSE_SERVICE_* environment variables."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from course_lib.assets import APP_NAME

PREFIX = "COURSE_SERVICE_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SettingsError(ValueError):
    """A variable is wrong: which one, what it must be, and what it is."""


def _data_folder() -> Path:
    return platformdirs.user_data_path(APP_NAME, appauthor=False) / "service"


class Settings(BaseSettings):
    """What can be set; each description says what a value must be.

    A field `port` is the variable COURSE_SERVICE_PORT.

    >>> Settings(port=8080).port
    8080

    Built in notebooks/15_capstone.ipynb.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(
        default=8000, ge=0, le=65535, description="a whole number from 0 (any) to 65535"
    )
    allowed_hosts: str = Field(
        default="",
        description="host names that a browser may call this service by, with commas between",
    )
    trusted_proxies: str = Field(
        default="", description="addresses whose X-Forwarded-For is believed, with commas between"
    )
    data: Path = Field(
        default_factory=_data_folder, description="a folder for feedback and the search index"
    )
    search: Literal["words", "hybrid"] = Field(
        default="hybrid", description="words, or hybrid (words and meaning)"
    )
    store: str = Field(
        default="", description="the URL of a vector store, such as qdrant+http://HOST:6333"
    )
    guards: str = Field(
        default="instructions,passages,personal_data,citations",
        description="of instructions, passages, personal_data, citations, grounded, with commas; "
        "or none",
    )
    passages: int = Field(default=3, ge=1, le=20, description="a whole number from 1 to 20")
    max_tokens: int = Field(default=100, ge=1, le=4096, description="a whole number from 1 to 4096")
    show_trace: bool = Field(default=True, description="true or false")
    max_body_bytes: int = Field(
        default=65_536, ge=1024, le=10_000_000, description="a whole number from 1024 to 10000000"
    )
    body_seconds: float = Field(default=10, gt=0, le=600, description="a number above 0, up to 600")
    requests_per_minute: int = Field(
        default=60,
        ge=1,
        le=1_000_000,
        description="a whole number from 1 to 1000000 (of one client)",
    )
    batch: int = Field(
        default=1,
        ge=1,
        le=64,
        description="a whole number from 1 to 64 (questions that the local model answers together)",
    )
    answers_at_once: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="a whole number from 1 to 256 (by default as many as COURSE_SERVICE_BATCH)",
    )
    answers_waiting: int = Field(
        default=8, ge=0, le=10_000, description="a whole number from 0 to 10000 (beyond it: 503)"
    )
    shutdown_seconds: int = Field(
        default=60, ge=1, le=3600, description="a whole number from 1 to 3600"
    )
    traces: int = Field(
        default=200, ge=0, le=10_000, description="a whole number from 0 to 10000 (times kept)"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of this process's environment.

        Raises:
            SettingsError: if a variable is wrong, or is none of ours.
        """
        known = {f"{PREFIX}{name}".upper(): field for name, field in cls.model_fields.items()}
        problems = []
        for name in sorted(os.environ):
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                near = difflib.get_close_matches(name.upper(), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
                problems.append(f"{name} is no setting of the service; {hint}")
        try:
            settings = cls()
        except ValidationError as error:
            for one in error.errors():
                variable = f"{PREFIX}{one['loc'][0]}".upper()
                problems.append(
                    f"{variable} must be {known[variable].description}, got {one['input']!r}"
                )
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    @property
    def places(self) -> int:
        """How many questions are answered at once: fewer than a batch has would never fill it.

        >>> Settings(batch=4).places, Settings(batch=4, answers_at_once=16).places
        (4, 16)
        """
        return self.answers_at_once or self.batch

    @property
    def hosts(self) -> list[str]:
        """Host names by which the service may be called, "*" for all.

        A page from elsewhere could otherwise reach a service on this machine by a name of its own
        that leads here (DNS rebinding).
        """
        named = [name.strip() for name in self.allowed_hosts.split(",") if name.strip()]
        if named or self.host in LOOPBACK:
            return [*named, *LOOPBACK, "[::1]"]
        return ["*"]
