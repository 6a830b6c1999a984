# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that says READY has read from its broker; one that may not says why, and ends."""

from __future__ import annotations

# pylint: disable=used-before-assignment # it does not see what one item of a `with` gives the next
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import ROOT, redis_server, wait_for
from .layouts.virtualenvs import environment, virtualenv

APP = """
import os

from celery import Celery

app = Celery("reads", broker=os.environ["BROKER"])
app.conf.broker_transport_options = {"global_keyprefix": "shop:"}
app.conf.task_default_queue = "orders"
if os.environ["BROKER"].startswith("filesystem:"):
    folder = os.environ["FOLDER"]
    app.conf.broker_transport_options = {
        "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder, "polling_interval": 0.1
    }


@app.task(name="reads.note")
def note(name):
    open(os.path.join(os.environ["NOTES"], name), "w").close()
"""
ALL = "~* &* +@all"
POOLS = ("prefork", "threads", "solo")


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of a virtualenv with Celery and a client of Redis."""
    return virtualenv(
        "5.2", Path(shutil.which("python3.11") or sys.executable), ("celery[redis]>=5.7,<6", "hiredis>=3")
    )


class Worker:
    """A worker that the launcher of the units has started, seen from where systemd would be."""

    def __init__(self, python: Path, folder: Path, broker: str, pool: str) -> None:
        self.folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(0.1)
        self._log = (folder / "log").open("wb")
        self.environment = {
            "PATH": os.defpath,
            "BROKER": broker,
            "FOLDER": str(folder / "messages"),
            "NOTES": str(folder),
            "NOTIFY_SOCKET": str(folder / "notify"),
        }
        self.process = subprocess.Popen(
            [
                str(python),
                str(ROOT / "runtime/launch.py"),
                *("-A", "reads", "worker", f"--pool={pool}", "--concurrency=1", "--loglevel=INFO"),
            ],
            cwd=folder,
            env=self.environment,
            stdout=self._log,
            stderr=self._log,
        )

    def told(self, patience: float) -> str:
        """Return what it tells systemd next, empty where it says nothing in time or ends."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                return self._socket.recv(4096).decode()
            if self.process.poll() is not None:
                break
        return ""

    def said(self) -> str:
        """Return its log."""
        return (self.folder / "log").read_text()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._socket.close()
        self._log.close()


