# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker pools: what ``celery_workers`` says, checked and completed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: Celery's task_default_queue.
DEFAULT_QUEUE = "celery"
KINDS = ("prefork", "threads", "gevent", "solo")
#: Seconds that a pool without a time limit gets to finish its tasks when it is stopped.
STOP_TIMEOUT = 600
#: Seconds on top of the time limit: the pool kills the task, the worker says goodbye.
STOP_MARGIN = 15
#: Seconds between two signs of life, by kind; 0: no watchdog. gevent's timer has gaps of up to
#: 30 s, and a solo worker's loop stands still for the whole task (measured, celery 5.7).
WATCHDOG = {"prefork": 60, "threads": 60, "gevent": 120, "solo": 0}

#: The numbers of a pool, each with the least that it can be.
NUMBERS = {
    "concurrency": 1,
    "prefetch_multiplier": 0,  # no limit
    "time_limit": 1,
    "soft_time_limit": 1,
    "max_tasks_per_child": 1,
    "max_memory_per_child": 1,
}

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9_.:-]+\Z")


class PoolError(ValueError):
    """A pool that cannot be. The text names it and says what to change."""


@dataclass(frozen=True)
class Pool:
    """A worker pool: one systemd unit on each worker host."""

    name: str
    queues: tuple[str, ...]
    pool: str
    #: None: Celery's default, the number of processors.
    concurrency: int | None
    prefetch_multiplier: int | None
    time_limit: int | None
    soft_time_limit: int | None
    max_tasks_per_child: int | None
    #: KiB
    max_memory_per_child: int | None
    delivery: str
    log_level: str
    #: Seconds.
    stop_timeout: int
    watchdog: int


def complete(pools: Sequence[Mapping[str, Any]], delivery: str) -> list[Pool]:
    """Check the pools and fill in what was left out.

    Args:
        pools: the variable ``celery_workers``; its types are checked already.
        delivery: the project's ``celery_delivery``, for pools without their own.

    Raises:
        PoolError: a name is missing, malformed or there twice, or values contradict each other.
    """
    if not pools:
        raise PoolError("celery_workers is empty: name at least one pool, such as [{name: default}].")
    found: list[Pool] = []
    for index, data in enumerate(pools):
        name = data.get("name") or ""
        where = f"celery_workers[{index}]"
        if not name:
            raise PoolError(f"{where} has no name. Give it one, such as name: default.")
        if not _NAME.match(name):
            raise PoolError(
                f"{where}: {name!r} is no name for a pool: it becomes part of a unit's name, so use "
                "lower-case letters, digits and -, starting with a letter, at most 31."
            )
        if any(pool.name == name for pool in found):
            raise PoolError(f"{where}: there are two pools named {name!r}. Rename one of them.")
        found.append(_complete(where, name, data, delivery))
    return found


def _complete(where: str, name: str, data: Mapping[str, Any], delivery: str) -> Pool:
    given = data.get("queues") or [DEFAULT_QUEUE]
    # Ansible takes a text for a list, and leaves it a text.
    queues = tuple(given.split(",") if isinstance(given, str) else given)
    for queue in queues:
        if not _QUEUE.match(queue):
            raise PoolError(f"{where}: {queue!r} is no name for a queue: no spaces, commas or quotes.")
    kind = data.get("pool") or "prefork"
    if kind not in KINDS:
        raise PoolError(f"{where}: there is no pool {kind!r}; there are {', '.join(KINDS)}.")
    numbers = {key: _number(where, key, data.get(key)) for key in NUMBERS}
    hard, soft = numbers["time_limit"], numbers["soft_time_limit"]
    if hard and soft and soft >= hard:
        raise PoolError(f"{where}: soft_time_limit ({soft} s) has to be shorter than time_limit ({hard} s).")
    if (soft and kind != "prefork") or (hard and kind not in ("prefork", "gevent")):
        raise PoolError(
            f"{where}: a pool of kind {kind} cannot enforce this: time_limit needs prefork or gevent, "
            "soft_time_limit needs prefork. Leave it out, or use pool: prefork."
        )
    chosen = data.get("delivery") or delivery
    if numbers["prefetch_multiplier"] is None and chosen == "at_least_once":
        numbers["prefetch_multiplier"] = 1
    return Pool(
        name=name,
        queues=queues,
        pool=kind,
        **numbers,
        delivery=chosen,
        log_level=data.get("log_level") or "INFO",
        stop_timeout=hard + STOP_MARGIN if hard else STOP_TIMEOUT,
        watchdog=WATCHDOG[kind],
    )


def _number(where: str, key: str, value: Any) -> int | None:
    """Return a number that Ansible may have left a text."""
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise PoolError(f"{where}: {key} is {value!r}, it has to be a whole number.") from None
    if number < NUMBERS[key]:
        raise PoolError(f"{where}: {key} is {number}, it has to be at least {NUMBERS[key]}.")
    return number


def arguments(pool: Pool) -> list[str]:
    """Return the arguments of ``celery worker`` for a pool, all but the node's name."""
    given = {
        "--queues": ",".join(pool.queues),
        "--pool": pool.pool,
        "--concurrency": pool.concurrency,
        "--prefetch-multiplier": pool.prefetch_multiplier,
        "--time-limit": pool.time_limit,
        "--soft-time-limit": pool.soft_time_limit,
        "--max-tasks-per-child": pool.max_tasks_per_child,
        "--max-memory-per-child": pool.max_memory_per_child,
        "--loglevel": pool.log_level,
    }
    switches = ["--without-gossip", "--without-mingle"]
    return [f"{name}={value}" for name, value in given.items() if value is not None] + switches


def as_data(pool: Pool) -> dict[str, Any]:
    """Return a pool as plain data, with its arguments."""
    return {**asdict(pool), "queues": list(pool.queues), "arguments": arguments(pool)}
