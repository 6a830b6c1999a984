# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker whose broker refuses something once, when CASE in the environment says so.

It is `starting`, `running`, or `connecting` again; `asked` starts too, with a project that asks for patience.
FOLDER has the package celeriac_service. The worker says that it goes on, and ends, when it has connected
again.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, bootsteps, signals
from celery.exceptions import WorkerShutdown

sys.path.insert(0, os.environ["FOLDER"])
CASE = os.environ["CASE"]

app = Celery("refusal", broker="memory://", set_as_current=False)


@signals.celeryd_init.connect
def use(conf: Any, **kwargs: Any) -> None:
    """Let the worker have our consumer."""
    from celeriac_service import consumer

    conf.broker_channel_error_retry = CASE == "asked"
    consumer.use(conf)


class Broker(bootsteps.StartStopStep):
    """What the broker answers when the worker has declared its queues."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    starts = 0

    def start(self, consumer: Any) -> None:
        """Refuse, lose the connection, or let the worker go on."""
        self.starts += 1
        refusal = consumer.channel_errors[0]("refused")
        loss = consumer.connection_errors[0]("lost")
        if (CASE, self.starts) in (("starting", 1), ("asked", 1), ("connecting", 2)):
            raise refusal
        if self.starts == 1:
            error = loss if CASE == "connecting" else refusal

            def fail(**_options: Any) -> None:
                raise error

            consumer.connection.drain_events = fail
        else:
            print("goes on", flush=True)
            raise WorkerShutdown(0)


app.steps["consumer"].add(Broker)

if __name__ == "__main__":
    app.worker_main(["worker", "--pool=solo", "--loglevel=INFO"])
