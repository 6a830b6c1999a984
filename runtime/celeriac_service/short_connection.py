# SPDX-License-Identifier: 0BSD
"""Connections to the broker for a word in between: whatever happens there, they do not wait for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

#: Seconds for which each step may wait.
_PATIENCE = 5
#: What says so to the transport, by the kind of broker. A RabbitMQ that lacks memory or disk
#: takes a connection, and answers nothing any more once something is sent.
_OPTIONS = {
    "amqp": {"read_timeout": _PATIENCE, "write_timeout": _PATIENCE},
    "redis": {"socket_timeout": _PATIENCE},
}


def kind(app: Celery) -> str:
    """Return the kind of an app's broker: `amqp`, `redis`, `filesystem`, …"""
    return str(app.connection_for_write().transport.driver_type)


@contextmanager
def connection(app: Celery) -> Iterator[Any]:
    """Connect, for messages that may get lost.

    Raises:
        Exception: it is not to be had, or gets lost; each transport raises its own.
    """
    with app.connection_for_write(
        connect_timeout=_PATIENCE, transport_options=_OPTIONS.get(kind(app))
    ) as found:
        found.ensure_connection(max_retries=1, interval_start=0, timeout=_PATIENCE)
        yield found
