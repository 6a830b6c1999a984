# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a database's tables up to date, one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Apply the pending migrations of the database ``job["database"]``, or only name them.

    Args:
        job: ``database``: the alias; ``check``: change nothing; ``timeout``: how many seconds
            to wait for another host that is migrating.
    """
    import django

    django.setup()
    from django.db import connections

    connection = connections[job["database"]]
    if job["check"]:
        return {"pending": pending(connection)}
    marker = Path(os.environ["CELERY_STATE_PATH"], f".migrating-{job['database']}")
    if not pending(connection) and not marker.exists():
        return {"pending": []}
    with alone(connection, job["timeout"]):
        todo = pending(connection)
        if todo or marker.exists():
            # What follows the last migration, such as permissions, a killed run has left undone.
            marker.touch()
            migrate(job["database"])
            marker.unlink(missing_ok=True)
    return {"pending": todo}


def migrate(database: str) -> None:
    """Run ``manage.py migrate``, with each migration and the note of it in one transaction.

    Django notes a migration only after its transaction, where there are deferred statements
    (django.db.migrations.executor, apply_migration): killed between the two, it would
    fail for ever on tables that exist already.
    """
    from django.core.management import call_command
    from django.core.management.commands import migrate as command
    from django.db import transaction

    class Executor(command.MigrationExecutor):  # type: ignore[misc] # Django has no types here
        def apply_migration(self, state: Any, migration: Any, *args: Any, **options: Any) -> Any:
            if not (migration.atomic and self.connection.features.can_rollback_ddl):
                return super().apply_migration(state, migration, *args, **options)
            # SQLite alters tables only while it checks no foreign keys, and a transaction cannot switch that.
            with self.connection.constraint_checks_disabled(), transaction.atomic(database):
                return super().apply_migration(state, migration, *args, **options)

    command.MigrationExecutor = Executor
    call_command("migrate", database=database, interactive=False, verbosity=0)


def pending(connection: Any) -> list[str]:
    """Return the migrations that ``manage.py migrate`` would apply, in its order."""
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.loader import MigrationLoader

    if connection.vendor == "sqlite" and not exists(connection):
        # Connecting would make the file, and a check changes nothing.
        loader = MigrationLoader(None)
        return [f"{app}.{name}" for app, name in sorted(loader.graph.nodes)]
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def exists(connection: Any) -> bool:
    """Tell whether the file of a SQLite database is there."""
    name = str(connection.settings_dict["NAME"])
    return ":memory:" in name or name.startswith("file:") or os.path.exists(name)


@contextlib.contextmanager
def this_host(timeout: int) -> Iterator[None]:
    """Hold the project's folder, which a run that was killed may still do by what it has started."""
    handle = os.open(os.getcwd(), os.O_RDONLY)
    deadline = time.monotonic() + timeout
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"another run has been migrating for {timeout} s") from None
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(connection: Any, timeout: int) -> Iterator[None]:
    """Keep other hosts from migrating the same database meanwhile.

    PostgreSQL: an advisory lock of the session. Others: a lock of this host; and the playbook
    lets one host at a time do this.
    """
    if connection.vendor != "postgresql":
        with this_host(timeout):
            yield
        return
    key = zlib.crc32(b"celeriac.django migrate")
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{int(timeout)}s'")
        cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
