# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed: what the project asks for, and what its Celery needs."""

from __future__ import annotations

import os.path
import re

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Requirements
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from . import broker as _broker
from .variables import Variables

#: Lower bounds of what is installed; the reasons stand in docs/packages.md.
CELERY = "celery{extras}>=5.7,<6"
KOMBU = "kombu>=5.7"
BEAT = "django-celery-beat>=2.9"
RESULTS = "django-celery-results>=2.6"
REDBEAT = "celery-redbeat>=2.4.2"
HIREDIS = "hiredis>=3"
SQLALCHEMY = "sqlalchemy>=2.0"
DATABASE_URL = "dj-database-url>=3"
PSYCOPG = "psycopg[binary]>=3.2"
GUNICORN = "gunicorn>=23"
UVICORN_WORKER = "uvicorn-worker>=0.3"
PROMETHEUS_CLIENT = "prometheus-client>=0.19"
#: What celery.schedules.solar imports.
EPHEM = "ephem>=4.1"

_POSTGRESQL = re.compile(r"(postgres|postgresql|postgis)(\+\w+)?://")


def decide(
    variables: Variables,
    project: Project,
    integrate: bool,
    solar: bool = False,
    web: str = "",
    metrics: bool = False,
) -> Requirements:
    """Decide what is installed: what the project asks for, and what its Celery needs.

    A project with a Celery app of its own asks for its backends and scheduler itself.

    Args:
        variables: the public variables.
        project: what was found.
        integrate: whether the app is ours.
        solar: whether a periodic task of ours follows the sun.
        web: how the site is served, ``wsgi`` or ``asgi``; empty where this host does not.
        metrics: whether this host tells Prometheus.
    """
    files: list[str] = []
    asked: list[str] = []
    for entry in variables.requirements or project.requirements:
        file = os.path.join(project.path, entry)
        if entry in project.requirements or entry.endswith((".txt", ".in", ".toml", "Pipfile")):
            files.append(file)
        else:
            asked.append(entry)
    extras = _extras(variables, integrate)
    with_extras = f"[{','.join(sorted(extras))}]" if extras else ""
    if not integrate and "celery" in project.required:
        # The project's own choice of versions, which celery_review warns of where it is too old.
        own = [f"celery{with_extras}"]
    else:
        own = [CELERY.format(extras=with_extras), KOMBU]
    if integrate:
        own += [HIREDIS] if "redis" in extras else []
        own += _of_the_integration(variables, project)
        own += [EPHEM] if solar else []
    served_by = [*{"wsgi": [GUNICORN], "asgi": [GUNICORN, UVICORN_WORKER]}.get(web, [])]
    served_by += [PROMETHEUS_CLIENT] if metrics else []
    asked += [spec for spec in served_by if spec.partition(">")[0] not in project.required]
    # Who names requirements wants these.
    locked = project.lock and not variables.requirements
    lock = os.path.join(project.path, project.lock) if locked else ""
    return Requirements(tuple(files), (*asked, *own), tuple(own), lock)


def _of_the_integration(variables: Variables, project: Project) -> list[str]:
    """Return what the settings fragment asks for; a project's own app asks for its own."""
    backend = variables.result_backend
    own = []
    if backend in ("django-db", "django-cache"):
        own.append(RESULTS)
    if backend == "database" or backend.startswith("db+"):
        own.append(SQLALCHEMY)
    if variables.beat_scheduler == "database":
        own.append(BEAT)
    if variables.beat_scheduler == "redbeat":
        own.append(REDBEAT)
    if variables.database_from_url:
        own.append(DATABASE_URL)
    if _needs_psycopg(variables, project):
        own.append(PSYCOPG)
    return own


def _extras(variables: Variables, integrate: bool) -> set[str]:
    """Return the extras of Celery that broker, results and pools need."""
    extras = {variables.broker.extra, _broker.extra_of(variables.result_backend)}
    extras |= {"gevent" for pool in variables.pools if pool.pool == "gevent"}
    if not integrate:
        # The project's settings may have their broker from any of the secrets.
        extras |= {_broker.extra_of(scheme) for scheme in variables.secret_schemes}
    return extras - {""}


def _needs_psycopg(variables: Variables, project: Project) -> bool:
    # SQLAlchemy takes the driver that the URL names, also where Django has psycopg2.
    if variables.result_backend == "database" or variables.result_backend.startswith(
        "db+postgresql+psycopg://"
    ):
        return "psycopg" not in project.required
    if any(name.startswith("psycopg") for name in project.required):
        return False
    if project.database == "postgresql":
        return True
    return variables.uses_postgresql or any(_POSTGRESQL.match(url) for url in variables.environment.values())
