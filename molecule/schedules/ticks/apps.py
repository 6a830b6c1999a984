# SPDX-License-Identifier: GPL-3.0-or-later
"""The app of the ticks."""

from __future__ import annotations

import time
from typing import Any

from celery.signals import before_task_publish
from django.apps import AppConfig


class TicksConfig(AppConfig):
    """Note when a tick is sent."""

    name = "ticks"

    def ready(self) -> None:
        """Have the time of sending travel with the message."""
        before_task_publish.connect(stamp, sender="ticks.tasks.tick")


def stamp(headers: dict[str, Any], **_: Any) -> None:
    """Put the time into the message."""
    headers["sent"] = time.time()
