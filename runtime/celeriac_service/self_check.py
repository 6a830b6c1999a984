# SPDX-License-Identifier: 0BSD
"""A worker writes letters to itself: one that answers to a ping may consume nothing for all that."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker import state
from kombu import Consumer, Queue

from . import proof, short_connection
from .sd_notify import watchdog_seconds

logger = get_logger(__name__)

#: Seconds between two letters, and for how long none may arrive.
_INTERVAL = 20
_LIMIT = 60
#: How often in a row the worker has to be found idle, and without a letter.
_STRIKES = 4


class Letters(bootsteps.StartStopStep):
    """The worker writes letters to itself: what answers to a ping may consume nothing for all that.

    They come through a queue of its own, on the channel of its tasks. That none arrives means
    something only while the broker takes them, the loop turns, and nothing keeps the worker from
    fetching: not while it holds as many messages as it may, nor while it stops. Any task that
    arrives says as much as a letter.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        """Take part where systemd watches; write on brokers that lose nothing by it."""
        super().__init__(consumer, **options)
        self.consumer = consumer
        self.reader: Any = None
        self.waiting_since = 0.0
        self.sent_at = 0.0
        #: Has not begun, and so is not alive.
        self.sender = threading.Thread(target=None)
        self.strikes = 0
        self.tasks_seen = 0
        self.connected = False
        asked = os.environ.get("CELERY_SELF_CHECK") == "1"
        self.writes = asked and short_connection.kind(consumer.app) in ("redis", "amqp")
        self.enabled = watchdog_seconds() > 0
        if self.enabled:
            _known[id(consumer.controller)] = self

    def _queue(self) -> Queue:
        return Queue(
            f"celeriac.{self.consumer.hostname}",
            durable=False,
            exclusive=True,
            auto_delete=True,
        )

    def start(self, consumer: Any) -> None:
        """Listen, each time that the worker has connected; before its loop begins."""
        self._forget()
        self.reader = None
        self.connected = True
        if not self.writes:
            return
        try:
            # On a channel of its own: a broker that refuses closes the channel.
            with consumer.connection.channel() as channel:
                self._queue()(channel).declare()
                channel.queue_purge(self._queue().name)
        except consumer.connection.channel_errors as error:
            logger.warning("No letters, the broker refuses their queue: %s", error)
            return
        self.reader = Consumer(
            consumer.task_consumer.channel,
            queues=[self._queue()],
            no_ack=True,
            auto_declare=False,
            on_message=self._received,
        )
        self.reader.consume()

    def stop(self, consumer: Any) -> None:
        """Do not count while the worker stops or connects anew."""
        self.connected = False
        self.reader = None
        self._forget()

    def _forget(self) -> None:
        self.waiting_since = 0.0
        self.strikes = 0

    def _received(self, message: Any) -> None:
        self._forget()
        # The proof's, for this worker alone: it is done as any other that comes from a queue.
        if (message.headers or {}).get("task") == proof.TASK:
            self.consumer.task_consumer.on_message(message)

    def _may_fetch(self) -> bool:
        """Tell whether the worker would take a message now: neither stopping nor full."""
        consumer = self.consumer
        tasks = consumer.task_consumer
        if (state.should_stop, state.should_terminate) != (None, None) or not tasks:
            return False
        # Redis alone has it. RabbitMQ counts on its side, and letters not at all.
        qos = getattr(tasks.channel, "qos", None)
        return qos is None or bool(qos.can_consume())

    def consumes(self) -> bool:
        """Have a letter sent now and then; tell whether they, or tasks, arrive. Called by the pulse."""
        now = time.monotonic()
        seen = sum(state.total_count.values())
        if self.reader is None or seen != self.tasks_seen or not self._may_fetch():
            self.tasks_seen = seen
            self._forget()
            return True
        if self.waiting_since:
            self.strikes += 1
        if now - self.sent_at >= _INTERVAL:
            if self.sender.is_alive():
                self._forget()  # the broker has not taken the last one
                return True
            self.sent_at = now
            # Aside, for the pulse must not wait: a RabbitMQ that lacks memory or disk takes its time.
            self.sender = threading.Thread(target=self._send, args=(now,), daemon=True)
            self.sender.start()
        lost = self.waiting_since and now - self.waiting_since > _LIMIT
        if lost and self.strikes > _STRIKES:
            logger.critical(
                "Nothing has arrived from the broker for %d s, though it takes messages: "
                "systemd will restart this worker.",
                now - self.waiting_since,
            )
            return False
        return True

    def _send(self, now: float) -> None:
        """Send a letter, and wait for it from then on if the broker has taken it."""
        try:
            with (
                short_connection.connection(self.consumer.app) as connection,
                connection.channel() as channel,
            ):
                connection.Producer(channel, auto_declare=False).publish(
                    "",
                    exchange="",
                    routing_key=self._queue().name,
                    retry=False,
                    delivery_mode=1,
                )
        except Exception as error:  # noqa: BLE001 - each transport raises its own
            logger.debug("The broker takes no letter: %s", error)
            self._forget()  # nothing can arrive
            return
        self.waiting_since = self.waiting_since or now


#: The letters of a worker, by its identity.
_known: dict[int, Letters] = {}


def of(worker: Any) -> Letters | None:
    """Return the letters of a worker, if it writes any."""
    return _known.get(id(worker))
