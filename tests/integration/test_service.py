# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that answers but consumes nothing is found; one that is busy, full or cut off is left alone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, redis_server, wait_for
from .layouts.virtualenvs import virtualenv

LETTERS = Path(__file__).with_name("service") / "self_check.py"
LOSS = Path(__file__).with_name("service") / "loss.py"
REFUSAL = Path(__file__).with_name("service") / "refusal.py"
OUTAGE = Path(__file__).with_name("service") / "outage.py"
ALARM = Path(__file__).with_name("service") / "alarm.py"
DELAYED = Path(__file__).with_name("service") / "delayed.py"
CLIENTS = Path(__file__).with_name("service") / "clients.py"
FORKED = Path(__file__).with_name("service") / "forked.py"
#: Seconds that the task of outage.py may take.
LIMIT = 6


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of a virtualenv with Celery and a client of Redis."""
    return virtualenv(
        "5.2", Path(shutil.which("python3.11") or sys.executable), ("celery[redis]>=5.7,<6", "hiredis>=3")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the package, as hosts have it beside the launcher."""
    shutil.copytree(ROOT / "runtime/celeriac_service", tmp_path / "celeriac_service")
    shutil.copy(ROOT / "templates/project/package/celery_ops/rabbitmq.py", tmp_path / "celeriac_service")
    return tmp_path


#: The case, and when the pulse is told that nothing is consumed; None: never.
CASES = {
    "heard": None,
    "busy": None,
    "full": None,
    "stopping": None,
    "away": None,
    "hung": None,
    "asleep": None,
    "deaf": 5,
    "heard again": 5,
}


