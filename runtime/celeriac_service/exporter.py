# SPDX-License-Identifier: 0BSD
"""What Prometheus is told of a host: one small process, `launch.py metrics NAME ADDRESS:PORT`.

What workers and beat have counted comes from their files (counters.py), what runs from systemd. Broker and
database are asked by a thread of their own: who scrapes waits for neither.
"""

from __future__ import annotations

import glob
import importlib.util
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from .counters import BUCKETS, FOLDER
from .sd_notify import notify

logger = logging.getLogger(__name__)

#: Seconds between two looks at broker and database.
_INTERVAL = 10.0
#: A file of a worker that is older than that is one of a worker that hangs, or is gone.
_FRESH = 30.0
#: What each unit's ExecStopPost= adds a line to: how it has ended, and its name.
ENDED = "ended"
#: What systemd calls the ends of services (systemd.exec(5), SERVICE_RESULT), in people's words.
_CAUSES = {
    "success": "stopped",
    "watchdog": "watchdog",
    "timeout": "timeout",
    "oom-kill": "memory",
    **dict.fromkeys(("exit-code", "signal", "core-dump"), "crash"),
}
CAUSES = ("stopped", "crash", "watchdog", "timeout", "memory", "other")
_OUTCOMES = ("received", "succeeded", "failed", "retried", "rejected")
_NODE = re.compile(r"(?P<pool>[^@]+)\.(?P<generation>\w+)@")
#: Rows of a table are counted up to here; above, PostgreSQL's own estimate will do.
_COUNTED = 10_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


def pool_of(node: str) -> str:
    """Return the pool of a worker, by its node's name."""
    found = _NODE.match(node)
    return found["pool"] if found else node.partition("@")[0]


@dataclass
class Totals:
    """The counts of one task in one pool, of all workers since this process began."""

    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_OUTCOMES, 0))
    runtime: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    waited: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    sums: dict[str, float] = field(default_factory=lambda: {"runtime": 0.0, "waited": 0.0})

    def add(self, counts: Mapping[str, Any]) -> None:
        """Add what a worker has counted."""
        for name in _OUTCOMES:
            self.outcomes[name] += counts[name]
        for name in ("runtime", "waited"):
            own: list[int] = getattr(self, name)
            for place, number in enumerate(counts[name]["counts"]):
                own[place] += number
            self.sums[name] += counts[name]["sum"]


def cumulative(counts: list[int]) -> list[tuple[str, float]]:
    """Return the buckets of a histogram as Prometheus has them: each with all that is below."""
    total, found = 0, []
    for bound, number in zip([*map(str, BUCKETS), "+Inf"], counts, strict=True):
        total += number
        found.append((bound, float(total)))
    return found


class Files:
    """What workers and beat leave in the folder. Of a worker that is gone, the counts stay."""

    def __init__(self, folder: str) -> None:
        """Take the folder."""
        self.folder = folder
        self.gone: dict[tuple[str, str], Totals] = {}
        self.ends: dict[tuple[str, str], int] = {}

    def workers(self) -> list[dict[str, Any]]:
        """Return what the workers have written that run; what the others have counted is kept."""
        found = []
        for path in sorted(glob.glob(os.path.join(glob.escape(self.folder), "*@*.json"))):
            data = _read(path)
            if data is None:
                continue
            if _runs(data["process"]):
                found.append(data)
            else:
                _add(self.gone, data)
                os.unlink(path)
        return found

    def beat(self) -> dict[str, Any] | None:
        """Return what beat has written, if it runs."""
        data = _read(os.path.join(self.folder, "beat.json"))
        return data if data is not None and _runs(data["process"]) else None

    def totals(self, workers: list[dict[str, Any]]) -> dict[tuple[str, str], Totals]:
        """Return the counts by task and pool."""
        found: dict[tuple[str, str], Totals] = {}
        for key, kept in self.gone.items():
            found[key] = Totals(dict(kept.outcomes), list(kept.runtime), list(kept.waited), dict(kept.sums))
        for data in workers:
            _add(found, data)
        return found

    def ended(self) -> dict[tuple[str, str], int]:
        """Return how often units have ended since this process began, by unit's part and cause."""
        path = os.path.join(self.folder, ENDED)
        try:
            # Lines that come meanwhile go to a new file.
            os.replace(path, f"{path}.read")
            with open(f"{path}.read", encoding="utf-8") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return self.ends
        for line in lines:
            result, _space, part = line.partition(" ")
            key = (part, _CAUSES.get(result, "other"))
            self.ends[key] = self.ends.get(key, 0) + 1
        return self.ends


