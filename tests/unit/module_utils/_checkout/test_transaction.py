# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All or nothing: whatever fails, and wherever a run is killed."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import transaction

#: The exit status of a child that was killed as meant.
KILLED = 99
#: Operations that change a file system, as Python announces them to audit hooks.
OPERATIONS = (
    "open",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "shutil.rmtree",
)
WRITING = os.O_WRONLY | os.O_RDWR

Snap = Callable[[Path], dict[str, Any]]


class ProofError(Exception):
    """What was written does not work."""


def without_bytecode(found: dict[str, Any]) -> dict[str, Any]:
    """Returns a snapshot without what Python makes anew by itself."""
    return {name: entry for name, entry in found.items() if "__pycache__" not in name}


def fail() -> None:
    """Is a proof that fails."""
    raise ProofError


def succeed() -> None:
    """Is a proof that does not."""


@pytest.fixture
def top(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, bytes]], Path]) -> Path:
    """A checkout with a bit of everything."""
    top = write_tree(
        tmp_path / "checkout",
        {
            "manage.py": b"manage",
            "shop/__init__.py": b"",
            "shop/settings.py": b"\xff\r\nsettings",
            "shop/.env.example": b"KEY=1",
            "shop/old/only.py": b"only",
            "shop/old/__pycache__/only.pyc": b"bytecode",
            "shop/keep/__pycache__/kept.pyc": b"bytecode",
            "elsewhere/real.py": b"real",
        },
    )
    (top / "manage.py").chmod(0o755)
    (top / "shop/.env.example").chmod(0o600)
    (top / "shop/old").chmod(0o775)
    (top / "shop/empty").mkdir(mode=0o750)
    (top / "shop/linked.py").symlink_to("../elsewhere/real.py")
    (top / "shop/dangling.py").symlink_to("../elsewhere/missing.py")
    return top


@pytest.fixture
def changes(top: Path) -> dict[Path, bytes | None]:
    """A change of everything there is."""
    return {
        top / "manage.py": b"manage 2",
        top / "shop/settings.py": b"settings 2",
        top / "shop/.env.example": b"KEY=2",
        top / "shop/linked.py": b"real 2",
        top / "shop/dangling.py": b"now there",
        top / "shop/celery_ops/__init__.py": b"",
        top / "shop/celery_ops/management/commands/celery.py": b"new",
        top / "shop/empty/deep/new.py": b"new",
        top / "shop/old/only.py": None,
        top / "shop/never.py": None,
    }


def test_everything_is_written(top: Path, changes: dict[Path, bytes | None], snapshot: Snap) -> None:
    before = snapshot(top)
    transaction.apply(top, changes, succeed)
    after = snapshot(top)
    for path, content in changes.items():
        assert (path.read_bytes() if path.exists() else None) == content
    changed = {str(path.relative_to(top)) for path in changes}
    linked = {"elsewhere/real.py", "elsewhere/missing.py"}
    folders = {name for name, entry in after.items() if entry[0] == "folder"}
    gone = {"shop/old", "shop/old/__pycache__", "shop/old/__pycache__/only.pyc"}
    assert {name for name in after if after[name] != before.get(name)} <= changed | linked | folders
    assert set(before) - set(after) == gone | {"shop/old/only.py"}


def test_modes_and_links_stay(top: Path, changes: dict[Path, bytes | None], snapshot: Snap) -> None:
    before = snapshot(top)
    transaction.apply(top, changes, succeed)
    after = snapshot(top)
    for name in ("manage.py", "shop/settings.py", "shop/.env.example", "elsewhere/real.py"):
        assert after[name][1] == before[name][1]
    assert after["shop/linked.py"] == ("link", 0, "../elsewhere/real.py")
    assert after["shop/dangling.py"] == ("link", 0, "../elsewhere/missing.py")


