# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is ours goes, and nothing that a link leads to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import removal

Write = Callable[[Path, Mapping[str, str]], Path]


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path / "state", {"a/b/c": "1", "a/d": "2", "e": "3"})
    (tmp_path / "state/a/link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "state/pipe")
    assert removal.remove(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []
    assert not removal.remove(tmp_path / "state")
    assert not removal.remove(tmp_path / "never/state")


def test_no_depth_is_too_deep(tmp_path: Path) -> None:
    """Whoever may write to a folder of ours could make it so."""
    handle = os.open(tmp_path, os.O_RDONLY)
    for _number in range(3000):
        os.mkdir("deep", dir_fd=handle)
        below = os.open("deep", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    assert removal.remove(tmp_path / "deep")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_of_ours_goes_and_its_folder_where_asked(
    follow: bool, tmp_path: Path, write_tree: Write
) -> None:
    write_tree(tmp_path / "disk", {"state/file": "1", "other": "2"})
    (tmp_path / "state").symlink_to(tmp_path / "disk/state")
    assert removal.remove(tmp_path / "state", follow)
    assert not (tmp_path / "state").is_symlink()
    assert (tmp_path / "disk/state").exists() != follow
    assert (tmp_path / "disk/other").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["", "deeper/"])
@pytest.mark.parametrize("follow", [False, True])
def test_no_link_of_somebody_else_is_followed(
    name: str, follow: bool, public_path: Path, write_tree: Write, give_away: Callable[[Path], Path]
) -> None:
    write_tree(public_path, {"usr/bin/sh": "program", f"checkout/{name}manage.py": ""})
    (public_path / f"checkout/{name}.celery").symlink_to(public_path / "usr")
    give_away(public_path / "checkout")
    with pytest.raises(removal.RemovalError, match="Not a directory"):
        removal.remove(public_path / f"checkout/{name}.celery/bin", follow)
    assert removal.remove(public_path / f"checkout/{name}.celery", follow)
    assert (public_path / "usr/bin/sh").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_that_is_somebody_elses_in_a_folder_of_ours_is_not_followed(
    public_path: Path, write_tree: Write
) -> None:
    write_tree(public_path, {"usr/bin/sh": "program"})
    (public_path / "state").symlink_to("usr")
    os.lchown(public_path / "state", 12345, 12345)
    with pytest.raises(removal.RemovalError, match="Not a directory"):
        removal.remove(public_path / "state/bin")
    assert (public_path / "usr/bin/sh").exists()
