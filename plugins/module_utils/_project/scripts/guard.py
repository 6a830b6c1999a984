# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two releases that run beside each other cannot bear: of migrations, and of tasks that wait."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .common import choose

#: What a statement of SQL that older code cannot bear has in it.
_HARD = re.compile(r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN)|SET\s+NOT\s+NULL)\b", re.IGNORECASE)
#: How many messages of a queue are looked at.
MOST = 10000


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Look at the databases and the broker with this release's code.

    Args:
        job: ``app``: what ``celery -A`` takes; ``databases``: the aliases, none for those that the routers
            name; ``queues``: those of the workers; ``release``: its folder; ``only``: migrations, each a list
            of app and name, of which alone is told what they do, and nothing else is looked at.

    Returns:
        ``pending``: migrations; ``unsafe``: what of them older code cannot bear; ``ahead``: migrations that
        the database has and this release does not; ``unknown``: tasks that wait, and that it does not know;
        ``blind``: what could not be looked at; ``inside``: databases that are files of the release.
    """
    import django

    django.setup()
    from django.db import connections

    if job.get("only"):
        wanted = {(str(app), str(name)) for app, name in job["only"]}
        return {"unsafe": _unsafe_of(connections["default"], wanted)}
    answer: dict[str, Any] = {"pending": [], "unsafe": [], "ahead": [], "inside": []}
    aliases, _left = choose(list(connections), job["databases"])
    for alias in aliases:
        connection = connections[alias]
        if connection.vendor == "sqlite" and _is_below(connection.settings_dict["NAME"], job["release"]):
            answer["inside"].append(f"DATABASES[{alias!r}] is {connection.settings_dict['NAME']}")
            continue
        # Tables that are not there yet, no older code uses.
        pending, ahead, begun = _compared(connection)
        answer["pending"] += [".".join(key) for key in pending]
        answer["ahead"] += [list(key) for key in ahead]
        answer["unsafe"] += _unsafe_of(connection, {key for key in pending if key[0] in begun})
    answer["unknown"], answer["blind"] = unknown_tasks(job["app"], job["queues"])
    return answer


def _is_below(file: Any, folder: str) -> bool:
    place = str(file)
    if place.startswith("file:") or ":memory:" in place:
        return False
    resolved = Path(place).resolve()
    return Path(folder).resolve() in resolved.parents


def _compared(connection: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]], set[str]]:
    """Return the migrations that a database still has to get, those that only the database has, and the apps
    that it has tables of.
    """
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    loader = executor.loader
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    pending = [(migration.app_label, migration.name) for migration, _backwards in plan]
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    apps = {app for app, _name in loader.disk_migrations}
    known = {*loader.disk_migrations, *replaced}
    ahead = [key for key in loader.applied_migrations if key not in known and key[0] in apps]
    return pending, sorted(ahead), {app for app, _name in loader.applied_migrations}


def _unsafe_of(connection: Any, wanted: set[tuple[str, str]]) -> list[dict[str, str]]:
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None, ignore_no_migrations=True)
    found = []
    for key in sorted(wanted & set(loader.disk_migrations)):
        migration = loader.disk_migrations[key]
        state = loader.project_state(key, at_end=False)
        for operation, before in _steps(migration, state):
            why = unsafe(operation, before, migration.app_label)
            if why:
                file = getattr(__import__(migration.__module__, fromlist=["_"]), "__file__", "")
                found.append(
                    {
                        "file": file or migration.__module__,
                        "operation": str(operation.describe()),
                        "why": why,
                        "migration": ".".join(key),
                        "database": connection.alias,
                    }
                )
    return found


def _steps(migration: Any, state: Any) -> Iterator[tuple[Any, Any]]:
    """Give the operations that change the database, each with the state before it."""
    from django.db.migrations.operations import SeparateDatabaseAndState

    for operation in migration.operations:
        if isinstance(operation, SeparateDatabaseAndState):
            inner = state.clone()
            for one in operation.database_operations:
                yield one, inner
                inner = inner.clone()
                one.state_forwards(migration.app_label, inner)
        else:
            yield operation, state
        state = state.clone()
        operation.state_forwards(migration.app_label, state)


def unsafe(operation: Any, before: Any, label: str) -> str:
    """Return why code from before a migration's operation cannot bear it, empty if it can."""
    from django.db.migrations import operations

    for kind, why in _hard(operations).items():
        if isinstance(operation, kind):
            return "" if _is_unmanaged(operation, before, label) else why
    if isinstance(operation, operations.AddField):
        return _of_added(operation.field)
    if isinstance(operation, operations.AlterField):
        old = before.models[label, operation.model_name.lower()].fields[operation.name]
        return _of_altered(old, operation.field, operation.name)
    if isinstance(operation, operations.AlterUniqueTogether):
        old_sets = before.models[label, operation.name.lower()].options.get("unique_together") or ()
        more = {*map(tuple, operation.option_value or ())} - {*map(tuple, old_sets)}
        return "older code may write rows that it refuses" if more else ""
    hard = isinstance(operation, operations.RunSQL) and _HARD.search(json.dumps(operation.sql, default=str))
    return "it drops, renames or forbids NULL" if hard else ""


