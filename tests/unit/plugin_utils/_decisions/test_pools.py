# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools are checked against themselves, and completed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import pools as _pools

ONCE = "at_most_once"


def complete(**data: Any) -> _pools.Pool:
    """Completes one pool."""
    (pool,) = _pools.complete([{"name": "default", **data}], ONCE)
    return pool


def test_a_name_is_enough() -> None:
    assert complete() == _pools.Pool(
        name="default",
        queues=("celery",),
        pool="prefork",
        concurrency=None,
        prefetch_multiplier=None,
        time_limit=None,
        soft_time_limit=None,
        max_tasks_per_child=None,
        max_memory_per_child=None,
        delivery=ONCE,
        log_level="INFO",
        stop_timeout=_pools.STOP_TIMEOUT,
        watchdog=60,
    )


def test_everything_that_is_given_stays() -> None:
    given: dict[str, Any] = {
        "queues": ("mails", "low"),
        "concurrency": 4,
        "prefetch_multiplier": 0,
        "time_limit": 300,
        "soft_time_limit": 240,
        "max_tasks_per_child": 100,
        "max_memory_per_child": 200000,
        "delivery": "at_least_once",
        "log_level": "WARNING",
    }
    data = vars(complete(**given))
    assert {key: data[key] for key in given} == given


def test_what_is_left_empty_is_left_out() -> None:
    """Ansible hands on what a pool does not name as None."""
    empty = dict.fromkeys(
        ["queues", "pool", "concurrency", "time_limit", "delivery", "log_level", "prefetch_multiplier"]
    )
    assert complete(**empty) == complete()


def test_numbers_and_lists_may_be_texts() -> None:
    """Ansible checks their types, and leaves them as they are."""
    texts = complete(queues="mails,low", concurrency="4", time_limit="300")
    assert texts == complete(queues=["mails", "low"], concurrency=4, time_limit=300)
    assert complete(queues="mails").queues == ("mails",)


