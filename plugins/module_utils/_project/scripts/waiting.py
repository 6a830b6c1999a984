# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much waits in queues, and for how long: looked at, and nothing is taken."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from typing import Any


def look(app: Any, queues: Sequence[str]) -> tuple[dict[str, int | None], dict[str, float]]:
    """Return how many messages wait in each queue, None where there is no such queue, and the oldest's age.

    Args:
        app: the Celery app.
        queues: their names.
    """
    depths: dict[str, int | None] = {}
    ages: dict[str, float] = {}
    with app.connection_for_write() as connection:
        for queue in queues:
            # On a channel of its own: RabbitMQ closes that on which it refuses.
            with contextlib.suppress(connection.connection_errors), connection.channel() as channel:
                depths[queue] = depth(connection, channel, queue)
                if depths[queue]:
                    age = oldest(connection.transport.driver_type, channel, queue)
                    ages.update({} if age is None else {queue: age})
    return depths, ages


def depth(connection: Any, channel: Any, queue: str) -> int | None:
    """Return how many messages wait in a queue; None where there is none, or nobody can tell."""
    with contextlib.suppress(*connection.channel_errors):
        if connection.transport.driver_type == "redis":
            # To ask whether there is a queue (EXISTS), kombu forgets its prefix, and a user who may use the
            # project's keys alone is refused (PREFIXED_SIMPLE_COMMANDS of its redis.py).
            return int(channel._size(queue))
        return int(channel.queue_declare(queue=queue, passive=True).message_count)
    return None


def oldest(kind: str, channel: Any, queue: str) -> float | None:
    """Return for how many seconds the oldest message waits, None where the broker does not tell."""
    if kind == "filesystem":
        return of_files(channel.data_folder_in, queue)
    if kind == "redis":
        # Celery itself writes no time into its messages, celery_ops does. kombu puts its prefix before the
        # keys of some commands alone.
        with contextlib.suppress(Exception):
            key = f"{getattr(channel.client, 'global_keyprefix', '')}{queue}"
            return of_message(next(iter(channel.client.lrange(key, -1, -1)), None))
    return None


def of_files(folder: str, queue: str) -> float | None:
    """Return the age of the oldest message of a queue that is a folder."""
    times = []
    for entry in os.scandir(folder):
        if entry.name.endswith(f".{queue}.msg"):
            # Meanwhile, a worker may have taken it.
            with contextlib.suppress(OSError):
                times.append(entry.stat().st_mtime)
    return max(0.0, time.time() - min(times)) if times else None


def of_message(text: bytes | str | None) -> float | None:
    """Return the age of a message by the time that its sender has written into it."""
    if not text:
        return None
    message = json.loads(text)
    written = (message.get("properties") or {}).get("timestamp") or message["headers"].get("timestamp")
    return max(0.0, time.time() - float(written)) if written else None
