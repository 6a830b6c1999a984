# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what is ours, by handles: no link is followed that somebody else can have put there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class RemovalError(Exception):
    """Something cannot be removed. The text says what, and why."""


def remove(path: Path, follow: bool = False) -> bool:
    """Remove a file, a link, or a folder with all that is in it, and tell whether there was one.

    Args:
        path: what goes. Links on the way to it are followed as far as they are root's (or this user's) alone.
        follow: whether the folder that a link of root's leads to, such as one on another disk, goes too.

    Raises:
        RemovalError: it cannot be.
    """
    try:
        if follow and path.is_symlink() and path.lstat().st_uid in (0, os.geteuid()):
            with contextlib.suppress(FileNotFoundError):
                remove(Path(os.path.realpath(path)))
        with _parent(path) as handle:
            return _take(handle, path.name)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RemovalError(f"{path} cannot be removed: {error.strerror}.") from error


@contextlib.contextmanager
def _parent(path: Path) -> Iterator[int]:
    """Open the folder of a path."""
    parts = Path(os.path.abspath(path)).parent.parts
    safe = _safe(parts)
    handle = os.open(os.path.realpath(os.path.join(*parts[:safe])), _FOLDER)
    try:
        for part in parts[safe:]:
            below = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def _safe(parts: tuple[str, ...]) -> int:
    """Return how many of the folders on a way nobody else can exchange."""
    for number in range(1, len(parts) + 1):
        status = os.lstat(os.path.join(*parts[:number]))
        if stat.S_ISLNK(status.st_mode) and not _is_ours(status):
            return number - 1
        if stat.S_ISDIR(status.st_mode) and (not _is_ours(status) or _takes_from_others(status)):
            return number  # the folder itself is what it is, and what is in it can be exchanged
    return len(parts)


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _takes_from_others(status: os.stat_result) -> bool:
    """Tell whether others may rename what is ours in a folder of ours."""
    writers = stat.S_IWOTH | (stat.S_IWGRP if status.st_gid not in (0, os.getegid()) else 0)
    return bool(status.st_mode & writers) and not status.st_mode & stat.S_ISVTX


def _take(handle: int, name: str) -> bool:
    """Remove what has a name in an open folder; however deep it is, few folders are open at a time."""
    status = os.stat(name, dir_fd=handle, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=handle)
        return True
    folder = os.open(name, _FOLDER, dir_fd=handle)
    try:
        while below := _emptied(folder):
            for inner in below:
                _flatten(folder, inner)
    finally:
        os.close(folder)
    try:
        os.rmdir(name, dir_fd=handle)
    except OSError as error:
        if error.errno != errno.EBUSY:  # a file system of its own, and empty now
            raise
    return True


def _emptied(folder: int) -> list[str]:
    """Remove the files of an open folder, and return the folders in it."""
    below = []
    for name in os.listdir(folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            below.append(name)
        else:
            os.unlink(name, dir_fd=folder)
    return below


def _flatten(folder: int, name: str) -> None:
    """Remove a folder that is in an open one; the folders in it come up, beside it."""
    inner = os.open(name, _FOLDER, dir_fd=folder)
    try:
        for below in _emptied(inner):
            os.rename(below, f".{secrets.token_hex(8)}", src_dir_fd=inner, dst_dir_fd=folder)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=folder)
