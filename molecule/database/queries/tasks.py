# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that use databases well and badly."""

from __future__ import annotations

import contextlib

from celery import shared_task
from django.db import DatabaseError, connections, transaction

from .models import Note


def server_process(alias: str) -> int:
    """Return the number of the server's process that serves this connection."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@shared_task
def ask(seconds: float = 0) -> list[int]:
    """Use both databases, and take a while if asked to."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return [server_process(alias) for alias in ("default", "analytics")]


@shared_task
def write(text: str) -> None:
    """Write a line."""
    Note.objects.create(text=text)


@shared_task
def leave_atomic() -> None:
    """Enter a block, and never leave it."""
    transaction.atomic("analytics").__enter__()
    Note.objects.create(text="never")


@shared_task
def leave_broken() -> None:
    """Leave a block in which a query has failed."""
    transaction.atomic("analytics").__enter__()
    with contextlib.suppress(DatabaseError):
        Note.objects.raw("SELECT nonsense FROM nowhere")[0]


@shared_task
def leave_begun() -> None:
    """Begin a transaction in SQL, of which Django knows nothing."""
    with connections["analytics"].cursor() as cursor:
        cursor.execute("BEGIN")
    Note.objects.create(text="never")


@shared_task
def leave_manual() -> None:
    """Switch autocommit off, and forget it."""
    transaction.set_autocommit(False, "analytics")
    Note.objects.create(text="never")


@shared_task
def leave_no_rollback() -> None:
    """Ask for a rollback that never comes."""
    transaction.set_autocommit(False, "analytics")
    connections["analytics"].needs_rollback = True


@shared_task
def call_eagerly() -> bool:
    """Call another task within a transaction: it has to be on the same connection."""
    with transaction.atomic("analytics"):
        Note.objects.create(text="eager")
        mine = server_process("analytics")
        theirs = ask.apply().get(disable_sync_subtasks=False)[1]
        return mine == theirs and connections["analytics"].in_atomic_block


@shared_task(time_limit=1)
def too_long() -> None:
    """Take so long that the main process notes the failure."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")
