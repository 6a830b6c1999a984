# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a database's tables up to date, one run at a time."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
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
    if not pending(connection):
        return {"pending": []}
    with alone(connection, job["timeout"]):
        todo = pending(connection)
        if todo:
            from django.core.management import call_command

            call_command("migrate", database=job["database"], interactive=False, verbosity=0)
    return {"pending": todo}


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
def alone(connection: Any, timeout: int) -> Iterator[None]:
    """Keep other hosts from migrating the same database meanwhile.

    PostgreSQL: an advisory lock of the session. Others: nothing to hold; the playbook
    lets one host at a time do this.
    """
    if connection.vendor != "postgresql":
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
