# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker pools: what ``celery_workers`` says, checked and completed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import PoolUnit
from ansible_collections.celeriac.django.plugins.module_utils._runtime import environment_file

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
WATCHDOG_GEVENT = 90

#: Seconds before the end of the time to stop at which a pool with late acknowledgement gives its
#: running tasks back to the broker.
REQUEUE_MARGIN = 10

#: The numbers of a pool, each with the least that it can be.
NUMBERS = {
    "concurrency": 1,
    "prefetch_multiplier": 0,  # no limit
    "time_limit": 1,
    "soft_time_limit": 1,
    "max_tasks_per_child": 1,
    "max_memory_per_child": 1,
    "nice": -20,
    "stop_timeout": 1,
    "watchdog": 0,  # none
}
#: All keys of a pool.
KEYS = (
    *("name", "queues", "pool", *NUMBERS, "autoscale", "memory_max", "cpu_quota"),
    *("environment", "arguments", "delivery", "log_level"),
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
DELIVERIES = ("at_most_once", "at_least_once")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9_.:-]+\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MEMORY = re.compile(r"\d+[KMGT]?\Z|\d+%\Z")
_QUOTA = re.compile(r"\d+%\Z")
#: A beat inside of the worker, in any spelling; -E and -D are Celery's other switches of one letter.
_BEAT = re.compile(r"-[ED]*B|--beat\Z")
#: Arguments that the collection gives itself, or that a unit cannot have.
_RESERVED = re.compile(
    r"-[ED]*D|--detach\Z|(-A|-n|-f|--app|--hostname|--logfile|--pidfile|--uid|--gid|--workdir)"
)
#: What Celery's command line reads from the environment in place of --beat.
BEAT_VARIABLE = "CELERY_WORKER_BEAT"


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
    nice: int | None = None
    #: The most and the least processes, where their number follows the load.
    autoscale: tuple[int, int] | None = None
    #: As systemd takes them.
    memory_max: str = ""
    cpu_quota: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    #: More arguments of ``celery worker``.
    more: tuple[str, ...] = ()

    @property
    def late(self) -> bool:
        """Whether a message is acknowledged after its task."""
        return self.delivery == "at_least_once"

    @property
    def requeue_after(self) -> int:
        """Seconds after which a stop gives running tasks back to the broker; 0: they are waited for."""
        if not self.late or self.pool != "prefork":
            return 0
        if self.time_limit is not None and self.time_limit <= self.stop_timeout:
            return 0
        return max(1, self.stop_timeout - REQUEUE_MARGIN)


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
    unknown = sorted(set(data) - set(KEYS))
    if unknown:
        raise PoolError(f"{where}: there is no key {unknown[0]!r}; there are {', '.join(KEYS)}.")
    queues = queues_of(data)
    for queue in queues:
        if not _QUEUE.match(queue):
            raise PoolError(f"{where}: {queue!r} is no name for a queue: no spaces, commas or quotes.")
    kind = _choice(where, "pool", data.get("pool") or "prefork", KINDS)
    numbers = {key: _number(where, key, data.get(key)) for key in NUMBERS}
    hard = numbers["time_limit"]
    _check_limits(where, kind, hard, numbers["soft_time_limit"])
    chosen = _choice(where, "delivery", data.get("delivery") or delivery, DELIVERIES)
    if numbers["prefetch_multiplier"] is None and chosen == "at_least_once":
        numbers["prefetch_multiplier"] = 1
    if numbers["stop_timeout"] is None:
        numbers["stop_timeout"] = hard + STOP_MARGIN if hard else STOP_TIMEOUT
    if numbers["watchdog"] is None:
        numbers["watchdog"] = WATCHDOG[kind]
    if numbers["watchdog"] and not WATCHDOG[kind]:
        raise PoolError(
            f"{where}: a pool of kind {kind} stands still for the whole task, and a watchdog would kill it. "
            "Leave watchdog out."
        )
    if numbers["watchdog"] and kind == "gevent" and numbers["watchdog"] < WATCHDOG_GEVENT:
        raise PoolError(
            f"{where}: watchdog is {numbers['watchdog']} s; gevent's timer has gaps of 30 s, so it has to be "
            f"at least {WATCHDOG_GEVENT} s."
        )
    if numbers["nice"] is not None and numbers["nice"] > 19:
        raise PoolError(f"{where}: nice is {numbers['nice']}, it has to be from -20 to 19.")
    return Pool(
        name=name,
        queues=queues,
        pool=kind,
        **numbers,  # type: ignore[arg-type] # stop_timeout and watchdog are numbers now
        autoscale=_autoscale(where, kind, data),
        memory_max=_matching(where, "memory_max", data, _MEMORY, "2G, 512M or 25%"),
        cpu_quota=_matching(where, "cpu_quota", data, _QUOTA, "50%, or 200% for two processors"),
        environment=_environment(where, data.get("environment") or {}),
        more=_more(where, data.get("arguments") or []),
        delivery=chosen,
        log_level=_choice(where, "log_level", data.get("log_level") or "INFO", LOG_LEVELS),
    )


