# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes as data: what ``celery_task_routes`` says, checked against the pools' queues and the tasks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Route

from .pools import DEFAULT_QUEUE

KEYS = ("queue", "priority", "rate_limit")
_PATTERN = re.compile(r"[\w.*?\[\]!-]+\Z")
_RATE = re.compile(r"\d+(\.\d+)?(/[smh])?\Z")
#: As AMQP has it; Redis knows four steps of 0 to 9.
_PRIORITIES = (0, 255)


class RouteError(ValueError):
    """A route that cannot be. The text names it and says what to change."""


def complete(routes: Mapping[str, Any]) -> list[Route]:
    """Check the routes and return them in their order.

    Args:
        routes: the variable ``celery_task_routes``.

    Raises:
        RouteError: one is malformed.
    """
    return [_route(str(pattern), value) for pattern, value in routes.items()]


def _route(pattern: str, value: Any) -> Route:
    where = f"celery_task_routes: {pattern}"
    if not _PATTERN.match(pattern):
        raise RouteError(
            f"{where}: this is no name of a task, and no pattern of names such as orders.tasks.*."
        )
    given = {"queue": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or all(said in (None, "") for said in given.values()):
        raise RouteError(f"{where}: a route is the name of a queue, or {', '.join(KEYS)}; this is {value!r}.")
    unknown = sorted(set(map(str, given)) - set(KEYS))
    if unknown:
        raise RouteError(f"{where}: a route has no {unknown[0]}; it has {', '.join(KEYS)}.")
    priority, rate = given.get("priority"), given.get("rate_limit")
    if rate is not None and not _RATE.match(str(rate)):
        raise RouteError(
            f"{where}: rate_limit is {str(rate)!r}; it is tasks per second, minute or hour of one worker, as "
            "10/s, 100/m or 1000/h."
        )
    return Route(
        pattern,
        queue=str(given.get("queue") or ""),
        priority=None if priority is None else _priority(where, priority),
        rate_limit="" if rate is None else str(rate),
    )


def _priority(where: str, value: Any) -> int:
    least, most = _PRIORITIES
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not least <= number <= most:
        raise RouteError(f"{where}: priority is {value!r}, it has to be a number from {least} to {most}.")
    return number


def check_queue(where: str, queue: str, served: Collection[str]) -> None:
    """See that somebody consumes a queue.

    Raises:
        RouteError: no pool does.
    """
    if queue not in served:
        raise RouteError(
            f"{where}: no pool consumes the queue {queue!r}, so its tasks would wait for ever. Add it to the "
            f"queues of a pool in celery_workers; they are {', '.join(served)}."
        )


def check_task(where: str, name: str, known: Collection[str], own: Collection[str]) -> None:
    """See that a task of the project's own exists. Those of other packages are seen in its virtualenv.

    Args:
        where: what names the task.
        name: the task's name.
        known: the names of the project's tasks.
        own: the project's apps and its package.

    Raises:
        RouteError: there is no such task in the source.
    """
    if name in known or not any(name.startswith(f"{package}.") for package in own if package):
        return
    close = difflib.get_close_matches(name, known, 1)
    raise RouteError(
        f"{where}: there is no task {name} in the source. "
        + (f"Did you mean {close[0]}?" if close else "Its name is that of its module and its function.")
    )


def check(
    routes: Sequence[Route],
    served: Collection[str],
    known: Collection[str],
    own: Collection[str],
) -> None:
    """See that each route leads somewhere, and that what it names exists.

    Raises:
        RouteError: one does not.
    """
    for route in routes:
        where = f"celery_task_routes: {route.pattern}"
        if route.queue:
            check_queue(where, route.queue, served)
        if not is_pattern(route.pattern):
            check_task(where, route.pattern, known, own)


def is_pattern(name: str) -> bool:
    """Tell whether Celery takes this for a pattern (celery.app.routes.MapRoute)."""
    return "*" in name


def queue_of(name: str, routes: Iterable[Route]) -> str:
    """Return the queue of a task: a name wins over a pattern, and of patterns the first that fits."""
    with_queue = [route for route in routes if route.queue]
    exact = [route.queue for route in with_queue if route.pattern == name]
    patterns = [route for route in with_queue if is_pattern(route.pattern)]
    fitting = [route.queue for route in patterns if fnmatchcase(name, route.pattern)]
    return next(iter([*exact, *fitting]), DEFAULT_QUEUE)


def idle(routes: Sequence[Route], known: Collection[str]) -> list[str]:
    """Return the patterns that no task of the project's matches: of a package, or a slip."""
    return [
        route.pattern
        for route in routes
        if is_pattern(route.pattern) and not any(fnmatchcase(name, route.pattern) for name in known)
    ]
