# SPDX-License-Identifier: 0BSD
"""Tasks that beat runs: their schedule comes with the samples."""

from datetime import timedelta

from celery import shared_task
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from . import outbox
from .models import Job

#: How long it is known that a job was done: longer than a message can come again.
KEPT = timedelta(days=30)


@shared_task(ignore_result=True)
def relay(using: str = DEFAULT_DB_ALIAS) -> None:
    """Send what is in the outbox still: its process was killed, or the broker away."""
    outbox.send_waiting(using)


@shared_task(ignore_result=True)
def forget() -> None:
    """Delete what is known of jobs that were done long ago."""
    old = timezone.now() - KEPT
    Job.objects.filter(state=Job.State.DONE, changed_at__lt=old).delete()
