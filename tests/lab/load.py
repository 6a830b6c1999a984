# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load of numbered tasks, and counting what became of it.

A sender notes each task that the broker has taken, and the tasks of the app `load` write their numbers to
PostgreSQL. Both are in molecule/shared/tasks/files.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.hosts import PYTHON, run, sql

#: Tasks a second, for each broker.
RATE = 4
#: Queue to the delivery of the pool that serves it.
DELIVERIES = {"celery": "at_most_once", "late": "at_least_once"}
_FOLDER = "/var/lib/load"


@dataclass
class Window:
    """The time of a fault, in seconds since the epoch, and what was wrong besides."""

    name: str
    begin: float
    end: float = 0.0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sent:
    """A task that a broker has taken, when, and the seconds that it works."""

    number: int
    queue: str
    at: float
    seconds: float


@dataclass(frozen=True)
class Load:
    """The tasks that are sent to one broker."""

    #: What the report calls the broker.
    broker: str
    #: The host that sends, and the URL that it sends to.
    sender: str
    url: str
    #: Where the tasks write their numbers: a host, and a database there.
    server: str
    database: str
    #: With TLS: the file of the authority, on the host that sends.
    authority: str = ""
    #: A Python there that has Celery.
    python: str = PYTHON

    @property
    def _unit(self) -> str:
        return f"load-{self.broker}"

    @property
    def _notes(self) -> str:
        """Return the file in which the sender notes what it sends."""
        return f"{_FOLDER}/{self.broker}.sent"

    def start(self) -> None:
        """Begin anew."""
        self.stop()
        sql(self.server, self.database, "TRUNCATE load_done")
        environment = f"/root/{self._unit}.env"
        run(
            self.sender,
            f"mkdir -p {_FOLDER}; rm -f {_FOLDER}/{self.broker}.*; umask 077; "
            f"printf 'SENDER_URL=%s\\nSENDER_CA=%s\\n' '{self.url}' '{self.authority}' > {environment}; "
            f"systemd-run --quiet --collect --unit={self._unit} --property=EnvironmentFile={environment} "
            f"{self.python} /root/sender.py {RATE} {self._notes}",
        )

    def stop(self) -> None:
        """Stop; what was about to be sent is not counted as sent."""
        run(self.sender, f"systemctl stop {self._unit}", check=False)

    def more(self, seconds: float, each: int) -> None:
        """Have tasks that take longer sent besides: so many to each queue."""
        lines = "".join(f"{queue} {seconds}\\n" for queue in DELIVERIES for _turn in range(each))
        file = f"{_FOLDER}/{self.broker}.extra"
        run(self.sender, f"printf '{lines}' > {file}.new && mv {file}.new {file}")

    def sent(self) -> list[Sent]:
        """Return what the broker has taken."""
        found = []
        for line in run(self.sender, f"cat {self._notes}").splitlines():
            number, queue, at, seconds = line.split()
            found.append(Sent(int(number), queue, float(at), float(seconds)))
        return found

    def done(self) -> list[tuple[int, float]]:
        """Return what was done, and when, in the order of time."""
        query = "SELECT number, extract(epoch FROM at) FROM load_done ORDER BY at"
        rows = sql(self.server, self.database, query)
        return [(int(number), float(at)) for number, at in (row.split("|") for row in rows.splitlines())]

    def journal(self, since: float) -> str:
        """Return what the sender has said since a time, in seconds since the epoch."""
        return run(self.sender, f"journalctl -q --no-pager -o cat -u {self._unit} --since @{since:.0f}")


def longest_gap(times: list[float], begin: float, end: float) -> float:
    """Return the longest time in a window without anything done, in seconds."""
    marks = [begin, *(at for at in times if begin < at < end), end]
    return max(after - before for before, after in itertools.pairwise(marks))


@dataclass(frozen=True)
class Count:
    """What became of the tasks that were sent to a queue while a fault lasted."""

    sent: int
    done: int
    duplicated: int
    gap: float

    @property
    def lost(self) -> int:
        """How many were not done."""
        return self.sent - self.done

    def __str__(self) -> str:
        """Return the end of a fault's line."""
        counts = f"sent {self.sent} done {self.done} lost {self.lost} duplicated {self.duplicated}"
        return f"{counts} gap {self.gap:.1f}"

    @classmethod
    def of(
        cls, window: Window, queue: str, tasks: Sequence[Sent], results: Sequence[tuple[int, float]]
    ) -> Count:
        """Count for a window of time."""
        counted = Counter(number for number, _at in results)
        mine = {task.number for task in tasks if task.queue == queue}
        numbers = [
            task.number for task in tasks if task.queue == queue and window.begin <= task.at < window.end
        ]
        there = [number for number in numbers if counted[number]]
        twice = sum(counted[number] - 1 for number in there)
        gap = longest_gap([at for number, at in results if number in mine], window.begin, window.end)
        return cls(len(numbers), len(there), twice, gap)
