# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report of a deployment says, apart from how it looks: docs/reference/report.md describes it."""

from __future__ import annotations

from dataclasses import dataclass

#: It grows by one where a field goes or changes its meaning. New fields alone do not count.
VERSION = 1
#: The states of a check.
OK, WARNED, FAILED, SKIPPED = "ok", "warning", "failed", "not asked"


@dataclass(frozen=True)
class Check:
    """One row of the proof on one host."""

    host: str
    name: str
    #: ``ok``, ``warning``, ``failed`` or ``not asked``.
    state: str
    evidence: str
    #: What to do, empty where nothing is to be done.
    advice: str = ""


@dataclass(frozen=True)
class Pool:
    """A worker pool on a host."""

    name: str
    kind: str
    queues: tuple[str, ...]
    #: How many tasks can run at once.
    at_once: int
    delivery: str
    #: Seconds; None: no limit.
    time_limit: int | None
    stop_timeout: int
    #: Whether nothing on this host speaks against it.
    healthy: bool


@dataclass(frozen=True)
class Host:
    """A host of the deployment."""

    name: str
    pools: tuple[Pool, ...]
    beat: bool
    #: Whether units run there; otherwise processes were started for the time of the proof.
    systemd: bool
    healthy: bool


@dataclass(frozen=True)
class Queue:
    """A queue, and who is about it."""

    name: str
    #: As POOL@HOST.
    pools: tuple[str, ...]
    #: How many tasks of the source go there.
    tasks: int


@dataclass(frozen=True)
class Task:
    """A task of the source."""

    name: str
    #: FILE:LINE.
    place: str
    #: The app that it belongs to.
    app: str
    #: Empty where the settings of a project's own app decide.
    queue: str


@dataclass(frozen=True)
class Entry:
    """A periodic task."""

    name: str
    task: str
    when: str
    #: The next runs as ISO 8601 in UTC, the first of them; empty where only the process can tell.
    runs: tuple[str, ...]
    enabled: bool = True


@dataclass(frozen=True)
class Connections:
    """What the deployment can need of each database server that its tasks use."""

    workers: int
    beat: int
    web: int
    #: 0: the server was asked.
    limit: int

    @property
    def needed(self) -> int:
        """The sum."""
        return self.workers + self.beat + self.web


@dataclass(frozen=True)
class Server:
    """A server that the deployment stands on."""

    #: ``broker``, ``database`` or ``results``.
    role: str
    #: Such as Redis or PostgreSQL.
    kind: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A deployment at one moment."""

    project: str
    #: ISO 8601, UTC.
    at: str
    ok: bool
    settings: str
    app: str
    #: Package and version, such as celery and 5.7.0.
    versions: dict[str, str]
    servers: tuple[Server, ...]
    hosts: tuple[Host, ...]
    queues: tuple[Queue, ...]
    tasks: tuple[Task, ...]
    schedule: tuple[Entry, ...]
    connections: Connections
    #: Seconds that the broker lets a message be held, 0 where it does not count.
    patience: int
    checks: tuple[Check, ...]
    #: What is different from the report before, in words.
    changes: tuple[str, ...] = ()
    version: int = VERSION

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.state == FAILED)
