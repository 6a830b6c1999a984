# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemctl is called as it wants to be, and its answers are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._services import systemd as _systemd

#: Written by systemd 252 for: systemctl list-units --all --plain --no-legend --full
LISTED = (
    "shop-beat.service                     loaded    active   running Celery beat of shop\n"
    "shop-worker-default@0a1b2c3d.service  loaded    active   running Celery worker pool default\n"
    "shop-worker-default@1a1b2c3d.service  loaded    inactive dead    Celery worker pool default\n"
    "shop-worker-mails@2a1b2c3d.service    not-found failed   failed  shop-worker-mails@2a1b2c3d\n"
    "shop-worker-mails@3a1b2c3d.service    loaded    deactivating stop-sigterm Celery worker\n"
)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for systemctl and journalctl: notes its arguments, and answers."""
    for name in ("systemctl", "journalctl"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n. {tmp_path}/answer\n')
        path.chmod(0o755)
    (tmp_path / "answer").write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_states_are_those_of_units_that_do_something(program: Path) -> None:
    (program / "listed").write_text(LISTED)
    (program / "answer").write_text(f"cat {program}/listed\n")
    assert _systemd.Systemd(program).states(["shop-worker-*@*.service", "shop-beat.service"]) == {
        "shop-beat.service": "active",
        "shop-worker-default@0a1b2c3d.service": "active",
        "shop-worker-mails@2a1b2c3d.service": "failed",
        "shop-worker-mails@3a1b2c3d.service": "deactivating",
    }
    assert "shop-worker-*@*.service shop-beat.service" in (program / "calls").read_text()


def test_a_refusal_is_told_in_the_words_of_systemd(program: Path) -> None:
    (program / "answer").write_text("echo 'Unit x.service not found.' >&2\nexit 5\n")
    with pytest.raises(_systemd.SystemdError, match=r"^systemctl start x\.service: Unit x\.service"):
        _systemd.Systemd(program).call("start", "x.service")


def test_the_journal_of_one_unit(program: Path) -> None:
    (program / "answer").write_text("echo one; echo two\n")
    assert _systemd.Systemd(program).journal("x.service", 15) == "one\ntwo"
    assert "-n 15 -u x.service" in (program / "calls").read_text()


def test_the_last_error_is_of_the_last_start(program: Path) -> None:
    (program / "answer").write_text(
        'case "$1" in show) echo abc ;; *) printf "lost\\nTraceback\\nWhyError: so\\n" ;; esac\n'
    )
    assert _systemd.Systemd(program).last_error("x.service") == "lost … WhyError: so"
    assert "-p err _SYSTEMD_INVOCATION_ID=abc" in (program / "calls").read_text()


def test_a_unit_that_never_ran_has_told_nothing(program: Path) -> None:
    (program / "answer").write_text("echo\n")
    assert _systemd.Systemd(program).last_error("x.service") == ""
    assert "journalctl" not in (program / "calls").read_text()


def test_what_a_target_wants(tmp_path: Path) -> None:
    systemd = _systemd.Systemd(tmp_path)
    assert systemd.wanted_by("a.target") == set()
    (tmp_path / "a.target.wants").mkdir()
    (tmp_path / "a.target.wants/x@1.service").symlink_to("/nowhere/x@.service")
    assert systemd.wanted_by("a.target") == {"x@1.service"}
