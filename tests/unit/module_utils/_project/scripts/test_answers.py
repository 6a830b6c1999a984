# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What recorded answers of real workers mean: each row holds, and fails where its thing is broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import answers

#: Made by tests/record_inspect.py.
RECORDED = Path(__file__).parents[3] / "data/inspect"
DEFAULT, MAILS, ALONE, MORE = (
    "default.0a0a0a0a@recorder",
    "mails.1b1b1b1b@recorder",
    "alone.2c2c2c2c@recorder",
    "more.3d3d3d3d@recorder",
)
NODES = (DEFAULT, MAILS, ALONE, MORE)


def pool(**values: Any) -> dict[str, Any]:
    """Returns a pool as it was decided."""
    return {"concurrency": None, "autoscale": [], "time_limit": None, **values}


POOLS = {
    "default": pool(queues=["celery", "low"], pool="prefork", concurrency=2, time_limit=40),
    "mails": pool(queues=["mails"], pool="threads", concurrency=3),
    "alone": pool(queues=["alone"], pool="solo"),
    "more": pool(queues=["more"], pool="prefork", autoscale=[4, 1]),
}


@pytest.fixture(params=["5.4", "5.5", "5.6", "5.7"])
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What real workers of a Celery have answered."""
    file = RECORDED / f"celery-{request.param}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert found["celery"].startswith(request.param)
    return found


def changed(expected: str, **values: Any) -> dict[str, Any]:
    """Returns the pools with one that was decided otherwise."""
    return {**POOLS, expected: {**POOLS[expected], **values}}


def test_pools_that_run_as_they_should(recorded: dict[str, Any]) -> None:
    found = answers.pools(POOLS, NODES, recorded["stats"], recorded["active_queues"])
    assert found.ok, found.text
    assert f"{DEFAULT}: prefork, 2 at once, celery, low" in found.text
    assert f"{MAILS}: threads, 3 at once, mails" in found.text


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (changed("default", queues=["celery"]), "consumes celery, low, and should celery"),
        (changed("mails", queues=["mails", "news"]), "consumes mails, and should mails, news"),
        (changed("mails", pool="prefork"), "is a pool of the kind thread, and should be prefork"),
        (changed("alone", pool="gevent"), "is a pool of the kind solo, and should be gevent"),
        (changed("default", concurrency=8), "works at 2 tasks at once, and should at 8"),
        (changed("more", autoscale=[8, 1]), "scales between [4, 1], and should between [8, 1]"),
        (changed("default", autoscale=[8, 1]), "scales between nothing"),
        (changed("default", time_limit=None), "ends tasks after 40 s, and should after no time at all"),
        (changed("more", time_limit=60), "ends tasks after no time at all, and should after 60 s"),
    ],
)
def test_a_pool_that_runs_otherwise_is_told(
    expected: dict[str, Any], words: str, recorded: dict[str, Any]
) -> None:
    found = answers.pools(expected, NODES, recorded["stats"], recorded["active_queues"])
    assert not found.ok
    assert words in found.text
    assert found.text.count("@recorder") == 1


@pytest.mark.parametrize("processes", [[1], [1, 2, 3]], ids=["shrunk", "grown"])
def test_a_pool_whose_size_somebody_has_changed_is_told(
    processes: list[int], recorded: dict[str, Any]
) -> None:
    recorded["stats"][DEFAULT]["pool"]["processes"] = processes
    found = answers.pools(POOLS, NODES, recorded["stats"], recorded["active_queues"])
    assert found.text == f"{DEFAULT} works at {len(processes)} tasks at once, and should at 2"


def test_a_worker_that_does_not_answer_is_not_as_declared(recorded: dict[str, Any]) -> None:
    del recorded["stats"][MAILS]
    found = answers.pools(POOLS, NODES, recorded["stats"], recorded["active_queues"])
    assert (found.ok, found.text) == (False, f"{MAILS} does not say what it runs")


# All nodes of the broker


def fleet_of(recorded: Mapping[str, Any]) -> tuple[list[str], dict[str, list[str]]]:
    """Returns the workers that have answered to the ping of all, and what they consume."""
    nodes = [node for one in recorded["everybody"] for node in one if not node.startswith("celerybeat@")]
    return nodes, {
        node: [queue["name"] for queue in queues] for node, queues in recorded["active_queues"].items()
    }


HOST = {"name": "app1", "hostname": "recorder", "pools": {name: one["queues"] for name, one in POOLS.items()}}


def test_the_whole_fleet_answers(recorded: dict[str, Any]) -> None:
    nodes, queues = fleet_of(recorded)
    found = answers.fleet([HOST], nodes, queues)
    assert (found.ok, found.text) == (True, "4 nodes of 1 host answer")


def test_a_host_that_is_silent_is_named(recorded: dict[str, Any]) -> None:
    nodes, queues = fleet_of(recorded)
    other = {"name": "app2", "hostname": "other", "pools": {"default": ["celery"]}}
    found = answers.fleet([HOST, other], nodes, queues)
    assert not found.ok
    assert found.text.startswith("no node of pool default answers from app2; 4 nodes of 2 hosts")


def test_a_stranger_that_takes_tasks_fails_and_one_that_does_not_is_told(recorded: dict[str, Any]) -> None:
    nodes, queues = fleet_of(recorded)
    found = answers.fleet([HOST], [*nodes, "by@hand"], {**queues, "by@hand": ["celery", "own"]})
    assert not found.ok
    assert "by@hand takes celery, and no host of this inventory runs it" in found.text
    found = answers.fleet([HOST], [*nodes, "by@hand"], {**queues, "by@hand": ["own"]})
    assert found.ok
    assert "others on this broker: by@hand" in found.text


def test_with_hosts_left_out_a_stranger_may_be_theirs(recorded: dict[str, Any]) -> None:
    nodes, queues = fleet_of(recorded)
    found = answers.fleet(
        [HOST], [*nodes, "default.9f@app3"], {**queues, "default.9f@app3": ["celery"]}, ["app3"]
    )
    assert found.ok
    assert "not asked for: app3; others on this broker: default.9f@app3" in found.text


def test_two_generations_are_told(recorded: dict[str, Any]) -> None:
    nodes, queues = fleet_of(recorded)
    found = answers.fleet([HOST], [*nodes, "default.ffffffff@recorder"], queues)
    assert found.ok
    assert "pool default on recorder runs as 0a0a0a0a and ffffffff" in found.text


# Queues, tasks, clocks

CONSUMED = {DEFAULT: ["celery", "low"], MAILS: ["mails"]}


def test_queues_that_somebody_consumes() -> None:
    found = answers.consumed({"celery": 3, "mails": 0}, {"celery": "a"}, CONSUMED, {"celery": 12.4})
    assert found.ok
    assert found.text == "messages that wait: celery 3, the oldest for 12 s, mails 0"


@pytest.mark.parametrize(
    ("depths", "others", "ok", "words"),
    [
        ({"lost": 3}, (), False, "3 messages wait in lost, the oldest for 9 s, and no worker consumes it"),
        ({"lost": 3}, ("lost",), False, "3 messages wait in lost"),
        ({"lost": 0}, (), False, "orders.tasks.send goes to lost, and no worker consumes it"),
        ({"lost": None}, (), False, "orders.tasks.send goes to lost"),
        ({"lost": 0}, ("lost",), True, "no queue"),
        ({"of nobody": 0}, (), True, "no queue"),
    ],
)
def test_messages_that_nobody_takes(
    depths: dict[str, int | None], others: tuple[str, ...], ok: bool, words: str
) -> None:
    users = {"lost": "orders.tasks.send"}
    found = answers.consumed(depths, users, CONSUMED, {"lost": 9.0}, others)
    assert found.ok is ok
    assert words in found.text


def test_messages_wait_for_a_host_that_is_drained() -> None:
    found = answers.consumed({"late": 2, "celery": 0}, {"late": "a"}, CONSUMED, {}, (), ["late", "celery"])
    assert (found.ok, found.warns) == (True, True)
    assert found.text == "messages that wait: celery 0, late 2, for a drained host"
    empty = answers.consumed({"late": 0}, {"late": "a"}, CONSUMED, {}, (), ["late"])
    assert (empty.ok, empty.warns) == (True, False)


def test_a_task_of_other_code_is_told(recorded: dict[str, Any]) -> None:
    known = {node: [name.split(" ")[0] for name in names] for node, names in recorded["registered"].items()}
    found = answers.others(known, {"recorded.tick"}, {"recorded.tick": ""})
    assert (found.ok, found.text) == (True, "none")
    found = answers.others(known, set(), {"recorded.tick": ""})
    assert (found.ok, found.text) == (True, "none, 1 made at run time: recorded.tick")
    found = answers.others(known, set(), {"recorded.tick": "somepackage"})
    assert (found.ok, found.text) == (True, "1 of packages")
    found = answers.others(known, set(), {})
    assert not found.ok
    assert "recorded.tick is known to" in found.text
    assert "the worker runs other code" in found.text


@pytest.mark.parametrize(
    ("then", "ok", "words"),
    [
        (100.5, True, "1 hosts, within 0.1 s"),
        (99.0, True, "within 1.0 s"),
        (80.0, False, "the clock of app2 is 20 s behind"),
        (131.0, False, "the clock of app2 is 30 s ahead"),
    ],
)
def test_clocks(then: float, ok: bool, words: str) -> None:
    found = answers.clocks({"app2": (100.0, then, 101.0)}, 5.0)
    assert found.ok is ok
    assert words in found.text


@given(
    st.dictionaries(st.text(max_size=8), st.lists(st.text(max_size=4), max_size=3), max_size=5),
    st.lists(st.text(max_size=8), max_size=5),
)
def test_whatever_answers_a_verdict_has_a_text(queues: dict[str, list[str]], more: list[str]) -> None:
    before = copy.deepcopy(queues)
    assert answers.fleet([HOST], [*queues, *more], queues).text
    assert answers.consumed(dict.fromkeys(more, 1), {}, queues, {}).text
    assert queues == before
