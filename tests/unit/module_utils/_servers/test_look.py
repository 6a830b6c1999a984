# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look tells what a host has, and leaves out what is not there."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._servers import look

DPKG = (
    "installed postgresql-15 15.8-0+deb12u1\nnot-installed postgresql-9 \n"
    "installed python3-psycopg2 2.9.5-1+b1\n"
)
SYSTEMCTL = (
    "Id=redis-server.service\nNames=redis.service redis-server.service\n"
    "ActiveState=active\nUnitFileState=enabled\n"
    "\nId=stopped.service\nNames=stopped.service\nActiveState=inactive\nUnitFileState=enabled\n"
    "\nId=by-hand.service\nNames=by-hand.service\nActiveState=active\nUnitFileState=disabled\n"
)
NOTHING: dict[str, Any] = {
    "packages": [],
    "units": [],
    "paths": [],
    "certificate": "",
    "key": "",
    "reach": {},
}


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has programs answer with a text."""

    def answer(text: str) -> None:
        def run(command: Any, **_options: Any) -> Any:
            return subprocess.CompletedProcess(command, 1, text, "")

        monkeypatch.setattr(_command, "run", run)

    return answer


def test_packages_that_are_not_installed_are_left_out(answer: Any) -> None:
    answer(DPKG)
    assert look.installed(["postgresql-[0-9]*", "python3-psycopg2"]) == {
        "postgresql-15": "15.8-0+deb12u1",
        "python3-psycopg2": "2.9.5-1+b1",
    }


def test_a_unit_counts_that_runs_and_will_run_again(answer: Any) -> None:
    answer(SYSTEMCTL)
    asked = ["redis-server.service", "redis.service", "stopped.service", "by-hand.service"]
    assert look.running(asked) == ["redis-server.service", "redis.service"]


def test_a_file_is_told_with_its_digest_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    file.chmod(0o640)
    found = look.at(file)
    assert (found["kind"], found["mode"]) == ("file", "0640")
    assert found["sha256"] == hashlib.sha256(b"text").hexdigest()


def test_a_link_is_no_file_and_tells_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "archive.pem").write_text("text")
    (tmp_path / "live.pem").symlink_to("archive.pem")
    found = look.at(tmp_path / "live.pem")
    assert found["kind"] == "other"
    assert found["sha256"] == hashlib.sha256(b"text").hexdigest()


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert look.at(tmp_path / "none") == {}
    assert look.at(tmp_path)["kind"] == "folder"


def test_who_is_not_root_looks_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert look.look({**NOTHING, "packages": ["redis-server"]}) == look.Seen(root=False)


def test_hosts_to_whom_no_way_leads_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    ways = {
        "hosts": {"app1": []},
        "networks": [],
        "variable": "celery_broker_address",
        "clients": "",
        "tls": "",
    }
    with pytest.raises(look.LookError, match=r"no address for app1.*set celery_broker_address of this host"):
        look.look({**NOTHING, "reach": ways})
