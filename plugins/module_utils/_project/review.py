# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Celery app that the project wrote itself lacks, said with file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._discovery.files import python_files
from .._discovery.project import Project

#: The oldest Celery whose kombu reconnects to Redis reliably; docs/packages.md has the reasons.
OLDEST = (5, 7)
#: The Celery that brought delay_on_commit, and celery.contrib.django.task with it.
ON_COMMIT = (5, 4)


#: Settings of packages beside Celery that begin like its own.
_OF_OTHERS = ("CELERY_EMAIL_", "CELERY_HAYSTACK_", "CELERY_ONCE", "CELERY_PROGRESS", "CELERY_SINGLETON")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def lacks(project: Project, answer: Mapping[str, Any], delivery: str) -> list[str]:
    """Return what the guarantees of this collection miss in the project's own app.

    Args:
        project: the discovered project.
        answer: what the app said of itself, as :mod:`_project.scripts.review` returns it.
        delivery: what was asked for, ``at_most_once`` or ``at_least_once``.
    """
    app = project.own_app
    texts = []
    if _version(answer["version"]) < OLDEST:
        texts.append(
            f"Celery {answer['version']} is what the project's requirements ask for. Before "
            f"{'.'.join(map(str, OLDEST))}, a worker can stay alive and never consume again after Redis "
            "was away (celery issues 8030, 10205, 10502). Raise the requirement."
        )
    if not answer["namespace"]:
        texts.append(
            f"{app.configured or app.place}: the app reads no settings under a prefix, so Celery knows "
            'only names of before 4.0. Use config_from_object("django.conf:settings", namespace="CELERY").'
        )
    if not answer["results"]:
        texts.append(
            f"{app.place}: there is no result backend, so neither round trips nor tasks' results can be "
            'proven. Set CELERY_RESULT_BACKEND, for instance to "django-db".'
        )
    if answer["wanted_broker"] and answer["wanted_broker"] != answer["broker"]:
        where = _place(project, "CELERY_BROKER_URL", "BROKER_URL") or app.place
        texts.append(
            f"{where}: the app's broker is {answer['broker']}, and celery_broker_url names "
            f'{answer["wanted_broker"]}. Read it with os.environ["CELERY_BROKER_URL"].'
        )
    if delivery == "at_least_once" and not answer["late"]:
        where = _place(project, "CELERY_TASK_ACKS_LATE", "CELERY_ACKS_LATE") or app.place
        texts.append(
            f"{where}: celery_delivery is at_least_once, and the app acknowledges early. Set "
            "CELERY_TASK_ACKS_LATE and CELERY_TASK_REJECT_ON_WORKER_LOST to True."
        )
    texts += [
        f"{_place(project, name) or project.settings}: Celery knows no setting {name}, and ignores it."
        for name in answer["unknown"]
    ]
    texts += _immediate(project, answer["immediate"], answer["version"])
    return texts


def unserved(project: Project, queues: Mapping[str, str], served: Sequence[str]) -> str:
    """Return what to say of tasks that go to queues which no pool serves, empty where all are served.

    Args:
        project: the discovered project.
        queues: task to queue; the empty name stands for what has no route.
        served: the queues of all pools, and those that others serve.
    """
    if not served:
        return ""
    lost: dict[str, list[str]] = {}
    for task, queue in queues.items():
        # What has no route matters where a task of the project's goes there.
        if queue not in served and task:
            place = project.tasks.get(task)
            lost.setdefault(queue, []).append(f"{task} ({place})" if place else task)
    default = queues.get("", "")
    texts = []
    for queue, tasks in sorted(lost.items()):
        more = f" and {len(tasks) - 3} others" if len(tasks) > 3 else ""
        where = _place(project, "CELERY_TASK_DEFAULT_QUEUE", "CELERY_DEFAULT_QUEUE")
        by = f" (the app's default queue{f', {where}' if where else ''})" if queue == default else ""
        texts.append(f"No pool serves the queue {queue}{by}, where {', '.join(tasks[:3])}{more} go.")
    if not texts:
        return ""
    # With those that are served already: whoever follows this keeps them.
    wanted = ", ".join(dict.fromkeys([*served, *lost]))
    return (
        f"{' '.join(texts)} Add it to the queues of a pool in celery_workers, such as "
        f"[{{name: default, queues: [{wanted}]}}], or to celery_other_queues if somebody else "
        "serves it."
    )


def broker_place(project: Project) -> str:
    """Return where the app's broker is set, or where the app is."""
    return _place(project, "CELERY_BROKER_URL", "BROKER_URL", "CELERY_BROKER") or project.own_app.place


def unread(base: str, names: Sequence[str]) -> list[str]:
    """Return the settings that nobody reads: neither Celery, nor the project's own files, as it seems.

    Args:
        base: the folder of manage.py.
        names: settings that look like Celery's, and that it does not know.
    """
    waiting = set(names)
    for file in python_files(Path(base)) if waiting else ():
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for name in list(waiting):
            assigned = len(re.findall(rf"^[ \t]*{name}\b[ \t]*(?::[^=\n]*)?\+?=[^=]", text, re.M))
            if len(re.findall(rf"\b{name}\b", text)) > assigned:
                waiting.discard(name)
    return [name for name in names if name in waiting and not name.startswith(_OF_OTHERS)]


def _place(project: Project, *names: str) -> str:
    return next((project.celery_settings[name] for name in names if name in project.celery_settings), "")


def _immediate(project: Project, tasks: list[str], version: str) -> list[str]:
    if not tasks:
        return []
    if _version(version) < ON_COMMIT:
        return [
            f"Celery {version} has no delay_on_commit, so tasks can run before what they are about is "
            f"committed. It came with Celery {'.'.join(map(str, ON_COMMIT))}: raise the requirement, or "
            "send with transaction.on_commit."
        ]
    where = project.own_app.task_class or project.tasks.get(tasks[0]) or project.own_app.place
    more = f" and {len(tasks) - 1} others" if len(tasks) > 1 else ""
    return [
        f"{where}: {tasks[0]}{more} cannot be sent on commit. Derive the base class from "
        "celery.contrib.django.task.DjangoTask."
    ]
