# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends numbered tasks at a steady rate, and notes each that the broker has taken.

usage: sender.py RATE FILE. A line of the file: the number, the queue, the time in seconds, those of work.
The broker is SENDER_URL in the environment; with TLS, SENDER_CA is the file of the authority.
Lines in FILE.extra, from whoever wants longer tasks, are sent besides: the queue, the seconds of work.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import socket
import ssl
import sys
import time
from pathlib import Path

from celery import Celery

QUEUES = ("celery", "late")
SECONDS = 0.05
#: For ever: what this counts as sent, the broker has.
RETRY = {"max_retries": None, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.5}


def connect(url: str) -> Celery:
    """Return an app whose settings are those of the project."""
    app = Celery(broker=url, set_as_current=False)
    if url.startswith("redis"):
        app.conf.broker_transport_options = {
            "global_keyprefix": "shop:",
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
        }
        if url.startswith("rediss"):
            app.conf.broker_use_ssl = {
                "ssl_ca_certs": os.environ["SENDER_CA"],
                "ssl_cert_reqs": ssl.CERT_REQUIRED,
            }
    else:
        app.conf.broker_transport_options = {
            "confirm_publish": True,
            "socket_settings": {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5},
        }
        # As the settings of the project have them.
        app.conf.task_default_queue_type = app.conf.task_create_missing_queue_type = "quorum"
        app.conf.task_default_exchange_type = app.conf.task_create_missing_queue_exchange_type = "topic"
        if url.startswith("amqps"):
            # As a web process of the project connects: amqp's own gives up a confirmation after 4 s.
            sys.path.append("/srv/shop")
            importlib.import_module("shop.celery_ops.rabbitmq").register()
            app.conf.broker_use_ssl = {"ca_certs": os.environ["SENDER_CA"], "cert_reqs": ssl.CERT_REQUIRED}
    return app


def main() -> None:
    """Send until stopped."""
    rate, file = float(sys.argv[1]), Path(sys.argv[2])
    url = os.environ["SENDER_URL"]
    app = connect(url)
    extra = file.with_suffix(".extra")
    due = time.monotonic()
    with open(file, "a", encoding="utf-8", buffering=1) as sent:
        numbers = itertools.count(1)

        def send(queue: str, seconds: float) -> None:
            nonlocal app
            number = next(numbers)
            try:
                app.send_task(
                    "load.tasks.note", (number, seconds), queue=queue, retry=True, retry_policy=RETRY
                )
            except Exception as error:  # noqa: BLE001 - each transport raises its own
                # Refused, as by a Redis that is full: it does not count as sent.
                print(f"refused: {number}: {error}", file=sys.stderr, flush=True)
                app = connect(url)
                return
            sent.write(f"{number} {queue} {time.time():.3f} {seconds}\n")

        for turn in itertools.count():
            with contextlib.suppress(FileNotFoundError):
                asked = extra.read_text(encoding="utf-8")
                extra.unlink()
                for line in asked.splitlines():
                    queue, seconds = line.split()
                    send(queue, float(seconds))
            send(QUEUES[turn % len(QUEUES)], SECONDS)
            due = max(due + 1 / rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
