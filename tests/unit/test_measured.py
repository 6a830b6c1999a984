# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured gets into its page, and nowhere else in it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("measured", ROOT / "tests/bench/measured.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


measured = _load()
TEXT = st.text(alphabet=st.characters(exclude_characters="<>"))


def test_the_page_has_a_place_for_it() -> None:
    page = (ROOT / "docs/measured.md").read_text()
    assert measured.written(page, "text").count("text") > page.count("text")


def test_numbers_are_taken_from_what_was_printed() -> None:
    printed = (
        "gather facts 1.43 s\nnoop_ratio: 2.81\nnever_heard_of: 1\nnoop_ratio: 2.9\nempty_ratio: 1.1 s\n"
    )
    numbers = measured.found(printed)
    assert numbers == {"noop_ratio": "2.9"}
    lines = measured.table(numbers, "On a machine.").splitlines()
    assert (lines[0], len(lines)) == ("On a machine.", 5)
    assert lines[-1].startswith("| `noop_ratio` | 2.9 | ")


@given(TEXT, TEXT, TEXT, TEXT)
def test_all_around_the_marks_stays(before: str, old: str, after: str, new: str) -> None:
    page = f"{before}{measured.BEGIN}{old}{measured.END}{after}"
    once = measured.written(page, new)
    assert once == f"{before}{measured.BEGIN}\n{new}\n{measured.END}{after}"
    assert measured.written(once, new) == once


@pytest.mark.parametrize(
    "page",
    ["", measured.BEGIN, f"{measured.END}{measured.BEGIN}", f"{measured.BEGIN * 2}{measured.END}"],
)
def test_a_page_without_a_place_is_refused(page: str) -> None:
    with pytest.raises(measured.PageError, match="once each"):
        measured.written(page, "text")
