"""A whole folder of files to documents, and a report on what could not be read."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from course_lib.ingestion.documents import Document, IngestionError, Value
from course_lib.ingestion.loaders import MAX_BYTES, load_as, page_id

SUFFIXES = (".md", ".markdown", ".txt", ".pdf")


class Problem(NamedTuple):
    """What is wrong with a file, and what to do about it."""

    file: str
    message: str


@dataclass(frozen=True)
class Report:
    """What a folder gave: `print(report)` says it in a few lines.

    `problems` are about files of which nothing, or not everything, could be read; `skipped` are the
    files that are not read at all: other kinds, and links.
    """

    files: int
    documents: int
    characters: int
    problems: tuple[Problem, ...]
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        counts = f"{_count(self.documents, 'document')}, {_count(self.characters, 'character')}"
        lines = [f"{_count(self.files, 'file')} read: {counts}"]
        if not self.files and not self.problems:
            lines.append(f"no file here ends in {', '.join(SUFFIXES)}")
        if self.problems:
            lines.append(f"{_count(len(self.problems), 'problem')}:")
            lines += [f"  {file}: {message}" for file, message in self.problems]
        if self.skipped:
            more = f" and {len(self.skipped) - 10:,} more" if len(self.skipped) > 10 else ""
            lines.append(f"{len(self.skipped):,} skipped: {', '.join(self.skipped[:10])}{more}")
        return "\n".join(lines)


class Ingested(NamedTuple):
    """The documents of a folder, and the report on it."""

    documents: list[Document]
    report: Report


def load_folder(
    path: str | Path,
    *,
    ignore: Sequence[str] = (),
    encoding: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Ingested:
    """Read every Markdown, text and PDF file of a folder and its subfolders.

    A file's page id is its name without suffix. Where two files share one, the later is named by
    its whole path: `a/x.md` and `b/x.md` become `x` and `b-x`. Hidden files and folders are passed
    over; links and files of other kinds are listed as skipped.

    Where a page's front matter says `supersedes: ID`, the page of that id gets the metadata
    `superseded_by`. Every document has `superseded`, True or False, to filter by.

    Args:
        path: the folder.
        ignore: patterns of paths in the folder that are passed over, such as "drafts" or "*.txt".
        encoding: what text files that are not UTF-8 are written in, such as "cp1252".
        max_bytes: the size above which a file is not read.

    Returns:
        (documents, report); the documents in the order of their paths.

    Raises:
        ValueError: if the path is no folder, the encoding unknown, or max_bytes below 1.

    >>> from course_lib.data import LARKSPUR
    >>> documents, report = load_folder(LARKSPUR, ignore=["handbook", "manuals/text", "*.jsonl"])
    >>> print(report)
    6 files read: 48 documents, 59,993 characters
    4 skipped: manuals/index.json, question_pairs.csv, shop.sqlite, tickets.csv

    Built in notebooks/08_rag.ipynb.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ValueError(f"path must be an existing folder, got {str(path)!r}")
    if max_bytes < 1:
        raise ValueError(f"max_bytes must be 1 or more, got {max_bytes}")
    if isinstance(ignore, str):
        raise ValueError(f"ignore must be a list of patterns, got {ignore!r}; pass [{ignore!r}]")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            wanted = "encoding must be one that Python knows, such as 'cp1252'"
            raise ValueError(f"{wanted}, got {encoding!r}") from None
    from tqdm import tqdm

    problems: list[Problem] = []
    chosen: list[str] = []
    skipped: list[str] = []
    for name in _names(folder, ignore, problems):
        file = folder / name
        readable = file.suffix.lower() in SUFFIXES and file.is_file() and not file.is_symlink()
        if readable:
            chosen.append(name)
        else:
            skipped.append(_shown(name))

    documents: list[Document] = []
    files = 0
    for name, page in tqdm(_page_ids(chosen).items(), "Reading", delay=2, leave=False):
        notes: list[str] = []
        source = _shown(name)
        try:
            documents += load_as(folder / name, source, page, encoding, max_bytes, notes)
            files += 1
        except ImportError:  # a missing library is no fault of the file's
            raise
        except IngestionError as error:
            notes.append(str(error))
        except Exception as error:  # whatever a file does to a library, the others are read
            notes.append(f"cannot be read ({type(error).__name__}: {error})")
        problems += [Problem(source, note) for note in notes]
    documents = _mark_superseded(documents)
    characters = sum(len(document.text) for document in documents)
    report = Report(files, len(documents), characters, tuple(problems), tuple(skipped))
    return Ingested(documents, report)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _names(folder: Path, ignore: Sequence[str], problems: list[Problem]) -> Iterator[str]:
    """Paths inside the folder, with `/`, in order. Links to folders are named and not followed."""

    def wanted(name: str) -> bool:
        hidden = PurePosixPath(name).name.startswith(".")
        return not hidden and not any(fnmatchcase(name, pattern) for pattern in ignore)

    def unreadable(error: OSError) -> None:
        inside = Path(error.filename).relative_to(folder).as_posix()
        problems.append(Problem(_shown(inside), f"this folder cannot be opened ({error.strerror})"))

    names: list[str] = []
    for root, folders, files in os.walk(folder, onerror=unreadable, followlinks=False):
        above = Path(root).relative_to(folder)
        paths = {name: (above / name).as_posix() for name in [*folders, *files]}
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        names += [paths[name] for name in [*files, *links] if wanted(paths[name])]
        folders[:] = [name for name in folders if wanted(paths[name]) and name not in links]
    yield from sorted(names)


def _shown(name: str) -> str:
    """A file's name as it can be printed: on Linux a name may hold bytes that are no characters."""
    return name.encode("utf-8", "replace").decode()


def _page_ids(names: Sequence[str]) -> dict[str, str]:
    """A page id for each path, no two alike."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        path = PurePosixPath(name)
        page = page_id(Path(_shown(path.name)))
        if page in taken:
            page = "-".join([*map(_shown, path.parts[:-1]), page]).replace("#", "-")
        base, number = page, 2
        while page in taken:
            page, number = f"{base}-{number}", number + 1
        taken.add(page)
        ids[name] = page
    return ids


def _mark_superseded(documents: Sequence[Document]) -> list[Document]:
    """Tell each document whether a newer page replaces it, and which."""
    newer: dict[str, str] = {}
    for document in documents:
        for old in str(document.metadata.get("supersedes", "")).split(", "):
            newer[old] = document.locator
    marked = []
    for document in documents:
        page = document.locator.partition("#")[0]
        metadata: dict[str, Value] = {**document.metadata, "superseded": page in newer}
        if page in newer:
            metadata["superseded_by"] = newer[page]
        marked.append(replace(document, metadata=metadata))
    return marked
