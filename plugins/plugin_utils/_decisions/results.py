# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where results and RedBeat's schedule are kept, and what does not go together."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project

from .variables import Variables

#: Where RedBeat finds its Redis, if it is not the broker.
REDBEAT_URL = "CELERY_REDBEAT_REDIS_URL"
#: What a word can say; everything else is a URL.
RESULT_BACKENDS = ("django-db", "django-cache", "redis", "database", "none")
#: Which of the caches of the settings holds results.
CACHE_ALIAS = "CELERY_CACHE_BACKEND"
#: Caches that no other process can read, with the reason.
_OF_ONE_PROCESS = {
    "django.core.cache.backends.locmem.LocMemCache": "is in the memory of one process, unseen by others",
    "django.core.cache.backends.dummy.DummyCache": "keeps nothing",
}
_OF_ONE_HOST = "django.core.cache.backends.filebased.FileBasedCache"
#: Schemes of DATABASE_URL from which the URL for SQLAlchemy is made, in vars/main.yml of the role celery.
_POSTGRESQL = ("postgres", "postgresql", "postgis")
#: How many places a message names.
_NAMED = 3


class ResultsError(ValueError):
    """A choice that cannot work. The text says what to choose instead."""


def check(variables: Variables, running: int) -> None:
    """Check what can be checked without looking at the project.

    Args:
        variables: the public variables; ``database_scheme`` is that of DATABASE_URL.
        running: the number of hosts that are one deployment.

    Raises:
        ResultsError: the choice cannot work.
    """
    backend, broker = variables.result_backend, variables.broker
    if backend not in RESULT_BACKENDS and "://" not in backend:
        offered = ", ".join(RESULT_BACKENDS)
        raise ResultsError(
            f"celery_result_backend: {backend!r} is not known: it is {offered}, or a URL such as "
            "db+postgresql+psycopg://user:password@host/name."
        )
    if backend == "redis" and broker.extra != "redis":
        raise ResultsError(
            "celery_result_backend is redis, which means the broker's Redis, but the broker is "
            f"{broker.transport}. Set it to the URL of a Redis, or to django-db."
        )
    if backend == "database":
        _check_database(variables.database_scheme)
    if backend.startswith(("db+sqlite", "file:")) and running > 1:
        raise ResultsError(
            f"celery_result_backend is a file on one host ({backend.partition(':')[0]}), and {running} hosts "
            "are to share it. Take django-db with the project's database server, redis, or the URL of a "
            "server."
        )


def _check_database(scheme: str) -> None:
    if scheme.partition("+")[0] in _POSTGRESQL:
        return
    if scheme:
        what = f"DATABASE_URL is one of {scheme}"
    else:
        what = "neither celery_secrets nor the group celery_database gives a DATABASE_URL"
    raise ResultsError(
        "celery_result_backend is database, which means tables of SQLAlchemy in the project's PostgreSQL, "
        f"with a URL that is made from DATABASE_URL; but {what}. Give the URL itself, such as "
        "db+postgresql+psycopg://user:password@host/name, or take django-db, which is in whatever database "
        "Django uses."
    )


def check_project(variables: Variables, project: Project, hosts: int) -> None:
    """Check the choice against what was found in the project.

    Args:
        variables: the public variables.
        project: what was found.
        hosts: the number of worker hosts that are one deployment.

    Raises:
        ResultsError: the choice cannot work with this project.
    """
    backend = variables.result_backend
    if backend == "none":
        _check_none(variables, project)
    if backend == "django-cache":
        _check_cache(variables, project, hosts)
    elsewhere = variables.uses_postgresql or "DATABASE_URL" in variables.secret_names
    if backend == "django-db" and hosts > 1 and project.database == "sqlite3" and not elsewhere:
        raise ResultsError(
            f"celery_result_backend is django-db, and the project's database is SQLite: a file on each of "
            f"{hosts} hosts, so that no host sees the results of another one. Give the project a database "
            "server (the group celery_database, or DATABASE_URL in celery_secrets), or take redis."
        )


def _check_none(variables: Variables, project: Project) -> None:
    chords = project.chords
    if chords:
        raise ResultsError(
            f"celery_result_backend is none, and the project has a chord ({_listed(chords)}): its last step "
            "waits for the results of the others, and would never come. Take django-db or redis."
        )
    if variables.project_sample_apps:
        raise ResultsError(
            "celery_result_backend is none, and a chord is among the samples of celery_project_sample_apps: "
            "its last step waits for the results of the others. Take django-db or redis, or no samples."
        )


def _check_cache(variables: Variables, project: Project, hosts: int) -> None:
    alias = str(variables.environment.get(CACHE_ALIAS) or "default")
    cache = project.caches.get(alias, "")
    where = f"celery_result_backend is django-cache, and CACHES[{alias!r}] of the settings"
    if cache in _OF_ONE_PROCESS:
        raise ResultsError(
            f"{where} {_OF_ONE_PROCESS[cache]} ({cache.rpartition('.')[2]}): what a worker writes, nobody "
            f"reads. Name a cache on a server, as Redis, with {CACHE_ALIAS} in celery_environment, or take "
            "django-db or redis."
        )
    if cache == _OF_ONE_HOST and hosts > 1:
        raise ResultsError(
            f"{where} is a folder on each of {hosts} hosts, so that no host sees the results of another one. "
            f"Name a cache on a server with {CACHE_ALIAS} in celery_environment, or take django-db or redis."
        )


def warnings(variables: Variables, project: Project) -> list[str]:
    """Return what works, but is probably not what somebody wants."""
    reads = project.results_read
    if variables.result_backend != "none" or not reads:
        return []
    return [
        f"celery_result_backend is none, and the project reads results ({_listed(reads)}): there it gets "
        "NotImplementedError. Take django-db or redis, or do without the result there."
    ]


def _listed(places: Mapping[str, str]) -> str:
    texts = [f"{what} in {place}" for place, what in places.items()]
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more


def check_redbeat(variables: Variables) -> None:
    """See that RedBeat has a Redis.

    Raises:
        ResultsError: it has none.
    """
    broker = variables.broker
    named = {*variables.environment, *variables.secret_names}
    if variables.beat_scheduler == "redbeat" and broker.extra != "redis" and REDBEAT_URL not in named:
        raise ResultsError(
            f"celery_beat_scheduler is redbeat, which keeps its schedule in a Redis, but the broker is "
            f"{broker.transport}. Put the URL of a Redis into celery_secrets as {REDBEAT_URL}, or use the "
            "scheduler database."
        )


def in_settings(wanted: str, prefix: str) -> str:
    """Return what the settings fragment says; a URL comes from the environment.

    Args:
        wanted: the variable ``celery_result_backend``.
        prefix: what the names of modules in the project's package begin with.
    """
    if "://" in wanted or wanted in ("none", "database"):
        return ""
    if wanted == "django-db":
        return f"{prefix}celery_ops.results.DatabaseBackend"
    return wanted
