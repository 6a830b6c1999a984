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

TEXTS = commands.Texts("# celeriac.django\n", "# @NAME@-celery, of celeriac.django: @POOLS@ @CELERY@\n")


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
    first = commands.install(places, TEXTS, {"app": "shop"}, group, False)
    assert [Path(path).name for path in first] == [
        "shop-celery",
        "shop-manage",
        "shop-celery",
        "operate.json",
        "shop-celery",
    ]
    expected = "# shop-celery, of celeriac.django: '' /celery\n"
    assert places.completion.read_text() == expected
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in places.programs)
    assert places.rules.stat().st_mode & 0o777 == 0o440
    assert commands.install(places, TEXTS, {"app": "shop"}, group, False) == []
    assert commands.remove(places, True) == commands.remove(places, False) != []
    gone = (*places.programs, places.setup, places.rules, places.completion.parents[1])
    assert not any(path.exists() for path in gone)
    assert commands.remove(places, False) == []


def test_check_mode_writes_nothing(places: commands.Places) -> None:
    assert len(commands.install(places, TEXTS, {}, "", True)) == 4
    assert not any(path.exists() for path in (*places.programs, places.setup))


def test_a_group_that_is_taken_back(places: commands.Places, group: str) -> None:
    commands.install(places, TEXTS, {}, group, False)
    assert commands.install(places, TEXTS, {}, "", False) == [str(places.rules)]
    assert not places.rules.exists()


def test_somebody_elses_command_is_left_alone(places: commands.Places) -> None:
    places.programs[1].write_text("#!/bin/sh\n")
    with pytest.raises(OwnershipError, match="shop-manage is there and was not made by this collection"):
        commands.install(places, TEXTS, {}, "", False)
    assert not places.programs[0].exists()
    commands.remove(places, False)
    assert places.programs[1].read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("name", ["no-such-group-here", "a b", "ALL=(ALL) ALL", "x\ny"])
def test_a_group_that_cannot_be(places: commands.Places, name: str) -> None:
    with pytest.raises(OwnershipError, match="celery_operators_group"):
        commands.install(places, TEXTS, {}, name, False)
    assert not places.programs[0].exists()


def test_somebody_elses_folder_of_completions_stays(places: commands.Places) -> None:
    commands.install(places, TEXTS, {}, "", False)
    (places.completion.parent / "other").touch()
    commands.remove(places, False)
    assert [path.name for path in places.completion.parent.iterdir()] == ["other"]


def test_the_mark_of_a_drained_host_goes_with_it(places: commands.Places) -> None:
    commands.install(places, TEXTS, {}, "", False)
    mark = places.setup.with_name("drained")
    mark.write_text("{}")
    assert str(mark) in commands.remove(places, False)
    assert not mark.exists()


def test_what_is_completed_quotes_what_it_names(places: commands.Places) -> None:
    setup = {"pools": {"mail": [], "default": []}, "python": "/srv/a b/$(id)/bin/python"}
    commands.install(places, TEXTS, setup, "", False)
    assert places.completion.read_text().endswith(": 'default mail' '/srv/a b/$(id)/bin/celery'\n")
