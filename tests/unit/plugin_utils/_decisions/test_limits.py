# SPDX-License-Identifier: GPL-3.0-or-later
"""Times that contradict each other are found before anything starts, with their numbers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import broker as _broker
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import limits
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import pools as _pools

REDIS = _broker.parse("redis://mq.example/0")
SQS = _broker.parse("sqs://")
RABBITMQ = _broker.parse("amqp://mq.example/")
FOLDER = _broker.parse("")
LATE = {"delivery": "at_least_once"}


def pools(*given: dict[str, Any]) -> list[_pools.Pool]:
    """Returns pools that are called a, b and so on."""
    return _pools.complete(
        [{"name": chr(ord("a") + number), **pool} for number, pool in enumerate(given)], "at_most_once"
    )


@pytest.mark.parametrize(
    ("given", "patience", "seconds"),
    [
        ([{}], {}, 3600),
        ([{"time_limit": 60, **LATE}], {}, 3600),
        ([{"time_limit": 60, **LATE}], {"longest_eta": 0}, 90),
        ([{"time_limit": 60, **LATE}], {"longest_eta": 600}, 630),
        ([{"time_limit": 7200, **LATE}], {}, 7230),
        ([{"time_limit": 7200, **LATE}], {"longest_eta": 10}, 7230),
        ([{"time_limit": 7200, "prefetch_multiplier": 2, **LATE}], {}, 14430),
        # Those before it in the worker alone: its own time does not count.
        ([{"time_limit": 600, "prefetch_multiplier": 1}], {"longest_eta": 0}, 30),
        ([{"time_limit": 600}], {"longest_eta": 0}, 1830),
        ([{"time_limit": 60, **LATE}, {**LATE}], {"longest_eta": 0}, 3600),
        ([{"time_limit": 7200, **LATE}], {"visibility": 8000}, 8000),
    ],
)
def test_the_visibility_timeout_follows(
    given: list[dict[str, Any]], patience: dict[str, int], seconds: int
) -> None:
    found = limits.visibility_timeout(pools(*given), limits.Patience(**patience))
    assert found == seconds
    limits.check(pools(*given), REDIS, limits.Patience(**patience))


@pytest.mark.parametrize(
    ("broker", "given", "patience", "words"),
    [
        (
            REDIS,
            {"time_limit": 600, "stop_timeout": 300},
            {},
            ["'a'", "600 s", "300 s", "stop_timeout", "at_least_once"],
        ),
        (REDIS, {"time_limit": 600, **LATE}, {"visibility": 300}, ["600 s", "300 s", "Redis"]),
        (REDIS, {}, {"visibility": 300, "longest_eta": 301}, ["301 s", "300 s", "celery_longest_eta"]),
        (SQS, {"time_limit": 600, **LATE}, {"visibility": 300}, ["600 s", "300 s", "SQS"]),
        (SQS, {"time_limit": 50000, **LATE}, {}, ["50030 s", "43200 s", "SQS"]),
        (RABBITMQ, {"time_limit": 1801, **LATE}, {}, ["1801 s", "1800 s", "celery_consumer_timeout"]),
        (
            RABBITMQ,
            {"time_limit": 1000, "prefetch_multiplier": 2, **LATE},
            {},
            ["2000 s", "time_limit 1000 s", "times 2", "1800 s"],
        ),
        (RABBITMQ, {}, {"longest_eta": 3600}, ["3600 s", "1800 s", "RabbitMQ"]),
        (FOLDER, {"prefetch_multiplier": 0, **LATE}, {}, ["prefetch_multiplier"]),
    ],
)
def test_a_chain_that_breaks_is_told_with_its_numbers(
    broker: _broker.Broker, given: dict[str, Any], patience: dict[str, int], words: list[str]
) -> None:
    with pytest.raises(limits.LimitError) as caught:
        limits.check(pools(given), broker, limits.Patience(**patience))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("broker", "given", "patience"),
    [
        # What is stopped before its end comes back.
        (REDIS, {"time_limit": 600, "stop_timeout": 60, **LATE}, {}),
        (RABBITMQ, {"time_limit": 1801, **LATE}, {"consumer": 3600}),
        (RABBITMQ, {"time_limit": 7200}, {}),
        (FOLDER, {"time_limit": 7200, **LATE}, {"longest_eta": 100000}),
    ],
)
def test_a_chain_that_holds(broker: _broker.Broker, given: dict[str, Any], patience: dict[str, int]) -> None:
    limits.check(pools(given), broker, limits.Patience(**patience))


def test_what_has_no_limit_gives_a_warning() -> None:
    late = pools({**LATE}, {**LATE, "time_limit": 5}, {})
    (text,) = limits.warnings(late, RABBITMQ, limits.Patience())
    assert "'a'" in text
    assert "1800 s" in text
    assert limits.warnings(late, FOLDER, limits.Patience()) == []
