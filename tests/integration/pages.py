# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages as a browser shows them to everybody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

#: Pixels: a desk, a tablet, a phone.
WIDTHS = (1280, 768, 380)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the system's Chromium."""
    program = shutil.which("chromium")
    assert program, "run `make machine`"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield started
        started.close()


def complaints(browser: Browser, file: Path) -> list[str]:
    """Returns what keeps somebody from reading a page, in light and dark, on screens of any width."""
    found = []
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(file.as_uri())
            where = f"{scheme}, {width} px"
            found += [
                f"{where}: {violation['id']}: {violation['nodes'][0]['html']}"
                for violation in Axe().run(page).response["violations"]
            ]
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{where}: the page is wider than the screen")
            found += [f"{where}: it asks for {url}" for url in asked if not url.startswith("file:")]
            page.close()
    return found
