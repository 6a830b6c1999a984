# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that take a while, that fail, and that are refused."""

from __future__ import annotations

import time
from pathlib import Path

from celery import shared_task
from celery.exceptions import Reject

#: While it is there, a task is refused for good.
REFUSED = Path("/run/trials-refused")


@shared_task
def nap(seconds: float) -> float:
    """Take a while."""
    time.sleep(seconds)
    return seconds


@shared_task
def fail() -> None:
    """Fail, as tasks do."""
    raise ValueError("meant to fail")


@shared_task(acks_late=True)
def picky(text: str) -> str:
    """Return the text, or refuse the message."""
    if REFUSED.exists():
        raise Reject(text, requeue=False)
    return text
