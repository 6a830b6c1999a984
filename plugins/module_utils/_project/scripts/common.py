# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scripts ask. It is sent along with each of them, by :mod:`_project.python`."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any


def pooled_databases() -> list[str]:
    """Return the databases whose connections Django pools."""
    from django.db import connections

    return [alias for alias, settings in connections.settings.items() if settings["OPTIONS"].get("pool")]


def broker_kind(app: Any) -> str:
    """Return the kind of an app's broker as kombu has it: ``redis``, ``amqp``, ``filesystem``, …"""
    return str(app.connection_for_write().transport.driver_type)


def unregistered(app: Any, tasks: Mapping[str, str]) -> list[str]:
    """Return the tasks that no worker of the app would know, each with what names it.

    Args:
        app: the Celery app.
        tasks: what names the task, by the name of the task.
    """
    if not tasks:
        return []
    app.loader.import_default_modules()
    app.finalize()
    texts = []
    for name, where in tasks.items():
        if name not in app.tasks:
            close = difflib.get_close_matches(name, list(app.tasks), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            texts.append(f"{where}: no task {name} is registered{hint}")
    return texts


def queue_of(app: Any, task: Any) -> str:
    """Return the queue that a task goes to unless its sender says otherwise."""
    own = getattr(task, "queue", None)
    if own:
        return str(own)
    try:
        route = app.amqp.router.route({}, task.name)
    except Exception:  # noqa: BLE001 - a router of the project's may want more than a name
        return str(app.conf.task_default_queue)
    queue = route.get("queue")
    return str(getattr(queue, "name", queue) or app.conf.task_default_queue)


def void(app: Any, places: Mapping[str, str]) -> list[str]:
    """Return what keeps tasks from ever reaching a worker, so that no proof means a thing.

    Args:
        app: the Celery app.
        places: where the project's settings of Celery stand, as FILE:LINE by their names.
    """

    def where(*names: str) -> str:
        return next((f"{places[name]}: {name}" for name in names if name in places), names[0])

    texts = []
    if app.conf.task_always_eager:
        texts.append(
            f"{where('CELERY_TASK_ALWAYS_EAGER', 'CELERY_ALWAYS_EAGER')} is on: no task ever goes to a "
            "worker, each runs inside the process that sends it. Take it out of the settings that "
            "production reads; settings of tests and of development may keep it"
        )
    url = str(app.conf.broker_write_url or app.conf.broker_url or "")
    if url.partition(":")[0] == "memory":
        texts.append(
            f"{where('CELERY_BROKER_URL', 'BROKER_URL')} is {url}: what a process sends stays in its own "
            "memory, and no worker sees it. Name a server: set celery_broker_url, and let the settings read "
            'os.environ["CELERY_BROKER_URL"]'
        )
    return texts


def choose(aliases: Sequence[str], wanted: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the databases to migrate, and those that are left alone, each with the reason.

    The first is ``default``, unless the routers keep everything out of it. Another one is migrated
    if a router says that something belongs there: where none does, Django would make all tables
    of the project in it, and it may be anybody's.
    """
    if wanted:
        return list(wanted), {}
    from django.db import DEFAULT_DB_ALIAS

    chosen: list[str] = []
    skipped: dict[str, str] = {}
    for alias in sorted(aliases, key=lambda alias: alias != DEFAULT_DB_ALIAS):
        verdicts = said(alias)
        if is_empty(alias):
            skipped[alias] = f"DATABASES[{alias!r}] is empty"
            continue
        if True in verdicts or (alias == DEFAULT_DB_ALIAS and verdicts != {False}):
            chosen.append(alias)
        elif verdicts == {False}:
            skipped[alias] = "the routers (DATABASE_ROUTERS) keep all tables out of it"
        else:
            skipped[alias] = "no router (DATABASE_ROUTERS, allow_migrate) says that tables belong there"
    return chosen, skipped


def said(alias: str) -> set[bool | None]:
    """Return what the routers say about the tables of the project in a database; None: nothing."""
    from django.apps import apps
    from django.db import router

    found: set[bool | None] = set()
    for model in apps.get_models(include_auto_created=True):
        verdict: bool | None = None
        options = model._meta
        if options.proxy or not options.managed:
            continue
        for candidate in router.routers:
            if verdict is None and hasattr(candidate, "allow_migrate"):
                verdict = candidate.allow_migrate(
                    alias, options.app_label, model_name=options.model_name, model=model
                )
        found.add(verdict if verdict is None else bool(verdict))
    return found


def place(connection: Any) -> tuple[str, ...]:
    """Return where a database is: aliases of the same are one database, whoever logs in."""
    settings = connection.settings_dict
    host = str(settings.get("HOST") or "")
    if connection.vendor != "sqlite" and host in ("", "127.0.0.1", "::1"):
        host = "localhost"
    port = str(settings.get("PORT") or {"postgresql": 5432, "mysql": 3306}.get(connection.vendor, ""))
    return connection.vendor, host, port, str(settings["NAME"])


def databases() -> dict[str, list[str]]:
    """Return where the databases of the settings are, by their aliases; those that are ``{}`` left out."""
    from django.db import connections

    return {alias: list(place(connections[alias])) for alias in connections if not is_empty(alias)}


def load_entry_files() -> None:
    """Load what the web's entry point loads before Django starts, such as .env, by the package that it uses.

    The launcher of the units and the commands for people do the same (``runtime/``). What each of them finds
    in CELERY_ENTRY_FILES: the function, the file, and whether it replaces what the environment has.
    """
    for loader, file, replaces in json.loads(os.environ.get("CELERY_ENTRY_FILES") or "[]"):
        module, *names = loader.split(".")
        call: Any = importlib.import_module(module)
        for name in names:
            call = getattr(call, name)
        call(file, **({"overwrite" if module == "environ" else "override": True} if replaces else {}))


def read_only(connection: Any) -> str:
    """Return why a database cannot be written to at all, if it is a replica."""
    questions = {
        "postgresql": "SELECT pg_is_in_recovery()",
        "mysql": "SELECT @@global.read_only",
    }
    if connection.vendor in questions:
        with connection.cursor() as cursor:
            cursor.execute(questions[connection.vendor])
            if cursor.fetchone()[0]:
                return "it is a replica: its server takes no changes"
    return ""


def is_empty(alias: str) -> bool:
    """Tell whether a database of the settings is ``{}``, as where routers name others for everything."""
    from django.db import connections

    return str(connections.settings[alias]["ENGINE"]) == "django.db.backends.dummy"


def told(error: BaseException) -> str:
    """Return what an error says, and what it comes from: often that alone names the file."""
    texts, seen, cause = [str(error)], {id(error)}, error.__cause__
    while cause is not None and id(cause) not in seen and len(seen) < 6:
        seen.add(id(cause))
        if str(cause) and str(cause) not in texts[-1]:
            texts.append(f"{type(cause).__name__}: {cause}")
        cause = cause.__cause__
    return " (because of ".join(texts) + ")" * (len(texts) - 1)


def own_line(error: BaseException) -> str:
    """Return the last line of the checkout that an error went through, as FILE:LINE, if there is one.

    Where a package of somebody else's lacks another one, that line of it stands for it.
    """
    # A virtual environment may be in the checkout.
    here, installed = os.getcwd() + os.sep, sys.prefix + os.sep
    own = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(here) and not frame.filename.startswith(installed)
    ]
    if own or not isinstance(error, ImportError):
        return own[-1] if own else ""
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [f"{frame.filename}:{frame.lineno}" for frame in frames if frame.filename.startswith(installed)]
    return foreign[-1] if foreign else ""
