# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections are kept between tasks, in each kind of pool, and no task loses by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from lab.hosts import code_in_project, wait

#: Pool to its queue.
QUEUES = {"default": "celery", "threads": "threads", "gevent": "gevent", "solo": "solo", "closing": "closing"}
#: Pools that keep connections, each with how many tasks run at once.
KEEPING = {"default": 2, "threads": 2, "solo": 1}
DATABASES = ("shop", "analytics")
LEAVINGS = ("leave_atomic", "leave_broken", "leave_begun", "leave_manual", "leave_no_rollback")
#: Sends tasks, waits for them, and prints their states and answers.
SEND = """
import json, sys
from queries import tasks
for group in json.load(sys.stdin):
    sent = [getattr(tasks, name).apply_async(args, queue=group["queue"]) for name, *args in group["tasks"]]
    for result in sent:
        try:
            answer = result.get(timeout=60)
        except Exception as error:
            answer = repr(error)
        print("answer:", json.dumps([result.state, answer]))
"""


def sql(host: Any, statement: str, database: str = "analytics") -> str:
    """Return what the server answers to the superuser."""
    psql = f"runuser -u postgres -- psql --no-psqlrc -qtA --set ON_ERROR_STOP=1 -d {database} -c"
    return str(host.check_output(f"cd / && {psql} %s", statement))


def send_all(host: Any, groups: list[dict[str, Any]]) -> list[Any]:
    """Send tasks to queues, one queue after the other; return the state and the answer of each."""
    printed = host.check_output("bash -c %s %s", code_in_project(SEND) + ' <<< "$0"', json.dumps(groups))
    return [json.loads(line[8:]) for line in printed.splitlines() if line.startswith("answer: ")]


def send(host: Any, queue: str, *tasks: list[Any]) -> list[Any]:
    """Send tasks to one queue."""
    return send_all(host, [{"queue": queue, "tasks": tasks}])


def sessions(host: Any, pool: str) -> int:
    """Return how many sessions the processes of a pool have now."""
    unit = f"$(systemctl show -P ControlGroup 'shop-worker-{pool}@*')"
    places = " ".join(f"{top}{unit}/cgroup.procs" for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd"))
    processes = host.run(f"cat {places} 2>/dev/null").stdout
    assert processes
    sockets = host.check_output("ss -Htnp state established dport = :5432")
    return sum(f"pid={process}," in sockets for process in processes.split())


def _none_left(host: Any, pool: str) -> bool:
    return sessions(host, pool) == 0


def opened(host: Any) -> int:
    """Return how many sessions the server has ever opened in the two databases, as its log has it."""
    line = "connection authorized: user=shop database=(shop|analytics)"
    return int(host.check_output(f"cat /var/log/postgresql/*.log | grep -cE '{line}'"))


def restart(host: Any) -> None:
    """Restart the server."""
    host.check_output("systemctl restart postgresql")


def terminate(host: Any) -> None:
    """Have the server end all sessions of the project."""
    sql(host, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'")


@pytest.mark.parametrize("pool", KEEPING)
def test_connections_are_kept(pool: str, host: Any) -> None:
    # Young ones, that none reaches its CONN_MAX_AGE meanwhile.
    terminate(host)
    send(host, QUEUES[pool], *[["ask"]] * 12)
    before = opened(host)
    # For more than the 10 s after which a main process closes what it has opened: solo's runs the tasks, too.
    answers = send(host, QUEUES[pool], *[["ask", 0.12 * KEEPING[pool]]] * 100)
    assert [state for state, _answer in answers] == ["SUCCESS"] * 100
    used = {alias: {pids[place] for _state, pids in answers} for place, alias in enumerate(DATABASES)}
    # Of 200 uses; the sender opens one to read the results, and beat and its canary are at work too.
    assert opened(host) - before <= 20
    assert max(len(pids) for pids in used.values()) <= KEEPING[pool], used


@pytest.mark.parametrize("pool", ["gevent", "closing"])
def test_elsewhere_they_are_closed_after_each_task(pool: str, host: Any) -> None:
    before = opened(host)
    answers = send(host, QUEUES[pool], *[["ask"]] * 20)
    assert [state for state, _answer in answers] == ["SUCCESS"] * 20
    assert opened(host) - before >= 40
    wait("sessions are left", 30, lambda: sessions(host, pool) == 0)


@pytest.mark.parametrize("disturb", [restart, terminate])
def test_what_the_server_closes_is_opened_anew(disturb: Callable[[Any], None], host: Any) -> None:
    """Whatever happens to sessions between two tasks, no task fails."""
    warm = [{"queue": queue, "tasks": [["ask"]] * 6} for queue in QUEUES.values()]
    assert all(state == "SUCCESS" for state, _answer in send_all(host, warm))
    disturb(host)
    assert all(state == "SUCCESS" for state, _answer in send_all(host, warm * 2))


def test_what_the_server_does_not_let_idle_is_opened_anew(host: Any) -> None:
    try:
        sql(host, "ALTER SYSTEM SET idle_session_timeout = '1s'")
        sql(host, "SELECT pg_reload_conf()")
        for pool, queue in QUEUES.items():
            assert all(state == "SUCCESS" for state, _answer in send(host, queue, *[["ask"]] * 6))
            wait(f"sessions of {pool} are left", 30, partial(_none_left, host, pool))
            assert all(state == "SUCCESS" for state, _answer in send(host, queue, *[["ask"]] * 12))
    finally:
        sql(host, "ALTER SYSTEM RESET idle_session_timeout")
        sql(host, "SELECT pg_reload_conf()")


@pytest.mark.parametrize("pool", KEEPING)
def test_what_a_task_leaves_open_is_not_in_the_next(pool: str, host: Any) -> None:
    sql(host, "TRUNCATE queries_note")
    tasks = [
        task for leaving in LEAVINGS for task in [*[[leaving]] * 4, *([["write", f"{pool} {leaving}"]] * 8)]
    ]
    states = [state for state, _answer in send(host, QUEUES[pool], *tasks)]
    assert states == ["SUCCESS"] * len(tasks)
    written = sql(host, "SELECT text, count(*) FROM queries_note GROUP BY text ORDER BY text").split()
    assert sql(host, "SELECT count(*) FROM queries_note WHERE text = 'never'") == "0"
    for leaving in LEAVINGS:
        assert f"{leaving}|8" in written
    assert sql(host, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == "0"
    logged = host.check_output(f"journalctl -o cat -u 'shop-worker-{pool}@*'")
    assert "queries.tasks.leave_atomic has left a transaction open in the database 'analytics'" in logged


@pytest.mark.parametrize("pool", KEEPING)
def test_eager_tasks_have_the_connections_of_their_caller(pool: str, host: Any) -> None:
    assert send(host, QUEUES[pool], ["call_eagerly"]) == [["SUCCESS", True]]


def test_the_main_process_keeps_none(host: Any) -> None:
    [[state, _answer]] = send(host, QUEUES["default"], ["too_long"])
    assert state == "FAILURE"
    main = host.check_output("systemctl show -P MainPID 'shop-worker-default@*'").split()[0]
    wait(
        "the main process has a connection",
        30,
        lambda: f"pid={main}," not in host.check_output("ss -Htnp state established dport = :5432"),
    )
