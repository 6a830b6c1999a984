# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a RabbitMQ of the inventory needs to know about its workers: queues, times, rights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq.definitions import DEAD_LETTERS

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


@dataclass(frozen=True)
class Needs:
    """What a host that runs workers or beat wants of the server."""

    queues: tuple[str, ...]
    #: Seconds.
    consumer_timeout: int


@dataclass(frozen=True)
class Plan:
    """What the server gets."""

    #: The names of the tasks' queues, and a regular expression for them.
    queues: list[str]
    queue_pattern: str
    #: Seconds.
    consumer_timeout: int
    #: ``configure``, ``write`` and ``read``.
    permissions: dict[str, str]


def plan(fleet: Sequence[Needs]) -> Plan:
    """Decide what the server gets, from the needs of all hosts that run workers or beat."""
    queues = sorted({_pools.DEFAULT_QUEUE, *(queue for host in fleet for queue in host.queues)})
    own = [re.escape(name) for name in queues]
    everything = _one_of([*own, *_INTERNAL])
    # Who operates it looks at dead letters, puts them back, and drops them.
    readable = _one_of([*own, *_INTERNAL, re.escape(DEAD_LETTERS)])
    return Plan(
        queues,
        _one_of(own),
        max((host.consumer_timeout for host in fleet), default=limits.CONSUMER),
        {
            "configure": everything,
            "write": _one_of([*own, *_INTERNAL, _DEFAULT_EXCHANGE]),
            "read": readable,
        },
    )


def needs(variables: Mapping[str, Any]) -> Needs:
    """Return what a host wants, from its variables, with the defaults of the role celery.

    What the inventory says of the consumer timeout is taken as it is; the workers' own role refuses it if it
    is too short.

    Raises:
        PoolError: a pool is malformed.
        LimitError: a time is no number.
    """
    pools = _pools.of_inventory(variables)
    queues = [queue for pool in pools for queue in _pools.queues_of(pool)]
    patience = limits.Patience(longest_eta=_seconds(variables, "celery_longest_eta"))
    timeout = _seconds(variables, "celery_consumer_timeout")
    if not timeout:
        delivery = variables.get("celery_delivery") or _pools.DELIVERIES[0]
        timeout = limits.consumer_timeout(_pools.complete(pools, delivery), patience)
    return Needs((*queues, *(variables.get("celery_other_queues") or ())), timeout)


def _seconds(variables: Mapping[str, Any], name: str) -> int | None:
    value = variables.get(name)
    try:
        return None if value is None or value == "" else int(value)
    except (TypeError, ValueError):
        raise limits.LimitError(f"{name} is {value!r}, it has to be a whole number of seconds.") from None
