"""The site as `course site` builds it: its files, and what a real browser makes of them."""

from __future__ import annotations

import functools
import http.server
import io
import re
import threading
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from importlib.util import find_spec
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from course_lib import ROOT
from course_lib.execute import kernel_environment
from course_lib.site import command
from course_lib.site.landing import GUIDES
from tests.browser import chromium

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {  # all but contrast, which is dear: see `of_each_kind`
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"color-contrast": {"enabled": False}},
    "resultTypes": ["violations"],
}
CONTRAST = {
    "runOnly": {"type": "rule", "values": ["color-contrast"]},
    "resultTypes": ["violations"],
}
# Code is thousands of spans in a dozen colours: these are checked one by one.
PROSE = {"exclude": [[".highlight"]]}
REFERENCE = {f"api/{name}.html" for name in ("index", "similarity", "retrieval", "statistics")}


def of_each_kind(pages):
    """The pages whose colours are checked: all but most of the reference, which is of one make."""
    return [name for name in pages if not name.startswith("api/") or name in REFERENCE]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    missing = [name for name in command.PACKAGES if find_spec(name) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed: pip install -e '.[site]'")
    folder = tmp_path_factory.mktemp("site") / "built"
    with pytest.MonkeyPatch.context() as patch:
        # every process of the build refuses a connection beyond this machine
        patch.setenv("PYTHONPATH", kernel_environment()["PYTHONPATH"])
        command.build_site(folder)  # any warning is an error
    return folder


@pytest.fixture(scope="module")
def pages(site):
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [name for name in names if not name.startswith("_static/")]  # the theme's templates


class Page(HTMLParser):
    """What a page links to, its ids, and its elements with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.elements = [], Counter(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.elements.append((tag, found))
        self.ids.update([found["id"]] if found.get("id") else [])
        self.links += [found[key] for key in ("href", "src") if found.get(key)]


@pytest.fixture(scope="module")
def parsed(site, pages):
    return {name: Page((site / name).read_text(encoding="utf-8")) for name in pages}


# ---- the files


def test_every_notebook_and_guide_has_its_page(site, pages):
    assert {f"notebooks/{stem}.html" for stem in NOTEBOOKS} <= set(pages)
    guides = {f"docs/{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert guides <= set(pages)
    assert {"index.html", "search.html", "api/index.html", "api/similarity.html"} <= set(pages)
    for stem in NOTEBOOKS:  # what is downloaded is what is committed
        downloaded = site / "_sources" / "notebooks" / f"{stem}.ipynb"
        assert downloaded.read_bytes() == (ROOT / "notebooks" / f"{stem}.ipynb").read_bytes()


def test_every_link_within_the_site_leads_somewhere(site, parsed):
    broken = []
    for name, page in parsed.items():
        for link in page.links:
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            target, fragment = urldefrag(urljoin(f"http://site/{name}", link))
            path = unquote(urlsplit(target).path).lstrip("/")
            if not (site / path).is_file():
                broken.append(f"{name}: {link}")
            elif path.endswith(".html") and fragment and not parsed[path].ids[unquote(fragment)]:
                broken.append(f"{name}: {link} (no such place on the page)")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site, parsed):
    loading = ("img", "script", "link", "iframe", "source", "video", "audio", "embed", "object")
    for name, page in parsed.items():
        for tag, attributes in page.elements:
            if tag in loading:
                for key in ("src", "href", "data", "srcset"):
                    assert not (attributes.get(key) or "").startswith(("http:", "https:", "//")), (
                        name
                    )
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", text), sheet


def test_every_picture_has_a_text(parsed):
    shown = 0
    for name, page in parsed.items():
        for tag, attributes in page.elements:
            if tag == "img":
                shown += 1
                # an empty one marks decoration, and the course has none
                assert len((attributes.get("alt") or "").strip()) > 20, f"{name}: {attributes}"
    assert shown >= 40


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_solutions_are_there_and_folded(site, stem):
    text = (site / "notebooks" / f"{stem}.html").read_text(encoding="utf-8")
    solutions = re.findall(r"<details([^>]*)>\s*<summary[^>]*>Solution of ([\d.]+)", text)
    wanted = [f"{int(stem[:2])}.{number}" for number in range(1, len(solutions) + 1)]
    assert [number for _, number in solutions] == wanted
    assert len(solutions) >= 3
    assert not [attributes for attributes, _ in solutions if re.search(r"\bopen\b", attributes)]


def luminance(colour):
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_code_is_readable_in_light_and_dark(open_page):
    """The contrast of each kind of token with what is behind it, at least 4.5 (WCAG 1.4.3)."""
    kinds = "c c1 k kc kn kt s s1 s2 sa se si mi mf o ow n nb nc nf nd ne bp p gp go"
    for scheme in ("light", "dark"):
        page = open_page("notebooks/00_start_here.html", color_scheme=scheme)
        colours = page.evaluate(
            """kinds => {
                const pre = document.querySelector('.cell_input .highlight pre')
                const hex = text => '#' + text.match(/\\d+/g).slice(0, 3)
                    .map(n => Number(n).toString(16).padStart(2, '0')).join('')
                let back = pre, behind = 'rgba(0, 0, 0, 0)'
                while (/, 0\\)$/.test(behind)) {
                    behind = getComputedStyle(back).backgroundColor
                    back = back.parentElement
                }
                const found = [['text', hex(getComputedStyle(pre).color)]]
                for (const kind of kinds) {
                    const span = document.createElement('span')
                    span.className = kind
                    pre.append(span)
                    found.push([kind, hex(getComputedStyle(span).color)])
                }
                return {behind: hex(behind), found}
            }""",
            kinds.split(),
        )
        pale = [
            (kind, colour)
            for kind, colour in colours["found"]
            if contrast(colour, colours["behind"]) < 4.5
        ]
        assert pale == [], f"{scheme}, on {colours['behind']}"


# ---- in a browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def browser():
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def open_page(browser, address):
    """Opens a page of the site; at the end nothing may have gone wrong or elsewhere."""
    contexts, wrong = [], []

    def opened(path="index.html", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        listen(page, address, wrong)
        page.goto(f"{address}{path}", wait_until="networkidle")
        return page

    opened.wrong = wrong
    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def listen(page, address, wrong):
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((address, "data:")) else wrong.append(request.url)
        ),
    )


def faults(page, options, context=None):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=context, options=options).response["violations"]
    return [(one["id"], len(one["nodes"]), one["nodes"][0]["html"][:200]) for one in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_works_fits_and_is_accessible(open_page, pages, address, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    coloured = set(of_each_kind(pages))
    found = []
    for name in pages:
        page.goto(f"{address}{name}", wait_until="load")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append((name, f"{wide} pixels wide"))
        found += [(name, said) for said in open_page.wrong]
        if scheme == "light":  # the rules do not depend on the colours
            found += [(name, *fault) for fault in faults(page, RULES)]
        if name in coloured:
            found += [(name, *fault) for fault in faults(page, CONTRAST, PROSE)]
        open_page.wrong.clear()  # axe loads a style sheet anew, from where it is not
    assert found == []


def test_a_planted_fault_is_found(open_page):
    page = open_page()
    page.evaluate(
        "document.querySelector('article').innerHTML += "
        "'<img src=_static/x.png><p style=\"color:#ccc;background:#fff\">pale</p>'"
    )
    assert {name for name, *_ in faults(page, RULES)} == {"image-alt"}
    assert {name for name, *_ in faults(page, CONTRAST)} == {"color-contrast"}
    page.wait_for_load_state("networkidle")
    assert open_page.wrong  # the picture is not there
    open_page.wrong.clear()


def test_the_search_finds_cosine(open_page):
    page = open_page("search.html?q=cosine")
    page.wait_for_selector("#search-results .search-summary:has-text('finished')")
    links = page.locator("#search-results ul.search a").evaluate_all("all => all.map(a => a.href)")
    assert any("notebooks/02_similarity_metrics.html" in link for link in links)
    assert any("api/similarity.html" in link for link in links)
    page.goto(page.url.replace("cosine", "xylophonist"), wait_until="networkidle")
    page.wait_for_selector("#search-results p.search-summary")
    assert page.locator("#search-results ul.search li").count() == 0


def test_the_search_button_leads_there(open_page):
    page = open_page("notebooks/01_embeddings.html")
    page.get_by_role("button", name="Search").first.click()
    asked = page.locator("#pst-search-dialog input[type=search]")
    asked.wait_for(state="visible")
    asked.fill("cosine")
    asked.press("Enter")
    page.wait_for_url("**/search.html?q=cosine*")
    page.wait_for_selector("#search-results ul.search li")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_readable(open_page, scheme):
    import numpy as np
    from PIL import Image

    for name in ("notebooks/02_similarity_metrics.html", "docs/architecture.html"):
        page = open_page(name, color_scheme=scheme)
        pictures = page.locator("article img")
        for place in range(min(2, pictures.count())):
            picture = pictures.nth(place)
            picture.scroll_into_view_if_needed()
            shot = Image.open(io.BytesIO(picture.screenshot())).convert("L")
            grey = np.asarray(shot, np.float64) / 255
            paper, ink = np.percentile(grey, [50, 0.5])
            assert paper > 0.95, f"{name}: the paper is {paper:.2f}"
            assert ink < 0.35, f"{name}: the ink is {ink:.2f}"  # 0.35 on white: over 7 to 1


def test_the_reader_chooses_light_or_dark(open_page):
    page = open_page(color_scheme="light")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.get_by_role("button", name="Color mode").click()
    page.get_by_text("Dark", exact=True).click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload(wait_until="networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_solution_unfolds_by_keyboard_and_is_copied(open_page, address):
    page = open_page("notebooks/02_similarity_metrics.html", permissions=["clipboard-read"])
    summary = page.locator("summary", has_text="Solution of 2.1")
    code = page.locator("details", has=summary).locator("pre")
    assert not code.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert code.is_visible()
    page.locator("details", has=summary).locator("button.copybtn").click(force=True)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == code.inner_text().strip()
    assert copied.startswith("def cosine_table(")


def test_a_doctest_is_copied_without_its_prompts(open_page):
    page = open_page("api/similarity.html", permissions=["clipboard-read"])
    block = page.locator("div.doctest").first
    block.locator("button.copybtn").click(force=True)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("dot_product(")
    assert ">>>" not in copied
    assert "8." not in copied  # nor with what it prints


def test_the_notebook_is_downloaded_from_its_page(open_page):
    page = open_page("notebooks/02_similarity_metrics.html")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 02_similarity_metrics.ipynb").click()
    assert download.value.suggested_filename == "02_similarity_metrics.ipynb"


def test_formulas_are_set_without_a_network(open_page):
    page = open_page("notebooks/02_similarity_metrics.html")
    page.wait_for_selector("mjx-container")
    assert page.locator("mjx-container").count() >= 4
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0


# ---- what a reader of the pages needs

WIDE = """selector => {
    const shown = [...document.querySelectorAll(selector)].filter(e => e.getClientRects().length)
    return [shown.filter(e => e.scrollWidth > e.clientWidth + 1).length, shown.length]
}"""


def test_code_and_outputs_are_whole_at_the_width_of_a_laptop(open_page, address):
    page = open_page(viewport={"width": 1280, "height": 800})
    cut = shown = 0
    for stem in NOTEBOOKS:
        page.goto(f"{address}notebooks/{stem}.html", wait_until="load")
        here, all_ = page.evaluate(WIDE, ".cell pre")
        cut, shown = cut + here, shown + all_
    assert shown > 30 * len(NOTEBOOKS)
    assert cut <= shown // 100, f"{cut} of {shown} blocks are wider than their place"


@pytest.mark.parametrize("width", [1280, 1600])
def test_lines_of_prose_can_be_read(open_page, width):
    page = open_page("notebooks/08_rag.html", viewport={"width": width, "height": 800})
    lengths = page.evaluate(
        """() => [...document.querySelectorAll('.bd-article p')].map(one => {
            const style = getComputedStyle(one)
            const lines = Math.round(one.clientHeight / parseFloat(style.lineHeight))
            return lines > 4 ? one.innerText.length / (lines - 0.5) : 0
        })"""
    )
    assert 60 < max(lengths) <= 85


def test_the_contents_of_a_notebook_are_a_click_away_at_any_width(open_page):
    for width in (390, 1280, 1600):
        page = open_page("notebooks/08_rag.html", viewport={"width": width, "height": 800})
        button = page.locator("button.secondary-toggle")
        assert button.is_visible() == (width < 1440)
        if button.is_visible():
            button.click()
        page.locator(".bd-sidebar-secondary nav a").nth(2).click()
        page.wait_for_function("location.hash.length > 1")


def test_nothing_is_cut_on_paper(open_page):
    paper = {"width": 718, "height": 1000}  # A4 less its margins
    page = open_page("notebooks/02_similarity_metrics.html", viewport=paper)
    page.emulate_media(media="print")
    cut, shown = page.evaluate(WIDE, ".bd-article pre")
    assert (cut, shown > 30) == (0, True)


def test_a_list_to_tick_off_has_boxes(open_page):
    page = open_page("docs/project.html")
    boxes = page.locator("li.task-list-item input[type=checkbox]")
    assert boxes.count() > 10
    assert boxes.first.get_attribute("aria-label") == "done"  # for a screen reader
    style = "one => getComputedStyle(one.closest('li')).listStyleType"
    assert boxes.first.evaluate(style) == "none"


@pytest.mark.parametrize("width", [1280, 390])
def test_no_word_of_a_table_is_broken(open_page, address, width):
    page = open_page(viewport={"width": width, "height": 800})
    names = ["docs/project", "docs/snippets", "docs/teach", "benchmarks/RESULTS", "datasets/README"]
    for name in [*names, "notebooks/00_start_here"]:
        page.goto(f"{address}{name}.html", wait_until="load")
        broken = page.evaluate(
            """() => {
                const broken = []
                for (const cell of document.querySelectorAll('article td, article th')) {
                    const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
                    while (walk.nextNode()) {
                        for (const word of walk.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
                            const range = document.createRange()
                            range.setStart(walk.currentNode, word.index)
                            range.setEnd(walk.currentNode, word.index + word[0].length)
                            const tops = [...range.getClientRects()].map(one => one.top)
                            if (new Set(tops).size > 1) broken.push(word[0])
                        }
                    }
                }
                return broken
            }"""
        )
        assert broken == [], name


def test_a_formula_in_a_sentence_is_whole_on_a_narrow_screen(open_page):
    page = open_page("notebooks/02_similarity_metrics.html", viewport={"width": 390, "height": 800})
    page.wait_for_selector("mjx-container")
    edges = page.evaluate(
        """() => [...document.querySelectorAll('.bd-article span.math')]
            .map(one => [one.getBoundingClientRect().right, getComputedStyle(one).overflowX])"""
    )
    assert len(edges) > 4
    assert not [edge for edge, overflow in edges if edge > 390 or overflow != "auto"]


def test_no_markdown_is_left_in_the_text(site, pages):
    for name in pages:
        text = (site / name).read_text(encoding="utf-8")
        text = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
        text = unescape(re.sub(r"<[^>]+>", "", text))
        assert "](" not in text, f"{name}: {text[text.index('](') - 40 :][:80]!r}"
        assert "[ ]" not in text, name


def test_every_page_says_what_it_is_about(parsed):
    said = Counter()
    for name, page in parsed.items():
        told = {a.get("name") or a.get("property"): a for tag, a in page.elements if tag == "meta"}
        text = told.get("description", {}).get("content", "")
        assert 10 < len(text) <= 200, f"{name}: {text!r}"
        said[text] += 1
        if name != "search.html":
            assert told["og:description"]["content"] == text
            assert told["og:title"]["content"]
        if name.startswith("notebooks/"):
            assert text.startswith("You will be able to ")
    assert said.most_common(1)[0][1] == 1


def test_a_figure_leads_to_its_full_size(parsed):
    for name in (f"notebooks/{stem}.html" for stem in NOTEBOOKS):
        elements = parsed[name].elements
        before = dict(zip(range(1, len(elements)), elements, strict=False))
        for place, (tag, attributes) in enumerate(elements):
            if tag == "img":
                link, its = before[place]
                assert (link, its["href"]) == ("a", attributes["src"]), name


def test_the_guides_stand_in_the_order_of_their_use(site, parsed):
    links = [urldefrag(link).url for link in parsed["index.html"].links]
    guides = list(dict.fromkeys(link for link in links if link.startswith("docs/")))
    listed = [f"docs/{name}.html" for name in GUIDES]
    assert [link for link in guides if link in listed] == listed
    last = (site / "notebooks" / f"{NOTEBOOKS[-1]}.html").read_text(encoding="utf-8")
    after = re.search(r'class="right-next"\s+href="([^"]+)"', last)
    assert after is not None
    assert after.group(1) == "../docs/project.html"


def test_the_first_page_shows_the_map_before_a_picture(open_page):
    page = open_page()
    tops = [
        page.locator(what).first.bounding_box()["y"]
        for what in (".course-buttons", "#the-map", ".sd-card", "article img")
    ]
    assert tops == sorted(tops)
    assert tops[1] < 800  # the map begins on the first screen


def test_the_first_page_opens_with_its_list_at_the_top(open_page, address):
    page = open_page("notebooks/15_capstone.html", viewport={"width": 1280, "height": 500})
    page.evaluate("document.querySelector('.bd-sidebar-primary').scrollTop = 400")
    for name in ("index.html", "search.html"):
        page.goto(f"{address}{name}", wait_until="load")
        assert page.evaluate("document.querySelector('.bd-sidebar-primary').scrollTop") == 0


FIRST = {
    "RAG": "08_rag",
    "cosine": "02_similarity_metrics",
    "LoRA": "12_fine_tuning",
    "BM25": "08_rag",
    "prompt injection": "14_orchestration",
    "kappa": "10_evaluating_answers",
    "temperature": "04_probability",
    "reranking": "08_rag",
}


@pytest.mark.parametrize("asked", FIRST)
def test_the_search_puts_the_notebook_that_teaches_it_first(open_page, asked):
    page = open_page(f"search.html?q={asked}")
    page.wait_for_selector("#search-results .search-summary:has-text('finished')")
    first = page.locator("#search-results ul.search li").first
    assert first.locator("a").get_attribute("href") == f"notebooks/{FIRST[asked]}.html"
    excerpt = first.locator("p.context").inner_text()
    assert len(excerpt) > 60
    assert not re.search(r"System Settings|Contents|Download|^import |\bimport \w+", excerpt)


def test_the_search_finds_a_function_by_its_name(open_page):
    page = open_page("search.html?q=load_tickets")
    page.wait_for_selector("#search-results .search-summary:has-text('finished')")
    first = page.locator("#search-results ul.search a").first
    assert first.get_attribute("href") == "api/data.html#course_lib.data.load_tickets"
