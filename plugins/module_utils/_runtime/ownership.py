# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and files that belong to somebody: there, with this content, owner and mode."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import _whole


class OwnershipError(Exception):
    """A folder or file cannot be made. The text says which and why."""


@dataclass(frozen=True)
class Belongs:
    """Who a path belongs to; an empty owner or group is left as it is."""

    owner: str
    group: str
    mode: int

    def ids(self) -> tuple[int, int]:
        """Return the numbers of owner and group, -1 for one that is left as it is.

        Raises:
            OwnershipError: there is no such user or group.
        """
        try:
            uid = -1 if not self.owner else _number(self.owner, lambda n: pwd.getpwnam(n).pw_uid)
            gid = -1 if not self.group else _number(self.group, lambda n: grp.getgrnam(n).gr_gid)
        except KeyError as error:
            raise OwnershipError(f"there is no such user or group on this host: {error}") from error
        return uid, gid

    def fits(self, path: Path) -> bool:
        """Tell whether a path that exists belongs so already."""
        status = path.stat()
        try:
            uid, gid = self.ids()
        except OwnershipError:
            return False
        return (
            stat.S_IMODE(status.st_mode) == self.mode
            and uid in (-1, status.st_uid)
            and gid in (-1, status.st_gid)
        )


def _number(name: str, look_up: Callable[[str], int]) -> int:
    return int(name) if name.isdigit() else look_up(name)


def folder(path: Path, belongs: Belongs, check: bool) -> bool:
    """See that a folder is there and belongs so; tell whether that changed (or would change) anything.

    Missing parents are made as root's own, for everybody to pass through. What the folder's owner has put
    into it goes to the new one with it.

    Raises:
        OwnershipError: it cannot be.
    """
    if _is_strange_link(path):
        raise OwnershipError(
            f"{path} is a link that somebody else has put there, to {os.path.realpath(path)}. What it leads "
            "to is given to nobody: take the link away, or name the folder itself."
        )
    if path.is_dir() and belongs.fits(path):
        return False
    if not check:
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Root's own link is followed, and nothing that takes its folder's place meanwhile.
            follow = 0 if path.is_symlink() and not _is_strange_link(path) else os.O_NOFOLLOW
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | follow)
            try:
                _hand_over(handle, *belongs.ids())
                os.fchown(handle, *belongs.ids())
                os.fchmod(handle, belongs.mode)
            finally:
                os.close(handle)
        except OSError as error:
            raise OwnershipError(f"{path}: {error.strerror}") from error
    return True


def _is_strange_link(path: Path) -> bool:
    """Tell whether a path is a link of neither root's nor this user's, such as to another disk."""
    return path.is_symlink() and path.lstat().st_uid not in (0, os.geteuid())


def _hand_over(top: int, uid: int, gid: int) -> None:
    """Give to somebody else what the owner of a folder has in it. What root has was put there by others."""
    before = os.fstat(top).st_uid
    if before in (0, uid) or uid == -1:
        return
    for _top, folders, files, handle in os.fwalk(".", dir_fd=top):
        for name in (*folders, *files):
            if os.stat(name, dir_fd=handle, follow_symlinks=False).st_uid == before:
                os.chown(name, uid, gid, dir_fd=handle, follow_symlinks=False)


def file(path: Path, text: str, belongs: Belongs, check: bool) -> bool:
    """See that a file has this text and belongs so; tell whether that changed (or would) anything.

    It never holds the text with another owner or mode, not even for a moment.

    Raises:
        OwnershipError: it cannot be.
    """
    try:
        if path.is_file() and path.read_bytes() == text.encode() and belongs.fits(path):
            if not check:
                _whole.tidy(path)
            return False
        if not check:
            _whole.write(path, text, belongs.mode, *belongs.ids())
    except OSError as error:
        raise OwnershipError(f"{path}: {error.strerror}") from error
    return True
