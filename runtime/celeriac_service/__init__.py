# SPDX-License-Identifier: 0BSD
"""Worker and beat as services: ready means ready, alive means working.

Made by the Ansible collection celeriac.django, for the launcher beside this package. What differs between
projects comes from the units, in the environment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

from . import consumer, counters, proof
from .database_connections import keep
from .journal import log_to_journal
from .sd_notify import notify, watchdog_seconds
from .self_check import Letters
from .shared_memory import share
from .single_beat import refuse_second
from .watchdog import BeatPulse, Watchdog

#: Which transports of kombu have one of ours in their place: the module, and the classes.
#: The one for RabbitMQ comes from the checkout's files, for it is for web processes too.
_TRANSPORTS = {
    "rabbitmq": ("kombu.transport.pyamqp", ("Transport", "SSLTransport")),
    "redis_transport": ("kombu.transport.redis", ("Transport", "SentinelTransport")),
}


def _worker_ready(sender: Any = None, **kwargs: Any) -> None:
    # Ours says so itself, when the broker has let it read.
    if not isinstance(sender, consumer.Consumer):
        notify("READY=1\nSTATUS=Consuming")


def _worker_stopping(how: str = "", **kwargs: Any) -> None:
    notify("STOPPING=1\nSTATUS=Finishing running tasks")
    patience = int(os.environ.get("CELERY_REQUEUE_AFTER") or 0)
    if patience and how == "Warm":
        # QUIT gives tasks that still run, and are acknowledged late, back to the broker.
        timer = threading.Timer(patience, os.kill, (os.getpid(), signal.SIGQUIT))
        timer.daemon = True
        timer.start()


def _beat_ready(sender: Any, **kwargs: Any) -> None:
    log_to_journal()
    limit = watchdog_seconds()
    pulse = BeatPulse(limit, sender) if limit > 0 else None
    refuse_second(sender.app)
    # Loaded by now, and in workers it is not.
    proof.tell_schedule(sys.modules.get("celery.beat"))
    notify("READY=1\nSTATUS=Scheduling")
    if pulse:
        pulse.start()


def _canary_first(sender: Any, **kwargs: Any) -> None:
    """Make the canary due at once: a start that works shows so in seconds."""
    canary = os.environ.get("CELERY_CANARY")
    entry = sender.scheduler.schedule.get(canary) if canary else None
    if entry is not None:
        entry.last_run_at -= timedelta(days=1)


def use_transports() -> None:
    """Let this process connect through ours, unless the project has some of its own."""
    places = {
        f"{theirs}:{name}": f"{__name__}.{ours}:{name}"
        for ours, (theirs, names) in _TRANSPORTS.items()
        for name in names
    }
    for scheme, place in list(TRANSPORT_ALIASES.items()):
        TRANSPORT_ALIASES[scheme] = places.get(place, place)


def _worker_begins(instance: Any, **kwargs: Any) -> None:
    instance.app.steps["worker"].add(Watchdog)
    instance.app.steps["consumer"].add(Letters)
    proof.register(instance.app)


def _app_loads(sender: Celery, **kwargs: Any) -> None:
    keep(sender)


def install() -> None:
    """Connect everything to whatever app this process is going to run."""
    use_transports()
    counters.install()
    share()
    signals.celeryd_init.connect(_worker_begins, weak=False)
    # The first signal with the app in it, and before Celery's support for Django reads its settings.
    signals.import_modules.connect(_app_loads, weak=False)
    signals.after_setup_logger.connect(log_to_journal, weak=False)
    signals.after_setup_task_logger.connect(log_to_journal, weak=False)
    signals.celeryd_init.connect(consumer.use, weak=False)
    signals.worker_ready.connect(_worker_ready, weak=False)
    signals.worker_shutting_down.connect(_worker_stopping, weak=False)
    # In this order: some schedulers block in beat_init until they hold their lock.
    signals.beat_init.connect(_beat_ready, weak=False)
    signals.beat_init.connect(_canary_first, weak=False)
