"""`import course_lib` stays light: heavy libraries are imported by what needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "matplotlib",
    "sklearn",
    "scipy",
    "pandas",
    "jupyterlab",
    "tqdm",
    "openai",
    "peft",
    "fastapi",
    "langgraph",
    "opentelemetry",
)


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_course_lib_loads_the_standard_library_alone():
    loaded = loaded_by("import course_lib")
    assert "course_lib" in loaded
    assert not loaded & {*HEAVY, "numpy"}


@pytest.mark.parametrize(
    "module",
    [
        "agents",
        "embedding_cache",
        "embeddings",
        "gate",
        "guardrails",
        "language_model",
        "lora",
        "orchestration",
        "plotting",
        "prompts",
        "service",
        "similarity",
        "statistics",
        "tools",
    ],
)
def test_a_module_loads_nothing_heavy_until_it_is_used(module):
    loaded = loaded_by(f"import course_lib.{module}")
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["similarity", "statistics", "sampling", "calibration", "tokenization"]
)
def test_a_numeric_module_needs_nothing_else_of_the_course(module):
    program = (
        f"import course_lib.{module}, sys;"
        "print(*[name for name in sys.modules if name.startswith('course_lib.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [f"course_lib.{module}"]
