# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the tasks is found before a worker starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import preflight

POOL = {"name": "default", "queues": ["celery"], "delivery": "at_most_once", "time_limit": None}
JOB = {"visibility": 3600, "consumer": 1800, "own_app": False}


def transport_of(url: str) -> Any:
    """Returns the transport as kombu tells its kind; that of Sentinels is Redis."""
    scheme = url.partition(":")[0]
    return SimpleNamespace(driver_type="redis" if scheme == "sentinel" else scheme)


def app(url: str = "redis://x", **options: Any) -> Any:
    """Returns an app of which only the settings matter."""
    conf = SimpleNamespace(
        broker_url=url, broker_transport_options=options, task_time_limit=None, task_default_queue="celery"
    )
    connection = SimpleNamespace(transport=transport_of(str(conf.broker_url)))
    return SimpleNamespace(conf=conf, amqp=None, connection_for_write=lambda: connection)


def task(**given: Any) -> Any:
    """Returns a task."""
    return SimpleNamespace(**{"name": "orders.send", "time_limit": None, "acks_late": False, **given})


@pytest.mark.parametrize(
    ("url", "own", "answer"),
    [
        ("redis://x", False, 3600),
        ("redis://x", True, 7),
        ("sentinel://x", True, 7),
        ("amqp://x", False, 1800),
        ("filesystem://", False, 0),
    ],
)
def test_how_patient_the_broker_is(url: str, own: bool, answer: int) -> None:
    limit, _name = preflight.broker_patience(app(url, visibility_timeout=7), {**JOB, "own_app": own})
    assert limit == answer


@pytest.mark.parametrize(
    ("given", "pool", "words"),
    [
        ({}, {"stop_timeout": 600}, []),
        ({"time_limit": 500}, {"stop_timeout": 600}, []),
        ({"time_limit": 900}, {"stop_timeout": 600}, ["orders.send", "900 s", "600 s", "default"]),
        ({"time_limit": 900, "acks_late": True}, {"stop_timeout": 600}, []),
        ({"time_limit": 9000, "acks_late": True}, {"stop_timeout": 600}, ["9000 s", "3600 s", "twice"]),
        ({"time_limit": 9000}, {"stop_timeout": 1, "delivery": "at_least_once"}, ["9000 s", "3600 s"]),
        # The limit of the task goes before that of its pool.
        ({"time_limit": 10}, {"stop_timeout": 20, "time_limit": 30}, []),
    ],
)
def test_what_does_not_fit_is_told(given: dict[str, Any], pool: dict[str, Any], words: list[str]) -> None:
    found = preflight.problems_of(app(), task(**given), {**POOL, **pool}, 3600, "the visibility timeout")
    assert bool(found) == bool(words)
    for word in words:
        assert word in found[0]


def test_the_queue_of_a_task() -> None:
    router = SimpleNamespace(route=lambda _options, name: {"queue": SimpleNamespace(name=f"for-{name}")})
    routed = SimpleNamespace(conf=app().conf, amqp=SimpleNamespace(router=router))
    assert preflight.queue_of(routed, task()) == "for-orders.send"
    assert preflight.queue_of(routed, task(queue="mails")) == "mails"
    # A router of the project's may want more than a name.
    assert preflight.queue_of(app(), task()) == "celery"


def connection(alias: str, **options: Any) -> Any:
    """Returns a connection of which only the settings matter."""
    return SimpleNamespace(alias=alias, settings_dict={"OPTIONS": options})


HOST = {
    "pools": [
        {"name": "default", "pool": "prefork", "at_once": 4},
        {"name": "quick", "pool": "threads", "at_once": 10},
        {"name": "one", "pool": "solo", "at_once": 1},
    ],
    "generations": 2,
    "beat": True,
}


def test_what_a_host_needs_at_once() -> None:
    """Of each alias; the main process of forked ones has one too, and two generations overlap."""
    assert preflight._needed(HOST, [connection("default")]) == {
        "default": 10,
        "quick": 20,
        "one": 2,
        "beat": 1,
    }
    assert preflight._needed(HOST, [connection("default"), connection("logs")])["default"] == 20


