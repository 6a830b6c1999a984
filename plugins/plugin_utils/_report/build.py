# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a report of what was decided, found and proven on the hosts of a deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from .._decisions import connections, routes
from . import advice
from .data import (
    FAILED,
    OK,
    SKIPPED,
    WARNED,
    Check,
    Connections,
    Entry,
    Host,
    Pool,
    Queue,
    Report,
    Server,
    Task,
)
from .next_runs import next_runs

#: How people call Django's databases.
_DATABASES = {
    "postgresql": "PostgreSQL",
    "postgis": "PostgreSQL",
    "mysql": "MySQL",
    "sqlite3": "SQLite",
    "oracle": "Oracle",
}


@dataclass(frozen=True)
class Row:
    """A row of the proof, as the module celery_proof answers."""

    name: str
    ok: bool
    detail: str
    skipped: bool = False
    warned: bool = False


@dataclass(frozen=True)
class Asked:
    """A host that was asked, and what is known of it."""

    name: str
    project: Project
    deployment: Deployment
    processors: int
    rows: tuple[Row, ...]
    versions: Mapping[str, str] = field(default_factory=dict)


def build(asked: Sequence[Asked], at: datetime, before: Report | None = None) -> Report:
    """Return the report.

    Args:
        asked: the hosts of the deployment, one at least.
        at: the time, with a timezone.
        before: the report before, if there is one.
    """
    first = asked[0]
    deployment, project = first.deployment, first.project
    hosts = tuple(_host(one) for one in asked)
    tasks = _tasks(deployment, project)
    checks = tuple(_check(one, row) for one in asked for row in one.rows)
    members = {one.name: connections.Member(one.deployment, one.processors) for one in asked}
    report = Report(
        project=deployment.name,
        at=at.isoformat(timespec="seconds"),
        ok=bool(checks) and not any(check.state == FAILED for check in checks),
        settings=project.settings,
        app=deployment.code.app,
        versions=dict(sorted(first.versions.items())),
        servers=_servers(deployment, project),
        hosts=hosts,
        queues=_queues(hosts, tasks, deployment.run.served),
        tasks=tasks,
        schedule=tuple(_entry(entry, at, deployment.beat.timezone) for entry in _entries(deployment)),
        connections=_connections(members.values(), deployment.limits.database_max_connections),
        patience=deployment.limits.visibility_timeout if deployment.broker.counts_visibility else 0,
        checks=checks,
    )
    return replace(report, changes=changes(before, report)) if before else report


def _host(one: Asked) -> Host:
    failed = [row for row in one.rows if not row.ok]
    loads = connections.of_host(connections.Member(one.deployment, one.processors)).pools
    pools = tuple(
        Pool(
            name=pool.name,
            kind=pool.pool,
            queues=pool.queues,
            at_once=load.at_once,
            delivery=pool.delivery,
            time_limit=pool.time_limit,
            stop_timeout=pool.stop_timeout,
            healthy=not any(_is_about(row, pool.name) for row in failed),
        )
        for pool, load in zip(one.deployment.running_pools, loads, strict=True)
    )
    return Host(one.name, pools, one.deployment.has_beat, one.deployment.run.systemd, not failed)


def _is_about(row: Row, pool: str) -> bool:
    """Tell whether a row names the pool, or a node of it: POOL.GENERATION@HOST."""
    node = re.search(rf"(?<![\w-]){re.escape(pool)}\.\w+@", row.detail)
    return row.name.endswith(f"pool {pool}") or bool(node)


def _check(one: Asked, row: Row) -> Check:
    state = SKIPPED if row.skipped else FAILED if not row.ok else WARNED if row.warned else OK
    todo = advice.of(row.name, one.deployment.name) if state in (FAILED, WARNED) else ""
    return Check(one.name, row.name, state, row.detail, todo)


def _tasks(deployment: Deployment, project: Project) -> tuple[Task, ...]:
    apps = sorted([*project.apps, *filter(None, [project.package])], key=len, reverse=True)

    def app_of(name: str) -> str:
        return next((app for app in apps if name.startswith(f"{app}.")), name.partition(".")[0])

    def queue(name: str) -> str:
        # The routes of a project's own app are in its settings, which nobody reads here.
        return routes.queue_of(name, deployment.tasks.routes) if deployment.code.integrate else ""

    return tuple(
        Task(name, place, app_of(name), queue(name))
        for name, place in sorted(deployment.tasks.expected.items())
    )


