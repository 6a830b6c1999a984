# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of every entry of the schedule."""

from __future__ import annotations

import time
from typing import Any

from celery import Task, shared_task

from .models import Tick


@shared_task(bind=True, ignore_result=True)
def tick(self: Task, name: str) -> None:
    """Write down which entry has come due, when it was sent, by whom, and the time."""
    Tick.objects.create(name=name, sent=self.request.sent, at=time.time(), beat=self.request.origin)


@shared_task
def echo(value: Any) -> Any:
    """Return what was given, through a message and the results."""
    return value
