"""What a page of the site is found by: its description and the concepts of a notebook."""

import pytest

from course_lib import ROOT
from course_lib.site.found import shortened, taught

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = (ROOT / "docs" / "snippets.md").read_text(encoding="utf-8")


def test_every_notebook_has_its_concepts():
    found = taught(SNIPPETS, README)
    assert list(found) == [
        f"notebooks/{path.stem}" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    assert "cosine similarity" in found["notebooks/02_similarity_metrics"]
    # a link that is broken over two lines is one concept; backticks are none of it
    text = "[Area\n  under it (`risk`)](#02--similarity-metrics) [b](#x)"
    assert taught(text, README)["notebooks/02_similarity_metrics"][1:] == ["area under it (risk)"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Short  enough.", "Short enough."),
        ("One. Two! Three and so on", "One. Two!"),
        ("Version 1.2.3 of a thing, which", "Version 1.2.3 of a…"),
    ],
)
def test_a_description_ends_with_a_sentence_or_a_word(text, wanted):
    assert shortened(text, 23) == wanted
