# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus is told, asked of the distribution's own one, which scrapes its host; and its alarms."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import testinfra
from lab.hosts import open_ports, wait

DASHBOARD = Path(__file__).parents[3] / "files/dashboard.json"
REDIS, RABBITMQ = "celeriac-operate12", "celeriac-operate13"
PORT = 9808
#: What each host tells, whatever has happened.
ALWAYS = {
    *(
        f"celery_task_{outcome}_total"
        for outcome in ("received", "succeeded", "failed", "retried", "rejected")
    ),
    "celery_task_runtime_seconds_bucket",
    "celery_task_wait_seconds_bucket",
    "celery_worker_busy",
    "celery_worker_processes",
    "celery_worker_heard_timestamp_seconds",
    "celery_queue_messages",
    "celery_queue_consumers",
    "celery_dead_letters",
    "celery_unit_up",
    "celery_unit_memory_bytes",
    "celery_unit_ends_total",
    "celery_beat_tick_timestamp_seconds",
    "celery_beat_late_seconds",
    "celery_beat_overdue",
    "celery_canary_timestamp_seconds",
    "celery_database_connections",
    "celery_database_connections_limit",
    "celery_result_rows",
    "celery_source_up",
    "celery_deployment_info",
}
_FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"


def fetch(host: Any, url: str) -> str:
    """Get a page on a host."""
    return str(host.check_output(f"python3 -c {shlex.quote(_FETCH)} {shlex.quote(url)}"))


def scraped(host: Any) -> str:
    """Return what a host tells."""
    return fetch(host, f"http://127.0.0.1:{PORT}/metrics")


@pytest.fixture(scope="module")
def prometheus() -> Any:
    """The host that has one."""
    return testinfra.get_host(f"podman://{RABBITMQ}")


def ask(prometheus: Any, query: str) -> list[dict[str, Any]]:
    """Return what Prometheus says to a query."""
    code = "import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))"
    quoted = prometheus.check_output(f"python3 -c {shlex.quote(code)} {shlex.quote(query)}")
    answer = json.loads(fetch(prometheus, f"http://127.0.0.1:9090/api/v1/query?query={quoted}"))
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def value(prometheus: Any, query: str) -> float | None:
    """Return the one number that a query gives; None where there is none."""
    found = ask(prometheus, query)
    assert len(found) < 2, found
    return float(found[0]["value"][1]) if found else None


def test_all_of_it_is_told(host: Any) -> None:
    """Both brokers; how old the oldest message is, Redis alone tells."""
    text = scraped(host)
    names = set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))
    assert names >= ALWAYS, ALWAYS - names
    assert ("celery_queue_oldest_seconds" in names) is (host.check_output("hostname") == REDIS)
    assert 'celery_source_up{source="broker"} 1.0' in text
    assert 'celery_source_up{source="database"} 1.0' in text
    assert "molecule_password" not in text


def test_another_host_reaches_nothing() -> None:
    """It listens on loopback."""
    assert PORT not in open_ports(RABBITMQ, seen_from=REDIS)
    assert PORT not in open_ports(REDIS, seen_from=RABBITMQ)


def test_the_unit_is_in_a_sandbox(host: Any) -> None:
    """That of the workers, as their user, in their slice."""
    unit = host.check_output("systemctl list-units --plain --no-legend 'shop-metrics@*' | cut -d ' ' -f 1")
    shown = host.check_output(
        "systemctl show -p User,NoNewPrivileges,ProtectSystem,Slice,MemoryMax,NRestarts %s", unit
    )
    found = dict(line.split("=", 1) for line in shown.splitlines())
    assert found == {
        "User": "shop",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "Slice": "shop-celery.slice",
        "MemoryMax": str(512 * 1024 * 1024),
        "NRestarts": "0",
    }


