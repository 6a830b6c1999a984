# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections to databases a whole deployment can need at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment, PoolUnit

from . import pools as _pools


@dataclass(frozen=True)
class Member:
    """A host of this run, with what was decided for it."""

    deployment: Deployment
    #: What Celery takes for the concurrency of a pool that has none.
    processors: int


@dataclass(frozen=True)
class PoolLoad:
    """A pool, and how many of its tasks can be at the database at once."""

    name: str
    pool: str
    at_once: int


@dataclass(frozen=True)
class Load:
    """What a host runs that has connections."""

    pools: tuple[PoolLoad, ...]
    #: Of each pool, the old generation finishes its tasks beside the new one, unless it is replaced.
    generations: int
    beat: bool
    #: Requests of the site that can be at the database at once, in one generation.
    web: int = 0


def of_host(member: Member) -> Load:
    """Return what a host runs, from what was decided for it."""
    deployment = member.deployment
    pools = tuple(_of_pool(pool, member.processors) for pool in deployment.running_pools)
    web = deployment.web.processes * deployment.web.threads if deployment.has_web else 0
    return Load(pools, _generations(deployment.units.restart), deployment.has_beat, web)


def of_inventory(
    variables: Mapping[str, Any], works: bool, beat: bool, processors: int, web: int = 0
) -> Load:
    """Return the same for a host that is not in this run, from what the inventory says.

    Args:
        variables: those of the host.
        works: whether it is in the group celery_worker.
        beat: whether it is in the group celery_beat.
        processors: those of a host that is known.
        web: requests of the site at once, where it is in the group celery_web: those of a host that is known.
    """
    pools = _pools.complete(_pools.of_inventory(variables), _pools.DELIVERIES[0]) if works else []
    return Load(
        tuple(_of_pool(_pools.unit(pool), processors) for pool in pools),
        _generations(variables.get("celery_worker_restart", "")),
        beat,
        web,
    )


def fleet(
    host: str,
    members: Mapping[str, Member],
    groups: Mapping[str, Sequence[str]],
    variables: Mapping[str, Any],
) -> dict[str, Load]:
    """Return what all hosts of a deployment run, by host.

    Args:
        host: the one that asks.
        members: the hosts of this run.
        groups: the inventory's groups, name to hosts.
        variables: the variables of all hosts of the inventory.
    """
    own = members[host]
    if own.deployment.run.alone:
        return {host: of_host(own)}
    found = {
        name: of_host(other)
        for name, other in members.items()
        if other.deployment.name == own.deployment.name and other.deployment.run.duties
    }
    workers, beats, webs = (groups.get(f"celery_{name}", ()) for name in ("worker", "beat", "web"))
    site = own.deployment.web
    for name in dict.fromkeys([*workers, *beats, *webs]):
        if name not in members:  # a run with --limit
            found[name] = of_inventory(
                variables.get(name, {}),
                name in workers,
                name in beats,
                own.processors,
                site.processes * site.threads if name in webs else 0,
            )
    return found


def _generations(restart: str) -> int:
    return 1 if restart == "replace" else 2


def _of_pool(pool: PoolUnit, processors: int) -> PoolLoad:
    most = max(pool.autoscale, default=0) or pool.concurrency or processors
    return PoolLoad(pool.name, pool.pool, 1 if pool.pool == "solo" else most)
