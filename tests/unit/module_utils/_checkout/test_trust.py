# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody put into a checkout makes nobody read or change anything outside of it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._checkout import (
    change,
    integration,
    transaction,
    tree,
)

STRANGER = 12345
RECORD = "shop/celery_ops/integration.json"
KEPT = b"127.0.0.1 localhost\n"

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

Snap = Callable[[Path], dict[str, Any]]


def nothing(_changed: list[Path]) -> None:
    """Is a proof that accepts everything."""


@pytest.fixture(
    params=["own", pytest.param("strange", marks=pytest.mark.skipif(os.geteuid() != 0, reason="-"))]
)
def whose(request: pytest.FixtureRequest) -> str:
    """Whose the checkout is: that of who runs the tests, and for root that of a stranger, too."""
    return str(request.param)


@pytest.fixture
def top(public_path: Path, write_tree: Callable[[Path, Mapping[str, bytes]], Path]) -> Path:
    """A checkout beside files that are none of its business."""
    write_tree(public_path / "etc", {"hosts": KEPT})
    return write_tree(
        public_path / "shop",
        {"shop/__init__.py": b"", "shop/settings.py": b"A = 1\n", "requirements.txt": b""},
    )


@pytest.fixture
def owned(top: Path, whose: str, give_away: Callable[[Path], Path]) -> Callable[[], Path]:
    """Gives the checkout, as it is by now, to whom it is to belong."""
    return lambda: give_away(top) if whose == "strange" else top


def run(top: Path, blocks: Mapping[str, str] | None = None, check: bool = False) -> change.Outcome:
    """Integrates a checkout: a file, and a block in each of the others."""

    def compute(read: integration.Reader) -> integration.Change:
        wanted = {name: {"lines": lines} for name, lines in (blocks or {"shop/settings.py": "B = 2"}).items()}
        return integration.integrate(top, RECORD, {"shop/celery.py": "app = 1\n"}, wanted, read)

    return change.change(top, compute, nothing, check)


def remove(top: Path) -> change.Outcome:
    """Takes the integration out."""
    return change.change(top, lambda read: integration.remove(top, RECORD, read), nothing, False)


def plant(top: Path, plan: object, mode: int = 0o700) -> None:
    """Puts a journal there, with a file in it."""
    journal = top / transaction.JOURNAL
    journal.mkdir()
    (journal / "0").write_text("* * * * * root id\n")
    (journal / "plan.json").write_text(json.dumps(plan))
    journal.chmod(mode)


def entry(place: str, **others: object) -> dict[str, object]:
    """Returns an entry of a plan."""
    return {"name": place, "place": place, "copy": "0", "temporary": ".a.celeriac-new", **others}


# A journal that somebody else wrote

PLANS = {
    "absolute": {"files": [entry("/etc/cron.d/evil")], "folders": [], "emptied": []},
    "upwards": {"files": [entry("../etc/hosts")], "folders": [], "emptied": []},
    "inside_upwards": {"files": [entry("shop/../../etc/hosts")], "folders": [], "emptied": []},
    "git": {"files": [entry(".git/hooks/post-merge")], "folders": [], "emptied": []},
    "copy": {"files": [entry("a", copy="../../etc/hosts")], "folders": [], "emptied": []},
    "temporary": {"files": [entry("a", temporary="../etc/hosts")], "folders": [], "emptied": []},
    "folders": {"files": [], "folders": ["../etc"], "emptied": []},
    "emptied": {"files": [], "folders": [], "emptied": ["/etc"]},
    "owners": {"files": [entry("a", mode=0o4755, uid=0, gid=0)], "folders": [], "emptied": []},
    "older": {"files": [], "folders": [], "emptied": {"/etc": [511, STRANGER, STRANGER]}, "x": 1},
    "no_plan": [1],
    "no_name": {"files": [entry(7)], "folders": [], "emptied": []},  # type: ignore[arg-type]
}


