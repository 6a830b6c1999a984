# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a folder, by handles: nothing outside of it is read or written, whatever links are in it.

Links inside the folder work: settings that are a link to another file of the checkout are changed there.
A place is found once, and each folder on the way to it is opened without following links. What somebody
puts in the way meanwhile is an error.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Of a pipe, it does not wait for somebody who writes.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeError(Exception):
    """A name leads out of the folder, or is none. The text says which, and what to do."""


def checked_name(name: object) -> str:
    """Return the relative name of a file in a checkout that somebody else wrote down.

    Raises:
        TreeError: it is no name, leads out of the checkout, or into the folder of git.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise TreeError(f"{name!r} is no name of a file in the checkout")
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or ".git" in map(str.lower, parts):
        raise TreeError(f"{name!r} is no name of a file that is in the checkout")
    return name


class Tree:
    """A folder that is open, and the files below it. Paths are absolute and below the folder, or relative."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.real = Path(os.path.realpath(top))
        self.handle = os.open(self.real, _FOLDER)

    def __enter__(self) -> Tree:  # noqa: PYI034 - Python 3.11 has Self, and hosts have older ones
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self.handle)

    def place(self, path: Path | str) -> str:
        """Return where a file is, relative to the folder, with all links resolved.

        Raises:
            TreeError: that is outside of the folder, or in the folder of git.
        """
        shown = self.top / path
        if ".." in PurePosixPath(path).parts or not shown.is_relative_to(self.top):
            raise TreeError(f"{shown} is outside of the checkout {self.top}, and nothing there is changed.")
        real = Path(os.path.realpath(shown))
        if real == self.real or not real.is_relative_to(self.real):
            raise TreeError(
                f"{shown} is or is below a link that leads out of the checkout, to {real}. Nothing outside "
                f"of {self.top} is read or changed: put the file itself in place of the link, "
                "or set celery_project_integrate to never to keep your own integration."
            )
        try:
            return checked_name(str(real.relative_to(self.real)))
        except TreeError:
            raise TreeError(f"{shown} is in the folder of git, {real}, which is not changed.") from None

    @contextlib.contextmanager
    def folder(self, place: str, make: bool = False) -> Iterator[int]:
        """Open a folder by its place, made with its parents where it is missing and *make* says so."""
        handle = os.dup(self.handle)
        try:
            for part in PurePosixPath(place).parts:
                with _named(self.real / place):
                    below = _enter(handle, part, make)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def parent(self, place: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder of a file, and give the name of the file in it."""
        above, _slash, name = place.rpartition("/")
        with _named(self.real / place), self.folder(above, make) as handle:
            yield handle, name

    def status(self, place: str) -> os.stat_result | None:
        """Return what there is at a place, None where nothing is."""
        try:
            with self.parent(place) as (handle, name):
                return os.stat(name, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, path: Path | str) -> bytes | None:
        """Return what a file holds, None where there is none.

        Raises:
            TreeError: it is outside of the folder, or no file.
        """
        try:
            with self.parent(self.place(path)) as (handle, name):
                return read(handle, name)
        except FileNotFoundError:
            return None


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Have errors name the whole path, and not the part of it that a handle was asked for."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _enter(handle: int, name: str, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    os.mkdir(name, 0o755, dir_fd=handle)
    below = os.open(name, _FOLDER, dir_fd=handle)
    above = os.fstat(handle)
    if os.geteuid() == 0:
        os.fchown(below, above.st_uid, above.st_gid)
    # Who may read the folder above may read this one: a umask such as 077 is no wish about the checkout.
    own, mode = os.fstat(below), stat.S_IMODE(above.st_mode) & 0o755 | 0o700
    if own.st_gid != above.st_gid:
        mode = _without_group(mode)
    os.fchmod(below, mode | own.st_mode & stat.S_ISGID)
    return below


def read(handle: int, name: str) -> bytes:
    """Return what a file in an open folder holds.

    Raises:
        OSError: there is none, or it is no regular file.
    """
    file = os.open(name, _READ, dir_fd=handle)
    with open(file, "rb") as content:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise IsADirectoryError(21, "Is a directory", name)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(22, "is no regular file", name)
        return content.read()


def create(handle: int, name: str, content: bytes, like: os.stat_result | None = None) -> None:
    """Write a new file, whole and on the disk, into an open folder: of the mode and owner of another one.

    Raises:
        OSError: something of that name is there, or it cannot be written.
    """
    file = os.open(name, _NEW, 0o600, dir_fd=handle)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(file, left) :]
        _adopt(file, like)
        os.fsync(file)
    finally:
        os.close(file)


def _adopt(file: int, like: os.stat_result | None) -> None:
    """Give a file owner and mode of another one, as far as who runs this may."""
    if like is None:
        return
    mode, own = stat.S_IMODE(like.st_mode), os.fstat(file)
    if (like.st_uid, like.st_gid) != (own.st_uid, own.st_gid):
        try:
            os.fchown(file, like.st_uid if like.st_uid != own.st_uid else -1, like.st_gid)
        except PermissionError:
            with contextlib.suppress(PermissionError):
                os.fchown(file, -1, like.st_gid)
    if os.fstat(file).st_gid != like.st_gid:
        mode = _without_group(mode)
    os.fchmod(file, mode & 0o777)


def _without_group(mode: int) -> int:
    """Return a mode by which the group, which is another one, may do no more than everybody."""
    return mode & ~0o070 | (mode & 0o007) << 3
