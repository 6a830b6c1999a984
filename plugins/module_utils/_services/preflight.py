# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See that what is going to be started can be: the code loads, and its tasks fit the pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._project.python import WORKER, ProjectError, ProjectPython
from .._project.scripts import preflight as inside
from .._runtime import environment_file


class PreflightError(Exception):
    """It cannot be started. The text says why; nothing was changed."""


def check(job: Mapping[str, Any], python: str, base: str, user: str, files: Sequence[Path]) -> list[str]:
    """Run the project as the units would, look at its tasks, and return what could not be found out.

    Args:
        job: as of :mod:`_project.scripts.preflight`.
        python: the interpreter of the virtual environment.
        base: the folder of manage.py.
        user: the user of the services.
        files: the files with their environment.

    Raises:
        PreflightError: the code does not load, or a task does not fit.
    """
    environment: dict[str, str] = {}
    for file in files:
        environment.update(environment_file.load(environment_file.read(file)))
    # What a task says itself shall show: not what the project's delivery makes of all of them.
    environment["CELERY_DELIVERY"] = "at_most_once"
    environment.pop("CELERY_STATE_PATH", None)
    project = {
        "python": python,
        "base": base,
        "settings": environment.get("DJANGO_SETTINGS_MODULE", ""),
        "user": user,
        "environment": environment,
    }
    try:
        answer = ProjectPython.from_params({"project": project, "secrets": {}}).run(inside, job, role=WORKER)
    except ProjectError as error:
        raise PreflightError(f"The workers would not start, so what runs was left alone: {error}") from error
    problems = [
        *pooled_problems(
            answer["pooled"], [pool["name"] for pool in job["pools"] if pool["pool"] == "prefork"]
        ),
        *answer["problems"],
    ]
    if problems:
        raise PreflightError(f"Nothing was started: {'; '.join(problems)}.")
    return list(answer["notes"])


def pooled_problems(pooled: Sequence[str], prefork: Sequence[str]) -> list[str]:
    """Return what is wrong with databases whose connections Django pools, where processes are forked.

    Args:
        pooled: the aliases of such databases.
        prefork: the names of the pools that fork.
    """
    if not (pooled and prefork):
        return []
    places = ", ".join(f"DATABASES[{alias!r}]" for alias in pooled)
    return [
        f'OPTIONS["pool"] is in {places}, and celery_workers has pools of the kind prefork '
        f"({', '.join(prefork)}): what Django pools is inherited by forked processes, and is slower than "
        "none (an open fault of Celery, #10554). Leave the option out where workers read the settings, as "
        "they keep connections without it, or set pool: threads"
    ]