@pytest.mark.parametrize("kind", PLANS)
@pytest.mark.parametrize("check", [False, True])
def test_a_plan_that_leads_elsewhere_is_refused(
    kind: str, check: bool, top: Path, owned: Callable[[], Path], snapshot: Snap
) -> None:
    plant(top, PLANS[kind])
    owned()
    before = snapshot(top.parent)
    with pytest.raises(change.CheckoutError, match=r"\.celeriac-transaction is not what an interrupted run"):
        run(top, check=check)
    assert snapshot(top.parent) == before


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o770])
def test_a_journal_that_could_be_of_a_commit_is_refused(
    mode: int, top: Path, owned: Callable[[], Path], snapshot: Snap
) -> None:
    plant(top, {"files": [entry("shop/settings.py")], "folders": [], "emptied": []}, mode)
    owned()
    before = snapshot(top)
    with pytest.raises(change.CheckoutError, match="delete it"):
        run(top)
    assert snapshot(top) == before


def test_a_journal_that_is_a_link_is_refused(top: Path, owned: Callable[[], Path], snapshot: Snap) -> None:
    (top / transaction.JOURNAL).symlink_to(top.parent / "etc")
    owned()
    before = snapshot(top.parent)
    with pytest.raises(change.CheckoutError, match=r"\.celeriac-transaction"):
        run(top)
    assert snapshot(top.parent) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that are others'")
def test_a_journal_of_somebody_else_is_refused(top: Path) -> None:
    plant(top, {"files": [entry("shop/settings.py")], "folders": [], "emptied": []})
    os.chown(top / transaction.JOURNAL, STRANGER, STRANGER)
    with pytest.raises(change.CheckoutError, match="delete it"):
        run(top)
    assert (top / "shop/settings.py").read_bytes() == b"A = 1\n"


def test_a_copy_that_is_a_link_is_put_back_as_a_link_and_read_by_nobody(
    top: Path, owned: Callable[[], Path]
) -> None:
    plant(top, {"files": [entry("shop/settings.py")], "folders": [], "emptied": []})
    (top / transaction.JOURNAL / "0").unlink()
    (top / transaction.JOURNAL / "0").symlink_to(top.parent / "etc/hosts")
    owned()
    with pytest.raises(change.CheckoutError, match="leads out of the checkout"):
        run(top)
    assert (top.parent / "etc/hosts").read_bytes() == KEPT


# A record that somebody else wrote


@pytest.mark.parametrize(
    "name", ["../etc/hosts", "shop/../../etc/hosts", "/etc/hosts", "", ".", "a//b", ".git/config", "a\0b"]
)
@pytest.mark.parametrize("kind", ["made", "edited"])
def test_a_record_names_files_of_the_checkout(
    kind: str, name: str, top: Path, owned: Callable[[], Path], snapshot: Snap
) -> None:
    known: object = hashlib.sha256(KEPT).hexdigest() if kind == "made" else {"lines": "127.0.0.1 localhost"}
    (top / RECORD).parent.mkdir()
    (top / RECORD).write_text(json.dumps({"made": {}, "edited": {}, kind: {name: known}}))
    owned()
    before = snapshot(top.parent)
    for attempt in (run, remove):
        with pytest.raises(change.CheckoutError, match="damaged"):
            attempt(top)
    assert snapshot(top.parent) == before


@pytest.mark.parametrize(
    "record",
    [
        {"made": {"a": 1}, "edited": {}},
        {"made": {}, "edited": {"a": "b"}},
        {"made": {}, "edited": {"a": {"lines": 1}}},
        {"made": {}, "edited": {"a": {"blank_lines": "x"}}},
        {"made": {}, "edited": {}, "name": "{{ a }}"},
        {"made": {}, "edited": {}, "name": "../a"},
    ],
)
def test_a_record_of_another_form_is_damaged(record: object) -> None:
    with pytest.raises(integration.IntegrationError, match="damaged"):
        integration.Record.parse(json.dumps(record).encode())


# Links


@pytest.mark.parametrize("name", ["shop/settings.py", "requirements.txt", RECORD, "shop/celery.py", "shop"])
@pytest.mark.parametrize("absolute", [False, True])
def test_a_link_that_leads_out_is_named(
    name: str, absolute: bool, top: Path, owned: Callable[[], Path], snapshot: Snap
) -> None:
    target = top.parent / "etc" if name == "shop" else top.parent / "etc/hosts"
    if name == "shop":
        (top / "shop").rename(top / "other")
    (top / name).parent.mkdir(exist_ok=True)
    (top / name).unlink(missing_ok=True)
    to = str(target) if absolute else os.path.relpath(target, (top / name).parent)
    (top / name).symlink_to(to)
    owned()
    before = snapshot(top.parent)
    with pytest.raises(change.CheckoutError, match="leads out of the checkout") as caught:
        run(top, {"shop/settings.py": "B = 2", "requirements.txt": "celery"})
    assert str(top / name) in str(caught.value)
    assert str(top.parent / "etc") in str(caught.value)
    assert snapshot(top.parent) == before


