# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done as the owner of a folder is done by a process that cannot be root again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _owner

STRANGER = 12345

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


class WorkError(Exception):
    """What was to be done failed."""


@pytest.fixture
def folder(public_path: Path, give_away: Callable[[Path], Path]) -> Path:
    """A folder: of a stranger's for root, and of one's own for everybody else."""
    (public_path / "shop").mkdir()
    return give_away(public_path / "shop") if os.geteuid() == 0 else public_path / "shop"


def identity(_ask: _owner.Ask) -> dict[str, Any]:
    """Tells who it runs as."""
    return {
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": os.getgroups(),
        "home": os.environ["HOME"],
        "git": os.environ.get("GIT_DIR"),
        "folder": os.getcwd(),
    }


@only_root
def test_nothing_of_root_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/root/repository")
    assert _owner.call(folder, identity) == {
        "uids": [STRANGER] * 3,
        "gids": [STRANGER] * 3,
        "groups": [STRANGER],
        "home": "/",
        "git": None,
        "folder": "/",
    }


@only_root
def test_there_is_no_way_back(folder: Path) -> None:
    def attempt(_ask: _owner.Ask) -> list[str]:
        refused = []
        for name, arguments in (("setuid", [0]), ("seteuid", [0]), ("setgid", [0]), ("setgroups", [[0]])):
            try:
                getattr(os, name)(*arguments)
            except PermissionError:
                refused.append(name)
        return refused

    assert _owner.call(folder, attempt) == ["setuid", "seteuid", "setgid", "setgroups"]


@only_root
def test_group_0_is_no_right_of_an_owner(folder: Path) -> None:
    """It is what a chown without a group leaves."""
    os.chown(folder, STRANGER, 0)
    found = _owner.call(folder, identity)
    assert 0 not in [*found["gids"], *found["groups"]]


@only_root
def test_a_link_is_followed_to_its_owner(folder: Path) -> None:
    (folder.parent / "current").symlink_to("shop")
    assert _owner.call(folder.parent / "current", identity)["uids"] == [STRANGER] * 3


def test_a_folder_of_ones_own_needs_nobody_else(tmp_path: Path) -> None:
    assert _owner.call(tmp_path, lambda _ask: os.getpid()) == os.getpid()


@only_root
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_roots_folder_that_somebody_can_exchange_is_refused(kind: str, folder: Path) -> None:
    real = folder / "below" if kind == "folder" else folder.parent / "real"
    real.mkdir()
    if kind == "link":
        (folder / "below").symlink_to(real)
        os.lchown(folder / "below", STRANGER, STRANGER)
    with pytest.raises(_owner.OwnerError, match=f"belongs to root, but {folder}.* is somebody else's"):
        _owner.call(folder / "below", identity)


def test_an_answer_comes_from_who_started_it(folder: Path) -> None:
    def work(ask: _owner.Ask) -> Any:
        return [ask(["a", "b"]), os.geteuid()]

    told = _owner.call(folder, work, lambda question: [os.geteuid(), question])
    assert told == [[os.geteuid(), ["a", "b"]], os.stat(folder).st_uid]


def test_errors_are_raised_again(folder: Path) -> None:
    def fail(_ask: _owner.Ask) -> NoReturn:
        raise WorkError("as it was told")

    with pytest.raises(WorkError, match=r"^as it was told$"):
        _owner.call(folder, fail, errors=[WorkError])


@only_root
def test_an_error_that_nobody_expects_is_told_with_its_place(folder: Path) -> None:
    with pytest.raises(_owner.OwnerError, match=r"test_owner\.py[\s\S]*ZeroDivisionError"):
        _owner.call(folder, lambda _ask: 1 / 0)


def test_a_refusal_is_the_same_exception_after_the_work_was_undone(folder: Path) -> None:
    refusal = WorkError("no")

    def work(ask: _owner.Ask) -> None:
        (folder / "made").mkdir()
        try:
            ask(1)
        finally:
            (folder / "made").rmdir()

    def refuse(_question: Any) -> NoReturn:
        raise refusal

    with pytest.raises(WorkError) as caught:
        _owner.call(folder, work, refuse)
    assert caught.value is refusal
    assert list(folder.iterdir()) == []


@only_root
def test_a_child_that_is_killed_is_told(folder: Path) -> None:
    with pytest.raises(_owner.OwnerError, match="was killed"):
        _owner.call(folder, lambda _ask: os.kill(os.getpid(), signal.SIGKILL))


@only_root
def test_a_folder_that_its_owner_does_not_get_to(folder: Path) -> None:
    folder.parent.chmod(0o700)
    with pytest.raises(_owner.OwnerError, match="Permission denied"):
        _owner.call(folder, lambda _ask: os.listdir(folder))


def test_names_of_any_bytes_come_back(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n")
    (folder / name).touch()
    assert _owner.call(folder, lambda _ask: os.listdir(folder)) == [name]


@only_root
def test_a_file_that_is_too_large_is_named_and_takes_nobodys_memory(folder: Path) -> None:
    def work(_ask: _owner.Ask) -> int:
        file = folder / "big.py"
        return len(file.read_bytes())

    with open(folder / "big.py", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(_owner.OwnerError, match=r"^\S+/big\.py is too large.*2 GiB"):
        _owner.call(folder, work)