def _add(totals: dict[tuple[str, str], Totals], data: Mapping[str, Any]) -> None:
    pool = pool_of(data["node"])
    for task, counts in data["tasks"].items():
        totals.setdefault((task, pool), Totals()).add(counts)


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
            return found
    except (FileNotFoundError, ValueError):
        return None


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def units(name: str) -> list[dict[str, str]]:
    """Return the properties of the deployment's units."""
    shown = subprocess.run(
        [
            "systemctl",
            "show",
            "--property=Id,ActiveState,MainPID,MemoryCurrent",
            *(f"{name}-{part}" for part in ("worker-*@*.service", "beat.service", "web@*.service")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    ).stdout
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n") if block
    ]
    return [block for block in blocks if block.get("ActiveState") not in (None, "inactive")]


def resident(process: int, proc: str = "/proc") -> int:
    """Return the memory of a process and all that it has started, where systemd does not count it.

    Pages that several share are counted for each of them.
    """
    parents, sizes = {}, {}
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        try:
            with open(os.path.join(proc, entry, "stat"), encoding="utf-8", errors="replace") as file:
                # After the name, which may hold anything.
                parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            with open(os.path.join(proc, entry, "statm"), encoding="utf-8") as file:
                sizes[int(entry)] = int(file.read().split()[1]) * _PAGE
        except OSError:
            continue  # it has ended meanwhile
    family, total = {process}, 0
    while family:
        total += sum(sizes.get(one, 0) for one in family)
        family = {child for child, parent in parents.items() if parent in family}
    return total


def commit(base: str) -> str:
    """Return the commit of a checkout, as its files say; empty where they say none."""
    folder = base
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)
    git = os.path.join(folder, ".git")
    try:
        with open(os.path.join(git, "HEAD"), encoding="utf-8") as file:
            head = file.read().strip()
        if not head.startswith("ref: "):
            return head[:12]
        ref = head.removeprefix("ref: ")
        loose = os.path.join(git, ref)
        if os.path.exists(loose):
            with open(loose, encoding="utf-8") as file:
                return file.read().strip()[:12]
        with open(os.path.join(git, "packed-refs"), encoding="utf-8") as file:
            lines = [line.split() for line in file]
        return next((line[0][:12] for line in lines if line[1:] == [ref]), "")
    except OSError:
        return ""


class Asked:
    """Broker and database, looked at now and then: an answer is kept until the next one."""

    def __init__(self, questions: Mapping[str, Callable[[], list[Metric]]]) -> None:
        """Take the questions by the names of who is asked."""
        self.questions = questions
        self.answers: dict[str, list[Metric]] = {}
        self.up: dict[str, bool] = dict.fromkeys(questions, False)

    def look(self) -> None:
        """Ask each."""
        for name in self.questions:
            self._ask(name)

    def _ask(self, name: str) -> None:
        try:
            self.answers[name] = self.questions[name]()
        except Exception as error:  # noqa: BLE001 - each client raises its own
            if self.up[name] or name not in self.answers:
                logger.warning("The %s does not answer: %s", name, error)
            # What was so a while ago would look like now.
            self.answers[name] = []
            self.up[name] = False
        else:
            self.up[name] = True

    def metrics(self) -> Iterator[Metric]:
        """Give what was answered, and who answers."""
        up = GaugeMetricFamily("celery_source_up", "Whether it answers to this exporter.", labels=["source"])
        for name, is_up in self.up.items():
            up.add_metric([name], float(is_up))
        yield up
        for answers in list(self.answers.values()):
            yield from answers


