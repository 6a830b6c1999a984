# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change several files of a folder, all or none of them, whatever happens in between.

Before anything is written, the files as they are go into a journal inside the
folder. The journal is armed by one rename, and disarmed by one unlink: a run
that was killed in between is undone by the next one (:func:`recover`).

What goes into the journal is the file itself, by another link to it, and undoing is renaming it back: that
takes no room on a disk that is full, and owners and modes are never read from what is written there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from . import tree
from .tree import Tree

JOURNAL = ".celeriac-transaction"
LOCK = ".celeriac-lock"
_PLAN = "plan.json"
_TEMPORARY = ".celeriac-new"
_CACHE = "__pycache__"

#: The files of a change: absolute path to the new content, None to take the file away.
Contents = Mapping[Path, "bytes | None"]


class TransactionError(Exception):
    """The files cannot be changed; nothing was. The text says which and why."""


@dataclass
class _Entry:
    """A file that is changed."""

    #: What it is called, relative to the folder.
    name: str
    #: Where it really is: the same, but for links.
    place: str
    #: Its copy in the journal, empty where there was no such file.
    copy: str = ""
    #: What its new content is called until it takes the place of the old.
    temporary: str = ""


@dataclass
class _Plan:
    """What undoes a change. Whoever may write to the folder may have written it, too."""

    files: list[_Entry] = field(default_factory=list)
    #: Folders that are made.
    folders: list[str] = field(default_factory=list)
    #: Folders that are taken away when nothing is left in them, inner ones first.
    emptied: list[str] = field(default_factory=list)

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, content: bytes) -> _Plan:
        """Read a plan.

        Raises:
            ValueError, TypeError, KeyError, tree.TreeError: it is none of ours.
        """
        data = json.loads(content)
        plan = cls([_Entry(**entry) for entry in data["files"]], data["folders"], data["emptied"])
        for entry in plan.files:
            if not (entry.copy == "" or (entry.copy.isascii() and entry.copy.isdigit())):
                raise ValueError(f"{entry.copy!r} is no copy")
            if not entry.temporary.endswith(_TEMPORARY):
                raise ValueError(f"{entry.temporary!r} is no temporary file")
            for name in (entry.name, entry.place, entry.temporary):
                tree.checked_name(name)
        if not isinstance(plan.folders, list) or not isinstance(plan.emptied, list):
            raise TypeError("its folders are no list")
        for folder in (*plan.folders, *plan.emptied):
            tree.checked_name(folder)
        return plan


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone, by a file that only its owner and root can open.

    Raises:
        TransactionError: another run holds it.
    """
    with Tree(folder) as top:
        handle = _lock(top)
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(LOCK, dir_fd=top.handle)
            os.close(handle)


def _lock(top: Tree) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        try:
            handle = os.open(LOCK, flags, 0o600, dir_fd=top.handle)
        except OSError as error:
            raise TransactionError(_told(error, top.top / LOCK, top)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 100, 0).decode("ascii", "replace")
            os.close(handle)
            raise TransactionError(
                f"{top.top}: another run is changing this checkout ({holder or 'it has just begun'}). "
                "Wait until it has ended."
            ) from error
        # Whoever held it has taken the file away: what was opened may be another one than the next opens.
        held = top.status(LOCK)
        if held is not None and os.path.samestat(held, os.fstat(handle)):
            return handle
        os.close(handle)


@contextlib.contextmanager
def _journal(top: Tree) -> Iterator[int | None]:
    """Open the journal, None where there is none.

    Raises:
        TransactionError: it is none that a run of this user made, such as one that was committed.
    """
    try:
        found = os.stat(JOURNAL, dir_fd=top.handle, follow_symlinks=False)
    except FileNotFoundError:
        yield None
        return
    ours = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
    if not stat.S_ISDIR(found.st_mode) or not ours:
        raise TransactionError(_no_journal(top, "it is no folder that belongs to this user alone"))
    handle = os.open(JOURNAL, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top.handle)
    try:
        if not os.path.samestat(found, os.fstat(handle)):
            raise TransactionError(_no_journal(top, "it was exchanged meanwhile"))
        yield handle
    finally:
        os.close(handle)


def _no_journal(top: Tree, why: str) -> str:
    return (
        f"{top.top / JOURNAL} is not what an interrupted run of this user leaves: {why}. "
        "Nothing was changed. Look at what is in it and where it comes from, then delete it."
    )


def _read_plan(top: Tree, journal: int) -> _Plan | None:
    try:
        return _Plan.parse(tree.read(journal, _PLAN))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, tree.TreeError) as error:
        raise TransactionError(_no_journal(top, f"{_PLAN}: {error}")) from None


def pending(folder: Path) -> dict[Path, bytes | None]:
    """Return the files as they were before a run that was interrupted; empty where none was.

    Raises:
        TransactionError: there is a journal that is none of ours.
    """
    with Tree(folder) as top, _journal(top) as journal:
        plan = _read_plan(top, journal) if journal is not None else None
        if journal is None or plan is None:
            return {}
        return {folder / entry.name: _before(top, journal, entry) for entry in plan.files}


def _before(top: Tree, journal: int, entry: _Entry) -> bytes | None:
    if not entry.copy:
        return None
    try:
        return tree.read(journal, entry.copy)
    except FileNotFoundError:  # it is back already
        return top.read(entry.place)


def recover(folder: Path) -> bool:
    """Undo what an interrupted run left, and tell whether there was anything to undo.

    Raises:
        TransactionError: there is a journal that is none of ours.
        OSError: it cannot be undone.
    """
    with Tree(folder) as top, _journal(top) as journal:
        if journal is None:
            return False
        plan = _read_plan(top, journal)
        if plan is not None:
            _undo(top, journal, plan)
            _disarm(journal)
        _discard_journal(top)
        return plan is not None


def apply(folder: Path, changes: Contents, see: Callable[[], None]) -> None:
    """Write *changes*, call *see*, and undo everything to the byte if it raises.

    Modes and owners of existing files stay; new ones belong to the owner of their folder.

    Raises:
        TransactionError: a file cannot be written, or is outside of the folder.
        Exception: whatever *see* raised, after everything was undone.
    """
    with Tree(folder) as top:
        try:
            plan = _plan(top, changes)
            journal = _arm(top, plan)
            try:
                for entry, content in zip(plan.files, changes.values(), strict=True):
                    _write(top, entry, content)
                see()
                _prune_emptied(top, journal, plan)
                _sync_all(top, plan)
                _disarm(journal)
            finally:
                os.close(journal)
        except OSError as error:
            recover(folder)
            raise TransactionError(_told(error, folder, top)) from error
        except tree.TreeError as error:
            recover(folder)
            raise TransactionError(str(error)) from None
        except BaseException:
            recover(folder)
            raise
        _discard_journal(top)


def _told(error: OSError, path: Path, top: Tree) -> str:
    """Say what could not be done, and what to do about it."""
    text = f"{error.filename or path}: {error.strerror}."
    if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
        return text
    if os.fstat(top.handle).st_uid == os.geteuid() != 0:
        return (
            f"{text} A checkout is changed as its owner, and that is {_user(os.geteuid())}. Give the owner "
            f"all that is in it: chown -R {_user(os.geteuid())} {top.top}"
        )
    return f"{text} Run as a user who may write to the checkout, or with become."


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _plan(top: Tree, changes: Contents) -> _Plan:
    """Find out where all files are, before anything is written."""
    plan = _Plan()
    for number, (path, content) in enumerate(changes.items()):
        place = top.place(path)
        above = str(PurePosixPath(place).parent)
        temporary = str(PurePosixPath(above, f".{secrets.token_hex(8)}{_TEMPORARY}"))
        entry = _Entry(str(path.relative_to(top.top)), place, temporary=temporary)
        if top.status(place) is not None:
            entry.copy = str(number)
        plan.files.append(entry)
        if content is None:
            plan.emptied += [folder for folder in _above(place) if folder not in plan.emptied]
        for folder in _above(place):
            if top.status(folder) is None and folder not in plan.folders:
                plan.folders.append(folder)
    plan.emptied.sort(key=lambda folder: -folder.count("/"))
    return plan


def _above(place: str) -> list[str]:
    """Return the folders that a place is in, the innermost first."""
    return [str(folder) for folder in PurePosixPath(place).parents if folder.parts]


def _arm(top: Tree, plan: _Plan) -> int:
    """Make the journal, and return it open."""
    with _journal(top) as left:
        if left is not None:  # of a run that was killed before it was armed
            _discard_journal(top)
    os.mkdir(JOURNAL, 0o700, dir_fd=top.handle)
    with _journal(top) as opened:
        if opened is None:
            raise TransactionError(_no_journal(top, "it was taken away meanwhile"))
        journal = os.dup(opened)
    try:
        for entry in plan.files:
            if entry.copy:
                _keep(top, journal, entry)
        tree.create(journal, f"{_PLAN}.new", plan.dump())
        os.fsync(journal)
        os.rename(f"{_PLAN}.new", _PLAN, src_dir_fd=journal, dst_dir_fd=journal)
        os.fsync(journal)
        os.fsync(top.handle)
    except BaseException:
        os.close(journal)
        raise
    return journal


def _keep(top: Tree, journal: int, entry: _Entry) -> None:
    """Have a file in the journal too."""
    with top.parent(entry.place) as (handle, name):
        try:
            os.link(name, entry.copy, src_dir_fd=handle, dst_dir_fd=journal, follow_symlinks=False)
        except OSError as error:
            # File systems without links, and kernels that let nobody link what is somebody else's.
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            tree.create(journal, entry.copy, tree.read(handle, name), like=status)


def _write(top: Tree, entry: _Entry, content: bytes | None) -> None:
    if content is None:
        with contextlib.suppress(FileNotFoundError), top.parent(entry.place) as (handle, name):
            os.unlink(name, dir_fd=handle)
        return
    temporary = entry.temporary.rpartition("/")[2]
    with top.parent(entry.place, make=True) as (handle, name):
        try:
            like = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            like = _new_in(handle)
        tree.create(handle, temporary, content, like)
        os.rename(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)


def _new_in(handle: int) -> os.stat_result:
    """Return what a new file in a folder is like: the folder's owner's, and for all to read."""
    parts = list(os.fstat(handle))
    parts[stat.ST_MODE] = 0o644
    return os.stat_result(parts)


def _sync_all(top: Tree, plan: _Plan) -> None:
    """Have the names of all files on the disk, before the journal that would undo them goes."""
    folders = {str(PurePosixPath(entry.place).parent) for entry in plan.files}
    for folder in sorted({*folders, *(above for place in folders for above in _above(place))} | {""}):
        with contextlib.suppress(FileNotFoundError), top.folder(folder) as handle:
            os.fsync(handle)


def _disarm(journal: int) -> None:
    # Without the plan, what is left of the journal says nothing any more.
    os.unlink(_PLAN, dir_fd=journal)
    os.fsync(journal)


def _discard_journal(top: Tree) -> None:
    # It is a folder of ours alone, and rmtree follows no links.
    shutil.rmtree(top.real / JOURNAL)


def _prune_emptied(top: Tree, journal: int, plan: _Plan) -> None:
    for number, folder in enumerate(plan.emptied):
        _prune(top, journal, folder, f"folder-{number}")


def _prune(top: Tree, journal: int, folder: str, kept: str) -> None:
    """Take a folder that holds nothing but bytecode away, into the journal."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        with top.folder(folder) as handle:
            if not _holds_nothing(handle):
                return
        with top.parent(folder) as (handle, name):
            try:
                os.rename(name, kept, src_dir_fd=handle, dst_dir_fd=journal)
            except OSError as error:
                # In a folder of another user's, or as a file system of its own, it stays where it is.
                if error.errno not in (errno.EACCES, errno.EPERM, errno.EXDEV, errno.EBUSY):
                    raise


