# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Celery app that the project wrote itself lacks, said with file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._discovery.project import Project

#: The oldest Celery whose kombu reconnects to Redis reliably; docs/packages.md has the reasons.
OLDEST = (5, 7)
#: The Celery that brought delay_on_commit, and celery.contrib.django.task with it.
ON_COMMIT = (5, 4)


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