def test_a_link_into_the_folder_of_git_is_refused(top: Path, owned: Callable[[], Path]) -> None:
    (top / ".git").mkdir()
    (top / ".git/config").write_bytes(b"A = 1\n")
    (top / "requirements.txt").unlink()
    (top / "requirements.txt").symlink_to(".git/config")
    owned()
    with pytest.raises(change.CheckoutError, match=r"in the folder of git"):
        run(top, {"requirements.txt": "celery"})


@pytest.mark.parametrize("way", ["plain", "current"])
def test_links_in_the_checkout_go_on_working(
    way: str, top: Path, owned: Callable[[], Path], snapshot: Snap
) -> None:
    """Settings as a link to another file of the checkout, and the checkout as a link to a release."""
    (top / "deploy").mkdir()
    (top / "shop/settings.py").rename(top / "deploy/live.py")
    (top / "shop/settings.py").symlink_to("../deploy/live.py")
    (top.parent / "current").symlink_to("shop")
    owned()
    path = top.parent / "current" if way == "current" else top
    before = snapshot(top)
    assert run(path).files == ["shop/celery.py", RECORD, "shop/settings.py"]
    assert os.readlink(top / "shop/settings.py") == "../deploy/live.py"
    assert b"B = 2" in (top / "deploy/live.py").read_bytes()
    assert {path.lstat().st_uid for path in top.rglob("*")} == {top.stat().st_uid}
    assert not run(path).files
    remove(path)
    assert snapshot(top) == before


def test_a_link_that_comes_after_the_reading_is_not_followed(top: Path, snapshot: Snap) -> None:
    """In a checkout of one's own: between its reading and its writing, a file becomes a link."""
    evil = top.parent / "etc/evil"

    def compute(read: integration.Reader) -> integration.Change:
        found = integration.integrate(top, RECORD, {}, {"requirements.txt": {"lines": "celery"}}, read)
        (top / "requirements.txt").unlink()
        (top / "requirements.txt").symlink_to(evil)
        return found

    with pytest.raises(change.CheckoutError, match="leads out of the checkout"):
        change.change(top, compute, nothing, False)
    assert not evil.exists()


def test_a_folder_that_becomes_a_link_is_not_entered(top: Path) -> None:
    """Its place is found, and only then exchanged."""
    (top.parent / "elsewhere").mkdir()
    with tree.Tree(top) as files:
        place = files.place(top / "shop/new.py")
        (top / "shop").rename(top / "old")
        (top / "shop").symlink_to(top.parent / "elsewhere")
        with pytest.raises(OSError, match=r"shop/new\.py"), files.parent(place, make=True):
            pytest.fail("the link was followed")
    assert list((top.parent / "elsewhere").iterdir()) == []