@pytest.mark.parametrize("case", CASES)
def test_letters(case: str, python: Path, folder: Path, redis: str) -> None:
    done = subprocess.run(
        [str(python), str(LETTERS), str(folder), f"{redis}/0", case],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    silent = CASES[case]
    if silent is None:
        assert all(answers), answers
        return
    assert all(answers[:silent]), answers
    # More than 60 s without a letter, and asked more than four times.
    assert answers[silent] is False, answers
    assert answers[-1] is (case == "heard again"), answers


@pytest.mark.parametrize(
    ("consumer", "outlives"), [("celeriac_service.consumer", True), ("celery.worker.consumer", False)]
)
def test_a_worker_outlives_its_broker(consumer: str, outlives: bool, python: Path, folder: Path) -> None:
    """With Celery's own consumer it ends: once it does not, ours is not needed any more."""
    with redis_server() as (url, server):
        done = subprocess.run(
            [str(python), str(LOSS), str(folder), f"{url}/0", consumer, str(server.pid)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode == 0) == outlives, done.stderr
    assert outlives or "'NoneType' object has no attribute 'hostname'" in done.stderr


@pytest.mark.parametrize(
    ("case", "goes_on"), [("starting", False), ("asked", True), ("running", True), ("connecting", True)]
)
def test_a_refusal_ends_only_what_has_never_worked(
    case: str, goes_on: bool, python: Path, folder: Path
) -> None:
    """A broker without a leader refuses queues for a while; a wrong configuration has to be seen."""
    done = subprocess.run(
        [str(python), str(REFUSAL)],
        env={"PATH": os.defpath, "FOLDER": str(folder), "CASE": case},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("goes on" in done.stderr) == goes_on, done.stderr
    assert ("Unrecoverable error: ChannelError" in done.stderr) != goes_on, done.stderr


@pytest.mark.parametrize(("consumer", "late"), [("ours", False), ("celery", True)])
def test_what_was_done_in_time_is_not_late(consumer: str, late: bool, python: Path, folder: Path) -> None:
    """A task ends while the broker is away, for longer than the task may take.

    Celery's own consumer finds that out of time before it takes the result: once it does not, ours need not.
    """
    (folder / "results").mkdir()
    log = (folder / "log").open("wb")
    environment = {
        "PATH": os.defpath,
        "FOLDER": str(folder),
        "CONSUMER": consumer,
        "PYTHONPATH": str(OUTAGE.parent),
    }
    celery = [str(python), "-m", "celery", "-A", "outage"]
    with contextlib.ExitStack() as stack:
        url, server = stack.enter_context(redis_server())
        environment["BROKER"] = f"{url}/0"
        subprocess.run([*celery, "call", "outage.work"], env=environment, capture_output=True, check=True)
        options = ["--concurrency=1", f"--time-limit={LIMIT}", "--loglevel=INFO"]
        worker = subprocess.Popen([*celery, "worker", *options], env=environment, stdout=log, stderr=log)
        stack.callback(worker.wait, 60)
        stack.callback(worker.terminate)
        wait_for((folder / "begun").exists, 60)
        begun = time.monotonic()
        server.kill()
        server.wait()
        (folder / "end").touch()
        wait_for((folder / "ended").exists, LIMIT)
        wait_for(lambda: time.monotonic() > begun + LIMIT + 1, LIMIT + 5)
        stack.enter_context(redis_server(int(url.rpartition(":")[2])))
        connected = "Connected to redis"
        wait_for(lambda: (folder / "log").read_text().count(connected) == 2, 60)
        # A second task comes after whatever the worker has found out about the first one.
        again = subprocess.run(
            [*celery, "call", "outage.work"], env=environment, capture_output=True, text=True, check=True
        )
        wait_for((folder / "results" / f"celery-task-meta-{again.stdout.strip()}").exists, 30)
    said = (folder / "log").read_text()
    assert ("Hard time limit" in said) == late, said


@pytest.mark.parametrize(("service", "few"), [("ours", True), ("none", False)])
def test_messages_share_a_client(service: str, few: bool, python: Path, folder: Path) -> None:
    """Until Redis is lost: then another one takes over.

    kombu makes two for each message: once it does not, ours is not needed.
    """
    environment = {
        "PATH": os.defpath,
        "FOLDER": str(folder),
        "SERVICE": service,
        "PYTHONPATH": str(CLIENTS.parent),
    }
    celery = [str(python), "-m", "celery", "-A", "clients"]

    def clients(name: str) -> int:
        """Return how many there are when a task is done."""
        call = [*celery, "call", "clients.note", f"--args={json.dumps([name])}"]
        subprocess.run(call, env=environment, capture_output=True, check=True)
        wait_for((folder / name).exists, 60)
        return int((folder / name).read_text())

    log = (folder / "log").open("wb")
    with contextlib.ExitStack() as stack:
        url, server = stack.enter_context(redis_server())
        environment["BROKER"] = f"{url}/0"
        worker = subprocess.Popen(
            [*celery, "worker", "--pool=solo", "--loglevel=INFO"], env=environment, stdout=log, stderr=log
        )
        stack.callback(worker.wait, 60)
        stack.callback(worker.terminate)
        first = clients("first")
        more = [clients(f"more-{number}") for number in range(5)]
        assert (more == [first] * 5) == few, (first, more)
        assert few or more[-1] - first >= 10
        server.kill()
        server.wait()
        stack.enter_context(redis_server(int(url.rpartition(":")[2])))
        lost = clients("lost")
        assert lost > more[-1]
        assert (clients("again") == lost) == few


def test_a_rabbitmq_without_memory_is_waited_for(python: Path, folder: Path) -> None:
    """By beat, whose sending takes as long as that; the loop of a worker goes on."""
    done = subprocess.run(
        [str(python), str(ALARM), str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["beat"] == [False, True, False]
    assert found["confirmed"] == [False, False, True]
    assert all(place.startswith("celeriac_service.") for place in found["places"]), found["places"]
    assert found["timeouts"] == [None, 4, 5, 5]


NODES = ["amqp://me:a@one:5672/shop", "amqps://me:a@two/shop", "amqp://me:a@two:5673/shop"]


@pytest.mark.parametrize(
    ("consumer", "server", "asked"),
    [
        ("celeriac_service", NODES[0], NODES[:1]),
        ("celeriac_service", NODES[1], NODES[1:2]),
        ("celeriac_service", NODES[2], NODES[1:]),  # a port that is not in the address fits any
        ("celeriac_service", "amqp://reads:a@other/shop", NODES),
        ("celery.worker", NODES[0], NODES),
    ],
)
def test_etas_are_prepared_where_the_worker_is(
    consumer: str, server: str, asked: list[str], python: Path, folder: Path
) -> None:
    """Not on nodes that are away. Celery's own goes to all: once it does not, ours is not needed."""
    done = subprocess.run(
        [str(python), str(DELAYED), str(folder), f"{consumer}.consumer", server, ";".join(NODES)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == sorted(asked)


@pytest.mark.parametrize("asked", ["1", "0"])
@pytest.mark.parametrize("limits", [["--concurrency=2"], ["--autoscale=2,2"]])
def test_what_is_loaded_crosses_a_fork_and_nothing_that_must_not(
    limits: list[str], asked: str, python: Path, folder: Path
) -> None:
    environment = {
        "PATH": os.defpath,
        "FOLDER": str(folder),
        "PYTHONPATH": str(FORKED.parent),
        "CELERY_SHARE_MEMORY": asked,
        "CELERY_KEEP_CONNECTIONS": "1",
    }
    celery = [str(python), "-m", "celery", "-A", "forked"]
    log = (folder / "log").open("wb")
    with contextlib.ExitStack() as stack:
        url, _server = stack.enter_context(redis_server())
        environment["BROKER"] = f"{url}/0"
        worker = subprocess.Popen([*celery, "worker", *limits], env=environment, stdout=log, stderr=log)
        stack.callback(worker.wait, 60)
        stack.callback(worker.terminate)
        wait_for(lambda: len(list(folder.glob("born-*"))) == 2, 60)
        wait_for(lambda: all(file.stat().st_size for file in folder.glob("born-*")), 10)
    noted = [json.loads(file.read_text()) for file in folder.glob("born-*")]
    for one in noted:
        assert (one["frozen"] > 10000) == (asked == "1"), one
        assert one["templates"] == (asked == "1"), one
        assert (one["connected"], one["files"], one["threads"]) == (False, [], 1), one
    # The same seed was set before the fork.
    assert noted[0]["random"] != noted[1]["random"]
