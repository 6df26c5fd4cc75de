"""Makes docs/assistant.png: the page with a question that the assistant answers, for the README.

`python -m tests.service_picture` starts `course serve` with its own model, asks QUESTION in a
headless Chromium, opens the citation and the trace, and takes the picture. It fails where the
answer is another one: a picture that shows something else would need another text beside it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from course_lib import ROOT
from tests.browser import ARGUMENTS, installed

QUESTION = "E70 on my folder every other morning. Where do I look first?"  # of the train split
ANSWER = "On a Fold check that the seat post is turned fully to the mark [1]."
PICTURE = ROOT / "docs" / "assistant.png"
WIDTH, SCALE = 960, 1.25  # 1,200 pixels
MOST_BYTES = 200_000


def take(address: str, browser: str) -> bytes:
    """The page with the answer, its first passage and its trace, as PNG."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        page = chromium.new_page(
            viewport={"width": WIDTH, "height": 1400},
            device_scale_factor=SCALE,
            color_scheme="light",
        )
        page.goto(address)
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").first).to_contain_text(" after ", timeout=300_000)
        expect(page.locator("#answer")).to_have_text(ANSWER)
        page.get_by_text("What happened, step by step").click()
        page.get_by_role("button", name="Open passage 1").click()
        page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
        table = page.locator("#steps table").bounding_box()
        assert table is not None
        bottom = table["y"] + table["height"] + 8
        png = page.screenshot(
            clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom}, full_page=True
        )
        chromium.close()
    return png


def main() -> int:
    """Take the picture and write it with few colours, so that it stays small."""
    browser = installed()
    if browser is None:
        print("no Chromium or Chrome here: install one, or name it in COURSE_BROWSER")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: said for name, said in os.environ.items() if "COURSE_SERVICE" not in name},
            "COURSE_SERVICE_PORT": "0",
            "COURSE_SERVICE_DATA": folder,
        }
        running = subprocess.Popen(
            [sys.executable, "-m", "course_lib.cli", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert running.stdout is not None
            found = (re.search(r"Ready: (\S+)", line) for line in running.stdout)
            address = next(match[1] for match in found if match)
            png = take(address, browser)
        finally:
            running.terminate()
            running.wait()
    image = Image.open(BytesIO(png)).convert("RGB")
    image.quantize(64, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    print(f"{Path(PICTURE).name}: {image.width} x {image.height}, {size / 1000:.0f} kB")
    return 0 if size < MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