def test_a_temporary_file_is_never_one_that_is_there(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name cannot be guessed, and where it is, nothing is opened."""
    monkeypatch.setattr("secrets.token_hex", lambda _length: "guessed")
    (top / "shop/.guessed.celeriac-new").symlink_to(top.parent / "etc/hosts")
    with pytest.raises(transaction.TransactionError, match="File exists"):
        transaction.apply(top, {top / "shop/settings.py": b"A = 2\n"}, lambda: None)
    assert (top.parent / "etc/hosts").read_bytes() == KEPT
    assert (top / "shop/settings.py").read_bytes() == b"A = 1\n"


def test_a_pipe_is_not_waited_for(top: Path, owned: Callable[[], Path]) -> None:
    (top / "requirements.txt").unlink()
    os.mkfifo(top / "requirements.txt")
    owned()
    with pytest.raises(change.CheckoutError, match=r"requirements\.txt: is no regular file"):
        run(top, {"requirements.txt": "celery"})


# Owners and modes


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that are others'")
def test_what_is_roots_in_a_strangers_checkout_is_not_read_or_changed(
    top: Path, give_away: Callable[[Path], Path]
) -> None:
    give_away(top)
    (top / "shop/settings.py").write_bytes(b"SECRET = 1\n")
    os.chown(top / "shop/settings.py", 0, 0)
    (top / "shop/settings.py").chmod(0o600)
    with pytest.raises(change.CheckoutError, match=r"shop/settings\.py: Permission denied"):
        run(top)
    os.chown(top / "shop/settings.py", STRANGER, STRANGER)
    os.chown(top / "shop", 0, 0)
    with pytest.raises(change.CheckoutError, match=rf"Permission denied.*chown -R {STRANGER} {top}"):
        run(top)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that are others'")
def test_a_group_that_cannot_be_kept_gets_no_rights(top: Path, give_away: Callable[[Path], Path]) -> None:
    give_away(top)
    os.chown(top / "shop/settings.py", STRANGER, 0)
    (top / "shop/settings.py").chmod(0o664)
    run(top)
    status = (top / "shop/settings.py").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (STRANGER, STRANGER, 0o644)
    remove(top)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a checkout that is another user's")
def test_the_proof_runs_as_who_asks_for_it_and_a_refusal_is_undone(
    top: Path, give_away: Callable[[Path], Path], snapshot: Snap
) -> None:
    give_away(top)
    before = snapshot(top)

    def refuse(changed: list[Path]) -> NoReturn:
        assert os.geteuid() == 0
        assert (top / "shop/celery.py") in changed
        raise change.CheckoutError("it does not work")

    def compute(read: integration.Reader) -> integration.Change:
        assert os.geteuid() == STRANGER
        return integration.integrate(top, RECORD, {"shop/celery.py": "app = 1\n"}, {}, read)

    with pytest.raises(change.CheckoutError, match="it does not work"):
        change.change(top, compute, refuse, False)
    assert snapshot(top) == before


# The lock


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a user who may not write")
def test_who_may_only_read_cannot_lock(top: Path, give_away: Callable[[Path], Path]) -> None:
    handle = os.open(top, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # as any user can
    try:
        with transaction.locked(top):
            assert stat.S_IMODE((top / transaction.LOCK).stat().st_mode) == 0o600
    finally:
        os.close(handle)


def test_who_holds_the_lock_is_told(top: Path) -> None:
    with (
        transaction.locked(top),
        pytest.raises(transaction.TransactionError, match=rf"another run .*\(process {os.getpid()}\)"),
        transaction.locked(top),
    ):
        pytest.fail("both hold it")
    assert not (top / transaction.LOCK).exists()


def test_a_lock_that_is_a_link_is_not_followed(top: Path) -> None:
    (top / transaction.LOCK).symlink_to(top.parent / "etc/hosts")
    with pytest.raises(transaction.TransactionError, match=r"\.celeriac-lock"), transaction.locked(top):
        pytest.fail("it is held")
    assert (top.parent / "etc/hosts").read_bytes() == KEPT


# Any name

PARTS = st.sampled_from(["..", ".", "", "a", "shop", ".git", ".GIT", "a\nb", "\udce9", "~", "etc"]) | st.text(
    max_size=6
)


@given(parts=st.lists(PARTS, max_size=5), absolute=st.booleans())
@example(parts=["shop", "..", "..", "etc"], absolute=False)
def test_a_name_that_is_taken_stays_below_the_checkout(parts: list[str], absolute: bool) -> None:
    name = "/" * absolute + "/".join(parts)
    try:
        taken = tree.checked_name(name)
    except tree.TreeError:
        return
    path = os.path.normpath(os.path.join("/srv/shop", taken))
    assert path.startswith("/srv/shop/")
    assert path == f"/srv/shop/{name}"
    assert "\0" not in taken
    assert ".git" not in taken.lower().split("/")


# Killed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a child that works as the owner")
def test_a_run_of_roots_that_is_killed_during_the_proof_is_undone_at_once(
    top: Path, give_away: Callable[[Path], Path], snapshot: Snap
) -> None:
    """By the child that works as the owner: it hears that nobody waits for it any more."""
    give_away(top)
    before = snapshot(top)
    ended, held_open = os.pipe()

    def compute(read: integration.Reader) -> integration.Change:
        return integration.integrate(top, RECORD, {"shop/celery.py": "app = 1\n"}, {}, read)

    def killed(_changed: list[Path]) -> None:
        assert (top / "shop/celery.py").exists()
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            change.change(top, compute, killed, False)
        os._exit(0)
    os.close(held_open)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    os.read(ended, 1)  # until the last process that holds the other end is gone
    os.close(ended)
    assert snapshot(top) == before
    assert change.change(top, compute, nothing, False).files == ["shop/celery.py", RECORD]
