# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docs say of variables is what the roles say, and their links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")])
OURS = "https://github.com/celeriac/django/blob/main/"


@pytest.fixture(scope="module")
def variables() -> ModuleType:
    """The program that writes the table of variables."""
    spec = importlib.util.spec_from_file_location("variables", ROOT / "tools/variables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_variables_is_that_of_the_specs(variables: ModuleType) -> None:
    """After a change of an argument spec, run `make docs-tables`."""
    assert variables.PAGE.read_text(encoding="utf-8") == variables.page(), "run `make docs-tables`"


def test_the_readmes_table_is_that_of_the_specs(variables: ModuleType) -> None:
    text = variables.README.read_text(encoding="utf-8")
    assert text == variables.readme(text), "run `make docs-tables`"
    assert len(text.splitlines()) <= 200, "it is for a user in a hurry"


def test_markup_becomes_code(variables: ModuleType) -> None:
    text = "With V(redis|x), O(celery_workers[].name) and C(a) of P(celeriac.django.celery#role)."
    assert variables._text(text) == (
        r"With `redis\|x`, `celery_workers[].name` and `a` of `celeriac.django.celery`."
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        place, _hash, anchor = link.partition("#")
        if place.startswith(OURS):
            target = ROOT / place.removeprefix(OURS)
        elif "://" in place:
            continue
        else:
            target = page.parent / place if place else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_row_of_the_proof_is_explained() -> None:
    """The names that the report has are those of docs/reference/proofs.md, and the other way round."""
    plugins = ROOT / "plugins/module_utils"
    sources = [*(plugins / "_proof").glob("*.py"), plugins / "_project/scripts/prove.py"]
    named: set[str] = set()
    for source in sources:
        text = source.read_text(encoding="utf-8")
        named |= set(re.findall(r"""\b(?:proof|row|skipped|_in_database)\(\s*"([^"]+)",""", text))
        named |= set(re.findall(r"""^\s*_?(?:name|NAME) = f?"([^"]+)"$""", text, re.M))
        named |= set(re.findall(r"""^\s*\{?"name": f?"([^"]+)",""", text, re.M))
    rows = {re.sub(r"\{.*", "…", name) for name in named} - {"workers, tasks and beat", "last errors"}
    page = (ROOT / "docs/reference/proofs.md").read_text(encoding="utf-8")
    table = page.partition("## Why a task is missing")[0]
    # That of another database is the same row once more.
    explained = set(re.findall(r"^\| ([^|]+?) \|", table, re.M)) - {"row", "---", "…, database …"}
    assert rows == explained
