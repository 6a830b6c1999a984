"""The load: each task writes its number to the database."""

from __future__ import annotations

import time
from typing import Any

from celery import Task, shared_task
from celery.worker.control import control_command
from django.db import InterfaceError, OperationalError

from .models import Done


@shared_task(
    bind=True,
    ignore_result=True,
    # As tasks on a database that restarts now and then should be.
    autoretry_for=(OperationalError, InterfaceError),
    max_retries=None,
    default_retry_delay=1,
)
def note(self: Task, number: int, seconds: float) -> None:
    """Work for some seconds, then write the number."""
    time.sleep(seconds)
    Done.objects.create(number=number, worker=self.request.hostname)


@control_command()
def deafen(state: Any) -> dict[str, str]:
    """Have the worker receive no messages any more, while it answers, as after some lost connections."""
    channel = state.consumer.task_consumer.channel
    if hasattr(channel, "_brpop_start"):
        channel._brpop_start = lambda *_args, **_options: None
    else:
        for tag in list(channel.callbacks):
            channel.basic_cancel(tag)
    return {"ok": "deaf"}
