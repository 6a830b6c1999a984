# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a RabbitMQ of the inventory gets follows from the hosts that use it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import limits, rabbitmq


def plan(*hosts: dict[str, Any]) -> rabbitmq.Plan:
    """Return the plan for hosts with these variables."""
    return rabbitmq.plan([rabbitmq.needs(host) for host in hosts])


def test_the_default_queue_alone() -> None:
    """A host that says nothing has the default pool."""
    assert plan({}).queues == ["celery"]


def test_queues_of_all_hosts() -> None:
    """The queues of each pool of each host, and those that somebody else serves."""
    mail = {"celery_workers": [{"name": "mail", "queues": ["mail", "news.letters"]}]}
    other = {"celery_other_queues": ["reports"]}
    found = plan(mail, other)
    assert found.queues == ["celery", "mail", "news.letters", "reports"]
    assert found.queue_pattern == r"^(celery|mail|news\.letters|reports)$"


@pytest.mark.parametrize(
    "name",
    [
        "celery",
        "late",
        "celeriac.late.0aeeaaaf@app1",
        "celery.pidbox",
        "reply.celery.pidbox",
        "late.0aeeaaaf@app1.celery.pidbox",
        "0b6a6cf6-7b1c-3d9f.reply.celery.pidbox",
        "celeryev",
        "celeryev.0b6a6cf6-7b1c-3d9f",
        "celery_delayed_27",
        "celery_delayed_delivery",
    ],
)
def test_what_celery_may(name: str) -> None:
    """What Celery declares, writes to and reads."""
    permissions = plan({"celery_workers": [{"name": "late", "queues": ["late"]}]}).permissions
    assert all(re.search(pattern, name) for pattern in permissions.values())


@pytest.mark.parametrize("name", ["other", "celery2", "xcelery", "amq.topic", "late", ""])
def test_what_celery_may_not(name: str) -> None:
    """The queues and exchanges of others."""
    assert not any(re.search(pattern, name) for pattern in plan({}).permissions.values())


def test_dead_letters_are_read_alone() -> None:
    """Who operates it puts them back or drops them; the server's policy alone puts them there."""
    permissions = plan({}).permissions
    assert [right for right, pattern in permissions.items() if re.search(pattern, "dead-letters")] == ["read"]


def test_the_exchange_without_a_name_is_written_to_alone() -> None:
    """Letters go through it; nobody declares it or binds to it."""
    permissions = plan({}).permissions
    assert [right for right, pattern in permissions.items() if re.search(pattern, "amq.default")] == ["write"]


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 1800),
        # Early acknowledgement: nothing is held by a task.
        ({"celery_workers": [{"name": "a", "time_limit": 7200}]}, 1800),
        ({"celery_workers": [{"name": "a", "time_limit": 7200, "delivery": "at_least_once"}]}, 7230),
        ({"celery_delivery": "at_least_once", "celery_workers": [{"name": "a", "time_limit": 60}]}, 1800),
        ({"celery_longest_eta": "86400"}, 86430),
        # What the inventory says is taken as it is.
        ({"celery_longest_eta": 86400, "celery_consumer_timeout": 90000}, 90000),
        ({"celery_consumer_timeout": 600}, 600),
    ],
)
def test_consumer_timeout(variables: dict[str, Any], seconds: int) -> None:
    """As long as the pools may hold a message, RabbitMQ's own at least; or what the inventory says."""
    assert plan(variables).consumer_timeout == seconds


def test_the_longest_of_all_hosts() -> None:
    """One server serves them all."""
    slow = {"celery_workers": [{"name": "a", "time_limit": 9000, "delivery": "at_least_once"}]}
    assert plan({}, slow).consumer_timeout == 9030


def test_no_number() -> None:
    """A text that is no number is refused, with the name of its variable."""
    with pytest.raises(limits.LimitError, match="celery_longest_eta is 'soon'"):
        plan({"celery_longest_eta": "soon"})
