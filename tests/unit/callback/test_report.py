# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is told in few lines: what changed, what was proven, what runs now."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.celeriac.django.plugins.callback import report


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ({"files": ["a"], "packages": ["x", "y"]}, ["1 file", "2 packages"]),
        ({"migrations": ["news.0002"]}, ["1 migration"]),
        ({}, ["changed"]),
        (
            {
                "steps": [
                    "start shop-worker-mail@2b.service",
                    "start shop-worker-new@3c.service",
                    "drain shop-worker-mail@1a.service",
                    "enable shop-worker-mail@2b.service",
                    "restart shop-beat.service",
                ]
            },
            ["pool mail 1a -> 2b", "pool new none -> 3c"],
        ),
    ],
)
def test_what_changed_is_in_words(answer: dict[str, Any], texts: list[str]) -> None:
    assert report.changes(answer) == texts


def test_a_step_that_was_skipped_leaves_no_line() -> None:
    step = report.Step("Serve the broker")
    assert not step.line(1)
    step.done = True
    assert step.line(1).endswith("ok")
    step.changes = {"changed": ["app1"]}
    step.failed = ["app2"]
    assert step.line(2).endswith("changed (app1), FAILED (app2)")


def test_no_step_is_wider_than_a_screen() -> None:
    step = report.Step("A step with a name that is longer than the column that it has")
    step.done = True
    step.changes = {f"{n} files": [f"app{n}.example.org"] for n in range(9)}
    assert max(map(len, step.line(20).splitlines())) <= 100


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)])
def test_at_a_terminal_the_step_that_runs_is_shown(
    terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    callback = report.CallbackModule()
    task = SimpleNamespace(name="Install the packages", action="debug", _parent=None)
    callback.v2_playbook_on_task_start(cast("Any", task), False)
    assert ("  Install the packages .." in capsys.readouterr().out) is shown
    callback.v2_playbook_on_task_start(cast("Any", task), False)  # of the same step
    assert not capsys.readouterr().out
    callback._end_step()
    assert capsys.readouterr().out == ("\r\x1b[K" if shown else "")
