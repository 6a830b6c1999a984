# SPDX-License-Identifier: 0BSD
"""Keep the connections to databases between tasks.

Celery closes them before and after each task. Where the unit has CELERY_KEEP_CONNECTIONS, they stay
as Django keeps them between requests: for a while, tried before they are used again, and never
with a transaction that a task has left open. It is for pools whose tasks follow each other in one
process or thread. A task that is called eagerly has the connections of its caller.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from typing import Any

from celery import Celery, bootsteps, signals
from celery.concurrency import solo
from celery.utils.log import get_logger

logger = get_logger(__name__)

#: Seconds for which a connection is kept, where the project has no CONN_MAX_AGE.
_MAX_AGE = 600
#: Seconds after its last task in which a connection that is silent needs no query to be tried.
_FRESH = 5
#: Seconds between two looks at what the main process has opened itself.
_INTERVAL = 10


def keep(app: Celery) -> None:
    """Let tasks use the same connections one after the other, and beat its own, if the unit says so."""
    if os.environ.get("CELERY_KEEP_CONNECTIONS") != "1":
        return
    # Celery's own switch: close them after so many tasks. What else there is to it is below.
    app.add_defaults({"CELERY_DB_REUSE_MAX": 10**9})
    app.steps["worker"].add(MainProcess)
    signals.beat_init.connect(_prepare, weak=False)
    signals.worker_init.connect(_prepare, weak=False)
    signals.worker_process_init.connect(_prepare, weak=False)
    signals.task_prerun.connect(_before, weak=False)
    signals.task_postrun.connect(_after, weak=False)


def _prepare(**kwargs: Any) -> None:
    """Let Django keep what this process opens from now on."""
    from django.db import connections

    for settings in connections.settings.values():
        if settings["OPTIONS"].get("pool"):
            settings["CONN_HEALTH_CHECKS"] = True  # Django's own pool keeps them
        elif settings["CONN_MAX_AGE"] == 0 and "lite" not in settings["ENGINE"]:
            settings.update(CONN_MAX_AGE=_MAX_AGE, CONN_HEALTH_CHECKS=True)
    # What was opened while the code was loaded is for no child to inherit.
    connections.close_all()


def _each(action: Callable[[Any], None]) -> None:
    """Do something with each connection that this thread has opened; what fails is let go of."""
    from django.db import Error, connections

    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            try:
                action(connection)
            except Error:
                _discard(connection)


def _discard(connection: Any) -> None:
    """Let go of a connection, with all that Django has noted about its state."""
    from django.db import Error, connections

    del connections[connection.alias]
    with contextlib.suppress(Error):
        connection.close()


def _before(sender: Any, **kwargs: Any) -> None:
    if not sender.request.is_eager:
        _each(_try)


def _after(sender: Any, **kwargs: Any) -> None:
    if not sender.request.is_eager:
        _each(lambda connection: _tidy(connection, sender.name))


def _try(connection: Any) -> None:
    """Let go of what the server has closed; spare Django's health check where none is needed."""
    if not hasattr(connection.connection, "fileno"):
        return
    socket = select.poll()
    socket.register(connection.connection.fileno(), select.POLLIN)
    if socket.poll(0):
        # Unasked, a server says little else than goodbye.
        if not connection.is_usable():
            _discard(connection)
    elif time.monotonic() - getattr(connection, "_task_ended", 0) < _FRESH:
        connection.health_check_done = True


def _tidy(connection: Any, task: str) -> None:
    """Leave a connection as the next task expects it, or let go of it."""
    if connection.in_atomic_block or _begun(connection):
        logger.warning(
            "%s has left a transaction open in the database %r: it is rolled back.",
            task,
            connection.alias,
        )
        _discard(connection)
        return
    if connection.vendor != "postgresql":
        connection.rollback()  # whatever was begun in SQL: there is no asking here
    connection.close_if_unusable_or_obsolete()
    connection._task_ended = time.monotonic()


def _begun(connection: Any) -> bool:
    """Tell whether there is a transaction of which Django knows nothing: one begun in SQL."""
    info = getattr(connection.connection, "info", None)
    # As libpq has it: active, in a transaction, in a failed one.
    return getattr(info, "transaction_status", 0) in (1, 2, 3)


class MainProcess(bootsteps.StartStopStep):
    """Close what the main process opens now and then, such as for the result of a killed task."""

    requires = ("celery.worker.components:Timer",)

    def include_if(self, parent: Any) -> bool:
        """Leave a solo pool alone: its main process is the one that runs the tasks."""
        return not issubclass(parent.pool_cls, solo.TaskPool)

    def start(self, parent: Any) -> None:
        """Look again and again."""
        from django.db import connections

        parent.timer.call_repeatedly(_INTERVAL, connections.close_all)