def test_a_new_file_is_readable_for_all(top: Path) -> None:
    transaction.apply(top, {top / "a/b.py": b"new"}, succeed)
    assert (top / "a/b.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
@pytest.mark.parametrize("mode", [0o755, 0o750, 0o2775, 0o700])
def test_a_new_folder_is_for_those_who_read_the_one_above(umask: int, mode: int, top: Path) -> None:
    (top / "shop").chmod(mode)
    before = os.umask(umask)
    try:
        transaction.apply(top, {top / "shop/ops/commands/celery.py": b"new"}, succeed)
    finally:
        os.umask(before)
    for name in ("shop/ops", "shop/ops/commands"):
        assert (top / name).stat().st_mode & 0o7777 == mode & 0o2755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_belong_to_the_owner_of_the_checkout(top: Path) -> None:
    os.chown(top, 12345, 23456)
    os.chown(top / "manage.py", 12345, 34567)
    transaction.apply(top, {top / "manage.py": b"2", top / "new/folder/file.py": b"new"}, succeed)
    owners = {
        name: ((top / name).stat().st_uid, (top / name).stat().st_gid)
        for name in ("manage.py", "new", "new/folder", "new/folder/file.py")
    }
    assert owners.pop("manage.py") == (12345, 34567)
    assert set(owners.values()) == {(12345, 23456)}


def test_a_failed_proof_leaves_nothing(top: Path, changes: dict[Path, bytes | None], snapshot: Snap) -> None:
    before = without_bytecode(snapshot(top))
    with pytest.raises(ProofError):
        transaction.apply(top, changes, fail)
    assert without_bytecode(snapshot(top)) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_that_comes_back_belongs_to_its_owner(top: Path) -> None:
    os.chown(top / "shop/old", 12345, 23456)
    with pytest.raises(ProofError):
        transaction.apply(top, {top / "shop/old/only.py": None}, fail)
    status = (top / "shop/old").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12345, 23456, 0o775)


def test_the_proof_sees_the_new_files(top: Path, changes: dict[Path, bytes | None]) -> None:
    seen: dict[Path, bytes | None] = {}

    def look() -> None:
        seen.update({path: path.read_bytes() if path.exists() else None for path in changes})

    transaction.apply(top, changes, look)
    assert seen == changes


def test_a_proof_that_leaves_bytecode_behind_is_no_hindrance(
    top: Path, changes: dict[Path, bytes | None], snapshot: Snap
) -> None:
    before = without_bytecode(snapshot(top))

    def prove() -> None:
        cache = top / "shop/celery_ops/__pycache__"
        cache.mkdir()
        (cache / "tasks.pyc").write_bytes(b"bytecode")
        raise ProofError

    with pytest.raises(ProofError):
        transaction.apply(top, changes, prove)
    assert without_bytecode(snapshot(top)) == before


def test_an_interrupt_leaves_nothing(top: Path, changes: dict[Path, bytes | None], snapshot: Snap) -> None:
    before = without_bytecode(snapshot(top))

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transaction.apply(top, changes, interrupt)
    assert without_bytecode(snapshot(top)) == before


#: What takes room on a disk. Renaming and taking away does not.
GROWING = ("open", "write", "mkdir", "link", "fsync")


class Disk:
    """A disk that is full from the n-th operation on that takes room, until it is told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = sys.maxsize
        for name in GROWING:
            monkeypatch.setattr(os, name, self._limited(getattr(os, name)))

    def _limited(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **named: Any) -> Any:
            if _grows(real, *arguments):
                self.left -= 1
                if self.left < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments, **named)

        return operation


_OPEN, _FSYNC = os.open, os.fsync


def _grows(real: Callable[..., Any], *arguments: Any) -> bool:
    if real is _OPEN:
        return bool(arguments[1] & os.O_CREAT)
    return real is not _FSYNC or stat.S_ISREG(os.fstat(arguments[0]).st_mode)


def test_a_full_disk_leaves_nothing(
    top: Path,
    changes: dict[Path, bytes | None],
    snapshot: Snap,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Wherever it fills up, and it stays full: undoing takes no room."""
    before = without_bytecode(snapshot(top))
    disk = Disk(monkeypatch)
    for point in itertools.count():
        disk.left = point
        try:
            transaction.apply(top, changes, succeed)
        except transaction.TransactionError as error:
            assert "No space left on device" in str(error)  # noqa: PT017 - the last one does not raise
            assert without_bytecode(snapshot(top)) == before
        else:
            break
    record_property("points", point)
    print(f"the disk was full at {point} points")
    assert point > 3 * len(changes)
    assert without_bytecode(snapshot(top)) != before


def test_a_file_that_cannot_be_written_leaves_nothing(
    top: Path, changes: dict[Path, bytes | None], snapshot: Snap
) -> None:
    before = without_bytecode(snapshot(top))
    impossible = top / "manage.py/below.py"
    with pytest.raises(transaction.TransactionError, match=r"manage\.py/below\.py"):
        transaction.apply(top, {**changes, impossible: b"x"}, succeed)
    assert without_bytecode(snapshot(top)) == before


def test_a_checkout_that_is_read_only_is_a_clear_error(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(top))

    # Modes would not stop root.
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(transaction.TransactionError, match="become"):
        transaction.apply(top, {top / "manage.py": b"2"}, succeed)


def test_there_is_nothing_to_recover_in_a_quiet_checkout(top: Path, snapshot: Snap) -> None:
    before = snapshot(top)
    assert not transaction.recover(top)
    assert transaction.pending(top) == {}
    assert snapshot(top) == before


