# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages through the broker, and what comes back as their results."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

#: Built into Celery and registered on every worker: with ``index``, it returns that argument.
ROUND_TRIP_TASK = "celery.accumulate"
#: Known to workers that are run as services (runtime/celeriac_service): returns what their host's clock says,
#: or fails with its token.
OWN_TASK = "celeriac.proof"
#: Seconds after which nobody needs an answer any more.
_EXPIRES = 60


@dataclass(frozen=True)
class Sent:
    """A message that is under way."""

    token: str
    #: When, by both clocks.
    started: float
    at: float


@dataclass(frozen=True)
class Answer:
    """What came back."""

    #: Whether anything did.
    arrived: bool
    #: The task's result, or what it failed with.
    value: Any
    failed: bool
    #: Seconds that it took, and when it was here.
    took: float
    at: float

    @property
    def took_text(self) -> str:
        """How long it took, for people."""
        return f"{self.took * 1000:.0f} ms"


class Messages:
    """Those of one proof."""

    def __init__(self, app: Any, timeout: float) -> None:
        self.app = app
        self.timeout = timeout

    def prepared(self, queue: str) -> dict[str, Any]:
        """Return what sends the round trip's task with a token that has to come back."""
        token = str(uuid.uuid4())
        return {
            "args": (token,),
            "kwargs": {"index": 0},
            "task_id": token,
            "queue": queue,
            "expires": _EXPIRES,
        }

    def send(self, queue: str) -> Sent:
        """Send the round trip's task through a queue."""
        message = self.prepared(queue)
        sent = self.begun(message["task_id"])
        self.app.tasks[ROUND_TRIP_TASK].apply_async(**message)
        return sent

    def begun(self, token: str) -> Sent:
        """Return a message that is sent now."""
        return Sent(token, time.monotonic(), time.time())

    def send_to(self, node: str, fail: bool = False) -> Sent | None:
        """Send our own task to one worker, through the queue of its letters; None: it has none."""
        token, queue = str(uuid.uuid4()), f"celeriac.{node}"
        message = self.app.amqp.create_task_message(
            token, OWN_TASK, (token,), {"fail": fail}, expires=_EXPIRES
        )
        with self.app.producer_pool.acquire(block=True) as producer:
            if not self._is_there(producer.connection, queue):
                return None
            # Some backends answer to whoever has asked, and want to know beforehand.
            self.app.backend.on_task_call(producer, token)
            sent = self.begun(token)
            producer.publish(
                message.body,
                exchange="",
                routing_key=queue,
                headers=message.headers,
                serializer="json",
                declare=[],
                retry=False,
                delivery_mode=1,
                **message.properties,
            )
        return sent

    def send_own(self, queue: str) -> Sent:
        """Send our own task, which is to fail, through a queue of pools."""
        token = str(uuid.uuid4())
        sent = self.begun(token)
        self.app.send_task(OWN_TASK, (token,), {"fail": True}, task_id=token, queue=queue, expires=_EXPIRES)
        return sent

    @staticmethod
    def _is_there(connection: Any, queue: str) -> bool:
        """Tell whether a RabbitMQ has a worker's own queue: to others it says no more than that."""
        if connection.transport.driver_type != "amqp":
            return True
        try:
            with connection.channel() as channel:
                channel.queue_declare(queue=queue, passive=True)
        except connection.channel_errors as error:
            return getattr(error, "reply_code", None) != 404
        return True

    def wait(self, sent: Sent) -> Answer:
        """Wait for what comes back."""
        from celery.exceptions import TimeoutError as CeleryTimeout

        result = self.app.AsyncResult(sent.token)
        try:
            value = result.get(timeout=self.timeout, interval=0.02, propagate=False)
        except CeleryTimeout:
            return Answer(False, None, False, self.timeout, time.time())
        else:
            return Answer(
                True, value, isinstance(value, BaseException), time.monotonic() - sent.started, time.time()
            )
        finally:
            result.forget()