def _queues(hosts: Sequence[Host], tasks: Sequence[Task], served: Sequence[str]) -> tuple[Queue, ...]:
    names = {*served, *(queue for host in hosts for pool in host.pools for queue in pool.queues)}
    names |= {task.queue for task in tasks if task.queue}
    return tuple(
        Queue(
            name,
            tuple(f"{pool.name}@{host.name}" for host in hosts for pool in host.pools if name in pool.queues),
            sum(task.queue == name for task in tasks),
        )
        for name in sorted(names)
    )


def _servers(deployment: Deployment, project: Project) -> tuple[Server, ...]:
    broker = Server("broker", deployment.broker.server, deployment.broker.addresses)
    database = Server("database", _DATABASES.get(project.database, "what DATABASE_URL names"))
    word = deployment.results.word or "a server of their own"
    where = {"django-db": "the project's database", "redis": "the broker's Redis", "none": "nowhere"}
    return (broker, database, Server("results", where.get(word, word)))


def _entries(deployment: Deployment) -> list[_schedule.Entry]:
    beat = deployment.beat
    when = {"seconds": beat.canary_interval}
    canary = f"{deployment.code.prefix}celery_ops.tasks.canary"
    own = [_schedule.Entry(beat.canary, canary, "interval", when)] if beat.canary else []
    return [entry for entry in (*own, *deployment.tasks.schedule) if not entry.absent]


def _entry(entry: _schedule.Entry, at: datetime, timezone: str) -> Entry:
    runs = next_runs(entry, at, timezone)
    return Entry(
        entry.name,
        entry.task,
        _schedule.describe(entry.as_data()),
        tuple(run.isoformat(timespec="minutes") for run in runs),
        entry.enabled,
    )


def _connections(members: Iterable[connections.Member], limit: int) -> Connections:
    loads = [(member, connections.of_host(member)) for member in members]
    workers = sum(
        (pool.at_once + (pool.pool == "prefork")) * load.generations
        for _member, load in loads
        for pool in load.pools
    )
    web = max((member.deployment.limits.web_connections for member, _load in loads), default=0)
    web += sum(2 * load.web for _member, load in loads)
    return Connections(workers, sum(load.beat for _member, load in loads), web, limit)


def changes(before: Report, now: Report) -> tuple[str, ...]:
    """Return what is different from the report before, in words."""
    told = [
        *_different("task", {task.name for task in before.tasks}, {task.name for task in now.tasks}),
        *_different("queue", {queue.name for queue in before.queues}, {queue.name for queue in now.queues}),
        *_different("host", {host.name for host in before.hosts}, {host.name for host in now.hosts}),
        *_different(
            "periodic task",
            {f"{entry.name} ({entry.when})" for entry in before.schedule},
            {f"{entry.name} ({entry.when})" for entry in now.schedule},
        ),
        *_different("pool", _pools(before), _pools(now)),
    ]
    for package in sorted({*before.versions, *now.versions}):
        old, new = before.versions.get(package, "none"), now.versions.get(package, "none")
        if old != new:
            told.append(f"{package} {old} → {new}")
    states = {(check.host, check.name): check.state for check in before.checks}
    told += [
        f"{check.name} on {check.host}: {states[check.host, check.name]} → {check.state}"
        for check in now.checks
        if states.get((check.host, check.name), check.state) != check.state
    ]
    return tuple(told)


def _pools(report: Report) -> set[str]:
    return {
        f"{pool.name}@{host.name} ({pool.kind}, {pool.at_once} at once, {', '.join(pool.queues)})"
        for host in report.hosts
        for pool in host.pools
    }


def _different(what: str, before: set[str], now: set[str]) -> list[str]:
    new = [f"new {what}: {name}" for name in sorted(now - before)]
    return new + [f"{what} is gone: {name}" for name in sorted(before - now)]
