# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drive the letters of a worker on a real broker, with a clock that jumps.

usage: self_check.py FOLDER URL CASE     FOLDER has the package celeriac_service

Prints what the pulse would have been told, each time that it asked, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from types import SimpleNamespace
from typing import Any
from unittest import mock

#: Seconds between two questions of the pulse, for a WatchdogSec of 60 s.
STEP = 15


def main(folder: str, url: str, case: str) -> list[bool]:
    """Play a case."""
    sys.path.insert(0, folder)
    os.environ.update(
        WATCHDOG_USEC="60000000", CELERY_SELF_CHECK="1", NOTIFY_SOCKET="", WATCHDOG_PID=str(os.getpid())
    )
    from celeriac_service import self_check
    from celery import Celery
    from celery.worker import state

    app = Celery("letters", broker=url, set_as_current=False)
    connection = app.connection_for_read()
    consumer = SimpleNamespace(
        app=app,
        hostname="default.1@host",
        connection=connection,
        controller=object(),
        task_consumer=app.amqp.TaskConsumer(connection.channel(), on_message=mock.Mock()),
    )
    step = self_check.Letters(consumer)
    step.start(consumer)
    if case == "hung":
        # As with a RabbitMQ that lacks memory: it takes the connection, and answers nothing.
        self_check.short_connection.connection = lambda _app: threading.Event().wait()
    consumer.task_consumer.consume()
    now = 1000.0
    answers = []
    with mock.patch.object(self_check.time, "monotonic") as clock:
        for turn in range(12):
            if case == "busy":
                state.total_count["orders.tasks.send"] += 1
            if case == "full":
                consumer.task_consumer.channel.qos.can_consume = lambda: False
            if case == "stopping":
                state.should_stop = 0
            if case == "away":
                app.conf.broker_write_url = "redis://127.0.0.1:1"
            clock.return_value = now
            answers.append(step.consumes())
            if case != "hung" and step.sender.is_alive():
                step.sender.join()
            if case == "heard" or (case == "heard again" and turn > 4):
                read(connection)
            now += 4000 if case == "asleep" and turn == 2 else STEP
            if case == "asleep" and turn >= 2:
                read(connection)
    step.stop(consumer)
    return answers


def read(connection: Any) -> None:
    """Take what has arrived, as the worker's loop does."""
    while True:
        try:
            connection.drain_events(timeout=1)
        except TimeoutError:
            return


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