def _hard(operations: Any) -> dict[Any, str]:
    """Return the operations that older code never bears, and why."""
    return {
        operations.RemoveField: "older code reads and writes the column",
        operations.DeleteModel: "older code reads and writes the table",
        operations.RenameField: "older code knows the column by its old name",
        operations.RenameModel: "older code knows the table by its old name",
        operations.AlterModelTable: "older code knows the table by its old name",
        operations.AddConstraint: "older code may write rows that the constraint refuses",
    }


def _is_unmanaged(operation: Any, before: Any, label: str) -> bool:
    name = getattr(operation, "model_name", None) or getattr(operation, "old_name", None) or operation.name
    model = before.models.get((label, str(name).lower()))
    return model is not None and model.options.get("managed") is False


def _has_database_default(field: Any) -> bool:
    from django.db.models.fields import NOT_PROVIDED

    return getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED


def _of_added(field: Any) -> str:
    if field.many_to_many or field.null or _has_database_default(field) or _is_computed(field):
        return ""
    return (
        "the column is NOT NULL without a default in the database (db_default), which older code leaves out"
    )


def _is_computed(field: Any) -> bool:
    return bool(getattr(field, "generated", False))


def _of_altered(old: Any, new: Any, name: str) -> str:
    if old.null and not new.null:
        return "the column becomes NOT NULL, and older code may write none"
    if (old.db_column or name) != (new.db_column or name):
        return "older code knows the column by its old name"
    if new.unique and not old.unique:
        return "older code may write a value twice"
    if old.get_internal_type() != new.get_internal_type():
        return f"the column's type changes from {old.get_internal_type()} to {new.get_internal_type()}"
    shorter = (old.max_length or 0) > (new.max_length or 0) > 0
    return "the column gets shorter" if shorter else ""


def unknown_tasks(name: str, queues: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the tasks that wait somewhere and are not known here, and what could not be looked at."""
    from celery.app.utils import find_app

    app = find_app(name)
    app.loader.import_default_modules()
    app.finalize(auto=True)
    counted: Counter[tuple[str, str]] = Counter()
    blind = _of_workers(app, counted)
    blind += _of_queues(app, queues, counted)
    blind += _of_beat(app, counted)
    unknown = [
        {"task": task, "where": where, "count": count}
        for (task, where), count in sorted(counted.items())
        if task not in app.tasks
    ]
    return unknown, blind


def _of_workers(app: Any, counted: Counter[tuple[str, str]]) -> list[str]:
    there: int | None = None
    try:
        for what in ("active", "reserved", "scheduled"):
            # The first question waits for all that there may be; the others for those that have answered.
            inspect = app.control.inspect(timeout=2, limit=there)
            answers = getattr(inspect, what)() or {}
            there = there or len(answers) or None
            for node, entries in answers.items():
                for entry in entries:
                    request = entry.get("request", entry)
                    counted[request.get("name") or request.get("type") or "", f"{what} on {node}"] += 1
    except NotImplementedError:
        return ["what workers hold: over this broker, they cannot be asked"]
    return []


def _of_queues(app: Any, queues: list[str], counted: Counter[tuple[str, str]]) -> list[str]:
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        kind = connection.transport.driver_type
        for queue in queues:
            if kind == "redis":
                messages = _of_redis(channel, queue)
            elif kind == "filesystem":
                messages = _of_folder(channel, queue)
            else:
                return [f"what waits in the queues: {kind} shows no message without handing it out"]
            try:
                found = [(message.get("headers") or {}).get("task") for message in messages]
            except Exception as error:  # noqa: BLE001 - each transport raises its own
                return [f"what waits in the queues: {error}"]
            counted.update((task, f"the queue {queue}") for task in found if task)
    return []


def _of_redis(channel: Any, queue: str) -> Iterator[dict[str, Any]]:
    with channel.conn_or_acquire() as client:
        for priority in channel.priority_steps:
            # kombu puts the prefix before the keys of the commands that it uses itself: this is none of them.
            key = f"{channel.global_keyprefix}{channel._q_for_pri(queue, priority)}"
            for text in client.execute_command("LRANGE", key, 0, MOST):
                with contextlib.suppress(ValueError):
                    yield json.loads(text)


def _of_folder(channel: Any, queue: str) -> Iterator[dict[str, Any]]:
    for file in sorted(Path(channel.data_folder_in).glob(f"*.{queue}.msg"))[:MOST]:
        with contextlib.suppress(OSError, ValueError):
            yield json.loads(file.read_text(encoding="utf-8"))


def _of_beat(app: Any, counted: Counter[tuple[str, str]]) -> list[str]:
    from django.apps import apps
    from django.db import Error

    for entry in (app.conf.beat_schedule or {}).values():
        if entry.get("task"):
            counted[entry["task"], "the schedule in the settings"] += 1
    if apps.is_installed("django_celery_beat"):
        from django_celery_beat.models import PeriodicTask

        try:
            for task in PeriodicTask.objects.filter(enabled=True).values_list("task", flat=True):
                counted[task, "the schedule in the database"] += 1
        except Error:
            return ["the schedule in the database: its tables are not there yet"]
    return []
