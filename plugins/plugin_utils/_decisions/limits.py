# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of times: task, stop of its unit, and the patience of the broker.

A task that takes longer than its unit may take to stop is killed by systemd. A message that is held
longer than the broker is patient is delivered again, and its task runs twice. All of that is
known before anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .broker import Broker
from .pools import Pool

#: Celery's visibility timeout on Redis, and what RabbitMQ's consumer timeout is (both in seconds).
VISIBILITY = 3600
CONSUMER = 1800
#: Celery's worker_prefetch_multiplier.
PREFETCH = 4
#: Seconds on top of what a pool may hold a message: the time to acknowledge it.
MARGIN = 30


class LimitError(ValueError):
    """Times that contradict each other. The text has the numbers, and says what to change."""


@dataclass(frozen=True)
class Patience:
    """How long the broker lets a message be held, as the variables say; None: not said."""

    #: Redis: the visibility timeout.
    visibility: int | None = None
    #: RabbitMQ: its consumer timeout.
    consumer: int = CONSUMER
    #: The longest ETA or countdown that the project uses. Such a message is held until then.
    longest_eta: int | None = None


def patience(options: Mapping[str, Any]) -> Patience:
    """Return how long the broker waits for messages that are held, as the variables say."""
    return Patience(
        visibility=options["visibility_timeout"],
        consumer=options["consumer_timeout"] or CONSUMER,
        longest_eta=options["longest_eta"],
    )


def held(pool: Pool) -> int | None:
    """Return how long a pool can hold a message without acknowledging it; None: without any limit.

    With late acknowledgement that is the task, behind those that were fetched before it; otherwise
    the ones before it alone.
    """
    multiplier = PREFETCH if pool.prefetch_multiplier is None else pool.prefetch_multiplier
    if pool.time_limit is None or not multiplier:
        return None
    return pool.time_limit * (multiplier if pool.late else multiplier - 1)


def visibility_timeout(pools: Sequence[Pool], patience: Patience) -> int:
    """Return the visibility timeout of the whole deployment: apps that share a Redis get the shortest.

    It follows from the limits if everything is known. Otherwise it is not below Celery's own.
    """
    if patience.visibility is not None:
        return patience.visibility
    times = [held(pool) for pool in pools]
    known = [time + MARGIN for time in times if time is not None]
    if patience.longest_eta is None:
        known.append(VISIBILITY)
    else:
        known.append(patience.longest_eta + MARGIN)
    if any(time is None for time in times):
        known.append(VISIBILITY)
    return max(known)


def consumer_timeout(pools: Sequence[Pool], patience: Patience) -> int:
    """Return the consumer timeout that the pools need of a RabbitMQ of the inventory.

    It is never below RabbitMQ's own. The longest ETA counts, though the messages of a quorum queue wait
    for it on the server: a project's own app may have other queues.
    """
    times = [held(pool) for pool in pools if pool.late]
    known = [time + MARGIN for time in times if time is not None]
    if patience.longest_eta is not None:
        known.append(patience.longest_eta + MARGIN)
    return max([patience.consumer, *known])


def check(pools: Sequence[Pool], broker: Broker, patience: Patience) -> None:
    """See that no time of the chain is longer than the next one.

    Raises:
        LimitError: one is.
    """
    for pool in pools:
        _check_stop(pool)
        if pool.late:
            _check_prefetch(pool)
    facts = broker.facts
    if facts.counts_visibility:
        limit, what = visibility_timeout(pools, patience), f"the visibility timeout of {facts.server}"
        how = "Raise celery_visibility_timeout, or leave it out: it then follows from the pools."
        if facts.longest_visibility and limit > facts.longest_visibility:
            raise LimitError(
                f"Messages can be held for {limit} s (celery_visibility_timeout, or what follows from pools "
                f"and celery_longest_eta), and {facts.server} waits {facts.longest_visibility} s at most: "
                "then their tasks would run twice. Lower time_limit, prefetch_multiplier or "
                "celery_longest_eta, or take another broker."
            )
    elif facts.counts_consumer:
        limit, what = patience.consumer, f"the consumer timeout of {facts.server}"
        how = (
            "Raise consumer_timeout in the server's configuration, and say so in celery_consumer_timeout, "
            "or lower the limit."
        )
    else:
        return
    for pool in pools:
        time = held(pool)
        if pool.late and time is not None and time > limit:
            raise LimitError(
                f"The pool {pool.name!r} acknowledges late and can hold a message for {time} s "
                f"(time_limit {pool.time_limit} s, times {pool.prefetch_multiplier} fetched for each "
                f"process), but {what} is {limit} s: then its task would run twice. {how}"
            )
    if patience.longest_eta is not None and patience.longest_eta > limit:
        raise LimitError(
            f"celery_longest_eta is {patience.longest_eta} s, but {what} is {limit} s: a worker holds a "
            f"message with an ETA or countdown until it is due, and its task would run twice. {how}"
        )


def _check_stop(pool: Pool) -> None:
    if pool.late or pool.time_limit is None or pool.time_limit <= pool.stop_timeout:
        return
    raise LimitError(
        f"The pool {pool.name!r} lets tasks run for {pool.time_limit} s (time_limit), but its unit gets "
        f"{pool.stop_timeout} s to stop (stop_timeout), and systemd would kill them; with at_most_once, they "
        "would be lost. Raise stop_timeout or leave it out, or set delivery to at_least_once."
    )


def _check_prefetch(pool: Pool) -> None:
    if pool.prefetch_multiplier == 0:
        raise LimitError(
            f"The pool {pool.name!r} acknowledges late and fetches without a limit (prefetch_multiplier 0): "
            "it would hold all messages, however long. Set prefetch_multiplier to 1."
        )


def warnings(pools: Sequence[Pool], broker: Broker, patience: Patience) -> list[str]:
    """Return what cannot be checked, because nothing limits it."""
    if broker.embedded:
        return []
    limit = visibility_timeout(pools, patience) if broker.facts.counts_visibility else patience.consumer
    return [
        f"The pool {pool.name!r} acknowledges late and has no time_limit: a task that takes longer than "
        f"{limit} s runs twice."
        for pool in pools
        if pool.late and pool.time_limit is None
    ]