def test_tasks_are_counted(prometheus: Any) -> None:
    """What is done and what fails, with the time that it took and waited."""

    def number(outcome: str, task: str) -> float:
        return value(prometheus, f'celery_task_{outcome}_total{{task="trials.tasks.{task}"}}') or 0.0

    before = number("succeeded", "nap"), number("failed", "fail")
    code = (
        "from trials.tasks import fail, nap\n"
        "sent = [*(nap.delay(0.2) for _ in range(3)), *(fail.delay() for _ in range(2))]\n"
        "for one in sent: one.get(timeout=30, propagate=False)"
    )
    prometheus.check_output("shop-manage shell -c %s", code)
    after = before[0] + 3, before[1] + 2
    wait("they are not counted", 30, lambda: (number("succeeded", "nap"), number("failed", "fail")) == after)
    labels = '{task="trials.tasks.nap", pool="default"}'
    mean = f"celery_task_runtime_seconds_sum{labels} / celery_task_runtime_seconds_count{labels}"
    assert 0.1 < (value(prometheus, mean) or 0) < 30
    assert (value(prometheus, f"celery_task_wait_seconds_count{labels}") or 0) >= 3


def test_a_crash_is_told_from_a_deploy(prometheus: Any) -> None:
    """systemd starts the worker again, and no counter falls."""
    query = 'celery_unit_ends_total{unit="worker-late", cause="crash"}'
    received = "sum(celery_task_received_total)"
    before, counted = value(prometheus, query) or 0.0, value(prometheus, received) or 0.0
    prometheus.check_output("systemctl kill -s KILL --kill-whom=main 'shop-worker-late@*'")
    wait("it is not told", 40, lambda: value(prometheus, query) == before + 1)
    up = 'celery_unit_up{unit="worker-late"}'
    wait("it does not come back", 40, lambda: value(prometheus, up) == 1)
    assert (value(prometheus, received) or 0.0) >= counted


def test_what_prometheus_takes_is_whole(prometheus: Any) -> None:
    """It scrapes without an error, and the numbers are those of the host."""
    assert value(prometheus, 'up{job="celery"}') == 1
    assert (value(prometheus, 'scrape_duration_seconds{job="celery"}') or 99) < 5
    assert value(prometheus, 'sum(celery_queue_consumers{queue="celery"})') == 1
    assert value(prometheus, 'celery_worker_processes{pool="default"}') == 2
    assert (value(prometheus, 'celery_unit_memory_bytes{unit="worker-default"}') or 0) > 10_000_000
    assert (value(prometheus, "time() - celery_beat_tick_timestamp_seconds") or 999) < 400
    assert (value(prometheus, "time() - celery_canary_timestamp_seconds") or 999) < 300
    assert 0 < (value(prometheus, "celery_database_connections") or 0) < 100
    [info] = ask(prometheus, "celery_deployment_info")
    assert info["metric"]["name"] == "shop"
    # Series grow with tasks and pools, and with nothing else.
    assert (value(prometheus, 'scrape_samples_scraped{job="celery"}') or 1e9) < 1500


def test_the_alarms(prometheus: Any) -> None:
    """Each fires for its fault and for nothing else; the running Prometheus can ask all that they ask."""
    done = prometheus.run(
        "cd /etc/prometheus && promtool check rules alerts.yml && promtool test rules alerts_test.yml"
    )
    assert done.rc == 0, done.stdout + done.stderr
    answer = json.loads(fetch(prometheus, "http://127.0.0.1:9090/api/v1/rules"))
    [group] = answer["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}, group
    # Nothing that lasts is wrong with this host.
    firing = {rule["name"] for rule in group["rules"] if rule["state"] == "firing"}
    assert firing <= {"CeleryUnitDied", "CeleryTasksFail"}, firing


def test_the_dashboard_shows_something_everywhere(prometheus: Any) -> None:
    """Each query of each panel has an answer."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    annotations = [entry["expr"] for entry in dashboard["annotations"]["list"]]
    for query in annotations:
        ask(prometheus, query.replace("$job", "celery"))
    targets = [(panel["title"], one["expr"]) for panel in dashboard["panels"] for one in panel["targets"]]
    assert len(targets) > 15
    empty = [
        (title, query)
        for title, query in targets
        if not ask(prometheus, query.replace("$job", "celery").replace("$__rate_interval", "1m"))
    ]
    assert not empty
