# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups say who runs Celery, and who connects to the servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._inventory import hosts


@pytest.mark.parametrize(
    ("groups", "running", "clients"),
    [
        ({"all": ["one"]}, ["one"], ["one"]),
        ({"all": ["one", "mq"], "celery_broker": ["mq"]}, ["one"], ["one"]),
        (
            {"all": ["mq", "db", "a", "b"], "celery_broker": ["mq"], "celery_database": ["db"]},
            ["a", "b"],
            ["a", "b"],
        ),
        # Who serves and works does both.
        (
            {"all": ["a", "b"], "celery_broker": ["a"], "celery_worker": ["a", "b"], "celery_beat": ["a"]},
            ["a", "b"],
            ["a", "b"],
        ),
        # A host in none of the groups runs everything where it is in the play, and no server knows it.
        ({"all": ["web", "a"], "celery_worker": ["a"]}, ["web", "a"], ["a"]),
        ({"all": ["a", "b"], "celery_beat": ["b"], "celery_worker": ["a"]}, ["a", "b"], ["a", "b"]),
        ({}, [], []),
    ],
)
def test_hosts(groups: dict[str, list[str]], running: list[str], clients: list[str]) -> None:
    assert hosts.running(groups) == running
    assert hosts.clients(groups) == clients


# The host that asks for all of them


def looked_at(deployment: Deployment, hostname: str, **differs: Any) -> dict[str, Any]:
    """Returns the variables of a host after the role celery."""
    decided = replace(deployment, run=replace(deployment.run, **{"alone": False, **differs}))
    return {"__celery_found": {"deployment": decided.as_data(), "host": {"hostname": hostname}}}


def test_the_host_with_beat_asks_for_all(deployment: Deployment) -> None:
    hostvars = {
        "app1": looked_at(deployment, "one", duties=("worker",)),
        "app2": looked_at(deployment, "two", duties=("worker", "beat")),
        "app3": {},
    }
    groups = {"celery_worker": ["app1", "app2", "app3", "app4"], "celery_beat": ["app2"]}
    play = ["app1", "app2", "app3"]
    assert hosts.fleet(hostvars, "app1", play, groups) == {"hosts": [], "unasked": []}
    found = hosts.fleet(hostvars, "app2", play, groups)
    assert [(one["name"], one["hostname"]) for one in found["hosts"]] == [("app2", "two"), ("app1", "one")]
    assert found["hosts"][0]["pools"] == {"default": ["celery"]}
    # One is of a later batch, the other one left out.
    assert found["unasked"] == ["app3", "app4"]


def test_without_beat_the_first_one_asks(deployment: Deployment) -> None:
    hostvars = {name: looked_at(deployment, name, duties=("worker",)) for name in ("app1", "app2")}
    assert len(hosts.fleet(hostvars, "app1", ["app1", "app2"], {})["hosts"]) == 2
    assert hosts.fleet(hostvars, "app2", ["app1", "app2"], {})["hosts"] == []


def test_a_host_with_a_broker_of_its_own_asks_for_itself(deployment: Deployment) -> None:
    hostvars = {name: looked_at(deployment, name, alone=True) for name in ("app1", "app2")}
    for name in hostvars:
        assert [one["name"] for one in hosts.fleet(hostvars, name, ["app1", "app2"], {})["hosts"]] == [name]


def test_each_deployment_of_a_run_has_one_that_asks(deployment: Deployment) -> None:
    other = replace(deployment, name="news")
    hostvars = {"app1": looked_at(deployment, "one"), "app2": looked_at(other, "two")}
    for name in hostvars:
        assert [one["name"] for one in hosts.fleet(hostvars, name, ["app1", "app2"], {})["hosts"]] == [name]


def test_without_systemd_nobody_asks_for_others(deployment: Deployment) -> None:
    hostvars = {"app1": looked_at(deployment, "one", systemd=False)}
    assert hosts.fleet(hostvars, "app1", ["app1"], {})["hosts"] == []


@pytest.mark.parametrize(
    ("server", "self_check", "watchdog", "letters"),
    [
        ("Redis", True, 90, ["default"]),
        ("RabbitMQ", True, 90, ["default"]),
        ("Amazon SQS", True, 90, []),
        ("Redis", False, 90, []),
        ("Redis", True, 0, []),
    ],
)
def test_which_workers_read_letters(
    server: str, self_check: bool, watchdog: int, letters: list[str], deployment: Deployment
) -> None:
    decided = replace(
        deployment,
        broker=replace(deployment.broker, server=server),
        units=replace(deployment.units, self_check=self_check),
        pools=tuple(replace(pool, watchdog=watchdog) for pool in deployment.pools),
    )
    found = hosts.fleet({"app1": looked_at(decided, "one")}, "app1", ["app1"], {})
    assert found["hosts"][0]["letters"] == letters


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("Redis", "mq:6379"), ("Redis", "mq:6379"), True),
        # The broker's own host, and those that reach it by its name.
        (("Redis", "127.0.0.1:6379"), ("Redis", "mq:6379"), True),
        (("Redis", "mq:6379"), ("RabbitMQ", "mq:5672"), False),
        (("Redis", "mq:6379"), ("Redis", "other:6379"), False),
    ],
)
def test_hosts_of_two_brokers_are_two_fleets(
    one: tuple[str, str], other: tuple[str, str], together: bool, deployment: Deployment
) -> None:
    hostvars = {}
    for name, (server, address) in {"app1": one, "app2": other}.items():
        broker = replace(deployment.broker, server=server, addresses=(address,))
        hostvars[name] = looked_at(replace(deployment, broker=broker), name)
    asked = {
        name: [each["name"] for each in hosts.fleet(hostvars, name, ["app1", "app2"], {})["hosts"]]
        for name in hostvars
    }
    assert asked == (
        {"app1": ["app1", "app2"], "app2": []} if together else {"app1": ["app1"], "app2": ["app2"]}
    )


def test_a_drained_host_has_queues_and_no_workers(deployment: Deployment) -> None:
    hostvars = {
        "app1": looked_at(deployment, "one"),
        "app2": looked_at(deployment, "two", duties=("worker",), drained="since now by anna"),
    }
    groups = {"celery_worker": ["app1", "app2"], "celery_beat": ["app1"]}
    one, two = hosts.fleet(hostvars, "app1", ["app1", "app2"], groups)["hosts"]
    assert (one["pools"], one["resting"]) == ({"default": ["celery"]}, [])
    assert (two["pools"], two["letters"], two["resting"]) == ({}, [], ["celery"])


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([1, "100%"], [["a"], ["b", "c", "d", "e"]]),
        (["1"], [["a"], ["b"], ["c"], ["d"], ["e"]]),
        (["2", "1"], [["a", "b"], ["c"], ["d"], ["e"]]),
        (["50%"], [["a", "b"], ["c", "d"], ["e"]]),
        (["1%"], [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ([], [["a", "b", "c", "d", "e"]]),
    ],
)
def test_hosts_in_batches(sizes: list[object], batches: list[list[str]]) -> None:
    assert hosts.batches(list("abcde"), sizes) == batches
    assert hosts.batches([], sizes) == []


@pytest.mark.parametrize("size", ["0", "-1", "all", "0%", "1.5"])
def test_a_batch_has_hosts(size: str) -> None:
    with pytest.raises(AnsibleFilterError, match="celery_release_batches"):
        hosts.batches(["a"], [size])
