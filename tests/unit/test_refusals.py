# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each refusal of the reference comes from a checkout, and ends where somebody does what it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("refusals", Path(__file__).with_name("refusals.py"))
assert _spec
assert _spec.loader
refusals = importlib.util.module_from_spec(_spec)
__import__("sys").modules["refusals"] = refusals
_spec.loader.exec_module(refusals)


def test_the_page_has_the_messages_of_today() -> None:
    """After a change of a message, run `make docs-tables`."""
    assert refusals.PAGE.read_text(encoding="utf-8") == refusals.page(), "run `make docs-tables`"


@pytest.mark.parametrize("case", refusals.CASES, ids=lambda case: case.what)
def test_a_refusal_names_a_place_or_a_variable_and_is_settled(case: refusals.Case, tmp_path: Path) -> None:
    refusals.write(tmp_path, case)
    message = refusals.refusal(tmp_path, case.given)
    assert message, "it is not refused"
    assert "celery_" in message or ".py" in message or "requirements.txt" in message, message
    if case.settled:
        assert refusals.refusal(tmp_path, {**case.given, **case.settled}) == ""


def test_a_plain_checkout_is_not_refused(tmp_path: Path) -> None:
    refusals.write(tmp_path, refusals.Case("nothing"))
    assert refusals.refusal(tmp_path, {}) == ""
