# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of the inventory do what, by its groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment

Groups = Mapping[str, Sequence[str]]

#: The groups whose hosts run something of Celery, and those that only serve the others.
_WORK = ("celery_worker", "celery_beat", "celery_web")
#: How the addresses begin by which a host knows a broker of its own.
_LOOPBACK = ("127.", "localhost:", "::1", "[::1]")
_SERVE = ("celery_broker", "celery_database")


def _members(groups: Groups, names: Sequence[str]) -> dict[str, None]:
    return dict.fromkeys(host for name in names for host in groups.get(name, ()))


def running(groups: Groups) -> list[str]:
    """Return the hosts that Celery is put on: all but those that only serve broker or database."""
    work, serve = _members(groups, _WORK), _members(groups, _SERVE)
    return [host for host in groups.get("all", ()) if host in work or host not in serve]


def clients(groups: Groups) -> list[str]:
    """Return the hosts that the servers of the inventory let in.

    Where groups say who runs workers and beat, it is they alone: a host in no group, such as a web server,
    may be in the inventory for another reason.
    """
    return list(_members(groups, _WORK)) or running(groups)


def fleet(hostvars: Mapping[str, Any], host: str, hosts: Sequence[str], groups: Groups) -> dict[str, Any]:
    """Return what one host is to ask for all hosts of its deployment; nothing for the others.

    That is the one with beat, else the first of the run.

    Args:
        hostvars: the variables of all hosts.
        host: the host that is about to ask.
        hosts: those of the run.
        groups: those of the inventory.
    """
    mine = _looked_at(hostvars, host)
    if mine is None or not mine[0].run.systemd:
        # Elsewhere, workers run only while their own host asks.
        return {"hosts": [], "unasked": []}
    alone = mine[0].run.alone

    def together() -> Iterator[tuple[str, Deployment, str]]:
        ordered = [*(one for one in hosts if one in groups.get("celery_beat", ())), *hosts]
        for one in [host] if alone else dict.fromkeys(ordered):
            found = _looked_at(hostvars, one)
            if found and (one == host or _works_with(mine[0], found[0])):
                yield one, *found

    members = together()
    first = next(members)
    if first[0] != host:
        return {"hosts": [], "unasked": []}
    asked = [
        {
            "name": one,
            "hostname": hostname,
            "pools": {pool.name: list(pool.queues) for pool in deployment.working_pools},
            "letters": list(deployment.letter_pools),
            # What it would take if nobody had drained it.
            "resting": sorted({queue for pool in deployment.running_pools for queue in pool.queues})
            if deployment.run.drained
            else [],
        }
        for one, deployment, hostname in (first, *members)
    ]
    # Left out by --limit, or of a later batch: they have workers, and nobody knows what they call themselves.
    known = () if alone else dict.fromkeys((*groups.get("celery_worker", ()), *hosts))
    unasked = [one for one in known if _looked_at(hostvars, one) is None]
    return {"hosts": asked, "unasked": unasked}


def _works_with(one: Deployment, other: Deployment) -> bool:
    """Tell whether the workers of two hosts answer over one broker.

    The host of the group celery_broker itself knows it by loopback, and the others by its name.
    """
    if one.name != other.name or other.run.alone or one.broker.server != other.broker.server:
        return False
    own = any(address.startswith(_LOOPBACK) for at in (one, other) for address in at.broker.addresses)
    return own or set(one.broker.addresses) == set(other.broker.addresses)


def _looked_at(hostvars: Mapping[str, Any], host: str) -> tuple[Deployment, str] | None:
    """Return what this run has decided for a host, and what that calls itself."""
    found = (hostvars[host].get("__celery_found") or {}) if host in hostvars else {}
    if "deployment" not in found:
        return None
    return Deployment.from_data(found["deployment"]), str(found["host"]["hostname"])


def batches(hosts: Sequence[str], sizes: Sequence[Any]) -> list[list[str]]:
    """Return hosts in batches: numbers, or percentages of all; the last size counts for the rest.

    Raises:
        AnsibleFilterError: a size is neither, or less than one host.
    """
    found: list[list[str]] = []
    rest, number = list(hosts), 0
    while rest:
        size = _size(str(sizes[min(number, len(sizes) - 1)]) if sizes else "100%", len(hosts))
        found.append(rest[:size])
        rest, number = rest[size:], number + 1
    return found


def _size(text: str, of: int) -> int:
    match = re.fullmatch(r"([0-9]+)(%?)", text.strip())
    if not match or int(match[1]) < 1:
        raise AnsibleFilterError(
            f"celery_release_batches: {text!r} has to be a number of hosts, or a percentage such as 25%."
        )
    return max(1, of * int(match[1]) // 100) if match[2] else int(match[1])
