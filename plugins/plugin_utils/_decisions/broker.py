# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a broker's URL says, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

EMBEDDED_URL = "filesystem://"


@dataclass(frozen=True)
class Transport:
    """What a transport of kombu is, and can do. Nobody else on the controller tells them apart by name.

    In a checkout, ``celery_ops/broker.py`` has what processes need of it; a test compares the two.
    """

    #: What its servers are called.
    server: str
    #: The default port, 0 where there is no address to look at.
    port: int = 0
    #: The extra of the package celery that brings the client library, empty where none is needed.
    extra: str = ""
    #: The scheme that is the same with TLS, empty where there is none, or where it is the one.
    with_tls: str = ""
    #: Whether a URL of this scheme means TLS.
    is_tls: bool = False
    #: Whether its queues are on several servers, if nobody wants others.
    has_quorum: bool = False
    #: Whether a worker can write letters to itself that show that it consumes.
    has_self_check: bool = True
    #: Whether workers and beat can be asked (``celery inspect``): what needs a broadcast.
    has_control: bool = True
    #: Whether a message that nobody has acknowledged comes back after the visibility timeout.
    counts_visibility: bool = False
    #: The longest one in seconds, 0 where there is no limit.
    longest_visibility: int = 0
    #: Whether the server cuts off a consumer that holds a message for too long.
    counts_consumer: bool = False
    has_priorities: bool = True


_REDIS = Transport("Redis", 6379, "redis", counts_visibility=True)
_RABBITMQ = Transport("RabbitMQ", 5672, with_tls="amqps", has_quorum=True, counts_consumer=True)
#: The transports that are offered, by the scheme of their URLs.
TRANSPORTS = {
    "filesystem": Transport("a folder", has_self_check=False, has_priorities=False),
    "redis": replace(_REDIS, with_tls="rediss"),
    "rediss": replace(_REDIS, is_tls=True),
    "sentinel": replace(_REDIS, port=26379),
    "amqp": _RABBITMQ,
    "amqps": replace(_RABBITMQ, port=5671, with_tls="", is_tls=True),
    "pyamqp": _RABBITMQ,
    "sqs": Transport(
        "SQS",
        extra="sqs",
        has_self_check=False,
        has_control=False,
        counts_visibility=True,
        longest_visibility=12 * 3600,
        has_priorities=False,
    ),
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

    #: The scheme of its URL.
    transport: str
    #: The addresses that have to answer; one of them is enough.
    addresses: tuple[tuple[str, int], ...]

    @property
    def facts(self) -> Transport:
        """What its transport is, and can do."""
        return TRANSPORTS[self.transport]

    @property
    def extra(self) -> str:
        """The extra of the package celery that brings the client library, empty where none is needed."""
        return self.facts.extra

    @property
    def embedded(self) -> bool:
        """Whether the broker is a folder on the one host."""
        return self.transport == "filesystem"

    @property
    def local(self) -> bool:
        """Whether each host has a broker of its own, so that hosts are deployments of their own."""
        return bool(self.addresses) and all(host in _LOOPBACK for host, _port in self.addresses)


def extra_of(url: str) -> str:
    """Return the extra of the package celery that a URL, or its scheme alone, needs; empty for none."""
    scheme = url.partition("://")[0].lower()
    return TRANSPORTS[scheme].extra if scheme in TRANSPORTS else ""


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
        default_port = TRANSPORTS[transport].port
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
    return Broker(transport, tuple(addresses))


def check_options(broker: Broker, master: str, tls: bool) -> None:
    """See that the broker has the options that its transport cannot do without.

    Raises:
        BrokerError: one is missing, or is for another transport.
    """
    transport = broker.transport
    # What is on this host may have a tunnel behind it.
    if tls and broker.facts.with_tls and not broker.local:
        raise BrokerError(
            f"celery_broker_tls is true, and celery_broker_url is {transport}://, which is without TLS: "
            f"write {broker.facts.with_tls}:// if the server speaks it, or leave celery_broker_tls out."
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
