# SPDX-License-Identifier: 0BSD
"""The outbox: a task is written in the transaction that wants it, and sent after it."""

from typing import Any

from celery import Task, current_app
from django.db import DEFAULT_DB_ALIAS, transaction

from .models import Outgoing


def put(task: Task, *args: Any, using: str = DEFAULT_DB_ALIAS) -> None:
    """Write down a task to be sent: it is, if and only if the transaction is committed.

    It may come twice, with the same id: see `Job.first_time`.
    """
    if not transaction.get_connection(using).in_atomic_block:
        raise transaction.TransactionManagementError(
            "put() belongs into the transaction that wants the task."
        )
    Outgoing.objects.using(using).create(task=task.name, args=args)

    def send_now() -> None:
        send_waiting(using, limit=1)

    # If that fails, beat's relay finds it: with robust, the caller gets no error.
    transaction.on_commit(send_now, using=using, robust=True)


def send_waiting(using: str = DEFAULT_DB_ALIAS, limit: int = 1000) -> int:
    """Send what waits, the oldest first, and return how much it was."""
    for count in range(limit):
        if not send_one(using):
            return count
    return limit


def send_one(using: str) -> bool:
    """Send one task, then forget it; killed in between, it is sent again."""
    with transaction.atomic(using=using):
        # Skipped: what another relay has in hand.
        waiting = Outgoing.objects.using(using).select_for_update(skip_locked=True)
        message = waiting.order_by("created_at").first()
        if message is None:
            return False
        current_app.send_task(message.task, message.args, task_id=str(message.pk))
        message.delete()
    return True
