# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does what in a deployment, and who serves what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import pools as _pools
from .variables import DeploymentError, Variables

#: Groups of the inventory, and what a host does in each.
DUTIES = {"celery_worker": "worker", "celery_beat": "beat", "celery_web": "web"}
#: What a host does that is in none of them, with ``celery_web: true`` the site besides.
_ALONE = ("worker", "beat")
METRICS = "celery_metrics"
#: Groups whose hosts serve the others.
SERVERS = ("celery_broker", "celery_database")


@dataclass(frozen=True)
class Fleet:
    """What a host knows of the deployment that it is part of."""

    #: What the host itself does.
    duties: tuple[str, ...]
    #: The number of hosts that run workers.
    workers: int
    #: The queues that somebody serves.
    served: tuple[str, ...]


def look(
    variables: Variables, groups: Mapping[str, Sequence[str]], hosts: Sequence[str], others: Mapping[str, Any]
) -> Fleet:
    """Return what a host knows of its deployment; one that has a broker of its own is alone.

    Args:
        variables: those of the host.
        groups: the inventory's groups, name to hosts.
        hosts: the host, and then the others of the play.
        others: the variables of all hosts of the inventory.
    """
    host = hosts[0]
    known = [host] if variables.alone else [*dict.fromkeys([*groups.get("celery_worker", ()), *hosts])]
    working_ones = [name for name in known if "worker" in duties(name, groups)]
    pools = {
        name: [pool.queues for pool in variables.pools]
        if name == host
        else [_pools.queues_of(pool) for pool in _pools.of_inventory(others[name])]
        for name in working_ones
    }
    return Fleet(
        tuple(duties(host, groups, variables.web, variables.metrics)),
        len(working_ones),
        tuple(served(pools, variables.other_queues)),
    )


def duties(
    host: str, groups: Mapping[str, Sequence[str]], web: bool = False, metrics: bool = False
) -> list[str]:
    """Return what a host does; one that is in none of the groups runs workers and beat.

    Args:
        host: its name.
        groups: the inventory's groups, name to hosts.
        web: whether it serves the site in any case.
        metrics: whether it tells Prometheus in any case.
    """
    if any(host in groups.get(group, ()) for group in (*DUTIES, *SERVERS)):
        found = [duty for group, duty in DUTIES.items() if host in groups.get(group, ())]
    else:
        found = list(_ALONE)
    if web and "web" not in found:
        found.append("web")
    # What is told is about the others: the group says nothing about what the host does besides.
    return [*found, "metrics"] if found and (metrics or host in groups.get(METRICS, ())) else found


def served(hosts: Mapping[str, Sequence[Sequence[str]]], others: Sequence[str]) -> list[str]:
    """Return the queues that somebody serves.

    Args:
        hosts: the worker hosts, each with the queues of its pools.
        others: the queues that somebody else serves.
    """
    queues = {queue for pools in hosts.values() for pool in pools for queue in pool}
    return sorted(queues | set(others))


def check_queues(queues: Sequence[str], integrated: bool = True) -> None:
    """See that the default queue is served by somebody: tasks without a route go there, and the canary.

    Args:
        queues: those that are served.
        integrated: whether the app is ours; the settings of another one say what its default is.

    Raises:
        DeploymentError: nobody serves it, though there are pools.
    """
    if integrated and queues and _pools.DEFAULT_QUEUE not in queues:
        raise DeploymentError(
            f"No pool serves the queue {_pools.DEFAULT_QUEUE}, where tasks go that have no route, and what "
            f"beat sends; these are served: {', '.join(queues)}. Add it to the queues of a pool in "
            "celery_workers, or to celery_other_queues if somebody else serves it."
        )
