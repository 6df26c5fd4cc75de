"""A real browser for the tests of pages: a Chromium or Chrome that is here; none is downloaded."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
# Every name but this machine's leads nowhere, whatever the browser has in mind.
ARGUMENTS = ["--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
if hasattr(os, "geteuid") and os.geteuid() == 0:
    ARGUMENTS.append("--no-sandbox")  # which Chromium refuses to set up for root


def installed():
    """The browser of COURSE_BROWSER, else the first that is found; None where there is none."""
    found = [os.environ.get("COURSE_BROWSER"), *map(shutil.which, NAMES)]
    found += [place for place in PLACES if os.path.exists(place)]
    return next(filter(None, found), None)


@contextmanager
def chromium():
    """The browser, launched; the test is skipped where there is none."""
    from playwright.sync_api import sync_playwright

    path = installed()
    if path is None:
        pytest.skip("no Chromium or Chrome here: install one, or name it in COURSE_BROWSER")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()
