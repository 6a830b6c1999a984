# SPDX-License-Identifier: 0BSD
"""RabbitMQ as a broker, with connections that wait as long as they are told to.

amqp 5.4 leaves the time that a connection over TLS may take to be made, 4 s, for all that
is read from it afterwards (py-amqp #474). A message that RabbitMQ confirms later, as while
its queue gets another leader, counts as lost and is sent again: the task runs twice. And
what amqp calls a `read_timeout`, it does not keep.
"""

import contextlib
from typing import Any

from amqp.abstract_channel import AbstractChannel
from kombu.transport import TRANSPORT_ALIASES, pyamqp


class _BriefGoodbye(AbstractChannel):
    """Ends as fast as it has to begin: not every server answers still."""

    def close(self, *args: Any, **kwargs: Any) -> Any:
        """Close, whether the server agrees or not."""
        sock: Any = getattr(getattr(self.connection, "_transport", None), "sock", None)
        if sock is None or sock.gettimeout() is not None:
            return super().close(*args, **kwargs)
        sock.settimeout(self.connection.connect_timeout)
        try:
            return super().close(*args, **kwargs)
        finally:
            with contextlib.suppress(OSError):
                sock.settimeout(None)


class Channel(_BriefGoodbye, pyamqp.Channel):
    """A channel of such a connection."""


class Connection(_BriefGoodbye, pyamqp.Connection):
    """A connection whose `read_timeout` is what it says, and None is for ever."""

    Channel = Channel

    def connect(self, callback: Any = None) -> Any:
        """Connect, in the time that there is for that."""
        connected = super().connect(callback)
        self.transport.sock.settimeout(self.read_timeout)
        return connected


class Transport(pyamqp.Transport):
    """The transport of ``amqp://``."""

    Connection = Connection


class SSLTransport(pyamqp.SSLTransport):
    """The transport of ``amqps://``."""

    Connection = Connection


def register() -> None:
    """Take these for RabbitMQ in every process that loads the Celery app."""
    for scheme, place in list(TRANSPORT_ALIASES.items()):
        module, _colon, name = place.partition(":")
        if module == pyamqp.__name__:
            TRANSPORT_ALIASES[scheme] = f"{__name__}:{name}"
