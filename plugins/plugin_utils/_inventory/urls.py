# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The URLs of the servers that the inventory sets up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._decisions.broker import TRANSPORTS

#: By server: the scheme of its URL without TLS.
_SCHEMES = {"redis": "redis", "valkey": "redis", "rabbitmq": "amqp"}
_LOOPBACK = "127.0.0.1"
#: What libpq knows of a URL's parameters; it refuses Django's others.
_LIBPQ = re.compile(
    r"(application_name|channel_binding|connect_timeout|keepalives\w*|options|ssl\w+|target_session_attrs"
    r"|tcp_user_timeout)="
)


@dataclass(frozen=True)
class Access:
    """How a server is entered."""

    user: str
    password: str
    tls: bool


def address(host: str, asking: str, variables: Mapping[str, Any], given: str, tls: bool) -> str:
    """Return where a host of the inventory is reached by another one, as a URL writes it.

    Its name in the inventory, and not ``ansible_host``: that is how the controller reaches it, perhaps by a
    public address or a forwarded port, over which passwords have no business. Where the name will not do, a
    variable says what will.

    Args:
        host: the host with the server.
        asking: the host that connects.
        variables: those of *host*.
        given: the name of the variable that has the address, if one was given.
        tls: whether the name has to be the one in a certificate, which has none for loopback.
    """
    found = str(variables.get(given) or "")
    if not found:
        found = _LOOPBACK if host == asking and not tls else host
    return f"[{found}]" if ":" in found and not found.startswith("[") else found


def broker_url(
    nodes: Sequence[str], asking: str, hostvars: Mapping[str, Any], *, server: str, access: Access, vhost: str
) -> str:
    """Return the URL of the broker that the inventory sets up: of RabbitMQ, that of each node.

    Args:
        nodes: the hosts of the group celery_broker.
        asking: the host that connects.
        hostvars: the variables of all hosts.
        server: which one it is.
        access: its user.
        vhost: that of RabbitMQ.

    Raises:
        ValueError: there is no such server.
    """
    if server not in _SCHEMES:
        raise ValueError(f"celery_broker_server is {server!r}, and has to be one of {', '.join(_SCHEMES)}.")
    plain = _SCHEMES[server]
    scheme = TRANSPORTS[plain].with_tls if access.tls else plain
    port = TRANSPORTS[scheme].port
    path = quote(vhost, safe="") if server == "rabbitmq" else "0"
    return ";".join(
        f"{scheme}://{_account(access)}@"
        f"{address(node, asking, hostvars[node], 'celery_broker_address', access.tls)}:{port}/{path}"
        for node in (nodes if server == "rabbitmq" else nodes[:1])
    )


def database_url(
    host: str, asking: str, hostvars: Mapping[str, Any], *, name: str, access: Access, authority: str
) -> str:
    """Return the URL of the database that the inventory sets up.

    Args:
        host: the one of the group celery_database.
        asking: the host that connects.
        hostvars: the variables of all hosts.
        name: the database.
        access: its owner.
        authority: the file with the authority of its certificate, with TLS.
    """
    place = address(host, asking, hostvars[host], "celery_database_address", access.tls)
    query = f"?sslmode=verify-full&sslrootcert={quote(authority, safe='/')}" if access.tls else ""
    return f"postgres://{_account(access)}@{place}:5432/{quote(name, safe='')}{query}"


def sqlalchemy_url(url: str) -> str:
    """Return the URL of a PostgreSQL as SQLAlchemy and libpq take it, from one that Django's tools take."""
    base, _mark, query = url.partition("?")
    parameters = "&".join(item for item in query.split("&") if _LIBPQ.match(item))
    scheme, separator, rest = base.partition("://")
    if separator and re.fullmatch("[a-z0-9+]+", scheme):
        base = f"db+postgresql+psycopg://{rest}"
    return f"{base}?{parameters}" if parameters else base


def _account(access: Access) -> str:
    return f"{quote(access.user, safe='')}:{quote(access.password, safe='')}"
