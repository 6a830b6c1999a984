# SPDX-License-Identifier: 0BSD
"""Redis as a broker, with one client for a channel instead of two for each message.

kombu 5.7 makes a client to note that a message is on its way, and another one to note that
it is done: an eighth of what a worker's main process does with tasks that are short. What
a client works with, the pool of connections, is kept anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kombu.transport import redis


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


class SentinelChannel(redis.SentinelChannel):
    """A channel to the Redis that Sentinels name."""

    def _create_client(self, asynchronous: bool = False) -> Any:
        create = super()._create_client
        return create(asynchronous=True) if asynchronous else _one_client(self, create)


class Transport(redis.Transport):
    """The transport of ``redis://`` and ``rediss://``."""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """The transport of ``sentinel://``."""

    Channel = SentinelChannel