class Exporter:
    """All that is told of a host."""

    def __init__(self, name: str, files: Files, asked: Asked, info: Mapping[str, str]) -> None:
        """Take the deployment's name, and where what is known comes from."""
        self.name = name
        self.files = files
        self.asked = asked
        self.info = info
        self.lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """Give all metrics; called by prometheus_client for each scrape."""
        with self.lock:
            workers = self.files.workers()
            found = [
                *self._tasks(workers),
                *self._workers(workers),
                *self._units(),
                *self._beat(),
                *self.asked.metrics(),
            ]
        return iter(found)

    def _tasks(self, workers: list[dict[str, Any]]) -> Iterator[Metric]:
        labels = ["task", "pool"]
        numbers = {
            outcome: CounterMetricFamily(
                f"celery_task_{outcome}", f"Tasks that were {outcome}.", labels=labels
            )
            for outcome in _OUTCOMES
        }
        runtime = HistogramMetricFamily(
            "celery_task_runtime_seconds", "For how long tasks ran, whatever became of them.", labels=labels
        )
        waited = HistogramMetricFamily(
            "celery_task_wait_seconds", "For how long tasks waited from when they were sent.", labels=labels
        )
        for key, totals in sorted(self.files.totals(workers).items()):
            for outcome, number in totals.outcomes.items():
                numbers[outcome].add_metric(key, number)
            runtime.add_metric(key, cumulative(totals.runtime), totals.sums["runtime"])
            waited.add_metric(key, cumulative(totals.waited), totals.sums["waited"])
        yield from numbers.values()
        yield from (runtime, waited)

    def _workers(self, workers: list[dict[str, Any]]) -> Iterator[Metric]:
        busy = GaugeMetricFamily("celery_worker_busy", "Tasks that run now.", labels=["pool"])
        processes = GaugeMetricFamily("celery_worker_processes", "As many can run at once.", labels=["pool"])
        consumers = GaugeMetricFamily(
            "celery_queue_consumers", "Workers of this host that take from it.", labels=["queue"]
        )
        heard = GaugeMetricFamily(
            "celery_worker_heard_timestamp_seconds", "When a worker has written its counts.", labels=["pool"]
        )
        now = time.time()
        per_pool: dict[str, list[dict[str, Any]]] = {}
        for data in workers:
            per_pool.setdefault(pool_of(data["node"]), []).append(data)
        for pool, datas in sorted(per_pool.items()):
            busy.add_metric([pool], sum(data["busy"] for data in datas))
            processes.add_metric([pool], sum(data["processes"] for data in datas))
            heard.add_metric([pool], max(data["time"] for data in datas))
        fresh = [data for data in workers if now - data["time"] < _FRESH]
        names = sorted({queue for data in fresh for queue in data["queues"]} | set(self._queues()))
        for queue in names:
            consumers.add_metric([queue], sum(queue in data["queues"] for data in fresh))
        yield from (busy, processes, consumers, heard)

    def _queues(self) -> list[str]:
        return [name for name in self.info.get("queues", "").split(",") if name]

    def _units(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "celery_unit_up", "Whether systemd takes it for ready.", labels=["unit", "generation"]
        )
        memory = GaugeMetricFamily("celery_unit_memory_bytes", "All of its processes.", labels=["unit"])
        used: dict[str, int] = {}
        for unit in units(self.name):
            part, generation = part_of(self.name, unit["Id"])
            up.add_metric([part, generation], float(unit["ActiveState"] == "active"))
            known = unit.get("MemoryCurrent", "")
            process = int(unit.get("MainPID") or 0)
            size = int(known) if known.isdigit() else resident(process) if process else 0
            used[part] = used.get(part, 0) + size
        for part, number in sorted(used.items()):
            memory.add_metric([part], number)
        ends = CounterMetricFamily("celery_unit_ends", "How often it has ended.", labels=["unit", "cause"])
        counted = self.files.ended()
        for part in sorted({*(part for part, _cause in counted), *used}):
            for cause in CAUSES:
                ends.add_metric([part, cause], counted.get((part, cause), 0))
        told = {key: value for key, value in self.info.items() if key != "queues"}
        yield from (up, memory, ends)
        yield InfoMetricFamily("celery_deployment", "What is deployed here.", value=told)

    def _beat(self) -> Iterator[Metric]:
        data = self.files.beat()
        if data is None:
            return
        if data["tick"]:
            yield GaugeMetricFamily(
                "celery_beat_tick_timestamp_seconds",
                "When its scheduler has looked last.",
                value=data["tick"],
            )
        yield GaugeMetricFamily(
            "celery_beat_late_seconds", "By how much its latest entry is late.", value=data["late"]
        )
        yield GaugeMetricFamily(
            "celery_beat_overdue", "Entries that should have been sent.", value=data["overdue"]
        )


