# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done, by which tasks, where and when: samples, routes and schedules, checked against each other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Code, Samples, Tasks
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from . import routes
from . import samples as _samples
from .broker import Broker
from .fleet import Fleet
from .variables import Variables

#: RedBeat looks this often, as a part of the time after which another host takes over.
_LOOKS = 5
#: Tasks that every app has.
_BUILT_IN = ("celery.backend_cleanup", "celery.accumulate")


def check(variables: Variables) -> None:
    """Check what can be checked without looking at the project.

    Raises:
        ValueError: a route or a periodic task is malformed.
    """
    scheduler = variables.beat_scheduler
    for entry in variables.schedule:
        _check_scheduler(entry, scheduler, variables.timezone)
    if scheduler == "redbeat" and variables.beat_takeover < _LOOKS:
        raise _schedule.ScheduleError(
            f"celery_beat_takeover is {variables.beat_takeover}, and {_LOOKS} seconds are the least: the "
            "active beat has to say several times meanwhile that it is alive."
        )


def _check_scheduler(entry: _schedule.Entry, scheduler: str, project_timezone: str) -> None:
    """See that the scheduler can keep an entry."""
    if entry.absent or scheduler == "database":
        return
    where = f"celery_beat_schedule ({entry.name})"
    if scheduler != "redbeat":
        return
    if entry.kind == "solar":
        raise _schedule.ScheduleError(f"{where}: RedBeat keeps no solar schedules. The others do.")
    if entry.timezone not in ("", "UTC", project_timezone) or (
        entry.timezone == "UTC"
        and project_timezone != "UTC"
        and any(text != "*" for name, text in entry.when.items() if name != "minute")
    ):
        raise _schedule.ScheduleError(
            f"{where}: RedBeat keeps no timezone with a crontab. Leave it out, set celery_timezone, or take "
            "celery_beat_scheduler: database or file."
        )


@dataclass(frozen=True)
class Decided:
    """What was decided, and what is to be told of it."""

    tasks: Tasks
    notes: tuple[str, ...] = ()


def decide(
    variables: Variables, project: Project, name: str, code: Code, canary: str, fleet: Fleet
) -> Decided:
    """Decide samples, routes and schedule of one host.

    Args:
        variables: the public variables, checked by :func:`check`.
        project: what was found.
        name: the deployment's.
        code: where the project's app is.
        canary: the name of the entry that proves beat, empty where there is none.
        fleet: what the host is part of.

    Raises:
        ValueError: something does not exist, or does not go together.
    """
    found = dict(project.tasks)
    if code.integrate:
        found.setdefault(f"{code.prefix}celery_ops.tasks.canary", "celery_ops/tasks.py")
    if variables.removing:
        return Decided(Tasks(found, (), (), [], Samples()))
    served = fleet.served
    wanted = variables.project_sample_apps
    if wanted and not code.integrate:
        raise _samples.SampleError(
            "celery_project_sample_apps: the samples need the tables of the integration, and the "
            "project's own Celery app is left alone. Leave the variable out."
        )
    samples = _samples.decide(wanted, project, code.prefix, served) if code.integrate else _samples.Decided()
    expected = {**found, **samples.tasks}
    own = [*project.apps, project.package]
    asked = variables.routes
    # What is not certain enough to be proven may be named all the same.
    known = {*expected, *project.doubtful_tasks}
    routes.check(asked, served, known, own)
    given = [
        route
        for route in samples.routes
        if not any(fnmatchcase(route.pattern, other.pattern) for other in asked)
    ]
    if asked and not code.integrate:
        raise routes.RouteError(
            "celery_task_routes: this project's own Celery app is left alone, so its routes are in its own "
            "settings. Write them there, and leave the variable out."
        )
    ours = _of_samples(variables, name, samples.samples)
    schedule = [*variables.schedule, *_schedule.complete(ours, variables.timezone)]
    for entry in schedule:
        where = f"celery_beat_schedule ({entry.name})"
        if entry.absent:
            continue
        if entry.name == canary:
            raise _schedule.ScheduleError(f"{where}: this is the name of the canary. Choose another one.")
        if entry.queue:
            routes.check_queue(where, entry.queue, served)
        routes.check_task(where, entry.task, {*known, *_BUILT_IN}, own)
    if schedule and not code.integrate and variables.beat_scheduler != "database":
        raise _schedule.ScheduleError(
            "celery_beat_schedule: the project's own Celery app is left alone, so its schedule is in its own "
            "settings. With celery_beat_scheduler: database, the list goes into django-celery-beat's tables."
        )
    tasks = Tasks(
        expected=expected,
        routes=(*asked, *given),
        schedule=tuple(schedule),
        declared=[*variables.beat_schedule, *ours],
        samples=samples.samples,
    )
    return Decided(tasks, samples.notes)


def writes_schedule(variables: Variables, decided: Decided, integrate: bool, duties: Collection[str]) -> bool:
    """Tell whether a host with these duties writes the schedule into the tables of django-celery-beat."""
    if variables.removing or variables.beat_scheduler != "database" or "beat" not in duties:
        return False
    return integrate or bool(decided.tasks.schedule)


def looks(takeover: int) -> int:
    """Return how often (s) a RedBeat looks whether another one has gone silent for *takeover* seconds."""
    return max(1, takeover // _LOOKS)


def _of_samples(variables: Variables, name: str, samples: Samples) -> list[dict[str, Any]]:
    """Return the periodic tasks of the samples; an entry of the inventory with the same name replaces one."""
    names = {entry["name"] for entry in variables.beat_schedule}
    return [entry for entry in _samples.schedule(samples, name) if entry["name"] not in names]


def needs_ephem(decided: Decided, integrate: bool) -> bool:
    """Tell whether a periodic task of ours follows the sun."""
    return integrate and any(entry.kind == "solar" for entry in decided.tasks.schedule)


def warnings(tasks: Tasks, broker: Broker) -> list[str]:
    """Return what works, but is probably not what somebody wants."""
    texts = []
    idle = routes.idle(tasks.routes, tasks.expected)
    if idle:
        texts.append(
            f"celery_task_routes: no task of the project is called like {', '.join(idle)}. If the tasks are "
            "those of a package, that is fine."
        )
    if any(route.priority is not None for route in tasks.routes) and not broker.facts.has_priorities:
        texts.append(
            f"celery_task_routes: the broker ({broker.transport}) knows no priorities, and ignores them."
        )
    return texts
