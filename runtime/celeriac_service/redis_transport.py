# SPDX-License-Identifier: 0BSD
"""Redis as a broker: channels that know when the server has let them read, and that save clients.

kombu 5.7 makes a client to note that a message is on its way, and another one to note that
it is done: an eighth of what a worker's main process does with tasks that are short. What
a client works with, the pool of connections, is kept anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any

from kombu.transport import redis

from .first_read import Answers

#: Seconds that a server waits for a message the first time: the worker is not ready before it has answered.
_FIRST_WAIT = 0.1


def _one_client(channel: Any, create: Callable[[], Any]) -> Any:
    """Return the client of a channel; a lost connection, and a fork, bring a new pool and so a new one."""
    kept = channel.__dict__.get("_one_client")
    if kept is None or kept.connection_pool is not channel.pool:
        kept = channel._one_client = create()
    return kept


class Channel(redis.Channel):
    """A channel to a Redis."""

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