@pytest.mark.parametrize(
    ("pools", "why"),
    [
        ([], "celery_workers is empty"),
        ([{}], r"celery_workers\[0\] has no name"),
        ([{"name": "a"}, {"name": ""}], r"celery_workers\[1\] has no name"),
        ([{"name": "a"}, {"name": "b"}, {"name": "a"}], r"\[2\]: there are two pools named 'a'"),
        ([{"name": "Mails"}], "'Mails' is no name for a pool"),
        ([{"name": "1st"}], "no name for a pool"),
        ([{"name": "a_b"}], "no name for a pool"),
        ([{"name": "a@b"}], "no name for a pool"),
        ([{"name": "a\n"}], "no name for a pool"),
        ([{"name": "a" * 32}], "no name for a pool"),
        ([{"name": "a", "queues": ["two words"]}], "'two words' is no name for a queue"),
        ([{"name": "a", "queues": ["a,b"]}], "no name for a queue"),
        ([{"name": "a", "queues": ["$(id)"]}], "no name for a queue"),
        ([{"name": "a", "pool": "eventlet"}], "there is no pool 'eventlet'"),
        ([{"name": "a", "concurrency": 0}], "concurrency is 0, it has to be at least 1"),
        ([{"name": "a", "concurrency": "many"}], "concurrency is 'many', it has to be a whole number"),
        ([{"name": "a", "time_limit": -5}], "time_limit is -5"),
        ([{"name": "a", "soft_time_limit": 0}], "soft_time_limit is 0"),
        ([{"name": "a", "max_tasks_per_child": 0}], "max_tasks_per_child is 0"),
        ([{"name": "a", "max_memory_per_child": -1}], "max_memory_per_child is -1"),
        ([{"name": "a", "prefetch_multiplier": -1}], "prefetch_multiplier is -1"),
        ([{"name": "a", "time_limit": 60, "soft_time_limit": 60}], "has to be shorter"),
        ([{"name": "a", "pool": "threads", "time_limit": 60}], "threads cannot enforce"),
        ([{"name": "a", "pool": "solo", "soft_time_limit": 60}], "solo cannot enforce"),
        ([{"name": "a", "pool": "gevent", "soft_time_limit": 60}], "gevent cannot enforce"),
    ],
)
def test_what_cannot_be_is_refused(pools: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(_pools.PoolError, match=why):
        _pools.complete(pools, ONCE)


@pytest.mark.parametrize("name", ["a", "default", "long-running-2", "a" * 31])
def test_names_that_can_be(name: str) -> None:
    assert complete(name=name).name == name


@pytest.mark.parametrize("key", sorted(_pools.NUMBERS))
def test_the_least_that_can_be(key: str) -> None:
    least = 0 if key == "prefetch_multiplier" else 1
    data = {"name": "a", "time_limit": 2, key: least}
    assert getattr(_pools.complete([data], ONCE)[0], key) == least


@pytest.mark.parametrize(
    ("kind", "limits"),
    [("prefork", {"time_limit": 60, "soft_time_limit": 59}), ("gevent", {"time_limit": 60})],
)
def test_limits_that_can_be(kind: str, limits: dict[str, int]) -> None:
    assert complete(pool=kind, **limits).time_limit == 60


@pytest.mark.parametrize(
    ("of_project", "of_pool", "prefetch", "expected"),
    [
        ("at_most_once", None, None, ("at_most_once", None)),
        ("at_least_once", None, None, ("at_least_once", 1)),
        ("at_most_once", "at_least_once", None, ("at_least_once", 1)),
        ("at_least_once", "at_most_once", None, ("at_most_once", None)),
        ("at_least_once", None, 8, ("at_least_once", 8)),
        ("at_least_once", None, 0, ("at_least_once", 0)),
    ],
)
def test_late_acknowledging_fetches_one_at_a_time(
    of_project: str,
    of_pool: str | None,
    prefetch: int | None,
    expected: tuple[str, int | None],
) -> None:
    data = {"name": "a", "delivery": of_pool, "prefetch_multiplier": prefetch}
    (pool,) = _pools.complete([data], of_project)
    assert (pool.delivery, pool.prefetch_multiplier) == expected


def test_a_stop_outlives_the_longest_task() -> None:
    assert complete(time_limit=3600).stop_timeout > 3600


@pytest.mark.parametrize(
    ("kind", "watchdog"), [("prefork", 60), ("threads", 60), ("gevent", 120), ("solo", 0)]
)
def test_the_watchdog_knows_the_kind(kind: str, watchdog: int) -> None:
    assert complete(pool=kind).watchdog == watchdog


def test_the_arguments_are_what_is_set() -> None:
    assert set(_pools.arguments(complete())) == {
        "--queues=celery",
        "--pool=prefork",
        "--loglevel=INFO",
        "--without-gossip",
        "--without-mingle",
    }
    more = complete(queues=["a", "b"], concurrency=2, time_limit=9, prefetch_multiplier=0)
    assert set(_pools.arguments(more)) - set(_pools.arguments(complete())) == {
        "--queues=a,b",
        "--concurrency=2",
        "--time-limit=9",
        "--prefetch-multiplier=0",
    }


def test_the_pools_that_were_given_stay_as_they_are() -> None:
    given: list[dict[str, Any]] = [{"name": "a", "queues": ["x"]}]
    _pools.complete(given, "at_least_once")
    assert given == [{"name": "a", "queues": ["x"]}]


def test_limits_of_the_unit_stay() -> None:
    pool = complete(nice=5, memory_max="2G", cpu_quota="150%", watchdog=20, stop_timeout=90)
    assert (pool.nice, pool.memory_max, pool.cpu_quota, pool.watchdog, pool.stop_timeout) == (
        5,
        "2G",
        "150%",
        20,
        90,
    )


def test_the_number_of_processes_can_follow_the_load() -> None:
    assert "--autoscale=8,2" in _pools.arguments(complete(autoscale={"min": 2, "max": 8}))


def test_a_pool_has_an_environment_and_arguments_of_its_own() -> None:
    pool = complete(environment={"B": 1, "A": True}, arguments=["--max-tasks-per-child=3", "-E"])
    assert pool.environment == {"A": "true", "B": "1"}
    assert _pools.arguments(pool)[-2:] == ["--max-tasks-per-child=3", "-E"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"arguments": ["-B"]}, "beat"),
        ({"arguments": ["-EB"]}, "beat"),
        ({"arguments": "--beat"}, "beat"),
        ({"environment": {"CELERY_WORKER_BEAT": 1}}, "beat"),
        ({"arguments": ["--logfile=x"]}, "--logfile=x"),
        ({"arguments": ["-D"]}, "-D"),
        ({"arguments": ["-n", "x"]}, "-n"),
        ({"arguments": ["a\nb"]}, "line break"),
        ({"environment": {"A-B": 1}}, "A-B"),
        ({"concurency": 1}, "concurency"),
        ({"autoscale": {"min": 8, "max": 2}}, "larger"),
        ({"autoscale": {"max": 2}}, "min: 2"),
        ({"autoscale": {"min": 1, "max": 2}, "concurrency": 2}, "exclude"),
        ({"autoscale": {"min": 1, "max": 2}, "pool": "threads"}, "threads"),
        ({"nice": 20}, "19"),
        ({"memory_max": "much"}, "2G"),
        ({"cpu_quota": "2"}, "50%"),
        ({"watchdog": 60, "pool": "solo"}, "watchdog"),
        ({"watchdog": 60, "pool": "gevent"}, "90"),
        ({"log_level": "LOUD"}, "LOUD"),
    ],
)
def test_slips_are_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(_pools.PoolError, match=r"celery_workers\[0\]") as caught:
        complete(**given)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 0),
        ({"delivery": "at_least_once"}, 590),
        # What ends in time is waited for.
        ({"delivery": "at_least_once", "time_limit": 60}, 0),
        ({"delivery": "at_least_once", "time_limit": 600, "stop_timeout": 60}, 50),
        # Threads cannot be given back.
        ({"delivery": "at_least_once", "pool": "threads"}, 0),
    ],
)
def test_when_a_stop_gives_tasks_back(given: dict[str, Any], seconds: int) -> None:
    assert complete(**given).requeue_after == seconds
