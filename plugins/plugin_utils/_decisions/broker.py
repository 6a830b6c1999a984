# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a broker's URL says, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

EMBEDDED_URL = "filesystem://"

#: The transports of kombu that are offered: scheme to default port (0: none to look at)
#: and the extra of the package celery.
TRANSPORTS = {
    "filesystem": (0, ""),
    "redis": (6379, "redis"),
    "rediss": (6379, "redis"),
    "sentinel": (26379, "redis"),
    "amqp": (5672, ""),
    "amqps": (5671, ""),
    "pyamqp": (5672, ""),
    "sqs": (0, "sqs"),
}

_WITHOUT_CONTROL = "Celery's workers cannot be asked anything over it, and nothing could be proven"
_EXPERIMENTAL = "Celery calls it experimental"
#: The others that somebody may think of: scheme to the reason, and to what to use instead.
REFUSED = {
    "valkey": "Celery has no name of its own for it: write redis://",
    "valkeys": "Celery has no name of its own for it: write rediss://",
    "redis+socket": "the hosts of the workers need not have the socket: write redis://HOST",
    "socket": "the hosts of the workers need not have the socket: write redis://HOST",
    "redis+cluster": "Celery cannot use a Redis Cluster as broker: use one server, or Sentinel",
    "redis-cluster": "Celery cannot use a Redis Cluster as broker: use one server, or Sentinel",
    "redis-sentinel": "that is RedBeat's spelling: write sentinel://",
    "librabbitmq": "it is not maintained: write amqp://",
    "memory": "it lives in one process, and workers are processes of their own",
    "sqla": _WITHOUT_CONTROL,
    "sqlalchemy": _WITHOUT_CONTROL,
    "pgmq": "its queue names are too short for the answers of Celery's workers",
    "gcpubsub": _EXPERIMENTAL,
    "azureservicebus": f"{_WITHOUT_CONTROL}; it gives a task five minutes at most",
    "azurestoragequeues": _WITHOUT_CONTROL,
    "mongodb": _EXPERIMENTAL,
    "zookeeper": _EXPERIMENTAL,
    "kafka": _EXPERIMENTAL,
    "confluentkafka": _EXPERIMENTAL,
    "consul": _EXPERIMENTAL,
    "etcd": _EXPERIMENTAL,
    "qpid": "its library is for Python 2",
    "pyro": _EXPERIMENTAL,
    "slmq": "the service does not exist any more",
}

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class BrokerError(ValueError):
    """A broker URL that cannot be used. The text never holds the URL's password."""


@dataclass(frozen=True)
class Broker:
    """A broker, without its password."""

    transport: str
    #: The addresses that have to answer; one of them is enough.
    addresses: tuple[tuple[str, int], ...]
    #: The extra of the package celery that brings the client library, empty where none is needed.
    extra: str

    @property
    def embedded(self) -> bool:
        """Whether the broker is a folder on the one host."""
        return self.transport == "filesystem"

    @property
    def has_control(self) -> bool:
        """Whether workers and beat can be asked (``celery inspect``): what needs a broadcast."""
        return self.transport != "sqs"

    @property
    def counts_visibility(self) -> bool:
        """Whether a message that nobody has acknowledged comes back after the visibility timeout."""
        return self.extra in ("redis", "sqs")

    @property
    def local(self) -> bool:
        """Whether each host has a broker of its own, so that hosts are deployments of their own."""
        return bool(self.addresses) and all(host in _LOOPBACK for host, _port in self.addresses)


def parse(url: str) -> Broker:
    """Read a broker URL; several servers are separated by ``;``.

    Raises:
        BrokerError: the URL does not parse, or names a transport that is not offered.
    """
    servers = [server for server in (url or EMBEDDED_URL).split(";") if server]
    addresses = []
    transport = ""
    for server in servers:
        scheme, separator, _rest = server.partition("://")
        if not separator:
            raise BrokerError(
                "celery_broker_url is no URL: it has to look like redis://:password@host:6379/0 "
                "or amqp://user:password@host:5672/vhost."
            )
        transport = transport or scheme.lower()
        if transport not in TRANSPORTS:
            offered = ", ".join(TRANSPORTS)
            why = REFUSED.get(transport, REFUSED.get(transport.partition("+")[0], ""))
            raise BrokerError(
                f"celery_broker_url: the transport {scheme!r} is not supported"
                f"{f' ({why})' if why else ''}; these are: {offered}."
            )
        if transport == "filesystem":
            continue
        default_port = TRANSPORTS[transport][0]
        try:
            parts = urlsplit(server)
            port = parts.port or default_port
            unreadable = "@" in parts.path + parts.query + parts.fragment
        except ValueError:
            unreadable = True
        if unreadable:
            # Without a cause: that would quote a part of the password.
            raise BrokerError(
                "celery_broker_url does not parse: characters such as # / ? @ : in a password have "
                "to be percent-encoded, and a port is a number from 0 to 65535."
            )
        if not default_port:
            continue
        if not parts.hostname:
            raise BrokerError(f"celery_broker_url names no host: {transport}://HOST:{port}.")
        addresses.append((parts.hostname, port))
    return Broker(transport, tuple(addresses), TRANSPORTS[transport][1])


#: How the same is written with TLS.
_WITH_TLS = {"redis": "rediss", "amqp": "amqps", "pyamqp": "amqps"}


def check_options(broker: Broker, master: str, tls: bool) -> None:
    """See that the broker has the options that its transport cannot do without.

    Raises:
        BrokerError: one is missing, or is for another transport.
    """
    transport = broker.transport
    # What is on this host may have a tunnel behind it.
    if tls and transport in _WITH_TLS and not broker.local:
        raise BrokerError(
            f"celery_broker_tls is true, and celery_broker_url is {transport}://, which is without TLS: "
            f"write {_WITH_TLS[transport]}:// if the server speaks it, or leave celery_broker_tls out."
        )
    if transport == "sentinel" and not master:
        raise BrokerError(
            "celery_broker_url names Sentinels: set celery_broker_master to the name by which they know the "
            "Redis, as in `sentinel monitor NAME …` of sentinel.conf."
        )
    if master and transport != "sentinel":
        raise BrokerError(
            f"celery_broker_master is for sentinel:// alone, and celery_broker_url is {transport}://. "
            "Leave it out."
        )
