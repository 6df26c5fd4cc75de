"""Stores on disk: a folder that one store at a time may use, and files that are whole or absent."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from course_lib.vector_stores.protocol import StoreError

Arrays = dict[str, NDArray[Any]]


class FolderLock:
    """Keeps a folder for one store; the system lets go of it when the process ends, or is killed.

    Args:
        folder: made if it is missing.

    Raises:
        StoreError: if another store, in this process or another, has the folder open.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Beside the folder, not in it: Qdrant and Chroma look upon their folders as their own.
            self._lock = FileLock(folder.with_name(folder.name + ".lock"), timeout=0)
            self._lock.acquire()
        except Timeout:
            raise StoreError(
                f"{folder} is open in another store or program. Next step: close that one; a "
                "database that several programs use at once needs a server (open it by URL)"
            ) from None
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be used as a store's folder ({error}). "
                "Next step: pass the path of a folder that may be written"
            ) from error

    def release(self) -> None:
        """Let another store have the folder."""
        self._lock.release()


def save_arrays(file: Path, arrays: Arrays) -> None:
    """Write arrays into one file in one step: after a crash there is the old file, or the new."""
    half = _half(file)
    with half.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
        stream.flush()
        os.fsync(stream.fileno())  # the name must not move to bytes that are not on the disk yet
    os.replace(half, file)


def load_arrays(file: Path, names: set[str]) -> Arrays | None:
    """What `save_arrays` wrote, every byte checked; None where there is no file.

    Raises:
        StoreError: if the file is damaged, or no file of ours.
    """
    _half(file).unlink(missing_ok=True)  # of a process that was killed while it wrote
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}  # reading checks the CRC
            if not names <= set(arrays):
                raise ValueError(f"it holds {sorted(arrays)}, not {sorted(names)}")
            return arrays
    except (
        OSError, ValueError, TypeError, EOFError, KeyError, AttributeError, NotImplementedError,
        MemoryError, OverflowError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise StoreError(
            f"{file} is damaged ({type(error).__name__}: {error}). Next step: put back a copy, or "
            "delete it and write the records again"
        ) from error


def to_bytes(value: Any) -> NDArray[np.uint8]:
    """Anything that JSON can hold, as an array for `save_arrays`."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return np.frombuffer(text.encode(), dtype=np.uint8)


def from_bytes(array: NDArray[np.uint8]) -> Any:
    """What `to_bytes` was given."""
    return json.loads(array.tobytes())


def _half(file: Path) -> Path:
    return file.with_name(file.name + ".half")
