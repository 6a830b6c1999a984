# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lose Redis while a message is held that is not acknowledged, and let a consumer let go of the connection.

usage: loss.py FOLDER URL MODULE PID     FOLDER has the package celeriac_service, PID is the server's

Ends with status 0 if the consumer survives that.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from typing import Any


def main(folder: str, url: str, module: str, server: str) -> None:
    """Take a message, begin to wait for the next one, kill the server, and let go."""
    sys.path.insert(0, folder)
    from celery import Celery

    app = Celery("loss", broker=url, set_as_current=False)
    app.conf.worker_enable_prefetch_count_reduction = False  # it asks the worker's pool
    connection = app.connection_for_read()
    received: list[Any] = []
    tasks = app.amqp.TaskConsumer(
        connection.default_channel, on_message=received.append, queues=[app.amqp.queues["celery"]]
    )
    tasks.consume()
    # As a worker listens to `inspect`: a second channel, which fails before the first one is closed.
    app.control.mailbox.Node("default.1@host", channel=connection.channel()).listen()
    app.send_task("orders.tasks.send")
    while not received:
        connection.drain_events(timeout=10)
    with contextlib.suppress(TimeoutError):
        connection.drain_events(timeout=0.2)  # nothing more comes, but it waits
    os.kill(int(server), signal.SIGKILL)
    kind = importlib.import_module(module)
    consumer = kind.Consumer.__new__(kind.Consumer)
    consumer.app = app
    consumer.connection = connection
    consumer.channel_errors = connection.channel_errors
    # As when the connection of another channel is the first to notice.
    consumer.on_connection_error_after_connected(ConnectionError("closed by the server"))


if __name__ == "__main__":
    main(*sys.argv[1:])
