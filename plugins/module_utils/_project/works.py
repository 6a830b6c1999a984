# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See that a project works, before a change of it or of what it runs with stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._discovery import missing
from .._services import preflight
from .python import CHECK, MIGRATE, ProjectError, ProjectPython
from .scripts import check as inside_check


class WorksError(Exception):
    """The project does not work. The text says what was changed, what went wrong, where, and what to do."""


def see(project: ProjectPython, job: Mapping[str, Any], what: str) -> None:
    """See that the project's settings load, and what else the job of the script check names.

    Raises:
        WorksError: they do not; the text holds Django's own message.
    """
    try:
        answer = _checked(project, job)
    except ProjectError as error:
        raise WorksError(f"{what}: {str(error).rstrip('?.')}.{_advice(error, project.base)}") from error
    problems = [problem["text"] for problem in answer["problems"]]
    problems += preflight.pooled_problems(answer.get("pooled", ()), job.get("prefork", ()))
    if problems:
        listed = "; ".join(problems)
        raise WorksError(f"{what}: {listed}")


def _checked(project: ProjectPython, job: Mapping[str, Any]) -> Any:
    """Run the checks as ``manage.py check``, or as ``migrate`` if it needs tables that are not there yet.

    An AppConfig that reads its tables unless it is run by ``migrate`` works on an empty database
    by that command alone, and so do the checks, which ``migrate`` makes too.
    """
    try:
        return project.run(inside_check, job, role=CHECK)
    except ProjectError as error:
        if error.error not in ("OperationalError", "ProgrammingError", "DatabaseError"):
            raise
        try:
            return project.run(inside_check, job, role=MIGRATE)
        except ProjectError:
            raise error from None


def _advice(error: ProjectError, base: str) -> str:
    # Django says of a driver that is missing what to install, as a fault of the settings.
    if error.error in ("ModuleNotFoundError", "ImportError") or "Did you install " in str(error):
        return missing.advice(Path(base), str(error)) or (
            " If a package is missing, add it to the project's requirement files, "
            "or name the right ones in celery_requirements."
        )
    if error.error in ("KeyError", "ImproperlyConfigured", "UndefinedValueError", "EnvError"):
        return (
            " If the settings miss something in the environment, put it into celery_environment, "
            "or into celery_secrets if it is a secret."
        )
    return ""
