# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample tasks: which apps get some, what is in their files, and what they need besides."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Route, SampleApp, Samples
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from .pools import DEFAULT_QUEUE

#: The app with the tables of the samples.
RECORDS = "celery_records"
#: The tasks of a sample, and those of the app with the tables.
TASKS = (
    "notify",
    "push",
    "push_left_over",
    "book_once",
    "count",
    "add_up",
    "report",
    "report_failure",
    "export",
)
RECORDS_TASKS = ("relay", "forget")
#: The task that is in a queue of its own.
_ROUTED = "export"


@dataclass(frozen=True)
class Decided:
    """What was decided, and what follows from it."""

    samples: Samples = field(default_factory=Samples)
    #: Names and files.
    tasks: dict[str, str] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    #: For whoever reads the diff.
    notes: tuple[str, ...] = ()


class SampleError(ValueError):
    """Samples that cannot be. The text says why and what to change."""


def decide(wanted: Sequence[str], project: Project, prefix: str, queues: Sequence[str]) -> Decided:
    """Decide which apps get sample tasks.

    Args:
        wanted: the variable ``celery_project_sample_apps``.
        project: what was found.
        prefix: what the names of modules in the project's package begin with.
        queues: those that the pools consume.

    Raises:
        SampleError: there is no such app.
    """
    apps, notes = [], []
    for name in dict.fromkeys(wanted):
        app = _name_of(name, project)
        place = project.samples[app]
        if place.taken:
            notes.append(f"{app} gets no sample tasks: {place.taken} is there already, and stays as it is.")
            continue
        label = app.replace(".", "_")
        apps.append(SampleApp(app, label, place.model, place.manager, place.tasks, place.tests))
        if not place.model:
            notes.append(f"{app} has no model of its own, so its sample tasks have one in {RECORDS}: Item.")
    used = project.records_used
    records = f"{prefix}{RECORDS}" if apps or used else ""
    own_queue = next((queue for queue in queues if queue != DEFAULT_QUEUE), DEFAULT_QUEUE)
    tasks = {f"{app.app}.tasks.{task}": app.tasks for app in apps for task in TASKS}
    if records:
        tasks |= {f"{records}.tasks.{task}": f"{RECORDS}/tasks.py" for task in RECORDS_TASKS}
    has_item = any(not app.model for app in apps) or used == "item"
    return Decided(
        Samples(tuple(apps), records, has_item),
        tasks,
        tuple(Route(f"{app.app}.tasks.{_ROUTED}", own_queue) for app in apps),
        tuple(notes),
    )


def _name_of(name: str, project: Project) -> str:
    """Return the dotted name of an app that is called by it or by its last part."""
    apps = list(project.samples)
    found = [app for app in apps if name in (app, app.rpartition(".")[2])]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise SampleError(
            f"celery_project_sample_apps: {name!r} may be {' or '.join(found)}: write the one that is meant."
        )
    close = difflib.get_close_matches(name, apps, 1)
    listed = f"did you mean {close[0]}?" if close else f"there are {', '.join(apps) or 'none'}."
    raise SampleError(f"celery_project_sample_apps: the project has no app {name!r} of its own; {listed}")


def schedule(samples: Samples, name: str) -> list[dict[str, Any]]:
    """Return the periodic tasks of the samples, as the variable ``celery_beat_schedule`` has them."""
    if not samples.records:
        return []
    records = f"{samples.records}.tasks"
    return [
        {"name": f"{name}-relay", "task": f"{records}.relay", "interval": 10, "expires": 10},
        {"name": f"{name}-forget", "task": f"{records}.forget", "interval": 86400, "expires": 86400},
        *(
            {
                "name": f"{name}-{app.label}-left-over",
                "task": f"{app.app}.tasks.push_left_over",
                "interval": 600,
                "expires": 600,
            }
            for app in samples.apps
        ),
    ]


def together(samples: Samples) -> list[list[str]]:
    """Return the files that are the project's as soon as one of them is edited."""
    return [[app.tasks, app.tests] for app in samples.apps]
