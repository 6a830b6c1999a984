# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which of its addresses a host is reached by others: those from which it would answer them."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Any port: no packet is sent, the kernel only chooses a route.
_PORT = 9


@dataclass(frozen=True)
class Reach:
    """What a host knows of those that connect to it."""

    #: The addresses of each, loopback and those of one link left out.
    addresses: dict[str, list[str]]
    #: Those of which no address is known, or to which no route leads.
    unknown: list[str]
    #: The addresses of this host that they use.
    local: list[str]

    @property
    def public(self) -> list[str]:
        """Those of them that the whole internet can reach."""
        return [address for address in self.local if ipaddress.ip_address(address).is_global]


def look(hosts: Mapping[str, Sequence[str]], networks: Sequence[str] = ()) -> Reach:
    """Look from where this host would answer these.

    Args:
        hosts: each with the names under which it may be known; the first one that has an address counts
            for the way to it.
        networks: addresses and networks besides.
    """
    known = {host: [_resolve(name) for name in names] for host, names in hosts.items()}
    local: set[str] = set()
    unknown = []
    for host, found in known.items():
        first = next((addresses for addresses in found if addresses), [])
        ways = {_way(address) for address in first} - {""}
        if not ways:
            unknown.append(host)
        local |= ways
    local |= {_way(_first_of(network)) for network in networks} - {""}
    return Reach(
        {
            host: sorted({address for addresses in found for address in addresses if not _is_near(address)})
            for host, found in known.items()
        },
        sorted(unknown),
        sorted(address for address in local if not _is_near(address)),
    )


def unknown(found: Reach, variable: str, clients: str = "") -> str:
    """Return what to do about those to whom no way leads.

    Args:
        found: what was found.
        variable: the one that has the address of this host.
        clients: the one that has the addresses of the others, where there is one.
    """
    instead = f"{variable} of this host to the address that they use"
    if clients:
        instead = f"{clients} to the addresses that may connect"
    return (
        f"This host finds no address for {', '.join(found.unknown)}, or no way there, and its server "
        "is to listen where they are, and nowhere else. Give them names that it can resolve (DNS, "
        f"/etc/hosts), or set {instead}."
    )


def exposed(found: Reach, variable: str, tls: str) -> str:
    """Return the warning that all can read what crosses the network; *tls* is the variable against that."""
    return (
        f"The server listens on {', '.join(found.public)}, which the whole internet can reach, and "
        f"passwords and data cross the network in the clear. Set {variable} to an address of a "
        f"private network, or {tls}."
    )


def _resolve(name: str) -> list[str]:
    """Return the addresses that this host finds for a name."""
    if not name:
        return []
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # a name that is none
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _way(address: str) -> str:
    """Return the address of this host from which it would speak to another one; empty without a route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect((address, _PORT))
        return str(asking.getsockname()[0])
    return ""


def _first_of(network: str) -> str:
    """Return an address of a network, or the address itself."""
    try:
        found = ipaddress.ip_network(network, strict=False)
    except ValueError:
        return network
    return str(found[1] if found.num_addresses > 1 else found[0])


def _is_near(address: str) -> bool:
    """Tell whether an address leads nowhere else: loopback, or one that needs the name of a link."""
    return bool(re.match(r"127\.|::1\Z|fe80:", address, re.IGNORECASE))
