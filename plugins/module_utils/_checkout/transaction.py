# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change several files of a folder, all or none of them, whatever happens in between.

Before anything is written, the files as they are go into a journal inside the
folder. The journal is armed by one rename, and disarmed by one unlink: a run
that was killed in between is undone by the next one (:func:`recover`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

JOURNAL = ".celeriac-transaction"
_PLAN = "plan.json"
_TEMPORARY = ".celeriac-new"

#: The files of a change: absolute path to the new content, None to take the file away.
Contents = Mapping[Path, "bytes | None"]


class TransactionError(Exception):
    """The files cannot be changed; nothing was. The text says which and why."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone.

    Raises:
        TransactionError: another run holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TransactionError(
                f"{folder}: another run is changing this checkout. Wait until it has ended."
            ) from error
        yield
    finally:
        os.close(handle)


def pending(folder: Path) -> dict[Path, bytes | None]:
    """Return the files as they were before a run that was interrupted; empty where none was."""
    journal = folder / JOURNAL
    if not (journal / _PLAN).is_file():
        return {}
    return {
        Path(entry["path"]): (journal / entry["copy"]).read_bytes() if entry["copy"] else None
        for entry in _read_plan(journal)["files"]
    }


def recover(folder: Path) -> bool:
    """Undo what an interrupted run left, and tell whether there was anything to undo."""
    journal = folder / JOURNAL
    if not journal.exists():
        return False
    undone = (journal / _PLAN).is_file()
    if undone:
        _undo(journal)
        # Without the plan, what is left of the journal says nothing any more.
        (journal / _PLAN).unlink()
    shutil.rmtree(journal)
    return undone


def apply(folder: Path, changes: Contents, prove: Callable[[], None]) -> None:
    """Write *changes*, call *prove*, and undo everything to the byte if it raises.

    Modes and owners of existing files stay; new ones belong to the owner of their folder.

    Raises:
        TransactionError: a file cannot be written.
        Exception: whatever *prove* raised, after everything was undone.
    """
    journal = folder / JOURNAL
    try:
        _arm(journal, changes)
        for path, content in changes.items():
            _write(path, content)
    except OSError as error:
        recover(folder)
        raise TransactionError(
            f"{error.filename or folder}: {error.strerror}. "
            "Run as a user who may write to the checkout, or with become."
        ) from error
    except BaseException:
        recover(folder)
        raise
    try:
        prove()
    except BaseException:
        recover(folder)
        raise
    (journal / _PLAN).unlink()
    shutil.rmtree(journal)


def _read_plan(journal: Path) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((journal / _PLAN).read_text(encoding="utf-8"))
    return plan


def _arm(journal: Path, changes: Contents) -> None:
    if journal.exists():
        shutil.rmtree(journal)
    journal.mkdir(mode=0o700)
    files, folders, emptied = [], [], {}
    for number, (path, content) in enumerate(changes.items()):
        entry: dict[str, Any] = {"path": str(path), "copy": ""}
        if path.exists():
            entry["copy"] = f"{number}"
            _durable(journal / entry["copy"], path.read_bytes())
            status = path.stat()
            entry.update(mode=stat.S_IMODE(status.st_mode), uid=status.st_uid, gid=status.st_gid)
        files.append(entry)
        if content is None:
            emptied.update(_owners(journal.parent, Path(os.path.realpath(path)).parent))
        parent = path.parent
        while not parent.exists():
            if str(parent) not in folders:
                folders.append(str(parent))
            parent = parent.parent
    plan = json.dumps({"files": files, "folders": folders, "emptied": emptied})
    _durable(journal / f"{_PLAN}.new", plan.encode())
    os.rename(journal / f"{_PLAN}.new", journal / _PLAN)


def _owners(top: Path, folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return the folders from *folder* up to below *top* with mode, user and group."""
    found = {}
    while folder.is_relative_to(top) and folder != top:
        if folder.exists():
            status = folder.stat()
            found[str(folder)] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
        folder = folder.parent
    return found


def _durable(path: Path, content: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, content: bytes | None) -> None:
    target = Path(os.path.realpath(path))
    if content is None:
        target.unlink(missing_ok=True)
        _prune(target.parent)
        return
    _make_folder(target.parent)
    if target.exists():
        status = target.stat()
        mode, uid, gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    else:
        status = target.parent.stat()
        mode, uid, gid = 0o644, status.st_uid, status.st_gid
    _replace(target, content, mode, uid, gid)


def _replace(target: Path, content: bytes, mode: int, uid: int, gid: int) -> None:
    temporary = target.with_name(target.name + _TEMPORARY)
    _durable(temporary, content)
    if (uid, gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.chown(temporary, uid, gid)
    os.chmod(temporary, mode)
    os.rename(temporary, target)


def _make_folder(folder: Path) -> None:
    if folder.exists():
        return
    _make_folder(folder.parent)
    status = folder.parent.stat()
    folder.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(folder, status.st_uid, status.st_gid)


def _prune(folder: Path, upwards: bool = True) -> None:
    """Take away a folder that holds nothing but bytecode, and then its parents."""
    cache = folder / "__pycache__"
    if not folder.is_dir() or {entry.name for entry in folder.iterdir()} - {cache.name}:
        return
    if cache.exists():
        shutil.rmtree(cache)
    folder.rmdir()
    if upwards:
        _prune(folder.parent)


def _discard(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _undo(journal: Path) -> None:
    plan = _read_plan(journal)
    for entry in plan["files"]:
        path = Path(os.path.realpath(entry["path"]))
        _discard(path.with_name(path.name + _TEMPORARY))
        if entry["copy"]:
            content = (journal / entry["copy"]).read_bytes()
            if path.exists() and path.read_bytes() == content:
                continue
            _make_folder(path.parent)
            _replace(path, content, entry["mode"], entry["uid"], entry["gid"])
        else:
            _discard(path)
    for folder in sorted(plan["folders"], key=len, reverse=True):  # the deepest first
        _prune(Path(folder), upwards=False)
    for folder, (mode, uid, gid) in plan["emptied"].items():
        if _owners(journal.parent, Path(folder))[folder] != (mode, uid, gid):
            if os.geteuid() == 0:
                os.chown(folder, uid, gid)
            os.chmod(folder, mode)
