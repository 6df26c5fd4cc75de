"""Make an executed notebook the same, byte for byte, whenever and wherever it is built.

Everything here works on the notebook as nested dicts and lists (the nbformat 4.5 layout), so it
needs no Jupyter package; ``course_lib.build`` calls it between executing and writing.
"""

import base64
import difflib
import hashlib
import io
import json
import re
from collections import Counter
from typing import Any

Notebook = dict[str, Any]
Cell = dict[str, Any]

UNCOMPARED = "nbval-ignore-output"  # nbval's own tag: the cell runs, its output is not compared
CELL_OPTIONS = ("tags", "reason", "exercise", "alt")  # what a cell's header in a lesson may say
IMAGES = ("image/png", "image/jpeg")
IMAGE_TOLERANCE = 3  # of 255: text rendered by another FreeType build differs by this much
NOTEBOOK_METADATA: dict[str, Any] = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}

# The look-behind keeps an address such as https://example.org/home/ from being taken for a path;
# the {0,80} keeps the search linear in a page with an embedded image.
_MACHINE_PATH = re.compile(
    r"(?<![\w/.-])/(?:home|root|tmp|Users|private/var|var/folders)/[^\s'\"<>(),;]*"
    r"|\b[A-Za-z]:[\\/]+Users\b[^\s'\"<>(),;]*"
    r"|[\w./\\:-]{0,80}(?:site-packages|\.venv)\b"
)


def is_uncompared(cell: Cell) -> bool:
    """Whether the tests run this cell without comparing its output.

    >>> is_uncompared({"cell_type": "code", "metadata": {"tags": ["nbval-ignore-output"]}})
    True
    """
    return UNCOMPARED in cell["metadata"].get("tags", [])


def cell_ids(cells: list[Cell]) -> list[str]:
    """An id per cell that depends on nothing but its type and source.

    Returns:
        Eight hexadecimal digits each; the second cell with the same content gets ``-2``, and so on.

    >>> cell_ids([{"cell_type": "code", "source": "1"}, {"cell_type": "code", "source": "1"}])
    ['f7568bbd', 'f7568bbd-2']
    """
    seen: Counter[str] = Counter()
    ids = []
    for cell in cells:
        content = cell["cell_type"] + cell["source"]
        digest = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()[:8]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def normalise(notebook: Notebook) -> Notebook:
    """A copy of a notebook without anything that depends on when or where it was run.

    Ids come from the content, the notebook's metadata is reset, cells keep only the options that
    a lesson may set, and outputs lose their transient parts. Execution counts stay.
    """
    cells = []
    for cell, cell_id in zip(notebook["cells"], cell_ids(notebook["cells"]), strict=True):
        options = {key: cell["metadata"][key] for key in CELL_OPTIONS if key in cell["metadata"]}
        clean = {**cell, "id": cell_id, "metadata": options}
        if cell["cell_type"] == "code":
            clean["outputs"] = [
                {key: value for key, value in output.items() if key != "transient"}
                for output in cell["outputs"]
            ]
        cells.append(clean)
    metadata = json.loads(json.dumps(NOTEBOOK_METADATA))  # a deep copy
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def keep_outputs(new: Notebook, committed: Notebook) -> Notebook:
    """The new notebook, with those committed outputs that say the same thing put back.

    The output of an uncompared cell (a time, say) is kept while no code up to and including the
    cell has changed. An image is kept while it differs from the committed one by at most 3/255
    per pixel and the cell's own source is unchanged.
    """
    old_code = [cell for cell in committed["cells"] if cell["cell_type"] == "code"]
    old_by_id = dict(zip(cell_ids(committed["cells"]), committed["cells"], strict=True))
    ids = cell_ids(new["cells"])
    cells: list[Cell] = []
    code_unchanged, position = True, 0
    for cell_id, cell in zip(ids, new["cells"], strict=True):
        kept = cell
        if cell["cell_type"] == "code":
            old = old_code[position] if position < len(old_code) else None
            position += 1
            code_unchanged &= old is not None and old["source"] == cell["source"]
            if code_unchanged and old and is_uncompared(cell) and is_uncompared(old):
                kept = {**cell, "outputs": old["outputs"]}
            elif cell_id in old_by_id:
                outputs = _keep_images(cell["outputs"], old_by_id[cell_id]["outputs"])
                kept = {**cell, "outputs": outputs}
        cells.append(kept)
    return {**new, "cells": cells}


