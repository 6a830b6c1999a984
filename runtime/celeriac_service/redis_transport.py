# SPDX-License-Identifier: 0BSD
"""Redis as a broker: channels that know when the server has let them read, and that save clients.

kombu 5.7 makes a client to note that a message is on its way, and another one to note that
it is done: an eighth of what a worker's main process does with tasks that are short. What
a client works with, the pool of connections, is kept anyway.

A message that a worker refuses for good, such as one for a task that it does not know, is kept as a dead
letter, where kombu deletes it: in a hash, by the delivery tag. `NAME-celery dead` reads it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from queue import Empty
from typing import Any

from celery.utils.log import get_logger
from kombu.transport import redis

from .first_read import Answers

#: Seconds that a server waits for a message the first time: the worker is not ready before it has answered.
_FIRST_WAIT = 0.1
#: The name of the hash with the dead letters, and how many there may be: they are in the server's memory.
DEAD = "dead-letters"
_MOST_DEAD = 10_000

logger = get_logger(__name__)


def _one_client(channel: Any, create: Callable[[], Any]) -> Any:
    """Return the client of a channel; a lost connection, and a fork, bring a new pool and so a new one."""
    kept = channel.__dict__.get("_one_client")
    if kept is None or kept.connection_pool is not channel.pool:
        kept = channel._one_client = create()
    return kept


class QoS(redis.QoS):
    """What a channel holds; what is refused for good is kept."""

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        """Give a message back, or put it to the dead letters in one step of the server."""
        message = None if requeue else self._delivered.get(delivery_tag)
        if message is not None:
            try:
                self._bury(message, delivery_tag)
            except self.channel.ResponseError as error:
                # A user without the right, a server without memory.
                logger.error("The broker keeps no dead letter, and the message is lost: %s", error)
        super().reject(delivery_tag, requeue=requeue)

    def _bury(self, message: Any, delivery_tag: Any) -> None:
        with self.channel.conn_or_acquire() as client:
            if client.hlen(DEAD) >= _MOST_DEAD:
                logger.error(
                    "There are %d dead letters, and no more are kept: the message is lost", _MOST_DEAD
                )
                return
            to = message.delivery_info
            queues = self.channel._lookup(to["exchange"], to["routing_key"])
            entry = {
                "message": message._raw,
                "queue": next(iter(queues), to["routing_key"]),
                "since": time.time(),
                "reason": "rejected",
            }
            client.hset(DEAD, delivery_tag, json.dumps(entry))


class Channel(redis.Channel):
    """A channel to a Redis."""

    QoS = QoS

    def _create_client(self, asynchronous: bool = False) -> Any:
        create = super()._create_client
        return create(asynchronous=True) if asynchronous else _one_client(self, create)

    @property
    def _waits(self) -> bool:
        answers = self.connection.answers
        return answers is not None and bool(answers.questions)

    def _brpop_start(self, timeout: float | None = None) -> None:
        if timeout is None:
            # Each version of kombu has a default of its own.
            super()._brpop_start(*([_FIRST_WAIT] if self._waits else []))
        else:
            super()._brpop_start(timeout)

    def _brpop_read(self, **options: Any) -> Any:
        if not self._waits:
            return super()._brpop_read(**options)
        try:
            found = super()._brpop_read(**options)
        except Empty:
            self._came("BRPOP")
            raise
        except self.ResponseError as error:
            if "timeout is not" not in str(error):
                raise
            # Before Redis 6, whole seconds alone: it would have waited.
            self._came("BRPOP")
            raise Empty from error
        self._came("BRPOP")
        return found

    def _receive(self) -> Any:
        found = super()._receive()
        self._came("LISTEN")
        return found

    def _came(self, question: str) -> None:
        if self._waits:
            self.connection.answers.came(self, question)


class SentinelChannel(Channel, redis.SentinelChannel):
    """A channel to the Redis that Sentinels name."""


class _Asking:
    """What both transports know of their channels' questions."""

    #: None until a worker wants to know.
    answers: Answers | None = None
    cycle: Any

    def questions(self) -> set[tuple[int, str]]:
        """Return what the channels ask the server for, each with the identity of its channel."""
        channels = list(self.cycle._channels)
        return {
            *((id(channel), "BRPOP") for channel in channels if channel.active_queues),
            *((id(channel), "LISTEN") for channel in channels if channel.active_fanout_queues),
        }


class Transport(_Asking, redis.Transport):
    """The transport of ``redis://`` and ``rediss://``."""

    Channel = Channel


class SentinelTransport(_Asking, redis.SentinelTransport):
    """The transport of ``sentinel://``."""

    Channel = SentinelChannel
