# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time, and who does not get it is told who has it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import lock


def test_the_holder_is_named(tmp_path: Path) -> None:
    with (
        lock.held("/srv/shop/venv", folder=tmp_path / "locks"),
        pytest.raises(lock.LockError, match=rf"/srv/shop/venv \(process {os.getpid()}, since 2") as error,
        lock.held("/srv/shop/venv", patience=0, folder=tmp_path / "locks"),
    ):
        pass
    assert "within 0 s" in str(error.value)


def test_it_is_free_again_and_others_are_other_locks(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    for _time in range(2):
        with lock.held("/a", patience=0, folder=folder), lock.held("/b", patience=0, folder=folder):
            pass


def test_one_at_a_time_and_nothing_stays(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _time in range(20):
            with lock.held("/srv/shop", folder=folder):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == [1] * 160
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["link", "file", "writable"])
def test_a_folder_of_somebody_else_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(lock.LockError, match="Remove it"), lock.held("/a", folder=folder):
        pass
