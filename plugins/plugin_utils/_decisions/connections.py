# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections to databases a whole deployment can need at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment, PoolUnit

from . import pools as _pools


def of_host(deployment: Deployment, processors: int) -> dict[str, Any]:
    """Return what a host runs that has connections, from what was decided for it.

    Args:
        deployment: the decisions.
        processors: those of the host, which are the concurrency of a pool without one.
    """
    return {
        "pools": [_of_pool(pool, processors) for pool in deployment.running_pools],
        # Of each pool, the old generation finishes its tasks beside the new one.
        "generations": 1 if deployment.units.restart == "replace" else 2,
        "beat": deployment.has_beat,
    }


def of_inventory(
    pools: Sequence[Mapping[str, Any]], restart: str, beat: bool, processors: int
) -> dict[str, Any]:
    """Return the same for a host that is not in this run, from what the inventory says.

    Args:
        pools: its ``celery_workers``.
        restart: its ``celery_worker_restart``.
        beat: whether it is in the group celery_beat.
        processors: those of a host that is known.
    """
    return {
        "pools": [_of_pool(_pools.unit(pool), processors) for pool in _completed(pools)],
        "generations": 1 if restart == "replace" else 2,
        "beat": beat,
    }


def fleet(
    host: str,
    known: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    variables: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what all hosts of a deployment run, by host.

    Args:
        host: the one that asks.
        known: the hosts of this run, each with what celery_deployment has found and decided.
        groups: the inventory's groups, name to hosts.
        variables: the variables of all hosts of the inventory.
    """
    decided = {name: Deployment.from_data(other["deployment"]) for name, other in known.items()}
    own, processors = decided[host], known[host]["host"]["processors"]
    if own.run.alone:
        return {host: of_host(own, processors)}
    found = {
        name: of_host(other, known[name]["host"]["processors"])
        for name, other in decided.items()
        if other.name == own.name and other.run.duties
    }
    workers, beats = groups.get("celery_worker", ()), groups.get("celery_beat", ())
    for name in dict.fromkeys([*workers, *beats]):
        if name not in known:  # a run with --limit
            given = variables.get(name, {})
            pools = _pools.of_inventory(given) if name in workers else []
            restart = given.get("celery_worker_restart", "")
            found[name] = of_inventory(pools, restart, name in beats, processors)
    return found


def _of_pool(pool: PoolUnit, processors: int) -> dict[str, Any]:
    most = max(pool.autoscale, default=0) or pool.concurrency or processors
    return {"name": pool.name, "pool": pool.pool, "at_once": 1 if pool.pool == "solo" else most}


def _completed(pools: Sequence[Mapping[str, Any]]) -> list[_pools.Pool]:
    return _pools.complete(pools, "at_most_once") if pools else []
