# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and files are there with content, owner and mode, and nobody reads them before."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import ownership
from ansible_collections.celeriac.django.plugins.module_utils._runtime.ownership import Belongs

ANYBODY = Belongs("", "", 0o640)
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a/b"
    belongs = Belongs("", "", 0o700)
    assert ownership.folder(path, belongs, check=True)
    assert not (tmp_path / "a").exists()
    assert ownership.folder(path, belongs, check=False)
    assert path.stat().st_mode & 0o777 == 0o700
    assert not ownership.folder(path, belongs, check=False)


def test_the_mode_of_a_folder_is_set_right(tmp_path: Path) -> None:
    belongs = Belongs("", "", 0o750)
    tmp_path.chmod(0o777)
    assert ownership.folder(tmp_path, belongs, check=True)
    assert tmp_path.stat().st_mode & 0o777 == 0o777
    assert ownership.folder(tmp_path, belongs, check=False)
    assert tmp_path.stat().st_mode & 0o777 == 0o750


@ROOT_ONLY
def test_what_is_in_a_folder_goes_to_its_new_owner(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "below").mkdir(parents=True)
    for name in ("mine", "below/mine", "root's"):
        (folder / name).touch()
    outside = tmp_path / "outside"
    outside.touch()
    (folder / "link").symlink_to(outside)
    for path in (folder, folder / "mine", folder / "below", folder / "below/mine", outside):
        os.chown(path, 1, 1)
    os.lchown(folder / "link", 1, 1)
    assert ownership.folder(folder, Belongs("2", "3", 0o700), check=False)
    assert not ownership.folder(folder, Belongs("2", "3", 0o700), check=False)
    for name in ("mine", "below", "below/mine", "link"):
        status = (folder / name).lstat()
        assert (status.st_uid, status.st_gid) == (2, 3)
    assert (folder / "root's").stat().st_uid == 0
    assert outside.stat().st_uid == 1


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    assert ownership.file(path, "A=é\n", ANYBODY, check=True)
    assert not path.exists()
    assert ownership.file(path, "A=é\n", ANYBODY, check=False)
    assert path.read_text(encoding="utf-8") == "A=é\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert not ownership.file(path, "A=é\n", ANYBODY, check=False)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("harm", ["text", "mode"])
def test_a_file_is_set_right(harm: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("other" if harm == "text" else "text")
    path.chmod(0o644 if harm == "mode" else 0o640)
    assert ownership.file(path, "text", ANYBODY, check=True)
    assert path.stat().st_mode & 0o777 == (0o644 if harm == "mode" else 0o640)
    assert ownership.file(path, "text", ANYBODY, check=False)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("text", 0o640)
    assert not ownership.file(path, "text", ANYBODY, check=False)


def test_what_an_interrupted_run_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".secrets.new").write_text("half of it")
    (tmp_path / ".secrets.new").chmod(0o666)
    assert ownership.file(tmp_path / "secrets", "text", ANYBODY, check=False)
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]


@pytest.mark.parametrize("text", ["A=a\r\nb\r", "A=1", ""])
def test_every_text_is_written_as_it_is_and_once(text: str, tmp_path: Path) -> None:
    assert ownership.file(tmp_path / "x", text, ANYBODY, check=False)
    assert (tmp_path / "x").read_bytes() == text.encode()
    assert not ownership.file(tmp_path / "x", text, ANYBODY, check=False)


def test_a_file_of_another_encoding_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xe9")
    assert ownership.file(tmp_path / "x", "é", ANYBODY, check=False)
    assert (tmp_path / "x").read_bytes() == "é".encode()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_umask_changes_nothing(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        ownership.folder(tmp_path / "folder", Belongs("", "", 0o755), check=False)
        ownership.file(tmp_path / "folder/file", "", ANYBODY, check=False)
    finally:
        os.umask(before)
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "folder/file").stat().st_mode & 0o777 == 0o640


@ROOT_ONLY
def test_owner_and_group_by_name_and_by_number(tmp_path: Path) -> None:
    user, group = pwd.getpwall()[1], grp.getgrall()[1]
    named = Belongs(user.pw_name, group.gr_name, 0o640)
    ownership.file(tmp_path / "named", "", named, check=False)
    ownership.folder(tmp_path / "numbered", Belongs("12345", "", 0o700), check=False)
    status = (tmp_path / "named").stat()
    assert (status.st_uid, status.st_gid) == (user.pw_uid, group.gr_gid)
    assert (tmp_path / "numbered").stat().st_uid == 12345
    assert not ownership.file(tmp_path / "named", "", named, check=True)
    assert ownership.file(tmp_path / "named", "", Belongs("12345", "", 0o640), check=True)
    assert ownership.file(tmp_path / "named", "", Belongs("", "23456", 0o640), check=True)


def test_nobody_else_reads_a_file_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    monkeypatch.setattr(os, "fchown", lambda handle, *_ids: modes.append(os.fstat(handle).st_mode))
    ownership.file(tmp_path / "secrets", "text", Belongs("", "", 0o644), check=False)
    assert [oct(mode & 0o777) for mode in modes] == ["0o600"]


def test_a_user_who_is_only_about_to_be_made_is_a_change(tmp_path: Path) -> None:
    """In check mode the user does not exist yet."""
    belongs = Belongs("no-such-user", "", 0o700)
    assert not belongs.fits(tmp_path)
    assert ownership.folder(tmp_path, belongs, check=True)


def test_an_unknown_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(ownership.OwnershipError, match="no-such-user"):
        ownership.file(tmp_path / "x", "", Belongs("no-such-user", "", 0o600), check=False)
    with pytest.raises(ownership.OwnershipError, match="no-such-group"):
        ownership.folder(tmp_path / "y", Belongs("", "no-such-group", 0o700), check=False)


def test_a_path_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ownership.OwnershipError, match="file/below"):
        ownership.folder(tmp_path / "file/below", ANYBODY, check=False)
    with pytest.raises(ownership.OwnershipError, match="absent/file"):
        ownership.file(tmp_path / "absent/file", "", ANYBODY, check=False)


@ROOT_ONLY
@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_link_of_somebody_elses_gives_nothing_away(check: bool, mode: int, tmp_path: Path) -> None:
    """Such as a state folder in a checkout, which its owner has made a link to /etc."""
    target, link = tmp_path / "etc", tmp_path / "state"
    target.mkdir(mode=0o755)
    link.symlink_to(target)
    os.lchown(link, 12345, 12345)
    with pytest.raises(ownership.OwnershipError, match=r"state is a link .*etc"):
        ownership.folder(link, Belongs("12345", "12345", mode), check)
    status = target.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (0, 0o755)


@ROOT_ONLY
def test_a_folder_that_becomes_a_link_gives_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, path = tmp_path / "etc", tmp_path / "state"
    target.mkdir(mode=0o755)
    path.mkdir(mode=0o755)
    real = os.open

    def exchange(name: Path, flags: int) -> int:
        path.rmdir()
        path.symlink_to(target)
        os.lchown(path, 12345, 12345)
        return real(name, flags)

    monkeypatch.setattr(os, "open", exchange)
    with pytest.raises(ownership.OwnershipError, match="state"):
        ownership.folder(path, Belongs("12345", "12345", 0o700), check=False)
    assert target.stat().st_uid == 0


def test_a_link_of_ones_own_leads_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "state").symlink_to("disk")
    assert ownership.folder(tmp_path / "state", Belongs("", "", 0o700), check=False)
    assert (tmp_path / "disk").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state").is_symlink()
