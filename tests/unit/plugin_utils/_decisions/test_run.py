# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is known by its token, and one that is over is known to be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import run


@pytest.mark.parametrize("system", ["Linux", "others"])
def test_a_run_is_over_with_its_process(system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if system == "others":
        monkeypatch.setattr(run, "_PROC", tmp_path / "proc")
    process = subprocess.Popen(["sleep", "60"])
    token = run.token(process.pid)
    assert token == run.token(process.pid)
    assert not run.is_over(token)
    process.kill()
    process.wait(20)
    assert run.is_over(token)


def test_a_process_that_nobody_has_asked_for_its_end_is_over_too() -> None:
    process = subprocess.Popen(["true"])
    token = run.token(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert run.is_over(token) or not token.rpartition(":")[2]
    process.wait(20)


def test_another_process_of_the_same_number_is_another_run() -> None:
    controller, process, started = run.token(os.getpid()).split(":")
    assert not run.is_over(f"{controller}:{process}:{started}")
    assert run.is_over(f"{controller}:{process}:1{started}")


@pytest.mark.parametrize("other", ["", "x", "elsewhere:1:2", "::", "elsewhere:999999999:1"])
def test_of_other_controllers_nothing_is_known(other: str) -> None:
    assert not run.is_over(other)


def test_people_are_told_whose_it_is() -> None:
    told = run.who(4711, ["/usr/share/integrate.yml", "celeriac.django.verify"])
    assert ", integrate.yml, celeriac.django.verify, process 4711, seen at 2" in told
    assert "@" in told
