# SPDX-License-Identifier: 0BSD
"""A worker that is ready when it reads, and outlives the loss of its broker, and its errors."""

from __future__ import annotations

import contextlib
import re
import select
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from celery.utils.log import get_logger
from celery.worker import consumer

from . import first_read
from .sd_notify import notify

#: Celery's steps that have one of ours in their place.
_OURS: dict[str, Any] = {}
with contextlib.suppress(ImportError):  # Celery has the step since 5.5
    from .delayed_delivery import DelayedDelivery

    _OURS["celery.worker.consumer.delayed_delivery:DelayedDelivery"] = DelayedDelivery

logger = get_logger(__name__)

_CELERYS_OWN = "celery.worker.consumer:Consumer"
#: Seconds before a server that answers with an error is asked again.
_PAUSE = 2
#: What brokers answer to whoever may not do what he asks for: classes of errors, and words of Redis.
_DENIALS = ("AccessRefused", "AuthenticationError", "NoPermissionError")
_DENYING = re.compile(
    r"\b(NOPERM|NOAUTH|WRONGPASS)\b|has no permissions|executing the script can't|ACL failure"
)


class DeniedError(Exception):
    """The broker does not let its user do what a worker does, and waiting would change nothing."""


def _denial(error: BaseException | None) -> str:
    """Return what an error, or what it comes from, says of rights; empty where a connection was lost."""
    while error is not None:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if not kinds.isdisjoint(_DENIALS) or _DENYING.search(str(error)):
            return str(error).strip() or type(error).__name__
        error = error.__cause__
    return ""


class Consumer(consumer.Consumer):
    """Celery's consumer, with a fault mended, and with more patience."""

    #: Whether the project wants to wait from the beginning, whatever the broker.
    waits_when_refused = False
    #: Whether the broker has let this worker read; until then, what it refuses is no trouble that passes.
    has_read = False

    class Blueprint(consumer.Consumer.Blueprint):
        """The steps, one of them ours."""

        default_steps: ClassVar[list[Any]] = [
            _OURS.get(step, step) if isinstance(step, str) else step
            for step in consumer.Consumer.Blueprint.default_steps
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin as one that has not worked yet."""
        super().__init__(*args, **kwargs)
        # Redis answers with errors while it is full, or a mere replica.
        if self.conninfo.transport.driver_type == "redis":
            self.waits_when_refused = True

    def connection_for_read(self, heartbeat: Any = None) -> Any:
        """Connect for the tasks, and for the answers to what the worker is asked."""
        return self.ensure_connected(self.app.connection_for_read(heartbeat=heartbeat, **self._unconfirmed))

    def connection_for_write(self, url: Any = None, heartbeat: Any = None) -> Any:
        """Connect for the worker's events."""
        return self.ensure_connected(
            self.app.connection_for_write(url=url, heartbeat=heartbeat, **self._unconfirmed)
        )

    @property
    def _unconfirmed(self) -> dict[str, Any]:
        """Return what keeps the loop from waiting until RabbitMQ confirms what it sends.

        It confirms nothing while it lacks memory or disk, and tasks are to go on meanwhile.
        What tasks send has connections of its own.
        """
        if self.conninfo.transport.driver_type != "amqp":
            return {}
        return {"transport_options": {"confirm_publish": False}}

    def on_ready(self) -> None:
        """Take refusals for the broker's trouble from now on: what is configured has worked.

        A cluster of RabbitMQ that has lost a node can refuse queues that have no leader.
        """
        super().on_ready()
        self.waits_when_refused = True
        first_read.wait(self, self._ready)

    def start(self) -> None:
        """Consume; what Celery does not take for trouble with the connection may be about rights as well."""
        try:
            super().start()
        except DeniedError:
            raise
        except Exception as exc:
            self._check_rights(exc)
            raise

    def _ready(self) -> None:
        if self.has_read:
            return
        self.has_read = True
        notify("READY=1\nSTATUS=Consuming")

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, with Celery's patience, unless the broker is there and knows no such user or password."""
        ensure = conn.ensure_connection

        def ensure_connection(errback: Any = None, *args: Any, **kwargs: Any) -> Any:
            def failed(exc: Exception, *rest: Any) -> None:
                self._check_rights(exc)
                if errback:
                    errback(exc, *rest)

            return ensure(failed, *args, **kwargs)

        conn.ensure_connection = ensure_connection
        return super().ensure_connected(conn)

    def _check_rights(self, exc: Exception) -> None:
        """End the worker that was never let in: it would try for ever, beside one that works."""
        denial = _denial(exc)
        if not denial:
            return
        if self.has_read:
            logger.error("The broker refuses what it allowed before: %s", denial)
            return
        raise DeniedError(
            f"{self.conninfo.as_uri()} refuses its user what a worker does, so no task would ever come: "
            f"{denial.rstrip('.')}. Give the user that right, or correct name and password in the URL, then "
            "start this again."
        ) from exc

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of a connection that is lost.

        Celery 5.7 closes it twice. If Redis goes away while the worker holds a message
        that is not acknowledged, kombu 5.7 can fail with an AttributeError the second
        time, and that ended the worker.
        """
        self._check_refusal(exc)
        self.connection.close = partial(_close, self.connection.close)
        super().on_connection_error_after_connected(exc)
        if isinstance(exc, self.channel_errors):
            time.sleep(_PAUSE)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Wait: who cannot be reached was waited for, this one has answered at once."""
        self._check_refusal(exc)
        super().on_connection_error_before_connected(exc)
        time.sleep(_PAUSE)

    def _check_refusal(self, exc: Exception) -> None:
        """End the worker, as Celery does, if waiting would hide a wrong configuration."""
        self._check_rights(exc)
        if isinstance(exc, self.channel_errors) and not self.waits_when_refused:
            raise exc

    def register_with_event_loop(self, hub: Any) -> None:
        """Take what was done while the loop stood still, before its time limit is over.

        Celery's timers come first. After an outage, what its child has long done would
        be too late: a failure would take the place of the result, and the child be killed.
        """
        super().register_with_event_loop(hub)
        take: Any = getattr(getattr(self.pool, "_pool", None), "handle_result_event", None)
        waiting = select.poll()
        # Nothing but what nobody has begun to read; a process has one result at most.
        for fd in [fd for fd, (reader, _given) in hub.readers.items() if reader == take]:
            waiting.register(fd, select.POLLIN)
        for fd, _event in waiting.poll(0):
            take(fd)


def _close(close: Callable[[], None]) -> None:
    with contextlib.suppress(AttributeError):
        close()


def use(conf: Any, **kwargs: Any) -> None:
    """Let the worker that begins use it, unless the project has one of its own."""
    if conf.worker_consumer != _CELERYS_OWN:
        return
    conf.worker_consumer = Consumer
    # New in 5.3; before, errors of a channel end the worker.
    Consumer.waits_when_refused = bool(conf.get("broker_channel_error_retry"))
    # Else errors of a channel end the worker; which ones may, the consumer knows.
    conf.broker_channel_error_retry = True