@pytest.mark.parametrize(
    ("pool", "number"), [(True, 4), ({"min_size": 2}, 2), ({"min_size": 2, "max_size": 6}, 6)]
)
def test_threads_share_what_django_pools(pool: Any, number: int) -> None:
    assert preflight._needed(HOST, [connection("default", pool=pool)])["quick"] == 2 * number


# What RabbitMQ has of another type


class RefusedError(Exception):
    """What a broker answers to a declaration."""

    def __init__(self, reply_code: int, text: str) -> None:
        super().__init__(text)
        self.reply_code = reply_code


class AwayError(Exception):
    """A broker that does not answer."""


class Entity:
    """A queue or an exchange, as a broker takes its declaration: passively, then as it is wanted."""

    def __init__(self, name: str, passive: Exception | None = None, wanted: Exception | None = None) -> None:
        self.name = name
        self.exchange: Entity | None = None
        self.answers = {True: passive, False: wanted}
        self.declared: list[bool] = []

    def __call__(self, channel: object) -> Entity:
        """Returns itself, bound to a channel of its own."""
        assert channel is not None
        return self

    def declare(self, passive: bool) -> None:
        self.declared.append(passive)
        answer = self.answers[passive]
        if answer:
            raise answer

    queue_declare = declare


class RabbitMQ:
    """A broker that may be away."""

    channel_errors = (RefusedError,)
    connection_errors = (AwayError,)

    def __init__(self, away: bool, url: str) -> None:
        self.away = away
        self.transport = transport_of(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def ensure_connection(self, **_options: Any) -> None:
        if self.away:
            raise AwayError

    def channel(self) -> object:
        return object()


OTHER_TYPE = RefusedError(
    406, "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'old' in vhost 'shop'"
)


def queue_problems(queue: Entity, url: str = "amqp://mq.example", away: bool = False) -> list[str]:
    """Returns what is told of a queue that a pool serves."""
    broker = SimpleNamespace(
        conf=SimpleNamespace(broker_url=url),
        amqp=SimpleNamespace(queues={queue.name: queue}),
        connection_for_write=lambda **_options: RabbitMQ(away, url),
    )
    return preflight._queue_problems(broker, [{**POOL, "queues": [queue.name]}])


def test_a_queue_that_fits_is_no_problem() -> None:
    queue = Entity("celery")
    assert queue_problems(queue) == []
    assert queue.declared == [True, False]


def test_a_queue_that_is_not_there_is_not_made() -> None:
    queue = Entity("celery", passive=RefusedError(404, "NOT_FOUND - no queue 'celery' in vhost 'shop'"))
    assert queue_problems(queue) == []
    assert queue.declared == [True]


def test_a_queue_of_another_type_is_told_with_what_to_do() -> None:
    (problem,) = queue_problems(Entity("old", wanted=OTHER_TYPE))
    for words in (
        "the queue old",
        "inequivalent arg 'x-queue-type'",
        "Nothing was deleted",
        "CELERY_QUEUE_TYPE",
    ):
        assert words in problem


def test_an_exchange_of_another_type_is_told_as_well() -> None:
    queue = Entity("old")
    queue.exchange = Entity("old", wanted=RefusedError(406, "PRECONDITION_FAILED - inequivalent arg 'type'"))
    (problem,) = queue_problems(queue)
    assert "the exchange old is on the broker already" in problem
    # The exchange without a name is there always, and nobody may declare it.
    queue.exchange = Entity("", wanted=OTHER_TYPE)
    assert queue_problems(queue) == []


def test_what_the_user_may_not_is_no_other_type() -> None:
    (problem,) = queue_problems(
        Entity("old", passive=RefusedError(403, "ACCESS_REFUSED - access to queue 'old'"))
    )
    assert problem == "the broker refuses the queue old: ACCESS_REFUSED - access to queue 'old'"


def test_other_brokers_and_one_that_is_away_are_not_asked() -> None:
    old = Entity("old", wanted=OTHER_TYPE)
    assert queue_problems(old, url="redis://mq.example") == []
    assert queue_problems(old, away=True) == []
    assert old.declared == []