@contextlib.contextmanager
def worker(python: Path, folder: Path, broker: str, pool: str = "prefork") -> Iterator[Worker]:
    """A worker for the time of the context."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "reads.py").write_text(APP)
    (folder / "messages").mkdir(exist_ok=True)
    found = Worker(python, folder, broker, pool)
    try:
        yield found
    finally:
        found.close()


def _with_user(url: str, rights: str) -> str:
    """Give a server the user `shop` with some rights, and return its URL for him."""
    port = url.rpartition(":")[2]
    command = ["redis-cli", "-p", port, "acl", "setuser", "shop", "reset", "on", ">pw", *rights.split()]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "OK"
    return url.replace("://", "://shop:pw@") + "/0"


@pytest.mark.parametrize("pool", POOLS)
def test_who_may_do_everything_is_ready_and_takes_tasks(pool: str, python: Path, tmp_path: Path) -> None:
    with redis_server() as (url, _server), worker(python, tmp_path, _with_user(url, ALL), pool) as found:
        assert found.told(60) == "READY=1\nSTATUS=Consuming", found.said()
        call = [str(python), "-m", "celery", "-A", "reads", "call", "reads.note", '--args=["done"]']
        subprocess.run(call, cwd=tmp_path, env=found.environment, check=True, capture_output=True)
        wait_for((tmp_path / "done").exists, 30)


#: What is taken from the user, and the word that names it.
LACKING = {
    "the command that fetches": ("~* &* +@all -brpop", "brpop"),
    "the keys": ("~other:* &* +@all", "keys"),
    "the channels": ("~* resetchannels +@all", "channel"),
    "the command that listens": ("~* &* +@all -psubscribe", "psubscribe"),
    "what an index needs": ("~* &* +@all -sadd", "can't run this command"),
}


@pytest.mark.parametrize("case", LACKING)
def test_who_may_not_read_is_never_ready_and_says_what_is_missing(
    case: str, python: Path, tmp_path: Path
) -> None:
    rights, word = LACKING[case]
    with redis_server() as (url, _server), worker(python, tmp_path, _with_user(url, rights)) as found:
        assert found.told(60) == "", found.said()
        assert found.process.wait(30) != 0
        last = [line for line in found.said().splitlines() if "DeniedError" in line]
        assert last, found.said()
        assert word in last[-1].lower()
        assert "shop:**@127.0.0.1" in last[-1]
        assert "Give the user that right" in last[-1]


@pytest.mark.parametrize("pool", POOLS[1:])
def test_without_an_event_loop_it_is_the_same(pool: str, python: Path, tmp_path: Path) -> None:
    with (
        redis_server() as (url, _server),
        worker(python, tmp_path, _with_user(url, "~* &* +@all -brpop"), pool) as found,
    ):
        assert found.told(60) == "", found.said()
        assert found.process.wait(30) != 0
        assert "no permissions to run the 'brpop' command" in found.said()


def test_a_wrong_password_is_no_lost_connection(python: Path, tmp_path: Path) -> None:
    with redis_server() as (url, _server):
        broker = _with_user(url, ALL).replace(":pw@", ":another@")
        with worker(python, tmp_path, broker) as found:
            assert found.told(60) == "", found.said()
            assert found.process.wait(30) != 0
            assert "correct name and password in the URL" in found.said()


def test_a_broker_that_is_away_is_waited_for(python: Path, tmp_path: Path) -> None:
    with redis_server() as (url, server):
        port = int(url.rpartition(":")[2])
        server.kill()
        server.wait()
        with worker(python, tmp_path, f"{url}/0") as found:
            wait_for(lambda: "Cannot connect" in found.said(), 60)
            assert found.told(0.5) == ""
            with redis_server(port):
                assert found.told(60).startswith("READY=1"), found.said()


def test_a_right_that_is_lost_later_ends_nothing(python: Path, tmp_path: Path) -> None:
    """What has worked was configured right: it goes on when the right is back."""
    with redis_server() as (url, _server), worker(python, tmp_path, _with_user(url, ALL)) as found:
        assert found.told(60).startswith("READY=1"), found.said()
        _with_user(url, "~* &* +@all -brpop")
        wait_for(lambda: "no permissions to run the 'brpop' command" in found.said(), 30)
        broker = _with_user(url, ALL)
        call = [str(python), "-m", "celery", "-A", "reads", "call", "reads.note", '--args=["again"]']
        environment = {**found.environment, "BROKER": broker}
        subprocess.run(call, cwd=tmp_path, env=environment, check=True, capture_output=True)
        wait_for((tmp_path / "again").exists, 60)
        assert found.process.poll() is None


#: What projects with an app of their own have: before 5.5, Celery lacks modules that ours builds on.
OLDER = {
    "5.2": ("celery[redis]==5.2.7", "kombu<5.3", "setuptools<80"),
    "5.4": ("celery[redis]==5.4.0", "kombu<5.5"),
}


@pytest.mark.parametrize("version", OLDER)
def test_an_older_celery_gets_ready_and_ends_where_it_may_not_read(version: str, tmp_path: Path) -> None:
    oldest = Path(shutil.which("python3.11") or sys.executable)
    python = environment(f"celery-{version}", oldest, OLDER[version])
    for rights, word in ((ALL, "READY=1"), ("~* &* +@all -brpop", "")):
        folder = tmp_path / (word or "denied")
        with redis_server() as (url, _server), worker(python, folder, _with_user(url, rights)) as found:
            assert found.told(60).startswith(word), found.said()
            if not word:
                found.process.wait(30)  # 5.2 says 0 here; systemd asks whether it was ready
                assert "no permissions to run the 'brpop' command" in found.said()


@pytest.mark.parametrize("pool", POOLS)
def test_a_folder_was_looked_into(pool: str, python: Path, tmp_path: Path) -> None:
    with worker(python, tmp_path, "filesystem://", pool) as found:
        assert found.told(60).startswith("READY=1"), found.said()
        # Said once: who listens no longer must not be waited for.
        assert found.told(3) == ""
        call = [str(python), "-m", "celery", "-A", "reads", "call", "reads.note", '--args=["done"]']
        subprocess.run(call, cwd=tmp_path, env=found.environment, check=True, capture_output=True)
        wait_for((tmp_path / "done").exists, 30)


def test_a_folder_that_cannot_be_read_is_never_ready(python: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("messages").write_text("no folder")
    (tmp_path / "reads.py").write_text(APP)
    found = Worker(python, tmp_path, "filesystem://", "solo")
    try:
        assert found.told(8) == "", found.said()
    finally:
        found.close()
