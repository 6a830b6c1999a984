# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a worker starts: does the code load, and do its tasks fit the pools that are to run them?"""

from __future__ import annotations

from typing import Any

from .common import broker_kind, pooled_databases, queue_of


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Import everything that a worker imports, and look at the tasks.

    Args:
        job: ``app``: what ``celery -A`` takes; ``pools``: those of this host; ``served``: the queues
            that somebody serves; ``visibility`` and ``consumer``: the broker's patience in seconds,
            where the variables decide about it; ``own_app``: whether the project's settings do;
            ``fleet``: what all hosts run; ``web_connections``: what the web processes need;
            ``database_max_connections``: what the databases take, where the server is not to be asked.
    """
    import django

    django.setup()
    from celery.app.utils import find_app

    app = find_app(job["app"])
    app.loader.import_default_modules()
    app.finalize(auto=True)
    limit, name = broker_patience(app, job)
    problems: list[str] = _queue_problems(app, job["pools"])
    for task in app.tasks.values():
        if task.name.startswith("celery."):
            continue
        queue = queue_of(app, task)
        pools = [pool for pool in job["pools"] if queue in pool["queues"]]
        if queue not in job["served"]:
            problems.append(
                f"{task.name} goes to the queue {queue}, which no pool serves: add it to the queues of a "
                "pool in celery_workers, or to celery_other_queues if somebody else serves it"
            )
        for pool in pools:
            problems += problems_of(app, task, pool, limit, name)
    too_many, notes = _too_many(job) if job["fleet"] else ([], [])
    return {"problems": sorted({*problems, *too_many}), "notes": notes, "pooled": pooled_databases()}


def _too_many(job: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Compare what all hosts can need at once with what each database server takes.

    The second list has the servers that could not be asked.
    """
    from django.db import Error, connections

    problems, notes = [], []
    servers: dict[tuple[str, str, str], list[Any]] = {}
    for alias in connections:
        connection = connections[alias]
        if connection.vendor in ("postgresql", "mysql"):
            settings = connection.settings_dict
            default = {"postgresql": "5432", "mysql": "3306"}[connection.vendor]
            place = connection.vendor, settings["HOST"] or "localhost", str(settings["PORT"] or default)
            servers.setdefault(place, []).append(connection)
    for (vendor, host, port), aliases in servers.items():
        where = f"{host}:{port}"
        needed = {name: _needed(of_host, aliases) for name, of_host in job["fleet"].items()}
        total = sum(map(sum, (parts.values() for parts in needed.values()))) + job["web_connections"]
        try:
            if job["database_max_connections"]:
                most, why = job["database_max_connections"], "celery_database_max_connections"
            else:
                most, why = _takes(vendor, aliases[0])
        except Error as error:
            notes.append(f"The database server {where} does not say how many connections it takes: {error}")
            continue
        if total > most:
            listed = [_listed(name, parts) for name, parts in needed.items()]
            listed.append(f"everything else {job['web_connections']} (celery_web_connections)")
            names = ", ".join(connection.alias for connection in aliases)
            problems.append(
                f"the database server {where} ({names}) takes {most} connections ({why}), and {total} can be "
                f"needed at once: {'; '.join(listed)}. Old and new workers both count, as they overlap. "
                "Lower concurrency in celery_workers, set celery_worker_restart to replace, or let the "
                "server take more; where something like PgBouncer is in between, say what that takes in "
                "celery_database_max_connections"
            )
    return problems, notes


def _listed(host: str, parts: dict[str, int]) -> str:
    inside = ", ".join(f"{part} {number}" for part, number in parts.items())
    return f"{host} {sum(parts.values())} ({inside})"


def _needed(host: dict[str, Any], aliases: list[Any]) -> dict[str, int]:
    """Return how many connections each part of a host can have at once, to the databases of one server."""
    needed = {}
    for pool in host["pools"]:
        number = 0
        for connection in aliases:
            options = connection.settings_dict["OPTIONS"].get("pool")
            if options and pool["pool"] == "threads":
                options = options if isinstance(options, dict) else {}
                number += options.get("max_size") or options.get("min_size", 4)
            else:
                # The main process notes the results of processes that were killed.
                number += pool["at_once"] + (pool["pool"] == "prefork")
        needed[pool["name"]] = number * host["generations"]
    if host["beat"]:
        needed["beat"] = 1
    if host.get("web"):
        # Of the site, two generations overlap in any case.
        needed["web"] = 2 * host["web"] * len(aliases)
    return needed


def _takes(vendor: str, connection: Any) -> tuple[int, str]:
    """Return how many connections a server takes from this user, and what says so."""
    with connection.cursor() as cursor:
        if vendor == "mysql":
            cursor.execute("SELECT @@global.max_connections, @@session.max_user_connections")
            server, user = map(int, cursor.fetchone())
            reserved = 0
        else:
            cursor.execute(
                "SELECT current_setting('max_connections')::int,"
                " current_setting('superuser_reserved_connections')::int"
                " + coalesce(current_setting('reserved_connections', true)::int, 0),"
                " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)"
            )
            server, reserved, user = cursor.fetchone()
    connection.close()
    if 0 < user < server - reserved:
        return user, "the limit of its user"
    return server - reserved, f"max_connections {server}" + (f", {reserved} reserved" if reserved else "")


def broker_patience(app: Any, job: dict[str, Any]) -> tuple[int, str]:
    """Return how long the broker lets a message be held, 0 if it does not matter, and what that is."""
    kind = broker_kind(app)
    if kind == "redis":
        options = app.conf.broker_transport_options or {}
        own = int(options.get("visibility_timeout") or 3600)
        return (own if job["own_app"] else job["visibility"]), "the visibility timeout of Redis"
    if kind == "amqp":
        return job["consumer"], "the consumer timeout of RabbitMQ"
    return 0, ""


def _queue_problems(app: Any, pools: list[dict[str, Any]]) -> list[str]:
    """Return what RabbitMQ has as another kind than the app wants it, and would refuse to the workers.

    Only what is there is declared, and that changes nothing.
    """
    if broker_kind(app) != "amqp":
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


def problems_of(app: Any, task: Any, pool: dict[str, Any], patience: int, name: str) -> list[str]:
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
