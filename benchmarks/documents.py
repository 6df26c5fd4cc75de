"""Real English text that everybody has: the docstrings of the installed scientific libraries."""

from __future__ import annotations

import importlib
import inspect

import numpy as np

MODULES = (
    "numpy", "numpy.linalg", "scipy.stats", "scipy.signal", "scipy.optimize", "sklearn.cluster",
    "sklearn.linear_model", "sklearn.metrics",
)  # fmt: skip

QUERIES = (
    "flat tyre",
    "How long do I have to send a bike back?",
    "battery won't charge below zero",
    "Where is my order? It should have been here on Monday and nobody answers the phone.",
    "E07",
    "Which brake pads fit the Ridge, and can I change them myself without special tools?",
    "Wo finde ich die Rahmennummer?",
    "The display shows an error after the firmware update and the motor cuts out on every hill.",
)


def mixed_documents(n: int, seed: int = 0) -> list[str]:
    """n different texts of 4 to 170 words, in random order: some 6 to 256 tokens."""
    docstrings = []
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in sorted(dir(module)):
            docstring = inspect.getdoc(getattr(module, name))
            if docstring and not name.startswith("_"):
                docstrings.append(docstring)
    unique = list(dict.fromkeys(docstrings))
    rng = np.random.default_rng(seed)
    texts: dict[str, None] = {}
    for row in rng.permutation(len(unique)):
        texts[" ".join(unique[row].split()[: int(rng.integers(4, 171))])] = None
        if len(texts) == n:
            return list(texts)
    raise ValueError(f"n must be at most {len(texts)} (the number of docstrings), got {n}")
