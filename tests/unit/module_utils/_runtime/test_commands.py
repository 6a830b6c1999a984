# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands for people: there, gone, and never somebody else's."""

from __future__ import annotations

import grp
import os
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import commands
from ansible_collections.celeriac.django.plugins.module_utils._runtime.ownership import (
    Belongs,
    OwnershipError,
)

PROGRAM = "# celeriac.django\n"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> commands.Places:
    # Whoever runs the tests owns the files; on a host, root does.
    for name in ("_PROGRAM", "_SETUP", "_RULES"):
        monkeypatch.setattr(commands, name, Belongs("", "", getattr(commands, name).mode))
    for folder in ("bin", "etc", "sudoers"):
        (tmp_path / folder).mkdir()
    return commands.Places.of("shop", str(tmp_path / "bin"), str(tmp_path / "etc"), str(tmp_path / "sudoers"))


@pytest.fixture
def group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


def test_they_come_once_and_go(places: commands.Places, group: str) -> None:
    first = commands.install(places, PROGRAM, {"app": "shop"}, group, False)
    assert [Path(path).name for path in first] == [
        "shop-celery",
        "shop-manage",
        "operate.json",
        "shop-celery",
    ]
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in places.programs)
    assert places.rules.stat().st_mode & 0o777 == 0o440
    assert commands.install(places, PROGRAM, {"app": "shop"}, group, False) == []
    assert commands.remove(places, True) == commands.remove(places, False) != []
    assert not any(path.exists() for path in (*places.programs, places.setup, places.rules))
    assert commands.remove(places, False) == []


def test_check_mode_writes_nothing(places: commands.Places) -> None:
    assert len(commands.install(places, PROGRAM, {}, "", True)) == 3
    assert not any(path.exists() for path in (*places.programs, places.setup))


def test_a_group_that_is_taken_back(places: commands.Places, group: str) -> None:
    commands.install(places, PROGRAM, {}, group, False)
    assert commands.install(places, PROGRAM, {}, "", False) == [str(places.rules)]
    assert not places.rules.exists()


def test_somebody_elses_command_is_left_alone(places: commands.Places) -> None:
    places.programs[1].write_text("#!/bin/sh\n")
    with pytest.raises(OwnershipError, match="shop-manage is there and was not made by this collection"):
        commands.install(places, PROGRAM, {}, "", False)
    assert not places.programs[0].exists()
    commands.remove(places, False)
    assert places.programs[1].read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("name", ["no-such-group-here", "a b", "ALL=(ALL) ALL", "x\ny"])
def test_a_group_that_cannot_be(places: commands.Places, name: str) -> None:
    with pytest.raises(OwnershipError, match="celery_operators_group"):
        commands.install(places, PROGRAM, {}, name, False)
    assert not places.programs[0].exists()
