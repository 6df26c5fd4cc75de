"""Write a page that is generated to its file, and nothing else over."""

from __future__ import annotations

from pathlib import Path


def write_page(page: str, path: Path, *, force: bool = False) -> None:
    """Write a page in one step; where an earlier one is, which begins alike, it is replaced.

    Args:
        page: its text; the first line tells it from anything else.
        path: where to.
        force: replace whatever is there.

    Raises:
        FileExistsError: if something else is there.
    """
    from course_lib.build import write

    first = page.partition("\n")[0].encode()
    if not force and path.exists() and not path.read_bytes().startswith(first):
        raise FileExistsError(f"{path} exists and is no earlier page that begins {first.decode()}")
    write(page, path)