def of_inventory(variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pools of another host, from its variables in the inventory."""
    return variables.get("celery_workers") or [{"name": "default"}]


def queues_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the queues of a pool as the inventory has it."""
    given = data.get("queues") or [DEFAULT_QUEUE]
    # Ansible takes a text for a list, and leaves it a text.
    return tuple(given.split(",") if isinstance(given, str) else given)


def _choice(where: str, key: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise PoolError(f"{where}: there is no {key} {value!r}; there are {', '.join(choices)}.")
    return value


def _check_limits(where: str, kind: str, hard: int | None, soft: int | None) -> None:
    if hard and soft and soft >= hard:
        raise PoolError(f"{where}: soft_time_limit ({soft} s) has to be shorter than time_limit ({hard} s).")
    if (soft and kind != "prefork") or (hard and kind not in ("prefork", "gevent")):
        raise PoolError(
            f"{where}: a pool of kind {kind} cannot enforce this: time_limit needs prefork or gevent, "
            "soft_time_limit needs prefork. Leave it out, or use pool: prefork."
        )


def _autoscale(where: str, kind: str, data: Mapping[str, Any]) -> tuple[int, int] | None:
    given = data.get("autoscale")
    if not given:
        return None
    if kind not in ("prefork", "gevent"):
        raise PoolError(f"{where}: autoscale needs a pool of kind prefork or gevent, not {kind}.")
    if data.get("concurrency") is not None:
        raise PoolError(f"{where}: concurrency and autoscale exclude each other. Leave one of them out.")
    if set(given) != {"min", "max"}:
        raise PoolError(f"{where}: autoscale has to be like {{min: 2, max: 8}}.")
    least, most = (_number(where, "concurrency", given[key]) or 0 for key in ("min", "max"))
    if least > most:
        raise PoolError(f"{where}: autoscale: min ({least}) is larger than max ({most}).")
    return most, least


def _matching(where: str, key: str, data: Mapping[str, Any], pattern: re.Pattern[str], example: str) -> str:
    value = str(data.get(key) or "")
    if value and not pattern.match(value):
        raise PoolError(f"{where}: {key} is {value!r}, it has to be like {example}.")
    return value


def _environment(where: str, given: Mapping[str, Any]) -> dict[str, str]:
    for name in given:
        if not _VARIABLE.match(name):
            raise PoolError(f"{where}: {name!r} is no name of an environment variable.")
    refuse_beat(f"{where}: environment", given)
    return {name: environment_text(value) for name, value in sorted(given.items())}


def environment_text(value: Any) -> str:
    """Return a value of the inventory as an environment has it."""
    return environment_file.text_of(value)


def refuse_beat(where: str, names: Iterable[str]) -> None:
    """See that no environment starts a beat inside of the workers.

    Raises:
        PoolError: it does.
    """
    if BEAT_VARIABLE in names:
        raise PoolError(
            f"{where}: {BEAT_VARIABLE} starts a beat inside of each worker, and each would send every "
            "periodic task. Leave it out: beat is a unit of its own."
        )


def _more(where: str, given: Sequence[Any] | str) -> tuple[str, ...]:
    words = tuple(given.split() if isinstance(given, str) else map(str, given))
    for word in words:
        if _BEAT.match(word):
            raise PoolError(
                f"{where}: {word} starts a beat inside of each worker, and each would send every periodic "
                "task. Leave it out: beat is a unit of its own."
            )
        if _RESERVED.match(word):
            raise PoolError(f"{where}: arguments: {word} is not for you to give: the unit says it itself.")
        if "\n" in word:
            raise PoolError(f"{where}: arguments: {word!r} has a line break.")
    return words


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
        "--autoscale": f"{pool.autoscale[0]},{pool.autoscale[1]}" if pool.autoscale else None,
        "--prefetch-multiplier": pool.prefetch_multiplier,
        "--time-limit": pool.time_limit,
        "--soft-time-limit": pool.soft_time_limit,
        "--max-tasks-per-child": pool.max_tasks_per_child,
        "--max-memory-per-child": pool.max_memory_per_child,
        "--loglevel": pool.log_level,
    }
    switches = ["--without-gossip", "--without-mingle"]
    return [f"{name}={value}" for name, value in given.items() if value is not None] + switches + [*pool.more]


def unit(pool: Pool) -> PoolUnit:
    """Return a pool as its unit runs it."""
    return PoolUnit(
        name=pool.name,
        queues=pool.queues,
        pool=pool.pool,
        concurrency=pool.concurrency,
        autoscale=pool.autoscale or (),
        time_limit=pool.time_limit,
        delivery=pool.delivery,
        stop_timeout=pool.stop_timeout,
        watchdog=pool.watchdog,
        requeue_after=pool.requeue_after,
        nice=pool.nice,
        memory_max=pool.memory_max,
        cpu_quota=pool.cpu_quota,
        environment=dict(pool.environment),
        arguments=tuple(arguments(pool)),
    )
