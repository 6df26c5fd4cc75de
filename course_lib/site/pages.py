"""Everything that is to be read, in one folder laid out like the repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from course_lib.lesson import read_notebook
from course_lib.site.cross_references import CrossReferences, exercises_in
from course_lib.site.landing import landing_page
from course_lib.site.links import PICTURES, relink, repository
from course_lib.site.notebook_pages import figures_without_text, page_of
from course_lib.site.reference import reference_pages

DOCUMENTS = ("datasets/README.md", "benchmarks/RESULTS.md", "CONTRIBUTING.md", "CHANGELOG.md")


def write_pages(root: Path, folder: Path) -> list[str]:
    """Fill an empty folder with the sources of the site's pages.

    Args:
        root: the repository.
        folder: where to write; nothing outside it is changed.

    Returns:
        The paths of the notebooks' pages from the root, in order.

    Raises:
        ValueError: if a figure has no alternative text, or a file does not say what it must.
    """
    address = repository(root)
    notebooks = [f"notebooks/{path.name}" for path in sorted((root / "notebooks").glob("*.ipynb"))]
    guides = [f"docs/{path.name}" for path in sorted((root / "docs").glob("*.md"))]
    documents = [*guides, *(name for name in DOCUMENTS if (root / name).exists())]
    pages = {*notebooks, *documents}
    for path in (root / "docs").iterdir():
        if path.suffix in PICTURES:
            pages.add(f"docs/{path.name}")
            _folder_of(folder / "docs" / path.name)
            shutil.copyfile(path, folder / "docs" / path.name)

    def put(name: str, text: str) -> None:
        _folder_of(folder / name).write_text(text, encoding="utf-8", newline="\n")

    read = {name: read_notebook(root / name) for name in notebooks}
    cells = [cell["source"] for notebook in read.values() for cell in notebook["cells"]]
    exercises = {number for source in cells for number in exercises_in(source)}
    named = CrossReferences({name[10:12]: name for name in notebooks}, exercises)

    def relinked(text: str, page: str) -> str:
        return named.linked(relink(text, page, pages, address, root), page)

    for name, notebook in read.items():
        bare = figures_without_text(notebook)
        if bare:
            raise ValueError(f"{name}: no alternative text for the figure of cell {bare[0]}")
        page = page_of(notebook, name, address, lambda text, name=name: relinked(text, name))  # type: ignore[misc]
        put(name, json.dumps(page, ensure_ascii=False, indent=1))
    for name in documents:
        put(name, relinked((root / name).read_text(encoding="utf-8"), name))
    readme = (root / "README.md").read_text(encoding="utf-8")
    index = landing_page(readme, root / "lessons")  # its cards are links as wholes: none inside
    put("index.md", relink(index, "index.md", pages, address, root))
    lessons = [path.read_text(encoding="utf-8") for path in (root / "lessons").glob("*.py")]
    for name, text in reference_pages(root / "course_lib", "\n".join(lessons)).items():
        put(f"api/{name}", text)
    return notebooks


def _folder_of(path: Path) -> Path:
    """The path, with the folder that it stands in made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
