"""The companion package of *The machine learning an AI engineer needs*.

Importing it loads nothing heavy: each idea lives in a module of its own, for example
``course_lib.similarity`` or ``course_lib.embeddings``.
"""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parents[1]  # the folder with lessons/, notebooks/ and datasets/
