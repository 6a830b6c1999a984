# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a worker starts: does the code load, and do its tasks fit the pools that are to run them?"""

from __future__ import annotations

from typing import Any


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Import everything that a worker imports, and look at the tasks.

    Args:
        job: ``app``: what ``celery -A`` takes; ``pools``: those of this host; ``served``: the queues
            that somebody serves; ``visibility`` and ``consumer``: the broker's patience in seconds,
            where the variables decide about it; ``own_app``: whether the project's settings do.
    """
    import django

    django.setup()
    from celery.app.utils import find_app

    app = find_app(job["app"])
    app.loader.import_default_modules()
    app.finalize(auto=True)
    limit, name = _patience(app, job)
    problems: list[str] = _queue_problems(app, job["pools"])
    for task in app.tasks.values():
        if task.name.startswith("celery."):
            continue
        queue = _queue(app, task)
        pools = [pool for pool in job["pools"] if queue in pool["queues"]]
        if queue not in job["served"]:
            problems.append(
                f"{task.name} goes to the queue {queue}, which no pool serves: add it to the queues of a "
                "pool in celery_workers, or to celery_other_queues if somebody else serves it"
            )
        for pool in pools:
            problems += _problems(app, task, pool, limit, name)
    return {"problems": sorted(set(problems))}


def _queue(app: Any, task: Any) -> str:
    """Return the queue that a task goes to unless its sender says otherwise."""
    own = getattr(task, "queue", None)
    if own:
        return str(own)
    try:
        route = app.amqp.router.route({}, task.name)
    except Exception:  # noqa: BLE001 - a router of the project's may want more than a name
        return str(app.conf.task_default_queue)
    queue = route.get("queue")
    return str(getattr(queue, "name", queue) or app.conf.task_default_queue)


def _patience(app: Any, job: dict[str, Any]) -> tuple[int, str]:
    """Return how long the broker lets a message be held, 0 if it does not matter, and what that is."""
    transport = str(app.conf.broker_url or "").partition(":")[0].partition("+")[0]
    if transport in ("redis", "rediss", "sentinel"):
        options = app.conf.broker_transport_options or {}
        own = int(options.get("visibility_timeout") or 3600)
        return (own if job["own_app"] else job["visibility"]), "the visibility timeout of Redis"
    if transport in ("amqp", "amqps", "pyamqp"):
        return job["consumer"], "the consumer timeout of RabbitMQ"
    return 0, ""


def _queue_problems(app: Any, pools: list[dict[str, Any]]) -> list[str]:
    """Return what RabbitMQ has as another kind than the app wants it, and would refuse to the workers.

    Only what is there is declared, and that changes nothing.
    """
    if str(app.conf.broker_url or "").partition(":")[0] not in ("amqp", "amqps", "pyamqp"):
        return []
    names = {name for pool in pools for name in pool["queues"]}
    with app.connection_for_write(connect_timeout=5) as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=8)
            found = [_queue_problem(connection, app.amqp.queues[name]) for name in names]
        except connection.connection_errors:
            return []  # the workers wait for the broker
    return [problem for problem in found if problem]


def _queue_problem(connection: Any, queue: Any) -> str:
    exchange = queue.exchange
    declarations = [("queue", queue.name, queue, "queue_declare")]
    if exchange and exchange.name:
        declarations.insert(0, ("exchange", exchange.name, exchange, "declare"))
    for kind, name, entity, declare in declarations:
        try:
            for passive in (True, False):
                # On a channel of its own: RabbitMQ closes that on which it refuses.
                getattr(entity(connection.channel()), declare)(passive=passive)
        except connection.channel_errors as error:
            code = getattr(error, "reply_code", None)
            if code == 404:
                continue
            if code != 406:
                return f"the broker refuses the {kind} {name}: {error}"
            return (
                f"the {kind} {name} is on the broker already, and of another type: {error}. Nothing was "
                "deleted. Let its workers empty it and stop, and delete the queue and the exchange "
                f"{queue.name}; or keep both, and set CELERY_QUEUE_TYPE to classic in celery_environment"
            )
    return ""


def _problems(app: Any, task: Any, pool: dict[str, Any], patience: int, name: str) -> list[str]:
    limit = task.time_limit or pool["time_limit"] or app.conf.task_time_limit
    if not limit:
        return []
    late = pool["delivery"] == "at_least_once" or task.acks_late
    where = f"{task.name} may run for {limit:g} s"
    if not late and limit > pool["stop_timeout"]:
        return [
            f"{where} (its time_limit), but the unit of the pool {pool['name']} gets {pool['stop_timeout']} s"
            " to stop, and the task would be lost: raise the pool's stop_timeout, or lower the limit"
        ]
    if late and patience and limit > patience:
        return [
            f"{where} and is acknowledged late, but {name} is {patience} s, and it would run twice: raise "
            "that, or lower the limit"
        ]
    return []
