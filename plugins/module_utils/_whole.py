# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a file whole or not at all. In a checkout, :mod:`_checkout.transaction` does it for many at once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write(path: Path, text: str, mode: int | None = None, uid: int = -1, gid: int = -1) -> None:
    """Put a file with this text in the place of what is there.

    It never holds the text with another owner or mode, not even for a moment; and after a crash of the
    host, there is the text before or this one.

    Args:
        path: the file, in a folder that only those write to who may replace it.
        text: all of it.
        mode: its mode; None leaves it to the umask.
        uid: its owner; -1 is who writes.
        gid: its group; -1 is that of who writes.
    """
    new = _new(path)
    new.unlink(missing_ok=True)
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
        with open(handle, "w", encoding="utf-8") as output:
            os.fchown(handle, uid, gid)
            if mode is not None:
                os.fchmod(handle, mode)
            output.write(text)
            output.flush()
            os.fsync(handle)
        new.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def tidy(path: Path) -> None:
    """Remove what a run has left beside a file that was killed while it wrote it."""
    _new(path).unlink(missing_ok=True)


def _new(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
