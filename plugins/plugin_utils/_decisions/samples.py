# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample tasks: which apps get some, what is in their files, and what they need besides."""

from __future__ import annotations

import difflib
import os.path
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from .._rendering import python_source
from .._rendering.templates import Templates
from .pools import DEFAULT_QUEUE

#: The app with the tables of the samples.
RECORDS = "celery_records"
#: Templates below templates/project.
_OF_APP = "samples/app"
_OF_RECORDS = "samples/records"
#: The model that stands in where an app has none, and its migration.
_ITEM = "Item"
_ITEM_MIGRATION = "migrations/0002_item.py"
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

#: What is decided where there are none.
NONE: dict[str, Any] = {
    "apps": [],
    "records": "",
    "has_item": False,
    "tasks": {},
    "routes": {},
    "notes": [],
}


class SampleError(ValueError):
    """Samples that cannot be. The text says why and what to change."""


def decide(wanted: Sequence[str], project: Project, prefix: str, queues: Sequence[str]) -> dict[str, Any]:
    """Decide which apps get sample tasks.

    Args:
        wanted: the variable ``celery_project_sample_apps``.
        project: what was found.
        prefix: what the names of modules in the project's package begin with.
        queues: those that the pools consume.

    Returns:
        ``apps``: for each one its names and files; ``records``: the module of the tables, empty where
        they are not needed; ``tasks``: names and files; ``routes``; ``notes`` for whoever reads the diff.

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
        apps.append({"app": app, "label": app.replace(".", "_"), **asdict(place)})
        if not place.model:
            notes.append(f"{app} has no model of its own, so its sample tasks have one in {RECORDS}: Item.")
    used = project.records_used
    needed = bool(apps or used)
    records = f"{prefix}{RECORDS}" if needed else ""
    own_queue = next((queue for queue in queues if queue != DEFAULT_QUEUE), DEFAULT_QUEUE)
    tasks = {f"{app['app']}.tasks.{task}": app["tasks"] for app in apps for task in TASKS}
    if records:
        tasks |= {f"{records}.tasks.{task}": f"{RECORDS}/tasks.py" for task in RECORDS_TASKS}
    return {
        "apps": apps,
        "records": records,
        "has_item": any(not app["model"] for app in apps) or used == "item",
        "tasks": tasks,
        "routes": {f"{app['app']}.tasks.{_ROUTED}": {"queue": own_queue} for app in apps},
        "notes": notes,
    }


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


def schedule(samples: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the periodic tasks of the samples, as the variable ``celery_beat_schedule`` has them."""
    if not samples["records"]:
        return []
    records = f"{samples['records']}.tasks"
    return [
        {"name": f"{name}-relay", "task": f"{records}.relay", "interval": 10, "expires": 10},
        {"name": f"{name}-forget", "task": f"{records}.forget", "interval": 86400, "expires": 86400},
        *(
            {
                "name": f"{name}-{app['label']}-left-over",
                "task": f"{app['app']}.tasks.push_left_over",
                "interval": 600,
                "expires": 600,
            }
            for app in samples["apps"]
        ),
    ]


def render(
    templates: Templates, samples: Mapping[str, Any], values: Mapping[str, Any], package: str
) -> dict[str, str]:
    """Return the files of the samples, by path relative to the checkout.

    Args:
        templates: where they come from.
        samples: what :func:`decide` has decided.
        values: for the templates.
        package: the folder of the project's package, relative to the checkout.

    Raises:
        RenderError: a template does not work.
    """
    files: dict[str, str] = {}
    if samples["records"]:
        inside = {**values, "has_item": samples["has_item"]}
        for name in templates.names(_OF_RECORDS):
            relative = os.path.relpath(name, _OF_RECORDS)
            if samples["has_item"] or relative != _ITEM_MIGRATION:
                target = os.path.normpath(os.path.join(package, RECORDS, relative))
                files[target] = templates.render(name, inside)
    for app in samples["apps"]:
        model = app["model"] or _ITEM
        given = {
            **values,
            **app,
            "model": model,
            "manager": app["manager"] or "objects",
            "has_model": bool(app["model"]),
            **_imports(app["app"], model, samples["records"], bool(app["model"])),
        }
        files[app["tasks"]] = templates.render(f"{_OF_APP}/tasks.py", given)
        files[app["tests"]] = templates.render(f"{_OF_APP}/test_tasks.py", given)
    return files


def _imports(app: str, model: str, records: str, has_model: bool) -> dict[str, str]:
    """Return the lines that import what is the project's own."""
    tables = f"{records}.models"
    others = [] if has_model else [model]
    tested = {
        app: ["tasks"],
        records: ["outbox"],
        tables: ["LEASE", "Job", "Outgoing", *others],
        f"{records}.testing": ["Sent", "make", "sent"],
        **({f"{app}.models": [model]} if has_model else {}),
    }
    return {
        "imports": python_source.import_lines({records: ["outbox"], tables: ["Job", *others]}),
        "test_imports": python_source.import_lines(tested),
    }


def together(samples: Mapping[str, Any]) -> list[list[str]]:
    """Return the files that are the project's as soon as one of them is edited."""
    return [[app["tasks"], app["tests"]] for app in samples["apps"]]
