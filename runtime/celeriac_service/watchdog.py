# SPDX-License-Identifier: 0BSD
"""Tell systemd that worker and beat are alive.

The watchdog is pinged while the event loop turns, and while the broker is away: the
loop stands still then, and a restart would mend nothing.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger

from . import self_check, short_connection
from .sd_notify import notify, watchdog_seconds

logger = get_logger(__name__)

#: The longest that the loop may stand still, as a part of WatchdogSec.
_FRESH = 0.75


class Pulse(threading.Thread):
    """A thread that pings systemd's watchdog as long as `alive` says so."""

    def __init__(self, limit: float) -> None:
        """Take the time in seconds that systemd allows between two pings."""
        super().__init__(name="watchdog", daemon=True)
        self.limit = limit
        self.stopped = threading.Event()

    def alive(self) -> bool:
        """Tell whether the process does its work."""
        raise NotImplementedError

    def run(self) -> None:
        """Ping four times in each interval."""
        while not self.stopped.wait(self.limit / 4):
            if self.alive():
                notify("WATCHDOG=1")


class WorkerPulse(Pulse):
    """Alive while the worker's event loop turns and tasks can arrive, or the broker is away."""

    def __init__(self, limit: float, worker: Any) -> None:
        """Watch the loop of a worker."""
        super().__init__(limit)
        self.worker = worker
        self.last_tick = time.monotonic()
        self.letters = self_check.of(worker)

    def tick(self) -> None:
        """Note that the loop has turned; called by the loop's own timer."""
        self.last_tick = time.monotonic()

    def alive(self) -> bool:
        """Tell whether the loop has turned lately, or has no connection to turn on."""
        consumer = getattr(self.worker, "consumer", None)
        if consumer is not None and consumer.connection is None:
            return True
        # Letting go of a dead connection can block, before there is none.
        if self.letters is not None and not self.letters.connected:
            return True
        if time.monotonic() - self.last_tick >= self.limit * _FRESH:
            return False
        return self.letters is None or self.letters.consumes()


class BeatPulse(Pulse):
    """Alive while beat's scheduler ticks, or waits for a RabbitMQ that lacks memory or disk.

    Such a server answers, and reads nothing that is sent: a restart would send it again.
    """

    def __init__(self, limit: float, service: Any) -> None:
        """Watch the ticks of a beat service, from before it connects."""
        super().__init__(limit)
        self.service = service
        self.blocked_at = 0.0
        conf = service.app.conf
        if short_connection.kind(service.app) == "amqp":
            conf.broker_transport_options = {
                "on_blocked": self._blocked,
                **conf.broker_transport_options,
            }

    def _blocked(self, reason: str) -> None:
        self.blocked_at = time.monotonic()
        logger.warning("RabbitMQ takes nothing, for want of memory or disk: waiting.")

    def alive(self) -> bool:
        """Tell whether the last tick is fresh; before the first one, beat still starts."""
        last_tick = getattr(self.service, "_last_tick", None)
        if last_tick is None or self.blocked_at > last_tick:
            return True
        interval = self.service.scheduler.max_interval
        return bool(time.monotonic() - last_tick < interval + self.limit * _FRESH)


class Watchdog(bootsteps.StartStopStep):
    """Start the pulse with the worker, where its unit has WatchdogSec."""

    requires = (
        "celery.worker.components:Timer",
        "celery.worker.components:Pool",
    )

    def __init__(self, parent: Any, **options: Any) -> None:
        """Take part only where systemd watches."""
        super().__init__(parent, **options)
        self.limit = watchdog_seconds()
        self.enabled = self.limit > 0

    def start(self, parent: Any) -> None:
        """Let the loop's timer tick, and the thread look."""
        pulse = WorkerPulse(self.limit, parent)
        parent.timer.call_repeatedly(self.limit / 8, pulse.tick)
        pulse.start()
