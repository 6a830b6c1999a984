# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of the docs is built without a warning, offline, and everybody can read it."""

from __future__ import annotations

import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from playwright.sync_api import Browser

from .conftest import ROOT
from .pages import complaints


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` makes it."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([ROOT / "tools/docs", ".venv-docs", folder], cwd=ROOT, check=True)
    return folder


class _Page(HTMLParser):
    """What a page has, and what it leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a link or a place."""
        found = dict(attrs)
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        self.places |= {str(found[name]) for name in ("id", "name") if found.get(name)}


def read(file: Path) -> _Page:
    """Returns what is in a page."""
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def test_each_link_leads_somewhere_and_to_each_page_one_does(site: Path) -> None:
    pages = {file: read(file) for file in site.rglob("*.html")}
    lost, reached = [], {site / "index.html"}
    for file, page in pages.items():
        for link in page.links:
            place, anchor = urldefrag(link)
            if "://" in place or place.startswith(("mailto:", "javascript:")):
                continue
            target = (file.parent / unquote(place)).resolve() if place else file
            if target != file:
                reached.add(target)
            known = pages.get(target)
            if not target.is_file() or (anchor and known and unquote(anchor) not in known.places):
                lost.append(f"{file.relative_to(site)}: {link}")
    made_by_sphinx = {site / name for name in ("search.html", "genindex.html")}
    assert lost == []
    assert set(pages) - reached - made_by_sphinx == set()


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "tutorial",
        "guides/index",
        "web",
        "operations",
        "reference/variables",
        "reference/collection/celery_role",
        "reference/collection/celery_service_module",
        "security",
    ],
)
def test_everybody_can_read_it(name: str, site: Path, browser: Browser) -> None:
    assert complaints(browser, site / f"{name}.html") == []


def test_it_is_searched_without_a_server(site: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((site / "search.html").as_uri() + "?q=visibility")
    page.wait_for_selector("ul.search li a", timeout=30_000)
    assert page.locator("ul.search li").count() > 2
    page.close()
