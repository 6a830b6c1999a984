# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done, by which tasks, where and when: samples, routes and schedules, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from . import routes
from . import samples as _samples
from .broker import Broker
from .fleet import Fleet
from .variables import Variables

#: What celery.schedules.solar imports.
EPHEM = "ephem>=4.1"
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


def decide(
    variables: Variables, project: Project, deployment: Mapping[str, Any], fleet: Fleet
) -> dict[str, Any]:
    """Decide samples, routes and schedule of one host.

    Args:
        variables: the public variables, checked by :func:`check`.
        project: what was found.
        deployment: what was decided so far.
        fleet: what the host is part of.

    Raises:
        ValueError: something does not exist, or does not go together.
    """
    if variables.removing:
        return {
            "samples": _samples.NONE,
            "routes": [],
            "schedule": [],
            "beat_schedule": [],
            "writes_schedule": False,
        }
    integrate = bool(deployment["integrate"])
    served = fleet.served
    wanted = variables.project_sample_apps
    if wanted and not integrate:
        raise _samples.SampleError(
            "celery_project_sample_apps: the samples need the tables of the integration, and the "
            "project's own Celery app is left alone. Leave the variable out."
        )
    samples = _samples.decide(wanted, project, deployment["prefix"], served) if integrate else _samples.NONE
    tasks = {**deployment["tasks"], **samples["tasks"]}
    own = [*project.apps, project.package]
    asked = variables.routes
    # What is not certain enough to be proven may be named all the same.
    known = {*tasks, *project.doubtful_tasks}
    routes.check(asked, served, known, own)
    given = [
        {"pattern": name, **route}
        for name, route in samples["routes"].items()
        if not any(fnmatchcase(name, other["pattern"]) for other in asked)
    ]
    if asked and not integrate:
        raise routes.RouteError(
            "celery_task_routes: this project's own Celery app is left alone, so its routes are in its own "
            "settings. Write them there, and leave the variable out."
        )
    ours = _of_samples(variables, deployment, samples)
    schedule = [*variables.schedule, *_schedule.complete(ours, variables.timezone)]
    for entry in schedule:
        where = f"celery_beat_schedule ({entry.name})"
        if entry.absent:
            continue
        if entry.name == deployment["canary"]:
            raise _schedule.ScheduleError(f"{where}: this is the name of the canary. Choose another one.")
        if entry.queue:
            routes.check_queue(where, entry.queue, served)
        routes.check_task(where, entry.task, {*known, *_BUILT_IN}, own)
    if schedule and not integrate and deployment["scheduler"] != "database":
        raise _schedule.ScheduleError(
            "celery_beat_schedule: the project's own Celery app is left alone, so its schedule is in its own "
            "settings. With celery_beat_scheduler: database, the list goes into django-celery-beat's tables."
        )
    return {
        "samples": samples,
        "tasks": tasks,
        # An exact name wins over a pattern, and of patterns the first that fits.
        "routes": [*asked, *given],
        "schedule": [entry.as_data() for entry in schedule],
        # The same as the inventory has it, for the module that writes the tables.
        "beat_schedule": [*variables.beat_schedule, *ours],
        "writes_schedule": deployment["scheduler"] == "database"
        and "beat" in deployment["duties"]
        and (integrate or bool(schedule)),
        "beat_takeover": variables.beat_takeover,
        "beat_looks": max(1, variables.beat_takeover // _LOOKS),
    }


def _of_samples(
    variables: Variables, deployment: Mapping[str, Any], samples: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the periodic tasks of the samples; an entry of the inventory with the same name replaces one."""
    names = {entry["name"] for entry in variables.beat_schedule}
    return [entry for entry in _samples.schedule(samples, deployment["name"]) if entry["name"] not in names]


def requirements(deployment: Mapping[str, Any]) -> list[str]:
    """Return what periodic tasks need besides."""
    solar = any(entry["kind"] == "solar" for entry in deployment["schedule"])
    return [EPHEM] if solar and deployment["integrate"] else []


def warnings(deployment: Mapping[str, Any], broker: Broker) -> list[str]:
    """Return what works, but is probably not what somebody wants."""
    texts = []
    idle = routes.idle(deployment["routes"], deployment["tasks"])
    if idle:
        texts.append(
            f"celery_task_routes: no task of the project is called like {', '.join(idle)}. If the tasks are "
            "those of a package, that is fine."
        )
    if any("priority" in route for route in deployment["routes"]) and not broker.facts.has_priorities:
        texts.append(
            f"celery_task_routes: the broker ({broker.transport}) knows no priorities, and ignores them."
        )
    return texts
