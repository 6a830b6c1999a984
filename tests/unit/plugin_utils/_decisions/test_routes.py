# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: completed, and checked against queues and tasks."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Route
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import routes as _routes
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.routes import RouteError

KNOWN = ["orders.tasks.send", "orders.tasks.export"]
OWN = ["orders", "shop"]


def test_routes_are_completed_in_their_order() -> None:
    given: dict[str, Any] = {
        "orders.tasks.*": "mail",
        "orders.tasks.export": {"queue": "slow", "priority": "3", "rate_limit": "10/m"},
        "*": {"rate_limit": 5},
        "x": {"priority": 0},
    }
    assert _routes.complete(given) == [
        Route("orders.tasks.*", "mail"),
        Route("orders.tasks.export", "slow", 3, "10/m"),
        Route("*", rate_limit="5"),
        Route("x", priority=0),
    ]


@pytest.mark.parametrize(
    ("pattern", "value", "text"),
    [
        ("orders tasks", "mail", "no name of a task"),
        ("", "mail", "no name of a task"),
        ("a.b", "", "a route is the name of a queue"),
        ("a.b", {}, "a route is the name of a queue"),
        ("a.b", None, "a route is the name of a queue"),
        ("a.b", ["mail"], "a route is the name of a queue"),
        ("a.b", {"exchange": "x"}, "a route has no exchange"),
        ("a.b", {"priority": -1}, "priority is -1"),
        ("a.b", {"priority": 256}, "priority is 256"),
        ("a.b", {"priority": "high"}, "priority is 'high'"),
        ("a.b", {"rate_limit": "10/d"}, "rate_limit is '10/d'"),
        ("a.b", {"rate_limit": "fast"}, "10/s, 100/m or 1000/h"),
    ],
)
def test_what_is_no_route(pattern: str, value: object, text: str) -> None:
    with pytest.raises(RouteError) as caught:
        _routes.complete({pattern: value})
    assert text in str(caught.value)
    assert f"celery_task_routes: {pattern}" in str(caught.value)


def check(routes: dict[str, object]) -> None:
    """Checks routes of a project with two queues."""
    _routes.check(_routes.complete(routes), ["celery", "mail"], KNOWN, OWN)


def test_a_queue_that_no_pool_consumes() -> None:
    with pytest.raises(RouteError) as caught:
        check({"orders.tasks.*": "slow"})
    assert "no pool consumes the queue 'slow'" in str(caught.value)
    assert "celery, mail" in str(caught.value)


def test_a_task_that_is_not_there() -> None:
    with pytest.raises(RouteError, match="Did you mean orders"):
        check({"orders.tasks.sent": "mail"})
    with pytest.raises(RouteError, match="its module and its function"):
        check({"shop.xyz": "mail"})


def test_what_may_be() -> None:
    check({"orders.tasks.send": "mail", "orders.tasks.x*": "mail", "other.tasks.send": {"priority": 1}})


def test_patterns_that_nothing_is_called_like() -> None:
    routes = _routes.complete({"orders.*": "mail", "payments.*": "mail", "x": "mail"})
    assert _routes.idle(routes, KNOWN) == ["payments.*"]
