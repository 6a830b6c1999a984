"""What scenarios with faults share: hosts, waiting, the load's files, and counting what became of it."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

#: Reads what the tasks of the app `load` have written, for `read_done`.
DONE_QUERY = "SELECT number, extract(epoch FROM at) FROM load_done ORDER BY at"


def run(host: str, script: str, check: bool = True) -> str:
    """Run a line on a host as root."""
    done = subprocess.run(
        ["podman", "exec", "--interactive", host, "bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{host}: {script}: status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def wait(what: str, seconds: float, ready: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds:.0f} s: {what}")
        time.sleep(0.3)


def settle(seconds: float, ready: Callable[[], bool]) -> None:
    """Wait until something is so, at most for so long."""
    deadline = time.monotonic() + seconds
    while not ready() and time.monotonic() < deadline:
        time.sleep(2)


@dataclass
class Window:
    """The time of a fault, and what it did."""

    name: str
    begin: float
    end: float = 0.0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sent:
    """A task that a broker has taken."""

    number: int
    queue: str
    at: float
    seconds: float


def read_sent(text: str) -> list[Sent]:
    """Read the file of a sender."""
    found = []
    for line in text.splitlines():
        number, queue, at, seconds = line.split()
        found.append(Sent(int(number), queue, float(at), float(seconds)))
    return found


def read_done(rows: str) -> list[tuple[int, float]]:
    """Read what was done, and when, in the order of time."""
    return [(int(number), float(at)) for number, at in (row.split() for row in rows.splitlines())]


def longest_gap(times: list[float], begin: float, end: float) -> float:
    """Return the longest time in a window without anything done."""
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
