# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a RabbitMQ of the inventory needs to know about its workers: queues, times, rights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import limits
from . import pools as _pools

#: What Celery and celery_ops make for themselves: the letters of a worker, remote control and its
#: answers, events, and the exchanges and queues in which ETAs wait.
_INTERNAL = (
    r"celeriac\..+",
    r"(.+\.)?celery\.pidbox",
    r"celeryev(\..+)?",
    "celery_delayed_([0-9]+|delivery)",
)
#: The exchange without a name, as permissions call it. Letters go through it.
_DEFAULT_EXCHANGE = r"amq\.default"


def _one_of(patterns: Iterable[str]) -> str:
    return f"^({'|'.join(patterns)})$"


def plan(fleet: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Decide what the server gets, from the variables of all hosts that run workers or beat.

    Args:
        fleet: for each host the public variables without their prefix: ``workers``, ``delivery``,
            ``other_queues``, ``visibility_timeout``, ``consumer_timeout``, ``longest_eta``.

    Returns:
        ``queues``: the names of the tasks' queues; ``queue_pattern``: a regular expression for them;
        ``consumer_timeout`` in seconds; ``permissions``: ``configure``, ``write`` and ``read``.

    Raises:
        PoolError: a pool is malformed.
    """
    names = {_pools.DEFAULT_QUEUE}
    for host in fleet:
        names.update(host["other_queues"])
        for pool in host["workers"]:
            names.update(_pools.queues_of(pool))
    queues = sorted(names)
    own = [re.escape(name) for name in queues]
    everything = _one_of([*own, *_INTERNAL])
    return {
        "queues": queues,
        "queue_pattern": _one_of(own),
        "consumer_timeout": max((consumer_timeout(host) for host in fleet), default=limits.CONSUMER),
        "permissions": {
            "configure": everything,
            "write": _one_of([*own, *_INTERNAL, _DEFAULT_EXCHANGE]),
            "read": everything,
        },
    }


def consumer_timeout(host: Mapping[str, Any]) -> int:
    """Return how long the server has to be patient with the workers of a host, in seconds.

    What the inventory says is taken as it is; the workers' own role refuses it if it is too short.
    """
    if host["consumer_timeout"]:
        return int(host["consumer_timeout"])
    pools = _pools.complete(host["workers"], host["delivery"])
    return limits.consumer_timeout(pools, limits.patience(host))


def variables(host: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of a host that matter here, with the defaults of the role celery."""
    return {
        "workers": _pools.of_inventory(host),
        "delivery": host.get("celery_delivery") or "at_most_once",
        "other_queues": host.get("celery_other_queues") or [],
        "visibility_timeout": None,
        "consumer_timeout": _seconds(host, "celery_consumer_timeout"),
        "longest_eta": _seconds(host, "celery_longest_eta"),
    }


def _seconds(host: Mapping[str, Any], name: str) -> int | None:
    value = host.get(name)
    try:
        return None if value is None or value == "" else int(value)
    except (TypeError, ValueError):
        raise limits.LimitError(f"{name} is {value!r}, it has to be a whole number of seconds.") from None
