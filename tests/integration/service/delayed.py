# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a consumer's step for ETAs, and print at which servers it did its work.

usage: delayed.py FOLDER MODULE SERVER URLS     FOLDER has the package celeriac_service; SERVER is the one
that the worker is connected to
"""

from __future__ import annotations

import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any


def main(folder: str, module: str, server: str, urls: str) -> None:
    """Take the step from the blueprint of a consumer, as a worker does."""
    sys.path.insert(0, folder)
    from celery import Celery
    from celery.bootsteps import StartStopStep
    from celery.worker.consumer.delayed_delivery import DelayedDelivery

    consumer = importlib.import_module(module).Consumer
    steps: dict[str, type[StartStopStep]] = consumer.Blueprint().claim_steps()
    [step] = [step for step in steps.values() if issubclass(step, DelayedDelivery)]
    app = Celery("delayed", broker=urls, set_as_current=False)
    connection = app.connection_for_read(url=server)
    connection.port = (
        connection.port or connection.transport.default_connection_params["port"]
    )  # as connected
    parent = SimpleNamespace(app=app, connection=connection)
    asked: list[str] = []

    def note(_c: Any, url: str) -> None:
        asked.append(url)

    started = step(parent)
    started._setup_delayed_delivery = note
    started.start(parent)
    print(json.dumps(sorted(asked)))


if __name__ == "__main__":
    main(*sys.argv[1:])
