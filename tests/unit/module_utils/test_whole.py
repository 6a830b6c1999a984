# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file has the text before or the new one, and never another mode."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _whole


def mode(path: Path) -> int:
    """Return the mode of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_text_and_mode_are_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("old")
    _whole.write(path, "é\n", 0o600)
    assert (path.read_text(encoding="utf-8"), mode(path)) == ("é\n", 0o600)
    assert os.listdir(tmp_path) == ["secrets"]


def test_without_a_mode_the_umask_decides(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        _whole.write(tmp_path / "inventory.yml", "all:\n")
    finally:
        os.umask(before)
    assert mode(tmp_path / "inventory.yml") == 0o640


def test_what_is_there_stays_where_the_new_text_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "unit"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        _whole.write(path, "\ud800")
    assert path.read_text() == "old"


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("safe")
    (tmp_path / ".unit.new").symlink_to(victim)
    _whole.write(tmp_path / "unit", "new")
    assert (victim.read_text(), (tmp_path / "unit").read_text()) == ("safe", "new")


def test_what_cannot_be_written_leaves_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        _whole.write(tmp_path / "secrets", "a secret \ud800", 0o600)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_left_is_tidied_away(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a secret")
    (tmp_path / ".secrets.new").write_text("half a sec")
    _whole.tidy(tmp_path / "secrets")
    assert os.listdir(tmp_path) == ["secrets"]
    _whole.tidy(tmp_path / "secrets")