def _keep_images(new: list[dict[str, Any]], old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(new) != len(old):
        return new
    kept = []
    for output, old_output in zip(new, old, strict=True):
        data, old_data = output.get("data"), old_output.get("data", {})
        if data:
            same = {
                kind: old_data[kind]
                for kind in IMAGES
                if kind in data and kind in old_data and images_alike(data[kind], old_data[kind])
            }
            output = {**output, "data": {**data, **same}}
        kept.append(output)
    return kept


def images_alike(first: str, second: str, tolerance: int = IMAGE_TOLERANCE) -> bool:
    """Whether two base64 images have one size and differ by at most `tolerance` of 255 anywhere."""
    if first.strip() == second.strip():
        return True
    import numpy as np
    from PIL import Image

    try:
        # int16, because a difference of two uint8 would wrap around
        a, b = (
            np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA"), np.int16)
            for text in (first, second)
        )
    except (OSError, ValueError):  # a damaged committed image is replaced
        return False
    return a.shape == b.shape and int(np.abs(a - b).max()) <= tolerance


def to_text(notebook: Notebook) -> str:
    """The file content of a notebook: nbformat's own layout with sorted keys and a last newline."""
    import nbformat

    text: str = nbformat.writes(nbformat.from_dict(notebook), version=4)
    return text.rstrip("\n") + "\n"


def output_texts(cell: Cell) -> list[tuple[str, str]]:
    """The (kind, text) of everything readable in a cell's outputs; images are left out.

    >>> stream = {"output_type": "stream", "name": "stdout", "text": "12 tickets"}
    >>> output_texts({"cell_type": "code", "outputs": [stream]})
    [('stdout', '12 tickets')]
    """
    texts: list[tuple[str, str]] = []
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            texts.append((output["name"], "".join(output["text"])))
        elif output["output_type"] == "error":
            texts.append(("error", "\n".join(output["traceback"])))
        for kind, value in output.get("data", {}).items():
            if kind in IMAGES:
                continue
            parts = value if isinstance(value, (str, list)) else json.dumps(value, sort_keys=True)
            texts.append((kind, "".join(parts)))
    return texts


def machine_paths(text: str, folders: tuple[str, ...] = ()) -> list[str]:
    """The parts of a text that name a folder of the machine it was made on.

    Args:
        text: what a cell printed or showed.
        folders: folders that must not be named either, such as the repository's.

    >>> machine_paths("read /home/ada/course/tickets.csv, see https://example.org/home/help")
    ['/home/ada/course/tickets.csv']
    """
    found = [match.group(0) for match in _MACHINE_PATH.finditer(text)]
    # in a repr the backslashes of a Windows path are doubled
    wanted = {spelling for folder in folders for spelling in (folder, folder.replace("\\", "\\\\"))}
    found += [
        folder
        for folder in sorted(wanted)
        if len(folder) > 3 and re.search(rf"(?<![\w/.-]){re.escape(folder)}(?!\w)", text)
    ]
    return found


def first_difference(committed: Notebook, built: Notebook) -> tuple[int, str] | None:
    """Where two notebooks first differ, for a person to read.

    Returns:
        The index of the cell and a few lines of text, or None when cells and outputs agree.
    """
    for index, (old, new) in enumerate(zip(committed["cells"], built["cells"], strict=False)):
        if old["cell_type"] != new["cell_type"] or old["source"] != new["source"]:
            return index, f"its source differs\n{_diff(old['source'], new['source'])}"
        if old["metadata"] != new["metadata"]:
            before, now = (json.dumps(cell["metadata"], sort_keys=True) for cell in (old, new))
            return index, f"its options differ\n{_diff(before, now)}"
        if old == new:
            continue
        texts = output_texts(old), output_texts(new)
        for (old_kind, old_text), (kind, text) in zip(*texts, strict=False):
            if (old_kind, old_text) != (kind, text):
                return index, f"its output differs ({kind})\n{_diff(old_text, text)}"
        if len(texts[0]) != len(texts[1]):
            before, now = (", ".join(kind for kind, _ in part) or "no output" for part in texts)
            return index, f"its outputs differ in kind\n{_diff(before, now)}"
        if old.get("outputs") != new.get("outputs"):
            return index, f"its image differs by more than {IMAGE_TOLERANCE}/255 in some pixel"
        return index, "its id or execution count differs"
    counts = len(committed["cells"]), len(built["cells"])
    if counts[0] != counts[1]:
        return min(counts), f"the committed notebook has {counts[0]} cells, the lesson {counts[1]}"
    return None


def _diff(old: str, new: str, limit: int = 20) -> str:
    lines = list(
        difflib.unified_diff(
            old.splitlines(), new.splitlines(), "committed", "built now", lineterm="", n=1
        )
    )
    shown = [line if len(line) <= 160 else line[:157] + "..." for line in lines[:limit]]
    return "\n".join(shown + ["..."] * (len(lines) > limit))
