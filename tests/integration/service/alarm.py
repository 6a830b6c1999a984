# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what becomes of beat and of a worker's connections when RabbitMQ takes nothing for want of memory.

usage: alarm.py FOLDER     it has the package celeriac_service

Prints, as JSON, whether beat counts as alive at each step, which of the worker's connections and those of
the project wait until what is sent is confirmed, which transports take the place of kombu's, and how long
they wait.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from types import SimpleNamespace
from typing import Any


def beat(app: Any, watchdog: Any) -> list[bool]:
    """Let the scheduler stand still, hear of the alarm, go on, and stand still again."""
    scheduler = SimpleNamespace(max_interval=5)
    service = SimpleNamespace(app=app, scheduler=scheduler, _last_tick=time.monotonic() - 1000)
    pulse = watchdog.BeatPulse(60, service)
    answers = [pulse.alive()]
    # What amqp calls when the server says so on any connection of this process.
    app.connection_for_write().transport_options["on_blocked"]("low on memory")
    answers.append(pulse.alive())
    with_time = watchdog.time.monotonic
    service._last_tick = with_time() + 1
    watchdog.time = SimpleNamespace(monotonic=lambda: with_time() + 1000)
    answers.append(pulse.alive())
    return answers


def confirmed(app: Any, consumer: Any) -> list[bool]:
    """Look at the connections for tasks and for events, and at one that tasks are sent over."""
    worker = consumer.Consumer.__new__(consumer.Consumer)
    worker.app = app
    worker.conninfo = app.connection_for_read()
    worker.ensure_connected = lambda connection: connection
    connections = [worker.connection_for_read(), worker.connection_for_write(), app.connection_for_write()]
    return [connection.transport_options["confirm_publish"] for connection in connections]


def timeouts(rabbitmq: Any) -> list[float | None]:
    """Return for how long a connection waits: made, made with a limit, and while it says goodbye."""
    found = []

    def connected(connection: Any, _callback: Any = None) -> None:
        """Leave what amqp leaves of a TLS connection that had 4 s to be made."""
        connection._transport = SimpleNamespace(sock=socket.socket())
        connection._transport.sock.settimeout(4)

    def said(connection: Any) -> None:
        """Note how long the answer is waited for."""
        found.append(connection.transport.sock.gettimeout())

    theirs = rabbitmq.pyamqp.Connection
    theirs.connect, theirs.close = connected, said
    for limit in (None, 5):
        connection = rabbitmq.Connection(read_timeout=limit, connect_timeout=4)
        connection.connect()
        found.append(connection.transport.sock.gettimeout())
        connection.close()
        connection.transport.sock.close()
    return found


def places(app: Any) -> list[str]:
    """Return which transports take the place of kombu's."""
    schemes = ("amqp", "amqps", "pyamqp", "redis", "rediss", "sentinel")
    found = [app.connection_for_write(url=f"{scheme}://localhost").get_transport_cls() for scheme in schemes]
    return [f"{cls.__module__}.{cls.__name__}" for cls in found]


def main(folder: str) -> None:
    """Play all of it."""
    sys.path.insert(0, folder)
    import celeriac_service
    from celeriac_service import consumer, rabbitmq, watchdog
    from celery import Celery

    celeriac_service.use_transports()
    app = Celery("alarm", broker="amqp://shop@localhost//", set_as_current=False)
    app.conf.broker_transport_options = {"confirm_publish": True}
    answers = {
        "confirmed": confirmed(app, consumer),
        "beat": beat(app, watchdog),
        "places": places(app),
        "timeouts": timeouts(rabbitmq),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
