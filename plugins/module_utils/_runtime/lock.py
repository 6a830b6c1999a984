# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time: a lock of this host for something that two runs must not change at once.

The file is where nobody else can open it, so that nobody else can hold the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

#: Where root's locks are: gone after a restart, as are their holders.
RUN = Path("/run/celeriac")
#: Seconds to wait for another run.
PATIENCE = 900.0
_PAUSE = 0.05


class LockError(Exception):
    """Another run holds the lock. The text says which, and since when."""


@contextlib.contextmanager
def held(what: str, patience: float = PATIENCE, folder: Path | None = None) -> Iterator[None]:
    """Hold the lock of *what* (a path) for the time of the context.

    Args:
        what: what is locked, for the lock's name and for the message.
        patience: seconds to wait for who holds it.
        folder: where locks are; by default in a folder that is this user's alone.

    Raises:
        LockError: another process held it all the time.
    """
    where = folder or place()
    path = where / f"{name_of(what)}.lock"
    handle = _acquire(path, what, time.monotonic() + patience, patience)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, since {time.strftime('%F %T %z')}".encode(), 0)
        yield
    finally:
        # Nothing stays; whoever waits for this file sees that it is gone, and makes another one.
        with contextlib.suppress(OSError):
            path.unlink()
            where.rmdir()
        os.close(handle)


def name_of(what: str) -> str:
    """Return a file's name for what is locked: one that people can read, and no other thing has."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", what).strip("-")[-40:]
    return f"{name}-{hashlib.sha256(os.fsencode(what)).hexdigest()[:12]}"


def _acquire(path: Path, what: str, deadline: float, patience: float) -> int:
    """Return a handle of the file at *path* that holds its lock."""
    while True:
        _private(path.parent)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # its last holder has just taken the folder away
        try:
            _wait(handle, what, deadline, patience)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.lstat()):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _wait(handle: int, what: str, deadline: float, patience: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 200, 0).decode("ascii", "replace") or "a process"
                raise LockError(
                    f"Another run changes {what} ({holder}), and has not ended within {patience:.0f} s. "
                    "Run again when it has; if that process hangs, end it."
                ) from None
            time.sleep(_PAUSE)
        else:
            return


def place() -> Path:
    """Return the folder of locks: nobody else's than this user's."""
    if os.geteuid() == 0 and RUN.parent.is_dir():
        return RUN
    return Path(tempfile.gettempdir(), f"celeriac-{os.geteuid()}")


def _private(folder: Path) -> Path:
    """Make the folder, and see that it is nobody else's."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
    except FileNotFoundError as error:
        if folder.parent.is_dir():
            return _private(folder)  # its last holder has just taken it away
        raise LockError(f"{folder}: {error.strerror}") from error
    except OSError as error:
        raise LockError(f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise LockError(
            f"{folder} is for locks of this user alone, and somebody else made it or may write to it. "
            "Remove it."
        )
    return folder