# A run that is killed


def killed_at(point: int, top: Path, action: Callable[[], object]) -> bool:
    """Runs *action* in a child that is killed before its n-th operation below *top*.

    Returns:
        whether it was killed: False says that it had come to its end.
    """
    child = os.fork()
    if child == 0:
        try:
            _run_until(point, top, action)
        finally:
            os._exit(1)
    _child, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, KILLED)
    return os.waitstatus_to_exitcode(status) == KILLED


def _run_until(point: int, top: Path, action: Callable[[], object]) -> None:
    left = point

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        path = arguments[0] if arguments else None
        if event not in OPERATIONS or (event == "open" and not arguments[2] & WRITING):
            return
        # What is named by a descriptor, or relative to one, is of ours too.
        if isinstance(path, int) or not os.path.isabs(path) or Path(path).is_relative_to(top):
            if left == 0:
                os._exit(KILLED)
            left -= 1

    sys.addaudithook(watch)
    action()
    os._exit(0)


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves time: what survives a dead process need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture
def again(top: Path, tmp_path: Path) -> Callable[[], None]:
    """Makes the checkout once more as it was when the fixture was made."""
    spare = tmp_path / "spare"
    shutil.copytree(top, spare, symlinks=True)

    def restore() -> None:
        shutil.rmtree(top)
        shutil.copytree(spare, top, symlinks=True)

    return restore


@pytest.mark.usefixtures("no_sync")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_killed_run_is_undone_or_done(
    top: Path,
    changes: dict[Path, bytes | None],
    snapshot: Snap,
    again: Callable[[], None],
) -> None:
    contents = {path: path.read_bytes() if path.exists() else None for path in changes}
    old = without_bytecode(snapshot(top))
    transaction.apply(top, changes, succeed)
    new = without_bytecode(snapshot(top))
    again()
    ends = []
    for point in itertools.count():
        if not killed_at(point, top, lambda: transaction.apply(top, changes, succeed)):
            break
        # Also a secret that is half written is nobody else's to read.
        for left in top.glob("shop/.*.celeriac-new"):
            secret = left.read_bytes() in (b"", b"KEY=2")
            assert not (secret and left.read_bytes()) or left.stat().st_mode & 0o077 == 0
        pending = transaction.pending(top)
        undone = transaction.recover(top)
        after = without_bytecode(snapshot(top))
        if undone:
            assert pending == contents
            assert after == old
        else:
            assert pending == {}
            assert after in (old, new)
        ends.append("undone" if undone else "not begun" if after == old else "done")
        assert not transaction.recover(top)
        again()
    print(f"killed at {len(ends)} points")
    assert ends == sorted(ends, key=["not begun", "undone", "done"].index)
    assert all(ends.count(end) > 1 for end in ("not begun", "undone", "done"))


@pytest.mark.usefixtures("no_sync")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_an_undoing_that_is_killed_goes_on_later(
    top: Path, changes: dict[Path, bytes | None], snapshot: Snap, tmp_path: Path
) -> None:
    old = without_bytecode(snapshot(top))
    assert killed_at(10_000, top, lambda: transaction.apply(top, changes, lambda: os._exit(KILLED)))
    spare = tmp_path / "half"
    shutil.copytree(top, spare, symlinks=True)
    assert without_bytecode(snapshot(top)) != old
    for point in itertools.count():
        if not killed_at(point, top, lambda: transaction.recover(top)):
            break
        transaction.recover(top)
        assert without_bytecode(snapshot(top)) == old
        shutil.rmtree(top)
        shutil.copytree(spare, top, symlinks=True)
    print(f"killed at {point} points")
    assert point > len(changes)
    assert without_bytecode(snapshot(top)) == old


# Two runs at once


def test_two_runs_at_once_are_refused(top: Path) -> None:
    with (
        transaction.locked(top),
        pytest.raises(transaction.TransactionError, match="another run is changing"),
        transaction.locked(top),
    ):
        pytest.fail("both runs hold the checkout")
    with transaction.locked(top):
        pass


def test_a_killed_run_holds_no_lock(top: Path) -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom pathlib import Path\n"
            "from ansible_collections.celeriac.django.plugins.module_utils._checkout import transaction\n"
            "with transaction.locked(Path(sys.argv[1])):\n    print(flush=True)\n    input()",
            str(top),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout
    child.stdout.readline()
    with pytest.raises(transaction.TransactionError), transaction.locked(top):
        pytest.fail("both runs hold the checkout")
    child.kill()
    child.communicate()
    with transaction.locked(top):
        pass