def part_of(name: str, unit: str) -> tuple[str, str]:
    """Return a unit without the deployment's name, and its generation: ``worker-default``, ``1f0c9a2b``."""
    part, _at, generation = unit.removesuffix(".service").removeprefix(f"{name}-").partition("@")
    return part, generation


def load_commands(path: str) -> Any:
    """Return the commands for people as a module: what they know of brokers has one home."""
    loader = SourceFileLoader("celeriac_commands", path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    if spec is None:
        raise ImportError(path)
    module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def ask_broker(app: Any, commands: Any, queues: list[str]) -> list[Metric]:
    """Return what waits at the broker."""
    messages = GaugeMetricFamily("celery_queue_messages", "Messages that wait in it.", labels=["queue"])
    ages = GaugeMetricFamily(
        "celery_queue_oldest_seconds", "For how long its oldest message waits.", labels=["queue"]
    )
    found: list[Metric] = [messages, ages]
    with app.connection_for_read(connect_timeout=5) as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        # RabbitMQ shows a message to nobody without delivering it.
        tells_age = connection.transport.driver_type != "amqp"
        for queue in queues:
            number = commands._length(connection, queue)
            if number is None:
                continue
            messages.add_metric([queue], number)
            age = (commands.oldest(connection, queue) if number else 0.0) if tells_age else None
            if age is not None:
                ages.add_metric([queue], age)
        dead = commands._dead_letters(app).count(connection)
    if dead is not None:
        found.append(GaugeMetricFamily("celery_dead_letters", "What no worker could do.", value=dead))
    return found


def ask_database() -> list[Metric]:
    """Return how many sessions the database has, of how many, and the rows of the results."""
    from django.apps import apps
    from django.db import connection

    found: list[Metric] = []
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
                number = cursor.fetchone()[0]
                cursor.execute("SELECT current_setting('max_connections')::int")
                most = cursor.fetchone()[0]
            found = [
                GaugeMetricFamily("celery_database_connections", "Sessions of its database.", value=number),
                GaugeMetricFamily(
                    "celery_database_connections_limit", "As many does its server let in.", value=most
                ),
            ]
        if apps.is_installed("django_celery_results"):
            rows = _rows(connection, apps.get_model("django_celery_results", "TaskResult"))
            found.append(GaugeMetricFamily("celery_result_rows", "Results that are kept.", value=rows))
    finally:
        # It is asked every few seconds by one: no session is kept for that.
        connection.close()
    return found


def _rows(connection: Any, model: Any) -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table]
            )
            estimate = int(cursor.fetchone()[0])
        if estimate > _COUNTED:
            return estimate
    return int(model.objects.count())


def ask_canary(app: Any, canary: str) -> list[Metric]:
    """Return when the canary was done last: beat, broker, worker and results worked then."""
    meta = app.backend.get_task_meta(canary, cache=False)
    if meta["status"] != "STARTED" or not meta["result"]:
        return []
    return [
        GaugeMetricFamily(
            "celery_canary_timestamp_seconds",
            "When the task was done that beat sends each minute.",
            value=float(meta["result"]),
        )
    ]


def serve(name: str, listen: str) -> None:
    """Serve until systemd wants no more."""
    import django

    django.setup()
    from celery.app.utils import find_app

    commands = load_commands(f"/usr/local/bin/{name}-celery")
    setup = commands.Setup.read(name)
    app = find_app(setup.app)
    app.loader.import_default_modules()
    queues = list(dict.fromkeys(queue for names in setup.pools.values() for queue in names))
    questions: dict[str, Callable[[], list[Metric]]] = {
        "broker": lambda: ask_broker(app, commands, queues),
        "database": ask_database,
    }
    canary = os.environ.get("CELERY_CANARY")
    if canary:
        questions["results"] = lambda: ask_canary(app, canary)
    asked = Asked(questions)
    info = {"name": name, "commit": commit(setup.base), "queues": ",".join(queues)}
    registry = CollectorRegistry()
    exporter = Exporter(name, Files(os.environ[FOLDER]), asked, info)
    asked.look()
    registry.register(exporter)
    address, _colon, port = listen.rpartition(":")
    server, _thread = start_http_server(int(port), address.strip("[]"), registry)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_signal: stopped.set())
    notify(f"READY=1\nSTATUS=Listening at {listen}")
    while not stopped.wait(_INTERVAL):
        asked.look()
    server.shutdown()
