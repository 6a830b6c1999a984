# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scripts ask is answered in one way."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import common


def raised(path: Path, text: str = "1 / 0") -> BaseException:
    """Return the error that a file of Python raises."""
    try:
        exec(compile(text, path, "exec"), {})  # noqa: S102 - it is how a file raises
    except ZeroDivisionError as error:
        return error
    raise AssertionError(text)


def test_the_last_line_of_the_checkout_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        common.own_line(raised(tmp_path / "shop/settings.py", "\n\n1 / 0"))
        == f"{tmp_path}/shop/settings.py:3"
    )


def test_a_line_of_somebody_elses_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert common.own_line(raised(tmp_path.parent / "other.py")) == ""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    assert common.own_line(raised(tmp_path / "venv/lib/module.py")) == ""


def test_a_task_that_is_not_registered_is_told_with_one_that_is_close() -> None:
    app = SimpleNamespace(
        loader=SimpleNamespace(import_default_modules=lambda: None),
        finalize=lambda: None,
        tasks={"orders.tasks.close_day": None},
    )
    asked = {"orders.tasks.close_day": "here", "orders.tasks.close_days": "settings.py:3", "x": "there"}
    assert common.unregistered(app, asked) == [
        "settings.py:3: no task orders.tasks.close_days is registered; did you mean orders.tasks.close_day?",
        "there: no task x is registered",
    ]
