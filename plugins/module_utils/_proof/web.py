# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the web would use the databases of the workers: its entry point does things that Celery's lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._deployment import Deployment
from .._discovery.entry_points import names_in
from .._project.python import WEB, ProjectError, ProjectPython
from .._project.scripts import prove as inside_prove
from .._project.scripts import web as inside_web

_NAME = "web's databases"
#: Seconds that the entry point gets: it may load all of the site.
_PATIENCE = 60


def ask(project: ProjectPython, deployment: Deployment) -> Mapping[str, Any]:
    """Return the databases and the settings of a process that is started by wsgi.py, or ``error``.

    It has the workers' environment, but for what its own entry point decides: the settings module, and what
    is in the files that it loads.
    """
    own = {"CELERY_ENTRY_FILES", "DJANGO_CONFIGURATION"}
    for _loader, file, _replaces in json.loads(project.environment.get("CELERY_ENTRY_FILES", "[]")):
        own.update(names_in(Path(file)))
    if not deployment.code.settings_given:
        own.add("DJANGO_SETTINGS_MODULE")
    job = {"module": deployment.code.web}
    try:
        answer: Mapping[str, Any] = project.without(own).run(inside_web, job, _PATIENCE, WEB)
    except ProjectError as error:
        return {"error": str(error)}
    return answer


def compare(
    deployment: Deployment, workers: Mapping[str, Sequence[str]], answer: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the proof that a web process would use the databases of the workers.

    Args:
        deployment: the decisions.
        workers: alias to place, as the workers have them.
        answer: what :func:`ask` returned.
    """
    entry = deployment.code.web
    if "error" in answer:
        return inside_prove.skipped(
            _NAME, f"{entry} does not load with the workers' packages: {answer['error']}"
        )
    there = answer["databases"]
    others = [
        f"{alias}: {_told(there.get(alias))} there, {_told(workers.get(alias))} here"
        for alias in {**workers, **there}
        if list(there.get(alias, ())) != list(workers.get(alias, ()))
    ]
    if not others:
        first = next(iter(workers.values()))
        text = (
            f"{len(workers)} as {entry} has them"
            if len(workers) > 1
            else f"{_told(first)}, as {entry} has it"
        )
        return inside_prove.proof(_NAME, True, text)
    settings = answer["settings"]
    by = f" (settings {settings})" if settings != deployment.code.settings else ""
    return inside_prove.proof(
        _NAME,
        False,
        f"{entry}{by} would use another one than workers and migrations: {'; '.join(others)}. Put what "
        "decides it into celery_environment or celery_secrets, or correct the entry point",
    )


def _told(place: Sequence[str] | None) -> str:
    """Return a place as text: ``postgresql shop at db:5432``, ``sqlite /srv/shop/db.sqlite3``."""
    if not place:
        return "none"
    vendor, host, port, name = place
    where = f" at {host}{f':{port}' if port else ''}" if host else ""
    return f"{vendor} {name}{where}"
