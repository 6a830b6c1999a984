# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers and beat tell systemd what they do, and nobody where there is no systemd."""

from __future__ import annotations

import io
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .conftest import Load


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """The socket that systemd listens on."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.settimeout(0.1)
    listener.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return listener


def test_systemd_is_told(load: Load, systemd: socket.socket) -> None:
    load("sd_notify").notify("READY=1")
    assert systemd.recv(100) == b"READY=1"


def test_an_abstract_socket_begins_with_an_at(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"celeriac-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        load("sd_notify").notify("STOPPING=1")
        assert listener.recv(100) == b"STOPPING=1"


def test_without_systemd_nobody_is_told(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    load("sd_notify").notify("READY=1")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        # Of a process that started this one.
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
    ],
)
def test_the_watchdog_is_of_this_process(
    environment: dict[str, str], seconds: float, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load("sd_notify").watchdog_seconds() == seconds


@pytest.mark.parametrize("canary", ["shop-canary", ""])
def test_the_canary_that_the_unit_names_is_due_at_once(
    canary: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_CANARY", canary)
    now = datetime(2026, 1, 2, 3, 4, 5)
    schedule = {name: SimpleNamespace(last_run_at=now) for name in ("shop-canary", "nightly")}
    load("")._canary_first(SimpleNamespace(scheduler=SimpleNamespace(schedule=schedule)))
    assert schedule["nightly"].last_run_at == now
    assert schedule["shop-canary"].last_run_at == (now - timedelta(days=1) if canary else now)


def test_a_second_beat_ends_and_names_the_unit_to_stop(
    load: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    single_beat = load("single_beat")
    monkeypatch.setattr(single_beat, "others", lambda _app: ["celerybeat@other"])
    monkeypatch.delenv("CELERY_ONE_BEAT", raising=False)
    single_beat.refuse_second(None)
    monkeypatch.setenv("CELERY_ONE_BEAT", "shop-beat.service")
    with pytest.raises(SystemExit) as ended, caplog.at_level(logging.CRITICAL):
        single_beat.refuse_second(None)
    assert ended.value.code == 78
    assert "celerybeat@other" in caplog.text
    assert "systemctl disable --now shop-beat.service" in caplog.text


def worker(connection: object) -> Any:
    """A worker with this connection."""
    return SimpleNamespace(consumer=SimpleNamespace(connection=connection))


def test_a_worker_whose_loop_stands_still_is_dead_unless_the_broker_is_away(load: Load) -> None:
    watchdog = load("watchdog")
    pulse = watchdog.WorkerPulse(60, worker(object()))
    assert pulse.alive()
    pulse.last_tick -= 50
    assert not pulse.alive()
    pulse.worker.consumer.connection = None
    assert pulse.alive()
    pulse.worker.consumer.connection = object()
    pulse.tick()
    assert pulse.alive()


def test_a_beat_lives_while_it_starts_ticks_or_is_blocked(load: Load) -> None:
    app = SimpleNamespace(
        conf=SimpleNamespace(broker_transport_options={"confirm_publish": True}),
        connection_for_write=lambda: SimpleNamespace(transport=SimpleNamespace(driver_type="amqp")),
    )
    service = SimpleNamespace(app=app, scheduler=SimpleNamespace(max_interval=5), _last_tick=None)
    pulse = load("watchdog").BeatPulse(60, service)
    assert pulse.alive()
    service._last_tick = time.monotonic()
    assert pulse.alive()
    service._last_tick -= 51
    assert not pulse.alive()
    app.conf.broker_transport_options["on_blocked"]("low on memory")
    assert pulse.alive()


def test_a_traceback_is_one_entry_of_the_journal_with_the_task(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = load("journal")
    task = SimpleNamespace(name="orders.send", request=SimpleNamespace(id="1-2"))
    monkeypatch.setattr(journal, "get_current_task", lambda: task)
    record = logging.LogRecord("orders", logging.ERROR, "a.py", 1, "no", None, None)
    entry = journal._journal_entry(record, "no\nTraceback")
    fields, _message, value = entry.partition(b"MESSAGE\n")
    assert fields.decode().splitlines() == [
        "PRIORITY=3",
        "SYSLOG_IDENTIFIER=celery",
        "LOGGER=orders",
        "CELERY_TASK_ID=1-2",
        "CELERY_TASK_NAME=orders.send",
    ]
    assert value == len(b"no\nTraceback").to_bytes(8, "little") + b"no\nTraceback\n"


@pytest.fixture
def logged(load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Logs as Celery does, and returns what the journal gets."""
    journal = load("journal")
    taken: list[str] = []
    monkeypatch.setattr(journal, "_journal_entry", lambda _record, text: taken.append(text) or b"")
    monkeypatch.setattr(journal, "_SOCKET", "/run/nobody")
    console = logging.StreamHandler(io.StringIO())
    logger = logging.getLogger("celery.app.trace")

    def log(level: int, message: str, *arguments: Any, head: str = journal._HEAD) -> list[str]:
        console.setFormatter(journal.ColorFormatter(f"{head}%(message)s", use_color=False))
        handler = journal.JournalHandler(console)
        monkeypatch.setattr(handler, "sender", SimpleNamespace(sendall=lambda _entry: None))
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "propagate", False)
        monkeypatch.setattr(logger, "level", level)
        logger._cache.clear()
        taken.clear()
        logger.info(message, *arguments)
        return list(taken)

    yield log
    logger._cache.clear()


