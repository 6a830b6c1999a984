# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who solves, builds and installs packages, and how a tree that they have made becomes ours.

To build a package is to run its code, so root does not.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _host

#: Programs are no scripts that name their environment, and larger.
_SCRIPT = 256 * 1024


class BuilderError(Exception):
    """A tree holds what cannot be taken over. The text says what."""


@dataclass(frozen=True)
class Builder:
    """A user of this host."""

    uid: int
    gid: int

    @classmethod
    def choose(cls, base: str, user: str) -> Builder:
        """Return who builds: who runs this; in root's place the owner of *base*, in whose place *user*.

        Where root owns the checkout and nobody else is named, root is the user of this deployment.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        status = os.stat(base)
        if status.st_uid == 0 and user:
            account = _host.stand_in(user)
            return cls(account.pw_uid, account.pw_gid)
        return cls(status.st_uid, status.st_gid)

    def is_us(self) -> bool:
        """Tell whether that is who runs this already."""
        return self.uid == os.geteuid()

    def options(self) -> dict[str, Any]:
        """Return the arguments that make subprocess switch to the user, empty where it is ours."""
        if self.is_us():
            return {}
        account = self._account()
        groups = os.getgrouplist(account.pw_name, self.gid) if account else [self.gid]
        return {"user": self.uid, "group": self.gid, "extra_groups": groups, "umask": 0o022}

    def environ(self, folder: Path) -> dict[str, str]:
        """Return what differs in the user's environment.

        Args:
            folder: takes the place of a home that is not the user's.
        """
        if self.is_us():
            return {}
        account = self._account()
        home = account.pw_dir if account else ""
        with contextlib.suppress(OSError):
            if home and os.stat(home).st_uid != self.uid:
                home = ""
        if not home or not os.path.isdir(home):
            home = str(folder)
        name = account.pw_name if account else str(self.uid)
        return {"HOME": home, "USER": name, "LOGNAME": name, "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""}

    def _account(self) -> pwd.struct_passwd | None:
        try:
            return pwd.getpwuid(self.uid)
        except KeyError:
            return None


def give(tree: Path, builder: Builder) -> None:
    """Make a tree that nobody else could write to so far the builder's."""
    os.chown(tree, builder.uid, builder.gid)
    for _folder, folders, files, handle in os.fwalk(tree):
        for name in (*folders, *files):
            os.chown(name, builder.uid, builder.gid, dir_fd=handle, follow_symlinks=False)


def copy(source: Path, target: Path, owner: int, link: bool = False) -> None:
    """Copy what an environment has that another one lacks; scripts that name the one name the other.

    No link is followed, and each file is one of the owner's: who has made the tree may change it meanwhile.

    Args:
        source: the environment.
        target: the other, which nobody else can write to.
        owner: the user whose files the source's are.
        link: share the files instead: for trees of one owner, whose files are replaced, never changed.

    Raises:
        BuilderError: a file is somebody else's, or no file.
    """
    for folder, folders, files, handle in os.fwalk(source):
        below = os.path.relpath(folder, source)
        here = target / below
        if not here.is_dir():
            here.mkdir()
            here.chmod(0o755)
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) or os.path.lexists(here / name):
                continue
            if stat.S_ISLNK(status.st_mode):
                os.symlink(os.readlink(name, dir_fd=handle), here / name)
            elif link and below != "bin":
                _link_or_copy(Path(folder, name), here / name)
            else:
                _copy_file(name, handle, here / name, owner)
                if below == "bin":
                    _rename_in(here / name, source, target)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target, follow_symlinks=False)


def _copy_file(name: str, folder: int, target: Path, owner: int) -> None:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with open(handle, "rb") as reader:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner:
            raise BuilderError(f"{target}: what was built there is no file of who has built it")
        with open(target, "xb") as writer:
            shutil.copyfileobj(reader, writer)
            os.fchmod(writer.fileno(), 0o755 if status.st_mode & 0o100 else 0o644)
        # Bytecode is taken for that of its source by the source's time.
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _rename_in(script: Path, before: Path, after: Path) -> None:
    status = script.stat()
    text = script.read_bytes() if status.st_size < _SCRIPT else b""
    if os.fsencode(before) in text:
        script.write_bytes(text.replace(os.fsencode(before), os.fsencode(after)))
