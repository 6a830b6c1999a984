# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of this scenario: what they run, what beat has sent, and how the playbook is run on them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import playbooks
from lab.hosts import sql
from lab.units import main_process

SCENARIO = Path(__file__).resolve().parent
DATABASE = "celeriac-schedules-database"
FILE = "celeriac-schedules-file"
#: The hosts that share a schedule in Redis.
REDBEAT = ("celeriac-schedules-beat1", "celeriac-schedules-beat2")
#: Scheduler to the hosts that run it.
DEPLOYMENTS = {"database": (DATABASE,), "file": (FILE,), "redbeat": REDBEAT}
#: The host and the database with the rows of a deployment.
_ROWS = {"database": (DATABASE, "shop"), "file": (FILE, "shop"), "redbeat": (FILE, "redbeat")}


@dataclass(frozen=True)
class Tick:
    """An entry of the schedule came due. Times are seconds since the epoch."""

    name: str
    sent: float
    at: float
    #: Process and host of the beat that sent it.
    beat: str

    @property
    def host(self) -> str:
        """The host of the beat."""
        return self.beat.partition("@")[2]


def ticks(scheduler: str, since: float = 0.0, name: str = "") -> list[Tick]:
    """Return what beat has sent and a worker has done, in the order of sending."""
    host, database = _ROWS[scheduler]
    named = f" AND name = '{name}'" if name else ""
    # All of it is of this scenario's own.
    where = f"sent >= {since!r}{named}"
    query = f"SELECT name, sent, at, beat FROM ticks_tick WHERE {where} ORDER BY sent"  # noqa: S608 - our own
    rows = sql(host, database, query)
    parts = [line.split("|") for line in rows.splitlines()]
    return [Tick(of, float(sent), float(at), beat) for of, sent, at, beat in parts]


def integrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run integrate on the hosts of this scenario."""
    return playbooks.integrate(SCENARIO, *arguments)


def beat_process(host: str) -> str:
    """Return the number of beat's main process, 0 where it does not run."""
    return main_process(host, "shop-beat.service")
