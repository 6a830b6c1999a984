# SPDX-License-Identifier: 0BSD
"""What becomes of a worker's tasks, counted in its main process and left in a file: nothing is sent for it.

Celery's events say the same at the price of a message to the broker for each step of each task. This costs
some millionths of a second for a task, and the file is written by a thread, every few seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from celery import signals
from celery.exceptions import Ignore, Reject, Retry
from celery.worker import state, strategy

#: The folder of the files; without it, nothing is counted.
FOLDER = "CELERY_METRICS"
#: Upper bounds of the histograms, in seconds.
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
#: As many names have counts of their own: a label that grows without end breaks whoever keeps it.
_MOST = 500
OTHERS = "(others)"
#: Seconds between two writes.
_INTERVAL = 5.0


class Histogram:
    """How often a time was between two bounds."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count a time."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.sum += seconds


class Counts:
    """What became of the tasks of one name."""

    __slots__ = ("failed", "received", "rejected", "retried", "runtime", "succeeded", "waited")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.received = self.succeeded = self.failed = self.retried = self.rejected = 0
        self.runtime = Histogram()
        #: From when it was sent until a process began with it, where the message says when that was.
        self.waited = Histogram()

    def data(self) -> dict[str, Any]:
        """Return the same for the file."""
        return {
            **{
                name: getattr(self, name)
                for name in ("received", "succeeded", "failed", "retried", "rejected")
            },
            **{
                name: {"counts": getattr(self, name).counts, "sum": getattr(self, name).sum}
                for name in ("runtime", "waited")
            },
        }


class Book:
    """The counts of a worker."""

    def __init__(self, folder: str, node: str, worker: Any) -> None:
        """Take the folder of the file, and who is counted."""
        self.path = os.path.join(folder, f"{node}.json")
        self.node = node
        self.worker = worker
        self.tasks: dict[str, Counts] = {}
        self.begun = time.time()

    def of(self, name: str) -> Counts:
        """Return the counts of a task."""
        found = self.tasks.get(name)
        if found is None:
            key = name if len(self.tasks) < _MOST else OTHERS
            found = self.tasks.setdefault(key, Counts())
        return found

    def data(self) -> dict[str, Any]:
        """Return what the file says."""
        pool = getattr(self.worker, "pool", None)
        consumer = getattr(self.worker, "consumer", None)
        tasks = getattr(consumer, "task_consumer", None)
        return {
            "node": self.node,
            "process": os.getpid(),
            "begun": self.begun,
            "time": time.time(),
            "busy": len(state.active_requests),
            "processes": getattr(pool, "num_processes", 0) or 0,
            "queues": sorted(queue.name for queue in getattr(tasks, "queues", None) or ()),
            "tasks": {name: counts.data() for name, counts in list(self.tasks.items()) if counts.received},
        }

    def write(self) -> None:
        """Put the file there, whole or not at all."""
        new = f"{self.path}.new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump(self.data(), file)
        os.replace(new, self.path)


def counting(made: type[Any], book: Book, name: str) -> type[Any]:
    """Return the class of a task's requests, with counts.

    Args:
        made: that of Celery.
        book: where it is counted.
        name: the task's.
    """
    counts = book.of(name)

    class Request(made):  # known when it runs
        """A request that counts what becomes of it. All of it happens in the worker's main process."""

        def __init__(self, message: Any, *args: Any, **options: Any) -> None:
            super().__init__(message, *args, **options)
            counts.received += 1

        def on_accepted(self, pid: Any, time_accepted: float) -> None:
            super().on_accepted(pid, time_accepted)
            headers = self.message.headers
            sent = headers.get("timestamp")
            # What waits for its time is not late.
            if sent and not headers.get("eta"):
                counts.waited.add(max(0.0, time.time() - sent))

        def on_success(self, failed__retval__runtime: Any, **options: Any) -> Any:
            # What failed comes to on_failure from there, and has no runtime here.
            failed, _value, runtime = failed__retval__runtime
            if not failed:
                counts.succeeded += 1
                counts.runtime.add(runtime)
            return super().on_success(failed__retval__runtime, **options)

        def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
            # Also what has run out of time, or lost its process.
            outcome = kind(exc_info.exception)
            setattr(counts, outcome, getattr(counts, outcome) + 1)
            if self.time_start:
                counts.runtime.add(max(0.0, time.time() - self.time_start))
            return super().on_failure(exc_info, *args, **options)

    return Request


def kind(error: Any) -> str:
    """Return what a task's error means for the counts."""
    # billiard wraps it, for its traceback.
    error = getattr(error, "exc", error) if type(error).__name__ == "ExceptionWithTraceback" else error
    if isinstance(error, Retry):
        return "retried"
    if isinstance(error, Reject):
        return "rejected"
    return "succeeded" if isinstance(error, Ignore) else "failed"


class Writer(threading.Thread):
    """Writes a file every few seconds."""

    def __init__(self, write: Callable[[], None]) -> None:
        """Take what writes it."""
        super().__init__(name="metrics", daemon=True)
        self.write = write
        self.stopped = threading.Event()

    def run(self) -> None:
        """Write until the process ends."""
        while not self.stopped.wait(_INTERVAL):
            self.once()

    def once(self, **_signal: Any) -> None:
        """Write now; a full disk is no reason for a worker to end."""
        try:
            self.write()
        except OSError:
            return


def install() -> None:
    """Count what workers do, and note what beat does, where somebody wants to know."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    # In the state folder, which is the services' own. A worker does without it.
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o750, exist_ok=True)

    def count(sender: str, instance: Any, **_options: Any) -> None:
        _count(folder, sender, instance)

    def note(sender: Any, **_options: Any) -> None:
        _note(folder, sender)

    signals.celeryd_init.connect(count, weak=False)
    signals.beat_init.connect(note, weak=False)


def _count(folder: str, node: str, worker: Any) -> None:
    book = Book(folder, node, worker)
    create = strategy.create_request_cls

    def create_request_cls(base: Any, task: Any, *args: Any, **options: Any) -> type[Any]:
        return counting(create(base, task, *args, **options), book, task.name)

    strategy.create_request_cls = create_request_cls
    writer = Writer(book.write)

    def begin(**_options: Any) -> None:
        writer.once()
        writer.start()

    # After the pool has forked.
    signals.worker_ready.connect(begin, weak=False)
    signals.worker_shutdown.connect(writer.once, weak=False)


def schedule(service: Any) -> dict[str, Any]:
    """Return what is to be known of a beat: when it has ticked, and what should have been sent by now."""
    tick = getattr(service, "_last_tick", None)
    # Each entry that is enabled, with its next time on the clock.
    heap = list(getattr(service.scheduler, "_heap", None) or ())
    now = time.time()
    overdue = [now - event.time for event in heap if event.time < now]
    return {
        "process": os.getpid(),
        "time": now,
        "tick": now - (time.monotonic() - tick) if tick else None,
        "overdue": len([late for late in overdue if late > 1]),
        "late": max(overdue, default=0.0),
    }


def _note(folder: str, service: Any) -> None:
    path = os.path.join(folder, "beat.json")

    def write() -> None:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(schedule(service), file)
        os.replace(f"{path}.new", path)

    Writer(write).start()