def _holds_nothing(handle: int) -> bool:
    """Tell whether a folder holds nothing but bytecode of this user's (or, for root, of anybody's)."""
    if set(os.listdir(handle)) - {_CACHE}:
        return False
    try:
        cache = os.stat(_CACHE, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return stat.S_ISDIR(cache.st_mode) and os.geteuid() in (0, cache.st_uid)


def _undo(top: Tree, journal: int, plan: _Plan) -> None:
    for number, folder in reversed(list(enumerate(plan.emptied))):
        with contextlib.suppress(FileNotFoundError), top.parent(folder) as (handle, name):
            os.rename(f"folder-{number}", name, src_dir_fd=journal, dst_dir_fd=handle)
    for entry in plan.files:
        with contextlib.suppress(FileNotFoundError), top.parent(entry.place) as (handle, name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry.temporary.rpartition("/")[2], dir_fd=handle)
            if entry.copy:
                _give_back(journal, entry.copy, handle, name)
            else:
                os.unlink(name, dir_fd=handle)
    for number, folder in enumerate(sorted(plan.folders, key=len, reverse=True)):  # the deepest first
        _prune(top, journal, folder, f"made-{number}")
    _sync_all(top, plan)


def _give_back(journal: int, copy: str, handle: int, name: str) -> None:
    try:
        os.rename(copy, name, src_dir_fd=journal, dst_dir_fd=handle)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        status = os.stat(copy, dir_fd=journal, follow_symlinks=False)
        temporary = f".{secrets.token_hex(8)}{_TEMPORARY}"
        tree.create(handle, temporary, tree.read(journal, copy), like=status)
        os.rename(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
