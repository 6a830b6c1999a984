# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the settings, run Django's system checks, and see whether database and broker answer."""

from __future__ import annotations

from typing import Any

from .common import is_empty, pooled_databases, unregistered, void


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Run the checks that ``job`` names: ``system``, ``databases``, ``broker`` (each a bool).

    ``places`` says where the project's own settings of Celery stand, as FILE:LINE by their names.
    ``tasks`` are the names that have to be registered, each with what names it; ``results``: the result
    ``backend`` that was chosen, and whether ``several_hosts`` share it.
    """
    import django

    django.setup()
    problems: list[dict[str, str]] = []
    if job.get("system"):
        problems += system_problems()
    if job.get("databases"):
        problems += database_problems()
        problems += router_problems()
    if job.get("broker"):
        problems += void_problems(job["app"], job.get("places") or {})
        problems += broker_problems(job["app"])
    if job.get("tasks"):
        problems += task_problems(job["app"], job["tasks"])
    if job.get("results"):
        problems += result_problems(job["app"], **job["results"])
    pooled = pooled_databases() if job.get("databases") else []
    return {"problems": problems, "pooled": pooled, "django": django.get_version()}


def system_problems() -> list[dict[str, str]]:
    """Return what ``manage.py check`` finds and would fail for."""
    from django.core import checks

    return [
        {"kind": "check", "text": str(message)}
        for message in checks.run_checks()
        if message.is_serious() and not message.is_silenced()
    ]


def database_problems() -> list[dict[str, str]]:
    """Return the databases of the settings that do not let us in. SQLite needs no server."""
    from django.db import DatabaseError, connections
    from django.db.utils import InterfaceError

    problems = []
    for alias in connections:
        connection = connections[alias]
        if connection.vendor == "sqlite" or is_empty(alias):
            continue
        try:
            connection.ensure_connection()
        except (DatabaseError, InterfaceError) as error:
            text = _of_a_database(alias, connection.settings_dict, str(error).strip())
            problems.append({"kind": "database", "text": text})
        else:
            connection.close()
    return problems


#: What drivers say where nobody listens.
_NOBODY = (
    "refused",
    "no such file",
    "timed out",
    "timeout expired",
    "translate host",
    "not known",
    "can't connect",
)


def _of_a_database(alias: str, settings: dict[str, Any], error: str) -> str:
    """Return what to say of a database that does not let us in: nobody is there, or it does not want us."""
    where = f"{settings.get('HOST') or 'localhost'}:{settings.get('PORT') or 'default port'}"
    nobody = any(word in error.lower() for word in _NOBODY)
    what = "does not answer" if nobody else f"refuses the user {settings.get('USER')!r}"
    text = f"the database {settings.get('NAME')!r} at {where} (DATABASES[{alias!r}]) {what}: {error}"
    if not settings.get("NAME"):
        text += (
            ". It has no NAME: if the settings read that from the environment, put the variables of the "
            "database into celery_environment, and its password into celery_secrets"
        )
    return text


#: The apps that come with Celery, and bring tables.
_WITH_TABLES = ("django_celery_beat", "django_celery_results")


def router_problems() -> list[dict[str, str]]:
    """Return the apps that come with Celery and whose tables the project's routers let into no database.

    Django would note their migrations as applied, make no table, and no later run would.
    """
    from django.apps import apps
    from django.db import router

    problems = []
    for label in _WITH_TABLES:
        if not apps.is_installed(label):
            continue
        # All models of these apps belong together; where the first one is written, all are.
        model = next(apps.get_app_config(label).get_models())
        alias = router.db_for_write(model)
        if is_empty(alias):
            text = (
                f"DATABASES[{alias!r}] is empty, and no router (DATABASE_ROUTERS) names another one for the "
                f"app {label}"
            )
        elif label == "django_celery_beat" and is_empty("default"):
            text = (
                "DATABASES['default'] is empty, and django-celery-beat commits there, whatever the routers "
                f"say. Give 'default' the values of {alias!r} too, or set celery_beat_scheduler to file"
            )
        else:
            refusing = refused_by(alias, label, model)
            if not refusing:
                continue
            text = (
                f"{refusing}.allow_migrate({alias!r}, {label!r}) is False (DATABASE_ROUTERS), so the tables "
                f"of {label}, which Celery needs, would never be made. Let it return True for that app "
                "and database; with other values of celery_beat_scheduler and celery_result_backend, Celery "
                "needs no tables"
            )
        problems.append({"kind": "router", "text": text})
    return problems


def refused_by(alias: str, label: str, model: Any) -> str:
    """Return the router that keeps the tables of an app out of a database, as a dotted name."""
    from django.db import router

    for candidate in router.routers:
        if hasattr(candidate, "allow_migrate"):
            verdict = candidate.allow_migrate(alias, label, model_name=model._meta.model_name, model=model)
            if verdict is not None:
                kind = type(candidate)
                return "" if verdict else f"{kind.__module__}.{kind.__qualname__}"
    return ""


def broker_problems(app_path: str) -> list[dict[str, str]]:
    """Return why the broker does not let us in, if so."""
    from celery.app.utils import find_app

    app = find_app(app_path)
    connection = app.connection_for_write(connect_timeout=5)
    try:
        connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=8)
    except Exception as error:  # noqa: BLE001 - each transport raises its own
        return [
            {
                "kind": "broker",
                "text": f"the broker {connection.as_uri()} does not answer: {str(error).strip()}",
            }
        ]
    else:
        if connection.transport.driver_type != "redis":
            return []
        channel = connection.default_channel
        refused = redis_refusals(channel, list(app.amqp.queues), bool(app.conf.worker_enable_remote_control))
        text = f"the broker {connection.as_uri()} refuses to its user what Celery does: {'; '.join(refused)}"
        if any(entry.startswith("PSUBSCRIBE") for entry in refused):
            text += ". Redis compares patterns of channels as they are: allow allchannels, or exactly these"
        return [{"kind": "broker", "text": text}] if refused else []
    finally:
        connection.release()


def redis_refusals(channel: Any, queues: list[str], control: bool) -> list[str]:
    """Return the commands that the access list of a Redis refuses to its user, each with the server's words.

    A worker without one of these rights can seem to work, and never get a task. Redis asks its access list
    when a command is queued for a transaction, and the transaction is thrown away: nothing is done.
    """
    client = channel.client.client()
    prefix = getattr(channel, "global_keyprefix", "") or ""
    # The client of one connection is made anew, and forgets it.
    client.global_keyprefix = prefix
    topic = f"{channel.keyprefix_fanout}celery.pidbox"
    commands: list[tuple[Any, ...]] = [
        *(command for queue in queues for command in (("LPUSH", queue, ""), ("BRPOP", queue, 1))),
        ("ZADD", channel.unacked_index_key, 1, ""),
        ("HSET", channel.unacked_key, "", ""),
        ("SET", channel.unacked_mutex_key, ""),
    ]
    if control:
        binding = channel.keyprefix_queue % "celery.pidbox"
        commands += [("SADD", binding, ""), ("PUBLISH", topic, ""), ("PSUBSCRIBE", prefix + topic)]
    refused = []
    try:
        for command in commands:
            client.execute_command("MULTI")
            try:
                client.execute_command(*command)
            except Exception as error:  # noqa: BLE001 - redis-py's own, and not all versions have a class for it
                if type(error).__name__ == "NoPermissionError" or str(error).startswith("NOPERM"):
                    refused.append(f"{command[0]} {command[1]} ({str(error).strip().rstrip('.')})")
            client.execute_command("DISCARD")
    except Exception:  # noqa: BLE001 - what stands before a Redis may know no transactions: workers will tell
        return refused
    finally:
        client.close()
    return refused


def void_problems(app_path: str, places: dict[str, str]) -> list[dict[str, str]]:
    """Return what keeps tasks from reaching workers at all."""
    from celery.app.utils import find_app

    return [{"kind": "void", "text": text} for text in void(find_app(app_path), places)]


def result_problems(app_path: str, backend: str, several_hosts: bool) -> list[dict[str, str]]:
    """Return why results could not be kept, or read by others."""
    if backend == "django-cache":
        texts = cache_problems(app_path, several_hosts)
    elif backend == "django-db" and several_hosts:
        texts = file_problems()
    else:
        texts = []
    return [{"kind": "results", "text": f"celery_result_backend is {backend}, and {text}"} for text in texts]


def cache_problems(app_path: str, several_hosts: bool) -> list[str]:
    """Return what is wrong with the cache that is to hold results."""
    from celery.app.utils import find_app
    from django.core.cache import caches
    from django.core.cache.backends import dummy, filebased, locmem
    from django.core.cache.backends.base import InvalidCacheBackendError

    alias = find_app(app_path).conf.cache_backend or "default"
    instead = "name one on a server, as Redis, with CELERY_CACHE_BACKEND in celery_environment"
    try:
        cache = caches[alias]
    except InvalidCacheBackendError as error:
        return [f"the settings have no such cache: {error}; {instead}"]
    name = f"CACHES[{alias!r}] ({type(cache).__name__})"
    if isinstance(cache, (locmem.LocMemCache, dummy.DummyCache)):
        return [f"{name} is seen by no other process: what a worker writes, nobody reads; {instead}"]
    if isinstance(cache, filebased.FileBasedCache) and several_hosts:
        return [f"{name} is a folder on each host, which the others do not see; {instead}"]
    key = "celeriac-check"
    try:
        cache.set(key, "kept", 30)
        kept = cache.get(key)
        cache.delete(key)
    except Exception as error:  # noqa: BLE001 - each cache raises its own
        return [f"{name} does not work: {type(error).__name__}: {error}"]
    return [] if kept == "kept" else [f"{name} does not keep what it is given"]


def file_problems() -> list[str]:
    """Return that the database of the results is a file, which no other host sees."""
    from django.db import connections, router
    from django_celery_results.models import TaskResult

    alias = router.db_for_write(TaskResult)
    if connections[alias].vendor != "sqlite":
        return []
    return [
        f"DATABASES[{alias!r}] is SQLite, a file on each of several hosts: no host sees the results of "
        "another one; take a database server, or redis"
    ]


def task_problems(app_path: str, tasks: dict[str, str]) -> list[dict[str, str]]:
    """Return the tasks that are sent, and that no worker would know."""
    from celery.app.utils import find_app

    return [{"kind": "task", "text": text} for text in unregistered(find_app(app_path), tasks)]
