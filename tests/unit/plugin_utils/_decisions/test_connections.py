# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all hosts of a deployment run is known, also of hosts that are not in the run."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import connections

Data = dict[str, Any]
GROUPS = {"celery_worker": ["web1", "web2"], "celery_beat": ["web1", "web3"]}


@pytest.fixture
def known(decide_with: Any, options: Data, found: Data) -> Any:
    """Returns what a run knows of a host."""

    def known(duties: list[str], processors: int = 4, **given: Any) -> connections.Member:
        given.setdefault("broker_url", "redis://broker/0")
        deployment = decide_with({**options, **given}, found, duties)
        return connections.Member(deployment, processors)

    return known


def test_pools_have_the_connections_of_what_runs_at_once(known: Any) -> None:
    workers = [
        {"name": "default"},
        {"name": "many", "concurrency": 7},
        {"name": "more", "autoscale": {"min": 2, "max": 9}},
        {"name": "one", "pool": "solo"},
    ]
    host = known(["worker"], workers=workers)
    found = connections.of_host(host)
    assert {pool.name: pool.at_once for pool in found.pools} == {
        "default": 4,
        "many": 7,
        "more": 9,
        "one": 1,
    }
    assert (found.generations, found.beat) == (2, False)


def test_one_generation_replaces_the_other(known: Any) -> None:
    host = known(["worker", "beat"], worker_restart="replace")
    found = connections.of_host(host)
    assert (found.generations, found.beat) == (1, True)


def test_hosts_that_are_not_in_the_run_are_counted_from_the_inventory(known: Any) -> None:
    variables = {"web2": {"celery_workers": [{"name": "mails", "concurrency": 3}]}}
    found = connections.fleet("web1", {"web1": known(["worker", "beat"])}, GROUPS, variables)
    assert list(found) == ["web1", "web2", "web3"]
    assert found["web2"].pools == (connections.PoolLoad("mails", "prefork", 3),)
    assert (found["web3"].pools, found["web3"].beat) == ((), True)


def test_another_project_of_the_inventory_is_not_counted(known: Any) -> None:
    hosts = {"web1": known(["worker"]), "blog": known(["worker"], project_name="blog")}
    assert list(connections.fleet("web1", hosts, {}, {})) == ["web1"]


def test_a_host_with_a_broker_of_its_own_is_alone(known: Any) -> None:
    hosts = {name: known(["worker"], broker_url="redis://127.0.0.1/0") for name in ("web1", "web2")}
    assert list(connections.fleet("web1", hosts, GROUPS, {})) == ["web1"]
