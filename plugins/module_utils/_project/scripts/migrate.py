# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the tables of the project's databases up to date, each by one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .common import choose, own_line, place, pooled_databases, read_only


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Apply the pending migrations of the databases, or only name them.

    The answer has what was pending, each with its alias in ``databases``, what was left alone and
    why in ``skipped``, and in ``problem``, if a database could not be migrated, which and why; those after
    it were not touched then.

    Args:
        job: ``databases``: the aliases, none for those that the project's routers name; ``check``: change
            nothing; ``timeout``: how many seconds to wait for another host that is migrating; ``forks``:
            whether workers fork: then nothing is done if Django pools connections, and ``pooled`` says which.
    """
    import django

    django.setup()
    from django.db import connections

    answer: dict[str, Any] = {"databases": {}, "skipped": {}, "problem": None, "pooled": []}
    if job["forks"]:
        answer["pooled"] = pooled_databases()
        if answer["pooled"]:
            return answer
    unknown = [alias for alias in job["databases"] if alias not in connections]
    if unknown:
        raise LookupError(f"DATABASES has no {unknown[0]!r}; it has {', '.join(connections)}")
    chosen, answer["skipped"] = choose(list(connections), job["databases"])
    done: dict[tuple[str, ...], str] = {}
    for alias in chosen:
        connection = connections[alias]
        same = done.get(place(connection))
        if same:
            answer["skipped"][alias] = f"it is the database {same}"
            continue
        try:
            why = read_only(connection) if not job["databases"] else ""
            if why:
                answer["skipped"][alias] = why
                continue
            answer["databases"][alias] = one(connection, job["check"], job["timeout"])
        except Exception as error:  # noqa: BLE001 - a migration may raise anything
            answer["problem"] = {"database": alias, "text": described(connection, error)}
            break
        done[place(connection)] = alias
    return answer


def one(connection: Any, check: bool, timeout: int) -> list[str]:
    """Apply, or name, what is pending in one database."""
    if check:
        return pending(connection)
    begun = marker(connection.alias)
    if not pending(connection) and not begun.exists():
        return []
    with alone(connection, timeout):
        todo = pending(connection)
        if todo or begun.exists():
            # What follows the last migration, such as permissions, a killed run has left undone.
            begun.touch()
            migrate(connection.alias)
            begun.unlink(missing_ok=True)
    return todo


def marker(alias: str) -> Path:
    """Return the file that is there while a database is migrated."""
    return Path(os.environ["CELERY_STATE_PATH"], f".migrating-{alias}")


def described(connection: Any, error: BaseException) -> str:
    """Return where a migration has failed, and why."""
    settings = connection.settings_dict
    where = str(settings["NAME"])
    if connection.vendor != "sqlite":
        where += f" at {settings.get('HOST') or 'localhost'}"
    # The migration's own line, if it comes from the checkout.
    line = own_line(error)
    return f"{where}: {f'{line}: ' if line else ''}{type(error).__name__}: {str(error).strip()}"


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
                    raise TimeoutError(too_long(timeout)) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(connection: Any, timeout: int) -> Iterator[None]:
    """Keep other runs from migrating the same database meanwhile, also those of other hosts.

    PostgreSQL: an advisory lock of the session, which is one of the database. MySQL: a lock by name,
    which is one of the server. SQLite is a file of this host, and so is its lock; for others, which nobody
    can lock from here, the playbook lets one host at a time do this.
    """
    if connection.vendor == "postgresql":
        take = locked_by_postgresql(connection, timeout)
    elif connection.vendor == "mysql":
        take = locked_by_mysql(connection, timeout)
    else:
        take = this_host(timeout)
    with take:
        yield


@contextlib.contextmanager
def locked_by_postgresql(connection: Any, timeout: int) -> Iterator[None]:
    """Hold an advisory lock."""
    from django.db import OperationalError

    key = zlib.crc32(b"celeriac.django migrate")
    with connection.cursor() as cursor:
        # Tells those that wait who it is; and lets the server find out that this host is gone.
        name = f"celeriac.django migrates on {os.uname().nodename}"
        cursor.execute("SELECT set_config('application_name', %s, false)", [name])
        for setting, value in (("idle", 30), ("interval", 10), ("count", 3)):
            cursor.execute(f"SET tcp_keepalives_{setting} = {value}")
        cursor.execute(f"SET lock_timeout = '{int(timeout)}s'")
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        except OperationalError as error:
            if _sqlstate(error) != "55P03":
                raise
            raise TimeoutError(too_long(timeout, *_holder_in_postgresql(cursor, key))) from error
        cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        # It goes with the session, if that is lost; what has failed before is to be told.
        with contextlib.suppress(Exception), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's code of an error, as psycopg 3 or 2 has it."""
    cause = error.__cause__
    return str(getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or "")


def _holder_in_postgresql(cursor: Any, key: int) -> tuple[str, str]:
    """Return which session has the lock, and the statement that ends it."""
    cursor.execute(
        "SELECT a.pid, a.usename, host(a.client_addr), a.application_name,"
        " a.backend_start::timestamptz(0)::text"
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid, l.objsubid) = (0, %s, 1)"
        " AND d.datname = current_database()",
        [key],
    )
    row = cursor.fetchone()
    if not row:
        return "", ""
    pid, user, address, application, since = row
    return (
        f"{application or 'a session'} (process {pid} of the server), {user} from "
        f"{address or 'the same host'} since {since}",
        f"SELECT pg_terminate_backend({pid})",
    )


def too_long(timeout: int, holder: str = "", ends: str = "") -> str:
    """Return what to do about a lock that somebody does not give back."""
    text = f"another run has been migrating it for more than {timeout} s"
    if holder:
        text += f": {holder}. Wait for it; if it is none any more, `{ends}` gives the lock back"
    return text


def _holder_in_mysql(cursor: Any, name: str) -> tuple[str, str]:
    """Return which session has the lock, and the statement that ends it."""
    cursor.execute(
        "SELECT id, user, host FROM information_schema.processlist WHERE id = IS_USED_LOCK(%s)", [name]
    )
    row = cursor.fetchone()
    return (f"{row[1]} from {row[2]} (process {row[0]} of the server)", f"KILL {row[0]}") if row else ("", "")


@contextlib.contextmanager
def locked_by_mysql(connection: Any, timeout: int) -> Iterator[None]:
    """Hold a lock by name; names have 64 characters at most."""
    name = f"celeriac.django migrate {zlib.crc32(str(connection.settings_dict['NAME']).encode())}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [name, int(timeout)])
        if cursor.fetchone()[0] != 1:
            raise TimeoutError(too_long(timeout, *_holder_in_mysql(cursor, name)))
    try:
        yield
    finally:
        # It goes with the session, if that is lost; what has failed before is to be told.
        with contextlib.suppress(Exception), connection.cursor() as cursor:
            cursor.execute("SELECT RELEASE_LOCK(%s)", [name])