DONE = "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s"


def test_the_journal_gets_no_time_twice_and_seconds_that_one_can_read(logged: Any) -> None:
    done = {"name": "news.count", "id": "1-2", "runtime": 0.0029372629996942123, "return_value": "3"}
    assert logged(logging.INFO, DONE, done) == ["Task news.count[1-2] succeeded in 0.003s: 3"]
    assert logged(logging.INFO, "Connected to %s", "redis://x") == ["Connected to redis://x"]


def test_a_format_of_the_projects_own_stays(logged: Any) -> None:
    assert logged(logging.INFO, "ready", head="mine ") == ["mine ready"]


@pytest.mark.parametrize(
    ("message", "about"),
    [
        (DONE, {"name": "celery_ops.tasks.canary", "id": "1", "runtime": 0.1, "return_value": ""}),
        (DONE, {"name": "shop.celery_ops.tasks.canary", "id": "1", "runtime": 0.1, "return_value": ""}),
        ("Scheduler: Sending due task %s (%s)", ("shop-canary", "shop.celery_ops.tasks.canary")),
    ],
)
def test_canaries_are_for_who_looks_closely(logged: Any, message: str, about: Any) -> None:
    arguments = about if isinstance(about, tuple) else (about,)
    assert logged(logging.INFO, message, *arguments) == []
    assert len(logged(logging.DEBUG, message, *arguments)) == 1


def test_another_task_is_no_canary(logged: Any) -> None:
    done = {"name": "shop.my_celery_ops.tasks.canary", "id": "1", "runtime": 0.1, "return_value": ""}
    assert len(logged(logging.INFO, DONE, done)) == 1


@pytest.mark.parametrize(("asked", "kept"), [("1", True), ("", False)])
def test_connections_are_kept_where_the_unit_says_so(
    asked: str, kept: bool, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_KEEP_CONNECTIONS", asked)
    defaults: dict[str, int] = {}
    app = SimpleNamespace(add_defaults=defaults.update, steps={"worker": set()})
    connections = load("database_connections")
    connections.keep(app)
    assert ("CELERY_DB_REUSE_MAX" in defaults, app.steps["worker"] == {connections.MainProcess}) == (
        kept,
        kept,
    )


def test_transports_of_the_projects_own_stay(load: Load) -> None:
    service = load("")
    aliases = service.TRANSPORT_ALIASES
    aliases.update(
        amqp="kombu.transport.pyamqp:Transport",
        redis="kombu.transport.redis:Transport",
        sqs="shop.sqs:Transport",
    )
    service.use_transports()
    assert aliases == {
        "amqp": "celeriac_service.rabbitmq:Transport",
        "redis": "celeriac_service.redis_transport:Transport",
        "sqs": "shop.sqs:Transport",
    }
